"""Scheduling.AvailableSlots as a simulated EHR behind Redox answers it. Pure.

Times, providers, places and durations are honoured; the preferred days and times are not (what an
EHR makes of them is its own affair), and nothing of the patient is looked at.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from pydantic import ValidationError
from redox.scheduling.availableslots import AvailableSlots

from gateway.sandbox.clinic import Clinic, OpenSlot, Person, Schedule

Json = dict[str, Any]

DEFAULT_DAYS = 7
MAX_DAYS = 366
DEFAULT_MINUTES = 20
MAX_MINUTES = 1440
_UNITS = {"": 1, "min": 1, "mins": 1, "minute": 1, "minutes": 1, "hour": 60, "hours": 60}


class QueryRefused(Exception):
    """The query is answered with this status and one ``Meta.Errors`` item per text."""

    def __init__(self, status: int, *texts: str, type: str = "message", module: str = "DataModels") -> None:
        super().__init__("; ".join(texts))
        self.status = status
        self.errors = [error_item(text, type=type, module=module) for text in texts]


@dataclass(frozen=True, slots=True)
class Style:
    """How answers are spelt. ``event_type``: documented with ``Response``, recorded without.

    ``zone``: None for UTC with a ``Z``; else times are in that zone, with an offset that has no colon.
    """

    event_type: str = "AvailableSlotsResponse"
    zone: tzinfo | None = None


def error_item(text: str, *, type: str, module: str) -> Json:
    return {"ID": zlib.crc32(text.encode()), "Text": text, "Type": type, "Module": module}


def check(message: object) -> Json:
    """The message, if it is a valid AvailableSlots query to exactly one destination.

    Raises QueryRefused: 400 with every fault of the schema, 403 for another data model or event.
    """
    meta = message.get("Meta") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(meta, dict):
        raise QueryRefused(400, "Meta is required")
    event = (meta.get("DataModel"), meta.get("EventType"))
    if None in event:
        raise QueryRefused(400, "Meta.DataModel and Meta.EventType are required")
    if event != ("Scheduling", "AvailableSlots"):
        raise QueryRefused(
            403, "this destination answers Scheduling.AvailableSlots only", module="Subscriptions"
        )
    try:
        AvailableSlots.model_validate(message)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise QueryRefused(400, *faults) from error
    destinations = meta.get("Destinations") or []
    if len(destinations) != 1 or not destinations[0].get("ID"):
        raise QueryRefused(400, "a query has exactly one destination: Meta.Destinations[0].ID")
    return message


def answer(clinic: Clinic, query: Json, now: datetime, style: Style) -> Json:
    """The response to a checked query: Meta echoed, slots by time, then by provider.

    Raises QueryRefused, 400, for times or lengths that cannot be read.
    """
    start, end = _window(query, clinic.zone)
    visit = query.get("Visit") or {}
    found = [
        (slot, schedule, minutes)
        for schedule in clinic.schedules
        if _matches(schedule, visit)
        for minutes in _lengths(visit)
        for slot in _slots(clinic, schedule, start, end, minutes)
    ]
    found.sort(key=lambda each: (each[0].start.astimezone(UTC), each[1].person.family, each[1].id, each[2]))
    return {
        "Meta": query["Meta"] | {"EventType": style.event_type, "EventDateTime": _time(now, Style())},
        "AvailableSlots": [_slot(slot, schedule, minutes, style) for slot, schedule, minutes in found],
    }


def _window(query: Json, zone: tzinfo) -> tuple[datetime, datetime]:
    start = _instant(query, "StartDateTime", zone)
    end = (
        _instant(query, "EndDateTime", zone)
        if query.get("EndDateTime")
        else start + timedelta(days=DEFAULT_DAYS)
    )
    if not timedelta(0) < end - start <= timedelta(days=MAX_DAYS):
        raise QueryRefused(400, f"EndDateTime: after StartDateTime, by at most {MAX_DAYS} days")
    return start, end


def _instant(query: Json, name: str, zone: tzinfo) -> datetime:
    """UTC. A time without an offset is in the source's zone, which here is the clinic's."""
    try:
        told = datetime.fromisoformat(query[name])
        utc = (told if told.tzinfo else told.replace(tzinfo=zone)).astimezone(UTC)
        if 1900 <= utc.year <= 2200:  # keeps every later sum inside what datetime can hold
            return utc
    except (ValueError, OverflowError):
        pass
    raise QueryRefused(400, f"{name}: not an ISO 8601 time")


def _slots(
    clinic: Clinic, schedule: Schedule, start: datetime, end: datetime, minutes: int
) -> Iterable[OpenSlot]:
    first, last = start.astimezone(clinic.zone).date(), end.astimezone(clinic.zone).date()
    for slot in clinic.slots(schedule, first, last + timedelta(days=1), minutes):
        if start <= slot.start < end:
            yield slot


def _lengths(visit: Json) -> list[int]:
    """The distinct lengths that the preferences name, in minutes; 20 if they name none."""
    lengths: set[int] = set()
    for index, preference in enumerate(visit.get("VisitPreference") or []):
        told = preference.get("Duration")
        if not told:
            continue
        unit = _UNITS.get((preference.get("DurationUnit") or "").lower())
        # The model takes a bare number for the string; the schema that is published does not.
        whole = isinstance(told, str) and re.fullmatch("[0-9]{1,4}", told)
        if unit is None or not whole or not 0 < int(told) * unit <= MAX_MINUTES:
            raise QueryRefused(
                400, f"Visit.VisitPreference[{index}].Duration: not a number of minutes or hours"
            )
        lengths.add(int(told) * unit)
    return sorted(lengths) or [DEFAULT_MINUTES]


def _matches(schedule: Schedule, visit: Json) -> bool:
    """Any of the providers and any of the locations; what is empty asks for nothing."""
    providers = [each for each in visit.get("AttendingProviders") or [] if _is_told(each)]
    locations = [each for each in visit.get("Locations") or [] if _is_told(each)]
    at_provider = any(
        _is_person(schedule.person, each) and _is_place(schedule, each.get("Location") or {})
        for each in providers
    )
    return (at_provider or not providers) and (
        any(_is_place(schedule, each) for each in locations) or not locations
    )


def _is_told(asked: Mapping[str, Any]) -> bool:
    told = [asked.get(name) for name in ("ID", "FirstName", "LastName", "Facility", "Department", "Room")]
    return any(told) or bool(asked.get("Location") and _is_told(asked["Location"]))


def _is_person(person: Person, asked: Mapping[str, Any]) -> bool:
    if asked.get("ID"):
        own_id, own_type = _provider_id(person)
        asked_type = asked.get("IDType") or own_type
        return bool(own_id == asked["ID"] and asked_type.upper() == own_type.upper())
    return _same(asked.get("LastName"), person.family) and _same(asked.get("FirstName"), person.given)


def _is_place(schedule: Schedule, asked: Mapping[str, Any]) -> bool:
    place = schedule.place
    return (
        _same(asked.get("Facility"), place.name, place.alias)
        and _same(asked.get("Department"), schedule.department)
        and _same(asked.get("Room"), schedule.room)
        and _same(asked.get("ID"), place.id, str(place.number))
    )


def _same(asked: str | None, *own: str) -> bool:
    """Whether it is one of ours in any letter case; nothing asked fits everything."""
    return not asked or asked.strip().casefold() in (each.casefold() for each in own)


def _provider_id(person: Person) -> tuple[str, str]:
    return (person.npi, "NPI") if person.npi is not None else (person.other_id or (person.id, "Internal"))


def _time(instant: datetime, style: Style) -> str:
    if style.zone is None:
        return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return instant.astimezone(style.zone).strftime("%Y-%m-%dT%H:%M:%S.000%z")


def _slot(slot: OpenSlot, schedule: Schedule, minutes: int, style: Style) -> Json:
    name = f"{schedule.id}|{slot.start.astimezone(UTC).isoformat()}|{minutes}"
    return {
        "ID": hashlib.sha256(name.encode()).hexdigest()[:20],
        "DateTime": _time(slot.start, style),
        "Duration": minutes,
        "Reason": None,
        "Notes": [],
        "Provider": _provider(schedule),
        "Location": _location(schedule),
    }


def _provider(schedule: Schedule) -> Json:
    person, place = schedule.person, schedule.place
    own_id, own_type = _provider_id(person)
    return {
        "ID": own_id,
        "IDType": own_type,
        "FirstName": person.given,
        "LastName": person.family,
        "Credentials": list(person.credentials),
        "Address": {
            "StreetAddress": place.line,
            "City": place.city,
            "State": place.state,
            "ZIP": place.postal_code,
            "County": None,
            "Country": "US",
        },
        "EmailAddresses": [person.email],
        "PhoneNumber": {"Office": f"+1{person.phone}"},
        "Location": _location(schedule),
    }


def _location(schedule: Schedule) -> Json:
    return {
        "Type": None,
        "Facility": schedule.place.name,
        "FacilityIdentifiers": [],
        "Department": schedule.department,
        "DepartmentIdentifiers": [],
        "Room": schedule.room or None,
    }
