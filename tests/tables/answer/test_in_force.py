"""Which of several names, numbers and addresses is told, and which schedules are not to be used."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.core.directory import Directory
from gateway.core.plan import Answer, Call
from gateway.tables.answer.site import SiteTables
from tests import clinic
from tests.clinic import bundle

NOW = datetime(2025, 10, 21, 19, 0, tzinfo=UTC)
NPI, OID = "http://hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.6"
OVER, LASTING = {"end": "2025-10-20"}, {"start": "2020", "end": "2025-10"}
YET_TO_COME = {"start": "2025-10-22"}
INTERNAL = {"system": "urn:oid:1.2.3", "value": "55"}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return clinic.tables(tmp_path_factory.mktemp("in-force"), "fhir-r4", "schedule\n")


def listed(
    tables: SiteTables,
    schedule: Json | None = None,
    practitioner: Json | None = None,
    place: Json | None = None,
) -> Directory:
    """The directory of one schedule, with a practitioner and a place."""
    actors = [{"reference": "Practitioner/p1"}, {"reference": "Location/l1"}]
    found = {
        "Schedule": {"resourceType": "Schedule", "id": "s1", "actor": actors, **(schedule or {})},
        "Practitioner": {"resourceType": "Practitioner", "id": "p1", **(practitioner or {})},
        "Location": {"resourceType": "Location", "id": "l1", "name": "Main", **(place or {})},
    }
    outcomes = [Answer(Call(kind), (bundle(each),)) for kind, each in found.items()]
    return tables.directory(outcomes, NOW)


def cells(tables: SiteTables, **practitioner: Any) -> dict[str, str]:
    (line,) = listed(tables, practitioner=practitioner).lines
    return dict(line)


@pytest.mark.parametrize(
    ("identifiers", "identity", "kind"),
    [
        ([INTERNAL, {"system": NPI, "value": "4356789876"}], "4356789876", "NPI"),
        ([INTERNAL, {"system": OID, "value": "4356789876"}], "4356789876", "NPI"),
        ([{"system": OID, "value": "1"}, {"system": NPI, "value": "2"}], "2", "NPI"),
        # An NPI that has no value is none, and its type is not that of another.
        ([INTERNAL, {"system": NPI}], "55", "urn:oid:1.2.3"),
        ([INTERNAL, {"system": NPI, "value": " "}], "55", "urn:oid:1.2.3"),
        ([{"system": NPI, "_value": {"extension": []}}, INTERNAL], "55", "urn:oid:1.2.3"),
        ([{"value": "7"}, {"system": NPI}], "7", None),
        ([{"system": NPI, "value": "1", "period": OVER}, INTERNAL], "55", "urn:oid:1.2.3"),
        ([{"system": NPI, "value": "1", "period": YET_TO_COME}, INTERNAL], "55", "urn:oid:1.2.3"),
        ([{"system": NPI, "value": "1", "use": "old"}, INTERNAL], "55", "urn:oid:1.2.3"),
        ([{"system": NPI, "value": "1", "use": " OLD"}], None, None),
        ([{"system": NPI, "value": "1"}, {"system": NPI, "value": "2", "use": "Official"}], "2", "NPI"),
        ([{"system": NPI, "value": "1", "period": LASTING}, INTERNAL], "1", "NPI"),
        ([{"system": NPI, "value": "1", "period": {"end": "2025-10-21"}}], "1", "NPI"),
        ([{"system": NPI, "value": "1", "period": {"end": "2025-10-21T18:59:59Z"}}], None, None),
        ([{"system": NPI, "value": "1", "period": {"end": "soon"}}], "1", "NPI"),
        (
            [
                {"system": NPI, "value": "1", "use": "secondary"},
                {"system": NPI, "value": "2"},
                {"system": NPI, "value": "3", "use": "usual"},
                {"system": NPI, "value": "4", "use": "official"},
            ],
            "4",
            "NPI",
        ),
        (
            [{"system": NPI, "value": "1", "use": "temp"}, {"system": OID, "value": "2", "use": "official"}],
            "2",
            "NPI",
        ),
        ([{"system": NPI, "value": "1", "use": "temp"}, {"system": NPI, "value": "2"}], "2", "NPI"),
    ],
)
def test_value_and_type_come_from_one_identifier_that_is_in_force(
    tables: SiteTables, identifiers: list[Json], identity: str | None, kind: str | None
) -> None:
    found = cells(tables, identifier=identifiers)
    assert (found.get("provider_id"), found.get("provider_id_type")) == (identity, kind)


SSN = "http://hl7.org/fhir/sid/us-ssn"


def typed(code: str) -> Json:
    return {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code}]}}


@pytest.mark.parametrize(
    "private",
    [
        {"system": SSN},
        {"system": SSN.upper(), "use": "official"},
        {"system": "urn:oid:2.16.840.1.113883.4.1"},
        {"system": "urn:oid:2.16.840.1.113883.4.3.55"},
        {"system": "http://hl7.org/fhir/sid/passport-USA"},
        typed("SS"),
        {"system": "urn:oid:1.2.3", **typed("TAX")},
        typed("DL"),
        typed("NNESP"),
    ],
)
def test_a_number_of_the_person_is_never_told(tables: SiteTables, private: Json) -> None:
    assert (
        not {"provider_id", "provider_id_type"}
        & cells(tables, identifier=[{"value": "078051120", **private}]).keys()
    )
    assert cells(tables, identifier=[{"value": "078051120", **private}, INTERNAL])["provider_id"] == "55"


@pytest.mark.parametrize(
    "system",
    ["urn:oid:2.16.840.1.113883.4.6", "urn:oid:2.16.840.1.113883.4.19", "http://hl7.org/fhir/sid/us-ssnx"],
)
def test_a_number_of_another_kind_is(tables: SiteTables, system: str) -> None:
    assert cells(tables, identifier=[{"value": "1", "system": system, **typed("PRN")}])["provider_id"] == "1"


GRANITE = {"family": "Granite", "given": ["Pat"]}
SLATE = {"family": "Slate", "given": ["Pat"]}


@pytest.mark.parametrize(
    ("names", "last", "first"),
    [
        ([{**SLATE, "use": "old"}, {**GRANITE, "use": "official"}], "Granite", "Pat"),
        ([{**SLATE, "use": "Maiden"}, GRANITE, {**SLATE, "use": "USUAL"}], "Slate", SLATE["given"][0]),
        ([{**SLATE, "use": "maiden"}, GRANITE], "Granite", "Pat"),
        ([{**SLATE, "use": "nickname"}, {**GRANITE, "use": "temp"}], "Granite", "Pat"),
        ([SLATE, {**GRANITE, "use": "usual"}], "Granite", "Pat"),
        ([{**SLATE, "use": "official", "period": OVER}, {**GRANITE, "use": "nickname"}], "Granite", "Pat"),
        ([{**GRANITE, "use": "old"}], "Granite", "Pat"),
        ([GRANITE, SLATE], "Granite", "Pat"),
        ([{"text": "Dr. Pat Granite"}], "Dr. Pat Granite", None),
        ([{**GRANITE, "text": "Dr. Pat Granite"}], "Granite", "Pat"),
        ([{"use": "official"}, GRANITE], "Granite", "Pat"),
        ([{"use": "official", "family": " ", "given": [""]}, GRANITE], "Granite", "Pat"),
        ([{"given": ["Pat"], "text": "Dr. Pat"}], None, "Pat"),
        ([{**SLATE, "use": "official", "period": YET_TO_COME}, GRANITE], "Granite", "Pat"),
    ],
)
def test_the_name_that_is_in_use(
    tables: SiteTables, names: list[Json], last: str | None, first: str | None
) -> None:
    found = cells(tables, name=names)
    assert (found.get("last_name"), found.get("first_name")) == (last, first)


@pytest.mark.parametrize(
    ("telecom", "phone"),
    [
        (
            [
                {"system": "phone", "use": "home", "value": "1"},
                {"system": "phone", "use": "work", "value": "2"},
            ],
            "2",
        ),
        (
            [
                {"system": "phone", "use": "work", "value": "1"},
                {"system": "phone", "use": "work", "value": "2", "rank": 2},
                {"system": "phone", "use": "work", "value": "3", "rank": 1},
                {"system": "phone", "use": "home", "value": "4", "rank": 1},
            ],
            "3",
        ),
        ([{"system": "phone", "use": "mobile", "value": "1"}], None),
        ([{"system": "phone", "use": "old", "value": "1"}], None),
        ([{"system": "phone", "value": "1"}], None),
        ([{"system": "phone", "use": "work", "value": "1", "period": OVER}], None),
        (
            [
                {"system": "fax", "use": "work", "value": "1"},
                {"system": "phone", "use": "work", "value": "2"},
            ],
            "2",
        ),
    ],
)
def test_only_what_is_for_work_leaves(tables: SiteTables, telecom: list[Json], phone: str | None) -> None:
    assert cells(tables, telecom=telecom).get("phone") == phone


@pytest.mark.parametrize(
    ("use", "city"), [("work", "Monroe"), ("home", None), ("temp", None), ("old", None), (None, None)]
)
def test_no_address_but_that_of_work_leaves(tables: SiteTables, use: str | None, city: str | None) -> None:
    address = {"line": ["1 Main St"], "city": "Monroe", "state": "WI", "postalCode": "53566", "country": "US"}
    found = cells(tables, address=[{**address, **({"use": use} if use else {})}])
    told = {name: found.get(name) for name in ("street", "city", "state", "zip", "country")}
    assert told["city"] == city
    assert all((value is None) == (city is None) for value in told.values())


def test_a_house_comes_before_a_post_box_and_both_before_nothing(tables: SiteTables) -> None:
    box = {"use": "work", "type": "postal", "line": ["PO Box 9"], "city": "Monroe"}
    house = {"use": "work", "type": "physical", "line": ["1 Main St"], "city": "Albany"}
    assert cells(tables, address=[box, house])["city"] == "Albany"
    assert cells(tables, address=[box])["city"] == "Monroe"
    assert cells(tables, address=[{"use": "work"}, box])["city"] == "Monroe"


UNKNOWN = {"modifierExtension": [{"url": "http://ehr.example/not-for-booking", "valueBoolean": True}]}
NOT_USED: list[tuple[str, Json, str]] = [
    ("schedule", {"active": False}, "is not active"),
    ("schedule", UNKNOWN, "has a modifier extension that is not known here"),
    ("schedule", {"planningHorizon": OVER}, "is planned no further than until now"),
    ("practitioner", {"active": False}, "is not active"),
    ("practitioner", UNKNOWN, "has a modifier extension that is not known here"),
    ("place", {"status": "inactive"}, "is inactive"),
    ("place", {"status": "suspended"}, "is suspended"),
    ("place", {"status": " INACTIVE"}, "is inactive"),
    ("place", {"status": "closed"}, "has a status that FHIR does not have"),
    ("place", UNKNOWN, "has a modifier extension that is not known here"),
]


@pytest.mark.parametrize(("part", "says", "told"), NOT_USED)
def test_what_says_that_it_is_not_to_be_used_is_not(tmp_path: Path, part: str, says: Json, told: str) -> None:
    own = clinic.tables(tmp_path, "fhir-r4", "schedule,room\ns1,5\n")
    found = listed(own, **{part: says})
    assert found.lines == ()
    assert not found.incomplete
    (issue,) = found.issues
    assert (issue.severity, issue.code) == ("warning", "business-rule")
    assert issue.text.endswith(f'"s1" {told}, so nobody is asked for it')


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("schedule", {"active": True, "planningHorizon": {"end": "2025-10-21"}}),
        ("schedule", {"planningHorizon": {"start": "2025-11-01"}, "modifierExtension": []}),
        ("practitioner", {"active": True}),
        ("place", {"status": "active"}),
        ("place", {"status": "Active"}),
        ("place", {"status": ""}),
    ],
)
def test_what_does_not_say_so_is_used(tables: SiteTables, part: str, says: Json) -> None:
    found = listed(tables, **{part: says})
    assert ([line["schedule"] for line in found.lines], found.issues) == (["s1"], ())


def test_of_many_that_are_not_to_be_used_the_first_are_named(tables: SiteTables) -> None:
    schedules = [
        {"resourceType": "Schedule", "id": f"s{number}", "active": False, "actor": []} for number in range(9)
    ]
    found = tables.directory([Answer(Call("Schedule"), (bundle(*schedules),))], NOW)
    (issue,) = found.issues
    assert issue.text == '"s0", "s1", "s2", "s3", "s4" and 4 more is not active, so nobody is asked for it'


def answered(tables: SiteTables, schedule: Json, *slots: Json) -> tuple[Json, Any]:
    """The answer of a whole query."""
    actors = [{"reference": "Practitioner/p1"}]
    found = {
        "Schedule": {"resourceType": "Schedule", "id": "s1", "actor": actors, **schedule},
        "Practitioner": {"resourceType": "Practitioner", "id": "p1"},
    }

    def answer(call: Call) -> Answer:
        if call.target == "Slot":
            return Answer(call, (bundle(*slots),))
        return Answer(call, (bundle(*[found[call.target]] if call.target in found else []),))

    body, reply, _ = clinic.ask(tables, clinic.query(), answer, preferences="ignore")
    return body, reply


def slot(start: str, end: str, **more: Any) -> Json:
    made = clinic.slot(start, end)
    return {**made, "schedule": {"reference": "Schedule/s1"}, **more}


def test_slots_that_their_schedule_is_not_planned_for_are_left_out_and_told_once(tables: SiteTables) -> None:
    slots = [slot(f"2025-10-{day}T09:00:00-07:00", f"2025-10-{day}T09:40:00-07:00") for day in range(22, 28)]
    horizon = {"planningHorizon": {"start": "2025-10-23", "end": "2025-10-25"}}
    body, reply = answered(tables, horizon, *slots)
    assert [each[:10] for each in clinic.starts(body)] == ["2025-10-23", "2025-10-24", "2025-10-25"]
    assert "IsIncomplete" not in body["Meta"]
    assert reply.counts["unplanned"] == 3
    assert [issue.path for issue in reply.issues] == ["Schedule.planningHorizon"]


def test_a_slot_with_a_modifier_extension_is_left_out_and_told(tables: SiteTables) -> None:
    good = slot("2025-10-22T09:00:00-07:00", "2025-10-22T09:40:00-07:00")
    body, reply = answered(
        tables, {}, good, slot("2025-10-23T09:00:00-07:00", "2025-10-23T09:40:00-07:00", **UNKNOWN)
    )
    assert [each[:10] for each in clinic.starts(body)] == ["2025-10-22"]
    assert body["Meta"]["IsIncomplete"] is True
    (issue,) = reply.issues
    assert (issue.code, issue.path) == ("extension", "Slot.modifierExtension")
    assert "ehr.example" not in json.dumps([str(each) for each in reply.issues])


def test_those_with_modifier_extensions_are_told_once(tables: SiteTables) -> None:
    hours = range(10, 16)
    slots = [
        slot(f"2025-10-22T{hour}:00:00-07:00", f"2025-10-22T{hour}:40:00-07:00", **UNKNOWN) for hour in hours
    ]
    nothing = slot("2025-10-23T09:00:00-07:00", "2025-10-23T09:40:00-07:00", modifierExtension=[])
    body, reply = answered(tables, {}, *slots, nothing)
    assert [each[:10] for each in clinic.starts(body)] == ["2025-10-23"]
    (issue,) = reply.issues
    assert issue.text.startswith("6 slots with a modifier extension that is not known here")
    assert (reply.counts["modified"], reply.counts.get("malformed")) == (6, None)


def test_slots_that_were_entered_in_error_are_told_once(tables: SiteTables) -> None:
    days = range(22, 25)
    slots = [
        slot(f"2025-10-{day}T09:00:00-07:00", f"2025-10-{day}T09:40:00-07:00", status="entered-in-error")
        for day in days
    ]
    body, reply = answered(tables, {}, *slots)
    assert (clinic.starts(body), "IsIncomplete" in body["Meta"]) == ([], False)
    (issue,) = reply.issues
    assert (issue.severity, str(issue)) == (
        "warning",
        "Slot.status: 3 slots that were entered in error were left out",
    )
    assert (reply.counts["mistaken"], reply.counts.get("occupied")) == (3, None)


def test_what_is_wrong_with_many_slots_in_the_same_way_is_told_once(tables: SiteTables) -> None:
    good = slot("2025-10-22T09:00:00-07:00", "2025-10-22T09:40:00-07:00")
    slots = [slot("soon", f"2025-10-{day}T09:40:00-07:00") for day in range(22, 28)]
    _, reply = answered(tables, {}, good, *slots)
    assert ([each.path for each in reply.issues], reply.counts["malformed"]) == (["Slot.start"], 6)


def test_somebody_whose_schedules_are_not_used_is_told_so(tables: SiteTables) -> None:
    found = {
        "Schedule": [
            {
                "resourceType": "Schedule",
                "id": f"s{number}",
                "active": number == 1,
                "actor": [{"reference": f"Practitioner/p{number}"}],
            }
            for number in (1, 2)
        ],
        "Practitioner": [clinic.practitioner("p1", "1234567893", "Pat", "Granite")],
    }

    def answer(call: Call) -> Answer:
        return Answer(call, (bundle(*found.get(call.target, ())),))

    query = clinic.query(AttendingProviders=[{"ID": "4356789876", "IDType": "NPI"}])
    error = clinic.refused(tables, query, answer)
    assert (error.status, [each.severity for each in error.issues]) == (422, ["error", "warning"])
    assert error.issues[1].text == '"s2" is not active, so nobody is asked for it'


@pytest.mark.parametrize("status", ["busy", "busy-unavailable", "busy-tentative"])
def test_only_free_slots_are_offered(tables: SiteTables, status: str) -> None:
    body, reply = answered(
        tables, {}, slot("2025-10-22T09:00:00-07:00", "2025-10-22T09:40:00-07:00", status=status)
    )
    assert (clinic.starts(body), reply.counts["occupied"]) == ([], 1)


@pytest.mark.parametrize("status", ["FREE", "Free", "available", "", "free "])
def test_what_is_no_status_of_fhirs_is_unreadable_not_occupied(tables: SiteTables, status: str) -> None:
    good = slot("2025-10-22T09:00:00-07:00", "2025-10-22T09:40:00-07:00")
    odd = slot("2025-10-23T09:00:00-07:00", "2025-10-23T09:40:00-07:00", status=status)
    body, reply = answered(tables, {}, good, odd)
    assert (len(clinic.starts(body)), body["Meta"]["IsIncomplete"]) == (1, True)
    assert reply.counts == {**reply.counts, "malformed": 1}
    assert [issue.path for issue in reply.issues] == ["Slot.status"]
