from __future__ import annotations

from typing import Any

import pytest

from gateway.upstream.interface import Standing
from gateway.web.metrics import Metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_requests_are_counted_and_timed() -> None:
    metrics = Metrics(["one"])
    metrics.request("redox", "one", "AvailableSlots", 200, 0.03, slots=7)
    metrics.request("redox", "one", "AvailableSlots", 200, 0.3)
    counted = {"surface": "redox", "site": "one", "event": "AvailableSlots", "status": "200"}
    assert value(metrics, "gateway_requests_total", **counted) == 2
    assert value(metrics, "gateway_slots_returned_total", site="one") == 7
    timed = {"surface": "redox", "event": "AvailableSlots"}
    assert value(metrics, "gateway_request_seconds_count", **timed) == 2
    assert value(metrics, "gateway_request_seconds_bucket", le="0.05", **timed) == 1


def test_wishes_that_could_not_be_checked_are_counted_by_their_field() -> None:
    metrics = Metrics(["one"])
    for unchecked in (("Visit.VisitType.Code",), ("Visit.VisitType.Code",), ()):
        metrics.request("redox", "one", "AvailableSlots", 200, 0.03, unchecked=unchecked)
    labels = {"site": "one", "path": "Visit.VisitType.Code"}
    assert value(metrics, "gateway_unchecked_wishes_total", **labels) == 2


def test_labels_are_bounded_whatever_comes() -> None:
    metrics = Metrics(["one"])
    for n in range(100):
        metrics.request("redox", f"site{n}", f"event{n}", 200, 0.01)
        metrics.upstream(f"site{n}", f"Slot/{n}", "ok", 0.01)
    metrics.request("redox", None, None, 404, 0.01)
    text = metrics.exposition().decode()
    series = [line for line in text.splitlines() if line.startswith("gateway_requests_total{")]
    assert series == [
        'gateway_requests_total{event="other",site="none",status="200",surface="redox"} 100.0',
        'gateway_requests_total{event="none",site="none",status="404",surface="redox"} 1.0',
    ]
    calls = [line for line in text.splitlines() if line.startswith("gateway_upstream_calls_total{")]
    assert calls == ['gateway_upstream_calls_total{outcome="ok",site="none",target="other"} 100.0']


def test_upstream_and_breaker() -> None:
    metrics = Metrics(["one"])
    metrics.upstream("one", "Slot", "overloaded", 0.2)
    labels = {"site": "one", "target": "Slot", "outcome": "overloaded"}
    assert value(metrics, "gateway_upstream_calls_total", **labels) == 1
    assert value(metrics, "gateway_upstream_seconds_sum", target="Slot") == pytest.approx(0.2)
    metrics.upstream("one", "Slot", "overloaded", None, "queue")
    assert value(metrics, "gateway_upstream_calls_total", **labels) == 2
    assert value(metrics, "gateway_upstream_seconds_count", target="Slot") == 1, "it took no time upstream"
    why = {"site": "one", "target": "Slot", "reason": "queue"}
    assert value(metrics, "gateway_upstream_troubles_total", **why) == 1


def test_how_it_stands_with_an_upstream_is_asked_at_the_scrape() -> None:
    metrics, standing = Metrics(["one"]), Standing({}, 0, 0, 0)
    metrics.watch("one", lambda: standing)
    assert value(metrics, "gateway_breaker_open", site="one") == 0
    for state, level in (("open", 1), ("half-open", 0.5), ("closed", 0)):
        standing = Standing({"Slot": state, "Location": "closed", "secret": "closed"}, 2, 3, 4)  # type: ignore[dict-item]
        assert value(metrics, "gateway_breaker_open", site="one") == level
        assert value(metrics, "gateway_breaker_kind_open", site="one", target="Slot") == level
        assert value(metrics, "gateway_breaker_kind_open", site="one", target="other") == 0
    for name, count in (("set_aside", 2), ("running", 3), ("waiting", 4)):
        assert value(metrics, f"gateway_upstream_{name}", site="one") == count


def test_only_the_tables_in_use_are_told() -> None:
    metrics = Metrics(["one"])
    metrics.tables("one", "aaa")
    metrics.tables("one", "bbb")
    metrics.tables("one", "bbb")
    assert value(metrics, "gateway_tables_info", site="one", hash="aaa") is None
    assert value(metrics, "gateway_tables_info", site="one", hash="bbb") == 1


def test_registries_are_apart() -> None:
    one, two = Metrics(["one"]), Metrics(["one"])
    one.request("redox", "one", None, 200, 0.1)
    assert b"gateway_requests_total{" not in two.exposition()


async def test_a_request_over_http_is_counted(served: Any, headers: dict[str, str]) -> None:
    async with served.client.post(served.url(), json={}, headers=headers) as response:
        await response.read()
    async with served.client.get(served.admin("/metrics")) as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await response.text()
    assert (
        'gateway_requests_total{event="AvailableSlots",site="one",status="200",surface="redox"} 1.0' in text
    )
    assert 'gateway_slots_returned_total{site="one"} 3.0' in text
    assert "gateway_requests_in_flight 0.0" in text
