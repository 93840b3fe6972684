"""Instants and days out of the texts that senders write.

Pure. An instant is an aware ``datetime`` in UTC; as text it has the fixed form ``2025-10-21T19:00:27.415Z``,
so that texts sort and compare as the instants do. Where a text names no offset, the clinic's own zone is
meant. A wall time that a change of clocks skips is read as if the clocks had not changed yet (02:30 is
then 03:30); one that comes twice is the first of the two.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.core.preferences import quoted

FIRST_YEAR, LAST_YEAR = 1900, 2200

_OFFSET = r"(?: ?(?:([Zz])|([+-])([0-9]{2})(?::?([0-9]{2}))?))?"
# ISO 8601, extended and basic; the second also without the T, as HL7 version 2 writes time stamps (TS, DTM).
_EXTENDED = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    rf"(?:[Tt ]([0-9]{{2}})(?::([0-9]{{2}})(?::([0-9]{{2}})(?:[.,]([0-9]+))?)?)?{_OFFSET})?"
)
_BASIC = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})"
    rf"(?:[Tt ]?([0-9]{{2}})(?:([0-9]{{2}})(?:([0-9]{{2}})(?:[.,]([0-9]+))?)?)?{_OFFSET})?"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}")
_MONTH = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?")
# What Redox itself sends, which `datetime` reads by itself; but later Pythons also read 24:00.
_USUAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
# The plus of an offset that a client did not escape arrives as a space.
_PLUS = re.compile(r"(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d(?::?\d\d)?)$")
_FURTHEST_OFFSET = timedelta(hours=14)  # as in XML Schema, on which FHIR's dateTime stands
_HOUR, _MINUTE, _SECOND, _MILLISECOND = (
    timedelta(**{unit: 1}) for unit in ("hours", "minutes", "seconds", "milliseconds")
)
_WRITE = "write it as 2025-10-21T09:00:00-07:00, or a day as 2025-10-21"


def parse_instant(text: str, zone: ZoneInfo) -> datetime:
    """The instant that ``text`` names, in UTC.

    Reads ISO 8601, extended (``2025-10-21T09:00:00-07:00``) and basic (``20251021T090000-0700``, and so
    without the T), with ``Z``, ``-0400``, ``-04:00`` or ``-04``; with a space for the ``T``; with a fraction
    of a second of any length (cut to microseconds); without seconds, or minutes; without an offset (then in
    ``zone``); with blanks around it; and a bare date, which is the first instant of that day in ``zone``. A
    leap second (``:60``) is the first moment of the next minute, 24:00 that of the next day. No week or
    ordinal date, and only the years from 1900 to 2200.

    Raises ValueError with a text for people.
    """
    if _USUAL.fullmatch(text) and FIRST_YEAR <= int(text[:4]) <= LAST_YEAR and text[17:19] < "60":
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    return _read(text, zone)[0]


def parse_range(text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant that ``text`` means, and the first one after it, both in UTC.

    FHIR R4, search, date: a value that is less precise than an instant is the whole year, month, day (in
    ``zone``), minute or second. A fraction of a second is a millisecond. Raises ValueError with a text for
    people.
    """
    if month := _MONTH.fullmatch(text.strip()):
        year, number = int(month[1]), int(month[2] or 1)
        if not FIRST_YEAR <= year <= LAST_YEAR or not 1 <= number <= 12:
            raise _out_of_range(text) if 1 <= number <= 12 else _no_such_time(text)
        following = (year + (number == 12), number % 12 + 1) if month[2] else (year + 1, 1)
        return start_of_day(date(year, number, 1), zone), start_of_day(date(*following, 1), zone)
    first, precision = _read(text, zone)
    if precision is None:
        return first, start_of_day(first.astimezone(zone).date() + timedelta(days=1), zone)
    return first, first + precision


def with_its_plus(text: str) -> str:
    """A date-time of a URL with the plus of its offset, where that has come as a space."""
    return _PLUS.sub(r"\1+\2", text)


def _read(text: str, zone: ZoneInfo) -> tuple[datetime, timedelta | None]:
    """The instant, and how much longer what is meant lasts: None for a whole day."""
    bare = text.strip()
    match = _EXTENDED.fullmatch(bare) or _BASIC.fullmatch(bare)
    if match is None:
        raise ValueError(f"{quoted(text)} is not a date and time; {_WRITE}")
    year, month, day, hour, minute, second, fraction, zulu, sign, hours, off_minutes = match.groups()
    leap, ends_day = second == "60", hour == "24"
    if ends_day and (int(minute or 0), int(second or 0), int((fraction or "0")[:6])) != (0, 0, 0):
        raise _no_such_time(text)
    try:
        local = datetime(
            *(int(year), int(month), int(day)),
            *(0 if ends_day else int(hour or 0), int(minute or 0), 59 if leap else int(second or 0)),
            microsecond=0 if leap or fraction is None else int(fraction[:6].ljust(6, "0")),
        )
        local += timedelta(days=ends_day, seconds=leap)
        offset = timedelta(hours=int(hours or 0), minutes=int(off_minutes or 0))
        if int(off_minutes or 0) > 59 or offset > _FURTHEST_OFFSET:
            raise ValueError
    except (ValueError, OverflowError):
        raise _no_such_time(text) from None
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise _out_of_range(text)
    if hour is None:
        return start_of_day(local.date(), zone), None
    precision = _HOUR if minute is None else _MINUTE
    if second is not None:
        precision = _SECOND if fraction is None else _MILLISECOND
    if zulu:
        return local.replace(tzinfo=UTC), precision
    if sign:
        return local.replace(tzinfo=timezone(-offset if sign == "-" else offset)).astimezone(UTC), precision
    return local.replace(tzinfo=zone).astimezone(UTC), precision


def _no_such_time(text: str) -> ValueError:
    return ValueError(f"{quoted(text)} is not on the calendar or the clock; {_WRITE}")


def _out_of_range(text: str) -> ValueError:
    return ValueError(f"{quoted(text)} is out of range; write a year from {FIRST_YEAR} to {LAST_YEAR}")


def is_bare_date(text: str) -> bool:
    """Whether a text that ``parse_instant`` reads names a whole day."""
    return _DAY.fullmatch(text.strip()) is not None


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day in ``zone``, in UTC.

    It is not midnight where the clocks go forward at midnight (Cairo, Havana): the day then begins at 01:00.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def to_utc_text(instant: datetime) -> str:
    """An aware ``datetime`` as ``2025-10-21T19:00:27.415Z``; what is below a millisecond is cut off.

    Raises ValueError for a naive one.
    """
    if instant.tzinfo is None:
        raise ValueError("a time without a zone is no instant")
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.isoformat(timespec="milliseconds")[:-6] + "Z"


def zone_named(name: str, own: ZoneInfo) -> ZoneInfo:
    """The zone of that IANA name; ``own`` where there is none, or the name is empty."""
    if not name:
        return own
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return own


def later(text: str, minutes: int) -> str:
    """``2025-10-21T19:00:27.415Z`` so many minutes later, in the same form."""
    return to_utc_text(datetime.fromisoformat(text) + timedelta(minutes=minutes))


def add_days(instant: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same wall time in ``zone`` so many calendar days later, in UTC: 23 or 25 hours may be a day."""
    return (instant.astimezone(zone) + timedelta(days=days)).astimezone(UTC)
