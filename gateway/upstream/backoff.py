"""How long to wait before asking again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_PAUSE_SECONDS = 3600.0

_SECONDS = re.compile(r"[0-9]{1,9}")


def full_jitter(attempt: int, *, base: float, cap: float, random: Callable[[], float]) -> float:
    """Seconds to wait after the ``attempt``-th failure (from 1): anything up to base * 2^(attempt-1).

    The whole range is drawn from, so that callers who failed together do not come back together.
    ``random`` gives numbers in [0, 1).
    """
    return random() * min(cap, base * 2.0 ** (attempt - 1))


def retry_after_seconds(header: str | None, *, now: float) -> float | None:
    """Read ``Retry-After`` (RFC 9110, section 10.2.3): seconds, or an HTTP-date.

    ``now`` is seconds since the epoch. A date that is past means 0. What cannot be read is None. More than
    an hour is read as an hour: it is passed on, and a wrong clock should keep nobody away for years.
    """
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_PAUSE_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
        # HTTP-dates are in GMT; the parser leaves "-0000" without a zone.
        left = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
        return min(max(0.0, left), LONGEST_PAUSE_SECONDS)
    except (ValueError, OverflowError, TypeError):
        return None
