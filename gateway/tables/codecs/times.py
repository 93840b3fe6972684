"""The codecs of instants, days and lengths of time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.core import window
from gateway.core.times_of_day import ONE_OR_TWO, TimeOfDay, parse_times
from gateway.files.zones import zones
from gateway.tables.codecs.codec import Codec, Context, Ends, Maker
from gateway.tables.codecs.instants import InstantTexts, minutes_between

_CLOCK = re.compile(r":[0-5]\d:[0-5]\d\.\d{3}Z", re.ASCII)  # behind the hour of the UTC texts that Redox has
_COMPARED = re.compile(r"(eq|ne|ge|gt|sa|le|lt|eb|ap)?(.+)", re.DOTALL)
_KEPT = 20_000
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# What parts the days, or the times, of one text. A slash between times is a span (ISO 8601).
_DAYS_APART = re.compile(r"[,;/&|\n]|\b(?:and|or)\b", re.IGNORECASE)
_FROM_DAY_TO_DAY = re.compile(r"(\w+\.?) ?(?:[-\u2013]| to | through | thru ) ?(\w+\.?)", re.IGNORECASE)
_TIMES_APART = re.compile(r"[,;&|\n]|\b(?:and|or)\b", re.IGNORECASE)


def make_instant(_arguments: tuple[str, ...], context: Context) -> Codec:
    """A moment: a FHIR instant in any offset, the UTC text of Redox, and back in the clinic's offset."""
    texts = InstantTexts()
    local = _local(context.zone)
    return Codec(
        texts.to_utc,
        local,
        lambda a, b: texts.to_utc(a) == texts.to_utc(b),
        zone=context.zone,
        elsewhere=lambda zone: make_instant((), replace(context, zone=zone)),
    )


def _local(zone: ZoneInfo) -> Callable[[str], str]:
    """Redox date-times to FHIR instants in the clinic's own offset, remembered by UTC date and hour."""
    hours: dict[str, tuple[str, str]] = {}

    def to_fhir(text: str) -> str:
        if len(text) == 24 and _CLOCK.match(text, 13) is not None:
            known = hours.get(text[:13])
            if known is not None:
                return known[0] + (text[13:19] if text[20:23] == "000" else text[13:23]) + known[1]
        moment = window.parse_instant(text, zone)
        local = moment.astimezone(zone)
        if _shares_its_hour(moment, zone):
            if len(hours) > _KEPT:
                hours.clear()
            hours[window.to_utc_text(moment)[:13]] = (local.strftime("%Y-%m-%dT%H"), local.isoformat()[-6:])
        return local.isoformat(timespec="milliseconds" if local.microsecond else "seconds")

    return to_fhir


