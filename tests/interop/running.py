"""Whole gateways and their neighbours, each on a free port of the loopback interface."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.assemble import assemble, check_configuration
from gateway.web.logging import configure
from gateway.web.server import Bound, Listen, Shutdown, run
from tests.interop.valid import redox_answer

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NOW = datetime(2025, 10, 21, 7, tzinfo=UTC)
"""The present of every gateway and sandbox here: the midnight before the Redox document's sample."""

TOKEN = "8d03b6f1e75a40b7e91d6c2f"


@dataclass(frozen=True)
class Gateway:
    """One gateway under way; ``url`` is that of its public listener."""

    url: str
    log: io.BytesIO

    async def redox(self, message: Json, status: int = 200) -> Json:
        """Its answer to a Redox message; a 200 is checked against the `redox` package."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{self.url}/redox", json=message, headers={"verification-token": TOKEN}
            ) as response,
        ):
            answer: Json = await response.json(content_type=None)
            assert response.status == status, answer
        return redox_answer(answer) if status == 200 else answer

    def requests(self) -> list[Json]:
        """The lines that it logged, one a request."""
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if line["event"] == "request"]


def laid_out(folder: Path, sites: list[Json], files: Mapping[str, str]) -> Path:
    """The configuration of these sites in ``folder``, with ``files`` beside it."""
    for name, text in {"mappings/README.md": "", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    path = folder / "gateway.yaml"
    path.write_text(json.dumps({"mappings": "mappings", "sites": sites}), "utf-8")
    return path


@asynccontextmanager
async def gateway(
    folder: Path,
    sites: list[Json],
    files: Mapping[str, str] | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
) -> AsyncIterator[Gateway]:
    """A gateway of these sites, as ``gateway serve`` starts it. ``files``: such as those of its mappings."""
    application = assemble(check_configuration(laid_out(folder, sites, files or {}), {}), clock=clock)
    stream = io.BytesIO()
    log = configure(stream)
    bound: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(
        run(
            application.public(log),
            application.admin(log),
            listen=Listen("127.0.0.1", 0),
            admin_listen=Listen("127.0.0.1", 0),
            readiness=application.readiness,
            log=log,
            on_bound=bound.set_result,
            stop=stop,
            shutdown=Shutdown(0, 1, 0.1),
        )
    )
    try:
        port = (await bound).public[0][1]
        yield Gateway(f"http://127.0.0.1:{port}", stream)
    finally:
        stop.set()
        await task
        await application.close()


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """The URL of an application, served."""
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


def site(name: str, zone: str, upstream: Json, *, destination: str | None = None, **more: Any) -> Json:
    """A site of a configuration; with a destination it answers Redox, under :data:`TOKEN`."""
    doors: Json = {}
    if destination is not None:
        doors["redox"] = {"destination_ids": [destination], "verification_token": TOKEN}
    return {"id": name, "timezone": zone, **doors, "upstream": upstream, **more}
