"""What a supervisor counts itself: its workers cannot tell that they were dead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import generate_latest

from gateway.cli.workers.process import Reason

_REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


class Counts:
    """Metrics of the places among the workers, by the label ``worker``."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=True)
        self._restarts = Counter(
            "gateway_worker_restarts",
            "Workers that ended unasked and were started anew.",
            ("worker", "reason"),
            registry=self._registry,
        )
        self._ready = Gauge(
            "gateway_worker_ready", "1 while the worker is ready.", ("worker",), registry=self._registry
        )
        self._age = Gauge(
            "gateway_worker_heartbeat_age_seconds",
            "Since the worker last answered a ping (or was started); NaN while there is none.",
            ("worker",),
            registry=self._registry,
        )

    def watch(self, worker: str, ready: Callable[[], bool], age: Callable[[], float]) -> None:
        """Say of this worker, at each exposition, what the two functions give."""
        self._ready.labels(worker).set_function(lambda: float(ready()))
        self._age.labels(worker).set_function(age)
        for reason in _REASONS:
            self._restarts.labels(worker, reason)

    def restart(self, worker: str, reason: Reason) -> None:
        self._restarts.labels(worker, reason).inc()

    def exposition(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self._registry)
