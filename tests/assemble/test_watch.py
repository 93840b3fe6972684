"""What of an upstream stands in the log."""

from __future__ import annotations

import io
import json

from gateway.assemble.watch import Watch
from gateway.upstream.interface import Rebased
from gateway.web.logging import configure
from gateway.web.metrics import Metrics


def test_a_link_that_is_followed_below_the_base_is_told() -> None:
    stream = io.BytesIO()
    watch = Watch(Metrics(), "north")
    watch.rebased(Rebased("req-1", "Slot", "http://internal:8080"))  # nobody listens yet
    watch.log = configure(stream)
    watch.rebased(Rebased("req-2", "Slot", "http://internal:8080"))
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert {name: value for name, value in line.items() if name != "ts"} == {
        "level": "info",
        "event": "link",
        "request_id": "req-2",
        "site": "north",
        "target": "Slot",
        "named": "http://internal:8080",
    }
