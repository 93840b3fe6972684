"""A scripted upstream on loopback, and clients of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.core.plan import Answer, Call, Failure
from gateway.upstream.client_secret import ClientCredentials
from gateway.upstream.fhir_client import FhirClient
from gateway.upstream.interface import ClientSettings, UpstreamEvent
from gateway.upstream.session import SharedSession
from gateway.upstream.surroundings import Surroundings

Step = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(
    body: object = None, *, status: int = 200, headers: dict[str, str] | None = None, delay: float = 0.0
) -> Step:
    """A step that answers; a body that is neither bytes nor text is sent as JSON."""

    async def step(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(delay)
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return web.Response(status=status, body=raw, headers=headers)

    return step


def broken(*, sent: bytes = b"", abort: bool) -> Step:
    """A step that ends the connection, after ``sent`` of a longer body if there is any."""

    async def step(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        assert request.transport is not None
        if sent:
            response.content_length = 10_000
            await response.prepare(request)
            await response.write(sent)
        if abort:
            request.transport.abort()
        else:
            request.transport.close()
        return response

    return step


def bundle(*entries: str, following: str | None = None) -> dict[str, Any]:
    link = [{"relation": "self", "url": "/Slot"}]
    if following is not None:
        link.append({"relation": "next", "url": following})
    return {"resourceType": "Bundle", "entry": [{"resource": {"id": name}} for name in entries], "link": link}


@dataclass
class Script:
    """What the upstream does: ``steps`` in order, then ``always``. ``seen`` are the requests it got."""

    steps: list[Step] = field(default_factory=list)
    always: Step = field(default_factory=lambda: answer(bundle()))
    token_steps: list[Step] = field(default_factory=list)
    seen: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    tokens: int = 0
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.path in ("/token", "/auth/authenticate"):
            self.tokens += 1
            self.bodies.append(body)
            if self.token_steps:
                return await self.token_steps.pop(0)(request)
            return web.json_response({"access_token": f"token-{self.tokens}", "expires_in": 36000})
        self.seen.append(request)
        self.bodies.append(body)
        step = self.steps.pop(0) if self.steps else self.always
        return await step(request)

    @property
    def targets(self) -> list[str]:
        return [request.raw_path for request in self.seen]

    @property
    def bearers(self) -> list[str | None]:
        return [request.headers.get("Authorization") for request in self.seen]


def serving(script: Script) -> TestServer:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", script.handle)
    return TestServer(app)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    script = Script()
    server = serving(script)
    await server.start_server()
    script.url = str(server.make_url("/")).rstrip("/")
    yield script
    await server.close()


@pytest.fixture
async def elsewhere() -> AsyncIterator[Script]:
    """A second server, on another port."""
    script = Script()
    server = serving(script)
    await server.start_server()
    script.url = str(server.make_url("/")).rstrip("/")
    yield script
    await server.close()


@dataclass
class Bench:
    """A client under test, with what surrounds it."""

    script: Script
    client: FhirClient
    events: list[UpstreamEvent]

    async def call(
        self,
        target: str = "Slot",
        params: tuple[tuple[str, str], ...] = (),
        *,
        within: float = 5.0,
        pages: int = 20,
    ) -> Answer | Failure:
        deadline = asyncio.get_running_loop().time() + within
        call = Call(target, params, max_pages=pages)
        return await self.client.call(call, deadline=deadline, request_id="req-1")


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def session() -> AsyncIterator[SharedSession]:
    session = SharedSession()
    yield session
    await session.close()


MakeBench = Callable[..., Bench]


@pytest.fixture
async def make(script: Script, session: SharedSession) -> AsyncIterator[MakeBench]:
    benches: list[Bench] = []

    def build(
        *,
        path: str = "",
        credentials: bool = True,
        surroundings: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Bench:
        events: list[UpstreamEvent] = []
        base = {"base_url": script.url + path, "backoff_seconds": 0.01, "backoff_cap_seconds": 0.02}
        client = FhirClient(
            ClientSettings(**(base | settings)),
            credentials=ClientCredentials(
                token_url=f"{script.url}/token", client_id="id", client_secret="hush-hush"
            )
            if credentials
            else None,
            around=Surroundings(session=session, observe=events.append, **(surroundings or {})),
        )
        benches.append(Bench(script, client, events))
        return benches[-1]

    yield build
    for bench in benches:
        await bench.client.close()
