"""The window that a query asks for. Pure.

Instants are in :mod:`gateway.core.instants`, lengths of visits and preferred days and times in
:mod:`gateway.core.preferences`; what they define can be had from here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.core.errors import InvalidMessage, Issue
from gateway.core.instants import (
    FIRST_YEAR,
    LAST_YEAR,
    add_days,
    is_bare_date,
    later,
    parse_instant,
    parse_range,
    start_of_day,
    to_utc_text,
    with_its_plus,
    zone_named,
)
from gateway.core.preferences import (
    DAY,
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
    "DAY",
    "FIRST_YEAR",
    "LAST_YEAR",
    "MAX_MINUTES",
    "ZONES_APART_DAYS",
    "Matcher",
    "Preference",
    "Window",
    "add_days",
    "is_bare_date",
    "later",
    "matcher",
    "parse_day",
    "parse_instant",
    "parse_minutes",
    "parse_range",
    "parse_time",
    "quoted",
    "start_of_day",
    "to_utc_text",
    "window_of",
    "with_its_plus",
    "zone_named",
]

# A day begins up to 26 hours later in one zone than in another, and is up to an hour longer.
ZONES_APART_DAYS = 2


@dataclass(frozen=True, slots=True)
class Window:
    """The instants from ``start`` up to, but not with, ``end``; both aware and in UTC."""

    start: datetime
    end: datetime


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
        end = None if start is None else _default_end(start_text, start, default_days, zone)
    else:
        end = _read(end_text, zone, paths[1], issues)
        if end is not None and end_day_included and is_bare_date(end_text):
            end = start_of_day(date.fromisoformat(end_text.strip()) + timedelta(days=1), zone)
    if start is not None and end is not None:
        if end <= start:
            text = f"{quoted(end_text or '')} is not after {paths[0]}; write a later time, or leave it out"
            issues.append(Issue("invariant", paths[1], text))
        elif end > add_days(start, max_days, zone):
            text = f"the window is wider than {max_days} days; ask for a shorter time"
            issues.append(Issue("too-costly", paths[1], text))
        elif start.year < FIRST_YEAR or end.year > LAST_YEAR:
            path = paths[0] if start.year < FIRST_YEAR or end_text is None else paths[1]
            text = f"the window reaches out of the years from {FIRST_YEAR} to {LAST_YEAR}"
            issues.append(Issue("value", path, f"{text}; ask for another time"))
        else:
            return Window(start, end)
    raise InvalidMessage(*issues)


def _default_end(text: str, start: datetime, days: int, zone: ZoneInfo) -> datetime:
    if is_bare_date(text):  # its first instant may have a wall time that other days do not begin at
        return start_of_day(date.fromisoformat(text.strip()) + timedelta(days=days), zone)
    return add_days(start, days, zone)


def _read(text: str, zone: ZoneInfo, path: str, issues: list[Issue]) -> datetime | None:
    try:
        return parse_instant(text, zone)
    except ValueError as error:
        issues.append(Issue("value", path, str(error)))
        return None
