"""However much is wrong, what is told of it stays short, and says how much is left."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import fhir, redox
from gateway.core.errors import InvalidMessage, Issue
from gateway.core.told import MOST_BYTES, text_of, told

PLAIN = [Issue("value", f"Visit.Reasons[{number}]", "must be text") for number in range(1200)]


def texts(issues: list[Issue], room: int = MOST_BYTES, *, more: bool = False) -> list[str]:
    found = told(issues, lambda number, issue: f"{number} {text_of(issue)}".encode(), room, more=more)
    return [each.decode() for each in found]


def test_a_few_are_told_as_they_are() -> None:
    assert texts(PLAIN[:2]) == ["1 Visit.Reasons[0]: must be text", "2 Visit.Reasons[1]: must be text"]


@pytest.mark.parametrize(
    ("number", "more", "last"),
    [
        (100, False, "100 Visit.Reasons[99]: must be text"),
        (101, False, "101 and 1 more; only the first are told"),
        (1200, False, "101 and 1,100 more; only the first are told"),
        (1000, True, "101 and more than 900 others; only the first are told"),
        (3, True, "4 and others; only the first are told"),
    ],
)
def test_of_many_the_first_hundred_and_how_many_more(number: int, more: bool, last: str) -> None:
    found = texts(PLAIN[:number], more=more)
    assert len(found) <= 101
    assert found[-1] == last


def test_where_the_room_ends_the_rest_is_a_number() -> None:
    found = texts(PLAIN[:50], 300)
    assert sum(map(len, found)) + len(found) <= 300
    assert found[-1].endswith(f"and {50 - len(found) + 1} more; only the first are told")


@given(st.lists(st.text(max_size=30), max_size=5), st.integers(0, 4000), st.integers(0, 3000), st.booleans())
def test_no_error_body_is_longer_than_64_kb(parts: list[str], times: int, wide: int, more: bool) -> None:
    text = "".join(parts) * (wide // 10)
    error = InvalidMessage(*[Issue("value", text[:80], text)] * (times % 300), more=more)
    meta = {"DataModel": "Scheduling", "FacilityCode": text, "Logs": [{"ID": text}] * (times % 40)}
    body = redox.error_reply(error, json.dumps({"Meta": meta}).encode())
    outcome = fhir.error_outcome(error)
    for each, path in ((body, ("Meta", "Errors")), (outcome, ("issue",))):
        assert len(each) <= MOST_BYTES
        found = json.loads(each)
        for name in path:
            found = found[name]
        assert 1 <= len(found) <= 101


def test_a_label_that_is_long_is_left_out_and_the_rest_of_it_kept() -> None:
    meta = {"DataModel": "Scheduling", "EventType": "x", "FacilityCode": "f" * 40_000, "Test": True}
    found = json.loads(redox.error_reply(InvalidMessage(), json.dumps({"Meta": meta}).encode()))["Meta"]
    assert found.keys() == {"DataModel", "EventType", "Test", "Errors"}


def test_the_text_of_an_exception_is_short_too() -> None:
    assert len(str(InvalidMessage(*PLAIN))) < 1000
