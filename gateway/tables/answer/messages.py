"""The Redox messages that are understood, with their fast check and their full explanation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from gateway.core.envelope import UNREADABLE
from gateway.core.errors import Issue
from gateway.core.lenient import Lenient
from gateway.core.redox import Explanation, Kind
from gateway.tables.answer.bounds import BOUNDS
from gateway.tables.answer.message_faults import Faults
from gateway.tables.compile.lenient import lenient
from gateway.tables.compile.structs import checked
from gateway.tables.rows.paths import parse
from gateway.tables.rows.schema import Found, SchemaView

# The allow-list: (DataModel, EventType) -> the schema of schemas/redox.
EVENTS: Mapping[tuple[str, str], str] = {("Scheduling", "AvailableSlots"): "AvailableSlots"}

# The texts of a schema that say how much of something.
MEASURES: Mapping[str, frozenset[str]] = {"AvailableSlots": frozenset({"Visit.VisitPreference.Duration"})}

# The module of the ``redox`` package that has a schema's model.
MODELS: Mapping[str, str] = {"AvailableSlots": "redox.scheduling.availableslots"}

# How msgspec says where it stopped: "Expected `str`, got `int` - at `$.Visit.Reasons[0]`".
_PLACE = re.compile(r" - at `\$\.?([A-Za-z0-9_.\[\]]*)`$")
# Of an answer: so many of its slots are looked at for unknown fields, and so many bytes of one part of it.
_LOOKED_AT: Final = 100
_LOOKED_AT_BYTES: Final = 64 * 1024
_NULL: Final = msgspec.Raw(b"null")
_POSITION = re.compile(r"\[\d+\]")
_LENGTH = re.compile(r"Expected `(?:array|str)` of length <= (\d+)")


def kinds(views: Mapping[str, SchemaView]) -> dict[tuple[str, str], Kind]:
    """The fast and the full check of every event of the allow-list."""
    return {event: kind(name, views[name]) for event, name in EVENTS.items()}


def kind(name: str, view: SchemaView) -> Kind:
    """The checks for one message schema."""
    struct = checked(name, view, bounds=BOUNDS)
    faults = Faults(view, MODELS[name], name)

    def read(value: Any) -> Lenient:
        return lenient(value, view, measures=MEASURES[name])

    def complete(value: Any) -> Any:
        return msgspec.convert(value, struct)

    def explain(value: Any) -> Explanation:
        issues, more, rest = faults.explained(value)
        try:
            return Explanation(issues, more, msgspec.convert(rest, struct) if rest is not None else None)
        except (msgspec.MsgspecError, RecursionError):
            return Explanation(issues, more)

    return Kind(msgspec.json.Decoder(struct).decode, read, complete, brief, explain)


def brief(error: Exception) -> Issue:
    """What the fast check says, in our words. The names of unknown fields are the sender's own: not told."""
    said = str(error)
    place = _PLACE.search(said)
    path = place[1] if place is not None else ""
    length = _LENGTH.match(said)
    if length is not None:
        return Issue("too-long", path, f"is too long; at most {int(length[1]):,}")
    return Issue("structure", path, "does not fit Redox's schema")


def unknown_fields(view: SchemaView, name: str, list_: str) -> Callable[[bytes], dict[str, tuple[str, ...]]]:
    """A function from an answer of this schema to the names in it that the schema does not have, by the
    dotted path of what they stand in, which begins with ``name``.

    Of its ``list_`` the first items are looked at: what Redox adds stands in all of them. Of an answer, or a
    part of one, that cannot be read, nothing is said.
    """
    fields = [("Meta", msgspec.Raw, _NULL), (list_, list[msgspec.Raw], ())]
    kind: Any = msgspec.defstruct("Known", fields, forbid_unknown_fields=True)
    known = msgspec.json.Decoder(kind).decode
    looks = {path: _unknown_below(view, path) for path in ("Meta", list_)}

    def found(answer: bytes) -> dict[str, tuple[str, ...]]:
        names: dict[str, tuple[str, ...]] = {}
        try:
            read = known(answer)
            parts = {"Meta": [read.Meta], list_: getattr(read, list_)}
        except msgspec.ValidationError:
            parts, names[name] = _taken_apart(answer, view, list_)
        except UNREADABLE:
            return {}
        for path, look in looks.items():
            for text in parts[path][:_LOOKED_AT]:
                for below, more in look(text).items():
                    at = ".".join(each for each in (name, path, _POSITION.sub("", below)) if each)
                    names[at] = tuple(dict.fromkeys((*names.get(at, ()), *more)))
        return {path: each for path, each in names.items() if each}

    return found


def _taken_apart(
    answer: bytes, view: SchemaView, list_: str
) -> tuple[dict[str, list[msgspec.Raw]], tuple[str, ...]]:
    """The parts of an answer that is not as its schema has it, and the names of others that it has."""
    parts: dict[str, list[msgspec.Raw]] = {"Meta": [], list_: []}
    try:
        fields = msgspec.json.decode(answer, type=dict[str, msgspec.Raw])
        parts["Meta"] = [fields.get("Meta", _NULL)]
        parts[list_] = msgspec.json.decode(fields.get(list_, _NULL), type=list[msgspec.Raw] | None) or []
    except UNREADABLE:
        return parts, ()
    return parts, tuple(each for each in fields if each not in view.children(view.root))


def _unknown_below(view: SchemaView, path: str) -> Callable[[msgspec.Raw], Mapping[str, tuple[str, ...]]]:
    """What a node of a schema, or an item of it, does not have."""
    found = view.find(parse(path))
    below = found.schema if isinstance(found, Found) else None
    strict = msgspec.json.Decoder(checked("Part", view, below)).decode

    def look(text: msgspec.Raw) -> Mapping[str, tuple[str, ...]]:
        try:
            strict(text)
        except UNREADABLE:
            if len(memoryview(text)) <= _LOOKED_AT_BYTES:
                return lenient(msgspec.json.decode(text), view, below).passed_over
        return {}

    return look
