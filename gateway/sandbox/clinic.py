"""A clinic that does not exist: its people, its places, and when they are free.

Pure: the same seed gives the same openings for any date, past or future, on every machine. Nothing
is stored; each day is drawn from a hash of the seed, the schedule and the date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

QUARTER_MINUTES = 15
QUARTER = timedelta(minutes=QUARTER_MINUTES)


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff. ``other_id`` is an (ID, IDType) of somebody who has no NPI.

    ``suffix_told``: whether the Practitioner resource carries the credentials as ``name.suffix``;
    the vendor's own sample does not.
    """

    id: str
    given: str
    family: str
    credentials: tuple[str, ...]
    phone: str
    email: str
    npi: str | None = None
    other_id: tuple[str, str] | None = None
    schedulable: bool = True
    suffix_told: bool = True

    @property
    def credentialed_name(self) -> str:
        return " ".join((self.given, self.family, *self.credentials))


@dataclass(frozen=True, slots=True)
class Place:
    """A practice location. ``number`` is the internal integer of schedule ids, ``id`` the FHIR UUID.

    ``called`` is the name that schedules' comments use: full or short, the facts do not say which.
    """

    number: int
    id: str
    name: str
    alias: str
    called: str
    group_npi: str
    line: str
    city: str
    state: str
    postal_code: str
    phone: str


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes of the local day, ``start`` to ``end``, on the given weekdays (Monday is 0)."""

    weekdays: frozenset[int]
    start: int
    end: int

    def quarters(self, day: date) -> range:
        """Start minutes of the quarter hours that these hours cover on that day."""
        return range(self.start, self.end, QUARTER_MINUTES) if day.weekday() in self.weekdays else range(0)


@dataclass(frozen=True, slots=True)
class Schedule:
    """One person at one place. ``kept_free`` is never booked; ``full`` means that nothing is ever open."""

    person: Person
    place: Place
    department: str
    room: str
    hours: tuple[Hours, ...]
    kept_free: tuple[Hours, ...] = ()
    full: bool = False

    @property
    def id(self) -> str:
        return f"Location.{self.place.number}-Staff.{self.person.id}"

    @property
    def comment(self) -> str:
        return f"Schedule for {self.person.credentialed_name} at {self.place.called}"


@dataclass(frozen=True, slots=True)
class OpenSlot:
    """An open time; both ends carry the clinic's own offset."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Clinic:
    """The people, the places and the schedules of one instance, all in one time zone."""

    people: tuple[Person, ...]
    places: tuple[Place, ...]
    schedules: tuple[Schedule, ...]
    zone: ZoneInfo
    seed: int = 1

    def schedule(self, schedule_id: str) -> Schedule | None:
        """The schedule of that id, without a ``Schedule/`` prefix."""
        return next((each for each in self.schedules if each.id == schedule_id), None)

    def slots(self, schedule: Schedule, first: date, until: date, minutes: int) -> Iterator[OpenSlot]:
        """Open times of ``minutes`` that start on the local days from ``first`` up to, not on, ``until``.

        They start every 15 minutes and lie wholly inside an opening, so they overlap each other.
        """
        length = timedelta(minutes=minutes)
        needed = -(-minutes // QUARTER_MINUTES)
        for offset in range((until - first).days):
            free = self._free_instants(schedule, first + timedelta(days=offset))
            for start in sorted(free):
                if all(start + step * QUARTER in free for step in range(needed)):
                    yield OpenSlot(start.astimezone(self.zone), (start + length).astimezone(self.zone))

    def _free_instants(self, schedule: Schedule, day: date) -> set[datetime]:
        """The UTC instants at which a free quarter hour begins.

        A wall clock time that the spring change skips is left out; one that the autumn change
        repeats is there twice.
        """
        free: set[datetime] = set()
        for minute in free_quarters(schedule, day, self.seed):
            wall = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=self.zone)
            for moment in (wall.replace(fold=0), wall.replace(fold=1)):
                instant = moment.astimezone(UTC)
                if instant.astimezone(self.zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
                    free.add(instant)
        return free


def free_quarters(schedule: Schedule, day: date, seed: int) -> set[int]:
    """Start minutes (local, of the day) of the quarter hours in which the schedule is open and not booked."""
    if schedule.full:
        return set()
    draw = _Draw(f"{seed}|{schedule.id}|{day.isoformat()}")
    kept = {minute for hours in schedule.kept_free for minute in hours.quarters(day)}
    if draw.below(14) == 0 and not kept:
        return set()  # a day off
    free: set[int] = set()
    for hours in schedule.hours:
        quarters = hours.quarters(day)
        free.update(quarters[draw.below(3) : len(quarters) - draw.below(3)])
    lunch = 11 * 60 + 45 + QUARTER_MINUTES * draw.below(4)
    free.difference_update(range(lunch, lunch + 45 + QUARTER_MINUTES * draw.below(2), QUARTER_MINUTES))
    bookable = sorted(free)
    for _ in range(4 + draw.below(5) if bookable else 0):
        booked = bookable[draw.below(len(bookable))]
        free.difference_update(range(booked, booked + QUARTER_MINUTES * (1 + draw.below(4)), QUARTER_MINUTES))
    return free | kept


class _Draw:
    """Numbers drawn from a hash: the same for the same text on every machine and Python version."""

    def __init__(self, text: str) -> None:
        self._bytes = iter(hashlib.shake_256(text.encode()).digest(64))

    def below(self, limit: int) -> int:
        return next(self._bytes) % limit
