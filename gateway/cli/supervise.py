"""The parent of several workers: starts them, watches them, ends them, and answers for all of them.

The admin listener stands here. Ready is told of the whole, by :func:`reasons_of`; the metrics are those of
all workers and of the parent, each sample with the label ``worker``, so that one that is started anew
counts from zero by itself.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiohttp import hdrs, web
from structlog.typing import FilteringBoundLogger

from gateway.assemble import Application, Snapshot, built
from gateway.assemble.application import shutdown_of
from gateway.assemble.reload import Candidate, Reloading, aside
from gateway.cli.addresses import say_admin, say_public, url_of
from gateway.cli.exposition import merged
from gateway.cli.serve import on_hangup
from gateway.cli.workers.counts import Counts
from gateway.cli.workers.place import Place
from gateway.cli.workers.process import Bounds, Order, Orders, State
from gateway.web.admin_routes import AdminRoutes
from gateway.web.app import admin_app
from gateway.web.logging import describe_fault
from gateway.web.metrics import TEXT_FORMAT, Metrics
from gateway.web.readiness import Readiness
from gateway.web.server import Bound, Listen, Shutdown
from gateway.web.server import run as listen
from gateway.web.tables_told import Reload, TablesTold

_METRICS_SECONDS: Final = 3.0
_MARGIN_SECONDS: Final = 5.0
_START_SECONDS: Final = 60.0
# Ctrl-C reaches the workers, too: until they listen it just ends them. A hangup is their parent's to answer.
_WORKER: Final = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "hasattr(signal, 'SIGHUP') and signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    "import sys; from gateway.cli import worker; worker.main(sys.argv[1])"
)


class Supervisor:
    """Serves ``application`` by ``count`` workers, each of which builds it for itself of ``snapshot``.

    The parent's own application answers nothing; it describes the listeners."""

    def __init__(
        self,
        snapshot: Snapshot,
        application: Application,
        count: int,
        log: FilteringBoundLogger,
        tables: TablesTold,
        reloading: Callable[..., Reloading],
    ) -> None:
        """``reloading`` makes what reads the tables anew, of how they are put in force."""
        self._snapshot = snapshot
        self._reloading = reloading(switch=self._switch)
        self._application = application
        self._settings = application.settings
        self._bounds = bounds_of(application)
        self._log = log
        self._tables = tables
        self._names = [str(number) for number in range(count)]
        self._places: list[Place] = []
        self._counts = Counts()
        self._readiness = Readiness()
        self._readiness.watch(lambda: reasons_of(self._places, begun=self._begun))
        self._begun = False
        self._stop = asyncio.Event()
        self._admin_bound = asyncio.Event()
        self._port = 0

    async def run(self) -> int:
        """Until a signal ends it. The exit code: 0, or 1 if workers had to be killed.

        Raises OSError if an address cannot be listened on.
        """
        with reserved(self._settings.server.host, self._settings.server.port) as held:
            self._port = held.getsockname()[1]
            order = Order(self._snapshot.content, built(self._snapshot, self._application), self._port)
            self._orders = Orders(order)
            self._places.extend(self._place(name) for name in self._names)
            admin = asyncio.create_task(self._serve_admin())
            bound = asyncio.create_task(self._admin_bound.wait())
            await asyncio.wait({admin, bound}, return_when=asyncio.FIRST_COMPLETED)
            if not bound.done():
                bound.cancel()
                await admin  # raises why it could not listen
            self._reloading.begin()
            code = await self._keep(admin)
        await self._reloading.close()
        admin.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await admin
        return code

    async def _keep(self, admin: asyncio.Task[None]) -> int:
        """Have every place filled until a signal comes, or the admin listener is no more; then end them."""
        hurry = asyncio.Event()
        kept = asyncio.gather(*(each.keep(self._stop, hurry) for each in self._places))
        stopped = asyncio.create_task(self._stop.wait())
        watched: set[asyncio.Future[Any]] = {stopped, admin}
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        broken = admin.exception() if admin.done() else None
        if broken is not None:
            # Nobody could tell any more how the workers are: end in order, and be started anew.
            self._log.error("admin", said="the admin listener failed", **describe_fault(broken))
        self._stop.set()
        ends: set[asyncio.Future[Any]] = {kept} if broken is not None else {kept, admin}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if admin.done() and broken is None:
            hurry.set()
        forced = await kept
        return 1 if any(forced) or broken is not None else 0

    def _place(self, name: str) -> Place:
        return Place(
            name,
            _launch,
            orders=self._orders,
            bounds=self._bounds,
            log=self._log,
            counts=self._counts,
            changed=self._judge,
        )

    async def _switch(self, candidate: Candidate) -> str | None:
        """All workers prepare the same; then all change, or none. One that is being started meanwhile waits,
        and is handed what is in force then."""
        snapshot = await aside(partial(self._snapshot.having, candidate.files))
        wanted = built(snapshot, self._application, candidate.ready)
        async with self._orders.changing:
            serving = [each for each in self._places if each.serving]
            answers = await asyncio.gather(
                *(each.prepare(snapshot.content, self._bounds.start) for each in serving)
            )
            failed = [each.name for each, said in zip(serving, answers, strict=True) if said != wanted]
            if failed:
                for each in serving:
                    each.drop()
                return f"not all workers could build it ({', '.join(failed)}); nothing was changed"
            self._snapshot = snapshot
            self._orders.order = Order(snapshot.content, wanted, self._port)
            self._application.swap(candidate.ready)
            await asyncio.gather(*(each.switch(self._bounds.silence) for each in serving))
        return None

    async def _serve_admin(self) -> None:
        routes = _Routes(
            self._places,
            self._readiness,
            self._application.metrics,
            self._counts,
            self._tables,
            self._reloading.reload,
        )
        described = self._application.described(self._log, routes.surface)
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
            on_hangup=on_hangup(self._reloading),
        )

    def _say_admin(self, bound: Bound) -> None:
        for host, port in bound.public:
            say_admin(url_of("http", host, port))
        self._admin_bound.set()

    def _judge(self) -> None:
        """Something changed in a place. The first time that all are ready is said on stderr."""
        if not self._begun and all(each.state is State.READY for each in self._places):
            self._begun = True
            server = self._settings.server
            scheme = "http" if server.tls is None else "https"
            say_public(self._settings, url_of(scheme, server.host, self._port), len(self._places))


