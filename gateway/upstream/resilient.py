"""An exchange with everything around it: a place in line, breaker, token, retries, deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

from gateway.core.plan import FailureReason
from gateway.upstream.backoff import full_jitter, retry_after_seconds
from gateway.upstream.breaker import Breaker, BreakerState, Passage
from gateway.upstream.budget import Budget
from gateway.upstream.credentials import Credentials
from gateway.upstream.exchange import Request, Response, Wire, exchange
from gateway.upstream.interface import ClientSettings, EventOutcome, Standing, UpstreamEvent
from gateway.upstream.oauth import FixedToken, SharedToken
from gateway.upstream.pace import Pace
from gateway.upstream.places import Places, Turn
from gateway.upstream.rate import SlidingWindow
from gateway.upstream.session import tls_trust
from gateway.upstream.surroundings import Surroundings
from gateway.upstream.trouble import Repeat, Trouble, refused

# Event loops may wake a little early, and round; a cancellation this near to it is the deadline's.
_CLOCK_SLACK_SECONDS = 0.01
_WORST: Mapping[BreakerState, int] = {"closed": 0, "half-open": 1, "open": 2}


class _Kind:
    """What is known of the calls to one target: whether they fail, and how long they take."""

    __slots__ = ("breaker", "pace")

    def __init__(self, breaker: Breaker) -> None:
        self.breaker = breaker
        self.pace = Pace()


class _Going:
    """One exchange on its way, with all its attempts. ``first``: its place is the one it was let in for."""

    __slots__ = ("deadline", "first", "kind", "loop", "passage", "request", "token", "turn")

    def __init__(
        self,
        request: Request,
        kind: _Kind,
        deadline: float,
        turn: Turn,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.loop = loop
        self.request = request
        self.kind = kind
        self.deadline = deadline
        self.turn = turn
        self.first = False
        self.token: str | None = None
        self.passage: Passage


class ResilientClient:
    """Makes the requests of one upstream.

    Each has a place first (see :class:`~gateway.upstream.places.Places`), so that what follows is not begun
    without the time for it, and no time in our own line counts against the upstream. Each target has a
    breaker of its own, which judges an exchange as a whole, after its retries: a short hiccup that strikes
    many concurrent requests does not open it. ``repeats`` says which trouble may be answered by asking
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
        self.places = Places(settings.max_concurrency, around.common)
        self._kinds: dict[str, _Kind] = {}

    @property
    def standing(self) -> Standing:
        """How it stands with the upstream at this moment."""
        kinds = dict(self._kinds)
        return Standing(
            {target: kind.breaker.state for target, kind in kinds.items()},
            sum(kind.breaker.set_aside for kind in kinds.values()),
            self.places.running,
            self.places.waiting,
        )

    @property
    def state(self) -> BreakerState:
        """The worst state of its breakers."""
        return max(self.standing.breakers.values(), key=_WORST.__getitem__, default="closed")

    def admit(
        self,
        targets: Collection[str],
        *,
        deadline: float,
        since: float,
        shared: bool = False,
        after: Turn | None = None,
    ) -> Turn:
        """Let the calls of a stage in, one for each of ``targets``, or none of them.

        ``since`` is when their query came, ``deadline`` when it must be answered (``loop.time()``), ``after``
        the turn of an earlier stage of it, if there was one.
        Raises Trouble ``overloaded`` if it cannot be by then; nobody has waited for anything.
        """
        now = asyncio.get_running_loop().time()
        service = 0.0
        for target in targets:
            service = max(service, self._kind(target).pace.most(now))
        try:
            turn = self.places.admit(
                len(targets), service=service, deadline=deadline, since=since, shared=shared
            )
        except Trouble as trouble:
            self._report(next(iter(targets)), trouble)
            raise
        settings = self._settings
        earlier = after.budget if after is not None else None
        turn.budget = earlier or Budget(settings.max_query_bytes, settings.max_query_pages)
        return turn

    async def send(self, request: Request, *, deadline: float, turn: Turn | None = None) -> Response:
        """A 2xx answer to ``request`` by ``deadline`` (``loop.time()``). Raises Trouble.

        ``turn`` is what :meth:`admit` gave; without one the request is let in, or not, by itself.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now >= deadline:
            raise Trouble("deadline")
        if turn is None:
            turn = self.admit((request.target,), deadline=deadline, since=now)
            try:
                return await self.send(request, deadline=deadline, turn=turn)
            finally:
                turn.close()
        try:
            async with asyncio.timeout_at(deadline):
                return await self._pass(_Going(request, self._kind(request.target), deadline, turn, loop))
        except TimeoutError:
            raise Trouble("deadline") from None

    async def close(self) -> None:
        """Give up a token renewal in flight."""
        if self._tokens is not None:
            await self._tokens.close()

    def _kind(self, target: str) -> _Kind:
        kind = self._kinds.get(target)
        if kind is None:
            settings = self._settings
            kind = self._kinds[target] = _Kind(
                Breaker(
                    failures=settings.breaker_failures,
                    seconds=settings.breaker_seconds,
                    clock=self._around.clock,
                )
            )
        return kind

    def _report(self, target: str, trouble: Trouble) -> None:
        """Tell of a request that was not made."""
        self._around.observe(UpstreamEvent(target, trouble.kind, None, 0.0, 0, trouble.reason))

    async def _pass(self, going: _Going) -> Response:
        """Have a place, then pass the breaker, then ask. Until then Trouble is told as a request not made."""
        request, breaker = going.request, going.kind.breaker
        try:
            going.first = going.turn.coming > 0
            now = going.loop.time()
            if going.deadline - now < going.kind.pace.least(now) or not self.places.take_now(going.turn, now):
                breaker.check(request.subject)  # rather than to find it open after waiting
                await self._place(going)
            try:
                going.passage = breaker.enter(request.subject)
            except Trouble:
                self.places.leave(going.turn, 0.0, first=going.first)
                raise
        except Trouble as trouble:
            self._report(request.target, trouble)
            raise
        try:
            with going.passage:
                return await self._attempts(going)
        finally:
            if going.passage.down and breaker.state == "open":
                self._dismiss(request.target, breaker)

    def _dismiss(self, target: str, breaker: Breaker) -> None:
        """Nobody waits to be told that the breaker is open."""
        try:
            breaker.check()
        except Trouble as trouble:
            self.places.dismiss(target, trouble)

    async def _place(self, going: _Going) -> None:
        least = going.kind.pace.least(going.loop.time())
        going.first = await self.places.take(
            going.turn, going.request.target, least=least, deadline=going.deadline
        )

    async def _attempts(self, going: _Going) -> Response:
        """Make the request until it succeeds or may not be made again. It has a place already."""
        attempt = 1
        renewed = False
        while True:
            try:
                response = await self._once(going, attempt)
            except Trouble as error:
                trouble = error
            else:
                going.passage.down = False
                return response
            going.passage.verdict(trouble)
            token = going.token
            if trouble.status == 401 and self._tokens is not None and token is not None and not renewed:
                # The token may have been withdrawn; with a new one the same request is asked once more.
                renewed = True
                self._tokens.invalidate(token)
                await self._place(going)
                continue
            wait = self._wait(trouble, attempt, going.passage)
            if wait is None or asyncio.get_running_loop().time() + wait >= going.deadline:
                raise trouble
            await asyncio.sleep(wait)
            try:
                going.kind.breaker.check(going.request.subject)
                await self._place(going)
            except Trouble:
                raise trouble from None
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

    async def _once(self, going: _Going, attempt: int) -> Response:
        """One request, in the place that it holds; that is given back in any case, and what came is told."""
        clock = going.loop.time
        taken = started = clock()
        going.token = None
        outcome: EventOutcome | None = None  # nothing was sent
        status: int | None = None
        reason: FailureReason | None = None
        try:
            if self._tokens is not None:
                going.token = await self._tokens.get(deadline=going.deadline)
            self._count(going.request)
            started, outcome = clock(), "cancelled"
            response = await self._exchange(going.request, going.token, going.turn.budget)
            outcome, status = "ok", response.status
            return response
        except Trouble as trouble:
            if outcome is not None:
                outcome, status, reason = trouble.kind, trouble.status, trouble.reason
            raise
        except asyncio.CancelledError:
            if outcome is not None and clock() >= going.deadline - _CLOCK_SLACK_SECONDS:
                outcome = "deadline"
                self._late(going, clock() - started)
            raise
        finally:
            now = clock()
            self.places.leave(going.turn, now - taken, first=going.first)
            going.first = False
            if outcome is not None:
                if outcome == "ok":
                    going.kind.pace.saw(now - started, now)
                self._around.observe(
                    UpstreamEvent(going.request.target, outcome, status, now - started, attempt, reason)
                )

    def _late(self, going: _Going, seconds: float) -> None:
        """A request that had so long did not answer by its deadline, whoever stopped the waiting.

        If that is as long as such a call usually takes, it counts as the upstream's failure. One that had
        less, as its query had waited before, says nothing.
        """
        if seconds >= going.kind.pace.most(going.loop.time()):
            going.passage.down, going.passage.whole = True, False

    def _count(self, request: Request) -> None:
        """Hold to our own rate limit. Raises Trouble ``overloaded``."""
        wait = self._rate.take() if self._rate is not None else None
        if wait is not None:
            trouble = Trouble("overloaded", retry_after=wait, reason="rate-limit")
            self._report(request.target, trouble)
            raise trouble

    async def _exchange(self, request: Request, token: str | None, budget: Budget | None) -> Response:
        session = self._around.session()
        response = await exchange(session, request, self._wire, token=token, budget=budget)
        if 200 <= response.status < 300:
            return response
        after = retry_after_seconds(response.retry_after, now=self._around.wall_clock())
        raise refused(response.status, self._code_of(response.body), after, response.body)
