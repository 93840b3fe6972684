"""The moving parts of the demo: both servers in this process, real sockets between them."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web

from gateway.assemble import Application, assemble, check_configuration
from gateway.assemble.application import shutdown_of
from gateway.cli import output
from gateway.clock import Clock
from gateway.sandbox.canvas import canvas_app
from gateway.sandbox.control import REQUESTS, SeenRequest
from gateway.web.logging import configure
from gateway.web.server import Bound, Listen
from gateway.web.server import run as listen


class LogTap(io.RawIOBase):
    """Where the gateway logs to: kept at first, and from ``show`` on written to stdout as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []
        self._shown = False

    def writable(self) -> bool:
        return True

    def write(self, text: Any) -> int:
        if self._shown:
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
        else:
            self.lines.extend(json.loads(line) for line in bytes(text).splitlines() if line.strip())
        return len(text)

    def show(self) -> None:
        """No longer keep, but pass on."""
        self._shown = True


@dataclass(frozen=True, slots=True)
class Asked:
    """One query and what came of it. ``log`` is the gateway's line about it; ``seconds`` is our wait."""

    status: int
    body: bytes
    seconds: float
    log: dict[str, Any]
    searches: tuple[SeenRequest, ...]


@dataclass(slots=True)
class Demo:
    """A context: inside it both servers listen."""

    application: Application
    ports: dict[str, int]
    token: str = field(repr=False)
    query: bytes
    tap: LogTap
    sandbox: web.Application
    _runner: web.AppRunner | None = None
    _serving: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, which: str) -> str:
        """``http://127.0.0.1:8080``, by the name of the server."""
        return f"http://127.0.0.1:{self.ports[which]}"

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self.sandbox, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.ports["sandbox"]).start()
        bound: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
        log = configure(self.tap)
        self._serving = asyncio.create_task(
            listen(
                self.application.public(log),
                self.application.admin(log),
                listen=self.application.listen(),
                admin_listen=Listen("127.0.0.1", self.ports["admin"]),
                readiness=self.application.readiness,
                log=log,
                on_bound=bound.set_result,
                stop=self._stop,
                shutdown=shutdown_of(self.application.settings),
            )
        )
        try:
            either: list[asyncio.Future[Any]] = [bound, self._serving]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._serving.done():
                await self._serving
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._stop.set()
        await self.ended()
        await self._close()

    async def ended(self) -> None:
        """Wait until a signal has ended the gateway."""
        if self._serving is not None:
            await self._serving

    async def ask(self) -> Asked:
        """Send the sample query, as Redox would."""
        seen = len(self.sandbox[REQUESTS].seen())
        headers = {"verification-token": self.token, "Content-Type": "application/json"}
        began = time.perf_counter()
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{self.url('gateway')}/redox", data=self.query, headers=headers) as response,
        ):
            body = await response.read()
            seconds = time.perf_counter() - began
            status = response.status
        lines = [line for line in self.tap.lines if line["event"] == "request"]
        return Asked(
            status, body, seconds, lines[-1] if lines else {}, tuple(self.sandbox[REQUESTS].seen()[seen:])
        )

    async def _close(self) -> None:
        await self.application.close()
        if self._runner is not None:
            await self._runner.cleanup()


def started(ports: dict[str, int], clock: Clock) -> Demo:
    """Everything put together; nothing listens yet. ``clock`` is that of both servers.

    Raises Faults if the shipped tables have any.
    """
    environ = output.demo_environment(**ports)
    application = assemble(check_configuration(output.DEMO, environ), clock=clock)
    sandbox = canvas_app(clock=clock)
    return Demo(
        application, ports, environ["DEMO_TOKEN"], output.SAMPLE_QUERY.read_bytes(), LogTap(), sandbox
    )
