"""The Redox messages that are understood, with their fast check and their full explanation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.core.errors import Issue
from gateway.core.lenient import Lenient
from gateway.core.redox import Explanation, Kind
from gateway.tables.answer.bounds import BOUNDS
from gateway.tables.answer.message_faults import Faults
from gateway.tables.compile.lenient import lenient
from gateway.tables.compile.structs import checked
from gateway.tables.rows.schema import SchemaView

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

    def read(value: Any) -> Lenient:
        return lenient(value, view)

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
