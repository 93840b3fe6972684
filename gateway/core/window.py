"""What time means in a query: instants, and the window that is asked for.

Pure. An instant is an aware ``datetime`` in UTC; as text it has the fixed form ``2025-10-21T19:00:27.415Z``,
so that texts sort and compare as the instants do. Where a text names no offset, the clinic's own zone is
meant. A wall time that a change of clocks skips is read as if the clocks had not changed yet (02:30 is
then 03:30); one that comes twice is the first of the two. Lengths of visits and preferred days and times
are in :mod:`gateway.core.preferences`, and can be had from here too.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from gateway.core.errors import InvalidMessage, Issue
from gateway.core.preferences import (
    MAX_MINUTES,
    Matcher,
    Preference,
    matcher,
    parse_day,
    parse_minutes,
    parse_time,
    quoted,
)

__all__ = [
    "MAX_MINUTES",
    "Matcher",
    "Preference",
    "Window",
    "add_days",
    "is_bare_date",
    "matcher",
    "parse_day",
    "parse_instant",
    "parse_minutes",
    "parse_time",
    "quoted",
    "to_utc_text",
    "window_of",
]

FIRST_YEAR, LAST_YEAR = 1900, 2200

_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r" ?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2})?)?)?"
)
# What Redox itself sends, which `datetime` reads by itself; but later Pythons also read 24:00.
_USUAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_FURTHEST_OFFSET = timedelta(hours=14)  # as in XML Schema, on which FHIR's dateTime stands
_WRITE = "write it as 2025-10-21T09:00:00-07:00, or a day as 2025-10-21"


@dataclass(frozen=True, slots=True)
class Window:
    """The instants from ``start`` up to, but not with, ``end``; both aware and in UTC."""

    start: datetime
    end: datetime


def parse_instant(text: str, zone: ZoneInfo) -> datetime:
    """The instant that ``text`` names, in UTC.

    Reads the extended ISO 8601 form with ``Z``, ``-0400``, ``-04:00`` or ``-04``; with a space for the ``T``;
    with a fraction of a second of any length (cut to microseconds); without seconds; without an offset (then
    in ``zone``); and a bare date, which is the first instant of that day in ``zone``. A leap second (``:60``)
    is the first moment of the next minute. Nothing else: no basic form (``20251021``), no week or ordinal
    date, no 24:00, and only the years from 1900 to 2200.

    Raises ValueError with a text for people.
    """
    if _USUAL.fullmatch(text) and FIRST_YEAR <= int(text[:4]) <= LAST_YEAR and text[17:19] < "60":
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError(f"{quoted(text)} is not a date and time; {_WRITE}")
    day, clock, second, fraction, zulu, sign, hours, minutes = match.groups()
    leap = second == "60"
    fraction = "" if leap or fraction is None else fraction[:6]
    try:
        local = datetime.fromisoformat(f"{day}T{clock or '00:00'}:{'59' if leap else second or '00'}")
        local = local.replace(microsecond=int(fraction.ljust(6, "0"))) + timedelta(seconds=leap)
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        if int(minutes or 0) > 59 or offset > _FURTHEST_OFFSET:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(f"{quoted(text)} is not on the calendar or the clock; {_WRITE}") from None
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise ValueError(f"{quoted(text)} is out of range; write a year from {FIRST_YEAR} to {LAST_YEAR}")
    if zulu:
        return local.replace(tzinfo=UTC)
    if sign:
        return local.replace(tzinfo=timezone(-offset if sign == "-" else offset)).astimezone(UTC)
    return local.replace(tzinfo=zone).astimezone(UTC)


def is_bare_date(text: str) -> bool:
    """Whether a text that ``parse_instant`` reads names a whole day."""
    return len(text) == len("2025-10-21")


def to_utc_text(instant: datetime) -> str:
    """An aware ``datetime`` as ``2025-10-21T19:00:27.415Z``; what is below a millisecond is cut off.

    Raises ValueError for a naive one.
    """
    if instant.tzinfo is None:
        raise ValueError("a time without a zone is no instant")
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.isoformat(timespec="milliseconds")[:-6] + "Z"


def add_days(instant: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same wall time in ``zone`` so many calendar days later, in UTC: 23 or 25 hours may be a day."""
    return (instant.astimezone(zone) + timedelta(days=days)).astimezone(UTC)


def window_of(
    start_text: str,
    end_text: str | None,
    zone: ZoneInfo,
    default_days: int,
    max_days: int,
    *,
    paths: tuple[str, str] = ("StartDateTime", "EndDateTime"),
    end_day_included: bool = True,
) -> Window:
    """The window of a query.

    No end: ``default_days`` calendar days in ``zone`` after the start, at the same wall time. A bare end date
    takes that whole day in, since who asks "from the 21st to the 23rd" expects the 23rd, and leaving slots
    out unasked is worse than one day more; ``end_day_included=False`` is for parameters that are defined
    otherwise. The window must not be empty, nor wider than ``max_days`` calendar days.

    Raises InvalidMessage with every fault, under ``paths``.
    """
    issues: list[Issue] = []
    start = _read(start_text, zone, paths[0], issues)
    if end_text is None:
        end = None if start is None else add_days(start, default_days, zone)
    else:
        end = _read(end_text, zone, paths[1], issues)
        if end is not None and end_day_included and is_bare_date(end_text):
            day_after = date.fromisoformat(end_text) + timedelta(days=1)
            end = datetime(day_after.year, day_after.month, day_after.day, tzinfo=zone).astimezone(UTC)
    if start is not None and end is not None:
        if end <= start:
            text = f"{quoted(end_text or '')} is not after {paths[0]}; write a later time, or leave it out"
            issues.append(Issue("invariant", paths[1], text))
        elif end > add_days(start, max_days, zone):
            text = f"the window is wider than {max_days} days; ask for a shorter time"
            issues.append(Issue("too-costly", paths[1], text))
        else:
            return Window(start, end)
    raise InvalidMessage(*issues)


def _read(text: str, zone: ZoneInfo, path: str, issues: list[Issue]) -> datetime | None:
    try:
        return parse_instant(text, zone)
    except ValueError as error:
        issues.append(Issue("value", path, str(error)))
        return None
