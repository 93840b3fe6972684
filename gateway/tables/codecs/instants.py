"""FHIR instants to Redox date-times as text: the hot half of the ``instant`` codec.

An instant is cut into date and hour (``2023-09-21T08``) and the rest (``:45:00-07:00``). Few
different rests occur, and few different hours, so both are checked once, against FHIR's rule for
`instant`, and remembered: a conversion is then two look-ups and one joining of texts. What is
remembered is bounded, whatever an upstream sends.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from gateway.core.preferences import MAX_MINUTES

_TAIL = re.compile(
    r":([0-5]\d):([0-5]\d|60)(?:\.(\d+))?(?:Z|([+-])(0\d|1[0-3]):([0-5]\d)|([+-])14:00)", re.ASCII
)
_HEAD = re.compile(r"\d{4}-\d\d-\d\dT\d\d", re.ASCII)
_TAILS_KEPT = 4096
_HOURS_KEPT = 50_000
_SPANS_KEPT = 4096
_DAYS_KEPT = 4096
_LAST_SECOND = timedelta(seconds=59)

Hours = dict[str, str]


class InstantTexts:
    """Remembers the pieces it has seen. ``tails`` leads to the hours that shift as its offset does."""

    def __init__(self) -> None:
        self.tails: dict[str, tuple[Hours, str]] = {}
        self._hours: dict[int, Hours] = {}

    def to_utc(self, text: str) -> str:
        """``2023-09-21T08:45:00-07:00`` -> ``2023-09-21T15:45:00.000Z``; digits beyond the millisecond
        are cut. ValueError for what FHIR does not call an instant."""
        head, tail = text[:13], text[13:]
        known = self.tails.get(tail)
        if known is None:
            known = self._tail(tail)
        hours, minutes = known
        hour = hours.get(head)
        if hour is None:
            hour = self._hour(hours, head)
        return hour + minutes

    def _tail(self, tail: str) -> tuple[Hours, str]:
        match = _TAIL.fullmatch(tail)
        if match is None:
            raise ValueError("not a FHIR instant: YYYY-MM-DDThh:mm:ss with Z or an offset such as -07:00")
        minute, second, fraction, sign, hours, minutes, far = match.groups()
        offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1) if hours else 0
        if far:
            offset = 840 if far == "+" else -840
        # A leap second is the first moment of the next minute: no clock downstream knows :60.
        leap = second == "60"
        shift, minute_utc = divmod(int(minute) + leap - offset, 60)
        milliseconds = "000" if leap else ((fraction or "") + "000")[:3]
        if len(self.tails) >= _TAILS_KEPT:
            self.tails.clear()
        known = (
            self._hours.setdefault(shift, {}),
            f":{minute_utc:02}:{'00' if leap else second}.{milliseconds}Z",
        )
        self.tails[tail] = known
        return known

    def _hour(self, hours: Hours, head: str) -> str:
        if _HEAD.fullmatch(head) is None:
            raise ValueError("not a FHIR instant: YYYY-MM-DDThh:mm:ss with Z or an offset such as -07:00")
        shift = next(shift for shift, known in self._hours.items() if known is hours)
        try:
            local = datetime(int(head[:4]), int(head[5:7]), int(head[8:10]), int(head[11:13]), tzinfo=UTC)
        except ValueError:
            raise ValueError("not a FHIR instant: no such day or hour") from None
        try:
            utc = local + timedelta(hours=shift)
        except OverflowError:
            raise ValueError("an instant outside the years 1 to 9999") from None
        if len(hours) >= _HOURS_KEPT:
            hours.clear()
        hours[head] = f"{utc.year:04}-{utc.month:02}-{utc.day:02}T{utc.hour:02}"
        return hours[head]


def minutes_between(start: str, end: str) -> int:
    """Whole minutes from one UTC text to another (both ``YYYY-MM-DDThh:mm:ss.sssZ``).

    An end at :59 is the last second of its minute, as some systems write ends that are not part of what comes
    next; the minute counts. ValueError when the time between is not above zero, above a day, or otherwise not
    a number of whole minutes.
    """
    delta = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    minutes, rest = divmod(delta, timedelta(minutes=1))
    if rest >= _LAST_SECOND:
        minutes, rest = minutes + 1, timedelta()
    if not 0 < minutes <= MAX_MINUTES or rest:
        raise ValueError(f"a slot must last a number of whole minutes from 1 to {MAX_MINUTES}")
    return minutes


class Spans:
    """What the codecs of start and end have said of two clock times on one day, to be said again.

    ``known``: ``08:45:00-07:00/09:05:00-07:00`` -> the UTC days of such starts, the start's UTC clock, the
    same with ``~`` and the minutes behind it, the minutes, their text, and the clock and that text with what
    is written ``between`` them. Generated code looks there and hands what it does not find to :meth:`learn`.
    Only what the codecs accepted is ever in it.
    """

    def __init__(self, instant: Callable[[str], str], minutes: Callable[[str, str], int]) -> None:
        self.known: dict[str | None, tuple[dict[str, str], str, str, int, str, str]] = {}
        self.between = ""
        self._days: dict[int, dict[str, str]] = {}
        self._instant = instant
        self._minutes = minutes

    def learn(self, start: str, end: str) -> tuple[str, str, str, int, str, str]:
        """The UTC day of the start, and the rest as in ``known``. ValueError where a codec refuses."""
        utc = self._instant(start)
        minutes = self._minutes(end, utc)
        day, clock = utc[:10], utc[10:]
        rest = (clock, f"{clock}~{minutes}", minutes, str(minutes), f"{clock}{self.between}{minutes}")
        local, _, start_clock = start.partition("T")
        # In the first and the last year a codec may refuse one day what it accepts on another.
        if end.startswith(f"{local}T") and "0001" < local[:4] < "9999":
            shift = (date.fromisoformat(day) - date.fromisoformat(local)).days
            days = self._days.setdefault(shift, {})
            if len(self.known) >= _SPANS_KEPT:
                self.known.clear()
            if len(days) >= _DAYS_KEPT:
                days.clear()
            days[local] = day
            self.known[f"{start_clock}/{end[11:]}"] = (days, *rest)
        return day, *rest
