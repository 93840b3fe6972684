"""Time zones as people write them."""

from __future__ import annotations

import pytest

from gateway.files.zones import zone_meant, zones


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PST", "write America/Los_Angeles"),
        ("pdt", "write America/Los_Angeles"),
        ("Pacific Standard Time", "write America/Los_Angeles"),
        ("US/Pacifc", 'did you mean "US/Pacific"'),
        ("Eastern", "write America/New_York"),
        ("America/Los_Angelos", 'did you mean "America/Los_Angeles"'),
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
