"""Equal calls that are under way at the same time are made once."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

from gateway.core.plan import Call, Failure, Outcome, Turn
from gateway.errand import Errand


class _UnderWay:
    """A call under way that others may join. The future is made only when somebody does."""

    __slots__ = ("joined", "started")

    def __init__(self, started: float) -> None:
        self.started = started
        self.joined: asyncio.Future[Outcome] | None = None


class Joined:
    """The calls under way of one process. A GET that equals one begun less than ``seconds`` ago (same site,
    same upstream, same parameters) shares its answer. An older one is not joined: what it brings may already
    be out of date."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._calls: dict[Hashable, _UnderWay] = {}

    def others(self, calls: tuple[Call, ...], errand: Errand) -> tuple[Call, ...]:
        """Those of the calls of which none can share another's answer."""
        if not self._calls:
            return calls
        now = asyncio.get_running_loop().time()
        return tuple(call for call in calls if self._equal(call, errand, now) is None)

    def _equal(self, call: Call, errand: Errand, now: float) -> _UnderWay | None:
        """The equal call that this one may share the answer of."""
        if call.body is not None:
            return None
        other = self._calls.get(_key(call, errand))
        return other if other is not None and now - other.started < self._seconds else None

    async def call(self, call: Call, errand: Errand, turn: Turn | None) -> Outcome:
        """Make the call, or share the answer of an equal one that has just begun."""
        upstream, stop, request_id = errand.upstream, errand.stop, errand.request_id
        if call.body is not None:
            return await upstream.call(call, deadline=stop, request_id=request_id, turn=turn)
        loop = asyncio.get_running_loop()
        key = _key(call, errand)
        while (other := self._equal(call, errand, loop.time())) is not None:
            if other.joined is None:
                other.joined = loop.create_future()
            await asyncio.wait((other.joined,))  # wait() leaves the future alone when we are cancelled
            if not other.joined.cancelled():
                return other.joined.result()
        own = self._calls[key] = _UnderWay(loop.time())
        outcome: Outcome | None = None
        try:
            outcome = await upstream.call(call, deadline=stop, request_id=request_id, turn=turn)
            return outcome
        finally:
            if self._calls.get(key) is own:
                del self._calls[key]
            if own.joined is not None:
                _hand_on(outcome, own.joined)


def _key(call: Call, errand: Errand) -> Hashable:
    return (errand.site, id(errand.upstream), call)


def _hand_on(outcome: Outcome | None, joined: asyncio.Future[Outcome]) -> None:
    """Give those who joined the answer; or, if only we ran out of time or broke off, let them try."""
    if joined.done():
        return
    ours = isinstance(outcome, Failure) and (outcome.kind == "deadline" or outcome.reason == "queue")
    if outcome is None or ours:
        joined.cancel()
    else:
        joined.set_result(outcome)
