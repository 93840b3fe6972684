"""The outside of a message: what is too much of it is refused before it is decoded."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import envelope
from gateway.core.envelope import decoded, opened, parse
from gateway.core.errors import InvalidMessage
from gateway.core.values import at_once
from tests import clinic

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def faults(body: bytes) -> list[str]:
    with pytest.raises(InvalidMessage) as caught:
        clinic.reader().read(body)
    return [str(issue) for issue in caught.value.issues]


@given(JSON)
def test_in_pieces_comes_the_same_as_at_once(value: Any) -> None:
    body = b" \n" + msgspec.json.encode(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(envelope, "AT_ONCE_BYTES", 8)
        try:
            found = at_once(decoded(body))
        except InvalidMessage as error:
            assert str(error) == "the body is nested too deeply where it is long"
        else:
            assert found == parse(body) == value


@given(st.binary(max_size=40).map(lambda tail: b'{"a":[1,{"b":"c' + tail))
def test_what_is_no_json_is_refused_in_pieces_too(body: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(envelope, "AT_ONCE_BYTES", 8)
        try:
            expected = parse(body)
        except InvalidMessage:
            with pytest.raises(InvalidMessage, match=r"not JSON in UTF-8|nested too deeply"):
                at_once(decoded(body))
        else:
            assert at_once(decoded(body)) == expected


def test_a_long_message_is_read_like_a_short_one() -> None:
    message = clinic.sample()
    message["Patient"]["Notes"] = ["pains, fever, [cough] and {more} " * 60_000, "b" * 900_000, None]
    message["Visit"]["VisitType"] = None
    del message["Patient"]["Notes"][2]
    body = json.dumps(message).encode()
    assert len(body) > 2 * envelope.AT_ONCE_BYTES
    found = clinic.reader().read(body)
    assert found.meta == clinic.sample()["Meta"]
    assert found.body.Patient.Notes == message["Patient"]["Notes"]


@pytest.mark.parametrize(
    ("changed", "texts"),
    [
        (
            {"Visit": {"Reasons": ["a"] * 10_000}},
            ["the body holds more than 10,000 values; a query needs far fewer, so send less"],
        ),
        (
            {"Patient": {"Notes": ["n" * 7_000_000]}},
            ["a text in the body is longer than 4,194,304 bytes; shorten it, or leave it out"],
        ),
        (
            {"Meta": {**clinic.sample()["Meta"], "FacilityCode": "f" * 70_000}},
            ["Meta: is 70,420 bytes long; write at most 65,536"],
        ),
        (
            {"Extensions": json.loads('{"a":' * 7 + f'"{"b" * 1_100_000}"' + "}" * 7)},
            ["the body is nested too deeply where it is long"],
        ),
    ],
)
def test_what_is_too_much_is_one_fault(changed: dict[str, Any], texts: list[str]) -> None:
    body = json.dumps(clinic.sample() | changed).encode()
    assert faults(body) == texts


def test_the_id_is_found_in_what_is_refused_for_its_length() -> None:
    for extra in ({"Visit": {"Reasons": ["a"] * 20_000}}, {"Patient": {"Notes": ["n" * 7_000_000]}}):
        found = at_once(opened(json.dumps(clinic.sample() | extra).encode()))
        assert found.request_id == "d9f5d293-7110-461e-a875-3beb089e79f3"
