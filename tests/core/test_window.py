"""Instants and windows, against the standard library and round the changes of clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import InvalidMessage
from gateway.core.window import add_days, parse_instant, parse_range, to_utc_text, window_of

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
KOLKATA = ZoneInfo("Asia/Kolkata")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
ZONES = [LOS_ANGELES, KOLKATA, LORD_HOWE, ZoneInfo("UTC"), ZoneInfo("America/Sao_Paulo")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-10-21T19:00:27.415Z", "2025-10-21T19:00:27.415Z"),
        ("2025-10-21T19Z", "2025-10-21T19:00:00.000Z"),
        ("2025102119-0500", "2025-10-22T00:00:00.000Z"),
        ("20251021T19-05", "2025-10-22T00:00:00.000Z"),
        ("2016-09-21T20:00:00.000-0400", "2016-09-22T00:00:00.000Z"),
        ("2016-09-21T20:00:00-04:00", "2016-09-22T00:00:00.000Z"),
        ("2016-09-21T20:00-04", "2016-09-22T00:00:00.000Z"),
        ("2016-08-01 14:00:00Z", "2016-08-01T14:00:00.000Z"),
        ("2016-08-01 14:00:00 -0700", "2016-08-01T21:00:00.000Z"),
        ("2016-08-01t14:00:00z", "2016-08-01T14:00:00.000Z"),
        ("2016-08-01T14:00:00.123456789123Z", "2016-08-01T14:00:00.123Z"),
        ("2016-08-01T14:00:00,5Z", "2016-08-01T14:00:00.500Z"),
        ("2016-12-31T23:59:60.7Z", "2017-01-01T00:00:00.000Z"),
        ("2025-10-21T09:00:00", "2025-10-21T16:00:00.000Z"),
        ("2025-10-21", "2025-10-21T07:00:00.000Z"),
        ("20251021", "2025-10-21T07:00:00.000Z"),  # ISO 8601, basic form
        (" 20251021 ", "2025-10-21T07:00:00.000Z"),  # of a field of fixed width
        ("2025-10-21T19:00:27.415Z\r\n", "2025-10-21T19:00:27.415Z"),
        ("20251021T190027Z", "2025-10-21T19:00:27.000Z"),
        ("20251021T1900-04", "2025-10-21T23:00:00.000Z"),
        ("20251021190027.415-0400", "2025-10-21T23:00:27.415Z"),  # HL7 version 2, DTM
        ("202510211900", "2025-10-22T02:00:00.000Z"),
        ("2025-10-21T24:00:00", "2025-10-22T07:00:00.000Z"),  # the end of the day
        ("2025-12-31T24:00Z", "2026-01-01T00:00:00.000Z"),
        ("2025-12-21", "2025-12-21T08:00:00.000Z"),
        ("2025-03-09T02:30:00", "2025-03-09T10:30:00.000Z"),  # skipped: 03:30 by the new clock
        ("2025-11-02T01:30:00", "2025-11-02T08:30:00.000Z"),  # twice: the first
        ("1900-01-01T00:00:00+14:00", "1899-12-31T10:00:00.000Z"),
        ("2200-12-31T23:59:59-14:00", "2201-01-01T13:59:59.000Z"),
    ],
)
def test_instants_that_are_read(text: str, expected: str) -> None:
    assert to_utc_text(parse_instant(text, LOS_ANGELES)) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "2025102", "202510211", "2025-W43", "2025-W43-2", "2025-294", "25-10-21"),
        *("2025-10", "2025-10-21T", "2025-10-21T1", "2025-10-21T10:00.5Z", "2025-10-21Z"),
        *("2025-10-21T10:00:00+", "2025-10-21T10:00:00+7", "2025-10-21T10:00:00 UTC", "2025- 10-21"),
        *("2025-10\n-21", "٢٠٢٥-١٠-٢١", "2025-10-21T10:00:00.Z", "2025-10-21  10:00", "-2025-10-21"),
    ],
)
def test_what_is_no_date_and_time(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date and time; write it as 2025-10-21T09:00:00-07:00"):
        parse_instant(text, LOS_ANGELES)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2025-02-29",
            "2025-13-01",
            "2025-00-10",
            "2025-10-21T24:00:01",
            "2025-10-21T24:01",
            "2025-10-21T10:60:00",
        ),
        *("2025-10-21T10:00:61Z", "2025-10-21T10:00:00+14:01", "2025-10-21T10:00:00-0060", "0000-01-01"),
    ],
)
def test_what_is_not_on_the_calendar_or_the_clock(text: str) -> None:
    with pytest.raises(ValueError, match="is not on the calendar or the clock; write it as"):
        parse_instant(text, LOS_ANGELES)


@pytest.mark.parametrize(
    "text", ["1899-12-31", "2201-01-01", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:60Z"]
)
def test_years_out_of_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"write a year from 1900 to 2200|is not on the calendar"):
        parse_instant(text, LOS_ANGELES)


def test_errors_show_the_text_short_and_harmless() -> None:
    with pytest.raises(ValueError) as raised:
        parse_instant("a\r\n" + "b" * 500, LOS_ANGELES)
    assert str(raised.value).startswith(f'"a??{"b" * 37}…" is not')


@given(
    st.datetimes(datetime(1901, 1, 1), datetime(2199, 12, 31)),
    st.integers(-839, 839),
    st.sampled_from(["T", " ", "t"]),
    st.sampled_from(["", ":"]),
)
def test_agrees_with_the_standard_library(moment: datetime, offset: int, between: str, colon: str) -> None:
    sign, (hours, minutes) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
    plain = moment.isoformat(timespec="microseconds")
    text = f"{plain.replace('T', between)}{sign}{hours:02}{colon}{minutes:02}"
    expected = datetime.fromisoformat(f"{plain}{sign}{hours:02}:{minutes:02}")
    assert parse_instant(text, KOLKATA) == expected
    assert parse_instant(text, KOLKATA).utcoffset() == timedelta(0)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2037, 12, 31)), st.sampled_from(ZONES))
def test_text_and_instant_go_there_and_back(moment: datetime, zone: ZoneInfo) -> None:
    instant = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    text = to_utc_text(instant)
    assert len(text) == 24 and parse_instant(text, zone) == instant
    assert parse_instant(instant.astimezone(zone).isoformat(), LOS_ANGELES) == instant


@given(st.dates(date(1970, 1, 1), date(2037, 12, 31)), st.sampled_from(ZONES))
def test_a_bare_date_is_the_first_instant_of_that_day(day: date, zone: ZoneInfo) -> None:
    start = parse_instant(day.isoformat(), zone)
    assert start.astimezone(zone).date() == day
    assert (start - timedelta(microseconds=1)).astimezone(zone).date() < day


@given(st.text("0123456789-:TtZz .,+W\n", max_size=40) | st.text(max_size=12))
def test_any_other_text_is_a_value_error(text: str) -> None:
    try:
        instant = parse_instant(text, LORD_HOWE)
    except ValueError as error:
        assert str(error)
    else:
        assert instant.tzinfo is UTC


def test_milliseconds_are_cut_and_never_rounded_up() -> None:
    assert to_utc_text(datetime(2025, 1, 1, 23, 59, 59, 999_999, UTC)) == "2025-01-01T23:59:59.999Z"
    with pytest.raises(ValueError, match="without a zone"):
        to_utc_text(datetime(2025, 1, 1))


def window(start: str, end: str | None, zone: ZoneInfo = LOS_ANGELES) -> tuple[str, str]:
    found = window_of(start, end, zone, 7, 62)
    return to_utc_text(found.start), to_utc_text(found.end)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2023-02-27T22:09:04.862Z", None, ("2023-02-27T22:09:04.862Z", "2023-03-06T22:09:04.862Z")),
        # a week over the change of clocks ends at the same wall time: 167 hours, or 169
        ("2025-03-05T10:00:00-08:00", None, ("2025-03-05T18:00:00.000Z", "2025-03-12T17:00:00.000Z")),
        ("2025-10-30T10:00:00-07:00", None, ("2025-10-30T17:00:00.000Z", "2025-11-06T18:00:00.000Z")),
        # a bare end date takes that day in, to its end by the clinic's clock
        ("2025-10-21", "2025-10-21", ("2025-10-21T07:00:00.000Z", "2025-10-22T07:00:00.000Z")),
        ("2025-11-01", "2025-11-02", ("2025-11-01T07:00:00.000Z", "2025-11-03T08:00:00.000Z")),
        ("2025-10-21", "2025-10-23T00:00:00Z", ("2025-10-21T07:00:00.000Z", "2025-10-23T00:00:00.000Z")),
    ],
)
def test_windows(start: str, end: str | None, expected: tuple[str, str]) -> None:
    assert window(start, end) == expected


def test_blanks_around_a_day_do_not_make_it_another_time() -> None:
    plain = window_of("2025-10-21", "2025-10-22", LOS_ANGELES, 7, 62)
    assert window_of(" 2025-10-21", "2025-10-22  ", LOS_ANGELES, 7, 62) == plain
    week = window_of("2025-10-21", None, LOS_ANGELES, 7, 62)
    assert window_of("2025-10-21 ", None, LOS_ANGELES, 7, 62) == week


def test_a_half_hour_of_summer_time() -> None:
    assert window("2025-04-01T12:00:00", None, LORD_HOWE)[1] == "2025-04-08T01:30:00.000Z"
    assert window("2025-04-01T12:00:00", None, LORD_HOWE)[0] == "2025-04-01T01:00:00.000Z"


def test_an_end_date_may_be_excluded_and_paths_be_named() -> None:
    paths = ("start", "end")
    found = window_of("2023-09-21", "2023-09-23", LOS_ANGELES, 7, 62, paths=paths, end_day_included=False)
    assert to_utc_text(found.end) == "2023-09-23T07:00:00.000Z"
    with pytest.raises(InvalidMessage) as raised:
        window_of("2023-09-21", "2023-09-21", LOS_ANGELES, 7, 62, paths=paths, end_day_included=False)
    assert str(raised.value) == 'end: "2023-09-21" is not after start; write a later time, or leave it out'


@pytest.mark.parametrize(
    ("start", "end", "code", "text"),
    [
        (
            "2025-10-21T10:00:00Z",
            "2025-10-21T10:00:00Z",
            "invariant",
            'EndDateTime: "2025-10-21T10:00:00Z" is not after StartDateTime;'
            " write a later time, or leave it out",
        ),
        (
            "2025-01-01T00:00:00-08:00",
            "2025-03-04T00:00:00.001-08:00",
            "too-costly",
            "EndDateTime: the window is wider than 62 days; ask for a shorter time",
        ),
        (
            "soon",
            None,
            "value",
            'StartDateTime: "soon" is not a date and time; write it as 2025-10-21T09:00:00-07:00,'
            " or a day as 2025-10-21",
        ),
    ],
)
def test_windows_that_are_none(start: str, end: str | None, code: str, text: str) -> None:
    with pytest.raises(InvalidMessage) as raised:
        window(start, end)
    (issue,) = raised.value.issues
    assert (issue.code, str(issue)) == (code, text)


def test_both_ends_are_told_together() -> None:
    with pytest.raises(InvalidMessage) as raised:
        window("soon", "later")
    assert [issue.path for issue in raised.value.issues] == ["StartDateTime", "EndDateTime"]


def test_the_widest_window_is_allowed() -> None:
    assert window("2025-01-01", "2025-03-03") == ("2025-01-01T08:00:00.000Z", "2025-03-04T08:00:00.000Z")


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2037, 12, 31)), st.integers(1, 366), st.sampled_from(ZONES)
)
def test_days_keep_the_wall_time(moment: datetime, days: int, zone: ZoneInfo) -> None:
    start = moment.replace(tzinfo=UTC)
    before, after = start.astimezone(zone), add_days(start, days, zone).astimezone(zone)
    skipped = after.replace(tzinfo=None) - (before.replace(tzinfo=None) + timedelta(days=days))
    assert timedelta(0) <= skipped <= timedelta(hours=1)  # only where the clocks skip that time


@given(
    st.sampled_from(["2025-10-21", "2025-10-21T10:00:00Z", "2200-12-31", "x", "1900-01-01"]),
    st.none() | st.sampled_from(["2025-10-22", "2200-12-31", "1900-01-01", "", "2025-10-21T10:00:01"]),
    st.integers(1, 366),
    st.integers(1, 366),
    st.sampled_from(ZONES),
)
def test_a_window_or_an_invalid_message(
    start: str, end: str | None, default: int, longest: int, zone: ZoneInfo
) -> None:
    try:
        found = window_of(start, end, zone, default, longest)
    except InvalidMessage as error:
        assert {issue.path for issue in error.issues} <= {"StartDateTime", "EndDateTime"}
        assert error.issues
    else:
        assert found.start < found.end


@pytest.mark.parametrize(
    ("zone", "day", "first", "after"),
    [
        # Clocks go forward at midnight: the day begins at 01:00 and lasts 23 hours.
        ("America/Havana", "2025-03-09", "2025-03-09T05:00:00.000Z", "2025-03-10T04:00:00.000Z"),
        ("Africa/Cairo", "2025-04-25", "2025-04-24T22:00:00.000Z", "2025-04-25T21:00:00.000Z"),
        # They go back to midnight, or from it: 25 hours, from the first 00:00 on.
        ("America/Havana", "2025-11-02", "2025-11-02T04:00:00.000Z", "2025-11-03T05:00:00.000Z"),
        ("Africa/Cairo", "2025-10-30", "2025-10-29T21:00:00.000Z", "2025-10-30T22:00:00.000Z"),
        ("Africa/Cairo", "2025-10-31", "2025-10-30T22:00:00.000Z", "2025-10-31T22:00:00.000Z"),
        # A day that a zone skipped altogether, going over the date line.
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00.000Z", "2011-12-31T10:00:00.000Z"),
    ],
)
def test_a_day_is_that_of_its_zone(zone: str, day: str, first: str, after: str) -> None:
    where = ZoneInfo(zone)
    assert [to_utc_text(each) for each in parse_range(day, where)] == [first, after]
    found = window_of(day, day, where, 1, 7)
    assert [to_utc_text(found.start), to_utc_text(found.end)] == [first, after]
    open_ended = window_of(day, None, where, 1, 7)
    assert to_utc_text(open_ended.end) == after


@pytest.mark.parametrize("start", ["1900-01-01T00:00:00+14:00", "2200-12-31T23:59:59-14:00", "2200-12-28"])
def test_a_window_stays_within_the_years_that_are_read(start: str) -> None:
    with pytest.raises(InvalidMessage, match="reaches out of the years from 1900 to 2200"):
        window_of(start, None, LOS_ANGELES, 7, 62)


@pytest.mark.parametrize("text", ["1899", "2201-01", "2025-13", "2025-00", "202510", "25"])
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"is out of range|is not on the calendar|is not a date and time"):
        parse_range(text, LOS_ANGELES)
