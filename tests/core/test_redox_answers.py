"""Redox's answers, opened: what is none is a failure, whatever else it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.core import redox_answers
from gateway.core.errors import UpstreamFailed
from gateway.core.values import at_once

NOT_A_MESSAGE = "something that is not a Redox message"
NO_LIST = "holds no list"
ERRORS = "errors of Redox's"


@pytest.mark.parametrize(
    ("answer", "incomplete", "slots"),
    [
        ({"AvailableSlots": []}, False, 0),
        ({"Meta": None, "AvailableSlots": [1, {}, "a"]}, False, 3),
        ({"Meta": {"IsIncomplete": True, "Errors": []}, "AvailableSlots": [{}]}, True, 1),
        ({"Meta": {"IsIncomplete": False, "Errors": None}, "AvailableSlots": [None]}, False, 0),
        ({"Meta": {"IsIncomplete": 1}, "AvailableSlots": []}, True, 0),
        ({"Meta": {"IsIncomplete": 0}, "AvailableSlots": []}, False, 0),
        ({"Meta": {"IsIncomplete": "true", "Errors": [None]}, "AvailableSlots": [None, 1]}, True, 1),
    ],
)
def test_what_an_answer_holds(answer: Any, incomplete: bool, slots: int) -> None:
    told, found = at_once(redox_answers.opened(json.dumps(answer).encode()))
    assert (told, len(found)) == (incomplete, slots)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", NOT_A_MESSAGE),
        (b"[]", NOT_A_MESSAGE),
        (b"<html>", NOT_A_MESSAGE),
        (b'{"AvailableSlots": {}}', NOT_A_MESSAGE),
        (b"[" * 100_000, NOT_A_MESSAGE),
        (b"\xff", NOT_A_MESSAGE),
        (b"{}", NO_LIST),
        (b'{"AvailableSlots": null}', NO_LIST),
        (b'{"Meta": {"Errors": [{}]}}', ERRORS),
        (b'{"Meta": {"Errors": [1]}, "AvailableSlots": [{}]}', ERRORS),
        (b'{"AvailableSlots": [%b1]}' % (b"1," * redox_answers.MOST_ANSWERED), "more than 750,000 values"),
    ],
)
def test_what_is_no_answer_is_a_failure(answer: bytes, said: str) -> None:
    with pytest.raises(UpstreamFailed, match=said):
        at_once(redox_answers.opened(answer))
