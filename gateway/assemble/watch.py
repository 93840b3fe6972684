"""What the clients of upstreams report, made into metrics; and a line in the log where somebody must act."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from structlog.typing import FilteringBoundLogger

from gateway.core.reasons import REASONS
from gateway.upstream.interface import Rebased, UpstreamEvent
from gateway.web.metrics import Metrics

_SAID_AGAIN_AFTER: Final = 60.0


class Watch:
    """Of one site. It logs once it has a ``log``: the same trouble once a minute, however often it comes."""

    def __init__(self, metrics: Metrics, site: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._site = site
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}
        self.log: FilteringBoundLogger | None = None

    def __call__(self, event: UpstreamEvent) -> None:
        seconds = event.seconds if event.attempt else None
        self._metrics.upstream(self._site, event.target, event.outcome, seconds, event.reason)
        if event.reason is not None and event.outcome == "connect" and event.reason != "broken-connection":
            self._say(event)

    def rebased(self, told: Rebased) -> None:
        """A link that names the server otherwise than ``base_url`` is followed below that."""
        if self.log is not None:
            self.log.info(
                "link", request_id=told.request_id, site=self._site, target=told.target, named=told.named
            )

    def _say(self, event: UpstreamEvent) -> None:
        assert event.reason is not None
        key, now = (event.target, event.reason), self._clock()
        if self.log is None or now - self._said.get(key, -_SAID_AGAIN_AFTER) < _SAID_AGAIN_AFTER:
            return
        self._said[key] = now
        what, advice = REASONS[event.reason]
        self.log.warning(
            "upstream", site=self._site, target=event.target, reason=event.reason, what=what, advice=advice
        )
