"""What codecs are tried with: zones, codes that are there, moments and the ways to write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from gateway.core import window
from gateway.tables.codecs.codec import Codec, Context
from gateway.tables.codecs.registry import CODECS
from gateway.tables.rows.model import CodeTable

ZONES = ["America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe", "UTC", "Pacific/Kiritimati"]


CODES = CodeTable(
    "visit-types",
    {
        ("210", "dner15"): ("308335008", "http://snomed.info/sct"),
        ("ov", ""): ("OV", ""),
        ("lab", "x"): ("L", ""),
        ("a1", ""): ("B1", ""),
    },
    {
        ("308335008", "http://snomed.info/sct"): ("210", "DNER15"),
        ("ov", ""): ("OV", ""),
        ("l", ""): ("LAB", "X"),
        ("b1", ""): ("A1", ""),
    },
    tokens=frozenset({("308335008", "http://snomed.info/sct"), ("OV", ""), ("L", ""), ("B1", "")}),
)


NAMES = ("visit-types", "identifier-systems", "provider-id-types", "facilities")


def context(zone: str) -> Context:
    return Context(ZoneInfo(zone), dict.fromkeys(NAMES, CODES))


def codec(name: str, *arguments: str, zone: str = "America/Los_Angeles") -> Codec:
    return CODECS[name].make(arguments, context(zone))


moments = st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
)


utc = moments.map(window.to_utc_text)


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timedelta(minutes=minutes))


@st.composite
def instants(draw: st.DrawFn) -> str:
    """A FHIR instant: any offset, any number of digits behind the second."""
    moment = draw(moments)
    offset = draw(offsets)
    sign, minutes = "-" if offset < timedelta(0) else "+", abs(offset) // timedelta(minutes=1)
    zone = draw(st.sampled_from(["Z", f"{sign}{minutes // 60:02}:{minutes % 60:02}"]))
    local = moment + (offset if zone != "Z" else timedelta(0))
    fraction = draw(st.sampled_from(["", ".5", ".123", ".123456789"]))
    return local.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + fraction + zone
