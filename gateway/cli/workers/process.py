"""One process that serves as a worker: from its start to the reason why it is no more."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal

import msgspec

from gateway.cli.workers.control import Broken, Channel, Closed, Kind
from gateway.cli.workers.patience import Patience

Reason = Literal["exit", "signal", "start", "tables", "silent", "deaf", "drain", "control", "spawn", "fault"]

_DUMP: Final = getattr(signal, "SIGUSR1", None)  # makes a worker write where it is: see worker.main
_DUMP_SECONDS: Final = 0.3


class State(Enum):
    """What is true of a place among the workers."""

    STARTING = "starting"
    READY = "ready"
    BLOCKED = "not ready"
    SILENT = "silent"
    DEAF = "deaf"
    DRAINING = "draining"
    RESTARTING = "restarting"


class Pulse(msgspec.Struct, frozen=True):
    """What a worker answers to a ping: what keeps it from being ready, and whether its listener accepts."""

    reasons: tuple[str, ...] = ()
    accepting: bool = True
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """For how long a worker is waited for, in seconds.

    ``start``: until it is ready. ``silence``: for the answer to a ping, of which there is one each ``turn``.
    ``end``: after SIGTERM; ``hurried``: after SIGINT. ``last``: for what takes a moment: to go after SIGKILL,
    or once its line has broken. ``steady``: who served as long did not die of how it was started; others are
    started after ``pause``, then twice as long each time, up to ``longest_pause``.
    """

    end: float
    hurried: float
    silence: float = 10.0
    start: float = 60.0
    last: float = 2.0
    steady: float = 10.0
    pause: float = 0.25
    longest_pause: float = 30.0

    @property
    def turn(self) -> float:
        return min(1.0, self.silence / 10)


@dataclass(frozen=True, slots=True)
class Order:
    """What every worker serves: the snapshot it builds from, the hash of what must come of it, the port."""

    snapshot: bytes = field(repr=False)
    built: bytes
    port: int


class Orders:
    """What every worker serves now. While it is ``changing`` none begins to: it would not be told."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.changing = asyncio.Lock()


@dataclass(frozen=True, slots=True)
class End:
    """Why a process is no more.

    ``code`` is its exit code (negative: a signal), None for one that never was or would not go; ``served``
    for how many seconds it was ready; ``forced``: it had to be killed.
    """

    reason: Reason
    code: int | None = None
    served: float = 0.0
    forced: bool = False
    fault: BaseException | None = None


Launch = Callable[[int], Awaitable[Process]]
"""Starts a process whose end of the line is the descriptor of that number, to be inherited."""


