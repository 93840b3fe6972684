"""Listens, says where, and ends in order: not ready, then deaf, then done."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from gateway.web.acceptor import Acceptor
from gateway.web.app import MIDDLEWARE
from gateway.web.connection import Connection, ConnectionLimits
from gateway.web.descriptors import open_files, room
from gateway.web.logging import describe_fault
from gateway.web.readiness import Readiness

Address = tuple[str, int]

_BACKLOG = 1024
_LATE_SECONDS = 1.0  # for the first request of those who connected before we went deaf
_LOOK_SECONDS = 0.01
_DEAF = "the public listener is closed"
_HUNG_UP = "ends in order, as after SIGTERM"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen. Port 0: any free one. ``reuse_port``: several workers share the address.
    ``max_connections`` None: as many as the limit of open files allows."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    reuse_port: bool = False
    max_connections: int | None = None


@dataclass(frozen=True, slots=True)
class Shutdown:
    """``grace_seconds``: not ready, but still serving, so that the balancer can turn away first.
    ``finish_seconds``: how long requests then have to end. After Ctrl-C there is no grace, and they
    have ``hurried_seconds``."""

    grace_seconds: float = 5.0
    finish_seconds: float = 30.0
    hurried_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Bound:
    """The addresses that are really listened on."""

    public: tuple[Address, ...]
    admin: tuple[Address, ...] = ()
    accepting: Callable[[], bool] = lambda: True
    """Whether the public listener still does."""


class _Listener:
    def __init__(
        self,
        app: web.Application,
        listen: Listen,
        limits: ConnectionLimits,
        finish_seconds: float,
        log: FilteringBoundLogger,
    ) -> None:
        self._middleware = app[MIDDLEWARE]
        self._listen = listen
        self._limits = limits
        self._log = log
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=finish_seconds)
        self._acceptor: Acceptor | None = None

    async def start(self) -> tuple[Address, ...]:
        await self._runner.setup()
        listening = await _bound(self._listen)
        self._acceptor = Acceptor(
            "admin" if self._middleware.quiet else "public",
            listening,
            self._connection,
            tls=self._listen.tls,
            handshake_seconds=self._limits.head_seconds,
            most=self._most(),
            counts=self._middleware.connections,
            log=self._log,
            spare=self._middleware.quiet,  # whatever becomes of the others, health can be asked
        )
        self._acceptor.start()
        return tuple(sock.getsockname()[:2] for sock in listening)

    def _most(self) -> int:
        wanted = self._listen.max_connections
        there = room(wanted, open_files())
        if wanted is not None and there.public < wanted:
            said = f"the limit of open files ({there.open_files}) does not allow server.max_connections"
            self._log.warning("connections", listener="public", most=there.public, wanted=wanted, said=said)
        return there.admin if self._middleware.quiet else there.public

    def _connection(self, left: Callable[[Connection], None]) -> Connection:
        manager = self._runner.server
        assert manager is not None  # set up by start()
        return Connection(manager, self._middleware, self._limits, asyncio.get_running_loop(), left)

    def accepting(self) -> bool:
        """Whether the system still takes connections for it."""
        return self._acceptor is not None and self._acceptor.accepting

    async def end(self, hurried_seconds: float | None = None) -> None:
        """Accept nobody any more, let the requests under way end, close the connections."""
        if self._acceptor is not None:
            late = self._acceptor.stop()
            if hurried_seconds is None:
                await _welcome(self._acceptor, late)
            else:
                for each in late:
                    each.close()
            self._acceptor.give_up()
        if hurried_seconds is not None and self._runner.server is not None:
            await self._runner.server.shutdown(hurried_seconds)
        await self._runner.cleanup()


async def _bound(listen: Listen) -> list[socket.socket]:
    """Sockets that listen there: of each address that the host's name stands for. Raises OSError."""
    placed = await asyncio.get_running_loop().create_server(
        asyncio.Protocol, listen.host, listen.port, reuse_port=listen.reuse_port or None, start_serving=False
    )
    try:
        listening = [socket.socket(fileno=os.dup(each.fileno())) for each in placed.sockets]
    finally:
        placed.close()
    for each in listening:
        each.setblocking(False)
        each.listen(_BACKLOG)
    return listening


