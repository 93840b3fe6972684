"""Typed decoders that hold just the fields which rows read, made from paths and a schema.

What no row reads is skipped by the decoder without ever becoming a Python object.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from gateway.tables.rows.paths import Path, Where
from gateway.tables.rows.schema import Schema, SchemaView, kind_of

_KINDS: dict[str, Any] = {
    "string": str,
    "number": float,
    "integer": int,
    "boolean": bool,
    "any": Any,
    "object": dict[str, Any],
}


class _Fields:
    """The fields that the paths need, as a tree."""

    def __init__(self) -> None:
        self.children: dict[str, _Fields] = {}
        self.required = False

    def add(self, path: Path, required: bool) -> None:
        here = self
        for step in path.steps:
            here = here.children.setdefault(step.name, _Fields())
            here.required = here.required or (required and not step.narrow)
            for narrow in step.narrow:
                if isinstance(narrow, Where):
                    here.children.setdefault(narrow.name, _Fields())


def attribute(name: str) -> str:
    """The attribute under which a struct keeps a field."""
    return f"{name}_" if keyword.iskeyword(name) else name


def struct(
    name: str,
    paths: Iterable[tuple[Path, bool]],
    view: SchemaView,
    below: Schema | None = None,
    tag: str | None = None,
) -> type[msgspec.Struct]:
    """A Struct that holds what ``paths`` (with: is it required) read below a schema node.

    ``tag``: the resource type that ``resourceType`` must say. A required field that is absent or
    null makes the decoder refuse the whole object.
    """
    tree = _Fields()
    for path, required in paths:
        tree.add(path, required)
    made = _struct(name, tree, below if below is not None else view.root, view, tag)
    return made


def _struct(
    name: str, tree: _Fields, schema: Schema, view: SchemaView, tag: str | None = None
) -> type[msgspec.Struct]:
    children = view.children(schema)
    required: list[tuple[str, Any]] = []
    optional: list[tuple[str, Any, Any]] = []
    renamed: dict[str, str] = {}
    for field, below in tree.children.items():
        kind = _type(f"{name}_{field}", below, children[field], view)
        attr = attribute(field)
        if attr != field:
            renamed[attr] = field
        if below.required:
            required.append((attr, kind))
        else:
            optional.append((attr, kind | None, None))
    return msgspec.defstruct(
        name,
        [*required, *optional],
        tag=tag,
        tag_field="resourceType" if tag else None,
        rename=renamed or None,
        gc=False,
        module=__name__,
    )


def _type(name: str, tree: _Fields, schema: Schema, view: SchemaView) -> Any:
    item = view.item(schema)
    target = view.resolve(item if item is not None else schema)
    kind: Any = _struct(name, tree, target, view) if tree.children else _KINDS[kind_of(target)]
    if item is None:
        return kind
    return list[kind] if kind is Any else list[kind | None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a message may be in its parts, by their dotted names: the items of a list, the characters of a
    text. None for a text that may be of any length."""

    items: Callable[[str], int]
    characters: Callable[[str], int | None]


def checked(
    name: str,
    view: SchemaView,
    below: Schema | None = None,
    *,
    strict: bool = True,
    bounds: Bounds | None = None,
    without: Collection[str] = (),
) -> type[msgspec.Struct]:
    """A Struct for *every* field of a schema (or of a node of it): what it accepts is what the schema does.

    Unknown fields are refused, as the schema's ``additionalProperties: false`` says; not ``strict``: they
    are passed over, and so are not there when the object is encoded again. Those ``without`` which it is
    made, by their dotted names, are unknown to it. What is beyond ``bounds`` is refused, too.
    """
    made: dict[str, Any] = {}

    def build(label: str, schema: Schema, path: str = "") -> Any:
        item = view.item(schema)
        if item is not None:
            listed: Any = list[build(label, item, path)]  # type: ignore[misc]
            return _at_most(listed, bounds.items(path) if bounds is not None else None)
        target = view.resolve(schema)
        kind = kind_of(target)
        if kind != "object" or "properties" not in target:
            longest = bounds.characters(path) if bounds is not None and kind == "string" else None
            return _at_most(_KINDS[kind], longest)
        if label in made:
            return made[label]
        needed = set(target.get("required", ()))
        required: list[tuple[str, Any]] = []
        optional: list[tuple[str, Any, Any]] = []
        for field, child in view.children(target).items():
            at = f"{path}.{field}" if path else field
            if at in without:
                continue
            inner = build(f"{label}_{field}", child, at)
            if view.nullable(child) and inner is not Any:
                inner = inner | None
            if field in needed:
                required.append((field, inner))
            else:
                # Absent and null mean the same to the rows, so both become None.
                optional.append((field, inner, None))
        made[label] = msgspec.defstruct(
            label,
            [*required, *optional],
            forbid_unknown_fields=strict,
            omit_defaults=not strict,
            gc=False,
            module=__name__,
        )
        return made[label]

    found: type[msgspec.Struct] = build(name, below if below is not None else view.root)
    return found


def _at_most(kind: Any, length: int | None) -> Any:
    return Annotated[kind, msgspec.Meta(max_length=length)] if length is not None else kind
