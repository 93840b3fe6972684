"""Lengths of visits, and preferred days and times of day, as a `VisitPreference` writes them.

The value sets of Redox's ``Duration``, ``DurationUnit``, ``Day`` and ``Time`` are not published, so what a
person would understand is understood, and nothing is guessed that could mean two things. Days and times are
those of the clinic: its weekday and the clock on its wall, summer time included. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

MAX_MINUTES = 1440  # the longest visit, and the longest slot
DAY = 1440  # minutes
WEEK = 7 * DAY

_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_NUMBER = r"([0-9]{1,9})(?:[.,]([0-9]{1,9}))?"
_PART = re.compile(rf" *{_NUMBER} *([a-z]+)\.? *(?:(?:,|and\b)(?= *[0-9]))?")
_BARE = re.compile(_NUMBER)
_ISO = re.compile(rf"p(?:{_NUMBER}d)?(?:t(?=[0-9])(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?)?")
_HOURS_MINUTES = re.compile(r"([0-9]{1,2}):([0-5][0-9])(?::00)?")
_TIME = re.compile(
    r"([0-9]{1,2})(?::?([0-5][0-9])(?::?[0-5][0-9](?:\.[0-9]+)?)?)? *(am|pm|a\.m\.?|p\.m\.?)?",
)
_TEN_TO_9 = 10**9
_MINUTES = {f"{minute:02}": minute for minute in range(60)}
_KEPT = 4096

Matcher = Callable[[str, int], bool]


@dataclass(frozen=True, slots=True)
class Preference:
    """One alternative: a length in minutes (None: any), weekdays (Monday is 0), minutes of the day.

    ``spans`` are ranges of minutes of the day (first, and first after), within which any start is as good;
    ``utc_times`` minutes of the day on UTC's clock, where the wish named an offset. An empty set of days is
    no wish, nor are three empty sets of times; otherwise a time of any of them will do.
    """

    minutes: int | None = None
    days: frozenset[int] = frozenset()
    times: frozenset[int] = frozenset()
    spans: frozenset[tuple[int, int]] = frozenset()
    utc_times: frozenset[int] = frozenset()

    @property
    def timed(self) -> bool:
        """Whether any time of day is wished for."""
        return bool(self.times or self.spans or self.utc_times)


def quoted(text: str) -> str:
    """A text out of a message, in quotes, fit to stand in an error: short and without control characters."""
    clean = "".join(sign if sign.isprintable() else "?" for sign in text[:41])
    return f'"{clean}"' if len(clean) <= 40 else f'"{clean[:40]}…"'


def parse_minutes(duration: str | None, unit: str | None) -> int | None:
    """The length of a visit in minutes, 1 to 1440; None when no length is given (None or blank).

    Reads a number (in ``unit``; without one, in minutes), a number with its unit (``90 min``, ``1.5 hours``),
    several of them (``1h 30m``, ``1 hour and 30 minutes``), hours and minutes (``0:30``), and ISO 8601
    (``PT1H30M``). A single number with a unit must agree with ``unit``; in the other forms each number has
    its own unit, and ``unit`` adds nothing. Days are of 24 hours.

    Raises ValueError with a text for people: not a length of time, an unknown unit, two units that disagree,
    not a whole number of minutes, out of range.
    """
    text = (duration or "").strip().lower()
    if duration is None or not text:
        return None
    given = _unit(unit) if unit is not None and unit.strip() else None
    nanoseconds = _nanoseconds(text, given)
    if nanoseconds is None:
        write = 'write a number of minutes such as "30", "1 hour" or "PT30M"'
        raise ValueError(f"{quoted(duration)} is not a length of time; {write}")
    if nanoseconds < 0:
        raise ValueError(
            f"{quoted(duration)} and the unit {quoted(unit or '')} disagree; write the unit once"
        )
    minutes, rest = divmod(nanoseconds, 60 * _TEN_TO_9)
    if rest:
        raise ValueError(f"{quoted(duration)} is not a whole number of minutes; round it")
    if not 1 <= minutes <= MAX_MINUTES:
        raise ValueError(f"{quoted(duration)} is no length for a visit; write 1 to {MAX_MINUTES} minutes")
    return minutes


def _unit(unit: str) -> int:
    name = unit.strip().lower().removesuffix(".").replace("(s)", "s")
    if name not in _UNITS:
        raise ValueError(f'{quoted(unit)} is not a unit of time; write "minutes" or "hours"')
    return _UNITS[name]


def _nanoseconds(text: str, unit: int | None) -> int | None:
    """The length, None if it is none, or -1 if its unit and ``unit`` (in seconds) disagree."""
    if match := _BARE.fullmatch(text):
        return _scaled(match[1], match[2], unit or 60)
    if match := _HOURS_MINUTES.fullmatch(text):
        return (int(match[1]) * 3600 + int(match[2]) * 60) * _TEN_TO_9
    if len(text) > 1 and (match := _ISO.fullmatch(text)):
        parts = zip(match.groups()[::2], match.groups()[1::2], (86400, 3600, 60, 1), strict=True)
        return sum(_scaled(whole, part, seconds) for whole, part, seconds in parts if whole)
    total, place, last = 0, 0, 1 << 30
    units: list[int] = []
    while place < len(text):
        found = _PART.match(text, place)
        seconds = _UNITS.get(found[3], 0) if found else 0
        if found is None or not 0 < seconds < last:
            return None
        total += _scaled(found[1], found[2], seconds)
        place, last = found.end(), seconds
        units.append(seconds)
    return -1 if unit is not None and len(units) == 1 and units[0] != unit else total


def _scaled(whole: str, part: str | None, seconds: int) -> int:
    return int(whole + (part or "").ljust(9, "0")) * seconds


def parse_day(text: str) -> int:
    """A weekday (Monday is 0) by its English name or the beginning of it, of two letters or more.

    ``Tues``, ``tue.``, ``TUESDAYS``. Raises ValueError with a text for people.
    """
    name = text.strip().lower().removesuffix(".")
    name = "wed" if name == "weds" else name
    if len(name) >= 2:
        for number, weekday in enumerate(_WEEKDAYS):
            if f"{weekday}s".startswith(name):
                return number
    raise ValueError(f'{quoted(text)} is not a day of the week; write it as "Tuesday" or "Tue"')


def parse_time(text: str) -> int:
    """A time of day in minutes after midnight on the clinic's clock; seconds are cut off.

    ``1000``, ``930``, ``10:00``, ``9:30``, ``100000`` (HL7 version 2, TM), ``9:30 AM``, ``9am``, ``9 p.m.``,
    and a bare hour (``9``); not 24:00. Raises ValueError with a text for people.
    """
    match = _TIME.fullmatch(text.strip().lower())
    if match is not None:
        hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
        if half is None and hour <= 23:
            return hour * 60 + minute
        if half is not None and 1 <= hour <= 12:
            return (hour % 12 + (12 if half[0] == "p" else 0)) * 60 + minute
    raise ValueError(f'{quoted(text)} is not a time of day; write it as "10:00", "1000" or "10 am"')


def matcher(preferences: Iterable[Preference], zone: ZoneInfo, tolerance_minutes: int) -> Matcher | None:
    """Which slots the preferences accept; None when none of them names a day or a time.

    The function takes a slot's start (UTC, in the fixed form ``2025-10-21T17:00:00.000Z``) and its minutes. A
    slot is accepted by an alternative whose length it has, or, where no alternative has exactly this length,
    by one that it is long enough for; that names its weekday in ``zone``, if any; and a time from which
    it starts no more than ``tolerance_minutes`` before or after, round midnight too, if any.

    The week is laid out once, minute by minute, for each alternative and for each set of them that a length
    has, and the local time of each UTC hour is worked out once, so that a call is a few look-ups.
    """
    wishes = tuple(dict.fromkeys(preferences))
    if not any(wish.days or wish.timed for wish in wishes):
        return None
    exact = {wish.minutes for wish in wishes}
    each: dict[Preference, int] = {}
    laid_out: dict[tuple[Preference, ...], bytes] = {}
    weeks: dict[int, bytes] = {}
    hours = _Hours(zone)

    def fits(wanted: int | None, minutes: int) -> bool:
        return wanted is None or wanted == minutes or (minutes not in exact and wanted < minutes)

    def week_for(minutes: int) -> bytes:
        fitting = tuple(wish for wish in wishes if fits(wish.minutes, minutes))
        if fitting not in laid_out:
            for wish in fitting:
                if wish not in each:
                    each[wish] = _lay_out(wish, tolerance_minutes)
            week = reduce(or_, map(each.__getitem__, fitting), 0).to_bytes(WEEK)
            laid_out[fitting] = week + week[:60]
        if len(weeks) >= _KEPT:
            weeks.clear()
        weeks[minutes] = laid_out[fitting]
        return laid_out[fitting]

    def accepts(start: str, minutes: int) -> bool:
        week = weeks.get(minutes) or week_for(minutes)
        begin = hours[start[:13]]
        if begin < 0:
            return week[_minute_of_week(start, zone)] == 1
        return week[begin + _MINUTES[start[14:16]]] == 1

    on_utc = [wish for wish in wishes if wish.utc_times]
    if not on_utc:
        return accepts
    by_utc = _by_utc(on_utc, zone, tolerance_minutes, fits)
    return lambda start, minutes: accepts(start, minutes) or by_utc(start, minutes)


def _by_utc(
    wishes: Sequence[Preference],
    zone: ZoneInfo,
    tolerance_minutes: int,
    fits: Callable[[int | None, int], bool],
) -> Matcher:
    """What wishes accept whose times are on UTC's clock, one by one: they are few and seldom."""

    def accepts(start: str, minutes: int) -> bool:
        clock, weekday = int(start[11:13]) * 60 + int(start[14:16]), _minute_of_week(start, zone) // DAY
        return any(
            fits(wish.minutes, minutes)
            and (not wish.days or weekday in wish.days)
            and any(_apart(clock, time) <= tolerance_minutes for time in wish.utc_times)
            for wish in wishes
        )

    return accepts


