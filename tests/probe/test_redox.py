"""The probe of a Redox upstream: nothing unless told to, and then one query without a patient."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.core.flows import SiteRules
from gateway.core.plan import Answer, Call, Outcome
from gateway.core.redox_flows import Address
from gateway.probe import Report, probe_redox
from tests import clinic
from tests.clinic import NOW, ZONE, Transcript

SITE = SiteRules("clinic", ZONE)
CANARY = "Canary"


def texts(report: Report, level: str = "fault") -> list[str]:
    return [each.text for each in report.findings if each.level == level]


def asked_redox(folder: Path, answer: Mapping[str, Any] | bytes | None) -> tuple[Report, Transcript]:
    def upstream(call: Call) -> Outcome:
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Answer(call, (content,))

    tables = clinic.tables(folder, "redox")
    address = Address("s", "d", test=True) if answer is not None else None
    play = Transcript(probe_redox(SITE, tables, NOW, dialect="redox", address=address), upstream)
    return msgspec.json.decode(play.play().body, type=Report), play


def test_redox_is_not_asked_unless_told_to(tmp_path: Path) -> None:
    report, play = asked_redox(tmp_path, None)
    assert (play.asked, report.failed, report.upstream) == ({}, False, "redox")


def test_a_test_query_to_redox_says_what_is_filled(tmp_path: Path) -> None:
    slot = {"DateTime": "2025-10-22T15:00:00.000Z", "Duration": 20, "Provider": {"ID": CANARY}}
    report, play = asked_redox(
        tmp_path, {"Meta": {"EventType": "AvailableSlots"}, "AvailableSlots": [slot, slot]}
    )
    sent = json.loads(play.asked["redox"][0].body or b"")
    assert sent["Meta"]["Test"] is True
    assert "Patient" not in sent
    assert "VisitPreference" not in sent.get("Visit", {}), "a length hides slots of others"
    filled = {each.path: (each.had, each.of) for each in report.fills}
    assert filled["AvailableSlots.Provider.ID"] == (2, 2)
    assert filled["AvailableSlots.Location.Department"] == (0, 2)
    assert texts(report, "note") == [
        'EventType of the answer is "AvailableSlots"; both spellings are accepted.'
    ]
    assert CANARY not in msgspec.json.encode(report).decode()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"<html>", "The answer is not a JSON object with a list AvailableSlots."),
        ({"AvailableSlots": {}}, "The answer is not a JSON object with a list AvailableSlots."),
        (
            {"Meta": {"Errors": [{"Type": "query", "Module": "Send", "Text": CANARY}]}},
            f'The answer holds Meta.Errors: Type query, Module Send. It wrote: "{CANARY}"',
        ),
        (
            {"Meta": {"Errors": [{"Text": "no such\nsite"}, "odd", {"Text": "\x1b[2J"}]}},
            'The answer holds Meta.Errors: Type unknown, Module unknown. It wrote: "no such site [2J"',
        ),
    ],
)
def test_an_answer_of_redox_that_is_none(answer: Any, text: str, tmp_path: Path) -> None:
    report, _ = asked_redox(tmp_path, answer)
    assert report.failed
    assert texts(report) == [text]
