"""A JSON Schema as the tables need it: which fields are where, and of what kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.tables.rows.paths import Path, Where

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A path that leaves the schema: the step that does, what it stands below, and what is there."""

    step: int
    name: str
    parent: str
    known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Where a path ends: the schema there, whether each step is a list, and if more than one value
    can come out."""

    schema: Schema
    lists: tuple[bool, ...]
    many: bool

    @property
    def kind(self) -> str:
        """``object``, ``string``, ``number``, ``integer``, ``boolean`` or ``any``."""
        return kind_of(self.schema)


class SchemaView:
    """One document of ``schemas/``, read by path."""

    def __init__(self, document: Schema) -> None:
        self._document = document
        self._defs: dict[str, Schema] = document.get("$defs", {})
        self.root = document

    def resolve(self, schema: Schema) -> Schema:
        """Follows ``$ref`` and drops the ``null`` of an optional field."""
        while True:
            if "$ref" in schema:
                reference = schema["$ref"]
                schema = self._document if reference == "#" else self._defs[reference.rsplit("/", 1)[-1]]
            elif "anyOf" in schema:
                options = [each for each in schema["anyOf"] if each.get("type") != "null"]
                if len(options) != 1:
                    return {}
                schema = options[0]
            else:
                return schema

    def nullable(self, schema: Schema) -> bool:
        """True if the field may be an explicit ``null``."""
        kinds = schema.get("type", ())
        return (
            "null" in kinds
            if isinstance(kinds, list)
            else any(each.get("type") == "null" for each in schema.get("anyOf", ()))
        )

    def children(self, schema: Schema) -> dict[str, Schema]:
        """The properties of an object schema."""
        found: dict[str, Schema] = self.resolve(schema).get("properties", {})
        return found

    def item(self, schema: Schema) -> Schema | None:
        """The schema of a list's items, or None where it is not a list."""
        schema = self.resolve(schema)
        return schema.get("items", {}) if schema.get("type") == "array" else None

    def compound(self, schema: Schema) -> bool:
        """Whether a list or an object stands there, so that a null of Redox's means that it is not set."""
        return self.item(schema) is not None or bool(self.children(schema))

    def find(self, path: Path, below: Path | None = None) -> Found | Unknown:
        """Walks ``path`` from the root (or from where ``below`` ends)."""
        start = self.root
        if below is not None:
            base = self.find(below)
            if isinstance(base, Unknown):
                return base
            start = base.schema
        lists: list[bool] = []
        many = False
        for position, step in enumerate(path.steps):
            children = self.children(start)
            if step.name not in children:
                return Unknown(position, step.name, _text(path, position), tuple(children))
            start = self.resolve(children[step.name])
            item = self.item(start)
            lists.append(item is not None)
            if item is not None:
                start = self.resolve(item)
                many = many or not any(isinstance(narrow, int) for narrow in step.narrow)
            for narrow in step.narrow:
                if isinstance(narrow, Where) and narrow.name not in self.children(start):
                    return Unknown(
                        position, narrow.name, _text(path, position + 1), tuple(self.children(start))
                    )
        return Found(start, tuple(lists), many)

    def leaves(self, schema: Schema | None = None, prefix: str = "") -> Iterator[str]:
        """The dotted names of every field that is not an object, lists not marked."""
        for name, child in self.children(schema if schema is not None else self.root).items():
            inner = self.item(child)
            target = self.resolve(inner) if inner is not None else self.resolve(child)
            dotted = f"{prefix}{name}"
            if target.get("type") == "object" and "properties" in target:
                yield from self.leaves(target, dotted + ".")
            else:
                yield dotted


def repeated(path: Path, found: Found) -> str:
    """The repeated part that a path goes through: up to its first list, unless that is its end."""
    for position, is_list in enumerate(found.lists[:-1]):
        if is_list:
            return ".".join(step.name for step in path.steps[: position + 1])
    return ""


def kind_of(schema: Schema) -> str:
    """The JSON type of a resolved schema beside ``null``, ``any`` where it names none."""
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        kinds = [each for each in kind if each != "null"]
        return str(kinds[0]) if len(kinds) == 1 else "any"
    return str(kind)


def _text(path: Path, count: int) -> str:
    return ".".join(step.name for step in path.steps[:count])
