"""A stand-in for the rest of the gateway, and both listeners on the loopback interface."""

from __future__ import annotations

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from gateway.core.errors import GatewayError, InvalidMessage, Issue
from gateway.core.plan import Reply
from gateway.web.admin_routes import AdminRoutes
from gateway.web.app import Routes, admin_app, public_app
from gateway.web.body import BodyLimits
from gateway.web.connection import ConnectionLimits
from gateway.web.exchange import Exchange
from gateway.web.logging import configure
from gateway.web.metrics import Metrics
from gateway.web.readiness import Readiness
from gateway.web.redox_routes import RedoxRoutes
from gateway.web.server import Bound, Listen, Shutdown, run
from gateway.web.tokens import TokenIndex

Answers = Callable[[bytes, Exchange], Awaitable[Reply]]


@dataclass
class FakeGateway:
    """Answers what ``answers`` says; ``asked`` keeps what it was asked."""

    answers: Answers
    tokens: TokenIndex
    asked: list[tuple[bytes, frozenset[str], str | None]] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def opens(self, token: str) -> frozenset[str] | None:
        return self.tokens.opens(token)

    async def redox(
        self, body: bytes, *, allowed: frozenset[str], site: str | None, request: Exchange
    ) -> Reply:
        request.body = body
        self.asked.append((body, allowed, site))
        try:
            return await self.answers(body, request)
        except asyncio.CancelledError:
            self.gone.set()
            raise

    def redox_error(self, error: GatewayError, body: bytes | None) -> bytes:
        if body is not None and b"unrenderable" in body:
            raise ValueError(body)
        errors = [{"Text": str(issue), "Type": error.kind} for issue in error.issues]
        return json.dumps({"Meta": {"Errors": errors, "Echo": body is not None}}).encode()


@dataclass
class Served:
    """Both listeners under way, and what they wrote."""

    bound: Bound
    gateway: FakeGateway
    log: io.BytesIO
    metrics: Metrics
    readiness: Readiness
    client: aiohttp.ClientSession
    stop: asyncio.Event
    task: asyncio.Task[None]

    def url(self, path: str = "/redox") -> str:
        return f"http://127.0.0.1:{self.bound.public[0][1]}{path}"

    def admin(self, path: str) -> str:
        return f"http://127.0.0.1:{self.bound.admin[0][1]}{path}"

    async def raw(self, sent: bytes, *, then: bytes = b"", pause: float = 0.05) -> bytes:
        """What comes back for these bytes, up to the end of the connection or a moment of silence."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.bound.public[0][1])
        writer.write(sent)
        await asyncio.sleep(pause if then else 0)
        writer.write(then)
        got = b""
        with suppress(TimeoutError, ConnectionError):
            while chunk := await asyncio.wait_for(reader.read(65536), 0.7):
                got += chunk
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return got

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    async def line(self) -> dict[str, Any]:
        """The last request's line."""
        await asyncio.sleep(0)
        return [line for line in self.lines() if line["event"] == "request"][-1]


async def _plain(body: bytes, exchange: Exchange) -> Reply:
    try:
        message = json.loads(body)
    except ValueError:
        raise InvalidMessage(Issue("structure", "", "This is not JSON.")) from None
    exchange.site, exchange.event, exchange.table_hash = "one", "AvailableSlots", "abc"
    exchange.adopt(message.get("id"))
    exchange.stages["slots"] = 0.0123
    return Reply(200, b'{"ok":true}', "application/json", counts={"slots": 3})


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start both listeners; ``answers`` is what the gateway does with a message."""
    running: list[Served] = []

    async def start(
        answers: Answers = _plain,
        *,
        body: BodyLimits | None = None,
        shutdown: Shutdown | None = None,
        limits: ConnectionLimits | None = None,
        max_connections: int | None = None,
        tls: ssl.SSLContext | None = None,
        tokens: tuple[tuple[str, str], ...] = (("secret", "one"), ("secret", "two"), ("other", "three")),
        beside: tuple[Routes, ...] = (),
    ) -> Served:
        log_stream = io.BytesIO()
        log = configure(log_stream, "info")
        metrics, readiness = Metrics(["one", "two", "three"]), Readiness()
        gateway = FakeGateway(answers, TokenIndex(tokens))
        body = body or BodyLimits(max_bytes=20_000, seconds=0.3)
        routes = [RedoxRoutes(gateway, body), *beside]
        public = public_app(routes, log=log, metrics=metrics, readiness=readiness)
        admin = admin_app([AdminRoutes(metrics, readiness)], log=log, readiness=readiness)
        bound: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        task = asyncio.create_task(
            run(
                public,
                admin,
                listen=Listen("127.0.0.1", 0, tls, max_connections=max_connections),
                admin_listen=Listen("127.0.0.1", 0),
                readiness=readiness,
                log=log,
                on_bound=bound.set_result,
                stop=stop,
                shutdown=shutdown or Shutdown(0, 1, 0.1),
                limits=limits or ConnectionLimits(lingering_seconds=0.2),
            )
        )
        served = Served(
            await bound, gateway, log_stream, metrics, readiness, aiohttp.ClientSession(), stop, task
        )
        running.append(served)
        return served

    yield start
    for served in running:
        await served.client.close()
        served.stop.set()
        await asyncio.wait_for(served.task, 5)


@pytest.fixture
async def served(serve: Serve) -> Served:
    return await serve()


@pytest.fixture
def headers() -> dict[str, str]:
    """Those of an ordinary message."""
    return {"verification-token": "secret", "Content-Type": "application/json"}
