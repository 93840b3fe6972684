"""Who may ask an upstream now, who waits for it, and who is told at once that waiting is of no use."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field
from typing import Final

from gateway.upstream.budget import Budget
from gateway.upstream.common import Common
from gateway.upstream.trouble import Trouble

# An expired wait is told a little before the deadline, so that nobody takes it for the upstream's silence.
_SOONEST: Final = 0.02
_WAITING_FOR_EACH: Final = 50
_WAITING_AT_LEAST: Final = 200
_WAITING_BLINDLY: Final = 4  # for each place, before enough have come back: the quickest do first
# How much of the time that is left the wait may take by our reckoning, and how much once a line has stood
# for longer than that time: then it is no burst that passes, and a long line makes everybody slow and
# nobody better off.
_OF_BURST: Final = 0.8
_OF_STANDING: Final = 0.5


class Turn:
    """What the calls of one stage of a query hold together: their order, and that they were let in.

    ``since`` is when the query came (of the loop's clock): earlier ones go first, so that a query which is
    half answered is not held up by those that came after it. ``shared``: the calls are for whoever comes.
    ``budget`` is what its calls may bring.
    """

    __slots__ = ("_places", "budget", "coming", "shared", "since")

    def __init__(
        self, places: Places, coming: int, since: float, *, shared: bool, budget: Budget | None = None
    ) -> None:
        self._places = places
        self.budget = budget
        self.coming = coming
        self.since = since
        self.shared = shared

    def close(self) -> None:
        """Those that were let in and never came are counted no more."""
        self._places.coming -= self.coming
        self.coming = 0


@dataclass(eq=False, slots=True)
class _Waiter:
    turn: Turn
    kind: str
    latest: float  # when it must have begun
    granted: asyncio.Future[bool] = field(repr=False)


_Line = list[tuple[float, int, _Waiter]]


class Places:
    """At most ``limit`` requests of an upstream at a time, and a line before them, ordered by queries.

    Whether a query can still be answered is judged when it comes, by who is before it and by how long a
    call has held its place lately, its retries and further pages counted in. Calls that are shared never
    take the last place, so that a directory that hangs leaves one for the slots. All times are of the loop's
    clock, in seconds.
    """

    def __init__(self, limit: int, common: Common | None = None) -> None:
        self.limit = limit
        self.running = 0
        self.coming = 0
        self._most_waiting = max(_WAITING_AT_LEAST, limit * _WAITING_FOR_EACH)
        self._common = common or Common(2 * limit)
        self._common.join(self)
        self._shared = 0
        self._lines: tuple[_Line, _Line] = ([], [])  # calls of one query, and shared ones
        self._waiting = 0
        self._number = 0
        self._moved_at = 0.0
        self._standing_since = 0.0
        self._memory = 1 / max(8, limit)
        self._seconds = 0.0  # held, and calls that held them: both fade
        self._calls = 0.0

    @property
    def waiting(self) -> int:
        """How many calls wait for a place."""
        return self._waiting

    def admit(
        self, calls: int, *, service: float, deadline: float, since: float, shared: bool = False
    ) -> Turn:
        """Let so many calls of a query in, all of them or none. ``service``: seconds that one takes.

        Raises Trouble ``overloaded`` when they can not be answered by the deadline.
        """
        now = asyncio.get_running_loop().time()
        ahead = self._ahead(since) + self.coming
        free = self._free()
        if ahead + calls > free:
            self._judge(ahead, calls, free, deadline - now - service, now)
        self.coming += calls
        return Turn(self, calls, since, shared=shared)

    def _judge(self, ahead: int, calls: int, free: int, left: float, now: float) -> None:
        apiece = self._held(now) / max(1, self.running)
        standing = self._waiting and now - self._standing_since > left
        bound = max(0.0, left) * (_OF_STANDING if standing else _OF_BURST)
        # Where its own calls alone are too many for the time, it gets what can be had: a part.
        counted = calls if calls * apiece <= bound else 1
        wait = max(0, ahead + counted - free) * apiece
        most = self._most_waiting if self._calls > self.limit / 2 else self.limit * _WAITING_BLINDLY
        over = ahead + calls - most if ahead else 0
        if wait > bound or over > 0:
            after = max(wait - bound, over * apiece, apiece)
            raise Trouble("overloaded", reason="queue", retry_after=after)

    def _ahead(self, since: float) -> int:
        """How many wait that came before; of the shared ones only if they do not wait for each other."""
        if not self._waiting:
            return 0
        lines = self._lines[:1] if self._shared >= self.limit - 1 else self._lines
        return sum(each[0] <= since for line in lines for each in line if not each[2].granted.done())

    def _held(self, now: float) -> float:
        """Seconds for which a call holds a place. When nothing has moved for longer, then at least that."""
        usual = self._seconds / self._calls if self._calls else 0.0
        return max(usual, now - self._moved_at) if self.running else usual

    def _free(self) -> int:
        if self._common.may_start(self):
            return self.limit - self.running
        return 0

    def _may_start(self, *, shared: bool) -> bool:
        if self.running >= self.limit or (shared and self._shared >= max(1, self.limit - 1)):
            return False
        return self._common.may_start(self)

    def take_now(self, turn: Turn, now: float) -> bool:
        """Have a place, as of :meth:`take`, if there is one and nobody waits for it. False: it is not had."""
        if (self._waiting and self._lines[turn.shared]) or not self._may_start(shared=turn.shared):
            return False
        if turn.coming:
            turn.coming -= 1
            self.coming -= 1
        self._start(turn, now)
        return True

    async def take(self, turn: Turn, kind: str, *, least: float, deadline: float) -> bool:
        """Have a place; to be given back by :meth:`leave`. Whether it is the first of a call that was let in.

        A call that would have less than ``least`` seconds until its deadline is not begun. Raises Trouble
        ``overloaded`` if that, or the deadline, comes while it waits; ``deadline`` if it was so before.
        """
        first = turn.coming > 0
        loop = asyncio.get_running_loop()
        now = loop.time()
        if deadline - now >= least and self.take_now(turn, now):
            return first
        if first:
            turn.coming -= 1
            self.coming -= 1
        if deadline - now < least:
            raise Trouble("deadline")
        waiter = _Waiter(turn, kind, deadline - max(least, _SOONEST), loop.create_future())
        self._enqueue(waiter, now)
        timer = loop.call_at(waiter.latest, self._expire, waiter)
        try:
            if await waiter.granted:
                return first
        except asyncio.CancelledError:
            self._withdraw(waiter)
            if loop.time() < waiter.latest:
                raise
        finally:
            timer.cancel()
        raise Trouble("overloaded", reason="queue", retry_after=max(1.0, self._held(loop.time())))

    def leave(self, turn: Turn, held: float, *, first: bool) -> None:
        """Give a place back that was held for so many seconds."""
        keep = 1 - self._memory
        self._seconds = self._seconds * keep + held
        self._calls = self._calls * keep + first
        self._end(turn)

    def dismiss(self, kind: str, trouble: Trouble) -> None:
        """Tell all who wait to make a call of that kind that it will not be made."""
        for line in self._lines:
            for _, _, waiter in line:
                if waiter.kind == kind and not waiter.granted.done():
                    self._waiting -= 1
                    waiter.granted.set_exception(trouble.again())

    def _start(self, turn: Turn, now: float) -> None:
        self.running += 1
        self._shared += turn.shared
        self._common.started(self)
        self._moved_at = now

    def _end(self, turn: Turn) -> None:
        self.running -= 1
        self._shared -= turn.shared
        self._common.ended(self)
        self._moved_at = asyncio.get_running_loop().time()
        if self._waiting:
            self.advance()
        if self._common.crowded:
            self._common.pass_on()

    def _enqueue(self, waiter: _Waiter, now: float) -> None:
        if not self._waiting:
            self._standing_since = now
        self._waiting += 1
        self._number += 1
        heapq.heappush(self._lines[waiter.turn.shared], (waiter.turn.since, self._number, waiter))
        self.advance()  # before it there may be only those who have gone

    def advance(self) -> None:
        """Start those who wait, the earliest query first, as far as there is room."""
        now = asyncio.get_running_loop().time()
        while (line := self._next_line()) is not None:
            _, _, waiter = heapq.heappop(line)
            self._waiting -= 1
            in_time = now <= waiter.latest
            if in_time:
                self._start(waiter.turn, now)
            waiter.granted.set_result(in_time)
        if self._waiting and not self._common.may_start(self):
            self._common.blocked(self)

    def _next_line(self) -> _Line | None:
        """The line whose head is to start now; those who have gone are cleared away before it."""
        found: _Line | None = None
        for shared, line in enumerate(self._lines):
            while line and line[0][2].granted.done():
                heapq.heappop(line)
            if line and self._may_start(shared=bool(shared)) and (found is None or line[0] < found[0]):
                found = line
        return found

    def _expire(self, waiter: _Waiter) -> None:
        if not waiter.granted.done():
            self._waiting -= 1
            waiter.granted.set_result(False)

    def _withdraw(self, waiter: _Waiter) -> None:
        """It was cancelled: its place in the line goes, or the place that it was just given."""
        if waiter.granted.cancelled():
            self._waiting -= 1
        elif waiter.granted.exception() is None and waiter.granted.result():
            self._end(waiter.turn)
