"""Searches of the simulated Canvas: parameters in, all matching resources out. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

from gateway.sandbox.canvas_shapes import (
    Json,
    location_resource,
    practitioner_resource,
    schedule_resource,
    slot_resource,
)
from gateway.sandbox.clinic import Clinic, Person

Params = Mapping[str, str]

DEFAULT_COUNT, MAX_COUNT = 10, 100
DEFAULT_MINUTES = 20
DEFAULT_DAYS = 7
MAX_DAYS = 366


class Refused(Exception):
    """The request is answered with this status and an OperationOutcome of this issue code and text."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


def paging(params: Params) -> tuple[int, int]:
    """``_count`` (10 unless told, more than 100 is taken as 100) and ``_offset``."""
    count = _whole_number(params, "_count", DEFAULT_COUNT, least=1)
    return min(count, MAX_COUNT), _whole_number(params, "_offset", 0, least=0)


def schedule_asked(params: Params) -> str | None:
    """The id in ``schedule``, with or without the ``Schedule/`` before it."""
    asked = params.get("schedule")
    return None if asked is None else asked.removeprefix("Schedule/")


def search_schedules(clinic: Clinic) -> list[Json]:
    """All of them, whatever was asked: the real one has no parameters either."""
    return [schedule_resource(schedule) for schedule in clinic.schedules]


def search_slots(clinic: Clinic, params: Params, today: date) -> list[Json]:
    """Free slots of one schedule from day ``start`` up to, not on, day ``end``. ``today`` is the UTC date.

    Days are the clinic's. Whether the real ``end`` is inclusive is not documented; its sample is not.
    Dates only, no prefixes and no times, since neither is documented. No range above 366 days.
    Raises Refused: 400 for a missing or unreadable parameter, 404 for a schedule that is not there.
    """
    asked = schedule_asked(params)
    if not asked:
        raise Refused(400, "required", "schedule: this parameter is required")
    schedule = clinic.schedule(asked)
    if schedule is None:
        raise Refused(404, "not-found", f"Unknown Schedule resource '{asked}'")
    minutes = _whole_number(params, "duration", DEFAULT_MINUTES, least=1)
    first = _date(params, "start") or today
    try:
        until = _date(params, "end") or first + timedelta(days=DEFAULT_DAYS)
        if until - first > timedelta(days=MAX_DAYS):
            raise Refused(400, "value", f"end: at most {MAX_DAYS} days after start")
        return [slot_resource(schedule, slot) for slot in clinic.slots(schedule, first, until, minutes)]
    except OverflowError as error:
        raise Refused(400, "value", "start: out of range") from error


def search_practitioners(clinic: Clinic, params: Params) -> list[Json]:
    """Schedulable people unless told otherwise; ``npiNumber`` (documents) and ``npi-number`` (live) alike.

    Parameters that it does not know are ignored without a word, as the real one does.
    """
    found = clinic.people
    if params.get("include-non-schedulable-practitioners", "").lower() != "true":
        found = tuple(person for person in found if person.schedulable)
    if params.get("active", "true").lower() == "false":
        found = ()
    for name in ("npiNumber", "npi-number"):
        if name in params:
            found = tuple(person for person in found if person.npi == params[name])
    if "_id" in params:
        found = tuple(person for person in found if person.id == params["_id"])
    if "email" in params:
        found = tuple(person for person in found if person.email == params["email"].lower())
    if "name" in params:
        part = params["name"].casefold()
        found = tuple(person for person in found if part in person.credentialed_name.casefold())
    return [_practitioner(clinic, person) for person in found]


def search_locations(clinic: Clinic, params: Params) -> list[Json]:
    asked = params.get("_id")
    return [location_resource(place) for place in clinic.places if asked is None or place.id == asked]


def read_practitioner(clinic: Clinic, resource_id: str) -> Json:
    for person in clinic.people:
        if person.id == resource_id:
            return _practitioner(clinic, person)
    raise Refused(404, "not-found", f"Unknown Practitioner resource '{resource_id}'")


def read_location(clinic: Clinic, resource_id: str) -> Json:
    for place in clinic.places:
        if place.id == resource_id:
            return location_resource(place)
    raise Refused(404, "not-found", f"Unknown Location resource '{resource_id}'")


def _practitioner(clinic: Clinic, person: Person) -> Json:
    places = [schedule.place for schedule in clinic.schedules if schedule.person == person]
    return practitioner_resource(person, (places or clinic.places)[0])


def _whole_number(params: Params, name: str, default: int, *, least: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < least:
        raise Refused(400, "value", f"{name}: value is not a valid integer, or below {least}")
    return int(text)


def _date(params: Params, name: str) -> date | None:
    text = params.get(name)
    if text is None:
        return None
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Refused(400, "value", f"{name}: invalid date format")
