"""Times calls side by side: in every round each program has its turn, so that noise falls on all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

LONG_TURNS = 5  # a call longer than so many turns is timed in the first rounds only
FIRST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: ``rounds``, and about how many ``seconds`` a program's turn takes in each."""

    rounds: int
    seconds: float


FULL = Effort(rounds=15, seconds=0.02)
QUICK = Effort(rounds=3, seconds=0.002)


class Timings:
    """Seconds per call, by program and round."""

    def __init__(self, seconds: Mapping[str, list[float]]) -> None:
        self._seconds = seconds

    def median(self, name: str) -> float:
        return median(self._seconds[name])

    def ratio(self, name: str, base: str) -> float:
        """The median over the rounds of ``name`` : ``base`` within a round."""
        return median(
            one / other for one, other in zip(self._seconds[name], self._seconds[base], strict=False)
        )


def interleaved(calls: Mapping[str, Callable[[], object]], effort: Effort) -> Timings:
    """Times each call, in seconds. Garbage collection stays on, as it does in a server."""
    gc.collect()
    gc.freeze()
    try:
        once = {name: _seconds(call, 2) for name, call in calls.items()}
        taken: dict[str, list[float]] = {name: [] for name in calls}
        for number in range(effort.rounds):
            gc.collect()
            for name, call in calls.items():
                if number < FIRST_ROUNDS or once[name] < effort.seconds * LONG_TURNS:
                    taken[name].append(_seconds(call, max(1, round(effort.seconds / once[name]))))
    finally:
        gc.unfreeze()
    return Timings(taken)


def _seconds(call: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times
