"""What is remembered of clock texts is what the codecs say, on every day and in every zone."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import window
from gateway.tables.codecs.codec import Context
from gateway.tables.codecs.times import make_instant, make_minutes_until
from gateway.tables.compile.to_fhir import local_times
from gateway.tables.compile.to_fhir.local_times import LocalTimes

# Clocks that change by an hour or half of one, at midnight, four times a year, by a whole day, by 44:30.
ZONES = [
    "America/Los_Angeles",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Asia/Kathmandu",
    "Africa/Monrovia",
]
CHANGES = [date(2025, 11, 2), date(2025, 3, 9), date(2018, 11, 4), date(2025, 4, 6), date(2025, 2, 23)]
CHANGES += [date(2011, 12, 30), date(1994, 12, 31), date(1972, 1, 7), date(1901, 1, 1), date(2199, 12, 30)]
DAYS = st.builds(
    lambda day, more: (day + timedelta(days=more)).isoformat(),
    st.sampled_from(CHANGES) | st.dates(date(1898, 1, 1), date(2202, 1, 1)),
    st.integers(-4, 4),
)
RESTS = st.sampled_from(
    [
        "T00:00:00.000Z",
        "T09:10:00.000Z",
        "T23:59:59.250Z",
        "T01:30",
        "T02:30:00-0400",
        " 12:00:00+14:00",
        "T23:00:00-14:00",
        "T23:59:60Z",
        "",
        "T25:00",
        "x",
    ]
)
LENGTHS = st.sampled_from([1.0, 20.0, 719.0, 1440.0, 15.5, 0.0, -5.0, 1441.0])
Told = tuple[str, str, str, int]


@lru_cache
def times(zone: str) -> LocalTimes:
    """Shared by all examples, so that what one has taught serves for others."""
    place = ZoneInfo(zone)
    context = Context(place, {})
    start, end = make_instant((), context), make_minutes_until((), context)
    return LocalTimes(
        lambda text: window.to_utc_text(window.parse_instant(text, place)), start.to_fhir, end.to_fhir, place
    )


def quick(known: LocalTimes, text: str, length: float) -> Told | None:
    """As generated code goes about it."""
    try:
        try:
            dates, clocks = known.days(length)[text[:10]]
            pieces = clocks[text[10:]]
        except KeyError:
            dates, pieces = known.learn(text, known.begin(text), length)
    except ValueError:
        return None
    in_utc, clock, name, of_start, start_clock, of_end, end_clock, minutes = pieces
    assert name == f"{clock.replace(':', '')}.{minutes}"
    return dates[in_utc] + clock, dates[of_start] + start_clock, dates[of_end] + end_clock, minutes


def plain(zone: str, text: str, length: float) -> Told | None:
    place = ZoneInfo(zone)
    try:
        begin = window.parse_instant(text, place)
        moment = window.to_utc_text(begin)
        if length != int(length) or not 0 < length <= window.MAX_MINUTES:
            return None
        begin = window.parse_instant(moment, place)  # what is below a millisecond is cut
        ends = window.parse_instant(window.to_utc_text(begin + timedelta(minutes=length)), place)
    except ValueError:
        return None
    spec = "milliseconds" if begin.microsecond else "seconds"
    start, end = (each.astimezone(place).isoformat(timespec=spec) for each in (begin, ends))
    return moment, start, end, int(length)


@given(zone=st.sampled_from(ZONES), day=DAYS, rest=RESTS, length=LENGTHS)
def test_what_is_remembered_is_what_the_codecs_say(zone: str, day: str, rest: str, length: float) -> None:
    wanted = plain(zone, day + rest, length)
    assert quick(times(zone), day + rest, length) == wanted
    assert quick(times(zone), day + rest, length) == wanted


@pytest.mark.parametrize("zone", ZONES)
def test_every_day_of_a_year_by_what_the_others_have_taught(zone: str) -> None:
    known = times(zone)
    for number in range(-4, 370):
        for rest in ("T08:50:00.000Z", "T13:50:00.000Z", "T02:30"):
            text = (date(2011, 1, 1) + timedelta(days=number)).isoformat() + rest
            assert quick(known, text, 60.0) == plain(zone, text, 60.0), text


def test_days_on_which_the_clocks_do_the_same_share_what_is_learnt() -> None:
    known = times(ZONES[0])
    for day in ("2025-06-01", "2025-06-02", "2025-11-02", "2024-11-03"):
        assert quick(known, f"{day}T16:00:00.000Z", 20.0) is not None
    days = known.days(20.0)
    assert days["2025-06-01"][1] is days["2025-06-02"][1]
    assert days["2025-06-01"][1] is not days["2025-11-02"][1]
    assert days["2024-11-03"][1] is days["2025-11-02"][1]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_times, "_KEPT", 50)
    zone = ZONES[0]
    times.cache_clear()
    known = times(zone)
    for number in range(60):
        day = (date(2025, 1, 1) + timedelta(days=number)).isoformat()
        for rest in ("T08:50:00.000Z", f"T13:50:{number:02}.000Z"):
            assert quick(known, day + rest, 20.0 + number % 7) == plain(zone, day + rest, 20.0 + number % 7)
    kept = [known.days(20.0 + more) for more in range(7)]
    assert sum(map(len, kept)) + sum(len(clocks) for days in kept for _, clocks in days.values()) < 200
    times.cache_clear()
