"""Time zones as people write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.files.zones import zone_doubted, zone_meant, zones


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PST", "write America/Los_Angeles"),
        ("pdt", "write America/Los_Angeles"),
        ("Pacific Standard Time", "write America/Los_Angeles"),
        ("Central Time (US & Canada)", "write America/Chicago"),
        ("Central European Time", ""),
        ("Central America Standard Time", ""),
        ("Pacific SA Standard Time", ""),
        ("Mountain Standard Time (Mexico)", ""),
        ("US Mountain Standard Time", ""),
        ("Chicago", 'did you mean "America/Chicago"?'),
        ("new york", 'did you mean "America/New_York"?'),
        ("Central", "write America/Chicago"),
        ("York", ""),
        ("US/Pacifc", 'did you mean "US/Pacific"'),
        ("Eastern", "write America/New_York"),
        ("America/Los_Angelos", 'did you mean "America/Los_Angeles"'),
        ("Z", "write UTC"),
        ("GMT-0", "write UTC"),
        ("IST", "write the name of a place"),
        ("America/New York", 'did you mean "America/New_York"?'),
        ("Asia/Bombayy", ""),
        ("", ""),
        ("qqqq", ""),
    ],
)
def test_the_zone_that_is_meant(text: str, said: str) -> None:
    assert zone_meant(text).startswith(said)
    assert bool(zone_meant(text)) == bool(said)


def test_what_is_meant_is_a_zone() -> None:
    for text in ("pst", "mdt", "cst", "edt", "akst", "hawaii", "ast"):
        assert zone_meant(text).removeprefix("write ") in zones()


@pytest.mark.parametrize(
    ("text", "hours", "zone"),
    [
        ("GMT-6", -6, "Etc/GMT+6"),
        ("UTC-06:00", -6, "Etc/GMT+6"),
        ("utc \u2212 6", -6, "Etc/GMT+6"),
        ("-0600", -6, "Etc/GMT+6"),
        ("GMT+1", 1, "Etc/GMT-1"),
        ("+14", 14, "Etc/GMT-14"),
    ],
)
def test_the_zone_of_an_offset_has_the_opposite_sign(text: str, hours: int, zone: str) -> None:
    assert f"; {zone} (sign reversed) is UTC{hours:+d} all year" in zone_meant(text)
    offset = datetime(2025, 7, 1, tzinfo=ZoneInfo(zone)).utcoffset()
    assert offset == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text", ["GMT+5:30", "UTC-15", "Etc/GMT-15", "Etc/GMT6", "GMT6", "GMT-6 (Chicago)", "GMT-60"]
)
def test_no_zone_of_the_opposite_sign_is_suggested(text: str) -> None:
    assert not re.search(r"Etc/GMT[-+]\d", zone_meant(text))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("EST", "is UTC-5 all year, without daylight saving time; write America/New_York (or America/Panama"),
        ("MST", "is UTC-7 all year, without daylight saving time; write America/Denver (or America/Phoenix"),
        ("GMT", "is UTC all year, without daylight saving time; write Europe/London (or UTC"),
        ("Etc/Greenwich", "is UTC all year"),
        (
            "Etc/GMT-6",
            "is UTC+6 all year, east of Greenwich, and UTC-6 is Etc/GMT+6: its sign is reversed; better "
            "write a place, such as America/Chicago",
        ),
        ("Etc/GMT-14", "is UTC+14 all year, east of Greenwich: its sign is reversed; better write a place"),
        (
            "Etc/GMT+6",
            "is UTC-6 all year, without daylight saving time; if that is not meant, write a place, such as "
            "America/Chicago",
        ),
        ("Etc/GMT+12", "is UTC-12 all year, without daylight saving time; if that is not meant, write a"),
        ("Factory", "is the zone of no place"),
        ("America/New_York", ""),
        ("EST5EDT", ""),
        ("HST", ""),
        ("UTC", ""),
        ("Etc/UTC", ""),
        ("CET", ""),
        ("Etc/America/New_York", ""),
        ("", ""),
    ],
)
def test_a_zone_that_is_hardly_meant(name: str, said: str) -> None:
    assert zone_doubted(name).startswith(said)
    assert bool(zone_doubted(name)) == bool(said)


def test_every_zone_that_looks_as_if_its_clocks_changed() -> None:
    """What is said of one is so, and what is named in its place has clocks that change."""
    for name in zones() - {"Factory", "localtime"}:
        summer, winter = (datetime(2025, month, 1, tzinfo=ZoneInfo(name)).utcoffset() for month in (7, 1))
        if not (said := zone_doubted(name)):
            continue
        hours = int((summer or timedelta()) / timedelta(hours=1))
        assert summer == winter and f"is UTC{f'{hours:+d}' if hours else ''} all year" in said
        meant = re.search(r"(?:America|Europe)/[A-Za-z_]+", said)
        if meant is not None:
            there = [datetime(2025, month, 1, tzinfo=ZoneInfo(meant[0])).utcoffset() for month in (7, 1)]
            assert there[0] != there[1] and timedelta(hours=-abs(hours)) == there[1]
