"""Fields of Redox's answers that its schema does not have: counted and named, whichever way they go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.assemble.redox_side import answering
from gateway.assemble.unknown_fields import Unknown, noting, unknown
from gateway.core.plan import Answer, Call, Failure
from tests import clinic, partner
from tests.clinic import Transcript

EVENT = Call("AvailableSlots", body=b"{}")
ROOT = "AvailableSlotsResponse"


def of(body: bytes) -> Unknown:
    return unknown([Answer(EVENT, (body,))])


def slot(**more: Any) -> dict[str, Any]:
    return partner.slot("2025-10-22T15:00:00.000Z", **more)


def test_an_answer_as_the_schema_has_it_has_none() -> None:
    assert of(partner.answered(slot(), slot(Notes=None, Reason="Follow Up"))) == {}


def test_names_are_told_by_what_they_stand_in_each_once() -> None:
    one, other = slot(Canary=1), slot(Canary=2, Further={"more": 1})
    one["Provider"] |= {"Pronouns": None}
    value = json.loads(partner.answered(one, None, other, Message={"ID": 1}))
    found = of(json.dumps({**value, "Retired": []}).encode())
    assert found == {
        ROOT: ("Retired",),
        f"{ROOT}.Meta": ("Message",),
        f"{ROOT}.AvailableSlots": ("Canary", "Further"),
        f"{ROOT}.AvailableSlots.Provider": ("Pronouns",),
    }


@pytest.mark.parametrize(
    "change",
    [{"ID": 55}, {"Duration": "20"}, {"Provider": None}, {"Notes": None}, {"Notes": "text"}, {"Location": 5}],
)
def test_what_is_read_leniently_or_not_at_all_is_not_unknown(change: dict[str, Any]) -> None:
    assert of(partner.answered(slot(**change))) == {}
    assert of(partner.answered(slot(**change, Canary=1))) == {f"{ROOT}.AvailableSlots": ("Canary",)}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", {}),
        (b"[]", {}),
        (b"\xff", {}),
        (b'{"AvailableSlots": 5}', {}),
        (b'{"AvailableSlots": null, "Meta": null, "Canary": 1}', {ROOT: ("Canary",)}),
        (b'{"Canary": 1}', {ROOT: ("Canary",)}),
        (b'{"AvailableSlots": [null, 5, "a", []], "Meta": 5}', {}),
    ],
)
def test_an_answer_that_is_none_has_what_can_be_told(body: bytes, found: Unknown) -> None:
    assert of(body) == found


def test_no_more_is_looked_at_than_tells() -> None:
    late = [slot() for _ in range(100)] + [slot(Canary=1)]
    assert of(partner.answered(*late)) == {}
    assert of(partner.answered(*late[1:])) == {f"{ROOT}.AvailableSlots": ("Canary",)}
    long = slot(Canary="x" * 70_000, Duration="20")
    assert of(partner.answered(long, slot(Other=1))) == {f"{ROOT}.AvailableSlots": ("Other",)}


def test_only_answers_of_redox_are_looked_at() -> None:
    assert unknown([Failure(EVENT, "connect"), Answer(Call("Slot"), (b'{"Canary": 1}',))]) == {}


def test_a_flow_goes_its_way_and_its_answers_are_noted(tmp_path: Path) -> None:
    tables = partner.tables(tmp_path)
    message = clinic.read(clinic.query())
    noted: list[Unknown] = []
    replies = []
    for note in (noted.append, None):
        flow = answering(message, partner.flow_rules(), tables, partner.ADDRESS, partner.NOW)
        answer = partner.saying(partner.answered(slot(Canary=1)))
        replies.append(Transcript(noting(flow, note) if note else flow, answer).play())
    assert replies[0] == replies[1]
    assert replies[0].status == 200
    assert b"Canary" not in replies[0].body
    assert noted == [{f"{ROOT}.AvailableSlots": ("Canary",)}]
