"""Drives a flow: makes the calls it asks for, within the deadline, and hands back what they brought.

The one place that waits. A flow never sees an exception of an upstream: a call that brought nothing
comes back as a :class:`~gateway.core.plan.Failure`, and the flow decides what that means.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from gateway.core.errors import DeadlineExceeded, Issue
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
from gateway.core.values import AT_ONCE_BYTES
from gateway.errand import Errand, Fetch, Upstream, outcomes_of
from gateway.joined import Joined
from gateway.remembered import MISSING, MemoryStore, StandIns, Store

__all__ = ["MISSING", "Errand", "MemoryStore", "Service", "Store", "Timings", "Upstream"]

T = TypeVar("T")

Timings = dict[str, float]
"""Seconds by the name of the stage; ``flow`` is the time spent in the flow itself."""

_RESERVE_SECONDS: Final = 0.5
_RESERVE_SHARE: Final = 0.1
# Upstreams keep their deadline themselves, and then say what became of a call. Only who does not is cut off.
_GRACE_SHARE: Final = 0.2
_FETCHES: Final = 2


class Service:
    """Drives flows of all sites of one process.

    ``shared_seconds`` is the deadline of the calls of a :class:`Remember` stage. They serve whoever
    comes, so they have a deadline of their own, and no waiter who leaves ends them.
    ``join_seconds`` are those of :class:`~gateway.joined.Joined`.
    ``stuck_seconds``: the calls of a Remember stage that have been out for this long are not waited for by
    newcomers, who make their own, once: one connection that hangs must not stop a site until it times out.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        shared_seconds: float = 60.0,
        join_seconds: float = 1.0,
        stuck_seconds: float = 10.0,
    ) -> None:
        self._store: Store = MemoryStore() if store is None else store
        self._shared_seconds = shared_seconds
        self._joined = Joined(join_seconds)
        self._stuck_seconds = stuck_seconds
        self._stand_ins = StandIns(self._store)
        self._fetches: dict[Hashable, list[Fetch]] = {}
        self._fetching: set[asyncio.Task[_Built]] = set()
        self._abandoned: set[asyncio.Task[Outcome]] = set()
        self._pausing = asyncio.Lock()
        self._building = asyncio.Lock()

    async def run(
        self,
        flow: Flow,
        upstream: Upstream,
        *,
        site: str,
        request_id: str,
        deadline_seconds: float,
        state_version: str,
        timings: Timings | None = None,
        failures: list[Failure] | None = None,
    ) -> tuple[Reply, Timings]:
        """Drive ``flow`` to its reply.

        ``deadline_seconds`` counts from now; the last tenth of it (at most half a second) is kept for
        translating, so calls end before. A flow that is still at work when it is over is given up.
        ``state_version`` (the hash of the site's tables) is part of the key of what is remembered: after a
        reload nothing old is read. ``timings`` and ``failures`` (of calls that brought nothing), when given,
        are filled in as the stages end, so that the caller has them when this raises, too.

        Raises what the flow raises (:class:`GatewayError`), DeadlineExceeded, and whatever an upstream should
        not have.
        """
        spent: Timings = {} if timings is None else timings
        clock = time.perf_counter
        reserve = min(_RESERVE_SECONDS, _RESERVE_SHARE * deadline_seconds)
        since = asyncio.get_running_loop().time()
        stop = since + deadline_seconds - reserve
        cut = stop + _GRACE_SHARE * reserve
        noted = [] if failures is None else failures
        errand = Errand(upstream, site, request_id, since, stop, cut, failures=noted)
        in_flow, value = 0.0, None
        try:
            while True:
                began = clock()
                try:
                    step = flow.send(value)
                except StopIteration as end:
                    reply: Reply = end.value
                    return reply, spent
                finally:
                    asked = clock()
                    in_flow += asked - began
                if isinstance(step, Pause):
                    await self._paused(since + deadline_seconds)
                    value = None
                    continue
                try:
                    value = await self._stage(step, errand, state_version)
                finally:
                    spent[step.stage] = spent.get(step.stage, 0.0) + clock() - asked
        finally:
            spent["flow"] = in_flow
            flow.close()

    async def close(self) -> None:
        """End the calls that outlive their requests. To be awaited once, when no flow runs any more."""
        left = [*self._fetching, *self._abandoned]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _stage(self, step: Ask | Remember, errand: Errand, state_version: str) -> Any:
        """What the flow is sent for a stage."""
        if isinstance(step, Ask):
            return errand.noted(await self._ask(step.calls, errand))
        return await self._remembered(step, errand, state_version)

    async def _paused(self, deadline: float) -> None:
        """Let everybody else go on. Of all flows that pause, one goes on in each round of the loop."""
        async with self._pausing:
            await asyncio.sleep(0)
        if asyncio.get_running_loop().time() >= deadline:
            text = "What the scheduling system answered is too much to be read in time."
            text += " Ask for a shorter time range."
            raise DeadlineExceeded(Issue("timeout", "", text), redox_type="query")

    async def _ask(self, calls: tuple[Call, ...], errand: Errand) -> tuple[Outcome, ...]:
        """All calls of a stage together; what is not back in time is cancelled and a Failure."""
        if not calls:
            return ()
        turn = self._admit(calls, errand)
        if isinstance(turn, Failure):
            return tuple(replace(turn, call=call) for call in calls)
        try:
            if len(calls) == 1:  # no task: the common case costs a timer and nothing else
                return (await self._timed(calls[0], errand, turn),)
            return await self._together(calls, errand, turn)
        finally:
            if turn is not None:
                turn.close()

    def _admit(self, calls: tuple[Call, ...], errand: Errand) -> Turn | Failure | None:
        """Whether the upstream lets in those of the calls that nobody is making already."""
        own = self._joined.others(calls, errand)
        if not own:
            return None
        after = errand.turns[-1] if errand.turns else None
        turn = errand.upstream.admit(
            own, deadline=errand.stop, since=errand.since, shared=errand.shared, after=after
        )
        if not isinstance(turn, Failure):
            errand.turns.append(turn)
        return turn

    async def _together(
        self, calls: tuple[Call, ...], errand: Errand, turn: Turn | None
    ) -> tuple[Outcome, ...]:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._joined.call(call, errand, turn)) for call in calls]
        if errand.shared:
            errand.parts.extend(tasks)
        try:
            await asyncio.wait(
                tasks, timeout=max(0.0, errand.cut - loop.time()), return_when=asyncio.FIRST_EXCEPTION
            )
            return outcomes_of(calls, tasks)
        finally:
            self._abandon(tasks)

    def _abandon(self, tasks: list[asyncio.Task[Outcome]]) -> None:
        """Cancel what is still running, without waiting for it: nobody's deadline pays for that."""
        for task in tasks:
            if not task.done():
                self._abandoned.add(task)
                task.add_done_callback(self._abandoned.discard)
                task.cancel()

    async def _timed(self, call: Call, errand: Errand, turn: Turn | None) -> Outcome:
        scope = asyncio.timeout_at(errand.cut)
        try:
            async with scope:
                return await self._joined.call(call, errand, turn)
        except TimeoutError:
            if scope.expired():
                return Failure(call, "deadline")
            raise  # a TimeoutError of the upstream's own: a bug there, not our deadline

    async def _remembered(self, stage: Remember, errand: Errand, state_version: str) -> Any:
        key = (errand.site, stage.key, state_version)
        value = self._store.get(key)
        if value is not MISSING:
            return value
        now = asyncio.get_running_loop().time()
        stand_in = self._stand_ins.get(key, now)
        if stand_in is not None:
            if now >= stand_in.again_at:
                stand_in.again_at = now + stage.again_seconds
                self._fetch_of(stage, errand, key, now)
            return stand_in.value
        fetch = self._fetch_of(stage, errand, key, now)
        await asyncio.wait((fetch.task,), timeout=max(0.0, stage.share * (errand.stop - now)))
        now = asyncio.get_running_loop().time()
        if not fetch.task.done():
            return await self._instead(stage, errand.noted(fetch.so_far), key)
        built = fetch.task.result()
        errand.noted(built.outcomes)
        # A build that raised does so again here, as an exception of this flow's own.
        return await self._built(stage, built.outcomes) if built.value is MISSING else built.value

    async def _built(self, stage: Remember, outcomes: tuple[Outcome, ...]) -> Any:
        """What the stage makes of the outcomes."""
        return await self._worked(stage.build, outcomes)

    async def _worked(self, work: Callable[[tuple[Outcome, ...]], T], outcomes: tuple[Outcome, ...]) -> T:
        """What the work makes of the outcomes; of long ones in a thread, as that takes its time."""
        size = sum(len(page) for each in outcomes if isinstance(each, Answer) for page in each.pages)
        if size <= AT_ONCE_BYTES:
            return work(outcomes)
        return await asyncio.to_thread(work, outcomes)

    async def _instead(self, stage: Remember, outcomes: tuple[Outcome, ...], key: Hashable) -> Any:
        """What stands in for the whole: the last one, or else what is made of these outcomes. Raises what
        making it does."""
        value = self._stand_ins.last(key, stage)
        if value is MISSING:
            async with self._building:  # those who wait for the same have it made once
                now = asyncio.get_running_loop().time()
                made = self._stand_ins.get(key, now)
                if made is not None and now < made.again_at:
                    return made.value
                value = await self._built(stage, outcomes)
        self._stand_ins.put(key, stage, value, asyncio.get_running_loop().time())
        return value

    def _fetch_of(self, stage: Remember, errand: Errand, key: Hashable, now: float) -> Fetch:
        """The fetch that is under way, or a new one where there is none, or where it hangs."""
        out = self._fetches.setdefault(key, [])
        if out and (now - out[-1].started < self._stuck_seconds or len(out) >= _FETCHES):
            return out[-1]
        stop = now + self._shared_seconds
        alone = replace(
            errand,
            since=now,
            stop=stop,
            cut=stop + _RESERVE_SECONDS,
            shared=True,
            turns=[],
            parts=[],
            asked=[],
            brought=[],
        )
        task = asyncio.get_running_loop().create_task(self._fetch(stage, alone, key))
        begun = Fetch(now, task, alone)
        out.append(begun)
        self._fetching.add(task)

        def ended(_task: asyncio.Task[_Built]) -> None:
            self._fetching.discard(task)
            out.remove(begun)
            if not out and self._fetches.get(key) is out:
                del self._fetches[key]

        task.add_done_callback(ended)
        return begun

    async def _fetch(self, stage: Remember, errand: Errand, key: Hashable) -> _Built:
        outcomes = await self._rounds(stage, errand)
        try:
            value = await self._built(stage, outcomes)
        except Exception:
            value = MISSING
        if value is not MISSING and stage.keep(value):
            self._stand_ins.whole(key, stage, value)
        elif self._store.get(key) is MISSING:  # else a later fetch has brought all of it
            with suppress(Exception):  # nothing can stand in: whoever waits is told why, by what it builds
                value = await self._instead(stage, outcomes, key)
        return _Built(outcomes, value)

    async def _rounds(self, stage: Remember, errand: Errand) -> tuple[Outcome, ...]:
        """The outcomes of a stage's calls, and of those that they lead to."""
        calls = stage.calls
        for _ in range(MOST_ROUNDS):
            errand.parts.clear()
            errand.asked[:] = calls
            outcomes = await self._ask(calls, errand)
            errand.asked.clear()
            errand.brought.extend(outcomes)
            with suppress(Exception):  # what cannot be read leads nowhere; the build says why
                calls = await self._worked(stage.more, tuple(errand.brought))
                if calls:
                    continue
            break
        return tuple(errand.brought)


@dataclass(frozen=True, slots=True)
class _Built:
    outcomes: tuple[Outcome, ...]
    value: Any  # MISSING: building it raised
