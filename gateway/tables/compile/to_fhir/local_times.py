"""Start and end of Redox's open times as the FHIR side spells them, remembered by their clock texts.

A date-time is cut into its day (``2025-10-22``) and the rest (``T16:00:00.000Z``). What the codecs say of
a rest and a length is the same on every day on which the clinic's clocks do the same, so it is said once
for all of those. Only what the codecs accepted is remembered, and not without bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.core import window
from gateway.tables.codecs.codec import Codec

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_KEPT = 16_384
# Where the UTC day of a start, and the clinic's days of start and end, can be from the day in a text.
_AROUND = range(-2, 4)

# The UTC day (a place among the dates), the UTC clock; the same with the length behind it, as ids
# have it; then day and clock of start and of end in the clinic's zone; the minutes.
Pieces = tuple[int, str, str, int, str, int, str, int]
Clocks = dict[str, Pieces]
Dates = tuple[str, ...]
# The day of a text -> the dates around it, and what stands behind such a day -> the pieces.
Days = dict[str, tuple[Dates, Clocks]]


class ZonedTimes:
    """The times of each zone of a site's schedules; the site's own where a schedule names none."""

    def __init__(self, to_utc: Callable[[str], str], start: Codec, end: Codec, own: ZoneInfo) -> None:
        self._to_utc = to_utc
        self._start = start
        self._end = end
        self._zone = own
        self._own = LocalTimes(to_utc, start.to_fhir, end.to_fhir, own)
        self._others: dict[str, LocalTimes] = {}

    def of(self, name: str | None) -> LocalTimes:
        """Those of the zone of that IANA name."""
        zone = window.zone_named(name or "", self._zone)
        if zone == self._zone:
            return self._own
        found = self._others.get(zone.key)
        if found is None:
            start, end = self._start.at(zone), self._end.at(zone)
            found = LocalTimes(self._to_utc, start.to_fhir, end.to_fhir, zone)
            self._others[zone.key] = found
        return found


class LocalTimes:
    """Generated code looks in :meth:`days` of a length. What is not there, it hands to :meth:`begin` and
    then :meth:`learn`."""

    def __init__(
        self,
        to_utc: Callable[[str], str],
        start: Callable[[str], str],
        end: Callable[[float, str], str],
        zone: ZoneInfo,
    ) -> None:
        self._lengths: dict[float, Days] = {}
        self._clocks: dict[object, Clocks] = {}
        self._shifts: dict[date, tuple[tuple[float, timedelta | None], ...]] = {}
        self._kept = 0
        self._to_utc = to_utc
        self._start = start
        self._end = end
        self._zone = zone

    def days(self, length: float) -> Days:
        """What is known of slots of that length; it grows."""
        days = self._lengths.get(length)
        if days is None:
            self._room()
            days = self._lengths[length] = {}
        return days

    def _room(self) -> None:
        """One more is to be kept."""
        if self._kept >= _KEPT:
            self._kept = 0
            for days in self._lengths.values():
                days.clear()
            for clocks in self._clocks.values():
                clocks.clear()
            self._lengths.clear()
            self._clocks.clear()
            self._shifts.clear()
        self._kept += 1

    def begin(self, text: str) -> str:
        """The start in UTC. ValueError for what is no date-time or cannot be told in the clinic's zone."""
        moment = self._to_utc(text)
        self._start(moment)
        return moment

    def learn(self, text: str, moment: str, length: float) -> tuple[Dates, Pieces]:
        """Dates and pieces of a start, which is ``moment`` in UTC, and a number of minutes. ValueError
        where that is not whole, or the codec refuses it."""
        minutes = int(length)
        if minutes != length:
            raise ValueError("a slot must last a number of whole minutes")
        start, end = self._start(moment), self._end(minutes, moment)
        days = (moment[:10], start[:10], end[:10])
        dates, clocks = self.days(length).get(text[:10]) or self._day(text[:10], length) or (days, None)
        if not set(days) <= set(dates):
            dates, clocks = days, None
        clock = moment[10:]
        in_utc, of_start, of_end = map(dates.index, days)
        name = f"{clock.replace(':', '')}.{minutes}"
        pieces = (in_utc, clock, name, of_start, start[10:], of_end, end[10:], minutes)
        if clocks is not None:
            self._room()
            clocks[text[10:]] = pieces
        return dates, pieces

    def _day(self, text: str, length: float) -> tuple[Dates, Clocks] | None:
        """A day for :meth:`days`; None for one that is not told by its text alone, or too near to the years
        at which the codecs begin to refuse."""
        if _DAY.fullmatch(text) is None or not window.FIRST_YEAR < int(text[:4]) < window.LAST_YEAR:
            return None
        self._room()
        day = date.fromisoformat(text)
        dates = tuple((day + timedelta(days=each)).isoformat() for each in _AROUND)
        # An offset puts a start up to a day away, and the longest slot ends a day after its start.
        regime = tuple(self._shifts_of(day + timedelta(days=each)) for each in range(-1, 3))
        known = self.days(length)[text] = dates, self._clocks.setdefault((length, regime), {})
        return known

    def _shifts_of(self, day: date) -> tuple[tuple[float, timedelta | None], ...]:
        """The clinic's offsets in a day of UTC, each with the second since which it holds."""
        known = self._shifts.get(day)
        if known is None:
            begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
            found = [(0.0, self._offset(begin))]
            for hour in range(24):
                low, high = (begin + timedelta(hours=each) for each in (hour, hour + 1))
                offset = self._offset(high)
                if offset != found[-1][1]:
                    found.append(((self._change(low, high) - begin).total_seconds(), offset))
            known = self._shifts[day] = tuple(found)
        return known

    def _change(self, low: datetime, high: datetime) -> datetime:
        """The first second of the offset at ``high``, which differs from the one at ``low``."""
        wanted = self._offset(high)
        while (step := (high - low) // 2) >= timedelta(seconds=1):
            step -= timedelta(microseconds=step.microseconds)
            low, high = (low, low + step) if self._offset(low + step) == wanted else (low + step, high)
        return high

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self._zone).utcoffset()
