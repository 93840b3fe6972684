"""Bundles, OperationOutcomes and ids as the gateway gives them to FHIR clients."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import fhir
from gateway.core.errors import InvalidMessage, Issue, UpstreamFailed
from gateway.core.fhir import Link
from tests import partner
from tests.partner import check_fhir


@given(text=st.text(max_size=80))
def test_a_resource_id_is_allowed_stable_and_the_text_itself_where_it_can_be(text: str) -> None:
    made = fhir.resource_id(text)
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", made)
    assert fhir.resource_id(text) == fhir.resource_id(made) == made
    assert (made == text) == bool(re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", text))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a", "a"),
        ("", None),
        (" \u00a0\n", None),
        ("a\u00a0b\x00c\x85d\ne", "a b c d\ne"),
        ("\x02 a b\u00a0\r\n", "a b"),
        ([" a", "b\x00"], ["a", "b"]),
        ([], None),
        ([""], None),
        (["a", None, " "], ["a"]),
        (None, None),
        (0, 0),
        (False, False),
    ],
)
def test_what_fhir_may_write(value: object, written: object) -> None:
    assert fhir.writable(value) == written


def test_a_bundle() -> None:
    text = '{"resourceType":"Schedule","id":"a","actor":[{"display":"x"}]}'
    entries = [
        fhir.entry('https://h/"x', "Schedule", "a", text, "match"),
        fhir.outcome_entry([Issue("not-found", "", "no", "warning")]),
    ]
    found = json.loads(fhir.bundle(entries, [Link("self", partner.BASE)], 1))
    check_fhir({**found, "entry": found["entry"][1:]})
    assert found["entry"][0]["fullUrl"] == 'https://h/"x/Schedule/a'
    assert found["entry"][1]["search"] == {"mode": "outcome"}
    empty = json.loads(fhir.bundle([], [Link("self", partner.BASE)], None))
    assert empty == {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "self", "url": partner.BASE}],
    }
    check_fhir(empty)


def test_outcomes() -> None:
    error = InvalidMessage(Issue("value", "start", "is wrong"), Issue("value", "end", "is wrong too"))
    found = json.loads(fhir.error_outcome(error))
    check_fhir(found)
    assert [each["details"]["text"] for each in found["issue"]] == ["start: is wrong", "end: is wrong too"]
    bare = json.loads(fhir.error_outcome(UpstreamFailed()))
    check_fhir(bare)
    assert bare["issue"][0]["code"] == "exception"


def test_an_outcome_says_nothing_that_fhir_cannot_write() -> None:
    issues = [Issue("value", "", text) for text in (" \x1b[1mno\x07 ", "\x00", "")]
    found = json.loads(fhir.outcome(issues))
    check_fhir(found)
    assert [each.get("details") for each in found["issue"]] == [{"text": "[1mno"}, None, None]


def test_a_link_reads_like_what_was_sent() -> None:
    url = fhir.search_url(
        "https://h/fhir/x", "Slot", (("start", "ge2025-10-22T16:00:00+02:00"), ("a", "b c&d"))
    )
    assert url == "https://h/fhir/x/Slot?start=ge2025-10-22T16:00:00%2B02:00&a=b%20c%26d"
    assert fhir.search_url("https://h", "Slot", ()) == "https://h/Slot"


# RFC 3986: what may stand in a query. Java's own clients take nothing else.
_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*")


@given(params=st.lists(st.tuples(st.text(min_size=1), st.text()), min_size=1))
def test_a_link_is_a_uri_and_says_what_was_sent(params: list[tuple[str, str]]) -> None:
    params.append(("identifier", 'a|b,"c" ^`{}\\<>[]#'))
    query = fhir.search_url("https://h", "Slot", tuple(params)).partition("?")[2]
    assert _QUERY.fullmatch(query)
    assert parse_qsl(query, keep_blank_values=True) == params
