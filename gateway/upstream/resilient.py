"""An exchange with everything around it: breaker, token, bound on concurrency, retries, deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.upstream.backoff import full_jitter, retry_after_seconds
from gateway.upstream.breaker import Breaker, BreakerState, Passage
from gateway.upstream.credentials import Credentials
from gateway.upstream.exchange import Request, Response, Wire, exchange
from gateway.upstream.interface import ClientSettings, EventOutcome, UpstreamEvent
from gateway.upstream.oauth import FixedToken, SharedToken
from gateway.upstream.rate import SlidingWindow
from gateway.upstream.session import tls_trust
from gateway.upstream.surroundings import Surroundings
from gateway.upstream.trouble import Repeat, Trouble, refused

# Event loops may wake a little early, and round; a cancellation this near to it is the deadline's.
_CLOCK_SLACK_SECONDS = 0.01


class Careful:
    """Makes the requests of one upstream.

    The breaker judges an exchange as a whole, after its retries: a short hiccup that strikes many
    concurrent requests does not open it. ``repeats`` says which trouble may be answered by asking
    again, ``code_of`` reads the code out of an error's body. ``credentials`` of None: no token.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        credentials: Credentials | FixedToken | None,
        around: Surroundings,
        repeats: frozenset[Repeat],
        code_of: Callable[[bytes], str | None],
        rate: SlidingWindow | None = None,
    ) -> None:
        self._settings = settings
        self._around = around
        self._repeats = repeats
        self._code_of = code_of
        self._rate = rate
        self._wire = Wire(tls_trust(settings.ca_file), settings.connect_seconds, settings.max_response_bytes)
        self._tokens = (
            SharedToken(credentials, self._wire, seconds=settings.token_seconds, around=around)
            if credentials is not None and not isinstance(credentials, FixedToken)
            else credentials
        )
        self._slots = asyncio.Semaphore(settings.max_concurrency)
        self._breaker = Breaker(
            failures=settings.breaker_failures, seconds=settings.breaker_seconds, clock=around.clock
        )

    @property
    def state(self) -> BreakerState:
        """The breaker's state."""
        return self._breaker.state

    async def send(self, request: Request, *, deadline: float) -> Response:
        """A 2xx answer to ``request`` by ``deadline`` (``loop.time()``). Raises Trouble."""
        if asyncio.get_running_loop().time() >= deadline:
            raise Trouble("deadline")
        try:
            async with asyncio.timeout_at(deadline):
                with self._enter(request) as passage:
                    return await self._attempts(request, deadline, passage)
        except TimeoutError:
            raise Trouble("deadline") from None

    async def close(self) -> None:
        """Give up a token renewal in flight."""
        if self._tokens is not None:
            await self._tokens.close()

    def _enter(self, request: Request) -> Passage:
        try:
            return self._breaker.enter()
        except Trouble:
            self._around.observe(UpstreamEvent(request.target, "breaker", None, 0.0, 0))
            raise

    async def _attempts(self, request: Request, deadline: float, passage: Passage) -> Response:
        attempt = 1
        renewed = False
        while True:
            token = await self._tokens.get(deadline=deadline) if self._tokens is not None else None
            try:
                response = await self._once(request, token, attempt, deadline, passage)
            except Trouble as error:
                trouble = error
            else:
                passage.down = False
                return response
            passage.down = trouble.down
            if trouble.status == 401 and self._tokens is not None and token is not None and not renewed:
                # The token may have been withdrawn; with a new one the same request is asked once more.
                renewed = True
                self._tokens.invalidate(token)
                continue
            wait = self._wait(trouble, attempt, passage)
            if wait is None or asyncio.get_running_loop().time() + wait >= deadline:
                raise trouble
            await asyncio.sleep(wait)
            if self._breaker.state == "open":
                raise trouble
            attempt += 1

    def _wait(self, trouble: Trouble, attempt: int, passage: Passage) -> float | None:
        """Seconds until the next attempt; None if there shall be none."""
        if passage.probe or trouble.repeat not in self._repeats or attempt >= self._settings.max_attempts:
            return None
        if trouble.retry_after is not None:
            return trouble.retry_after
        if attempt == 1 and trouble.kind == "connect" and trouble.repeat == "idempotent":
            # Most likely a kept-alive connection that the other side had closed by then.
            return 0.0
        settings = self._settings
        return full_jitter(
            attempt,
            base=settings.backoff_seconds,
            cap=settings.backoff_cap_seconds,
            random=self._around.chance,
        )

    async def _once(
        self, request: Request, token: str | None, attempt: int, deadline: float, passage: Passage
    ) -> Response:
        async with self._slots:
            self._count(request)
            loop = asyncio.get_running_loop()
            started = loop.time()
            outcome: EventOutcome = "cancelled"
            status: int | None = None
            try:
                response = await self._exchange(request, token)
                outcome, status = "ok", response.status
                return response
            except Trouble as trouble:
                outcome, status = trouble.kind, trouble.status
                raise
            except asyncio.CancelledError:
                if loop.time() >= deadline - _CLOCK_SLACK_SECONDS:
                    # It had its time and did not answer: that counts, whoever stopped the waiting.
                    outcome, passage.down = "deadline", True
                raise
            finally:
                seconds = loop.time() - started
                self._around.observe(UpstreamEvent(request.target, outcome, status, seconds, attempt))

    def _count(self, request: Request) -> None:
        """Hold to our own rate limit. Raises Trouble ``overloaded``."""
        wait = self._rate.take() if self._rate is not None else None
        if wait is not None:
            self._around.observe(UpstreamEvent(request.target, "overloaded", None, 0.0, 0))
            raise Trouble("overloaded", retry_after=wait)

    async def _exchange(self, request: Request, token: str | None) -> Response:
        response = await exchange(self._around.session(), request, self._wire, token=token)
        if 200 <= response.status < 300:
            return response
        after = retry_after_seconds(response.retry_after, now=self._around.wall_clock())
        raise refused(response.status, self._code_of(response.body), after)
