"""Times of day that are ranges, or on another place's clocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.times_of_day import TimeOfDay, parse_times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1000", [TimeOfDay(600)]),
        ("100000", [TimeOfDay(600)]),
        ("08:00 to 12:00", [TimeOfDay(480, 720)]),
        ("8am until noon", [TimeOfDay(480, 720)]),
        ("17:00 to midnight", [TimeOfDay(1020, 1440)]),
        ("Midnight", [TimeOfDay(0)]),
        ("24:00", [TimeOfDay(0)]),
        ("T0900", [TimeOfDay(540)]),
        ("1000Z", [TimeOfDay(600, offset=0)]),
        ("10:00z", [TimeOfDay(600, offset=0)]),
        ("17:00-05", [TimeOfDay(1020, offset=-300)]),
        ("0900-11", None),
        ("8 am TO 12 pm", [TimeOfDay(480, 720)]),
        ("17:00 to 24:00", [TimeOfDay(1020, 1440)]),
        ("22:00 to 02:00", [TimeOfDay(1320, 120)]),
        ("08:00 to 12:00, 14:00", [TimeOfDay(480, 720), TimeOfDay(840)]),
        ("1000-0500", [TimeOfDay(600, offset=-300)]),
        ("100000.5+0530", [TimeOfDay(600, offset=330)]),
        ("10:00-05:00", [TimeOfDay(600, offset=-300)]),
        ("10:00 UTC-05:00", [TimeOfDay(600, offset=-300)]),
        ("04:00 UTC-05:00", [TimeOfDay(240, offset=-300)]),
        ("0900-1100", None),  # nine to eleven, or nine in Samoa
        ("10:00+15:00", None),
        ("10:00 to 10:00", None),
        ("10:00,", None),
        ("10,15", None),  # a quarter past ten, or ten and three
        ("8,9", [TimeOfDay(480), TimeOfDay(540)]),
        ("-0500", None),
        ("", None),
    ],
)
def test_times(text: str, expected: list[TimeOfDay] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match=r"write it as"):
            parse_times(text)
    else:
        assert list(parse_times(text)) == expected


times = st.one_of(
    st.builds(TimeOfDay, st.integers(0, 1439)),
    st.builds(TimeOfDay, st.integers(0, 1439), st.integers(0, 1440)).filter(lambda t: t.begin != t.end),
    st.builds(TimeOfDay, st.integers(0, 1439), st.none(), st.integers(-840, 840)),
)


@given(st.lists(times, min_size=1, max_size=3))
def test_what_is_spelt_is_read_again(wished: list[TimeOfDay]) -> None:
    assert list(parse_times(", ".join(map(str, wished)))) == wished


@given(st.text("0123456789:+-amp UTCto,.", max_size=24))
def test_any_text_is_times_or_a_value_error(text: str) -> None:
    try:
        parse_times(text)
    except ValueError as error:
        assert str(error)
