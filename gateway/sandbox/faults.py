"""Faults that a test or a person switches on: which call they hit, how often, and what they spoil."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec
from aiohttp import web

FaultKind = Literal[
    "slow",  # answers after ``seconds``
    "status",  # answers with ``status``, and with Retry-After if ``retry_after`` is given
    "reset",  # breaks the connection off before a byte of the answer
    "truncate",  # announces the whole length, sends half, and breaks off
    "not-json",  # 200 with a page of HTML
    "huge",  # the right answer, followed by white space up to ``size`` bytes
    "expired-token",  # the tokens handed out so far are no longer known
    "malformed-slot",  # one more slot, whose start is not a time
    "foreign-next",  # a ``next`` link to ``url``, which is on another host
    "loop-next",  # a ``next`` link to the page itself
    "no-entry",  # a Bundle without ``entry``
    "wrong-schedule",  # the slots say that they are of another schedule
    "busy-slots",  # every second slot is busy
    "duplicate",  # every entry twice
    "errors",  # Redox: 200 with ``Meta.Errors``
    "incomplete",  # Redox: half of the slots and ``Meta.IsIncomplete``
    "rate-limit",  # Redox: 429 with X-RateLimit-Limit and no Retry-After
]

ANYWHERE: frozenset[FaultKind] = frozenset({"slow", "status", "reset", "truncate", "not-json"})


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One switched fault. ``times`` absent: until cleared, save ``expired-token``, which is once.

    ``schedule`` restricts it to calls that name this schedule. ``seconds`` and ``retry_after`` are
    in seconds, ``size`` in bytes.
    """

    kind: FaultKind
    times: int | None = None
    schedule: str | None = None
    status: int = 503
    retry_after: int | None = None
    seconds: float = 2.0
    url: str = "http://elsewhere.invalid/Slot?_offset=10"
    size: int = 12 * 1024 * 1024

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError("times is the number of calls to hit: 1 or more, or leave it out")
        if not 400 <= self.status <= 599:
            raise ValueError("status is an HTTP error status, 400 to 599")
        if not (math.isfinite(self.seconds) and 0 <= self.seconds <= 600):
            raise ValueError("seconds is from 0 to 600")
        if not 0 <= self.size <= 256 * 1024 * 1024:
            raise ValueError("size is in bytes, at most 268435456")


class Faults:
    """The faults that stand, by target. ``kinds`` says which kinds each target knows."""

    def __init__(self, kinds: Mapping[str, frozenset[FaultKind]]) -> None:
        self._kinds = kinds
        self._standing: dict[str, list[tuple[Fault, int | None]]] = {}

    def set(self, target: str, *faults: Fault) -> None:
        """Replaces the faults of one target. Raises ValueError for a target or kind that is not known."""
        known = self._kinds.get(target)
        if known is None:
            raise ValueError(f'"{target}" is not a target; the targets are {", ".join(self._kinds)}')
        for fault in faults:
            if fault.kind not in known:
                kinds = ", ".join(sorted(known))
                raise ValueError(f'"{fault.kind}" is not a fault of "{target}"; it has {kinds}')
        self._standing[target] = [(fault, _times(fault)) for fault in faults]

    def set_all(self, wanted: Mapping[str, Any]) -> None:
        """The same from JSON: target -> one fault or a list of them. Sets all of it or nothing."""
        parsed = {target: tuple(_parsed(target, each)) for target, each in wanted.items()}
        trial = Faults(self._kinds)
        for target, faults in parsed.items():
            trial.set(target, *faults)
        self._standing.update(trial._standing)

    def clear(self) -> None:
        self._standing.clear()

    def take(self, target: str, schedule: str | None = None) -> Fault | None:
        """The fault that hits this call, if one does; counts it."""
        standing = self._standing.get(target, [])
        for index, (fault, left) in enumerate(standing):
            if fault.schedule is not None and fault.schedule != schedule:
                continue
            if left == 1:
                del standing[index]
            elif left is not None:
                standing[index] = (fault, left - 1)
            return fault
        return None

    def listing(self) -> dict[str, list[dict[str, Any]]]:
        """What stands, as JSON values; ``times`` is what is left."""
        return {
            target: [
                msgspec.to_builtins(fault) | ({} if left is None else {"times": left}) for fault, left in each
            ]
            for target, each in self._standing.items()
            if each
        }


FAULTS: web.AppKey[Faults] = web.AppKey("FAULTS", Faults)


def _times(fault: Fault) -> int | None:
    return 1 if fault.kind == "expired-token" and fault.times is None else fault.times


def _left(times: int | None) -> dict[str, int]:
    return {} if times is None else {"times": times}


def _parsed(target: str, wanted: object) -> Iterable[Fault]:
    for each in wanted if isinstance(wanted, list) else [wanted]:
        try:
            yield msgspec.convert(each, Fault)
        except msgspec.ValidationError as error:
            raise ValueError(f"{target}: {error}") from error
