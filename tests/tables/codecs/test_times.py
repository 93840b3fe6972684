"""The codecs of instants, days and lengths: what they read, what they refuse, and what they remember."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import window
from gateway.tables.codecs.codec import Context
from gateway.tables.codecs.registry import CODECS
from gateway.tables.rows.model import CodeTable
from tests.codec_values import ZONES, codec, instants, moments, utc


@given(instants(), st.sampled_from(ZONES))
def test_an_instant_is_the_same_moment_in_utc(text: str, zone: str) -> None:
    made = codec("instant", zone=zone)
    moment = datetime.fromisoformat(text)
    assert made.to_redox(text) == window.to_utc_text(moment)
    local = made.to_fhir(made.to_redox(text))
    assert made.same(local, text)
    assert datetime.fromisoformat(local).utcoffset() == moment.astimezone(ZoneInfo(zone)).utcoffset()


@pytest.mark.parametrize(
    ("given_", "utc_text"),
    [
        ("2023-09-21T08:45:00-07:00", "2023-09-21T15:45:00.000Z"),
        ("2023-12-31T23:59:60Z", "2024-01-01T00:00:00.000Z"),
        ("2023-09-21T08:45:00.1239+05:45", "2023-09-21T03:00:00.123Z"),
        ("2023-09-21T23:45:00+14:00", "2023-09-21T09:45:00.000Z"),
        ("2024-02-29T23:30:00-01:30", "2024-03-01T01:00:00.000Z"),
    ],
)
def test_instants_by_example(given_: str, utc_text: str) -> None:
    made = codec("instant")
    assert [made.to_redox(given_), made.to_redox(given_)] == [utc_text, utc_text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2023-09-21",
        "2023-09-21T08:45:00",
        "2023-09-21 08:45:00Z",
        "2023-09-21T08:45Z",
        "2023-9-21T08:45:00Z",
        "2023-09-21T08:45:00-0700",
        "2023-09-21T08:45:00+15:00",
        "2023-02-30T08:45:00Z",
        "2023-09-21T24:00:00Z",
        "2023-09-21T08:60:00Z",
        "2023-09-21T08:45:61Z",
        "2023-09-21T08:45:00z",
        "2023-09-21T08:45:00.Z",
        "٢٠٢٣-09-21T08:45:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:00:00-14:00",
        "2023-09-21T08:45:00Z\n",
    ],
)
def test_what_is_no_instant_is_refused_each_time(text: str) -> None:
    made = codec("instant")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"not a FHIR instant|outside the years"):
            made.to_redox(text)


@given(utc, st.integers(0, 22), st.sampled_from("09:.Z x-+"))
def test_what_is_remembered_changes_nothing(text: str, place: int, sign: str) -> None:
    """A text is read, or refused, alike whether its hour has been seen or not."""
    spoilt = text[:place] + sign + text[place + 1 :]
    warm, cold = codec("instant"), codec("instant")
    warm.to_fhir(text)
    warm.to_redox(text)
    for name in ("to_fhir", "to_redox"):
        assert _tried(getattr(warm, name), spoilt) == _tried(getattr(cold, name), spoilt)


def _tried(function: Any, text: str) -> str:
    try:
        return str(function(text))
    except ValueError as error:
        return f"refused: {error}"


@given(st.text(max_size=30))
def test_any_text_is_an_instant_or_a_value_error(text: str) -> None:
    made = codec("instant")
    for function in (made.to_redox, made.to_fhir):
        try:
            function(text)
        except ValueError:
            continue


@pytest.mark.parametrize("end", ["09:00:00", "08:59:00", "08:59:59", "09:00:30", "09:10:58"])
def test_a_slot_lasts_whole_minutes_above_zero(end: str) -> None:
    with pytest.raises(ValueError, match="a slot must last"):
        codec("minutes-until").to_redox(f"2025-10-21T{end}Z", "2025-10-21T09:00:00.000Z")


@pytest.mark.parametrize(
    ("end", "minutes"), [("09:19:59", 20), ("09:19:59.999", 20), ("09:20:00", 20), ("09:00:59", 1)]
)
def test_an_end_at_the_last_second_of_its_minute_takes_the_minute_in(end: str, minutes: int) -> None:
    start = "2025-10-21T09:00:00.000Z"
    assert codec("minutes-until").to_redox(f"2025-10-21T{end}Z", start) == minutes


@pytest.mark.parametrize("minutes", [0, -5, 1441, float("inf")])
def test_an_end_is_within_a_day_of_the_start(minutes: float) -> None:
    with pytest.raises(ValueError, match="between 1 and 1440 minutes"):
        codec("minutes-until").to_fhir(minutes, "2025-10-21T09:00:00.000Z")


def test_an_end_counts_minutes_over_a_change_of_clocks() -> None:
    made = codec("minutes-until")
    assert made.to_fhir(120, "2025-11-02T08:00:00.000Z") == "2025-11-02T02:00:00-08:00"
    assert made.to_redox("2025-11-02T02:00:00-08:00", "2025-11-02T08:00:00.000Z") == 120


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_is_no_length(blank: str) -> None:
    made = codec("minutes")
    for function in (made.to_redox, made.to_fhir):
        with pytest.raises(ValueError, match="a blank is not a length of time"):
            function(blank)


@given(moments)
def test_a_search_by_the_end_misses_no_slot_that_begins_in_time(moment: datetime) -> None:
    text = window.to_utc_text(moment)
    made = codec("until")
    sent = made.to_fhir(text)
    assert made.ends is not None
    assert made.ends(sent) == ("", window.to_utc_text(moment + timedelta(days=1, milliseconds=1)))
    assert made.to_redox(text) == text and made.ends(text) is None


@pytest.mark.parametrize(
    ("value", "unit", "minutes"),
    [("30", None, "30"), ("1", "hour", "60"), ("PT1H30M", "minutes", "90"), ("0:30", None, "30")],
)
def test_lengths_become_minutes(value: str, unit: str | None, minutes: str) -> None:
    assert codec("minutes").to_fhir(value, unit) == minutes


@pytest.mark.parametrize("zone", ZONES)
@given(moments)
def test_padded_days_hold_the_instant_in_any_zone(zone: str, moment: datetime) -> None:
    """Whatever zone an EHR counts its days in: from the day before to the day after holds the instant."""
    text = window.to_utc_text(moment)
    before, after = codec("day-before", zone=zone).to_fhir(text), codec("day-after", zone=zone).to_fhir(text)
    for name in (*ZONES, "Etc/GMT+12"):
        day = moment.astimezone(ZoneInfo(name)).date().isoformat()
        assert before <= day <= after
        assert name not in ("UTC", zone) or before < day < after


@pytest.mark.parametrize(
    "text", ["202510", "2025-W43-2", "2025-10-21T00:00:00Z", "", "0001-01-01", "2201-01-01", "2025-02-30"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    for zone in ZONES:
        with pytest.raises(
            ValueError, match=r"not a date; |not a date and time|not on the calendar|out of range"
        ):
            codec("day-before", zone=zone).to_redox(text)


def test_days_and_times_in_any_usual_spelling() -> None:
    assert codec("weekday").to_fhir("Tues") == "Tuesday"
    assert codec("time-of-day").to_fhir("1000") == "10:00"
    with pytest.raises(ValueError, match="not a day of the week"):
        codec("weekday").to_fhir("Someday")


SHIPPED = {
    name: CodeTable(name, {(word, ""): (meant, "") for word, meant in words.items()}, {})
    for name, words in {
        "days": {"weekend": "Saturday Sunday", "any day": "Monday Tuesday", "mon-fri": "Monday Friday"},
        "times": {"morning": "00:00 to 12:00", "evening": "17:00 to 24:00", "any time": "00:00 to 24:00"},
    }.items()
}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Mon,Wed", "Monday Wednesday"),
        ("Mon, Wed and Fri", "Monday Wednesday Friday"),
        ("Tuesdays or Thursdays", "Tuesday Thursday"),
        ("Tue/Thu", "Tuesday Thursday"),
        ("Mon; Tue & Mon", "Monday Tuesday"),
        ("Mon Wed Fri", "Monday Wednesday Friday"),
        ("Weekend, Fri", "Saturday Sunday Friday"),
        ("Any day", "Monday Tuesday"),
        ("mon-fri or Sat", "Monday Friday Saturday"),
        ("Mon,", "Monday"),
        ("Tue-Thu", "Tuesday Wednesday Thursday"),
        ("Mon. to Wed., Fri", "Monday Tuesday Wednesday Friday"),
        ("Saturday through Monday", "Saturday Sunday Monday"),
        ("Sat \u2013 Sun", "Saturday Sunday"),
        ("Mon-Mon", "Monday"),
        ("Mon-someday", None),
        ("Mon-Wed-Fri", None),
        ("Mon someday", None),
        ("Mon,someday", None),
        ("not Mon", None),
        ("Mon and", "Monday"),
        (",", None),
        ("", None),
        ("and", None),
    ],
)
def test_several_days_of_one_text_are_alternatives(text: str, read: str | None) -> None:
    made = CODECS["weekday"].make(("days",), Context(ZoneInfo("UTC"), SHIPPED))
    if read is None:
        with pytest.raises(ValueError, match="not a day of the week"):
            made.to_fhir(text)
    else:
        assert made.to_fhir(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Morning,Evening", "00:00 to 12:00, 17:00 to 24:00"),
        ("morning or 1 pm", "00:00 to 12:00, 13:00"),
        ("08:00,13:00", "08:00, 13:00"),
        ("0800;1300 & 0800", "08:00, 13:00"),
        ("8 am and 9 a.m.", "08:00, 09:00"),
        ("08:00 to 10:00, Evening", "08:00 to 10:00, 17:00 to 24:00"),
        ("1000-0500, noon", "10:00 UTC-05:00, 12:00"),
        ("10:00,", "10:00"),
        ("10,15", None),
        ("between 8:00 and 12:00", None),
        ("08:00/12:00", None),
        ("Morning,soon", None),
        ("not Morning", None),
        (",", None),
    ],
)
def test_several_times_of_one_text_are_alternatives(text: str, read: str | None) -> None:
    made = CODECS["time-of-day"].make(("times",), Context(ZoneInfo("UTC"), SHIPPED))
    if read is None:
        with pytest.raises(ValueError, match="write it as"):
            made.to_fhir(text)
    else:
        assert made.to_fhir(text) == read


def test_the_words_of_a_clinic_stand_in_code_tables() -> None:
    table = CodeTable(
        "ours",
        {
            ("weekdays", ""): ("mon, tue", ""),
            ("morning", ""): ("08:00 to 12:00, 7 pm", ""),
            ("odd", ""): ("soon", ""),
        },
        {},
    )
    context = Context(ZoneInfo("UTC"), {"ours": table})
    days, times = (CODECS[name].make(("ours",), context) for name in ("weekday", "time-of-day"))
    assert [days.to_fhir(each) for each in ("Weekdays", "fri")] == ["Monday Tuesday", "Friday"]
    assert [times.to_fhir(each) for each in (" MORNING", "9 am")] == ["08:00 to 12:00, 19:00", "09:00"]
    for made in (days, times):
        with pytest.raises(ValueError, match="write it as"):
            made.to_fhir("odd")
