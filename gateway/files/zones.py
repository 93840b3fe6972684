"""Time zones by their IANA names, and which one is meant by another name."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from gateway.files.marked import did_you_mean

# What people and calendars write in the United States -> the zone whose clocks they mean.
_MEANT = {
    "pacific": "America/Los_Angeles",
    "mountain": "America/Denver",
    "central": "America/Chicago",
    "eastern": "America/New_York",
    "alaskan": "America/Anchorage",
    "alaska": "America/Anchorage",
    "hawaiian": "Pacific/Honolulu",
    "hawaii": "Pacific/Honolulu",
    "atlantic": "America/Halifax",
}
_SHORT = {
    "pst": "pacific",
    "pdt": "pacific",
    "mdt": "mountain",
    "cst": "central",
    "cdt": "central",
    "edt": "eastern",
    "akst": "alaska",
    "akdt": "alaska",
    "ast": "atlantic",
    "adt": "atlantic",
}


@cache
def zones() -> frozenset[str]:
    """The IANA names of time zones."""
    return frozenset(available_timezones())


def zone_meant(text: str) -> str:
    """What to write in place of a text that is no IANA name; empty where nothing comes near.

    ``PST`` and ``Pacific Standard Time`` mean a place whose clocks change, not the zones that look like them.
    """
    words = text.casefold().replace("us/", "").split()
    first = words[0] if words else ""
    name = _MEANT.get(_SHORT.get(first, first))
    return f"write {name}" if name else did_you_mean(text, zones())