def _shares_its_hour(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether every moment of a UTC hour has one offset in ``zone``, and one of whole hours."""
    first = moment.replace(minute=0, second=0, microsecond=0)
    last = first + timedelta(minutes=59, seconds=59)
    offsets = {each.astimezone(zone).utcoffset() for each in (first, last)}
    shared = offsets.pop()
    return not offsets and shared is not None and not shared % timedelta(hours=1)


def make_minutes_until(_arguments: tuple[str, ...], context: Context) -> Codec:
    """The end of a slot; for Redox the whole minutes from its start."""
    texts = InstantTexts()
    local = _local(context.zone)
    hours: dict[tuple[str, int], str] = {}

    def later(hour: str, count: int) -> str:
        """``2025-10-22T16`` and so many hours later."""
        found = hours.get((hour, count))
        if found is None:
            if len(hours) > _KEPT:
                hours.clear()
            begin = window.parse_instant(f"{hour}:00Z", context.zone)
            found = hours[hour, count] = window.to_utc_text(begin + timedelta(hours=count))[:13]
        return found

    def to_redox(end: str, start: str) -> int:
        return minutes_between(start, texts.to_utc(end))

    def to_fhir(minutes: float, start: str) -> str:
        if not 0 < minutes <= window.MAX_MINUTES:
            raise ValueError(f"a slot must last between 1 and {window.MAX_MINUTES} minutes")
        if type(minutes) is int and len(start) == 24 and _CLOCK.match(start, 13) is not None:
            count, minute = divmod(int(start[14:16]) + minutes, 60)
            hour = later(start[:13], count) if count else start[:13]
            return local(f"{hour}:{minute:02}{start[16:]}")
        begin = window.parse_instant(start, context.zone)
        return local(window.to_utc_text(begin + timedelta(minutes=minutes)))

    return Codec(
        to_redox,
        to_fhir,
        lambda a, b: texts.to_utc(a) == texts.to_utc(b),
        zone=context.zone,
        elsewhere=lambda zone: make_minutes_until((), replace(context, zone=zone)),
    )


def make_at_or_after(arguments: tuple[str, ...], context: Context) -> Codec:
    """A search parameter that bounds from below, this instant included. ``arguments`` are parameters beside
    which a value without a prefix is the first, and not the only one."""

    def to_redox(value: str) -> str | None:
        compared, first, after = _compared(value, context.zone)
        if compared in ("", "eq", "ge"):
            return first
        return after if compared in ("gt", "sa") else None

    return Codec(
        to_redox,
        lambda instant: f"ge{instant}",
        zone=context.zone,
        beside=frozenset(arguments),
        elsewhere=lambda zone: make_at_or_after(arguments, replace(context, zone=zone)),
    )


def make_before(_arguments: tuple[str, ...], context: Context) -> Codec:
    """A search parameter that bounds from above, this instant not included."""

    def to_redox(value: str) -> str | None:
        compared, first, after = _compared(value, context.zone)
        if compared in ("lt", "eb"):
            return first
        return after if compared in ("", "le", "eq") else None

    return Codec(
        to_redox,
        lambda instant: f"lt{instant}",
        zone=context.zone,
        elsewhere=lambda zone: make_before((), replace(context, zone=zone)),
    )


def make_until(_arguments: tuple[str, ...], context: Context) -> Codec:
    """A search parameter for an end: without a prefix what begins before this day or instant, with one what
    also ends as it says.

    What an upstream is asked is padded by the longest slot, so that none is missed that begins in time.
    """

    def to_redox(value: str) -> str | None:
        compared, first, after = _compared(value, context.zone)
        if compared in ("", "lt", "eb"):
            return first
        return after if compared in ("le", "eq") else None

    def ends(value: str) -> Ends | None:
        compared, first, after = _compared(value, context.zone)
        known: dict[str, Ends] = {
            **dict.fromkeys(("lt", "eb"), ("", first)),
            **dict.fromkeys(("gt", "sa"), (after, "~")),
            "le": ("", after),
            "ge": (first, "~"),
            "eq": (first, after),
        }
        return known.get(compared)

    def to_fhir(instant: str) -> str:
        last = window.parse_instant(instant, context.zone) + timedelta(minutes=window.MAX_MINUTES)
        return f"le{window.to_utc_text(last)}"

    return Codec(
        to_redox,
        to_fhir,
        zone=context.zone,
        ends=ends,
        elsewhere=lambda zone: make_until((), replace(context, zone=zone)),
    )


def _compared(value: str, zone: ZoneInfo) -> tuple[str, str, str]:
    """The prefix of a FHIR date parameter, its first instant, and the first instant after it.

    A year, month or day is a whole one in the clinic's zone, a minute or second just that (FHIR search,
    date: the value is a range).
    """
    match = _COMPARED.fullmatch(value)
    if match is None:
        raise ValueError("is empty; write a date or an instant")
    if match[1] in ("ne", "ap"):
        text = "be asked here; write eq, ge, gt, sa, lt, le or eb, as ge2025-10-21 and lt2025-10-23 do"
        raise ValueError(f"the comparison {match[1]} cannot {text} for a time about 2025-10-22")
    first, after = window.parse_range(window.with_its_plus(match[2].strip()), zone)
    return match[1] or "", window.to_utc_text(first), window.to_utc_text(after)


def make_day(days: int) -> Maker:
    """A search parameter that is a whole day, ``days`` beyond the one in which the instant falls.

    Canvas does not say in whose zone its days begin, so the days of UTC and of the clinic both count.
    """

    def make(_arguments: tuple[str, ...], context: Context) -> Codec:
        def to_redox(value: str) -> str:
            if not window.is_bare_date(value):
                raise ValueError("not a date; write YYYY-MM-DD")
            return window.to_utc_text(window.parse_instant(value, context.zone))

        def to_fhir(instant: str) -> str:
            moment = window.parse_instant(instant, context.zone)
            both = (moment.date(), moment.astimezone(context.zone).date())
            return ((min(both) if days < 0 else max(both)) + timedelta(days=days)).isoformat()

        return Codec(
            to_redox,
            to_fhir,
            zone=context.zone,
            elsewhere=lambda zone: make((), replace(context, zone=zone)),
        )

    return make


def make_minutes(_arguments: tuple[str, ...], _context: Context) -> Codec:
    """A length of time in any usual spelling, as a number of minutes."""

    def minutes(text: str, unit: str | None) -> str:
        length = window.parse_minutes(text, unit)
        if length is None:
            raise ValueError('a blank is not a length of time; write a number of minutes such as "30"')
        return str(length)

    def to_redox(value: str, *_companions: Any) -> str:
        return minutes(value, None)

    def to_fhir(duration: str, unit: str | None = None) -> str:
        return minutes(duration, unit)

    return Codec(to_redox, to_fhir)


def make_time_zone(_arguments: tuple[str, ...], _context: Context) -> Codec:
    """The IANA name of a time zone."""

    def zone(text: str) -> str:
        if text.strip() not in zones():
            raise ValueError("not the IANA name of a time zone; write one such as America/Chicago")
        return text.strip()

    return Codec(zone, zone)


def make_weekday(arguments: tuple[str, ...], context: Context) -> Codec:
    """Days of the week in any usual spelling, or words of a code table, by their English names; several in
    one text are alternatives, as no visit is on two days."""

    def days(text: str) -> list[int]:
        if (meant := _meant(text, arguments, context)) is not None:
            return [window.parse_day(each) for each in meant.replace(",", " ").split()]
        parts = _parts(_DAYS_APART, text) or [text]
        if (span := _FROM_DAY_TO_DAY.fullmatch(text.strip())) and all(map(_is_day, span.groups())):
            first, last = map(window.parse_day, span.groups())
            return [each % 7 for each in range(first, first + (last - first) % 7 + 1)]
        if parts == [text] and all(map(_is_day, words := text.split())):
            parts = words or [text]
        return [window.parse_day(text)] if parts == [text] else [day for part in parts for day in days(part)]

    return Codec(lambda text: text, lambda text: " ".join(_DAYS[each] for each in dict.fromkeys(days(text))))


def make_time_of_day(arguments: tuple[str, ...], context: Context) -> Codec:
    """Times of day in any usual spelling, or words of a code table, as hh:mm or hh:mm to hh:mm; several in
    one text are alternatives, as a visit begins but once."""

    def times(text: str) -> list[TimeOfDay]:
        if (meant := _meant(text, arguments, context)) is not None:
            return list(parse_times(meant))
        parts = _parts(_TIMES_APART, text) or [text]
        if parts == [text] or ONE_OR_TWO.fullmatch(text.strip()):
            return list(parse_times(text))
        return [time for part in parts for time in times(part)]

    return Codec(lambda text: text, lambda text: ", ".join(map(str, dict.fromkeys(times(text)))))


def _parts(apart: re.Pattern[str], text: str) -> list[str]:
    return [part for part in apart.split(text) if part.strip()]


def _is_day(word: str) -> bool:
    try:
        window.parse_day(word)
    except ValueError:
        return False
    return True


def _meant(word: str, arguments: tuple[str, ...], context: Context) -> str | None:
    """What a clinic's own word for days or times means, by the code table that the row names, if any."""
    table = context.codes.get(arguments[0]) if arguments else None
    found = table.forward(word.strip(), "") if table is not None else None
    return found[0] if found is not None else None
