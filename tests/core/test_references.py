"""What a reference names: ours, another server's, or nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.references import address, localized, resolve

BASE = "https://ehr.example/fhir"
OWN = frozenset({address(BASE)})


@pytest.mark.parametrize(
    "reference",
    [
        "Schedule/7",
        "Schedule/7/_history/3",
        "https://ehr.example/fhir/Schedule/7",
        "https://ehr.example/fhir/Schedule/7/_history/3",
        "https://EHR.example/fhir/Schedule/7",
        "HTTPS://ehr.example/fhir/Schedule/7",
        "http://ehr.example/fhir/Schedule/7",
        "https://ehr.example:443/fhir/Schedule/7",
        "http://ehr.example:80/fhir/Schedule/7",
        "https://ehr.example./fhir/Schedule/7",
        "https://ehr.example/fh%69r/Schedule/%37",
        "https://ehr.example/fhir//Schedule/7",
    ],
)
def test_a_resource_of_our_own(reference: str) -> None:
    assert resolve(reference, OWN) == ("Schedule", "7")


@pytest.mark.parametrize(
    "reference",
    [
        "https://other.example/fhir/Schedule/7",
        "https://ehr.example.other.example/fhir/Schedule/7",
        "https://ehr.example/other/Schedule/7",
        "https://ehr.example/FHIR/Schedule/7",
        "https://ehr.example/Schedule/7",
        "https://ehr.example/fhir/x/Schedule/7",
        "https://ehr.example/fhir/x/../Schedule/7",
        "https://ehr.example:8443/fhir/Schedule/7",
        "https://ehr.example@other.example/fhir/Schedule/7",
        "https://user@ehr.example/fhir/Schedule/7",
        "https://other.example/https://ehr.example/fhir/Schedule/7",
        "https://other.example?x=https://ehr.example/fhir/Schedule/7",
        "https://other.example#https://ehr.example/fhir/Schedule/7",
        "https://other.example\\@ehr.example/fhir/Schedule/7",
        "ftp://ehr.example/fhir/Schedule/7",
        "//ehr.example/fhir/Schedule/7",
        "/fhir/Schedule/7",
        "/Schedule/7",
        "fhir/Schedule/7",
        "https://ehr.example/fhir/Schedule/7/",
        "https://ehr.example/fhir/Schedule/7#part",
        "https://ehr.example/fhir/Schedule/7?_format=json",
        "https://ehr.example/fhir/Schedule/7/_history",
        "https://ehr.example/fhir/schedule/7",
        "https://[::1/Schedule/7",
        "https://ehr.example:x/fhir/Schedule/7",
        "urn:uuid:7",
        "#7",
        "7",
        "",
        "Schedule/",
        "Schedule/7/8",
        "Schedule/ 7",
    ],
)
def test_what_is_no_resource_of_ours(reference: str) -> None:
    assert resolve(reference, OWN) is None
    assert reference.startswith(("http", "ftp")) or resolve(reference, {address(reference)}) is None


def test_nothing_absolute_is_ours_where_no_address_is_known() -> None:
    assert resolve("https://ehr.example/fhir/Schedule/7", ()) is None
    assert resolve("urn:uuid:Schedule/7", {""}) is None
    assert resolve("Schedule/7", ()) == ("Schedule", "7")


def test_an_id_is_taken_letter_by_letter() -> None:
    long = "a" * 200
    assert resolve(f"Schedule/{long}", OWN) == resolve(f"{BASE}/Schedule/{long}", OWN) == ("Schedule", long)
    assert resolve(f"{BASE}/Schedule/a~b%2F", OWN) == ("Schedule", "a~b%2F")


def test_references_of_a_search_are_made_relative_or_taken_out() -> None:
    params = (
        ("schedule", f"{BASE}/Schedule/1,Schedule/2,https://other.example/fhir/Schedule/3"),
        ("schedule", "urn:uuid:4,https://other.example/Schedule/5"),
        ("start", "ge2025-10-21T10:00:00Z"),
        ("schedule", "a\\,b"),
        ("schedule", f"a\\,b,{BASE}/Schedule/6"),
    )
    found, others = localized(params, {"schedule"}, BASE)
    assert found == (
        ("schedule", "Schedule/1,Schedule/2"),
        ("start", "ge2025-10-21T10:00:00Z"),
        ("schedule", "a\\,b"),
        ("schedule", "a\\,b,Schedule/6"),
    )
    assert [value for _, value in others] == [
        "https://other.example/fhir/Schedule/3",
        "urn:uuid:4",
        "https://other.example/Schedule/5",
    ]


@pytest.mark.parametrize("text", ["/" * 100_000, "https://" + "a/" * 50_000, "%41" * 30_000, "a" * 100_000])
def test_a_long_text_costs_no_more_than_its_length(text: str) -> None:
    began = time.process_time()
    assert resolve(text, OWN) is None
    assert time.process_time() - began < 2


@given(st.text())
def test_any_text_is_a_reference_or_none(text: str) -> None:
    assert resolve(text, OWN) is None or resolve(text, OWN) == resolve(text, ())
    assert resolve(f"https://other.example/{text}", OWN) is None
