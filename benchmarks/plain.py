"""The yardstick: the job written out slowly and plainly, with ``datetime`` and nothing clever.

What the job is. From each schedule's Bundle keep the Slots that are free, are of the schedule that was
asked, and start within the half-open window; a second Slot of the same schedule, start and length is left
out. One ``AvailableSlots`` entry each: ``DateTime`` in UTC with milliseconds (cut, not rounded),
``Duration`` in minutes of ``end - start``, ``ID`` the Slot's own (its ``identifier`` of ``urn:redox:slot``,
else its ``id``) or one of schedule, start and minutes, ``Reason`` and ``Notes`` where the Slot has
``appointmentType.text`` and ``comment``, and the directory's blocks. Order: time, then the case's order of
schedules, then as they came. ``Meta`` is echoed with the response's event type and the time of the answer.

A Slot that breaks its schema in a field that is read, or does not last 1 to 1440 whole minutes, is left
out and ``Meta.IsIncomplete`` is true; so it is when a Bundle holds open Slots of other schedules and no Slot
beside them: that answers another question. Entries of other types are passed over. A body that is no Bundle
raises :class:`ValueError`.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.bundles import Case, Searched

SLOT_SYSTEM = "urn:redox:slot"

# FHIR R4 `instant`, but for the first and the last year, which an offset could push over the edge. A leap
# second is the first moment of the next minute.
DAY = r"(?!000[01]|9999)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
INSTANT = re.compile(f"{DAY}T{TIME}{ZONE}")


class Malformed(Exception):
    """The Slot cannot be read."""


class Stray(Exception):
    """The Slot is of another schedule than was asked for."""


def answer(case: Case, *, window: bool = True, doubles: bool = True, order: bool = True) -> dict[str, Any]:
    """The Redox answer as a plain value; a false flag leaves that step out, as some programs must."""
    incomplete = False
    found: list[tuple[tuple[str, int], dict[str, Any]]] = []
    for place, searched in enumerate(case.schedules):
        seen: set[tuple[str, int]] = set()
        strays = others = 0
        for resource in _slots(searched.bundle):
            try:
                slot = _read(resource, searched, case if window else None)
            except Malformed:
                incomplete = True
                continue
            except Stray:
                strays += 1
                continue
            others += isinstance(resource, dict) and resource["resourceType"] == "Slot"
            if slot is None or (doubles and (slot["DateTime"], slot["Duration"]) in seen):
                continue
            seen.add((slot["DateTime"], slot["Duration"]))
            found.append(((slot["DateTime"], place), slot))
        incomplete = incomplete or (strays > 0 and not others)
    if order:
        found.sort(key=lambda pair: pair[0])
    return {"Meta": meta(case, incomplete), "AvailableSlots": [slot for _, slot in found]}


def meta(case: Case, incomplete: bool) -> dict[str, Any]:
    """The request's Meta as the answer carries it."""
    echoed = {**case.meta, "EventType": "AvailableSlotsResponse", "EventDateTime": utc_text(case.now)}
    return {**echoed, "IsIncomplete": True} if incomplete else echoed


def utc_text(moment: datetime) -> str:
    """``2023-09-21T15:45:00.000Z``: UTC, with milliseconds, cut."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def slot_id(schedule: str, start: datetime, minutes: int) -> str:
    """The ID of a slot that its EHR gave none: ``<schedule>~2023-09-21T15:45:00.000Z~20``."""
    return f"{schedule}~{utc_text(start)}~{minutes}"


def _slots(bundle: bytes) -> list[Any]:
    message = json.loads(bundle)
    if not isinstance(message, dict) or message.get("resourceType") != "Bundle":
        raise ValueError("The body is not a FHIR Bundle.")
    entries = message.get("entry", [])
    if not isinstance(entries, list):
        raise ValueError("Bundle.entry is not a list.")
    return [entry.get("resource") if isinstance(entry, dict) else None for entry in entries]


def _read(resource: Any, searched: Searched, asked: Case | None) -> dict[str, Any] | None:
    if not isinstance(resource, dict):
        raise Malformed
    kind = resource.get("resourceType")
    if kind != "Slot":
        if isinstance(kind, str):
            return None
        raise Malformed
    schedule = resource.get("schedule")
    reference = schedule.get("reference") if isinstance(schedule, dict) else None
    status, start, end = resource.get("status"), resource.get("start"), resource.get("end")
    if not all(isinstance(text, str) for text in (reference, status, start, end)):
        raise Malformed
    own, reason, notes = _optional(resource)
    if status != "free":
        return None
    if reference not in (searched.schedule, f"Schedule/{searched.schedule}"):
        raise Stray
    starts, ends = _instant(str(start)), _instant(str(end))
    minutes, rest = divmod(ends - starts, timedelta(minutes=1))
    if not 1 <= minutes <= 1440 or rest:
        raise Malformed
    if asked is not None and not asked.start <= starts < asked.end:
        return None
    return {
        "DateTime": utc_text(starts),
        "Duration": minutes,
        "ID": own or slot_id(searched.schedule, starts, minutes),
        **({"Reason": reason} if reason else {}),
        **({"Notes": notes.split("\n")} if notes else {}),
        "Provider": searched.provider,
        "Location": searched.location,
    }


def _optional(resource: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """The Slot's own ID, its reason and its notes; each is None or text, whatever the Slot's status."""
    of_redox = None
    for identifier in _typed(resource, "identifier", list) or ():
        if identifier is None:
            continue
        if not isinstance(identifier, dict):
            raise Malformed
        system, value = _typed(identifier, "system", str), _typed(identifier, "value", str)
        if of_redox is None and system == SLOT_SYSTEM:
            of_redox = value
    own = of_redox or _typed(resource, "id", str)
    reason = _typed(_typed(resource, "appointmentType", dict) or {}, "text", str)
    return own, reason, _typed(resource, "comment", str)


def _typed(within: dict[str, Any], name: str, kind: type) -> Any:
    value = within.get(name)
    if value is not None and not isinstance(value, kind):
        raise Malformed
    return value


def _instant(text: str) -> datetime:
    if not INSTANT.fullmatch(text):
        raise Malformed
    leap = text[17:19] == "60"
    try:
        moment = datetime.fromisoformat(f"{text[:17]}00{text[19:]}" if leap else text)
        moment = moment.astimezone(UTC) + timedelta(minutes=leap)
    except (ValueError, OverflowError):
        raise Malformed from None
    return moment.replace(microsecond=0 if leap else moment.microsecond // 1000 * 1000)
