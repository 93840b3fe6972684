"""For whom calls are made, and how far those are that serve whoever comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.core.plan import Call, Failure, Outcome, Turn


class Upstream(Protocol):
    """The client side of a site, whatever it speaks: what the driver of flows wants of it. It answers or
    gives a Failure; an exception out of it is a bug."""

    def admit(
        self,
        calls: Sequence[Call],
        *,
        deadline: float,
        since: float,
        shared: bool = False,
        after: Any | None = None,
    ) -> Turn | Failure:
        """Let all calls of a stage in, or none: they could not be answered by the deadline.

        Nothing is waited for. ``since`` is when their query came; ``shared``: they are for whoever comes.
        ``after`` is the turn of an earlier stage of the query, at this very upstream.
        """

    async def call(self, call: Call, *, deadline: float, request_id: str, turn: Any | None = None) -> Outcome:
        """Make ``call`` and say what came of it, by ``deadline`` (a value of ``loop.time()``).

        ``request_id`` is sent along. ``turn`` is what :meth:`admit` of this very upstream gave, else the call
        is let in, or not, by itself. Cancellation passes through.
        """


@dataclass(frozen=True, slots=True)
class Errand:
    """For whom calls are made, and until when (times are of the event loop's clock).

    ``since`` is when the query came; ``stop`` is the upstream's deadline, and ``cut`` when one is cut off
    that did not keep it. ``shared``: the calls are for whoever comes; of those ``asked`` last, ``parts``
    shows how far they are, and ``brought`` is what came before. ``turns`` are those of the stages so far,
    ``failures`` what became of calls that brought nothing.
    """

    upstream: Upstream
    site: str
    request_id: str
    since: float
    stop: float
    cut: float
    shared: bool = False
    turns: list[Turn] = field(default_factory=list)
    parts: list[asyncio.Task[Outcome]] = field(default_factory=list)
    asked: list[Call] = field(default_factory=list)
    brought: list[Outcome] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def noted(self, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        """The outcomes, the failures among them noted."""
        self.failures.extend(each for each in outcomes if isinstance(each, Failure))
        return outcomes


@dataclass(frozen=True, slots=True, eq=False)
class Fetch:
    """The calls of a Remember stage under way, begun at ``started``."""

    started: float
    task: asyncio.Task[Any]
    errand: Errand

    @property
    def so_far(self) -> tuple[Outcome, ...]:
        """What is there of its calls; what is not is a Failure."""
        return (*self.errand.brought, *outcomes_of(self.errand.asked, self.errand.parts))


def outcomes_of(calls: Sequence[Call], parts: Sequence[asyncio.Task[Outcome]]) -> tuple[Outcome, ...]:
    """What is there of the calls of a stage; what is not is a Failure."""
    if len(parts) < len(calls):  # not even begun
        return tuple(Failure(call, "deadline") for call in calls)
    return tuple(
        part.result() if part.done() and not part.cancelled() else Failure(call, "deadline")
        for part, call in zip(parts, calls, strict=True)
    )
