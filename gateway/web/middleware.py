"""What every request passes through: it gets an id, an answer whatever happens, and one log line."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_request import BaseRequest
from structlog.typing import FilteringBoundLogger

from gateway.core.errors import (
    GatewayError,
    InvalidMessage,
    Issue,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    Unauthorized,
    UpstreamUnavailable,
)
from gateway.web.exchange import (
    EXCHANGE,
    AddressTooLong,
    Exchange,
    HeaderTooLong,
    Surface,
    new_request_id,
    plausible_request_id,
)
from gateway.web.forwarded import TrustedProxies
from gateway.web.framing import refuse
from gateway.web.logging import describe_fault, request_fields
from gateway.web.metrics import ConnectionCounts, Metrics

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUEST_ID: Final = "X-Request-Id"
EXPLAIN: Final = "X-Gateway-Explain"
"""What a caller wants to be told of how the answer came about, by words with commas between: ``tables``."""
TABLES: Final = "X-Gateway-Tables"
"""The hash of the tables that answered, to those who were let in and asked for it."""
CLIENT_GONE: Final = 499
"""Not sent to anybody: the status under which a request is logged whose caller hung up."""

_REQUEST_LINE: Final = re.compile(rb"[A-Z]+ (?:https?://[^/ ]+)?(/[^ \r\n]*)")
_COMPARED: Final = 50  # bytes of a line by which it is known again


class Middleware:
    """The middleware of a listener, and the answer to what is not even HTTP.

    ``surfaces``: which language a path speaks; the first one speaks for paths that belong to none.
    ``draining``: while it says so, every answer closes its connection. ``metrics`` None and ``quiet``
    are for the admin listener, whose probes are neither counted nor logged (but at level debug).
    ``trusted``: whose word on where a request comes from is taken; by default this machine's.
    """

    def __init__(
        self,
        surfaces: Sequence[Surface],
        log: FilteringBoundLogger,
        metrics: Metrics | None,
        draining: Callable[[], bool],
        *,
        quiet: bool = False,
        trusted: TrustedProxies | None = None,
    ) -> None:
        self._trusted = TrustedProxies() if trusted is None else trusted
        self._surfaces = surfaces
        self._log = log
        self._metrics = metrics
        self._draining = draining
        self.quiet = quiet
        self.connections = metrics.connections if metrics is not None else ConnectionCounts()

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        exchange = self._begin(request)
        if self._metrics is not None:
            self._metrics.in_flight += 1
        try:
            try:
                refuse(request)
            except GatewayError as error:
                refused = self._refuse(exchange, error)
                refused.force_close()
                return refused
            try:
                response = await handler(request)
            except asyncio.CancelledError:
                self._end(exchange, CLIENT_GONE, 0, None, None)
                raise
            except GatewayError as error:
                return self._refuse(exchange, error)
            except web.HTTPException as raised:
                if raised.status >= 400:
                    return self._refuse(exchange, *_ours(raised))
                self._dress(exchange, raised)  # a redirect: not a failure
                self._end(exchange, raised.status, 0, None, None)
                raise
            except Exception as fault:
                return self._refuse(exchange, GatewayError(), fault=fault)
            self._dress(exchange, response)
            self._end(exchange, response.status, response.content_length or 0, None, None)
            return response
        finally:
            if self._metrics is not None:
                self._metrics.in_flight -= 1

    def malformed(
        self, request: BaseRequest, status: int, fault: BaseException | None, begun: bytes = b""
    ) -> web.Response:
        """The answer to what is not HTTP, or (``status`` 500) failed outside of the middleware. ``begun`` is
        how the head began, as far as that is known: it says in whose words the answer is due."""
        target = _target(begun)
        exchange = Exchange(new_request_id(), self._surface_of(target).name, "")
        exchange.origin = self._trusted.origin(request.remote, request.headers)
        if status < 500:
            response = self._refuse(exchange, _unreadable(fault, target))
        else:
            response = self._refuse(exchange, GatewayError(), fault=fault)
        response.force_close()
        return response

    def broken(self, fault: BaseException | None) -> None:
        """Log that a connection broke by a fault of ours, without what the exception says."""
        self._log.error("connection", **(describe_fault(fault) if fault is not None else {}))

    def _begin(self, request: web.Request) -> Exchange:
        given = request.headers.get(REQUEST_ID)
        request_id = given if given is not None and plausible_request_id(given) else new_request_id()
        resource = request.match_info.route.resource
        exchange = Exchange(
            request_id,
            self._surface_of(request.path).name,
            request.method if request.method in hdrs.METH_ALL else "other",
            resource.canonical if resource is not None else None,
        )
        exchange.origin = self._trusted.origin(request.remote, request.headers)
        if EXPLAIN in request.headers:
            words = ",".join(request.headers.getall(EXPLAIN)).split(",")
            exchange.tables_wanted = any(each.strip().lower() == "tables" for each in words)
        request[EXCHANGE] = exchange
        return exchange

    def _surface_of(self, path: str) -> Surface:
        for surface in self._surfaces:
            if path.startswith(surface.prefix):
                return surface
        return self._surfaces[0]

    def _refuse(
        self,
        exchange: Exchange,
        error: GatewayError,
        headers: dict[str, str] | None = None,
        *,
        fault: BaseException | None = None,
    ) -> web.Response:
        if not error.issues:
            text = (
                f"The gateway could not answer. Quote request id {exchange.request_id} when you report this."
            )
            error = type(error)(Issue("exception", "", text), retry_after=error.retry_after)
        body, content_type, fault = self._render(exchange, error, fault)
        response = web.Response(body=body, status=error.status, headers={hdrs.CONTENT_TYPE: content_type})
        response.headers.update(headers or {})
        if error.retry_after is not None or isinstance(error, UpstreamUnavailable):
            response.headers[hdrs.RETRY_AFTER] = str(max(1, math.ceil(error.retry_after or 1)))
        if isinstance(error, Unauthorized):
            response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
        self._dress(exchange, response)
        self._end(exchange, error.status, len(body), error, fault)
        return response

    def _render(
        self, exchange: Exchange, error: GatewayError, fault: BaseException | None
    ) -> tuple[bytes, str, BaseException | None]:
        """The error in the surface's words; should echoing the body be what fails, then without it."""
        surface = next(each for each in self._surfaces if each.name == exchange.surface)
        try:
            return *surface.render(error, exchange), fault
        except Exception as worse:
            exchange.body = None
            return *surface.render(error, exchange), worse

    def _dress(self, exchange: Exchange, response: web.StreamResponse) -> None:
        headers = response.headers
        headers[REQUEST_ID] = exchange.request_id
        if exchange.tables_wanted and exchange.client is not None and exchange.table_hash is not None:
            headers[TABLES] = exchange.table_hash
        headers[hdrs.CACHE_CONTROL] = "no-store"
        headers["X-Content-Type-Options"] = "nosniff"
        headers[hdrs.SERVER] = "gateway"
        if self._draining():
            response.force_close()

    def _end(
        self,
        exchange: Exchange,
        status: int,
        bytes_out: int,
        error: GatewayError | None,
        fault: BaseException | None,
    ) -> None:
        seconds = time.monotonic() - exchange.received
        if self._metrics is not None:
            slots = exchange.counts.get("slots", 0) if status < 400 else 0
            self._metrics.request(
                exchange.surface,
                exchange.site,
                exchange.event,
                status,
                seconds,
                slots=slots,
                unchecked=exchange.unchecked,
            )
        fields: dict[str, Any] = request_fields(exchange, status, bytes_out, seconds, error)
        if fault is not None:
            self._log.error("request", **fields, **describe_fault(fault))
        elif self.quiet:
            self._log.debug("request", **fields)
        elif status < 400:
            self._log.info("request", **fields)
        else:
            self._log.warning("request", **fields)


