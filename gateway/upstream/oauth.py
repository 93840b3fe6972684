"""Access tokens: one for all requests, fetched once at a time (RFC 6749, section 4.4)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from gateway.core.plan import FailureReason
from gateway.core.reasons import REASONS
from gateway.upstream.backoff import retry_after_seconds
from gateway.upstream.credentials import Credentials
from gateway.upstream.exchange import ERROR_BODY_BYTES, Request, Response, Wire, exchange
from gateway.upstream.interface import EventOutcome, UpstreamEvent
from gateway.upstream.rate import SlidingWindow
from gateway.upstream.smart_configuration import Discovered
from gateway.upstream.surroundings import Surroundings
from gateway.upstream.token_answer import Grant, TokenError, token_refused
from gateway.upstream.trouble import Trouble

REFUSAL_SECONDS: Final = 1.0
"""How long a refusal stands; also the least for which a token is used, however short it says that it lives:
so no endpoint is asked once a request."""
LONGEST_REFUSAL_SECONDS: Final = 5.0
"""Each refusal in a row stands for a second longer, up to this: the breaker of token endpoints."""
RENEWALS_BY_401: Final = 5
RENEWALS_SECONDS: Final = 10.0

# A waiter leaves this long before its own deadline, to be able to say what it waited for.
_PARTING_SECONDS: Final = 0.05
# Of the time for a token, how much may go into asking where it is had.
_PATIENCE_SHARE: Final = 0.3
_LATE: Final = "the token endpoint has not answered in time"


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token that was handed out once and for all; nothing can renew it when it is refused."""

    token: str = field(repr=False)

    async def get(self, *, deadline: float | None = None) -> str:
        """The token."""
        del deadline
        return self.token

    def invalidate(self, token: str) -> None:
        """Nothing else can be tried."""

    async def close(self) -> None:
        """Nothing is under way."""


class SharedToken:
    """The current token of one upstream, for all its requests at once.

    It is renewed min(60 s, a tenth of its life) before it expires, while the old one still serves.
    One renewal is in flight at a time; it is a task of its own, so that a waiter who is cancelled
    takes nothing from the others.
    """

    def __init__(self, credentials: Credentials, wire: Wire, *, seconds: float, around: Surroundings) -> None:
        self._credentials = credentials
        self._wire = wire
        self._seconds = seconds
        self._around = around
        self._token: str | None = None
        self._expires_at = 0.0
        self._renew_at = 0.0
        self._refusal: TokenError | None = None
        self._refused_until = 0.0
        self._failed = 0
        # An upstream that refuses whatever it is shown is not helped by a new token for each request.
        self._by_401 = SlidingWindow(limit=RENEWALS_BY_401, seconds=RENEWALS_SECONDS, clock=around.clock)
        self._renewal: asyncio.Task[None] | None = None
        self._closed = False

    async def get(self, *, deadline: float | None = None) -> str:
        """A token that has not expired, by ``deadline`` (``loop.time()``). Raises TokenError."""
        now = self._around.clock()
        refused = self._refusal is not None and now < self._refused_until
        if self._token is not None and now < self._expires_at:
            if now >= self._renew_at and not refused:
                self._renew()
            return self._token
        if refused and self._refusal is not None:
            raise self._refusal.again()
        renewal = self._renew()
        left = None if deadline is None else deadline - asyncio.get_running_loop().time() - _PARTING_SECONDS
        await asyncio.wait({renewal}, timeout=left)
        if not renewal.done():
            raise TokenError("deadline", _LATE)
        if renewal.cancelled() or self._closed:
            raise TokenError("connect", "the gateway is being shut down")
        renewal.result()
        if self._refusal is not None:
            raise self._refusal.again()
        # Another request may have found the new token rejected already: then it is not there.
        return self._token if self._token is not None else await self.get(deadline=deadline)

    def invalidate(self, token: str) -> None:
        """Drop ``token`` after a 401, unless it is no longer the current one anyway, or ``RENEWALS_BY_401``
        were dropped in the last ``RENEWALS_SECONDS``."""
        if token == self._token and self._by_401.take() is None:
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
        clock = self._around.clock
        end = asyncio.get_running_loop().time() + self._seconds
        if isinstance(self._credentials, Discovered):
            patience = _PATIENCE_SHARE * self._seconds
            await self._credentials.look(self._observed, now=clock(), patience=patience)
        started = clock()
        try:
            grant = await self._ask(end)
        except TokenError as refusal:
            self._failed += 1
            pause = min(REFUSAL_SECONDS * self._failed, LONGEST_REFUSAL_SECONDS)
            self._refusal, self._refused_until = refusal, clock() + pause
        else:
            self._token, self._refusal, self._failed = grant.token, None, 0
            self._expires_at = max(started + grant.lifetime, clock() + REFUSAL_SECONDS)
            self._renew_at = self._expires_at - min(60.0, grant.lifetime / 10)

    async def _ask(self, end: float) -> Grant:
        """One exchange with the token endpoint, by ``end`` (``loop.time()``). Raises TokenError, whatever was
        the matter."""
        now = self._around.wall_clock()
        started = self._around.clock()
        outcome: EventOutcome = "cancelled"
        status: int | None = None
        reason: FailureReason | None = None
        response: Response | None = None
        sent = 0
        try:
            request = self._credentials.request(now=now)
            sent = 1
            async with asyncio.timeout_at(end):
                response = await exchange(self._around.session(), request, self._wire)
            if not 200 <= response.status < 300:
                after = retry_after_seconds(response.retry_after, now=now)
                # Of a client that has shown its secret otherwise (RFC 6749, section 5.2).
                basic = response.wants_basic and "Authorization" not in request.headers
                raise token_refused(response.status, response.body, after, basic=basic)
            grant = self._credentials.grant(response.body, now=now)
            outcome, status = "ok", response.status
            return grant
        except (Trouble, TimeoutError) as trouble:
            error = trouble if isinstance(trouble, TokenError) else _unanswered(trouble)
            if response is not None:
                short = response.body if len(response.body) <= ERROR_BODY_BYTES else b""
                error.came_of(response.status, short, request.secrets)
            outcome, status, reason = error.kind, error.status, error.reason
            raise error from None
        finally:
            self._around.observe(
                UpstreamEvent("token", outcome, status, self._around.clock() - started, sent, reason)
            )

    async def _observed(self, request: Request) -> Response:
        """Any request that leads to a token, told like every other."""
        started = self._around.clock()
        outcome: EventOutcome = "cancelled"
        status: int | None = None
        reason: FailureReason | None = None
        try:
            response = await exchange(self._around.session(), request, self._wire)
            outcome, status = ("ok" if response.status < 400 else "status"), response.status
            return response
        except Trouble as trouble:
            outcome, status, reason = trouble.kind, trouble.status, trouble.reason
            raise
        finally:
            seconds = self._around.clock() - started
            self._around.observe(UpstreamEvent(request.target, outcome, status, seconds, 1, reason))


def _unanswered(trouble: Trouble | TimeoutError) -> TokenError:
    """An exchange that brought no whole answer, as the token endpoint's."""
    if isinstance(trouble, TimeoutError):
        return TokenError("deadline", _LATE)
    if trouble.kind == "connect":
        what = "no connection, or it broke" if trouble.reason is None else REASONS[trouble.reason][0]
        text = f"the token endpoint could not be reached ({what})"
        return TokenError("connect", text, status=trouble.status, reason=trouble.reason)
    text = "the token endpoint's answer was cut short, too long or not HTTP"
    return TokenError("protocol", text, status=trouble.status)
