"""Lengths, days, times, and the matcher against a slow one that is obviously right."""

from __future__ import annotations

import timeit
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import preferences
from gateway.core.preferences import Preference, matcher, parse_day, parse_minutes, parse_time
from gateway.core.window import to_utc_text

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
ZONES = [LOS_ANGELES, ZoneInfo("Asia/Kolkata"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")]
SAMPLE = Preference(30, frozenset((1, 4)), frozenset((600,)))


@pytest.mark.parametrize(
    ("duration", "unit", "minutes"),
    [
        ("30", "minutes", 30),
        ("30", None, 30),
        ("30", " ", 30),
        (" 30 ", "Min.", 30),
        ("30", "minute(s)", 30),
        ("1", "hour", 60),
        ("1.5", "hours", 90),
        ("1,5", "HRS", 90),
        ("0.25", "h", 15),
        ("90", "min", 90),
        ("1800", "seconds", 30),
        ("1", "day", 1440),
        ("30 minutes", None, 30),
        ("30 minutes", "min", 30),
        ("30min", None, 30),
        ("1 hour", None, 60),
        ("1h 30m", None, 90),
        ("1h30", None, None),
        ("1h30m", "minutes", 90),
        ("1 hour, 30 mins.", None, 90),
        ("1 hour and 30 minutes", None, 90),
        ("90 min", "minutes", 90),
        ("PT30M", None, 30),
        ("PT30M", "minutes", 30),
        ("pt1h30m", "minutes", 90),
        ("PT1H", "minutes", 60),
        ("PT0.5H", None, 30),
        ("P1D", None, 1440),
        ("PT1800S", None, 30),
        ("0:30", None, 30),
        ("1:30", "hours", 90),
        ("01:30:00", None, 90),
    ],
)
def test_lengths(duration: str, unit: str | None, minutes: int | None) -> None:
    if minutes is None:
        with pytest.raises(ValueError):
            parse_minutes(duration, unit)
    else:
        assert parse_minutes(duration, unit) == minutes


@pytest.mark.parametrize(
    ("duration", "unit"), [(None, None), (None, "minutes"), ("", "minutes"), (" ", None)]
)
def test_no_length_is_none(duration: str | None, unit: str | None) -> None:
    assert parse_minutes(duration, unit) is None


INSTEAD = 'is not a length of time; write a number of minutes such as "30", "1 hour" or "PT30M"'


@pytest.mark.parametrize(
    ("duration", "unit", "said"),
    [
        *(
            (text, None, f'"{text}" {INSTEAD}')
            for text in ("soon", "-30", "+30", "1e2", "half an hour", "PT", "P")
        ),
        *(
            (text, None, f'"{text}" {INSTEAD}')
            for text in ("1h 1h", "30m 1h", "1 hour and", "٣٠", "3 weeks", "P1W")
        ),
        ("soon", "minutes", f'"soon" {INSTEAD}'),
        ("30", "fortnights", '"fortnights" is not a unit of time; write "minutes" or "hours"'),
        ("30 minutes", "hours", '"30 minutes" and the unit "hours" disagree; write the unit once'),
        ("1 hour", "minutes", '"1 hour" and the unit "minutes" disagree; write the unit once'),
        ("0", None, '"0" is no length for a visit; write 1 to 1440 minutes'),
        ("1441", "minutes", '"1441" is no length for a visit; write 1 to 1440 minutes'),
        ("25", "hours", '"25" is no length for a visit; write 1 to 1440 minutes'),
        ("7.5", "minutes", '"7.5" is not a whole number of minutes; round it'),
        ("45", "sec", '"45" is not a whole number of minutes; round it'),
        ("0.333", "hours", '"0.333" is not a whole number of minutes; round it'),
    ],
)
def test_what_is_no_length(duration: str, unit: str | None, said: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_minutes(duration, unit)
    assert str(raised.value) == said


@given(st.integers(1, 1440))
def test_every_form_of_a_length_is_the_same_length(minutes: int) -> None:
    hours, rest = divmod(minutes, 60)
    forms = [f"{minutes}", f"{minutes} min", f"PT{minutes}M", f"PT{hours}H{rest}M", f"{hours}h {rest}m"]
    forms += [f"{hours}:{rest:02}", f"PT{minutes * 60}S", f"{hours} hours, {rest} minutes"]
    assert {parse_minutes(form, None) for form in forms} == {minutes}
    assert parse_minutes(str(minutes * 60), "seconds") == minutes


@given(
    st.text("0123456789.,:hmsdPTand ", max_size=20) | st.text(max_size=10),
    st.none() | st.text("hms", max_size=3),
)
def test_any_text_is_a_length_or_a_value_error(text: str, unit: str | None) -> None:
    try:
        minutes = parse_minutes(text, unit)
    except ValueError as error:
        assert str(error)
    else:
        assert minutes is None or 1 <= minutes <= 1440


@pytest.mark.parametrize(
    ("text", "day"),
    [
        *(("Mon", 0), ("Tues", 1), ("tue", 1), ("TUESDAY", 1), ("Tue.", 1), ("wed", 2), ("Weds", 2)),
        *(("Thu", 3), ("Thur", 3), ("Thurs", 3), ("Fri", 4), ("sa", 5), ("Sundays", 6), (" sunday ", 6)),
    ],
)
def test_days(text: str, day: int) -> None:
    assert parse_day(text) == day


@pytest.mark.parametrize("text", ["", "T", "s", "Tuezday", "mondayss", "1", "Mon,Tue", "today"])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_day(text)
    assert str(raised.value) == f'"{text}" is not a day of the week; write it as "Tuesday" or "Tue"'


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(("1000", 600), ("10:00", 600), ("930", 570), ("0930", 570), ("9:30", 570), ("09:30:00", 570)),
        *(("9:30 AM", 570), ("9:30pm", 1290), ("9am", 540), ("9 p.m.", 1260), ("12am", 0), ("12 PM", 720)),
        *(("0:00", 0), ("0000", 0), ("23:59", 1439), ("9", 540), (" 10 ", 600), ("10:00:30.5", 600)),
        *(("100000", 600), ("235959", 1439), ("090000.5", 540)),  # HL7 version 2, TM
    ],
)
def test_times(text: str, minutes: int) -> None:
    assert parse_time(text) == minutes


@pytest.mark.parametrize(
    "text", ["", "24:00", "2400", "9:5", "10:60", "13pm", "0am", "noon", "1000-1200", "10:00Z", "١٠"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_time(text)
    assert str(raised.value) == f'"{text}" is not a time of day; write it as "10:00", "1000" or "10 am"'


def test_the_preference_of_the_sample() -> None:
    accepts = matcher([SAMPLE], LOS_ANGELES, 60)
    assert accepts is not None
    expected = {
        "2025-10-21T17:00:00.000Z": True,  # Tuesday, 10:00
        "2025-10-21T16:00:00.000Z": True,
        "2025-10-21T18:00:00.000Z": True,
        "2025-10-21T15:59:00.000Z": False,
        "2025-10-21T18:01:00.000Z": False,
        "2025-10-24T17:00:00.000Z": True,  # Friday
        "2025-10-22T17:00:00.000Z": False,  # Wednesday
        "2025-11-04T17:00:00.000Z": True,  # Tuesday, 09:00 after the change of clocks
        "2025-11-04T16:45:00.000Z": False,
    }
    assert {start: accepts(start, 30) for start in expected} == expected


def test_without_a_day_or_a_time_there_is_nothing_to_match() -> None:
    assert matcher([], LOS_ANGELES, 60) is None
    assert matcher([Preference(30), Preference(60)], LOS_ANGELES, 60) is None


def test_each_alternative_has_its_own_length() -> None:
    accepts = matcher([Preference(20, frozenset((1,))), Preference(60, frozenset((4,)))], LOS_ANGELES, 0)
    assert accepts is not None
    tuesday, friday = "2025-10-21T17:00:00.000Z", "2025-10-24T17:00:00.000Z"
    assert (accepts(tuesday, 20), accepts(friday, 20)) == (True, False)
    assert (accepts(tuesday, 60), accepts(friday, 60)) == (False, True)
    assert (accepts(tuesday, 45), accepts(friday, 45)) == (True, False)  # long enough for the first only
    assert (accepts(tuesday, 90), accepts(friday, 90)) == (True, True)
    assert (accepts(tuesday, 10), accepts(friday, 10)) == (False, False)


def test_the_tolerance_goes_round_midnight() -> None:
    accepts = matcher([Preference(None, frozenset(), frozenset((0,)))], ZoneInfo("UTC"), 30)
    assert accepts is not None
    minutes = ("23:29", "23:30", "00:00", "00:30", "00:31")
    assert [accepts(f"2025-10-21T{m}:00.000Z", 20) for m in minutes] == [False, True, True, True, False]


def slow(wishes: list[Preference], zone: ZoneInfo, tolerance: int, start: datetime, minutes: int) -> bool:
    local = start.astimezone(zone)
    now = local.hour * 60 + local.minute
    exact = [wish for wish in wishes if wish.minutes in (None, minutes)]
    if all(wish.minutes != minutes for wish in wishes):
        exact = [wish for wish in wishes if wish.minutes is None or wish.minutes < minutes]
    return any(
        (not wish.days or local.weekday() in wish.days)
        and (not wish.timed or _timely(wish, now, start.hour * 60 + start.minute, tolerance))
        for wish in exact
    )


def _timely(wish: Preference, now: int, utc: int, tolerance: int) -> bool:
    near = [(now, time) for time in wish.times] + [(utc, time) for time in wish.utc_times]
    within = [low <= now < high if low < high else now >= low or now < high for low, high in wish.spans]
    return any(within) or any(min((a - b) % 1440, (b - a) % 1440) <= tolerance for a, b in near)


WISHES = st.builds(
    Preference,
    st.none() | st.sampled_from([20, 30, 60]),
    st.frozensets(st.integers(0, 6), max_size=3),
    st.frozensets(st.integers(0, 1439), max_size=3),
    st.frozensets(
        st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(lambda s: s[0] != s[1]), max_size=2
    ),
    st.frozensets(st.integers(0, 1439), max_size=2),
)
# In these the clocks change, in Lord Howe in the middle of an hour of UTC.
NEAR_CHANGES = [
    "2025-03-09T10:00",
    "2025-11-02T09:00",
    "2025-04-05T15:00",
    "2025-10-04T15:30",
    "2025-10-21T00:00",
]


@given(
    st.lists(WISHES, min_size=1, max_size=4),
    st.sampled_from(ZONES),
    st.integers(0, 800),
    st.sampled_from(NEAR_CHANGES),
    st.lists(
        st.tuples(st.integers(-3000, 3000), st.sampled_from([15, 20, 30, 45, 60])), min_size=1, max_size=12
    ),
)
def test_the_matcher_agrees_with_the_slow_one(
    wishes: list[Preference], zone: ZoneInfo, tolerance: int, near: str, slots: list[tuple[int, int]]
) -> None:
    accepts = matcher(wishes, zone, tolerance)
    if accepts is None:
        assert not any(wish.days or wish.timed for wish in wishes)
        return
    for shift, minutes in slots:
        start = datetime.fromisoformat(near).replace(tzinfo=UTC) + timedelta(minutes=shift)
        assert accepts(to_utc_text(start), minutes) == slow(wishes, zone, tolerance, start, minutes)


def test_what_is_remembered_is_bounded_and_stays_right() -> None:
    accepts = matcher([SAMPLE], LOS_ANGELES, 60)
    assert accepts is not None
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    for hour in range(0, 30_000, 3):
        start = begin + timedelta(hours=hour)
        assert accepts(to_utc_text(start), 30) == slow([SAMPLE], LOS_ANGELES, 60, start, 30)
    assert not any(accepts("2025-10-21T17:00:00.000Z", minutes) for minutes in range(1, 30))
    assert all(accepts("2025-10-21T17:00:00.000Z", minutes) for minutes in range(30, 6000))


def test_a_warm_call_is_cheap() -> None:
    accepts = matcher([SAMPLE], LOS_ANGELES, 60)
    assert accepts is not None
    once = min(timeit.repeat(lambda: accepts("2025-10-21T17:00:00.000Z", 30), number=2000, repeat=7)) / 2000
    assert once < 3e-6  # about 0.3 microseconds; the rest is for a busy machine


def test_each_preference_is_laid_out_once_whatever_the_lengths_of_the_slots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    laid_out: list[Preference] = []
    plain = preferences._lay_out

    def lay_out(wish: Preference, tolerance: int) -> int:
        laid_out.append(wish)
        return plain(wish, tolerance)

    monkeypatch.setattr(preferences, "_lay_out", lay_out)
    wishes = [Preference(5 * number, frozenset((1,)), frozenset((600,))) for number in range(1, 51)]
    accepts = matcher(wishes, LOS_ANGELES, 60)
    assert accepts is not None
    for minutes in range(1, 1441):
        assert accepts("2025-10-21T17:00:00.000Z", minutes) is (minutes >= 5)
    assert len(laid_out) == 50
