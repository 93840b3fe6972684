"""What is kept of searches for their next pages: for a while, and not without bound."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.remembered import Walks

BEGIN = datetime(2026, 1, 2, tzinfo=UTC)


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


def test_a_walk_is_forgotten_after_its_seconds() -> None:
    clock = Hand()
    walks = Walks(clock, seconds=60)
    walks.put("a", "first", 1)
    clock.now += timedelta(seconds=30)
    walks.put("b", "second", 1)
    assert (walks.get("a"), walks.get("b"), walks.get("c")) == ("first", "second", None)
    clock.now += timedelta(seconds=30)
    assert (walks.get("a"), walks.get("b")) == (None, "second")
    walks.put("b", "third", 1)
    clock.now += timedelta(seconds=59)
    assert walks.get("b") == "third"


def test_a_clock_that_goes_back_keeps_nothing_alive() -> None:
    clock = Hand()
    walks = Walks(clock, seconds=60)
    walks.put("a", "first", 1)
    clock.now -= timedelta(hours=1)
    assert walks.get("a") is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 120)), max_size=40))
def test_all_together_take_no_more_than_there_is_room_for(puts: list[tuple[str, int]]) -> None:
    walks = Walks(Hand(), most_bytes=100)
    last: dict[str, int] = {}
    for key, size in puts:
        walks.put(key, size, size)
        last[key] = size
        kept = {each: found for each in "abcdef" if (found := walks.get(each)) is not None}
        assert sum(kept.values()) <= 100
        assert all(last[each] == found for each, found in kept.items())
        assert size > 100 or kept[key] == size
