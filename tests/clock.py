"""The clock of the suite: it goes on from a chosen instant, not from today.

``GATEWAY_TESTS_AT`` chooses the instant (`make dates` runs what has to do with time under several). Processes
that the suite starts are handed how far it is from the system's, as ``GATEWAY_TESTS_AHEAD`` seconds.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Final

from gateway.clock import utc_now

USUAL: Final = "2025-10-21T19:00:28Z"


def _ahead() -> timedelta:
    handed = os.environ.get("GATEWAY_TESTS_AHEAD")
    if handed is not None:
        return timedelta(seconds=float(handed))
    return datetime.fromisoformat(os.environ.get("GATEWAY_TESTS_AT", USUAL)) - utc_now()


AHEAD: Final = _ahead()
HANDED: Final = {"GATEWAY_TESTS_AHEAD": str(AHEAD.total_seconds())}
"""What a process of the suite's needs in its environment to have the same clock."""


def clock() -> datetime:
    """The present instant of the suite."""
    return utc_now() + AHEAD


def seconds() -> float:
    """The same in seconds since the epoch."""
    return clock().timestamp()
