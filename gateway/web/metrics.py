"""Counters for Prometheus, in a registry of their own. Labels are bounded: no value of a message is one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from gateway.web.sink import REASONS, Reason
from gateway.web.upstream_metrics import Standing, UpstreamMetrics

TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)
_EVENTS: Final = frozenset({"AvailableSlots", "handshake"})
_TARGETS: Final = frozenset(
    {
        "Slot",
        "Schedule",
        "Practitioner",
        "PractitionerRole",
        "Location",
        "HealthcareService",
        "Organization",
        "metadata",
        "token",
        "smart-configuration",
        "AvailableSlots",
    }
)


@dataclass(slots=True)
class ConnectionCounts:
    """Those of one listener: how many are open, and how many were turned away for want of room, by how."""

    open: int = 0
    turned_away: dict[str, int] = field(default_factory=lambda: {"closed_idle": 0, "refused": 0})


class Metrics:
    """What is counted. Every worker process has its own; ``exposition`` is the text of this one.

    ``sites`` are the configured ids: any other value of a site label becomes ``none``, and any event
    or target outside the given ones ``other``, so that nobody can make series by sending things.
    """

    def __init__(
        self,
        sites: Collection[str] = (),
        *,
        events: Collection[str] = _EVENTS,
        targets: Collection[str] = _TARGETS,
    ) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._sites, self._events, self._targets = frozenset(sites), frozenset(events), frozenset(targets)
        self.in_flight = 0
        self.connections = ConnectionCounts()
        of = self.registry
        self._requests = Counter(
            "gateway_requests", "Requests answered.", ("surface", "site", "event", "status"), registry=of
        )
        self._seconds = Histogram(
            "gateway_request_seconds", "Time to answer.", ("surface", "event"), buckets=_SECONDS, registry=of
        )
        self._calls = Counter(
            "gateway_upstream_calls", "Requests made upstream.", ("site", "target", "outcome"), registry=of
        )
        self._call_seconds = Histogram(
            "gateway_upstream_seconds",
            "Time of an upstream request.",
            ("target",),
            buckets=_SECONDS,
            registry=of,
        )
        self._troubles = Counter(
            "gateway_upstream_troubles",
            "Requests upstream that failed for a known reason.",
            ("site", "target", "reason"),
            registry=of,
        )
        self._upstreams = UpstreamMetrics(self._aim)
        of.register(self._upstreams)
        self._slots = Counter("gateway_slots_returned", "Open slots in answers.", ("site",), registry=of)
        self._unchecked = Counter(
            "gateway_unchecked_wishes",
            "Wishes that narrow a query and could not be checked.",
            ("site", "path"),
            registry=of,
        )
        self._tables = Gauge(
            "gateway_tables_info", "The tables in use, by hash.", ("site", "hash"), registry=of
        )
        flying = Gauge("gateway_requests_in_flight", "Requests being answered now.", registry=of)
        flying.set_function(lambda: self.in_flight)
        of.register(_Connections(self.connections))
        ProcessCollector(registry=of)
        self._hashes: dict[str, str] = {}
        self._of_request: dict[tuple[str, str, str, int], Counter] = {}
        self._of_seconds: dict[tuple[str, str], Histogram] = {}
        self._of_call: dict[tuple[str, str, str], Counter] = {}
        self._of_call_seconds: dict[str, Histogram] = {}
        self._of_slots: dict[str, Counter] = {}

    def request(
        self,
        surface: str,
        site: str | None,
        event: str | None,
        status: int,
        seconds: float,
        *,
        slots: int = 0,
        unchecked: Sequence[str] = (),
    ) -> None:
        """Count one answered request. ``slots``: how many open slots its answer held; ``unchecked``: the
        fields, of the tables' own, whose wishes could not be checked."""
        at, about = self._site(site), self._event(event)
        key = (surface, at, about, status)
        counter = self._of_request.get(key)
        if counter is None:
            counter = self._of_request[key] = self._requests.labels(surface, at, about, str(status))
        counter.inc()
        histogram = self._of_seconds.get((surface, about))
        if histogram is None:
            histogram = self._of_seconds[surface, about] = self._seconds.labels(surface, about)
        histogram.observe(seconds)
        if slots:
            returned = self._of_slots.get(at)
            if returned is None:
                returned = self._of_slots[at] = self._slots.labels(at)
            returned.inc(slots)
        for path in unchecked:
            self._unchecked.labels(at, path).inc()

    def upstream(
        self, site: str, target: str, outcome: str, seconds: float | None, reason: str | None = None
    ) -> None:
        """Count one upstream request. ``outcome`` is ``ok`` or a kind of failure, ``reason`` one of the fixed
        words for more, never a text. ``seconds`` of None: it was not sent, so it took no time upstream."""
        aim = self._aim(target)
        if reason is not None:
            self._troubles.labels(self._site(site), aim, reason).inc()
        key = (self._site(site), aim, outcome)
        counter = self._of_call.get(key)
        if counter is None:
            counter = self._of_call[key] = self._calls.labels(*key)
        counter.inc()
        if seconds is None:
            return
        histogram = self._of_call_seconds.get(aim)
        if histogram is None:
            histogram = self._of_call_seconds[aim] = self._call_seconds.labels(aim)
        histogram.observe(seconds)

    def watch(self, site: str, standing: Callable[[], Standing]) -> None:
        """Ask this about a site's upstream at every scrape. ``site`` is a configured id."""
        self._upstreams.watch(self._site(site), standing)

    def tables(self, site: str, table_hash: str) -> None:
        """Say which tables a site now answers with; the former hash of that site goes."""
        at = self._site(site)
        former = self._hashes.get(at)
        if former is not None and former != table_hash:
            self._tables.remove(at, former)
        self._hashes[at] = table_hash
        self._tables.labels(at, table_hash).set(1)

    def watch_log(self, streams: Mapping[str, Callable[[], Mapping[Reason, int]]]) -> None:
        """Tell from now on how many lines each stream lost, by reason."""
        self.registry.register(_LostLines(streams))

    def exposition(self) -> bytes:
        """All of it in Prometheus's text format (:data:`TEXT_FORMAT`)."""
        return generate_latest(self.registry)

    def _site(self, site: str | None) -> str:
        return site if site is not None and site in self._sites else "none"

    def _aim(self, target: str) -> str:
        return target if target in self._targets else "other"

    def _event(self, event: str | None) -> str:
        if event is None:
            return "none"
        return event if event in self._events else "other"


class _Connections(Collector):
    def __init__(self, counts: ConnectionCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        yield GaugeMetricFamily("gateway_connections", "Connections that are open.", self._counts.open)
        family = CounterMetricFamily(
            "gateway_connections_turned_away", "Connections for which there was no room.", labels=("how",)
        )
        for how, number in self._counts.turned_away.items():
            family.add_metric((how,), number)
        yield family


class _LostLines(Collector):
    """Read when somebody asks: who writes to the log has no metrics to wait for."""

    def __init__(self, streams: Mapping[str, Callable[[], Mapping[Reason, int]]]) -> None:
        self._streams = streams

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(
            "gateway_log_lines_dropped", "Lines that could not be written.", labels=("stream", "reason")
        )
        for stream, lost in self._streams.items():
            counts = lost()
            for reason in REASONS:
                family.add_metric((stream, reason), counts.get(reason, 0))
        yield family
