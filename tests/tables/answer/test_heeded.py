"""What an EHR may have passed over of a search is checked again, or told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.core.plan import Answer, Call, Outcome
from gateway.tables.answer.site import SiteTables
from tests import clinic

TYPES = (
    "redox_code,redox_system,fhir_code,fhir_system\n210,DNER15,308335008,http://snomed.info/sct\nFU,,fu,\n"
)
SCT = "http://snomed.info/sct"


def made(folder: Path, dialect: str) -> SiteTables:
    codes = folder / "sites" / "clinic" / "codes"
    codes.mkdir(parents=True)
    (codes / "visit-types.csv").write_text(TYPES, "utf-8")
    return clinic.tables(folder, dialect, "schedule\n")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return made(tmp_path_factory.mktemp("heeded"), "fhir-r4")


def concept(*codings: tuple[str | None, str]) -> Any:
    return {"coding": [{"code": code, **({"system": system} if system else {})} for system, code in codings]}


def answered(
    tables: SiteTables,
    *kinds: Any,
    of_schedule: Any = None,
    used: str | None = None,
    entries: Any = (),
    asked: Any = "210",
) -> tuple[list[str], bool, list[str], dict[str, int]]:
    """The hours of the slots that are told, one asked for each of the ``kinds`` (what it says of itself)."""
    schedule = {"resourceType": "Schedule", "id": "s", "actor": [{"display": "x"}], **(of_schedule or {})}
    slots = [
        clinic.slot(f"2025-10-22T{hour:02}:00:00-07:00", f"2025-10-22T{hour:02}:30:00-07:00", "s", **kind)
        for hour, kind in enumerate(kinds, 8)
    ]
    page = json.loads(clinic.bundle(*slots, *entries))
    if used is not None:
        page["link"] = [{"relation": "self", "url": f"http://ehr.example/Slot?{used}"}]

    def answer(call: Call) -> Outcome:
        if call.target == "Slot":
            return Answer(call, (json.dumps(page).encode(),))
        return Answer(call, (clinic.bundle(schedule) if call.target == "Schedule" else clinic.bundle(),))

    visit = {"VisitType": [{"Code": asked}]} if asked else {}
    body, reply, _ = clinic.ask(tables, clinic.query(**visit), answer)
    hours = [each["DateTime"][11:13] for each in body["AvailableSlots"]]
    told = [f"{each.severity} {each.path}" for each in reply.issues if each.path != "Schedule.actor"]
    return hours, body["Meta"].get("IsIncomplete", False), told, dict(reply.counts)


def test_slots_of_another_kind_are_left_out(tables: SiteTables) -> None:
    hours, incomplete, told, counts = answered(
        tables,
        {"serviceType": [concept((SCT, "308335008"))]},
        {"serviceType": [concept((SCT, "1"))]},
        {"serviceType": [concept(("http://other", "308335008"))]},
        {"serviceType": [concept((SCT, "1")), concept((SCT, "2"), (SCT, "308335008"))]},
        {"serviceType": [{"text": "Office visit"}]},
        {},
        {"serviceType": [concept((None, "308335008"))]},
    )
    assert hours == ["15", "18", "19", "20", "21"]
    assert (incomplete, told, counts["unlike"], counts["received"]) == (False, ["warning Slot"], 2, 7)


def test_what_the_slot_does_not_say_its_schedule_may(tables: SiteTables) -> None:
    kinds = ({}, {"serviceType": [concept((SCT, "308335008"))]})
    other = {"serviceType": [concept((SCT, "1"))]}
    assert answered(tables, *kinds, of_schedule=other)[0] == ["16"]
    same = {"serviceType": [concept((SCT, "1")), concept((SCT, "308335008"))]}
    assert answered(tables, *kinds, of_schedule=same)[0] == ["15", "16"]


def test_an_appointment_type_is_checked_where_that_is_asked_for(tmp_path: Path) -> None:
    canvas = made(tmp_path, "canvas")
    kinds = ({"appointmentType": concept((None, "fu"))}, {"appointmentType": concept((None, "new"))}, {})
    assert answered(canvas, *kinds, asked="FU")[0] == ["15", "17"]


SENT = "start=ge2025&start=lt2026&schedule=Schedule/s&status=free&_sort=start&_count=100"
ONE = ({"serviceType": [concept((SCT, "308335008"))]},)


@pytest.mark.parametrize(
    ("kinds", "used", "incomplete", "told"),
    [
        (ONE, f"{SENT}&service-type=x", False, []),
        (({},), f"{SENT}&service-type=x", False, []),
        # What every slot shows need not be believed.
        (ONE, SENT, False, ["warning service-type"]),
        (({},), SENT, True, ["error service-type"]),
        ((), SENT, False, ["warning service-type"]),
        # What is checked on every slot is only told.
        (
            ONE,
            "start=ge2025&schedule=Schedule/s&_sort=start&_count=100&service-type=x",
            False,
            ["warning start", "warning status"],
        ),
        # A link that has nothing of what was asked says nothing of it.
        (({},), "_getpages=7", False, []),
        (({},), f"{SENT}&service-type=", True, ["error service-type"]),
    ],
)
def test_what_the_self_link_lacks_was_not_used(
    tables: SiteTables, kinds: Any, used: str, incomplete: bool, told: list[str]
) -> None:
    found = answered(tables, *kinds, used=used)
    assert (found[1], sorted(found[2])) == (incomplete, told)


@pytest.mark.parametrize(
    ("severity", "text", "incomplete"),
    [
        ("warning", "Parameter service-type was ignored", True),
        ("information", "Unsupported: 'service-type'", True),
        ("information", "12 of service-type", False),
        ("warning", "my-service-types are new", False),
        ("warning", "An unknown search parameter was ignored", True),
    ],
)
def test_a_warning_among_the_entries_counts_as_well(
    tables: SiteTables, severity: str, text: str, incomplete: bool
) -> None:
    issue = {"severity": severity, "code": "not-supported", "diagnostics": text}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    hours, found, told, _ = answered(tables, {}, entries=[outcome])
    assert (hours, found) == (["15"], incomplete)
    assert told == (["error service-type"] if incomplete else [])


def test_where_no_kind_is_asked_for_nothing_is_left_out(tables: SiteTables) -> None:
    assert answered(tables, {"serviceType": [concept((SCT, "1"))]}, asked=None)[:3] == (["15"], False, [])
