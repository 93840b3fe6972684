"""The Redox messages that are understood, with their fast check and their full explanation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.core.errors import Issue
from gateway.core.redox import Explanation, Kind
from gateway.tables.answer.bounds import BOUNDS
from gateway.tables.answer.message_faults import Faults
from gateway.tables.compile.structs import checked
from gateway.tables.rows.schema import Schema, SchemaView

# The allow-list: (DataModel, EventType) -> the schema of schemas/redox.
EVENTS: Mapping[tuple[str, str], str] = {("Scheduling", "AvailableSlots"): "AvailableSlots"}

# The module of the ``redox`` package that has a schema's model.
MODELS: Mapping[str, str] = {"AvailableSlots": "redox.scheduling.availableslots"}

# How msgspec says where it stopped: "Expected `str`, got `int` - at `$.Visit.Reasons[0]`".
_PLACE = re.compile(r" - at `\$\.?([A-Za-z0-9_.\[\]]*)`$")
_LENGTH = re.compile(r"Expected `(?:array|str)` of length <= (\d+)")


def kinds(views: Mapping[str, SchemaView]) -> dict[tuple[str, str], Kind]:
    """The fast and the full check of every event of the allow-list."""
    return {event: kind(name, views[name]) for event, name in EVENTS.items()}


def kind(name: str, view: SchemaView) -> Kind:
    """The checks for one message schema."""
    struct = checked(name, view, bounds=BOUNDS)
    faults = Faults(view, MODELS[name], name)

    def complete(value: Any) -> Any:
        return msgspec.convert(without_unset(value, view.root, view), struct)

    def explain(value: Any) -> Explanation:
        issues, more, rest = faults.explained(value)
        try:
            return Explanation(issues, more, msgspec.convert(rest, struct) if rest is not None else None)
        except (msgspec.MsgspecError, RecursionError):
            return Explanation(issues, more)

    return Kind(msgspec.json.Decoder(struct).decode, complete, brief, explain)


def brief(error: Exception) -> Issue:
    """What the fast check says, in our words. The names of unknown fields are the sender's own: not told."""
    said = str(error)
    place = _PLACE.search(said)
    path = place[1] if place is not None else ""
    length = _LENGTH.match(said)
    if length is not None:
        return Issue("too-long", path, f"is too long; at most {int(length[1]):,}")
    return Issue("structure", path, "does not fit Redox's schema")


def without_unset(value: Any, schema: Schema, view: SchemaView) -> Any:
    """The value without the nulls that Redox writes for lists and objects that are not set.

    The published schema allows null for plain fields only, the traffic has it for any.
    """
    item = view.item(schema)
    if isinstance(value, list) and item is not None:
        return [without_unset(each, item, view) for each in value]
    children = view.children(schema)
    if not isinstance(value, dict) or not children:
        return value
    required = view.resolve(schema).get("required", ())
    kept = {}
    for name, each in value.items():
        child = children.get(name)
        if each is None and child is not None and name not in required and view.compound(child):
            continue
        kept[name] = without_unset(each, child, view) if child is not None else each
    return kept
