"""The driver against upstreams that answer, dawdle, fail and break."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from gateway.core.errors import DeadlineExceeded, InvalidMessage, Issue
from gateway.core.plan import (
    MOST_ROUNDS,
    Answer,
    Ask,
    Call,
    Failure,
    Flow,
    Outcome,
    Pause,
    Remember,
    Reply,
    Turn,
)
from gateway.service import MISSING, MemoryStore, Service

A, B, C = Call("Slot", (("schedule", "a"),)), Call("Slot", (("schedule", "b"),)), Call("Slot", (("c", "c"),))
D = Call("Slot", (("d", "d"),))
POST = Call("AvailableSlots", body=b"{}")


class Upstream:
    """Answers each call after the delay given for it; keeps what it saw."""

    def __init__(self, delays: dict[Call, float] | None = None, fail: Exception | None = None) -> None:
        self.delays = delays or {}
        self.fail = fail
        self.seen: list[tuple[Call, float, str]] = []
        self.cancelled: list[Call] = []
        self.full = False
        self.admitted: list[tuple[tuple[Call, ...], dict[str, Any]]] = []
        self.turns: list[Turn | None] = []
        self.closed = 0

    def admit(self, calls: Sequence[Call], **given: Any) -> Turn | Failure:
        self.admitted.append((tuple(calls), given))
        return Failure(calls[0], "overloaded", retry_after=2.0) if self.full else self

    def close(self) -> None:
        self.closed += 1

    async def call(
        self, call: Call, *, deadline: float, request_id: str, turn: Turn | None = None
    ) -> Outcome:
        self.turns.append(turn)
        self.seen.append((call, deadline, request_id))
        try:
            await asyncio.sleep(self.delays.get(call, 0))
        except asyncio.CancelledError:
            self.cancelled.append(call)
            raise
        if self.fail is not None:
            raise self.fail
        return Answer(call, (str(len(self.seen)).encode(),))


def asking(*calls: Call, into: list[Any] | None = None) -> Flow:
    outcomes = yield Ask("slots", calls)
    if into is not None:
        into.extend(outcomes)
    return Reply(
        200, b",".join(o.pages[0] if isinstance(o, Answer) else o.kind.encode() for o in outcomes), "t"
    )


def remembering(build: Callable[[tuple[Outcome, ...]], Any], into: list[Any], **more: Any) -> Flow:
    into.append((yield Remember("directory", "dir", 60, (A, B), build, **more)))
    return Reply(200, b"", "t")


async def run(
    service: Service, flow: Flow, upstream: Upstream, **more: Any
) -> tuple[Reply, dict[str, float]]:
    given: dict[str, Any] = {"site": "s", "request_id": "r", "deadline_seconds": 5.0, "state_version": "1"}
    return await service.run(flow, upstream, **(given | more))


async def test_one_stage_runs_all_its_calls_together_and_keeps_their_order() -> None:
    upstream = Upstream({A: 0.06, B: 0.04, C: 0.02})
    reply, timings = await run(Service(), asking(A, B, C), upstream)
    assert reply.body == b"3,3,3"  # each was answered after all three had been asked
    assert [seen[0] for seen in upstream.seen] == [A, B, C]
    assert {seen[2] for seen in upstream.seen} == {"r"}
    assert timings["slots"] > 0.05
    assert set(timings) == {"slots", "flow"}


async def test_a_stage_of_no_calls_is_answered_with_nothing() -> None:
    reply, _ = await run(Service(), asking(), Upstream())
    assert reply.body == b""


@pytest.mark.parametrize("calls", [(A,), (A, B)])
async def test_what_is_not_back_at_the_deadline_is_cancelled_and_a_failure(calls: tuple[Call, ...]) -> None:
    upstream = Upstream({A: 5})
    outcomes: list[Outcome] = []
    began = time.perf_counter()
    await run(Service(), asking(*calls, into=outcomes), upstream, deadline_seconds=0.1)
    assert time.perf_counter() - began < 2
    assert outcomes[0] == Failure(A, "deadline")
    assert all(isinstance(outcome, Answer) for outcome in outcomes[1:])
    await asyncio.sleep(0)
    assert upstream.cancelled == [A]


@pytest.mark.parametrize(("asked", "reserve"), [(1.0, 0.1), (25.0, 0.5)])
async def test_calls_end_before_the_deadline_by_a_reserve(asked: float, reserve: float) -> None:
    upstream = Upstream()
    before = asyncio.get_running_loop().time()
    await run(Service(), asking(A), upstream, deadline_seconds=asked)
    assert upstream.seen[0][1] == pytest.approx(before + asked - reserve, abs=0.05)


@pytest.mark.parametrize("calls", [(A,), (A, B)])
@pytest.mark.parametrize("fault", [ValueError("bug"), TimeoutError("its own")])
async def test_an_exception_out_of_an_upstream_is_raised(calls: tuple[Call, ...], fault: Exception) -> None:
    upstream = Upstream({B: 1}, fail=fault)
    with pytest.raises(type(fault)):
        await run(Service(), asking(*calls), upstream)
    await asyncio.sleep(0)
    assert upstream.cancelled == list(calls[1:])


@pytest.mark.parametrize("calls", [(A,), (A, B)])
async def test_a_caller_that_goes_away_cancels_its_calls(calls: tuple[Call, ...]) -> None:
    upstream = Upstream({A: 5, B: 5})
    task = asyncio.ensure_future(run(Service(), asking(*calls), upstream))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert upstream.cancelled == list(calls)


async def test_an_error_of_the_flow_passes_and_the_timings_are_there() -> None:
    closed = []

    def flow() -> Flow:
        try:
            yield Ask("slots", (A,))
            raise InvalidMessage(Issue("value", "X", "no"))
        finally:
            closed.append(True)

    timings: dict[str, float] = {}
    with pytest.raises(InvalidMessage):
        await run(Service(), flow(), Upstream(), timings=timings)
    assert set(timings) == {"slots", "flow"}
    assert closed == [True]


async def test_the_flow_is_closed_when_its_caller_goes_away() -> None:
    closed = []

    def flow() -> Flow:
        try:
            yield Ask("slots", (A,))
        finally:
            closed.append(True)
        return Reply(200, b"", "t")

    task = asyncio.ensure_future(run(Service(), flow(), Upstream({A: 5})))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait((task,))
    assert closed == [True]


async def test_equal_calls_share_one_answer_while_under_way_only() -> None:
    upstream, service = Upstream({A: 0.03}), Service()
    replies = await asyncio.gather(*(run(service, asking(A), upstream) for _ in range(5)))
    assert [reply.body for reply, _ in replies] == [b"1"] * 5
    assert len(upstream.seen) == 1
    await run(service, asking(A), upstream)
    assert len(upstream.seen) == 2


@pytest.mark.parametrize(
    "second",
    [{"site": "other"}, {"call": B}, {"upstream": True}, {"call": POST}],
    ids=["site", "call", "upstream", "body"],
)
async def test_unequal_calls_do_not_share(second: dict[str, Any]) -> None:
    service, one, two = Service(), Upstream({A: 0.02, POST: 0.02}), Upstream({A: 0.02})
    call = second.pop("call", A)
    other = two if second.pop("upstream", False) else one
    first = POST if call is POST else A
    await asyncio.gather(run(service, asking(first), one), run(service, asking(call), other, **second))
    assert len(one.seen) + len(two.seen) == 2


async def test_a_call_begun_too_long_ago_is_not_joined() -> None:
    upstream, service = Upstream({A: 0.05}), Service(join_seconds=0.01)
    first = asyncio.ensure_future(run(service, asking(A), upstream))
    await asyncio.sleep(0.03)
    await run(service, asking(A), upstream)
    await first
    assert len(upstream.seen) == 2


@pytest.mark.parametrize("leaves", ["cancelled", "deadline", "bug"])
async def test_those_who_joined_a_call_that_was_broken_off_make_one_of_their_own(leaves: str) -> None:
    upstream, service = Upstream({A: 0.06}, ValueError() if leaves == "bug" else None), Service()
    seconds = 0.03 if leaves == "deadline" else 5.0
    first = asyncio.ensure_future(run(service, asking(A), upstream, deadline_seconds=seconds))
    await asyncio.sleep(0.01)
    rest = [asyncio.ensure_future(run(service, asking(A), upstream)) for _ in range(3)]
    await asyncio.sleep(0.01)
    if leaves == "cancelled":
        first.cancel()
    await asyncio.wait((first,))
    upstream.fail = None
    replies = await asyncio.gather(*rest)
    assert [reply.body for reply, _ in replies] == [b"2"] * 3
    assert len(upstream.seen) == 2


async def test_one_who_joined_keeps_to_its_own_deadline() -> None:
    upstream, service = Upstream({A: 0.1}), Service()
    first = asyncio.ensure_future(run(service, asking(A), upstream))
    await asyncio.sleep(0.01)
    reply, _ = await run(service, asking(A), upstream, deadline_seconds=0.03)
    assert reply.body == b"deadline"
    assert (await first)[0].body == b"1"


async def test_a_remembered_stage_is_built_once_by_version_and_site() -> None:
    upstream, service, built, got = Upstream(), Service(), [], []

    def build(outcomes: tuple[Outcome, ...]) -> int:
        built.append(outcomes)
        return len(built)

    for more in ({}, {}, {"state_version": "2"}, {"site": "other"}, {}):
        await run(service, remembering(build, got), upstream, **more)
    assert got == [1, 1, 2, 3, 1]
    assert len(upstream.seen) == 6


async def test_what_failed_is_told_to_who_drives() -> None:
    upstream, failures, got = Upstream({A: 5}), [], []
    await run(Service(), asking(A, B), upstream, deadline_seconds=0.1, failures=failures)
    assert failures == [Failure(A, "deadline")]
    upstream.full = True
    await run(Service(), remembering(len, got), upstream, failures=failures)
    assert [each.kind for each in failures[1:]] == ["overloaded"] * got[0]


async def test_simultaneous_flows_share_one_fetch_and_one_that_leaves_does_not_end_it() -> None:
    upstream, service, got = Upstream({A: 0.5}), Service(), []
    flows = [asyncio.ensure_future(run(service, remembering(len, got), upstream)) for _ in range(4)]
    await asyncio.sleep(0.01)
    flows[0].cancel()
    late = await run(
        service,
        remembering(lambda o: [isinstance(x, Answer) for x in o], got),
        upstream,
        deadline_seconds=0.02,
    )
    assert late[0].status == 200
    assert got == [[False, True]]  # by its own build, of what was there by then
    await asyncio.wait(flows)
    assert got[1:] == [2, 2, 2]
    assert len(upstream.seen) == 2
    assert upstream.cancelled == []


async def test_a_fetch_that_nobody_waits_for_any_more_is_still_kept() -> None:
    upstream, service, got = Upstream({A: 0.04}), Service(), []
    await run(service, remembering(lambda _o: "late", got), upstream, deadline_seconds=0.01)
    await asyncio.sleep(0.06)
    await run(service, remembering(len, got), upstream, deadline_seconds=0.01)
    assert got == ["late", "late"]
    assert len(upstream.seen) == 2


async def test_newcomers_do_not_wait_for_a_fetch_that_hangs() -> None:
    upstream, service, got = Upstream({A: 5}), Service(stuck_seconds=0.05, join_seconds=0), []
    hanging = asyncio.ensure_future(run(service, remembering(len, got), upstream))
    await run(service, remembering(lambda _o: "late", got), upstream, deadline_seconds=0.02)
    await asyncio.sleep(0.05)
    upstream.delays = {}
    await run(service, remembering(lambda _o: "own", got), upstream, deadline_seconds=0.5)
    await run(service, remembering(len, got), upstream)
    assert got == ["late", "own", "own"]
    hanging.cancel()
    await service.close()
    assert upstream.cancelled == [A]


async def test_what_is_not_to_be_kept_or_cannot_be_built_is_not_kept() -> None:
    upstream, service, got = Upstream(), Service(), []
    for _ in range(2):
        await run(service, remembering(len, got, keep=lambda _n: False), upstream)

    def broken(_outcomes: tuple[Outcome, ...]) -> int:
        raise InvalidMessage(Issue("value", "", "no"))

    flows = [run(service, remembering(broken, got), upstream) for _ in range(2)]
    errors = await asyncio.gather(*flows, return_exceptions=True)
    assert [type(error) for error in errors] == [InvalidMessage] * 2
    assert errors[0] is not errors[1]  # each its own, with its own traceback
    assert len(upstream.seen) == 6
    await run(service, remembering(len, got), upstream)
    assert got == [2, 2, 2]
    assert len(upstream.seen) == 8


async def test_close_ends_the_shared_fetches() -> None:
    upstream, service, got = Upstream({A: 5}), Service(), []
    await run(service, remembering(len, got), upstream, deadline_seconds=0.01)
    await service.close()
    assert upstream.cancelled == [A]


async def test_the_store_forgets_in_time_and_the_least_recently_read_first() -> None:
    now = [0.0]
    store = MemoryStore(2, lambda: now[0])
    store.put("a", None, 10)
    store.put("b", 2, 20)
    assert store.get("a") is None
    store.put("c", 3, 20)
    assert [store.get(key) for key in "abc"] == [None, MISSING, 3]
    now[0] = 10.0
    assert [store.get(key) for key in "ac"] == [MISSING, 3]


async def test_one_call_costs_little() -> None:
    """The aim is 60 microseconds; the bound here only catches a change of kind, on a busy machine."""

    class Instant:
        def admit(self, calls: Sequence[Call], **_given: Any) -> Turn:
            return self

        def close(self) -> None:
            pass

        async def call(
            self, call: Call, *, deadline: float, request_id: str, turn: Turn | None = None
        ) -> Outcome:
            return Answer(call, (b"",))

    service, upstream, best = Service(), Instant(), 1.0
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(200):
            await service.run(
                asking(A), upstream, site="s", request_id="r", deadline_seconds=5, state_version="1"
            )
        best = min(best, (time.perf_counter() - began) / 200)
    assert best < 300e-6


@pytest.mark.parametrize("calls", [(A,), (A, B)])
async def test_what_cannot_be_answered_in_time_is_refused_before_anything_is_asked(
    calls: tuple[Call, ...],
) -> None:
    upstream, outcomes = Upstream(), []
    upstream.full = True
    await run(Service(), asking(*calls, into=outcomes), upstream)
    assert outcomes == [Failure(call, "overloaded", retry_after=2.0) for call in calls]
    assert upstream.seen == []


async def test_a_stage_is_let_in_as_a_whole_and_its_turn_is_given_up() -> None:
    upstream = Upstream()
    before = asyncio.get_running_loop().time()
    await run(Service(), asking(A, B), upstream)
    [(calls, given)] = upstream.admitted
    assert calls == (A, B)
    assert given["since"] == pytest.approx(before, abs=0.1)
    assert given["deadline"] == pytest.approx(before + 4.5, abs=0.1)
    assert upstream.turns == [upstream, upstream]
    assert upstream.closed == 1


async def test_those_who_share_a_call_stand_in_line_for_it_once() -> None:
    upstream, service = Upstream({A: 0.03}), Service()
    first = asyncio.ensure_future(run(service, asking(A), upstream))
    await asyncio.sleep(0)
    await asyncio.gather(run(service, asking(A), upstream), run(service, asking(A, B), upstream), first)
    assert [calls for calls, _ in upstream.admitted] == [(A,), (B,)]


async def test_those_who_joined_one_that_was_refused_by_its_own_deadline_try_themselves() -> None:
    upstream, service = Upstream({A: 0.03}), Service()

    async def refused(call: Call, **_given: Any) -> Outcome:
        await asyncio.sleep(0.02)
        return Failure(call, "overloaded", reason="queue")

    usual = upstream.call
    upstream.call = refused  # type: ignore[method-assign, assignment]
    first = asyncio.ensure_future(run(service, asking(A), upstream))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(run(service, asking(A), upstream))
    await asyncio.sleep(0)
    upstream.call = usual  # type: ignore[method-assign]
    assert (await first)[0].body == b"overloaded"
    assert (await second)[0].body == b"1"


def parts(into: list[Any], **more: Any) -> Flow:
    """A stage of A and B, kept where both are there."""
    given = {"keep": all, "share": 0.5, "again_seconds": 0.1, "stale": lambda _: "stale", **more}
    build = more.pop("build", lambda outcomes: [isinstance(each, Answer) for each in outcomes])
    given.pop("build", None)
    into.append((yield Remember("directory", "dir", given.pop("seconds", 60), (A, B), build, **given)))
    return Reply(200, b"", "t")


async def test_a_part_that_hangs_takes_its_share_of_the_time_once() -> None:
    upstream, service, got = Upstream({A: 5}), Service(), []
    began = time.perf_counter()
    await run(service, parts(got), upstream, deadline_seconds=1.0)
    assert time.perf_counter() - began < 0.8
    began = time.perf_counter()
    for _ in range(5):
        await run(service, parts(got), upstream, deadline_seconds=1.0)
    assert time.perf_counter() - began < 0.3
    assert got == [[False, True]] * 6
    assert len(upstream.seen) == 2
    await service.close()


def rounds(into: list[Any], more: Callable[[tuple[Outcome, ...]], tuple[Call, ...]]) -> Flow:
    """A stage of A, and of what its answer leads to."""

    def build(outcomes: tuple[Outcome, ...]) -> list[tuple[Call, bool]]:
        return [(each.call, isinstance(each, Answer)) for each in outcomes]

    def keep(built: Any) -> bool:
        return all(answered for _, answered in built)

    stage = Remember("directory", "dir", 60, (A,), build, more, keep, share=0.5, again_seconds=0.1)
    into.append((yield stage))
    return Reply(200, b"", "t")


async def test_what_an_answer_leads_to_is_asked_next() -> None:
    def more(outcomes: tuple[Outcome, ...]) -> tuple[Call, ...]:
        return {1: (B, C), 3: (D,)}.get(len(outcomes), ())

    upstream, service, got = Upstream(), Service(), []
    for _ in range(2):
        await run(service, rounds(got, more), upstream)
    assert got == [[(A, True), (B, True), (C, True), (D, True)]] * 2
    assert [call for call, *_ in upstream.seen] == [A, B, C, D]
    await service.close()


async def test_what_hangs_of_a_further_round_is_a_failure_beside_what_came_before() -> None:
    upstream, service, got = Upstream({C: 5}), Service(), []
    began = time.perf_counter()
    more = lambda outcomes: (B, C) if len(outcomes) == 1 else ()  # noqa: E731
    await run(service, rounds(got, more), upstream, deadline_seconds=1.0)
    assert time.perf_counter() - began < 0.8
    assert got == [[(A, True), (B, True), (C, False)]]
    await service.close()


async def test_answers_that_lead_on_for_ever_are_followed_for_a_while() -> None:
    upstream, service, got = Upstream(), Service(), []
    await run(service, rounds(got, lambda outcomes: (Call("x", (("_id", str(len(outcomes))),)),)), upstream)
    assert len(upstream.seen) == MOST_ROUNDS
    assert all(answered for _, answered in got[0])
    await service.close()


async def test_what_cannot_be_read_leads_nowhere() -> None:
    def more(_outcomes: tuple[Outcome, ...]) -> tuple[Call, ...]:
        raise ValueError

    upstream, service, got = Upstream(), Service(), []
    await run(service, rounds(got, more), upstream)
    assert got == [[(A, True)]]
    await service.close()


async def test_what_stands_in_is_asked_for_anew_in_the_background_and_then_replaced() -> None:
    upstream, service, got = Upstream({A: 5}), Service(stuck_seconds=0.05, join_seconds=0), []
    await run(service, parts(got), upstream, deadline_seconds=0.2)
    upstream.delays = {}
    await asyncio.sleep(0.12)
    await run(service, parts(got), upstream)
    await asyncio.sleep(0.01)
    await run(service, parts(got), upstream)
    assert got == [[False, True], [False, True], [True, True]]
    await service.close()


async def test_fetches_that_hang_do_not_pile_up() -> None:
    upstream, service, got = Upstream({A: 50}), Service(stuck_seconds=0.01, join_seconds=0), []
    for _ in range(6):
        await run(service, parts(got, again_seconds=0.01), upstream, deadline_seconds=0.05)
        await asyncio.sleep(0.02)
    assert [seen[0] for seen in upstream.seen].count(A) == 2
    await service.close()


@pytest.mark.parametrize("how", ["hangs", "fails", "raises"])
async def test_a_former_result_stands_in_for_one_that_cannot_be_had(how: str) -> None:
    now = [0.0]
    upstream, got = Upstream(), []
    service = Service(MemoryStore(clock=lambda: now[0]))
    stage = {"seconds": 10, "stale_seconds": 50.0}
    await run(service, parts(got, **stage), upstream)
    now[0] = 11.0
    if how == "raises":

        def broken(_outcomes: tuple[Outcome, ...]) -> Any:
            raise InvalidMessage(Issue("value", "", "no"))

        stage["build"] = broken  # type: ignore[assignment]
    elif how == "hangs":
        upstream.delays = {A: 50}
    else:
        stage["keep"] = lambda _value: False  # type: ignore[assignment]
    for _ in range(3):
        await run(service, parts(got, **stage), upstream, deadline_seconds=0.4)
    assert got == [[True, True], "stale", "stale", "stale"]
    assert len(upstream.seen) == 4, "asked anew once"
    now[0] = 61.0
    await asyncio.sleep(0.7)
    if how == "raises":
        with pytest.raises(InvalidMessage):
            await run(service, parts(got, **stage), upstream, deadline_seconds=0.4)
    else:
        await run(service, parts(got, **stage), upstream, deadline_seconds=0.4)
        assert got[-1] != "stale", "it is too old by now"
    await service.close()


def pausing(name: str, times: int, into: list[str]) -> Flow:
    for _ in range(times):
        into.append(name)
        yield Pause()
    return Reply(200, b"", "t")


async def test_flows_that_pause_go_on_in_turn_one_in_each_round_of_the_loop() -> None:
    service, into = Service(), list[str]()
    rounds = 0

    async def count() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await asyncio.gather(*(run(service, pausing(name, 20, into), Upstream()) for name in "abc"))
    counting.cancel()
    assert rounds >= 60
    assert sorted(into) == ["a"] * 20 + ["b"] * 20 + ["c"] * 20
    assert {*into[:6]} == {*into[-3:]} == {"a", "b", "c"}


async def test_a_flow_that_is_at_work_when_its_time_is_over_is_given_up() -> None:
    into: list[str] = []
    with pytest.raises(DeadlineExceeded, match="too much to be read in time"):
        await run(Service(), pausing("a", 10**9, into), Upstream(), deadline_seconds=0.05)
    assert len(into) > 1


async def test_the_turn_of_a_stage_is_handed_to_the_next() -> None:
    def two() -> Flow:
        yield Ask("one", (A,))
        yield Ask("two", (B,))
        return Reply(200, b"", "t")

    upstream = Upstream()
    await run(Service(), two(), upstream)
    assert [given["after"] for _, given in upstream.admitted] == [None, upstream]


class Long(Upstream):
    """Answers with a page that is too long to be read in the loop; ``late`` calls never."""

    late: Call | None = None

    async def call(self, call: Call, **given: Any) -> Outcome:
        if call == self.late:
            await asyncio.sleep(3600)
        return Answer(call, (b"x" * 2_000_000,))


async def test_what_is_made_of_long_answers_is_made_in_a_thread() -> None:
    where: list[str] = []

    def build(_outcomes: tuple[Outcome, ...]) -> str:
        where.append(threading.current_thread().name)
        return "made"

    found: list[Any] = []
    await run(Service(), remembering(build, found), Long())
    assert found == ["made"]
    assert where != [threading.main_thread().name]
    await run(Service(), remembering(build, found), Upstream())
    assert where[1:] == [threading.main_thread().name]


async def test_those_who_wait_for_the_same_part_have_it_made_once() -> None:
    made = 0

    def build(_outcomes: tuple[Outcome, ...]) -> str:
        nonlocal made
        made += 1
        time.sleep(0.05)
        return "made"

    service, upstream, found = Service(), Long(), list[Any]()
    upstream.late = B
    await asyncio.gather(
        *(
            run(
                service,
                remembering(build, found, share=0.2, again_seconds=10.0),
                upstream,
                deadline_seconds=0.5,
            )
            for _ in range(5)
        )
    )
    assert found == ["made"] * 5
    assert made == 1
    await service.close()