class _Routes(AdminRoutes):
    """The admin routes, with the workers in place of our own counts."""

    def __init__(
        self,
        places: Sequence[Place],
        readiness: Readiness,
        metrics: Metrics,
        counts: Counts,
        tables: TablesTold,
        reload: Reload,
    ) -> None:
        super().__init__(metrics, readiness, tables, reload)
        self._places = places
        self._counts = counts

    def more(self) -> Mapping[str, Any]:
        return {"workers": {each.name: each.told for each in self._places}}

    async def metrics(self, _request: web.Request) -> web.Response:
        texts = await asyncio.gather(*(each.metrics(_METRICS_SECONDS) for each in self._places))
        told = {each.name: text for each, text in zip(self._places, texts, strict=True) if text}
        page = await asyncio.to_thread(self._page, told)
        return web.Response(body=page, headers={hdrs.CONTENT_TYPE: TEXT_FORMAT})

    def _page(self, told: Mapping[str, bytes]) -> bytes:
        return merged({**told, "supervisor": self._metrics.exposition()}) + self._counts.exposition()


def reasons_of(places: Sequence[Place], *, begun: bool) -> list[str]:
    """Why no traffic should come to these workers; empty while it should. ``begun``: all were ready once.

    One that is gone costs only its share of the work: the system gives its connections to the others, who
    answer. One that is there and does not answer is given connections all the same, and they hang: until it
    is replaced, another gateway is the better choice.
    """
    told = [(each.state, f"worker {each.name} is {each.told}") for each in places]
    if not begun:
        return [text for state, text in told if state is not State.READY]
    harm = [text for state, text in told if state in (State.SILENT, State.DEAF)]
    if harm or any(state is State.READY for state, _ in told):
        return harm
    return [text for _, text in told]


def bounds_of(application: Application) -> Bounds:
    """How long its workers may take. To be ready they do what this process has done until now."""
    how = shutdown_of(application.settings)
    return Bounds(
        end=how.grace_seconds + how.finish_seconds + _MARGIN_SECONDS,
        hurried=how.hurried_seconds + _MARGIN_SECONDS,
        start=_START_SECONDS + 10 * time.process_time(),
        silence=application.settings.server.worker_silence_seconds,
    )


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


async def _launch(descriptor: int) -> Process:
    """A worker that has ``descriptor`` as its end of the line."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _WORKER, str(descriptor)), pass_fds=(descriptor,), env=_environment()
    )


def _environment() -> dict[str, str]:
    """Ours, so that a worker finds the same variables and the same package."""
    top = str(Path(__file__).resolve().parents[2])
    paths = [top, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