async def _welcome(acceptor: Acceptor, late: list[socket.socket]) -> None:
    """Let those who connected just before the end ask: for them we were still there."""
    taken = [acceptor.take(each) for each in late]
    with suppress(TimeoutError):
        async with asyncio.timeout(_LATE_SECONDS):
            await asyncio.gather(*taken)
            while True:
                await asyncio.sleep(_LOOK_SECONDS)  # those that a handshake held up come with the next turns
                if not acceptor.unasked:
                    return


async def run(
    public: web.Application,
    admin: web.Application | None,
    *,
    listen: Listen,
    admin_listen: Listen | None,
    readiness: Readiness,
    log: FilteringBoundLogger,
    on_bound: Callable[[Bound], None],
    stop: asyncio.Event | None = None,
    shutdown: Shutdown | None = None,
    limits: ConnectionLimits | None = None,
    on_hangup: Callable[[], None] | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT, SIGHUP or ``stop``; return when all is closed.

    With ``on_hangup`` SIGHUP calls that instead, unless our terminal went away. ``on_bound`` is called once,
    when both listeners accept. Raises OSError if an address cannot be listened on (nothing is left open
    then). Signals are taken over only in the main thread.
    """
    how = Shutdown() if shutdown is None else shutdown
    stop = asyncio.Event() if stop is None else stop
    hurry = asyncio.Event()
    bounds = ConnectionLimits() if limits is None else limits
    watched = None
    if admin is not None and admin_listen is not None:
        watched = _Listener(admin, admin_listen, bounds, how.hurried_seconds, log)
    serving = _Listener(public, listen, bounds, how.finish_seconds, log)
    with _signals(stop, hurry, log, on_hangup), _loop_faults(log):
        try:
            admin_at = await watched.start() if watched is not None else ()
            public_at = await serving.start()
            readiness.watch(lambda: () if serving.accepting() or readiness.draining else (_DEAF,))
            on_bound(Bound(public_at, admin_at, serving.accepting))
            await stop.wait()
            readiness.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(hurry.wait(), how.grace_seconds)
        finally:
            # The admin listener goes last: until then it can be asked how the rest is ending.
            await serving.end(how.hurried_seconds if hurry.is_set() else None)
            if watched is not None:
                await watched.end()


def _has_terminal() -> bool:
    """Whether this process has a terminal that controls it."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextmanager
def _signals(
    stop: asyncio.Event,
    hurry: asyncio.Event,
    log: FilteringBoundLogger,
    on_hangup: Callable[[], None] | None,
) -> Iterator[None]:
    """SIGTERM: stop in order; a second one, or SIGINT (a person at the keyboard): without the grace.

    SIGHUP is taken as a SIGTERM that is not counted: when a terminal goes away every worker gets it, and then
    the SIGTERM of its supervisor as well. Who started us to survive it (nohup) is obeyed. Where there is
    ``on_hangup`` it is called instead, unless we had a terminal and have none any more.
    """
    loop = asyncio.get_running_loop()
    hung_up = False
    had_terminal = _has_terminal()

    def terminate() -> None:
        nonlocal hung_up
        if stop.is_set() and not hung_up:
            hurry.set()
        hung_up = False
        stop.set()

    def interrupt() -> None:
        hurry.set()
        stop.set()

    def hang_up() -> None:
        nonlocal hung_up
        if on_hangup is not None and not (had_terminal and not _has_terminal()):
            on_hangup()
            return
        log.warning("signal", signal="SIGHUP", said=_HUNG_UP)
        hung_up = True
        stop.set()

    handlers = {signal.SIGTERM: terminate, signal.SIGINT: interrupt}
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        handlers[hangup] = hang_up
    taken: list[signal.Signals] = []
    for number, handler in handlers.items():
        # Not in a thread, and not on Windows: there the process just ends.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, handler)
            taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)


@contextmanager
def _loop_faults(log: FilteringBoundLogger) -> Iterator[None]:
    """Exceptions that no task's owner took go to our log, without what they say."""
    loop = asyncio.get_running_loop()
    former = loop.get_exception_handler()

    def report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        fault = context.get("exception")
        log.error("loop", said=context["message"], **(describe_fault(fault) if fault is not None else {}))

    loop.set_exception_handler(report)
    try:
        yield
    finally:
        loop.set_exception_handler(former)