def _target(begun: bytes) -> str:
    """What the beginning of a head asks for, as far as that goes; empty where it is none."""
    match = _REQUEST_LINE.match(begun)
    return match[1].decode("latin-1") if match is not None else ""


def _unreadable(fault: BaseException | None, target: str) -> GatewayError:
    """Why a head cannot be read. aiohttp says of a line that is too long how it begins."""
    if not isinstance(fault, LineTooLong):
        return InvalidMessage(Issue("structure", "", "This is not valid HTTP/1.1."))
    line = fault.args[0]
    told = line.decode("latin-1") if isinstance(line, bytes) else str(line)
    if told.startswith("/") or (target and target[:_COMPARED] in told):
        text = (
            "The request line is too long. Ask for fewer at a time; "
            "a search can also be sent as a form, by POST to _search."
        )
        return AddressTooLong(Issue("too-long", "", text))
    return HeaderTooLong(Issue("too-long", "", "A header is too long."))


def _ours(raised: web.HTTPException) -> tuple[GatewayError, dict[str, str]]:
    """An exception of aiohttp's as one of ours, and the headers that its answer must have."""
    if isinstance(raised, web.HTTPMethodNotAllowed):
        allow = ", ".join(sorted(raised.allowed_methods))
        text = f"This address answers only to {allow}."
        return MethodNotAllowed(Issue("not-supported", "", text)), {hdrs.ALLOW: allow}
    if isinstance(raised, web.HTTPRequestEntityTooLarge):
        return TooLarge(Issue("too-long", "", "The body is too long.")), {}
    if raised.status == NotFound.status:
        return NotFound(Issue("not-found", "", "There is nothing at this address.")), {}
    if raised.status < 500:
        return InvalidMessage(Issue("structure", "", "The request is not valid.")), {}
    return GatewayError(), {}