class Worker:
    """A process that runs. ``heard`` is told what is true of it, whenever that changes or is confirmed.
    ``serving``: it has been told to; from then on it is told of every other order."""

    def __init__(
        self, process: Process, channel: Channel, bounds: Bounds, heard: Callable[[State, str], None]
    ) -> None:
        self.channel = channel
        self.answered = time.monotonic()
        self.serving = False
        self._process = process
        self._bounds = bounds
        self._heard = heard
        self._since: float | None = None

    @classmethod
    async def begin(cls, launch: Launch, bounds: Bounds, heard: Callable[[State, str], None]) -> Worker:
        """Start one. Raises what ``launch`` does, an OSError mostly; nothing is left behind then."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await launch(theirs.fileno())
        except BaseException:
            ours.close()
            raise
        try:
            reader, writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()
            process.kill()
            raise
        return cls(process, Channel(reader, writer), bounds, heard)

    async def live(self, orders: Orders, stop: asyncio.Event, hurry: asyncio.Event) -> End:
        """Until it ends, has to be ended, or ``stop`` is set and it has ended in order. Leaves no process."""
        exited = asyncio.create_task(self._process.wait())
        talk = asyncio.create_task(self.channel.listen())
        watch = asyncio.create_task(self._watch(orders))
        stopped = asyncio.create_task(stop.wait())
        tasks: list[asyncio.Task[object]] = [exited, talk, watch, stopped]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            garbled = talk.done() and not isinstance(talk.exception(), Closed)
            if talk.done() and not garbled:  # who dies closes the line first, and is dead a little later
                await _first({exited, stopped}, self._bounds.last)
            if stopped.done() and not exited.done():
                return await self._end(exited, watch, hurry)
            if exited.done() and not garbled:
                return self._ended("start" if self._since is None else None, exited.result())
            reason = _reason(watch) if watch.done() and not talk.done() else "control"
            return self._ended(reason, await self._kill(exited, dump=reason == "silent"))
        finally:
            for task in tasks:
                task.cancel()
            self.channel.close()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._process.returncode is None:
                self._signal(signal.SIGKILL)

    async def _watch(self, orders: Orders) -> Reason:
        """Have it built, ready, and answering; the reason why it cannot go on so."""
        patience = Patience(self._bounds.start, self._bounds.turn)
        while not self.serving:
            order = orders.order
            self.channel.say(Kind.SNAPSHOT, order.snapshot)
            if not await self._came(self.channel.built, patience):
                return "start"
            if self.channel.built.result() != order.built:
                return "tables"
            async with orders.changing:
                if orders.order is order:
                    self.channel.say(Kind.SERVE, str(order.port).encode())
                    self.serving = True
                else:
                    self.channel.build_anew()
        if not await self._came(self.channel.ready, patience):
            return "start"
        self._since = self.answered = time.monotonic()
        self._heard(State.READY, "")
        return await self._beat()

    async def _came(self, awaited: asyncio.Future[bytes | None], patience: Patience) -> bool:
        while not awaited.done() and not patience.out:
            began = time.monotonic()
            await asyncio.wait({awaited}, timeout=patience.turn)
            patience.wait(time.monotonic() - began)
        return awaited.done() and awaited.result() is not None

    async def _beat(self) -> Reason:
        """Ask for its pulse again and again."""
        silence = Patience(self._bounds.silence, self._bounds.turn)
        drain = Patience(self._bounds.end, self._bounds.turn)
        deaf = 0
        asked = self.channel.ask(Kind.PING)
        while True:
            began = time.monotonic()
            await asyncio.wait({asked}, timeout=silence.turn)
            if not asked.done():
                silence.wait(time.monotonic() - began)
                if silence.half:
                    self._heard(State.SILENT, "")
                if silence.out:
                    return "silent"
                continue
            if (said := asked.result()) is None:
                return "control"
            silence.renew()
            self.answered = time.monotonic()
            pulse = msgspec.json.decode(said, type=Pulse)
            self._hear(pulse)
            if pulse.draining:
                drain.wait(silence.turn)
            deaf = deaf + 1 if not (pulse.accepting or pulse.draining) else 0
            if deaf > 1 or drain.out:
                return "deaf" if deaf > 1 else "drain"
            await asyncio.sleep(silence.turn)
            asked = self.channel.ask(Kind.PING)

    def _hear(self, pulse: Pulse) -> None:
        if pulse.draining:
            self._heard(State.DRAINING, "")
        elif not pulse.accepting:
            self._heard(State.DEAF, "")
        elif pulse.reasons:
            self._heard(State.BLOCKED, "; ".join(pulse.reasons))
        else:
            self._heard(State.READY, "")

    async def _end(self, exited: asyncio.Task[int], watch: asyncio.Task[Reason], hurry: asyncio.Event) -> End:
        """SIGTERM, SIGINT too when ``hurry`` is set; SIGKILL for one that takes too long or is silent."""
        hurried = asyncio.create_task(hurry.wait())
        silent = asyncio.create_task(_found_silent(watch))
        try:
            self._signal(signal.SIGTERM)
            await _first({exited, silent, hurried}, self._bounds.end)
            if hurried.done() and not exited.done() and not silent.done():
                self._signal(signal.SIGINT)
                await _first({exited, silent}, self._bounds.hurried)
            if exited.done():
                return self._ended("exit", exited.result())
            return self._ended("exit", await self._kill(exited, dump=silent.done()), forced=True)
        finally:
            hurried.cancel()
            silent.cancel()

    async def _kill(self, exited: asyncio.Task[int], *, dump: bool) -> int | None:
        """SIGKILL; before it, with ``dump``, where it is goes to stderr. None for one that even so stays."""
        if dump and _DUMP is not None:
            self._signal(_DUMP)
            await asyncio.wait({exited}, timeout=_DUMP_SECONDS)
        self._signal(signal.SIGKILL)
        await asyncio.wait({exited}, timeout=self._bounds.last)
        return exited.result() if exited.done() else None

    def _ended(self, reason: Reason | None, code: int | None, *, forced: bool = False) -> End:
        if reason is None:
            reason = "signal" if code is not None and code < 0 else "exit"
        served = 0.0 if self._since is None else time.monotonic() - self._since
        return End(reason, code, served, forced)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                self._process.send_signal(number)


async def _first(tasks: Iterable[asyncio.Task[object]], seconds: float) -> None:
    await asyncio.wait(set(tasks), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


async def _found_silent(watch: asyncio.Task[Reason]) -> None:
    """Returns when the watch finds that nothing answers, and on no other account: lines close at the end."""
    with suppress(Exception):
        if await watch == "silent":
            return
    await asyncio.Event().wait()


def _reason(watch: asyncio.Task[Reason]) -> Reason:
    """What the watch found. An answer that is none is the same as a broken line."""
    fault = watch.exception()
    if fault is None:
        return watch.result()
    if isinstance(fault, msgspec.MsgspecError | UnicodeError | Broken):
        return "control"
    raise fault
