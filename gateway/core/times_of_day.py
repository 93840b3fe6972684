"""Preferred times of day beyond a plain one: ranges, and times that name an offset from UTC. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.core.preferences import DAY, parse_time, quoted

_OFFSET = re.compile(r"(.*?)(?: *UTC *)?([+-])([0-9]{2})(?::?([0-5][0-9]))?", re.IGNORECASE)
_ZULU = re.compile(r"(.*[0-9])Z", re.IGNORECASE)
_WORDS = {"noon": "12:00", "midday": "12:00", "midnight": "00:00", "24:00": "00:00", "2400": "00:00"}
_RANGE = re.compile(r"(.+?) +(?:to|until) +(.+)", re.IGNORECASE)
_FURTHEST = 14 * 60
ONE_OR_TWO = re.compile(r"[0-9]{1,2},[0-9]{2}")
"""Two hours, or one time as it is written with a comma."""


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """``begin`` in minutes after midnight. With ``end`` any time from ``begin`` up to, not with, ``end`` is
    as good; round midnight where it is the smaller. With ``offset`` the time is that of clocks so many
    minutes ahead of UTC, else that of the clinic's."""

    begin: int
    end: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        if self.end is not None:
            return f"{_clock(self.begin)} to {_clock(self.end)}"
        if self.offset is None:
            return _clock(self.begin)
        sign = "-" if self.offset < 0 else "+"
        return f"{_clock(self.begin)} UTC{sign}{_clock(abs(self.offset))}"


def _clock(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours:02}:{rest:02}"


def parse_times(text: str) -> tuple[TimeOfDay, ...]:
    """Times of day, separated by commas: ``10:00``, ``08:00 to 12:00``, ``10:00 UTC-05:00``.

    Each time is spelt as :func:`parse_time` reads it; a range may end at 24:00. HL7 version 2 writes an
    offset without ``UTC`` (``1000-0500``): it is read where it cannot be meant as a range (``0900-1100``).
    ``Z`` is UTC; noon and midnight are times, 24:00 alone is midnight. ``10,15`` may be one or two: refused.
    Raises ValueError with a text for people.
    """
    if ONE_OR_TWO.fullmatch(text.strip()):
        raise ValueError(f"{quoted(text)} may be one time or two; write it as 10:15, or as 10:00, 15:00")
    return tuple(_one(each) for each in text.split(","))


def _one(text: str) -> TimeOfDay:
    if match := _RANGE.fullmatch(text.strip()):
        begin, end = _time(match[1]), _end(match[2])
        if begin == end:
            raise ValueError(f"{quoted(text)} begins where it ends; write it as 08:00 to 12:00")
        return TimeOfDay(begin, end)
    if (match := _OFFSET.fullmatch(text.strip())) and match[1].strip():
        begin, offset = _time(match[1]), int(match[3]) * 60 + int(match[4] or 0)
        if "utc" not in text.lower() and match[2] == "-" and begin < offset:
            raise ValueError(f"{quoted(text)} may be a range or an offset; write it as 09:00 to 11:00")
        if offset > _FURTHEST:
            raise ValueError(f"{quoted(text)} has an offset that no place has; write it as 10:00 UTC-05:00")
        return TimeOfDay(begin, offset=-offset if match[2] == "-" else offset)
    if match := _ZULU.fullmatch(text.strip()):
        return TimeOfDay(_time(match[1]), offset=0)
    return TimeOfDay(_time(text))


def _time(text: str) -> int:
    """A time as :func:`parse_time` reads it, behind the ``T`` of ISO 8601 or as a word for it."""
    plain = text.strip()
    plain = plain[1:] if re.match("[Tt][0-9]", plain) else plain
    return parse_time(_WORDS.get(plain.casefold(), plain))


def _end(text: str) -> int:
    ends_day = re.sub(r"\D", "", text) == "2400" or text.strip().casefold() == "midnight"
    return DAY if ends_day else _time(text)
