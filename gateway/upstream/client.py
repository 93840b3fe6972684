"""What the clients of all upstreams have in common, whatever these speak."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.plan import Call, Failure
from gateway.upstream.breaker import BreakerState
from gateway.upstream.interface import Standing
from gateway.upstream.places import Turn
from gateway.upstream.resilient import ResilientClient
from gateway.upstream.trouble import Trouble


class Client:
    """Lets calls in, and knows how it stands with its upstream; how a call is made is for who inherits it."""

    def __init__(self, client: ResilientClient) -> None:
        self._client = client

    @property
    def state(self) -> BreakerState:
        """The worst state of its breakers."""
        return self._client.state

    @property
    def standing(self) -> Standing:
        """How it stands with the upstream at this moment, for the metrics."""
        return self._client.standing

    def admit(
        self,
        calls: Sequence[Call],
        *,
        deadline: float,
        since: float,
        shared: bool = False,
        after: Turn | None = None,
    ) -> Turn | Failure:
        """Let all calls of a stage in, or none, as of :class:`~gateway.errand.Upstream`."""
        targets = [call.target.partition("/")[0] for call in calls]
        try:
            return self._client.admit(targets, deadline=deadline, since=since, shared=shared, after=after)
        except Trouble as trouble:
            return trouble.failure(calls[0])

    async def close(self) -> None:
        """Give up a token renewal in flight."""
        await self._client.close()