def _apart(one: int, other: int) -> int:
    """Minutes between two times of day, the short way round."""
    return min((one - other) % DAY, (other - one) % DAY)


class _Hours(dict[str, int]):
    """UTC hour (``2025-10-21T17``) -> the minute of the local week at its beginning.

    -1 for an hour within which the clocks change: it has no one answer (Lord Howe Island, at 15:30 UTC).
    """

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, hour: str) -> int:
        begin = _minute_of_week(f"{hour}:00", self._zone)
        last = _minute_of_week(f"{hour}:59", self._zone)
        if len(self) >= _KEPT:
            self.clear()
        self[hour] = begin if (last - begin) % WEEK == 59 else -1
        return self[hour]


def _minute_of_week(start: str, zone: ZoneInfo) -> int:
    local = datetime.fromisoformat(start[:16]).replace(tzinfo=UTC).astimezone(zone)
    return local.weekday() * DAY + local.hour * 60 + local.minute


def _lay_out(wish: Preference, tolerance: int) -> int:
    """A byte for each minute of the week, all of them one number: 1 where a slot may start."""
    minutes = bytearray(b"\1" * DAY) if not wish.timed else bytearray(DAY)
    for time in wish.times:
        for first in (time - tolerance - DAY, time - tolerance, time - tolerance + DAY):
            begin, end = max(first, 0), min(first + 2 * tolerance + 1, DAY)
            if begin < end:
                minutes[begin:end] = b"\1" * (end - begin)
    for begin, end in wish.spans:
        for low, high in [(begin, end)] if begin < end else [(begin, DAY), (0, end)]:
            minutes[low:high] = b"\1" * (high - low)
    none = bytes(DAY)
    days = wish.days or range(7)
    return int.from_bytes(b"".join(minutes if day in days else none for day in range(7)))
