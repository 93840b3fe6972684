"""The line before an upstream, in simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from gateway.upstream.places import Places, Turn
from gateway.upstream.trouble import Trouble
from tests.simulated import simulate


async def hold(
    places: Places, turn: Turn, seconds: float, *, least: float = 0.0, within: float = 10.0
) -> float:
    """Take a place, keep it, give it back; when it was had."""
    loop = asyncio.get_running_loop()
    first = await places.take(turn, "Slot", least=least, deadline=loop.time() + within)
    had = loop.time()
    await asyncio.sleep(seconds)
    places.leave(turn, loop.time() - had, first=first)
    return had


def admit(places: Places, calls: int = 1, **given: Any) -> Turn:
    now = asyncio.get_running_loop().time()
    return places.admit(calls, **({"service": 0.0, "deadline": now + 10.0, "since": now} | given))


def begin(*made: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    return [asyncio.get_running_loop().create_task(each) for each in made]


def test_earlier_queries_go_first_whenever_their_calls_come() -> None:
    async def main() -> None:
        places, order = Places(1), []

        async def one(name: str, turn: Turn) -> None:
            await hold(places, turn, 1.0)
            order.append(name)

        now = asyncio.get_running_loop().time()
        busy = begin(hold(places, admit(places), 1.0))
        await asyncio.sleep(0)
        tasks = begin(*(one(f"late {n}", admit(places, since=now + n)) for n in (3, 1, 2)))
        await asyncio.sleep(0)
        tasks += begin(one("early", admit(places, since=now - 1)))
        await asyncio.gather(*busy, *tasks)
        assert order == ["early", "late 1", "late 2", "late 3"]
        assert (places.running, places.waiting, places.coming) == (0, 0, 0)

    simulate(main())


def test_all_calls_of_a_stage_are_let_in_or_none() -> None:
    async def main() -> None:
        places = Places(2)
        for _ in range(20):
            await hold(places, admit(places), 1.0)
        busy = begin(*(hold(places, turn, 1.0) for turn in (admit(places), admit(places))))
        await asyncio.sleep(0)
        now = asyncio.get_running_loop().time()
        let_in = admit(places, 4, deadline=now + 6.0)
        with pytest.raises(Trouble) as refused:
            admit(places, 4, deadline=now + 4.0)
        assert (refused.value.kind, refused.value.reason) == ("overloaded", "queue")
        assert refused.value.retry_after is not None
        assert 0 < refused.value.retry_after < 4
        let_in.close()
        assert admit(places, 4, deadline=now + 4.0).coming == 4, "those who never came are before nobody"
        await asyncio.gather(*busy)

    simulate(main())


def test_those_who_were_let_in_count_before_they_come() -> None:
    async def main() -> None:
        places = Places(1)
        for _ in range(20):
            await hold(places, admit(places), 1.0)
        now = asyncio.get_running_loop().time()
        turns = []
        with pytest.raises(Trouble):
            for _ in range(10):
                turns.append(admit(places, deadline=now + 5.0))
        assert 3 <= len(turns) <= 5

    simulate(main())


def test_a_call_is_not_begun_without_the_time_that_it_takes() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        places = Places(1)
        with pytest.raises(Trouble, match="deadline"):
            await hold(places, admit(places), 1.0, least=2.0, within=1.0)
        busy = begin(hold(places, admit(places), 9.0))
        await asyncio.sleep(0)
        began = loop.time()
        with pytest.raises(Trouble, match="overloaded"):
            await hold(places, admit(places), 1.0, least=2.0, within=5.0)
        assert loop.time() - began == pytest.approx(3.0), "when it was clear, not at its deadline"
        await asyncio.gather(*busy)
        assert (places.running, places.waiting, places.coming) == (0, 0, 0)

    simulate(main())


@pytest.mark.parametrize("when", [0.5, 1.0])
def test_who_goes_away_leaves_its_place_to_the_next(when: float) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        places = Places(1)
        began = loop.time()
        busy = begin(hold(places, admit(places), 1.0))
        await asyncio.sleep(0)
        gone, stays = begin(hold(places, admit(places), 1.0), hold(places, admit(places), 1.0))
        await asyncio.sleep(when)
        gone.cancel()
        assert await stays - began == pytest.approx(1.0)
        await asyncio.gather(*busy)
        assert gone.cancelled()
        assert (places.running, places.waiting, places.coming) == (0, 0, 0)

    simulate(main())


def test_shared_calls_never_take_the_last_place() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        places, began = Places(3), loop.time()
        hanging = begin(*(hold(places, admit(places, shared=True), 50.0, within=60.0) for _ in range(3)))
        await asyncio.sleep(1.0)
        assert (places.running, places.waiting) == (2, 1)
        for _ in range(5):
            assert await hold(places, admit(places), 1.0) == pytest.approx(loop.time() - 1.0)
        assert loop.time() - began == pytest.approx(6.0)
        await asyncio.gather(*hanging)

    simulate(main())


def test_those_who_have_gone_stand_before_nobody() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        places = Places(2)
        shared = begin(*(hold(places, admit(places, shared=True), 50.0, within=60.0) for _ in range(2)))
        busy = begin(hold(places, admit(places), 5.0))
        await asyncio.sleep(0)
        gone = begin(hold(places, admit(places), 1.0, within=2.0))
        await asyncio.sleep(3.0)
        assert isinstance(gone[0].exception(), Trouble)
        await asyncio.gather(*busy)
        began = loop.time()
        gone = begin(hold(places, admit(places), 1.0), hold(places, admit(places), 1.0))
        await asyncio.sleep(0)
        gone[1].cancel()
        await asyncio.sleep(1.0)
        assert await hold(places, admit(places), 1.0) - began == pytest.approx(1.0)
        await asyncio.gather(*shared)

    simulate(main())


def test_the_line_is_bounded_however_quick_calls_are() -> None:
    async def main() -> None:
        places = Places(4)
        for _ in range(20):
            await hold(places, admit(places), 0.0001)
        tasks = []
        with pytest.raises(Trouble) as refused:
            for _ in range(1000):
                tasks += begin(hold(places, admit(places), 0.0001))
                await asyncio.sleep(0)
        assert refused.value.reason == "queue"
        assert len(tasks) <= 204
        await asyncio.gather(*tasks)

    simulate(main())


def test_who_waits_for_what_is_left_alone_is_told_at_once() -> None:
    async def main() -> None:
        places = Places(1)
        busy = begin(hold(places, admit(places), 5.0))
        await asyncio.sleep(0)
        waiting = begin(hold(places, admit(places), 1.0))
        await asyncio.sleep(0)
        places.dismiss("Location", Trouble("breaker"))
        assert places.waiting == 1
        places.dismiss("Slot", Trouble("breaker", retry_after=3.0))
        with pytest.raises(Trouble, match="breaker"):
            await waiting[0]
        await asyncio.gather(*busy)
        assert (places.running, places.waiting, places.coming) == (0, 0, 0)

    simulate(main())
