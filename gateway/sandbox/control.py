"""What the simulated systems have beside their real routes: a log of requests, and switches for faults.

``GET``/``POST``/``DELETE /sandbox/faults`` and ``GET``/``DELETE /sandbox/requests``. They ask for no
token: a sandbox is for a loopback address and holds nothing real.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from gateway.sandbox.faults import FAULTS

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CONTROL_PREFIX = "/sandbox/"
KEPT_REQUESTS = 1000


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it arrived. ``query`` is the raw text, still percent-encoded; ``status`` is
    None when the connection was gone before the answer was. Bodies and tokens are not kept.
    """

    method: str
    path: str
    query: str
    status: int | None
    request_id: str | None


class RequestLog:
    """The last 1000 requests to the simulated system, oldest first; the switches' own are left out."""

    def __init__(self) -> None:
        self._seen: deque[SeenRequest] = deque(maxlen=KEPT_REQUESTS)

    def add(self, request: SeenRequest) -> None:
        self._seen.append(request)

    def clear(self) -> None:
        self._seen.clear()

    def seen(self, path: str | None = None) -> list[SeenRequest]:
        """All of them, or those of one path."""
        return [each for each in self._seen if path is None or each.path == path]


REQUESTS: web.AppKey[RequestLog] = web.AppKey("REQUESTS", RequestLog)


@web.middleware
async def log_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outermost middleware: notes every request of the simulated system in ``app[REQUESTS]``."""
    if request.path.startswith(CONTROL_PREFIX):
        return await handler(request)
    status: int | None = None
    try:
        response = await handler(request)
        gone = request.transport is None or request.transport.is_closing()
        status = None if gone else response.status
        return response
    finally:
        request.app[REQUESTS].add(
            SeenRequest(
                method=request.method,
                path=request.path,
                query=request.rel_url.raw_query_string,
                status=status,
                request_id=request.headers.get("X-Request-Id"),
            )
        )


def add_control_routes(app: web.Application) -> None:
    """Adds the /sandbox/ routes; ``app`` holds FAULTS and REQUESTS."""
    app.router.add_get("/sandbox/faults", _list_faults)
    app.router.add_post("/sandbox/faults", _set_faults)
    app.router.add_delete("/sandbox/faults", _clear_faults)
    app.router.add_get("/sandbox/requests", _list_requests)
    app.router.add_delete("/sandbox/requests", _clear_requests)


async def _list_faults(request: web.Request) -> web.Response:
    return web.json_response(request.app[FAULTS].listing())


async def _set_faults(request: web.Request) -> web.Response:
    try:
        wanted: Any = json.loads(await request.read())
        if not isinstance(wanted, dict):
            raise ValueError('the body is one object: {"slot": {"kind": "status", "status": 429}}')
        request.app[FAULTS].set_all(wanted)
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=400)
    return await _list_faults(request)


async def _clear_faults(request: web.Request) -> web.Response:
    request.app[FAULTS].clear()
    return web.Response(status=204)


async def _list_requests(request: web.Request) -> web.Response:
    return web.json_response([asdict(each) for each in request.app[REQUESTS].seen()])


async def _clear_requests(request: web.Request) -> web.Response:
    request.app[REQUESTS].clear()
    return web.Response(status=204)
