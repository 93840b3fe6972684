"""A breaker for each kind of call to an upstream: what fails is left alone for a while, and only that."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Final, Literal, Self

from gateway.core.plan import FailureReason
from gateway.upstream.trouble import Trouble

BreakerState = Literal["closed", "open", "half-open"]

# What those are told who come while the probe is out: its end is not known, but it is near.
_PROBE_SECONDS: Final = 1.0
# Failures further apart than this are no row, and what was seen before says nothing of now. It is longer than
# a usual deadline: calls that hang one after the other must count together.
_WINDOW_SECONDS: Final = 60.0
_FAILING_SHARE: Final = 0.9
_FAILING_AT_LEAST: Final = 3
_SUBJECTS: Final = 512


class _Circuit:
    """Closed it lets all through, open none, half-open one at a time."""

    __slots__ = ("generation", "in_a_row", "judged_at", "opened_at", "probe")

    def __init__(self) -> None:
        self.in_a_row = 0
        self.judged_at = -_WINDOW_SECONDS
        self.opened_at: float | None = None
        self.probe: Passage | None = None
        self.generation = 0

    def failed(self, now: float) -> None:
        self.in_a_row = self.in_a_row + 1 if now - self.judged_at <= _WINDOW_SECONDS else 1
        self.judged_at = now

    def succeeded(self, now: float) -> None:
        self.in_a_row = 0
        self.judged_at = now

    def change(self, opened_at: float | None) -> None:
        """Open or close. What was begun before has no say any more."""
        self.opened_at = opened_at
        self.generation += 1
        if opened_at is None:
            self.in_a_row = 0


class Breaker:
    """Judges calls of one kind (searches for slots, say), each about a subject (a schedule) or about none.

    A failure that tells of the whole upstream (no connection, 429), or of a call about no subject, counts
    for the kind: it opens after ``failures`` of them with no success between. Any other failure counts for
    its subject alone: after ``failures`` in a row that one is left alone, and the others are asked as
    before. The kind opens by such failures only when more than nine in ten of the subjects asked in the last
    minute failed when last asked, and at least three, or both of two: one bad schedule, however often it is
    asked, never closes a clinic.

    What is open is half-open ``seconds`` later: one call goes through, the probe. Its success closes, its
    failure opens anew, one that ends without a verdict leaves the place to the next. In a half-open kind the
    probe of a single subject is not believed either when it fails: others may try. What was begun before the
    last change of state has no say any more. ``clock`` gives seconds that never go back.
    """

    def __init__(self, *, failures: int, seconds: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._kind = _Circuit()
        self._subjects: dict[str, _Circuit] = {}
        self._tried: set[str] = set()
        self._reason: FailureReason | None = None

    @property
    def state(self) -> BreakerState:
        """The state at this moment, for the metrics: of the kind, or of what was asked in the last minute
        where all of that is left alone. What was not asked goes through all the same."""
        state = self._state(self._kind)
        if state != "closed":
            return state
        left = self._clock() - _WINDOW_SECONDS
        states = {self._state(each) for each in tuple(self._subjects.values()) if each.judged_at >= left}
        if not states or "closed" in states:
            return "closed"
        return "half-open" if "half-open" in states else "open"

    @property
    def set_aside(self) -> int:
        """How many single subjects are left alone at this moment."""
        return sum(self._state(each) != "closed" for each in tuple(self._subjects.values()))

    def _state(self, circuit: _Circuit) -> BreakerState:
        if circuit.opened_at is None:
            return "closed"
        return "half-open" if self._clock() >= circuit.opened_at + self._seconds else "open"

    def check(self, subject: str = "") -> None:
        """Raises Trouble ``breaker`` if a call about this may not go through now."""
        self._check(self._kind)
        own = self._subjects.get(subject)
        if own is not None:
            self._check(own)

    def _check(self, circuit: _Circuit) -> None:
        if circuit.opened_at is None:
            return
        left = circuit.opened_at + self._seconds - self._clock()
        if left > 0:
            raise Trouble("breaker", retry_after=left, reason=self._reason)
        if circuit.probe is not None:
            raise Trouble("breaker", retry_after=min(_PROBE_SECONDS, self._seconds), reason=self._reason)

    def enter(self, subject: str = "") -> Passage:
        """Let one call through; to be used as a context. Raises Trouble ``breaker`` if it may not."""
        kind, own = self._kind, self._own(subject) if subject else None
        passage = Passage(self, subject, own, kind.generation)
        if kind.opened_at is None and (own is None or own.opened_at is None):
            return passage
        self.check(subject)
        for circuit in (kind, own):
            if circuit is not None and circuit.opened_at is not None:
                circuit.probe = passage
                passage.probe = True
        return passage

    def _own(self, subject: str) -> _Circuit:
        own = self._subjects.get(subject)
        if own is None:
            if len(self._subjects) >= _SUBJECTS:
                del self._subjects[next(iter(self._subjects))]
            own = self._subjects[subject] = _Circuit()
        return own

    def settle(self, passage: Passage) -> None:
        """Take the verdict of a call that ended; called by the passage itself."""
        kind, own = self._kind, passage.own
        if passage.down is False and not passage.probe and passage.generation == kind.generation:
            now = self._clock()
            kind.succeeded(now)
            if own is not None and passage.own_generation == own.generation:
                own.succeeded(now)
            return
        probes = kind.probe is passage, own is not None and own.probe is passage
        if probes[0]:
            kind.probe = None
        if own is not None and probes[1]:
            own.probe = None
        if passage.down is None:
            return
        now = self._clock()
        if passage.down:
            self._reason = passage.reason
            single = own is not None and not passage.whole
            if own is not None and single:
                self._own_failure(own, passage, now, probe=probes[1])
            self._kind_failure(passage, now, probe=probes[0], single=single)
            return
        if own is not None and passage.own_generation == own.generation:
            own.succeeded(now)
            if probes[1]:
                own.change(None)
        if passage.generation == kind.generation:
            kind.succeeded(now)
            if probes[0]:
                self._change(None)

    def _own_failure(self, own: _Circuit, passage: Passage, now: float, *, probe: bool) -> None:
        if passage.own_generation == own.generation:
            own.failed(now)
            if probe or own.in_a_row >= self._limit:
                own.change(now)

    def _kind_failure(self, passage: Passage, now: float, *, probe: bool, single: bool) -> None:
        kind, own = self._kind, passage.own
        if passage.generation != kind.generation:
            return
        if not single:
            kind.failed(now)
            if probe or kind.in_a_row >= self._limit:
                self._change(now)
        elif probe and own is not None:
            self._tried.add(passage.subject)
            if own.opened_at != now:
                own.change(now)
            if len(self._tried) >= self._enough():
                self._change(now)
        elif self._mostly_failing(now):
            self._change(now)

    def _enough(self) -> int:
        return min(_FAILING_AT_LEAST, max(2, len(self._subjects)))

    def _mostly_failing(self, now: float) -> bool:
        recent = [each for each in self._subjects.values() if now - each.judged_at <= _WINDOW_SECONDS]
        failing = [each.in_a_row for each in recent if each.in_a_row]
        return (
            len(failing) >= self._enough()
            and len(failing) > _FAILING_SHARE * len(recent)
            and sum(failing) >= self._limit
        )

    def _change(self, opened_at: float | None) -> None:
        self._kind.change(opened_at)
        self._kind.in_a_row = 0
        self._tried.clear()


class Passage:
    """One call that the breaker let through.

    ``down`` is its verdict, None until there is one; ``whole``: what failed is the whole upstream, whatever
    the call was about; ``reason``: what else is known of the failure.
    """

    __slots__ = (
        "_breaker",
        "down",
        "generation",
        "own",
        "own_generation",
        "probe",
        "reason",
        "subject",
        "whole",
    )

    def __init__(self, breaker: Breaker, subject: str, own: _Circuit | None, generation: int) -> None:
        self._breaker = breaker
        self.subject = subject
        self.own = own
        self.generation = generation
        self.own_generation = 0 if own is None else own.generation
        self.probe = False
        self.down: bool | None = None
        self.whole = False
        self.reason: FailureReason | None = None

    def verdict(self, trouble: Trouble) -> None:
        """Take over what an exchange that failed says of the upstream."""
        self.down, self.whole, self.reason = trouble.down, trouble.whole, trouble.reason

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._breaker.settle(self)
