"""How it stands with the upstreams at the moment of the scrape: breakers, places, lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

BreakerState = Literal["closed", "half-open", "open"]

_BREAKER: Final[Mapping[BreakerState, float]] = {"closed": 0.0, "half-open": 0.5, "open": 1.0}


class Standing(Protocol):
    """What one upstream says of itself; ``breakers`` by target."""

    @property
    def breakers(self) -> Mapping[str, BreakerState]: ...
    @property
    def set_aside(self) -> int: ...
    @property
    def running(self) -> int: ...
    @property
    def waiting(self) -> int: ...


class UpstreamMetrics(Collector):
    """Gauges that are asked for when somebody looks, so that none tells of a state that is over.

    ``target`` names the known targets; what is none of them is told as ``other``.
    """

    def __init__(self, target: Callable[[str], str]) -> None:
        self._target = target
        self._sites: dict[str, Callable[[], Standing]] = {}

    def watch(self, site: str, standing: Callable[[], Standing]) -> None:
        """Ask this about the upstream of a site from now on."""
        self._sites[site] = standing

    def collect(self) -> Iterator[Metric]:
        worst = GaugeMetricFamily(
            "gateway_breaker_open",
            "0 closed, 0.5 half-open, 1 open; the worst of the site's kinds of call.",
            labels=["site"],
        )
        kinds = GaugeMetricFamily(
            "gateway_breaker_kind_open", "The same for one kind of call.", labels=["site", "target"]
        )
        aside = GaugeMetricFamily(
            "gateway_upstream_set_aside",
            "Single schedules that keep failing and are not asked for a moment.",
            labels=["site"],
        )
        running = GaugeMetricFamily(
            "gateway_upstream_running", "Requests that hold a place upstream.", labels=["site"]
        )
        waiting = GaugeMetricFamily(
            "gateway_upstream_waiting", "Requests that wait for a place upstream.", labels=["site"]
        )
        for site, ask in tuple(self._sites.items()):
            standing = ask()
            breakers: dict[str, float] = {}
            for target, state in standing.breakers.items():
                aim = self._target(target)
                breakers[aim] = max(breakers.get(aim, 0.0), _BREAKER[state])
            worst.add_metric([site], max(breakers.values(), default=0.0))
            for aim, value in breakers.items():
                kinds.add_metric([site, aim], value)
            aside.add_metric([site], standing.set_aside)
            running.add_metric([site], standing.running)
            waiting.add_metric([site], standing.waiting)
        yield from (worst, kinds, aside, running, waiting)
