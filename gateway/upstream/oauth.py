"""Access tokens: one for all requests, fetched once at a time (RFC 6749, section 4.4)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

import msgspec
from yarl import URL

from gateway.upstream.backoff import retry_after_seconds
from gateway.upstream.exchange import Request, Wire, exchange
from gateway.upstream.interface import EventOutcome, UpstreamEvent
from gateway.upstream.surroundings import Surroundings
from gateway.upstream.trouble import Trouble, plausible_code

DEFAULT_LIFETIME_SECONDS = 300.0
REFUSAL_SECONDS = 1.0

# RFC 6750, section 2.1, is narrower; some issuers are not. No space, no control character.
_HEADER_SAFE = re.compile(r"[!-~]{1,16384}")


class TokenError(Trouble):
    """No token was to be had. It says nothing about the upstream itself, so the breaker ignores it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token endpoint gave: the token, and how long it lives from now, in seconds."""

    token: str = field(repr=False)
    lifetime: float

    def __post_init__(self) -> None:
        if not _HEADER_SAFE.fullmatch(self.token):
            raise TokenError("protocol")


class Credentials(Protocol):
    """How a token is asked for and how the answer is read. Both are pure; ``now`` is epoch seconds."""

    def request(self, *, now: float) -> Request:
        """The request to the token endpoint."""

    def grant(self, body: bytes, *, now: float) -> Grant:
        """Read a 2xx answer. Raises TokenError ``protocol`` if there is no usable token in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """Client id and secret in the form body, as Canvas documents it."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None

    def request(self, *, now: float) -> Request:
        del now
        fields = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return form_request(self.token_url, fields | ({"scope": self.scope} if self.scope else {}))

    def grant(self, body: bytes, *, now: float) -> Grant:
        del now
        return oauth_grant(body)


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token that was handed out once and for all; nothing can renew it when it is refused."""

    token: str = field(repr=False)

    async def get(self) -> str:
        """The token."""
        return self.token

    def invalidate(self, token: str) -> None:
        """Nothing else can be tried."""

    async def close(self) -> None:
        """Nothing is under way."""


class _TokenAnswer(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"
    expires_in: float | str | None = None


class _TokenRefusal(msgspec.Struct):
    error: str | None = None


def form_request(url: str, fields: dict[str, str]) -> Request:
    """A form POST to a token endpoint (RFC 6749, appendix B)."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return Request("POST", URL(url), "token", headers, urlencode(fields).encode())


def oauth_grant(body: bytes) -> Grant:
    """Read an answer by RFC 6749, section 5.1; without ``expires_in`` the token lives 300 s."""
    try:
        answer = msgspec.json.decode(body, type=_TokenAnswer)
        lifetime = DEFAULT_LIFETIME_SECONDS if answer.expires_in is None else float(answer.expires_in)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise TokenError("protocol") from None
    if answer.token_type.lower() != "bearer" or not lifetime > 0:
        raise TokenError("protocol")
    return Grant(answer.access_token, lifetime)


class SharedToken:
    """The current token of one upstream, for all its requests at once.

    It is renewed min(60 s, a tenth of its life) before it expires, while the old one still serves.
    One renewal is in flight at a time; it is a task of its own, so that a waiter who is cancelled
    takes nothing from the others. A refusal stands for a second before the endpoint is asked again.
    """

    def __init__(self, credentials: Credentials, wire: Wire, *, seconds: float, around: Surroundings) -> None:
        self._credentials = credentials
        self._wire = wire
        self._seconds = seconds
        self._around = around
        self._token: str | None = None
        self._expires_at = 0.0
        self._renew_at = 0.0
        self._refusal: Callable[[], TokenError] | None = None
        self._refused_until = 0.0
        self._renewal: asyncio.Task[None] | None = None
        self._closed = False

    async def get(self) -> str:
        """A token that has not expired. Raises TokenError."""
        now = self._around.clock()
        refused = self._refusal is not None and now < self._refused_until
        if self._token is not None and now < self._expires_at:
            if now >= self._renew_at and not refused:
                self._renew()
            return self._token
        if refused and self._refusal is not None:
            raise self._refusal()
        renewal = self._renew()
        await asyncio.wait({renewal})
        if renewal.cancelled() or self._closed:
            raise TokenError("connect")
        renewal.result()
        if self._refusal is not None:
            raise self._refusal()
        # Another request may have found the new token rejected already: then it is not there.
        return self._token if self._token is not None else await self.get()

    def invalidate(self, token: str) -> None:
        """Drop ``token`` after a 401, unless it is no longer the current one anyway."""
        if token == self._token:
            self._token = None

    async def close(self) -> None:
        """Give up a renewal in flight; who waits for it gets a TokenError."""
        self._closed = True
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait({self._renewal})

    def _renew(self) -> asyncio.Task[None]:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.get_running_loop().create_task(self._fetch())
        return self._renewal

    async def _fetch(self) -> None:
        """Ask the endpoint, and keep the token or the refusal."""
        started = self._around.clock()
        outcome: EventOutcome = "cancelled"
        status: int | None = None
        try:
            async with asyncio.timeout(self._seconds):
                status, grant = await self._ask()
            outcome = "ok"
            self._token, self._refusal = grant.token, None
            self._expires_at = started + grant.lifetime
            self._renew_at = self._expires_at - min(60.0, grant.lifetime / 10)
        except (Trouble, TimeoutError) as trouble:
            refusal = _refusal(trouble)
            outcome, status = refusal().kind, refusal().status
            self._refusal, self._refused_until = refusal, self._around.clock() + REFUSAL_SECONDS
        finally:
            seconds = self._around.clock() - started
            self._around.observe(UpstreamEvent("token", outcome, status, seconds, 1))

    async def _ask(self) -> tuple[int, Grant]:
        now = self._around.wall_clock()
        response = await exchange(self._around.session(), self._credentials.request(now=now), self._wire)
        if 200 <= response.status < 300:
            return response.status, self._credentials.grant(response.body, now=now)
        raise _refused(response.status, response.body, retry_after_seconds(response.retry_after, now=now))


def _refused(status: int, body: bytes, retry_after: float | None) -> TokenError:
    """RFC 6749, section 5.2; the body of a refusal need not be JSON."""
    try:
        code = plausible_code(msgspec.json.decode(body, type=_TokenRefusal).error)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        code = None
    if status in (429, 503):
        return TokenError("overloaded", status=status, code=code, retry_after=retry_after)
    if 400 <= status < 500:
        return TokenError("unauthorized", status=status, code=code)
    return TokenError("connect" if status >= 500 else "protocol", status=status, code=code)


def _refusal(trouble: Trouble | TimeoutError) -> Callable[[], TokenError]:
    """What to raise, anew for each waiter: an exception that is raised twice mixes their tracebacks."""
    if isinstance(trouble, TimeoutError):
        return lambda: TokenError("connect")
    kind, status, code, after = trouble.kind, trouble.status, trouble.code, trouble.retry_after
    return lambda: TokenError(kind, status=status, code=code, retry_after=after)
