"""The parent of several workers: starts them, watches them, ends them, and answers for all of them.

The admin listener stands here. Ready means that every worker is; the metrics are those of all workers,
each sample with the label ``worker``, so that one that is started anew counts from zero by itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import hdrs, web
from structlog.typing import FilteringBoundLogger

from gateway.assemble.application import House, shutdown_of
from gateway.cli.exposition import merged
from gateway.cli.serve import say_admin, say_public, url_of
from gateway.web.admin_routes import AdminRoutes
from gateway.web.app import admin_app
from gateway.web.metrics import TEXT_FORMAT, Metrics
from gateway.web.readiness import Readiness
from gateway.web.server import Bound, Listen, Shutdown
from gateway.web.server import run as listen

_STEADY_SECONDS: Final = 10.0  # who lived as long did not die of how it was started
_LONGEST_PAUSE: Final = 30.0
_METRICS_SECONDS: Final = 3.0
_WORKER: Final = "from gateway.cli import worker; import sys; worker.main(*sys.argv[1:])"


@dataclass
class _Worker:
    """One place among the workers. The process in it changes when one dies."""

    name: str
    process: Process | None = None
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    talking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Supervisor:
    """Serves ``house`` by ``count`` workers, each of which reads ``config`` and builds it for itself.

    The parent's own house answers nothing; it describes the listeners."""

    def __init__(self, config: Path, house: House, count: int, log: FilteringBoundLogger) -> None:
        self._config = config
        self._house = house
        self._settings = house.settings
        self._log = log
        self._workers = [_Worker(str(number)) for number in range(count)]
        self._readiness = Readiness(**{each.name: _not_ready(each) for each in self._workers})
        self._stop = asyncio.Event()
        self._admin_bound = asyncio.Event()
        self._port = 0
        self._said = False

    async def run(self) -> int:
        """Until a signal ends it. The exit code: 0, or 1 if workers had to be killed.

        Raises OSError if an address cannot be listened on.
        """
        with reserved(self._settings.server.host, self._settings.server.port) as place:
            self._port = place.getsockname()[1]
            admin = asyncio.create_task(self._serve_admin())
            bound = asyncio.create_task(self._admin_bound.wait())
            await asyncio.wait({admin, bound}, return_when=asyncio.FIRST_COMPLETED)
            if not bound.done():
                bound.cancel()
                await admin  # raises why it could not listen
            kept = [asyncio.create_task(self._keep(each)) for each in self._workers]
            await self._stop.wait()
            code = await self._end(kept, admin)
        admin.cancel()
        with suppress(asyncio.CancelledError):
            await admin
        return code

    async def _serve_admin(self) -> None:
        routes = _Routes(self._workers, self._readiness)
        described = self._house.described(self._log, routes.surface)
        app = admin_app([routes, described], log=self._log, readiness=self._readiness)
        admin = self._settings.admin
        await listen(
            app,
            None,
            listen=Listen(admin.host, admin.port),
            admin_listen=None,
            readiness=self._readiness,
            log=self._log,
            on_bound=self._say_admin,
            stop=self._stop,
            # It stays until the workers have ended; a signal that hurries ends it at once.
            shutdown=Shutdown(grace_seconds=86_400.0, finish_seconds=1.0),
        )

    async def _keep(self, worker: _Worker) -> None:
        """Start a worker, and again each time it dies, after longer and longer pauses if it dies young."""
        failures = 0
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                code = await self._once(worker)
            except OSError as error:  # no process was to be had
                code = error.errno or -1
            self._readiness.block(worker.name, _not_ready(worker))
            if self._stop.is_set():
                return
            failures = 1 if time.monotonic() - began > _STEADY_SECONDS else failures + 1
            pause = min(_LONGEST_PAUSE, 0.25 * 2.0 ** (failures - 1))
            self._log.error("worker", worker=worker.name, code=code, restart_in_seconds=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)

    async def _once(self, worker: _Worker) -> int:
        """One life of a worker; its exit code, negative for a signal."""
        ours, theirs = socket.socketpair()
        with theirs:
            worker.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-c", _WORKER),
                *(str(self._config), str(self._port), str(theirs.fileno())),
                pass_fds=(theirs.fileno(),),
                env=_environment(),
            )
        worker.reader, worker.writer = await asyncio.open_connection(sock=ours)
        try:
            if await worker.reader.readline() == b"ready\n":
                self._readiness.clear(worker.name)
                self._say_ready()
            return await worker.process.wait()
        finally:
            worker.writer.close()
            worker.reader = worker.writer = None

    def _say_admin(self, bound: Bound) -> None:
        for host, port in bound.public:
            say_admin(url_of("http", host, port))
        self._admin_bound.set()

    def _say_ready(self) -> None:
        if self._readiness.reasons or self._said:
            return
        self._said = True
        server = self._settings.server
        scheme = "http" if server.tls is None else "https"
        say_public(self._settings, url_of(scheme, server.host, self._port), len(self._workers))

    async def _end(self, kept: Sequence[asyncio.Task[None]], admin: asyncio.Task[None]) -> int:
        """Pass the signal on, and wait: for a second one, for the workers, at last for nobody."""
        how = shutdown_of(self._settings)
        self._signal(signal.SIGTERM)
        every: asyncio.Future[Any] = asyncio.gather(*kept)
        ends: list[asyncio.Future[Any]] = [every, admin]
        whole = how.grace_seconds + how.finish_seconds + 5.0
        await asyncio.wait(ends, timeout=whole, return_when=asyncio.FIRST_COMPLETED)
        if not every.done():
            if admin.done():
                self._signal(signal.SIGINT)
                await asyncio.wait({every}, timeout=how.hurried_seconds + 5.0)
            if not every.done():
                self._signal(signal.SIGKILL)
                await every
                return 1
        await every
        return 0

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.process is not None and worker.process.returncode is None:
                with suppress(ProcessLookupError):
                    worker.process.send_signal(number)


