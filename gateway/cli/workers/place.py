"""One place among the workers: there is always a process in it, or somebody who is about to start one."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from gateway.cli.workers.control import Kind
from gateway.cli.workers.counts import Counts
from gateway.cli.workers.process import Bounds, End, Launch, Orders, Reason, State, Worker
from gateway.web.logging import describe_fault

_DOUBLINGS: Final = 16  # more are above any longest pause

_SAID: Final[dict[Reason, str]] = {
    "exit": "it ended by itself",
    "signal": "a signal ended it",
    "start": "it was not ready in time, or ended before; what it said is on stderr",
    "tables": "it would answer otherwise than the rest: was the program exchanged? Restart the gateway",
    "silent": "it did not answer, and was killed; where it was stuck is on stderr",
    "deaf": "its listener was closed, and it was killed",
    "drain": "it was told to end and did not, and was killed",
    "control": "its line to the supervisor broke, and it was killed",
    "spawn": "no process could be started",
    "fault": "watching it failed, and it was killed",
}


class Place:
    """``changed`` is called whenever what is true of it may have changed."""

    def __init__(
        self,
        name: str,
        launch: Launch,
        *,
        orders: Orders,
        bounds: Bounds,
        log: FilteringBoundLogger,
        counts: Counts,
        changed: Callable[[], None],
    ) -> None:
        self.name = name
        self.state = State.STARTING
        self._why = ""
        self._worker: Worker | None = None
        self._launch = launch
        self._orders = orders
        self._bounds = bounds
        self._log = log
        self._counts = counts
        self._changed = changed
        self._restarted = False
        counts.watch(name, lambda: self.state is State.READY, self._age)

    @property
    def told(self) -> str:
        """What is true of it, for whoever reads ``/readyz``."""
        return self.state.value + (f": {self._why}" if self._why else "")

    async def keep(self, stop: asyncio.Event, hurry: asyncio.Event) -> bool:
        """Have a worker here until ``stop`` is set: a new one each time it dies or has to be killed, after
        longer and longer pauses if none of them serves for long.

        True if the last one had to be killed. Raises nothing, whatever a worker does.
        """
        failures = 0
        while True:
            end = await self._life(stop, hurry)
            self._worker = None
            if stop.is_set():
                return end.forced
            failures = 1 if end.served > self._bounds.steady else failures + 1
            pause = self._bounds.pause * 2.0 ** min(failures - 1, _DOUBLINGS)
            pause = min(pause, self._bounds.longest_pause)
            self._restarted = True
            self._show(State.RESTARTING, _SAID[end.reason])
            self._counts.restart(self.name, end.reason)
            self._tell(end, pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
                return False

    async def metrics(self, seconds: float) -> bytes:
        """What its worker counted; nothing from one that is not there or does not answer in time.

        An answer that comes later is the next one's who asks.
        """
        return await self._asked(Kind.METRICS, seconds) or b""

    @property
    def serving(self) -> bool:
        """Whether there is a worker that would go on by what it was told before."""
        return self._worker is not None and self._worker.serving

    async def prepare(self, snapshot: bytes, seconds: float) -> bytes | None:
        """Have its worker build this beside what it serves; the hash of what it has built. None: it has not,
        or not in time."""
        return await self._asked(Kind.PREPARE, seconds, snapshot)

    async def switch(self, seconds: float) -> None:
        """Have its worker serve what it has prepared, which is said before anything is waited for."""
        if self.serving:  # one that was started meanwhile is handed what is in force, once it has built
            await self._asked(Kind.SWITCH, seconds)

    def drop(self) -> None:
        """What its worker has prepared, or is about to, is not to be served."""
        if self._worker is not None and self._worker.serving:
            self._worker.channel.say(Kind.DROP)

    async def _asked(self, kind: Kind, seconds: float, content: bytes = b"") -> bytes | None:
        if self._worker is None:
            return None
        asked = self._worker.channel.ask(kind, content)
        await asyncio.wait({asked}, timeout=seconds)
        return asked.result() if asked.done() else None

    async def _life(self, stop: asyncio.Event, hurry: asyncio.Event) -> End:
        try:
            self._worker = await Worker.begin(self._launch, self._bounds, self._heard)
        except Exception as fault:
            return End("spawn", fault=fault)
        try:
            return await self._worker.live(self._orders, stop, hurry)
        except Exception as fault:
            return End("fault", fault=fault)

    def _heard(self, state: State, why: str) -> None:
        if state is State.READY and self._restarted:
            self._restarted = False
            self._write("info", said="it serves again")
        self._show(state, why)

    def _show(self, state: State, why: str) -> None:
        if (state, why) != (self.state, self._why):
            self.state, self._why = state, why
            with suppress(Exception):
                self._changed()

    def _tell(self, end: End, pause: float) -> None:
        fields: dict[str, Any] = {"reason": end.reason, "code": end.code, "said": _SAID[end.reason]}
        if isinstance(end.fault, OSError):
            fields["system"] = end.fault.strerror
        if end.fault is not None:
            fields |= describe_fault(end.fault)
        self._write("error", **fields, restart_in_seconds=pause)

    def _write(self, level: str, **fields: Any) -> None:
        with suppress(Exception):  # whatever befalls the log, the worker is started
            getattr(self._log, level)("worker", worker=self.name, **fields)

    def _age(self) -> float:
        worker = self._worker
        return math.nan if worker is None else time.monotonic() - worker.answered
