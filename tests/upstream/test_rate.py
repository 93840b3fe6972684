from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.rate import SlidingWindow

from .conftest import Clock


def test_the_wait_is_until_the_oldest_is_out(clock: Clock) -> None:
    window = SlidingWindow(limit=2, seconds=10.0, clock=clock)
    assert window.take() is None
    clock.now += 4
    assert window.take() is None
    assert window.take() == 6.0
    clock.now += 6
    assert window.take() is None
    assert window.take() == 4.0


@given(st.lists(st.integers(0, 8), max_size=60))
def test_no_window_ever_holds_more_than_the_limit(steps: list[int]) -> None:
    clock = Clock()
    window = SlidingWindow(limit=3, seconds=10.0, clock=clock)
    taken: list[float] = []
    for step in steps:
        clock.now += step
        wait = window.take()
        recent = [moment for moment in taken if moment > clock.now - 10.0]
        assert (wait is None) == (len(recent) < 3)
        if wait is None:
            taken.append(clock.now)
