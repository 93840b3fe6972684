"""Bundles with something wrong in them. Pure: takes a right one, gives a spoilt one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.sandbox.faults import Fault

Json = dict[str, Any]


def spoilt(found: Json, fault: Fault, *, own_url: str, other_schedule: str) -> Json:
    """``found`` with the fault in it; unchanged if the fault is not one of content.

    ``own_url`` is the relative URL of this page, ``other_schedule`` an id that was not asked for.
    """
    if fault.kind == "foreign-next":
        return _with_next(found, fault.url)
    if fault.kind == "loop-next":
        return _with_next(found, own_url)
    if fault.kind == "wrong-schedule":
        reference = f"Schedule/{other_schedule}"
        return _changed(
            found, lambda _, slot: slot | {"schedule": slot["schedule"] | {"reference": reference}}
        )
    spoil = _SPOILERS.get(fault.kind)
    return found if spoil is None else spoil(found)


def _with_next(found: Json, url: str) -> Json:
    others = [link for link in found.get("link", []) if link["relation"] != "next"]
    return found | {"link": [*others, {"relation": "next", "url": url}]}


def _changed(found: Json, change: Callable[[int, Json], Json]) -> Json:
    entries = found.get("entry", [])
    changed = [entry | {"resource": change(index, entry["resource"])} for index, entry in enumerate(entries)]
    return found | {"entry": changed} if entries else found


def _no_entry(found: Json) -> Json:
    return {key: value for key, value in found.items() if key != "entry"}


def _duplicate(found: Json) -> Json:
    return found | {"entry": [entry for entry in found.get("entry", []) for _ in range(2)]}


def _busy(found: Json) -> Json:
    return _changed(found, lambda index, slot: slot | {"status": "busy"} if index % 2 else slot)


def _malformed(found: Json) -> Json:
    """The extra slot comes first, so that a reader that stops at it loses all the others."""
    entries = found.get("entry", [])
    model = entries[0]["resource"] if entries else {"resourceType": "Slot", "status": "free"}
    return found | {"entry": [{"resource": model | {"start": "around ten in the morning"}}, *entries]}


_SPOILERS: dict[str, Callable[[Json], Json]] = {
    "no-entry": _no_entry,
    "duplicate": _duplicate,
    "busy-slots": _busy,
    "malformed-slot": _malformed,
}
