"""A JSON value as a schema has it, where what was sent can mean one thing only.

Redox adds fields within months and still sends retired ones; it writes null for parts that are not set, and
senders write numbers where its schema has texts. All of that can be read, and so it is, by one reader for
messages, answers and what passes from Redox to Redox.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from gateway.core.lenient import Lenient
from gateway.tables.rows.schema import Schema, SchemaView, kind_of

T = TypeVar("T")

_MOST_BYTES: Final = 64 * 1024  # of one slot: what is longer is no slot that anybody means
_MOST_WHOLE: Final = 10**15  # of a number with a point in it: below, all of its digits are known
_NUMBER: Final = re.compile(r"\s*(-?[0-9]{1,15})(\.[0-9]{1,15})?\s*", re.ASCII)
_POSITION: Final = re.compile(r"\[\d+\]")
_WORDS: Final = {"true": True, "false": False}


def lenient(
    value: Any, view: SchemaView, schema: Schema | None = None, measures: Collection[str] = ()
) -> Lenient:
    """``value``, read by the whole schema or by a node of it. ``measures``: the texts in it, by their dotted
    names, that say how much of something, so that 1.5 and 1.50 are one.

    What the schema does not have is left out, and so is null where a list, an object or an item of a list is
    meant. A whole number in the place of a text is that text, and any number in that of a measure; digits in
    the place of a number, and "true" or "false" in the place of one of these, are just that. Whatever else
    does not fit stays, to be refused.
    """
    reading = _Reading(view, measures)
    found = reading.of(value, schema if schema is not None else view.root, "")
    return Lenient(found, reading.passed_over, reading.moved)


def decoder(kind: type[T], view: SchemaView, schema: Schema | None) -> Callable[[bytes | msgspec.Raw], T]:
    """A decoder of JSON texts for that type, which holds what the node of the schema has or a part of it.
    Only what it refuses is read leniently. It raises what msgspec does."""
    strict = msgspec.json.Decoder(kind).decode

    def decode(text: bytes | msgspec.Raw) -> T:
        try:
            return strict(text)
        except msgspec.ValidationError:
            if len(memoryview(text)) > _MOST_BYTES:
                raise
        return strict(msgspec.json.encode(lenient(msgspec.json.decode(text), view, schema).value))

    return decode


def converter(kind: type[T], view: SchemaView, schema: Schema | None) -> Callable[[Any], T]:
    """As :func:`decoder`, of JSON values."""

    def convert(value: Any) -> T:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError:
            return msgspec.convert(lenient(value, view, schema).value, kind)

    return convert


@dataclass(slots=True)
class _Reading:
    view: SchemaView
    measures: Collection[str] = ()
    passed_over: dict[str, tuple[str, ...]] = field(default_factory=dict)
    moved: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def of(self, value: Any, schema: Schema, path: str) -> Any:
        item = self.view.item(schema)
        if item is not None:
            return self._list(value, item, path) if isinstance(value, list) else value
        children = self.view.children(schema)
        if children:
            return self._object(value, children, path) if isinstance(value, dict) else value
        if isinstance(value, float) and not value.is_integer() and _POSITION.sub("", path) in self.measures:
            return _measure(value)
        return _plain(value, kind_of(self.view.resolve(schema)))

    def _list(self, value: list[Any], item: Schema, path: str) -> list[Any]:
        kept = [position for position, each in enumerate(value) if each is not None]
        if len(kept) < len(value):
            self.moved[path] = tuple(kept)
        return [self.of(value[each], item, f"{path}[{number}]") for number, each in enumerate(kept)]

    def _object(self, value: dict[str, Any], children: dict[str, Schema], path: str) -> dict[str, Any]:
        unknown = tuple(name for name in value if name not in children)
        if unknown:
            self.passed_over[path] = unknown
        return {
            name: self.of(each, children[name], f"{path}.{name}" if path else name)
            for name, each in value.items()
            if name in children and (each is not None or not self.view.compound(children[name]))
        }


def _plain(value: Any, kind: str) -> Any:
    if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return _text(value)
    if not isinstance(value, str):
        return value
    if kind in ("number", "integer") and (found := _NUMBER.fullmatch(value)):
        fraction = (found[2] or "").strip(".0")
        return float(value) if fraction else int(found[1])
    if kind == "boolean":
        return _WORDS.get(value.strip().lower(), value)
    return value


def _measure(value: float) -> Any:
    """The text of a number that is written without an exponent."""
    text = repr(value)
    return text if _NUMBER.fullmatch(text) else value


def _text(value: float) -> Any:
    """The text of a whole number, as 30.0 is one. Of others the digits may differ: 1.10 is 1.1."""
    if isinstance(value, int):
        return str(value)
    return str(int(value)) if value.is_integer() and abs(value) < _MOST_WHOLE else value
