"""The HTTP/1.1 connection: aiohttp's, with our answer to what is not HTTP and a limit on dawdlers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.web_request import BaseRequest

from gateway.web.middleware import Middleware

_BEGINNING = 256  # bytes of a head: who is asked, and for what


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """``keepalive_seconds``: how long an idle connection stays (above the 60 s of common balancers).
    ``head_seconds``: how long a new one may take until its first request's head is there.
    ``lingering_seconds``: how long the rest of a refused body is read, so that the refusal arrives."""

    keepalive_seconds: float = 75.0
    head_seconds: float = 15.0
    lingering_seconds: float = 2.0


class Connection(web.RequestHandler):
    """What aiohttp would answer by itself, and log with the caller's bytes in it, goes through our own."""

    __slots__ = ("_begun", "_came", "_dawdler", "_left", "_limits", "_middleware")

    def __init__(
        self,
        server: web.Server,
        middleware: Middleware,
        limits: ConnectionLimits,
        loop: asyncio.AbstractEventLoop,
        left: Callable[[Connection], None],
    ) -> None:
        """``left`` is called once the connection is over."""
        super().__init__(
            server,
            loop=loop,
            access_log=cast(Any, None),  # None is aiohttp's own way to say: no access log
            keepalive_timeout=limits.keepalive_seconds,
            lingering_time=limits.lingering_seconds,
            auto_decompress=False,
        )
        self._middleware = middleware
        self._limits = limits
        self._left = left
        self._came = loop.time()
        # How the latest head began that came to an idle connection, and how many requests there were before.
        self._begun = (-1, b"")
        self._dawdler: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._dawdler = self._loop.call_later(self._limits.head_seconds, self._close_if_nothing_came)

    def data_received(self, data: bytes) -> None:
        count = self._request_count
        if self._begun[0] != count and (self._waiter is not None or count == 0):
            self._begun = (count, data[:_BEGINNING])
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._dawdler is not None:
            self._dawdler.cancel()
        super().connection_lost(exc)
        self._left(self)

    @property
    def idle_since(self) -> float | None:
        """The loop's time when it last did anything; None while a request is there."""
        answering = self._waiter is None and self._request_count > 0
        if answering or self._messages or self._current_request is not None:
            return None
        return max(self._came, self._next_keepalive_close_time - self._limits.keepalive_seconds)

    def abort(self) -> None:
        """Close at once, also if the caller does not read."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    @property
    def unasked(self) -> bool:
        """Whether the head of a first request is still to come."""
        return self._request_count == 0

    def _close_if_nothing_came(self) -> None:
        # aiohttp limits the time between requests, but not the time until the first one.
        if self.unasked:
            self.force_close()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer is already sent")
        before, begun = self._begun
        return self._middleware.malformed(
            request, status, exc, begun if before + 1 == self._request_count else b""
        )

    def log_exception(self, *_args: Any, **fields: Any) -> None:
        self._middleware.broken(fields.get("exc_info"))
