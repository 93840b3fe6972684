"""What an EHR may have passed over of a search is checked again, or told."""

from __future__ import annotations

import json
from dataclasses import replace
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


@pytest.mark.parametrize(
    ("codings", "open_"),
    [
        ([("http://other", "308335008")], False),
        ([("http://other", "308335008"), (SCT, "308335008")], True),
        ([("http://other", "308335008"), (SCT, "1")], False),
        ([(None, "308335008")], True),
        ([(None, "308335008"), ("http://other", "1")], True),
    ],
)
def test_a_code_of_another_system_is_another_code(
    tables: SiteTables, codings: list[tuple[str | None, str]], open_: bool
) -> None:
    found = answered(tables, {}, of_schedule={"serviceType": [concept(*codings)]})
    assert (found[0], found[1]) == (["15"] if open_ else [], False)
    assert found[3].get("unlike", 0) == (0 if open_ else 1)


def test_what_the_site_says_of_a_schedule_has_no_system(tmp_path: Path) -> None:
    own = made(tmp_path, "fhir-r4")
    line = {"schedule": "s", "service_type": "1|308335008"}
    told = {"serviceType": [concept((SCT, "2"), ("http://other", "1"))]}
    assert answered(replace(own, schedules=(line,)), {}, of_schedule=told)[0] == ["15"]
    line = {"schedule": "s", "service_type": "1"}
    assert answered(replace(own, schedules=(line,)), {}, of_schedule=told)[0] == []


def test_what_any_line_of_a_schedule_is_for_counts(tmp_path: Path) -> None:
    query = tmp_path / "sites" / "clinic"
    query.mkdir(parents=True)
    (query / "specialty.yaml").write_text(
        "over: available-slots.query\nrows:\n  - key: specialty asked\n"
        "    param: specialty\n    value: http://sct|7\n",
        "utf-8",
    )
    tables = clinic.tables(tmp_path, "fhir-r4", "schedule\n")
    roles = [
        {
            "resourceType": "PractitionerRole",
            "id": f"r{number}",
            "practitioner": {"reference": f"Practitioner/p{number}"},
            "specialty": [concept((system, "7"))],
        }
        for number, system in enumerate(("http://sct", "http://other"))
    ]

    def hours(*actors: int) -> list[str]:
        actor = [{"reference": f"PractitionerRole/r{number}"} for number in actors]
        found = {
            "Schedule": [{"resourceType": "Schedule", "id": "s", "actor": actor}],
            "PractitionerRole": roles,
            "Practitioner": [{"resourceType": "Practitioner", "id": f"p{number}"} for number in (0, 1)],
            "Slot": [clinic.slot("2025-10-22T08:00:00-07:00", "2025-10-22T08:30:00-07:00", "s")],
        }
        body, _, _ = clinic.ask(
            tables, clinic.query(), lambda call: Answer(call, (clinic.bundle(*found.get(call.target, ())),))
        )
        return sorted({each["DateTime"][11:13] for each in body["AvailableSlots"]})

    assert (hours(0), hours(1), hours(0, 1), hours(1, 0)) == (["15"], [], ["15"], ["15"])


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
        ("WARNING", "Parameter service-type was ignored", True),
        ("Information", "Unsupported: SERVICE-TYPE", True),
        ("warning", "The server did not use serviceType", True),
        ("warning", "service_type: no such parameter", True),
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
