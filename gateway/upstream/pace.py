"""How long an upstream's answers take, from those that came lately."""

from __future__ import annotations

from typing import Final

# RFC 6298, section 2: how much one more sample moves the mean, and the deviation from it.
_OF_MEAN: Final = 1 / 8
_OF_SPREAD: Final = 1 / 4
_FORGOTTEN_SECONDS: Final = 10.0


class Pace:
    """Mean and mean deviation of what calls of one kind took. ``now`` is seconds of any one clock.

    What was seen more than ten seconds ago tells nothing any more: an upstream that was slow for a while is
    asked again, however little time there is, and shows whether it still is.
    """

    __slots__ = ("_mean", "_seen_at", "_spread")

    def __init__(self) -> None:
        self._mean = 0.0
        self._spread = 0.0
        self._seen_at: float | None = None

    def saw(self, seconds: float, now: float) -> None:
        """Take in how long an answered call took."""
        if self._seen_at is None or now - self._seen_at > _FORGOTTEN_SECONDS:
            self._mean, self._spread = seconds, seconds / 2
        else:
            off = seconds - self._mean
            self._mean += _OF_MEAN * off
            self._spread += _OF_SPREAD * (abs(off) - self._spread)
        self._seen_at = now

    def least(self, now: float) -> float:
        """Seconds below which a call has hardly a chance; 0 where nothing is known."""
        return max(0.0, self._mean - self._spread) if self._known(now) else 0.0

    def most(self, now: float) -> float:
        """Seconds above which a call is unusually slow; 0 where nothing is known."""
        return self._mean + 2 * self._spread if self._known(now) else 0.0

    def _known(self, now: float) -> bool:
        return self._seen_at is not None and now - self._seen_at <= _FORGOTTEN_SECONDS
