"""One HTTP request and its whole answer, or :class:`Trouble`. No retry, no token, no breaker here."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from gateway.core.values import BOM
from gateway.upstream.budget import Budget
from gateway.upstream.reason import reason_of
from gateway.upstream.trouble import Trouble

# Of an error's body only a code is read; what is longer than this is not worth waiting for.
ERROR_BODY_BYTES = 64 * 1024

# All that ever goes out beside these: what the caller sets, Host, and the length of the body.
_COMMON_HEADERS = {"User-Agent": "redox-fhir-gateway", "Accept-Encoding": "gzip, deflate"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request to be made. ``target`` is its name in events, ``subject`` what it is about, for the breaker
    alone (see :class:`gateway.core.plan.Call`); the headers may hold a secret. ``secrets`` are those that a
    server could write again in an error: they are shown to nobody."""

    method: str
    url: URL = field(repr=False)
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    subject: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """The status, the whole decompressed body without a byte order mark, the ``Retry-After`` header as it was
    sent, and whether a ``WWW-Authenticate`` header asks for HTTP Basic.

    For a status outside 2xx the body is empty when it was longer than ``ERROR_BODY_BYTES``.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after: str | None
    wants_basic: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """What every exchange with one upstream needs: trust and limits."""

    tls: ssl.SSLContext | bool
    connect_seconds: float
    max_response_bytes: int
    timeout: aiohttp.ClientTimeout = field(init=False)

    def __post_init__(self) -> None:
        # The caller bounds the whole.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.connect_seconds)
        object.__setattr__(self, "timeout", timeout)


async def exchange(
    session: aiohttp.ClientSession,
    request: Request,
    wire: Wire,
    *,
    token: str | None = None,
    budget: Budget | None = None,
) -> Response:
    """Send ``request`` and read its answer to the end. The caller bounds the time.

    ``token`` goes along as a bearer token (RFC 6750, section 2.1).
    Any status is a Response. Raises Trouble when there is no whole answer: ``connect`` if none
    began, ``protocol`` if it was cut short, is too large (by itself, or for the ``budget`` of its query) or
    is not HTTP.
    """
    headers = {**_COMMON_HEADERS, **request.headers}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        async with session.request(
            request.method,
            request.url,
            headers=headers,
            data=request.body,
            allow_redirects=False,
            ssl=wire.tls,
            timeout=wire.timeout,
        ) as response:
            body = await _body(response, wire.max_response_bytes, budget)
            challenges = response.headers.getall("WWW-Authenticate", ())
            basic = any(each[:5].lower() == "basic" for each in challenges)
            return Response(response.status, body, response.headers.get("Retry-After"), basic)
    except aiohttp.ClientError as error:
        raise _trouble(error) from None


async def _body(response: aiohttp.ClientResponse, limit: int, budget: Budget | None) -> bytes:
    """Read the decompressed stream, and stop at the limit rather than after it: the rest is never read, so
    the connection cannot be used again."""
    good = 200 <= response.status < 300
    limit = limit if good else min(limit, ERROR_BODY_BYTES)
    pieces = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > limit:
            response.close()
            if good:
                raise Trouble("protocol", status=response.status, down=False)
            return b""
        if budget is not None:
            try:
                budget.take(len(piece))
            except Trouble:
                response.close()
                raise
        pieces.append(piece)
    body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return body.removeprefix(BOM)


def _trouble(error: aiohttp.ClientError) -> Trouble:
    """Say what one of aiohttp's errors means, without its text: that holds URLs."""
    match error:
        case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            # Trying again does not make a certificate right.
            return Trouble("connect", down=True, whole=True, reason=reason_of(error))
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Trouble("connect", repeat="always", down=True, whole=True, reason=reason_of(error))
        case aiohttp.ClientConnectionError():
            reason = reason_of(error)
            if reason == "tls-client-certificate":
                return Trouble("connect", down=True, whole=True, reason=reason)
            return Trouble("connect", repeat="idempotent", down=True, reason=reason)
        case aiohttp.ClientPayloadError():
            return Trouble("protocol", repeat="idempotent", down=True)
        case _:
            return Trouble("protocol", down=False)
