"""Puts routes and their middleware together into the applications of the two listeners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from gateway.web.exchange import Surface
from gateway.web.forwarded import TrustedProxies
from gateway.web.metrics import Metrics
from gateway.web.middleware import Middleware
from gateway.web.readiness import Readiness


class Routes(Protocol):
    """A surface and its routes; each public surface is one of these."""

    @property
    def surface(self) -> Surface: ...

    def add_to(self, app: web.Application) -> None: ...


MIDDLEWARE: Final = web.AppKey("middleware", Middleware)


def public_app(
    routes: Sequence[Routes],
    *,
    log: FilteringBoundLogger,
    metrics: Metrics,
    readiness: Readiness,
    max_body_bytes: int = 10 * 1024 * 1024,
    trusted: TrustedProxies | None = None,
) -> web.Application:
    """The application of the public listener. The first of ``routes`` also answers for unknown paths."""
    surfaces = [each.surface for each in routes]
    middleware = Middleware(surfaces, log, metrics, lambda: readiness.draining, trusted=trusted)
    return _app(routes, middleware, max_body_bytes)


def admin_app(
    routes: Sequence[Routes],
    *,
    log: FilteringBoundLogger,
    readiness: Readiness,
    max_body_bytes: int = 1024 * 1024,
) -> web.Application:
    """The application of the admin listener."""
    surfaces = [each.surface for each in routes]
    middleware = Middleware(surfaces, log, None, lambda: readiness.draining, quiet=True)
    return _app(routes, middleware, max_body_bytes)


def _app(routes: Sequence[Routes], middleware: Middleware, max_body_bytes: int) -> web.Application:
    app = web.Application(middlewares=[middleware.answer], client_max_size=max_body_bytes)
    app[MIDDLEWARE] = middleware
    for each in routes:
        each.add_to(app)
    return app