class _Routes(AdminRoutes):
    """The admin routes, with the metrics of the workers in place of our own."""

    def __init__(self, workers: Sequence[_Worker], readiness: Readiness) -> None:
        super().__init__(Metrics(), readiness)
        self._workers = workers

    async def metrics(self, _request: web.Request) -> web.Response:
        texts = await asyncio.gather(*(_metrics_of(each) for each in self._workers))
        told = {each.name: text for each, text in zip(self._workers, texts, strict=True) if text}
        return web.Response(body=merged(told), headers={hdrs.CONTENT_TYPE: TEXT_FORMAT})


async def _metrics_of(worker: _Worker) -> bytes:
    """What a worker counted; nothing from one that is not there or does not answer in time."""
    async with worker.talking:
        reader, writer = worker.reader, worker.writer
        if reader is None or writer is None:
            return b""
        try:
            async with asyncio.timeout(_METRICS_SECONDS):
                writer.write(b"metrics\n")
                head = await reader.readline()
                return await reader.readexactly(int(head.split()[1]))
        except (TimeoutError, OSError, asyncio.IncompleteReadError, IndexError, ValueError):
            # What comes too late would be taken for the next answer: such a worker is asked no more.
            writer.close()
            worker.reader = worker.writer = None
            return b""


def reserved(host: str, port: int) -> socket.socket:
    """A socket that holds the address for the workers without listening itself.

    Raises OSError if another program has it, also one that would share it.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise OSError(None, "several workers cannot share a port on this system; use --workers 1")
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)
        address = trial.getsockname()
    place = socket.socket(family, kind, protocol)
    try:
        # The first for what a server that did not share left in TIME_WAIT, the second for the workers.
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        place.bind(address)
    except OSError:
        place.close()
        raise
    return place


def _environment() -> dict[str, str]:
    """Ours, so that a worker finds the same variables and the same package."""
    top = str(Path(__file__).resolve().parents[2])
    paths = [top, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _not_ready(worker: _Worker) -> str:
    return f"worker {worker.name} is not ready"
