from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.backoff import full_jitter, retry_after_seconds

NOW = 1_761_073_200.0  # Tue, 21 Oct 2025 19:00:00 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("3601", 3600.0),
        ("Wed, 21 Oct 2099 19:00:00 GMT", 3600.0),
        ("Tue, 21 Oct 2025 19:00:05 GMT", 5.0),
        ("Tue, 21 Oct 2025 19:00:05 -0000", 5.0),
        ("Tue, 21 Oct 2025 18:00:00 GMT", 0.0),
        ("Tuesday, 21-Oct-25 19:00:05 GMT", 5.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, now=NOW) == seconds


@given(st.text(max_size=40))
def test_no_header_makes_it_raise(header: str) -> None:
    seconds = retry_after_seconds(header, now=NOW)
    assert seconds is None or seconds >= 0


def test_the_jitter_covers_the_whole_range_and_stops_at_the_cap() -> None:
    def highest(attempt: int) -> float:
        return full_jitter(attempt, base=0.1, cap=2.0, random=lambda: 1.0)

    assert [highest(n) for n in (1, 2, 3, 5, 6, 50)] == [0.1, 0.2, 0.4, 1.6, 2.0, 2.0]
    assert full_jitter(3, base=0.1, cap=2.0, random=lambda: 0.0) == 0.0
