"""Metrics of several workers on one page."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from gateway.cli.exposition import merged
from gateway.web.metrics import Metrics


def test_families_stand_together_once_and_samples_are_labelled() -> None:
    workers = {}
    for name, slots in (("0", 3), ("1", 4)):
        metrics = Metrics(["demo"])
        metrics.request("redox", "demo", "AvailableSlots", 200, 0.01, slots=slots)
        workers[name] = metrics.exposition()
    page = merged(workers).decode()
    families = {each.name: each for each in text_string_to_metric_families(page)}
    slots_of = families["gateway_slots_returned"].samples
    told = {each.labels["worker"]: each.value for each in slots_of if each.name.endswith("_total")}
    assert told == {"0": 3.0, "1": 4.0}
    heads = [line for line in page.splitlines() if line.startswith("# TYPE ")]
    assert len(heads) == len(set(heads)) > 5
    # A sample without labels of its own gets one, too.
    assert [each.labels for each in families["gateway_requests_in_flight"].samples] == [
        {"worker": "0"},
        {"worker": "1"},
    ]


def test_nobody_there() -> None:
    assert merged({}) == b""
