"""What watches the gateway: liveness, readiness, metrics. For the admin listener only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from gateway.core.errors import Forbidden, GatewayError, Issue
from gateway.web.exchange import Exchange, Surface
from gateway.web.metrics import TEXT_FORMAT, Metrics
from gateway.web.readiness import Readiness
from gateway.web.tables_told import Reload, TablesTold

_JSON: Final = "application/json"


class AdminRoutes:
    """``/healthz`` (200 while the event loop turns), ``/readyz`` (503 and the reasons), ``/metrics``; and
    ``POST /reload``, which reads the tables anew, where that can be done."""

    def __init__(
        self,
        metrics: Metrics,
        readiness: Readiness,
        tables: TablesTold | None = None,
        reload: Reload | None = None,
    ) -> None:
        """``tables``: what else ``/readyz`` tells of them."""
        self._metrics = metrics
        self._readiness = readiness
        self._tables = tables
        self._reload = reload
        self.surface = Surface("admin", "/", _render)

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/healthz", self.healthz)
        app.router.add_get("/readyz", self.readyz)
        app.router.add_get("/metrics", self.metrics)
        if self._reload is not None:
            app.router.add_post("/reload", partial(self.reload, self._reload))

    async def healthz(self, _request: web.Request) -> web.Response:
        return _json({"status": "ok"}, 200)

    async def readyz(self, _request: web.Request) -> web.Response:
        reasons = self._readiness.reasons
        tables = self._tables.more() if self._tables is not None else {}
        told = {"ready": not reasons, "reasons": reasons, **self.more(), **tables}
        return _json(told, 503 if reasons else 200)

    async def reload(self, reload: Reload, request: web.Request) -> web.Response:
        """What came of it: 200, or 422 and the faults, or 503 and why it could not be."""
        if hdrs.ORIGIN in request.headers or request.headers.get("Sec-Fetch-Site", "none") != "none":
            # A page of somebody's, in a browser on this machine, reaches what listens here.
            raise Forbidden(Issue("forbidden", "", "This is not for pages in a browser."))
        done = await reload("post")
        return _json(done.told, done.status)

    def more(self) -> Mapping[str, Any]:
        """What else ``/readyz`` tells, whether ready or not."""
        return {}

    async def metrics(self, _request: web.Request) -> web.Response:
        # In a thread: with a thousand sites this is tens of milliseconds that no request should wait.
        text = await asyncio.to_thread(self._metrics.exposition)
        return web.Response(body=text, headers={hdrs.CONTENT_TYPE: TEXT_FORMAT})


def _render(error: GatewayError, exchange: Exchange) -> tuple[bytes, str]:
    errors = [{"code": issue.code, "path": issue.path, "text": issue.text} for issue in error.issues]
    return msgspec.json.encode({"request_id": exchange.request_id, "errors": errors}), _JSON


def _json(value: object, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, headers={hdrs.CONTENT_TYPE: _JSON})
