"""Drives a flow: makes the calls it asks for, within the deadline, and hands back what they brought.

The one place that waits. A flow never sees an exception of an upstream: a call that brought nothing
comes back as a :class:`~gateway.core.plan.Failure`, and the flow decides what that means.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.core.plan import Ask, Call, Failure, Flow, Outcome, Remember, Reply

Timings = dict[str, float]
"""Seconds by the name of the stage; ``flow`` is the time spent in the flow itself."""

MISSING: Final = object()
"""What a :class:`Store` gives for a key that it does not hold (any value may be held, None too)."""

_RESERVE_SECONDS: Final = 0.5
_RESERVE_SHARE: Final = 0.1


class Upstream(Protocol):
    """The client side of a site. It answers or gives a Failure; an exception out of it is a bug."""

    async def call(self, call: Call, *, deadline: float, request_id: str) -> Outcome: ...


class Store(Protocol):
    """Where the results of :class:`Remember` stages are kept."""

    def get(self, key: Hashable) -> Any: ...

    def put(self, key: Hashable, value: Any, seconds: float) -> None: ...


class MemoryStore:
    """At most ``size`` values in this process; the one that was least recently read goes first."""

    def __init__(self, size: int = 2048, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    def get(self, key: Hashable) -> Any:
        kept = self._kept.get(key)
        if kept is None:
            return MISSING
        if kept[0] <= self._clock():
            del self._kept[key]
            return MISSING
        self._kept.move_to_end(key)
        return kept[1]

    def put(self, key: Hashable, value: Any, seconds: float) -> None:
        self._kept[key] = (self._clock() + seconds, value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Errand:
    """For whom calls are made, and until when (``stop`` is a time of the event loop's clock)."""

    upstream: Upstream
    site: str
    request_id: str
    stop: float


class _InFlight:
    """A call under way that others may join. The future is made only when somebody does."""

    __slots__ = ("joined", "started")

    def __init__(self, started: float) -> None:
        self.started = started
        self.joined: asyncio.Future[Outcome] | None = None


class Service:
    """Drives flows of all sites of one process.

    ``shared_seconds`` is the deadline of the calls of a :class:`Remember` stage. They serve whoever
    comes, so they have a deadline of their own, and no waiter who leaves ends them.
    ``join_seconds``: a GET that equals one begun less than this ago (same site, same upstream, same
    parameters) shares its answer. An older one is not joined: what it brings may already be out of date.
    ``stuck_seconds``: the calls of a Remember stage that have been out for this long are not waited for by
    newcomers, who make their own: one connection that hangs must not stop a site until it times out.
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
        self._join_seconds = join_seconds
        self._stuck_seconds = stuck_seconds
        self._fetches: dict[Hashable, _Fetch] = {}
        self._fetching: set[asyncio.Task[_Built]] = set()
        self._in_flight: dict[Hashable, _InFlight] = {}
        self._abandoned: set[asyncio.Task[Outcome]] = set()

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
    ) -> tuple[Reply, Timings]:
        """Drive ``flow`` to its reply.

        ``deadline_seconds`` counts from now; the last tenth of it (at most half a second) is kept for
        translating, so calls end before. ``state_version`` (the hash of the site's tables) is part of
        the key of what is remembered: after a reload nothing old is read. ``timings``, when given, is
        filled in as the stages end, so that the caller has it when this raises, too.

        Raises what the flow raises (:class:`GatewayError`), and whatever an upstream should not have.
        """
        spent: Timings = {} if timings is None else timings
        clock = time.perf_counter
        reserve = min(_RESERVE_SECONDS, _RESERVE_SHARE * deadline_seconds)
        stop = asyncio.get_running_loop().time() + deadline_seconds - reserve
        errand = Errand(upstream, site, request_id, stop)
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
                try:
                    if isinstance(step, Ask):
                        value = await self._ask(step.calls, errand)
                    else:
                        value = await self._remembered(step, errand, state_version)
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

    async def _ask(self, calls: tuple[Call, ...], errand: Errand) -> tuple[Outcome, ...]:
        """All calls of a stage together; what is not back in time is cancelled and a Failure."""
        if len(calls) == 1:  # no task: the common case costs a timer and nothing else
            return (await self._timed(calls[0], errand),)
        if not calls:
            return ()
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._call(call, errand)) for call in calls]
        try:
            await asyncio.wait(
                tasks, timeout=max(0.0, errand.stop - loop.time()), return_when=asyncio.FIRST_EXCEPTION
            )
            return tuple(
                task.result() if task.done() else Failure(call, "deadline")
                for task, call in zip(tasks, calls, strict=True)
            )
        finally:
            self._abandon(tasks)

    def _abandon(self, tasks: list[asyncio.Task[Outcome]]) -> None:
        """Cancel what is still running, without waiting for it: nobody's deadline pays for that."""
        for task in tasks:
            if not task.done():
                self._abandoned.add(task)
                task.add_done_callback(self._abandoned.discard)
                task.cancel()

    async def _timed(self, call: Call, errand: Errand) -> Outcome:
        scope = asyncio.timeout_at(errand.stop)
        try:
            async with scope:
                return await self._call(call, errand)
        except TimeoutError:
            if scope.expired():
                return Failure(call, "deadline")
            raise  # a TimeoutError of the upstream's own: a bug there, not our deadline

    async def _call(self, call: Call, errand: Errand) -> Outcome:
        """Make the call, or share the answer of an equal one that has just begun."""
        upstream = errand.upstream
        if call.body is not None:
            return await upstream.call(call, deadline=errand.stop, request_id=errand.request_id)
        loop = asyncio.get_running_loop()
        key = (errand.site, id(upstream), call)
        while (other := self._in_flight.get(key)) and loop.time() - other.started < self._join_seconds:
            if other.joined is None:
                other.joined = loop.create_future()
            await asyncio.wait((other.joined,))  # wait() leaves the future alone when we are cancelled
            if not other.joined.cancelled():
                return other.joined.result()
        own = self._in_flight[key] = _InFlight(loop.time())
        outcome: Outcome | None = None
        try:
            outcome = await upstream.call(call, deadline=errand.stop, request_id=errand.request_id)
            return outcome
        finally:
            if self._in_flight.get(key) is own:
                del self._in_flight[key]
            if own.joined is not None:
                _hand_on(outcome, own.joined)

    async def _remembered(self, stage: Remember, errand: Errand, state_version: str) -> Any:
        key = (errand.site, stage.key, state_version)
        value = self._store.get(key)
        if value is not MISSING:
            return value
        loop = asyncio.get_running_loop()
        known = self._fetches.get(key)
        if known is None or loop.time() - known.started >= self._stuck_seconds:
            known = self._begin(stage, errand, key)
        fetch = known.task
        done, _ = await asyncio.wait((fetch,), timeout=max(0.0, errand.stop - loop.time()))
        if not done:
            return stage.build(tuple(Failure(call, "deadline") for call in stage.calls))
        built = fetch.result()
        # A build that raised does so again here, as an exception of this flow's own.
        return stage.build(built.outcomes) if built.value is MISSING else built.value

    def _begin(self, stage: Remember, errand: Errand, key: Hashable) -> _Fetch:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._fetch(stage, errand, key))
        begun = self._fetches[key] = _Fetch(loop.time(), task)
        self._fetching.add(task)

        def ended(_task: asyncio.Task[_Built]) -> None:
            self._fetching.discard(task)
            if self._fetches.get(key) is begun:  # else a newer one is under way
                del self._fetches[key]

        task.add_done_callback(ended)
        return begun

    async def _fetch(self, stage: Remember, errand: Errand, key: Hashable) -> _Built:
        stop = asyncio.get_running_loop().time() + self._shared_seconds
        outcomes = await self._ask(stage.calls, Errand(errand.upstream, errand.site, errand.request_id, stop))
        try:
            value = stage.build(outcomes)
        except Exception:
            return _Built(outcomes, MISSING)
        if stage.keep(value):
            self._store.put(key, value, stage.seconds)
        return _Built(outcomes, value)


@dataclass(frozen=True, slots=True)
class _Built:
    outcomes: tuple[Outcome, ...]
    value: Any  # MISSING: building it raised


@dataclass(frozen=True, slots=True, eq=False)
class _Fetch:
    started: float
    task: asyncio.Task[_Built]


def _hand_on(outcome: Outcome | None, joined: asyncio.Future[Outcome]) -> None:
    """Give those who joined the answer; or, if only we ran out of time or broke off, let them try."""
    if joined.done():
        return
    if outcome is None or (isinstance(outcome, Failure) and outcome.kind == "deadline"):
        joined.cancel()
    else:
        joined.set_result(outcome)
