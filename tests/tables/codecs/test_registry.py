"""Codecs there and back, and every two-way row of every shipped table: lossless, or lossy as it declares."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import window
from gateway.core.fhir import resource_id
from gateway.tables.build import Tables, Wanted, schemas
from gateway.tables.codecs.codec import Codec, Unmapped
from gateway.tables.codecs.registry import CODECS
from gateway.tables.compile.bind import BoundRow, bind
from tests.codec_values import ZONES, codec, context, instants, moments, utc

words = st.lists(
    st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=5), min_size=1, max_size=3
)
ids = st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True)
texts = st.text(min_size=1, max_size=10)
lengths = st.integers(1, window.MAX_MINUTES)
codes = st.sampled_from([("210", "DNER15"), ("OV", None), ("lab", "x")])
tokens = st.sampled_from(["http://snomed.info/sct|308335008", "OV", "L", "308335008"])


def alone(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, tuple[Any, ...]]]:
    return values.map(lambda value: (value, ()))


# Codec -> what it reads on the Redox side and what on the FHIR side, each a value and its companions.
VALUES: dict[str, tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]] = {
    "text": (alone(texts), alone(texts)),
    "integer": (alone(st.integers()), alone(st.integers())),
    "instant": (alone(utc), alone(instants())),
    "minutes-until": (
        st.tuples(lengths, utc.map(lambda start: (start,))),
        st.tuples(moments, lengths).map(
            lambda pair: ((pair[0] + timedelta(minutes=pair[1])).isoformat(), (window.to_utc_text(pair[0]),))
        ),
    ),
    "slot-id": (
        st.tuples(texts, st.just(("s", "2025-10-21T00:00:00.000Z", 20))),
        st.tuples(texts, st.just(("s", "2025-10-21T00:00:00.000Z", 20))),
    ),
    "reference": (alone(ids), alone(ids.map(lambda value: f"KIND/{value}"))),
    "code": (alone(st.sampled_from(["OV", "A1", "a1"])), alone(st.sampled_from(["ov", "B1"]))),
    "token": (codes.map(lambda pair: (pair[0], pair[1:])), alone(tokens)),
    "fhir-id": (alone(ids), alone(ids)),
    "id-system": (
        alone(st.sampled_from(["OV", "A1", "My own type", "MR", "é"])),
        alone(st.sampled_from(["http://hl7.org/fhir/sid/us-ssn", "urn:oid:1.2.3", "OV"])),
    ),
    "token-value": (alone(ids), alone(ids)),
    "identifier": (alone(ids), alone(ids)),
    "words": (alone(words), alone(words.map(" ".join))),
    "joined-bars": (alone(words.map("|".join)), alone(words)),
    "joined-words": (alone(words.map(" ".join)), alone(words)),
    "lines": (alone(words), alone(words.map("\n".join))),
    "at-or-after": (alone(utc), alone(utc.map(lambda text: f"ge{text}"))),
    "before": (alone(utc), alone(utc.map(lambda text: f"lt{text}"))),
    "day-before": (
        alone(utc),
        alone(st.dates(datetime(1970, 1, 1).date(), datetime(2199, 1, 1).date()).map(str)),
    ),
    "day-after": (
        alone(utc),
        alone(st.dates(datetime(1970, 1, 1).date(), datetime(2199, 1, 1).date()).map(str)),
    ),
    "time-zone": (alone(st.sampled_from(ZONES)), alone(st.sampled_from(ZONES))),
    "minutes": (st.tuples(lengths.map(str), st.just(("minutes",))), alone(lengths.map(str))),
}
ONE_WAY = {"slot-name", "until", "token-system", "weekday", "time-of-day"}


def as_redox(value: Any) -> Any:
    """Codes come back as the table spells them."""
    return value.casefold() if isinstance(value, str) else value


@lru_cache
def rows() -> list[tuple[str, str, BoundRow]]:
    """(dialect, table, row) for every two-way row of every dialect, bound to codes that are there."""
    made = []
    tables = Tables(None)
    for dialect in tables.dialects():
        built = tables.build(Wanted("none", dialect, "America/Los_Angeles"))
        for table in built.tables.values():
            for bound in bind(table, context("America/Los_Angeles"), schemas()):
                if bound.row.way == "both" and bound.row.value is None:
                    made.append((dialect, table.name, bound))
    return made


ROWS = [pytest.param(bound, id=f"{dialect} {table} {bound.row.key}") for dialect, table, bound in rows()]


def test_every_codec_is_tested() -> None:
    assert set(VALUES) | ONE_WAY == set(CODECS)
    assert {bound.row.codec.name for _, _, bound in rows()} <= set(VALUES)
    assert len(rows()) > 100


@pytest.mark.parametrize("bound", ROWS)
@settings(max_examples=10)
@given(st.data())
def test_every_row_there_and_back(bound: BoundRow, data: st.DataObject) -> None:
    """From either side; a row that declares what it loses must still go both ways."""
    near, far = VALUES[bound.row.codec.name]
    made = bound.codec
    value, companions = data.draw(near)
    back = made.to_redox(made.to_fhir(value, *companions), *companions)
    if bound.row.loses is None:
        assert as_redox(back) == as_redox(value)
    value, companions = data.draw(far)
    if isinstance(value, str):
        value = value.replace("KIND", (*bound.row.codec.arguments, "")[0])
    again = made.to_fhir(
        made.to_redox(value, *companions), *_near(bound.row.codec.name, made, value, companions)
    )
    if bound.row.loses is None and bound.row.codec.name not in ("token", "code"):  # spelt as the table has it
        assert made.same(again, value)


def _near(name: str, made: Codec, value: Any, companions: tuple[Any, ...]) -> tuple[Any, ...]:
    """The companions of the way back: for a token the codeset that it means, for the rest the same."""
    if name == "token":
        return (CODECS["token-system"].make(("visit-types",), context("UTC")).to_redox(value),)
    return companions if name != "minutes" else ("minutes",)


@pytest.mark.parametrize("name", sorted(VALUES))
@settings(max_examples=60)
@given(st.data())
def test_every_codec_there_and_back(name: str, data: st.DataObject) -> None:
    """Lossless save for the padded days, whose loss the rows that use them declare."""
    arguments = {
        **dict.fromkeys(("code", "token", "id-system", "identifier"), "visit-types"),
        "reference": "Schedule",
    }.get(name)
    made = codec(name, *([arguments] if arguments else []), zone=data.draw(st.sampled_from(ZONES)))
    value, companions = data.draw(VALUES[name][0])
    back = made.to_redox(made.to_fhir(value, *companions), *companions)
    if not name.startswith("day-"):
        assert as_redox(back) == as_redox(value)


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("Schedule/a-1", "a-1"),
        ("https://ehr.example/fhir/Schedule/a-1", "a-1"),
        ("Schedule/a-1/_history/2", "a-1"),
        ("a-1", "a-1"),
        ("Schedule/" + "x" * 70, "x" * 70),
        ("Schedule/a_b:c~d,e", "a_b:c~d,e"),
    ],
)
def test_references_in_all_their_forms(reference: str, found: str) -> None:
    assert codec("reference", "Schedule").to_redox(reference) == found


@pytest.mark.parametrize(
    "reference", ["Practitioner/a", "#a", "", "Schedule/", "Schedule/a b", "urn:uuid:1", "Schedule/a?b"]
)
def test_what_is_no_reference_to_it_is_refused(reference: str) -> None:
    with pytest.raises(ValueError, match="not a reference to a Schedule; write Schedule/ and its id"):
        codec("reference", "Schedule").to_redox(reference)


@pytest.mark.parametrize(
    ("identifier", "sent"), [("x" * 70, "x" * 70), ("a_b:c~d", "a_b:c~d"), (r"a,b\c", r"a\,b\\c")]
)
def test_an_upstream_gets_its_id_back_letter_by_letter(identifier: str, sent: str) -> None:
    reference, plain = codec("reference", "Schedule"), codec("fhir-id")
    assert reference.searching.to_fhir(identifier) == f"Schedule/{sent}"
    assert plain.searching.to_fhir(identifier) == sent
    # Our own FHIR side can only use ids that FHIR has.
    assert reference.to_fhir(identifier) == f"Schedule/{resource_id(identifier)}"


def test_codes_that_no_table_has_are_unmapped_with_the_known() -> None:
    for name in ("code", "token"):
        made = codec(name, "visit-types")
        with pytest.raises(Unmapped) as caught:
            made.to_fhir("211", "DNER15")
        assert (caught.value.code, caught.value.known) == ("211", ("210", "a1", "lab", "ov"))
        with pytest.raises(Unmapped):
            made.to_redox("nothing|308335008")


def test_a_bare_token_is_found_where_its_code_is_the_only_one() -> None:
    assert codec("token", "visit-types").to_redox("308335008") == "210"
    assert codec("token-system", "visit-types").to_redox("308335008") == "DNER15"
    assert codec("token-system", "visit-types").to_redox("OV") is None


@pytest.mark.parametrize("value", ["x", 2.5, float("inf"), float("nan"), "1e3", ""])
def test_what_is_no_whole_number_is_refused_and_not_quoted(value: Any) -> None:
    for function in (codec("integer").to_redox, codec("integer").to_fhir):
        with pytest.raises(ValueError, match="not a whole number; ") as caught:
            function(value)
        assert "x" not in str(caught.value).replace("text", "")
