"""The inputs of the measurements: seeded searchset Bundles in the way Canvas writes them.

A :class:`Case` is one query's worth of work: for each schedule the Bundle bytes that its Slot search
brought, and the provider and location that the directory knows for it; the window; the request's Meta.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

MINUTES = 20
CLINIC = ZoneInfo("America/Los_Angeles")
CLOCKS_GO_BACK = datetime(2025, 11, 2, tzinfo=CLINIC)  # both offsets, -07:00 and -08:00, are in every case
OPENING_HOURS = range(8, 18)
SAMPLE_SCHEDULE = "Location.2-Staff.3640cd20de8a470aa570a852859ac87e"

META: Mapping[str, Any] = {
    "DataModel": "Scheduling",
    "EventType": "AvailableSlots",
    "EventDateTime": "2025-10-21T19:00:27.070Z",
    "Test": True,
    "Source": {"ID": "7ce6f387-c33c-417d-8682-81e83628cbd9", "Name": "Redox Dev Tools"},
    "Destinations": [{"ID": "af394f14-b34a-464f-8d24-895f370af4c9", "Name": "Redox EMR"}],
    "Logs": [
        {"ID": "d9f5d293-7110-461e-a875-3beb089e79f3", "AttemptID": "925d1617-2fe0-468c-a14c-f8c04b572c54"}
    ],
    "FacilityCode": None,
}


@dataclass(frozen=True, slots=True)
class Searched:
    """One schedule: what its Slot search brought, and what the directory says of it."""

    schedule: str
    bundle: bytes
    provider: Mapping[str, Any]
    location: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One query's worth of work. ``slots`` counts the Bundle entries; the window is half-open."""

    name: str
    slots: int
    schedules: tuple[Searched, ...]
    start: datetime
    end: datetime
    minutes: int
    now: datetime
    meta: Mapping[str, Any]


def sample_case() -> Case:
    """The Canvas document's own Bundle of three slots, asked for the days that hold all of them."""
    bundle = (Path(__file__).parent / "sample-bundle.json").read_bytes()
    window = datetime(2023, 9, 21, tzinfo=UTC), datetime(2023, 9, 24, tzinfo=UTC)
    return _case("3 slots (the Canvas sample)", 3, (_searched(0, bundle),), window)


def canvas_case(slots: int, *, seed: int = 1, schedules: int = 1) -> Case:
    """A case of ``slots`` entries in all, spread evenly over ``schedules``, the same for the same seed."""
    chance = random.Random(f"{seed}/{slots}/{schedules}")
    counts = [slots // schedules + (number < slots % schedules) for number in range(schedules)]
    days = 3 + max(counts) // 30
    first = CLOCKS_GO_BACK - timedelta(days=days // 2)
    window = first.astimezone(UTC), (first + timedelta(days=days)).astimezone(UTC)
    searched = tuple(
        _searched(number, _bundle(chance, schedule_id(number), count, window))
        for number, count in enumerate(counts)
    )
    name = f"{slots:,} slots" + (f" of {schedules} schedules" if schedules > 1 else "")
    return _case(name, slots, searched, window)


def schedule_id(number: int) -> str:
    """The id of the case's schedule, in Canvas's form; the first is the one of the Canvas sample."""
    if number == 0:
        return SAMPLE_SCHEDULE
    return f"Location.{2 + number % 3}-Staff.{random.Random(number).getrandbits(128):032x}"


def _case(name: str, slots: int, schedules: tuple[Searched, ...], window: tuple[datetime, datetime]) -> Case:
    start, end = window
    now = datetime(2025, 10, 21, 19, 0, 30, 500_000, tzinfo=UTC)
    return Case(name, slots, schedules, start, end, MINUTES, now, META)


def _searched(number: int, bundle: bytes) -> Searched:
    provider = {
        "ID": f"{4356789876 + number}",
        "IDType": "NPI",
        "FirstName": "Pat",
        "LastName": "Granite",
        "Credentials": ["MD"],
        "PhoneNumber": {"Office": "+15555550100"},
    }
    location = {
        "Facility": "RES General Hospital",
        "Department": "3N",
        "Room": f"{136 + number}",
    }
    return Searched(schedule_id(number), bundle, provider, location)


def _bundle(chance: random.Random, schedule: str, count: int, window: tuple[datetime, datetime]) -> bytes:
    """``count`` entries in order of time: of a hundred about two busy, two out of the window, one double."""
    doubles, outside = count // 100, count // 50
    starts = list(_quarters(*window))
    chosen = sorted(chance.sample(starts, count - doubles - outside))
    slots = [_slot(schedule, start, "busy" if chance.random() < 0.02 else "free") for start in chosen]
    late = window[1].astimezone(CLINIC)
    slots += [_slot(schedule, late + timedelta(minutes=15 * step), "free") for step in range(outside)]
    for _ in range(doubles):
        slots.insert(chance.randrange(len(slots)), chance.choice(slots))
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(slots),
        "entry": [{"resource": slot} for slot in slots],
    }
    return json.dumps(bundle, separators=(",", ":")).encode()


def _quarters(start: datetime, end: datetime) -> Iterator[datetime]:
    """Every quarter of an hour of the clinic's opening hours in the window."""
    moment = start
    while moment < end:
        local = moment.astimezone(CLINIC)
        if local.hour in OPENING_HOURS:
            yield local
        moment += timedelta(minutes=15)


def _slot(schedule: str, start: datetime, status: str) -> dict[str, Any]:
    end = (start.astimezone(UTC) + timedelta(minutes=MINUTES)).astimezone(CLINIC)
    return {
        "resourceType": "Slot",
        "schedule": {"reference": f"Schedule/{schedule}", "type": "Schedule"},
        "status": status,
        "start": start.isoformat(),
        "end": end.isoformat(),
    }
