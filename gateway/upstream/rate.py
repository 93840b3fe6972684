"""Our own bound on how many requests go out, for upstreams that publish one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class SlidingWindow:
    """At most ``limit`` in any ``seconds``, exactly: the time of each one is kept until it is out.

    ``clock`` gives seconds that never go back. The count is of this process: with several workers,
    each needs its share of the limit.
    """

    def __init__(self, *, limit: int, seconds: float, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._taken: deque[float] = deque()

    def take(self) -> float | None:
        """None if one more may go now, and it is counted; else the seconds until one may."""
        now = self._clock()
        while self._taken and self._taken[0] + self._seconds <= now:
            self._taken.popleft()
        if len(self._taken) >= self._limit:
            return self._taken[0] + self._seconds - now
        self._taken.append(now)
        return None
