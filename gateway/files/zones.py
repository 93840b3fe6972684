"""Time zones by their IANA names, and which one is meant by another name."""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

from gateway.files.marked import nearest

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
# What may follow these: with any other word ("Central European Time") another part of the world is meant.
_FOLLOWING = frozenset({"standard", "daylight", "saving", "savings", "time", "zone", "(us", "&", "canada)"})
# An offset from UTC, which names no place: GMT-6, UTC+05:30, -0600.
_OFFSET = re.compile(r"(?:gmt|utc|ut|z)?\s*([-+\u2212])\s*([0-9]{1,2})(?::?([0-9]{2}))?")
# Zones without daylight saving time that bear the name of clocks which have it.
_ALL_YEAR = {
    "EST": ("UTC-5", "America/New_York (or America/Panama, where that is meant)"),
    "MST": ("UTC-7", "America/Denver (or America/Phoenix, where that is meant)"),
    **dict.fromkeys(
        ("GMT", "GMT0", "GMT+0", "GMT-0", "Greenwich"), ("UTC", "Europe/London (or UTC, where that is meant)")
    ),
}
_AT = {4: "Halifax", 5: "New_York", 6: "Chicago", 7: "Denver", 8: "Los_Angeles", 9: "Anchorage"}
_REVERSED = re.compile(r"Etc/GMT([-+])([1-9][0-9]?)")
_NOWHERE = frozenset({"Factory", "localtime"})
_ALMOST = re.compile(r"(?:etc/)?(?:gmt|utc)\s*[-+\u2212]?\s*[0-9]")
_ABBREVIATION = re.compile(r"[A-Z]{2,5}")
_UTC = frozenset({"z", "zulu", "ut"})
_PLACE = "write the name of a place, such as America/Chicago: an offset does not know when clocks change"


@cache
def zones() -> frozenset[str]:
    """The IANA names of time zones."""
    return frozenset(available_timezones())


def zone_meant(text: str) -> str:
    """What to write in place of a text that is no IANA name; empty where nothing comes near.

    ``PST`` and ``Pacific Standard Time`` mean a place whose clocks change, not the zones that look like them.
    ``GMT-6`` is west of Greenwich, and ``Etc/GMT-6`` is not: those names have the sign of POSIX.
    """
    folded = text.casefold().strip()
    if (offset := _OFFSET.fullmatch(folded)) is not None:
        return _fixed(offset)
    if _ALMOST.match(folded):
        return _PLACE
    words = text.casefold().replace("us/", "").split()
    first = words[0] if words else ""
    name = _MEANT.get(_SHORT.get(first, first)) if _FOLLOWING.issuperset(words[1:]) else None
    if folded in _UTC:
        name = "UTC"
    if name:
        return f"write {name}"
    if city := _of_city(folded):
        return f'did you mean "{city}"?'
    if _ABBREVIATION.fullmatch(text.strip()):
        return _PLACE  # what looks like it may be many hours off
    near = nearest(text, _suggested(), cutoff=0.8)
    return f'did you mean "{near[0]}"?' if near else ""


def _of_city(folded: str) -> str | None:
    """The one zone that is called after this city."""
    ending = "/" + re.sub(r"\s+", "_", folded)
    found = [name for name in _suggested() if name.casefold().endswith(ending)]
    return found[0] if len(found) == 1 else None


def zone_doubted(name: str) -> str:
    """What is to be said of a zone that is hardly the one that is meant; empty for any other.

    The name itself is not told: it may be one of a configuration, which no remark quotes.
    """
    if (offset := _REVERSED.fullmatch(name)) is not None:
        return _doubted_offset(offset[1], int(offset[2]))
    if name in _NOWHERE:
        return "is the zone of no place; write the name of one, such as America/Chicago"
    always, meant = _ALL_YEAR.get(name.removeprefix("Etc/"), ("", ""))
    return f"is {always} all year, without daylight saving time; write {meant}" if always else ""


def _doubted_offset(sign: str, hours: int) -> str:
    place = f"a place, such as America/{_AT[hours]}" if hours in _AT else "a place"
    if sign == "+":
        return f"is UTC-{hours} all year, without daylight saving time; if that is not meant, write {place}"
    other = f"Etc/GMT+{hours}"
    behind = f", and UTC-{hours} is {other}" if other in zones() else ""
    return f"is UTC+{hours} all year, east of Greenwich{behind}: its sign is reversed; better write {place}"


def _fixed(offset: re.Match[str]) -> str:
    """A place is meant by most offsets; the zone of the offset itself is told by its own name."""
    sign, hours, minutes = "+" if offset[1] == "+" else "-", int(offset[2]), int(offset[3] or 0)
    if not hours and not minutes:
        return "write UTC"
    opposite = f"Etc/GMT{'-' if sign == '+' else '+'}{hours}"
    if minutes or opposite not in zones():
        return _PLACE
    return f"{_PLACE}; {opposite} (sign reversed) is UTC{sign}{hours} all year"


@cache
def _suggested() -> frozenset[str]:
    """The zones that may be suggested: all but those whose sign says the opposite of what people mean."""
    return frozenset(name for name in zones() if not re.search(r"GMT[-+][1-9]", name))
