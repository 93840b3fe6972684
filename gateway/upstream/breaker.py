"""A breaker per upstream: after failures in a row it is left alone for a while."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

from gateway.upstream.trouble import Trouble

BreakerState = Literal["closed", "open", "half-open"]

# What those are told who come while the probe is out: its end is not known, but it is near.
_PROBE_SECONDS = 1.0


class Breaker:
    """Closed, it lets all through; open, none; half-open, one at a time: the probe.

    It opens after ``failures`` in a row, and is half-open ``seconds`` later. A probe that succeeds
    closes it, one that fails opens it anew, one that ends without a verdict (cancelled, or no token
    was to be had) leaves the place to the next. What was begun before the last change of state
    has no say any more. ``clock`` gives seconds that never go back.
    """

    def __init__(self, *, failures: int, seconds: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._in_a_row = 0
        self._opened_at: float | None = None
        self._probe: Passage | None = None
        self._generation = 0

    @property
    def state(self) -> BreakerState:
        """The state at this moment, for the metrics."""
        if self._opened_at is None:
            return "closed"
        return "half-open" if self._clock() >= self._opened_at + self._seconds else "open"

    def enter(self) -> Passage:
        """Let one call through; to be used as a context. Raises Trouble ``breaker`` if it may not."""
        state = self.state
        if state == "open":
            assert self._opened_at is not None
            raise Trouble("breaker", retry_after=self._opened_at + self._seconds - self._clock())
        if state == "half-open" and self._probe is not None:
            raise Trouble("breaker", retry_after=min(_PROBE_SECONDS, self._seconds))
        passage = Passage(self, self._generation, probe=state == "half-open")
        if passage.probe:
            self._probe = passage
        return passage

    def settle(self, passage: Passage, down: bool | None) -> None:
        """Take the verdict of a call that ended; called by the passage itself."""
        if self._probe is passage:
            self._probe = None
        if down is None or passage.generation != self._generation:
            return
        self._in_a_row = self._in_a_row + 1 if down else 0
        if down and (passage.probe or self._in_a_row >= self._limit):
            self._change(opened_at=self._clock())
        elif passage.probe and not down:
            self._change(opened_at=None)

    def _change(self, *, opened_at: float | None) -> None:
        self._opened_at = opened_at
        self._in_a_row = 0
        self._generation += 1


class Passage:
    """One call that the breaker let through. ``down`` is its verdict, None until there is one."""

    __slots__ = ("_breaker", "down", "generation", "probe")

    def __init__(self, breaker: Breaker, generation: int, *, probe: bool) -> None:
        self._breaker = breaker
        self.generation = generation
        self.probe = probe
        self.down: bool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._breaker.settle(self, self.down)
