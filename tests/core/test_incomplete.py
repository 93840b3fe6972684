"""What is missing of an answer is told: that it is, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.core.plan import Answer, Call, Failure, Outcome
from gateway.tables.answer.site import SiteTables
from tests import clinic
from tests.clinic import ask, slot

NINE = slot("2025-10-22T17:00:00Z", "2025-10-22T17:20:00Z")


@pytest.mark.parametrize(
    ("target", "more", "told"),
    [
        ("Practitioner", 1, "the EHR counts 3 resources, but 2 came, and there is no further page"),
        ("Location", 3, "the EHR counts 5 resources, but 2 came, and there is no further page"),
        ("Practitioner", 0, ""),
        ("Location", -2, ""),
        ("Schedule", 1, ""),  # as in the sample of Canvas's documentation: its tables say so
    ],
)
def test_of_a_directory_the_ehr_counts_more_than_came(
    mapping: SiteTables, target: str, more: int, told: str
) -> None:
    def answer(call: Call) -> Outcome:
        found = clinic.answering(NINE)(call)
        if call.target != target or not isinstance(found, Answer):
            return found
        page = json.loads(found.pages[0])
        return Answer(call, (json.dumps(page | {"total": page["total"] + more}).encode(),))

    body, reply, _ = ask(mapping, clinic.query(), answer)
    assert body["Meta"].get("IsIncomplete", False) is bool(told)
    expected = [f"{target}: a part of the directory is missing: {told}"] if told else []
    assert [str(each) for each in reply.issues] == expected
    assert len(body["AvailableSlots"]) == 1


@pytest.mark.parametrize("included", [0, 2])
def test_what_comes_along_is_not_counted_with_what_was_asked_for(tmp_path: Path, included: int) -> None:
    """``Bundle.total`` is of the matches alone (FHIR R4)."""
    mapping = clinic.tables(tmp_path, "fhir-r4", "schedule\n")
    one = {"resourceType": "Schedule", "id": "one", "actor": [{"reference": "Practitioner/p1"}]}
    along = [clinic.practitioner(f"p{number}", "1", "Pat", "Granite") for number in range(1, included + 1)]

    def answer(call: Call) -> Outcome:
        if call.target == "Schedule":
            entries = [{"resource": each} for each in (one, *along)]
            page = {"resourceType": "Bundle", "type": "searchset", "total": 2, "entry": entries}
            return Answer(call, (json.dumps(page).encode(),))
        return Answer(call, (clinic.bundle(),))

    body, reply, _ = ask(mapping, clinic.query(), answer)
    assert body["Meta"]["IsIncomplete"] is True
    assert any("counts 2 resources, but 1 came" in each.text for each in reply.issues)


def test_slots_that_are_too_many_are_told(mapping: SiteTables) -> None:
    many = [slot(f"2025-10-23T09:{n:02}:00-07:00", f"2025-10-23T10:{n:02}:00-07:00") for n in range(9)]
    body, reply, _ = ask(mapping, clinic.query(), clinic.answering(*many), max_slots=7)
    assert clinic.starts(body)[-1] == "2025-10-23T16:06:00.000Z"
    text = "an answer has 7 slots at most (max_slots), so 2 were left out: the latest"
    assert [str(each) for each in reply.issues] == [f"AvailableSlots: {text}"]


@pytest.mark.parametrize(
    ("failure", "code", "text"),
    [
        ({"kind": "deadline"}, "timeout", "there was no answer within the time for one query"),
        (
            {"kind": "protocol", "reason": "query-limit"},
            "too-costly",
            "the answers to one query hold more than is read for it",
        ),
        ({"kind": "protocol"}, "exception", "the answer cannot be read"),
        ({"kind": "status", "status": 500}, "exception", "the EHR refused them, or failed"),
        ({"kind": "breaker"}, "transient", "the EHR was not asked, as it failed again and again"),
    ],
)
def test_searches_that_failed_beside_others_are_told_by_why(
    mapping: SiteTables, failure: dict[str, Any], code: str, text: str
) -> None:
    def answer(call: Call) -> Outcome:
        failing = call.target == "Slot" and clinic.SLATE_HOSPITAL in dict(call.params)["schedule"]
        return Failure(call, **failure) if failing else clinic.answering(NINE)(call)

    body, reply, _ = ask(mapping, clinic.query(), answer)
    assert body["Meta"]["IsIncomplete"] is True
    assert len(body["AvailableSlots"]) == 1
    (issue,) = reply.issues
    assert (issue.code, issue.path, issue.severity) == (code, "Slot", "warning")
    assert issue.text == f"1 of 3 searches for slots failed: {text}"


@pytest.mark.parametrize(("total", "incomplete"), [(2, False), (3, True)])
def test_resources_of_other_types_are_among_those_that_are_counted(
    tmp_path: Path, total: int, incomplete: bool
) -> None:
    """Unless they were asked for by ``_include``, they are matches as the slots are."""
    mapping = clinic.tables(tmp_path, "fhir-r4", "schedule\none\n")
    free = slot("2025-10-22T17:00:00Z", "2025-10-22T17:20:00Z", "one")
    role = {"resourceType": "PractitionerRole", "id": "r1"}

    def answer(call: Call) -> Outcome:
        if call.target != "Slot":
            schedule = {"resourceType": "Schedule", "id": "one", "actor": [{"display": "Pat"}]}
            return Answer(call, (clinic.bundle(schedule) if call.target == "Schedule" else clinic.bundle(),))
        entries = [{"resource": each} for each in (free, role)]
        page = {"resourceType": "Bundle", "type": "searchset", "total": total, "entry": entries}
        return Answer(call, (json.dumps(page).encode(),))

    body, _, _ = ask(mapping, clinic.query(), answer)
    assert len(body["AvailableSlots"]) == 1
    assert body["Meta"].get("IsIncomplete", False) is incomplete
