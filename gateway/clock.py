"""The one place where the gateway asks what time it is. Whoever needs the time is handed a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present instant, with its zone."""


def utc_now() -> datetime:
    """The present instant, by the clock of the system."""
    return datetime.now(UTC)


def seconds_of(clock: Clock) -> Callable[[], float]:
    """The same clock in seconds since the epoch."""
    return lambda: clock().timestamp()
