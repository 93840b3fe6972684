"""Whom a schedule is for and where it is: every kind of reference, several actors, and places in places."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.core.directory import Directory
from gateway.core.errors import NotKnownHere
from gateway.core.plan import Answer, Call, Failure, Outcome
from gateway.tables.answer.site import SiteTables
from tests import clinic
from tests.clinic import NOW, NPI, bundle

Json = dict[str, Any]

PAT: Json = {
    "resourceType": "Practitioner",
    "id": "p1",
    "identifier": [{"system": NPI, "value": "1234567893"}],
    "name": [{"family": "Granite", "given": ["Pat"]}],
}
SAM: Json = {"resourceType": "Practitioner", "id": "p2", "name": [{"family": "Slate", "given": ["Sam"]}]}
MAIN: Json = {"resourceType": "Location", "id": "l1", "name": "Main"}
EAST: Json = {"resourceType": "Location", "id": "l2", "name": "East", "identifier": [{"value": "E"}]}


def role(identity: str = "r1", **more: Any) -> Json:
    return {
        "resourceType": "PractitionerRole",
        "id": identity,
        "practitioner": {"reference": "Practitioner/p1"},
        "location": [{"reference": "Location/l1"}],
        **more,
    }


def schedule(*actors: Any, **more: Any) -> Json:
    named = [{"reference": each} if isinstance(each, str) else each for each in actors]
    return {"resourceType": "Schedule", "id": "s1", "actor": named, **more}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return clinic.tables(tmp_path_factory.mktemp("actors"), "fhir-r4", "schedule\n")


class Ehr:
    """Answers searches for all of a type, by ``_id`` and by ``identifier``; ``failing`` types fail."""

    def __init__(self, *resources: Json, failing: tuple[str, ...] = ()) -> None:
        self.resources = resources
        self.failing = failing
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> Outcome:
        self.calls.append(call)
        if call.target in self.failing:
            return Failure(call, "status", 500)
        params = dict(call.params)
        ids = re.split(r"(?<!\\),", params["_id"]) if "_id" in params else None
        identifiers = params["identifier"].split(",") if "identifier" in params else None
        found = [
            each
            for each in self.resources
            if each["resourceType"] == call.target
            and (ids is None or each["id"] in ids)
            and (
                identifiers is None
                or any(
                    f"{one.get('system', '')}|{one['value']}" in identifiers
                    for one in each.get("identifier", ())
                )
            )
        ]
        return Answer(call, (bundle(*found),))


def read(tables: SiteTables, ehr: Ehr) -> Directory:
    """The directory, by as many rounds as it takes."""
    outcomes = [ehr(call) for call in tables.directory_calls()]
    while more := tables.directory_more(outcomes, NOW):
        outcomes += [ehr(call) for call in more]
    return tables.directory(outcomes, NOW)


def who_and_where(directory: Directory) -> list[tuple[str | None, str | None]]:
    return [(line.get("last_name"), line.get("facility")) for line in directory.lines]


@pytest.mark.parametrize(
    "actor",
    [
        "Practitioner/p1",
        "Practitioner/p1/_history/3",
        "http://ehr.example/Practitioner/p1",
        "https://ehr.example:443/Practitioner/p1/_history/1",
        {"type": "Practitioner", "identifier": {"system": NPI, "value": "1234567893"}},
        {"reference": "Practitioner/p1", "type": "Practitioner", "display": "somebody"},
        "PractitionerRole/r1",
        "#here",
        "#role",
    ],
)
def test_every_kind_of_reference_finds_the_practitioner(tables: SiteTables, actor: Any) -> None:
    here = {**PAT, "id": "here"}
    inner = role("role", practitioner={"reference": "#here"}, location=[])
    made = schedule(actor, "Location/l1", contained=[here, inner, {"resourceType": "Device"}, 7])
    found = read(tables, Ehr(made, PAT, MAIN, role()))
    assert who_and_where(found) == [("Granite", "Main")]
    assert (found.issues, found.incomplete) == ((), False)


@pytest.mark.parametrize(
    ("actor", "why"),
    [
        ("http://other.example/Practitioner/p1", "is a resource of another server"),
        ("urn:uuid:0b5c3f3e-6a8b-4a9b-9f6d-0d6c1f0c5b11", "is an entry of no Bundle that was read"),
        ("Practitioner/nobody", "is a Practitioner that the EHR does not give, or that no join reads"),
        ("Device/7", "is a Device that the EHR does not give, or that no join reads"),
        ("#nobody", "refers to a resource that it does not contain"),
        ({"display": "Dr. Granite"}, "has no reference"),
        ({"identifier": {"value": "1234567893"}}, "has an identifier that no resource read has"),
        ("practitioner/p1", "is a resource of another server"),
        (
            {"type": "Practitioner", "identifier": {"system": "urn:x", "value": "1234567893"}},
            "has an identifier that no resource read has",
        ),
    ],
)
def test_an_actor_that_leads_nowhere_is_told(tables: SiteTables, actor: Any, why: str) -> None:
    found = read(tables, Ehr(schedule(actor, "Location/l1"), PAT, MAIN))
    assert who_and_where(found) == [(None, "Main")]
    assert [(each.severity, each.text) for each in found.issues] == [
        ("information", f'an actor of "s1" {why}')
    ]


LOCAL = {"system": "urn:oid:1.2.3", "value": "77"}
SERVICE: Json = {"resourceType": "HealthcareService", "id": "h", "location": [{"reference": "Location/l1"}]}


@pytest.mark.parametrize(
    ("resource", "line", "asked"),
    [
        (PAT, ("Granite", None), ["Practitioner", "Location"]),
        (MAIN, (None, "Main"), ["Practitioner", "Location"]),
        (role(), ("Granite", "Main"), ["Practitioner", "Location", "PractitionerRole", "HealthcareService"]),
        (SERVICE, (None, "Main"), ["Practitioner", "Location", "PractitionerRole", "HealthcareService"]),
    ],
)
def test_who_has_an_identifier_is_found_whatever_the_type(
    tables: SiteTables, resource: Json, line: Any, asked: list[str]
) -> None:
    others = [each for each in (PAT, MAIN) if each["id"] != resource["id"]]
    ehr = Ehr(schedule({"identifier": LOCAL}), *others, {**resource, "identifier": [LOCAL]})
    assert who_and_where(read(tables, ehr)) == [line]
    by_identifier = [call.target for call in ehr.calls if "identifier" in dict(call.params)]
    assert sorted(by_identifier) == sorted(asked)


def test_who_has_an_identifier_and_a_type_is_looked_for_among_that_type(tables: SiteTables) -> None:
    for kind in ("Practitioner", "http://hl7.org/fhir/StructureDefinition/Practitioner"):
        ehr = Ehr(schedule({"identifier": LOCAL, "type": kind}), {**PAT, "identifier": [LOCAL]})
        assert who_and_where(read(tables, ehr)) == [("Granite", None)]
        assert {call.target for call in ehr.calls} == {"Schedule", "Practitioner"}


def test_an_npi_is_known_by_either_of_its_systems(tables: SiteTables) -> None:
    oid = {"system": "urn:oid:2.16.840.1.113883.4.6", "value": "1234567893"}
    both = [
        {**schedule({"identifier": oid, "type": "Practitioner"}), "id": "s1"},
        {**schedule("Practitioner/p1"), "id": "s2"},
    ]
    assert who_and_where(read(tables, Ehr(*both, PAT))) == [("Granite", None), ("Granite", None)]
    twice = {**PAT, "identifier": [oid, *PAT["identifier"], oid]}
    assert who_and_where(read(tables, Ehr(*both, twice))) == [("Granite", None), ("Granite", None)]


def test_the_id_of_what_is_contained_is_nobodys_outside(tables: SiteTables) -> None:
    def containing(identity: str, who: Json) -> Json:
        inner = [{**who, "id": "p1"}, {"resourceType": "Location", "id": "l1", "name": "Within"}]
        return {**schedule("#p1", "#l1", contained=inner), "id": identity}

    others = [{**schedule("Practitioner/p1", "Location/l1"), "id": "s3"}, PAT, MAIN]
    found = read(tables, Ehr(containing("s1", PAT), containing("s2", SAM), *others))
    assert {line["schedule"]: line["last_name"] for line in found.lines} == {
        "s1": "Granite",
        "s2": "Slate",
        "s3": "Granite",
    }
    ids = ("practitioner", "place", "location_id")
    assert {line["schedule"]: [line.get(each) for each in ids] for line in found.lines} == {
        "s1": [None, None, None],
        "s2": [None, None, None],
        "s3": ["p1", "l1", "l1"],
    }


def test_who_is_read_twice_is_one(tables: SiteTables) -> None:
    both = [
        {**schedule("Practitioner/p1"), "id": "s1"},
        {**schedule({"identifier": LOCAL, "type": "Practitioner"}), "id": "s2"},
    ]
    found = read(tables, Ehr(*both, {**PAT, "identifier": [LOCAL]}))
    assert who_and_where(found) == [("Granite", None), ("Granite", None)]


@pytest.mark.parametrize(
    ("first", "last", "lines"),
    [
        ("Practitioner/p1", {"actor": [{"reference": "Practitioner/p2"}]}, [("Slate", None)]),
        ("Practitioner/p2", {"active": False}, []),
    ],
)
def test_a_schedule_that_is_read_twice_is_as_it_was_last(
    tables: SiteTables, first: str, last: Json, lines: Any
) -> None:
    ehr = Ehr(schedule(first), schedule(first, **last), PAT, SAM)
    assert who_and_where(read(tables, ehr)) == lines


def test_an_identifier_that_resources_of_two_types_have_is_nobodys(tables: SiteTables) -> None:
    actor = {"identifier": {"value": "7"}}
    people = [{**PAT, "identifier": [{"value": "7"}]}, {**MAIN, "identifier": [{"value": "7"}]}]
    found = read(tables, Ehr(schedule(actor), *people))
    assert who_and_where(found) == [(None, None)]
    assert [issue.text for issue in found.issues] == [
        'an actor of "s1" has an identifier that several resources have'
    ]


@pytest.mark.parametrize("type_", [{}, {"type": "Practitioner"}])
def test_what_a_role_refers_to_is_found_by_its_identifier(tables: SiteTables, type_: Json) -> None:
    practitioner = {"identifier": {"system": NPI, "value": "1234567893"}, **type_}
    made = role(practitioner=practitioner, location=[{"identifier": {"value": "E"}}])
    found = read(tables, Ehr(schedule("PractitionerRole/r1"), made, PAT, EAST))
    assert (who_and_where(found), found.issues) == ([("Granite", "East")], ())


def test_what_a_place_refers_to_is_found_by_its_identifier(tables: SiteTables) -> None:
    named = {"identifier": LOCAL}
    site = {**MAIN, "identifier": [LOCAL]}
    (line,) = read(tables, Ehr(schedule("Location/l2"), {**EAST, "partOf": named}, site)).lines
    assert line["facility"] == "Main"
    room = {"resourceType": "Location", "id": "l2", "physicalType": {"coding": [{"code": "ro"}]}}
    house = {"resourceType": "Organization", "id": "o", "name": "House", "identifier": [LOCAL]}
    place = {**room, "managingOrganization": named}
    (line,) = read(tables, Ehr(schedule("Location/l2"), place, house)).lines
    assert line["facility"] == "House"


@pytest.mark.parametrize(
    ("more", "line", "path", "why"),
    [
        (
            {"practitioner": {"identifier": LOCAL}},
            (None, "Main"),
            "PractitionerRole.practitioner",
            'what an actor of "s1" refers to has an identifier that no resource read has',
        ),
        (
            {"location": [{"reference": "http://other.example/Location/l1"}]},
            ("Granite", None),
            "PractitionerRole.location",
            'what an actor of "s1" refers to is a resource of another server',
        ),
        (
            {"location": [], "practitioner": None},
            (None, None),
            "Schedule.actor",
            'an actor of "s1" is a PractitionerRole that leads to no practitioner and no place',
        ),
    ],
)
def test_a_role_that_leads_nowhere_is_told(
    tables: SiteTables, more: Json, line: Any, path: str, why: str
) -> None:
    found = read(tables, Ehr(schedule("PractitionerRole/r1"), role(**more), PAT, MAIN))
    assert who_and_where(found) == [line]
    assert [(issue.severity, issue.path, issue.text) for issue in found.issues] == [
        ("information", path, why)
    ]


def test_an_entry_is_found_by_its_full_url(tables: SiteTables) -> None:
    urn = "urn:uuid:0b5c3f3e-6a8b-4a9b-9f6d-0d6c1f0c5b11"
    page = b'{"resourceType":"Bundle","entry":[{"resource":%b},{"fullUrl":"%b","resource":%b}]}' % (
        json.dumps(schedule(urn)).encode(),
        urn.encode(),
        json.dumps(PAT).encode(),
    )
    found = tables.directory([Answer(Call("Schedule"), (page,))], NOW)
    assert who_and_where(found) == [("Granite", None)]


def test_an_identifier_that_two_have_is_nobodys(tables: SiteTables) -> None:
    actor = {"type": "Practitioner", "identifier": {"system": NPI, "value": "1234567893"}}
    found = read(tables, Ehr(schedule(actor), PAT, {**PAT, "id": "twin"}))
    assert who_and_where(found) == [(None, None)]


@pytest.mark.parametrize(
    ("actors", "more", "lines"),
    [
        (("Practitioner/p1", "Practitioner/p2"), (), [("Granite", None), ("Slate", None)]),
        (
            ("Practitioner/p1", "Practitioner/p2", "Location/l1"),
            (),
            [("Granite", "Main"), ("Slate", "Main")],
        ),
        (("Practitioner/p1", "Location/l1", "Location/l2"), (), [("Granite", "East"), ("Granite", "Main")]),
        # Who works where is told by the role: nobody is at the other's place.
        (
            ("PractitionerRole/r1", "PractitionerRole/r2"),
            (
                role(),
                role(
                    "r2",
                    practitioner={"reference": "Practitioner/p2"},
                    location=[{"reference": "Location/l2"}],
                ),
            ),
            [("Granite", "Main"), ("Slate", "East")],
        ),
        (
            ("PractitionerRole/r1",),
            (role(location=[{"reference": "Location/l1"}, {"reference": "Location/l2"}]),),
            [("Granite", "East"), ("Granite", "Main")],
        ),
        # A place of the schedule's own says more than those where its practitioner may be.
        (
            ("PractitionerRole/r1", "Location/l2"),
            (role(),),
            [("Granite", "East")],
        ),
        (("Practitioner/p1", "PractitionerRole/r1"), (role(),), [("Granite", "Main")]),
        # Nobody is lost, or told at another's place, where one is named and the other has a role.
        (
            ("Practitioner/p1", "PractitionerRole/r2"),
            (
                role(
                    "r2",
                    practitioner={"reference": "Practitioner/p2"},
                    location=[{"reference": "Location/l2"}],
                ),
            ),
            [("Granite", None), ("Slate", "East")],
        ),
        (
            ("Practitioner/p1", "PractitionerRole/r1", "PractitionerRole/r2"),
            (
                role(),
                role(
                    "r2",
                    practitioner={"reference": "Practitioner/p2"},
                    location=[{"reference": "Location/l2"}],
                ),
            ),
            [("Granite", "Main"), ("Slate", "East")],
        ),
        (("Practitioner/p1", "Practitioner/p1"), (), [("Granite", None)]),
        (
            ("HealthcareService/h1", "Practitioner/p1"),
            (
                {
                    "resourceType": "HealthcareService",
                    "id": "h1",
                    "location": [{"reference": "Location/l1"}, {"reference": "Location/l2"}],
                },
            ),
            [("Granite", "East"), ("Granite", "Main")],
        ),
        (("Location/l1",), (), [(None, "Main")]),
    ],
)
def test_several_actors_are_several_lines(
    tables: SiteTables, actors: Any, more: Any, lines: list[tuple[str | None, str | None]]
) -> None:
    found = read(tables, Ehr(schedule(*actors), PAT, SAM, MAIN, EAST, *more))
    assert who_and_where(found) == lines
    assert found.issues == ()


def test_texts_are_read_as_cells_are_and_ids_letter_by_letter(tables: SiteTables) -> None:
    who = {**PAT, "identifier": [{"system": NPI, "value": " 1234567893\t"}]}
    who["name"] = [{"family": "O'Neil\x02", "given": ["Ann \u00a0Lee\n"], "suffix": ["MD ", "\x00"]}]
    place = {**MAIN, "name": "\x07"}
    (line,) = read(tables, Ehr(schedule("Practitioner/p1", "Location/l1", id=" s~1"), who, place)).lines
    told = {name: line.get(name) for name in ("provider_id", "first_name", "last_name", "facility")}
    assert told == {
        "provider_id": "1234567893",
        "first_name": "Ann  Lee",
        "last_name": "O'Neil",
        "facility": None,
    }
    assert line["schedule"] == " s~1"


def test_a_role_tells_the_specialty(tables: SiteTables) -> None:
    special = role(specialty=[{"coding": [{"code": "394579002"}]}])
    (line,) = read(tables, Ehr(schedule("PractitionerRole/r1"), PAT, MAIN, special)).lines
    assert line["specialty"] == "394579002"
    own = schedule("PractitionerRole/r1", specialty=[{"coding": [{"code": "1"}, {"code": "2"}]}])
    (line,) = read(tables, Ehr(own, PAT, MAIN, special)).lines
    assert line["specialty"] == "1|2"


@pytest.mark.parametrize(
    "over", [{"active": False}, {"period": {"end": "2025-10-20"}}, {"period": {"start": "2025-10-23"}}]
)
def test_a_role_that_is_not_in_force_brings_nobody(tables: SiteTables, over: Json) -> None:
    other = role("r2", practitioner={"reference": "Practitioner/p2"})
    ehr = Ehr(schedule("PractitionerRole/r1", "PractitionerRole/r2"), PAT, SAM, MAIN, role(**over), other)
    found = read(tables, ehr)
    assert who_and_where(found) == [("Slate", "Main")]
    assert [each.path for each in found.issues] == ["PractitionerRole"]
    alone = read(tables, Ehr(schedule("PractitionerRole/r1"), PAT, MAIN, role(**over)))
    assert alone.lines == ()


def typed(identity: str, code: str | None, name: str, above: str | None = None, **more: Any) -> Json:
    made: Json = {"resourceType": "Location", "id": identity, "name": name, **more}
    if code is not None:
        system = "http://terminology.hl7.org/CodeSystem/location-physical-type"
        made["physicalType"] = {"coding": [{"system": system, "code": code}]}
    if above is not None:
        made["partOf"] = {"reference": f"Location/{above}"}
    return made


CLINIC: Json = {"resourceType": "Organization", "id": "o1", "name": "Juniper Health"}
RUN_BY: Json = {"managingOrganization": {"reference": "Organization/o1"}}


@pytest.mark.parametrize(
    ("places", "names"),
    [
        ([typed("l", None, "Main")], ("Main", None, None)),
        ([typed("l", "bu", "Main")], ("Main", None, None)),
        (
            [typed("l", "ro", "12", "w"), typed("w", "wa", "Ward 3", "b"), typed("b", "bu", "Main")],
            ("Main", "Ward 3", "12"),
        ),
        # The site names the facility, not the building that is nearer.
        (
            [typed("l", "ro", "12", "b"), typed("b", "bu", "House B", "s"), typed("s", "si", "Campus")],
            ("Campus", None, "12"),
        ),
        ([typed("l", "wa", "Ward 3", "s"), typed("s", None, "Campus")], ("Campus", "Ward 3", None)),
        (
            [typed("l", None, "Family Medicine", "s"), typed("s", None, "Juniper")],
            ("Juniper", "Family Medicine", None),
        ),
        ([typed("l", "ro", "12")], (None, None, "12")),
        ([typed("l", "ro", "12", **RUN_BY)], ("Juniper Health", None, "12")),
        (
            [typed("l", "ro", "12", "w"), typed("w", "wa", "Ward 3", **RUN_BY)],
            ("Juniper Health", "Ward 3", "12"),
        ),
        ([typed("l", None, "Main", **RUN_BY)], ("Main", None, None)),
        # What stands above in a circle, or is not there, says nothing.
        ([typed("l", "wa", "Ward 3", "m"), typed("m", "bu", "Main", "l")], ("Main", "Ward 3", None)),
        ([typed("l", "wa", "Ward 3", "gone")], (None, "Ward 3", None)),
    ],
)
def test_the_names_of_a_place_come_from_its_hierarchy(
    tables: SiteTables, places: list[Json], names: tuple[str | None, ...]
) -> None:
    ehr = Ehr(schedule("Location/l"), *places, CLINIC)
    (line,) = read(tables, ehr).lines
    assert tuple(line.get(each) for each in ("facility", "department", "room")) == names
    asked = [call for call in ehr.calls if call.target == "Organization"]
    assert bool(asked) == (names[0] == "Juniper Health")


def test_a_site_is_found_by_its_alias_from_a_room(tables: SiteTables) -> None:
    places = [typed("l", "ro", "12", "s"), typed("s", "si", "Juniper", alias=["JSC", "Old Mill"])]
    (line,) = read(tables, Ehr(schedule("Location/l"), *places)).lines
    assert line["alias"] == "JSC|Old Mill"


@pytest.mark.parametrize("above", [{"status": "inactive"}, {"modifierExtension": [{"url": "urn:x"}]}])
def test_a_place_above_that_is_not_to_be_used_names_nothing(tables: SiteTables, above: Json) -> None:
    places = [typed("l", "ro", "12", "s"), typed("s", "si", "Juniper", **above)]
    (line,) = read(tables, Ehr(schedule("Location/l"), *places)).lines
    assert (line.get("facility"), line["room"]) == (None, "12")


def test_a_facility_is_found_by_any_of_its_names(tables: SiteTables) -> None:
    slot = {**clinic.slot("2025-10-22T09:00:00-07:00", "2025-10-22T09:20:00-07:00", "s1"), "id": "x"}
    places = [typed("l", "ro", "12", "s"), typed("s", "si", "Juniper", alias=["JSC"])]
    ehr = Ehr(schedule("Practitioner/p1", "Location/l"), PAT, *places, slot)
    for name in ("Juniper", "JSC", "jsc"):
        body, _, _ = clinic.ask(tables, clinic.query(Locations=[{"Facility": name}]), ehr)
        assert [each["Location"]["Facility"] for each in body["AvailableSlots"]] == ["Juniper"]
    only = typed("l", None, "")
    del only["name"]
    (line,) = read(tables, Ehr(schedule("Location/l"), {**only, "alias": ["Old Mill"]})).lines
    assert line["facility"] == "Old Mill"


def test_every_place_of_a_hierarchy_is_found_by_any_of_its_names(tables: SiteTables) -> None:
    slot = {**clinic.slot("2025-10-22T09:00:00-07:00", "2025-10-22T09:20:00-07:00", "s1"), "id": "x"}
    places = [
        typed("l", "ro", "12", "w", alias=["Blue room"]),
        typed("w", "wa", "Ward 3 North", "s", alias=["3N", "Three North"]),
        typed("s", "si", "Juniper", alias=["JSC"]),
    ]
    ehr = Ehr(schedule("Practitioner/p1", "Location/l"), PAT, *places, slot)
    names = {"Facility": ("Juniper", "jsc"), "Department": ("Ward 3 North", "3n", "Three North")}
    for field, known in {**names, "Room": ("12", "blue room")}.items():
        for name in known:
            body, _, _ = clinic.ask(tables, clinic.query(Locations=[{field: name}]), ehr)
            (found,) = (each["Location"] for each in body["AvailableSlots"])
            told = [found[each] for each in ("Facility", "Department", "Room")]
            assert told == ["Juniper", "Ward 3 North", "12"]
    with pytest.raises(NotKnownHere):
        clinic.ask(tables, clinic.query(Locations=[{"Facility": "3N"}]), ehr)


def test_a_place_without_a_name_is_called_by_its_alias(tables: SiteTables) -> None:
    places = [typed("l", "ro", "", "w", alias=["12"]), typed("w", "wa", "", "s", alias=["3N"])]
    for place in places:
        del place["name"]
    (line,) = read(tables, Ehr(schedule("Location/l"), *places, typed("s", "si", "Juniper"))).lines
    assert (line["facility"], line["department"], line["room"]) == ("Juniper", "3N", "12")


def test_a_blank_name_is_none(tables: SiteTables) -> None:
    (line,) = read(tables, Ehr(schedule("Location/l1"), {**MAIN, "name": " ", "alias": ["Z"]})).lines
    assert line["facility"] == "Z"


def test_of_several_texts_the_first_that_is_not_blank_is_told(tables: SiteTables) -> None:
    name = {"family": "Granite", "given": [" ", "", "Ann", "Lee"]}
    at_work = {"use": "work", "line": ["\t", "1 Main St"], "city": "Juniper"}
    who = {**PAT, "name": [name], "address": [at_work]}
    place = {**MAIN, "name": " ", "alias": ["\n", "Z"]}
    (line,) = read(tables, Ehr(schedule("Practitioner/p1", "Location/l1"), who, place)).lines
    assert (line["first_name"], line["street"], line["facility"]) == ("Ann", "1 Main St", "Z")


def test_what_a_place_is_in_and_that_is_suspended_is_told_once(tables: SiteTables) -> None:
    places = [typed("l", "ro", "12", "w"), typed("w", "wa", "3N", "s"), typed("s", "si", "Juniper")]
    places[1]["status"] = "suspended"
    found = read(tables, Ehr(schedule("Practitioner/p1", "Practitioner/p2", "Location/l"), PAT, SAM, *places))
    assert [(line["facility"], line.get("department")) for line in found.lines] == [("Juniper", None)] * 2
    (issue,) = found.issues
    assert (issue.severity, issue.text) == (
        "warning",
        'the Location of "s1" is suspended, so its slots are told without it',
    )


def test_who_runs_a_place_lends_other_names_where_it_lends_its_name(tables: SiteTables) -> None:
    house = {"resourceType": "Organization", "id": "o", "name": "House", "alias": ["HQ"]}
    run = {"managingOrganization": {"reference": "Organization/o"}}
    (line,) = read(tables, Ehr(schedule("Location/l"), typed("l", "ro", "12", **run), house)).lines
    assert (line["facility"], line["alias"]) == ("House", "HQ")
    (line,) = read(tables, Ehr(schedule("Location/l"), typed("l", "si", "Juniper", **run), house)).lines
    assert (line["facility"], line.get("alias")) == ("Juniper", None)


ZONE, ZONE_OF_R4 = (f"http://hl7.org/fhir/StructureDefinition/{name}" for name in ("timezone", "tz-code"))


def zoned(name: str, url: str = ZONE) -> Json:
    other = {"url": "http://ehr.example/x", "valueReference": {"reference": "Location/l1"}}
    return {"extension": [other, {"url": url, "valueCode": name}]}


@pytest.mark.parametrize(
    ("of_schedule", "own", "above", "zone"),
    [
        (zoned("America/Denver"), zoned("America/Chicago"), zoned("America/New_York"), "America/Denver"),
        ({}, zoned("America/Chicago"), zoned("America/New_York"), "America/Chicago"),
        ({}, {}, zoned("America/New_York", ZONE_OF_R4), "America/New_York"),
        ({}, zoned("CST"), zoned("America/New_York"), "America/New_York"),
        ({}, {}, {}, None),
    ],
)
def test_the_zone_that_the_ehr_tells(
    tables: SiteTables, of_schedule: Json, own: Json, above: Json, zone: str | None
) -> None:
    places = [typed("l", "ro", "12", "s", **own), typed("s", "si", "Juniper", **above)]
    (line,) = read(tables, Ehr(schedule("Location/l", **of_schedule), *places)).lines
    assert line.get("timezone") == zone


def test_the_sites_own_word_on_its_zone_stands(tmp_path: Path) -> None:
    own = clinic.tables(tmp_path, "fhir-r4", "schedule,timezone\ns1,America/Phoenix\n")
    (line,) = read(own, Ehr(schedule("Location/l1"), {**MAIN, **zoned("America/Denver")})).lines
    assert line["timezone"] == "America/Phoenix"


def test_preferred_times_are_those_of_the_zone_that_the_ehr_tells(tables: SiteTables) -> None:
    slots = [
        {**clinic.slot(f"2025-10-22T{hour}:00:00Z", f"2025-10-22T{hour}:20:00Z", "s1"), "id": hour}
        for hour in ("14", "15", "16")
    ]
    ehr = Ehr(schedule("Location/l1"), {**MAIN, **zoned("America/New_York")}, *slots)
    wish = {"VisitPreference": [{"Time": ["10:00"], "Duration": "20", "DurationUnit": "minutes"}]}
    body, _, _ = clinic.ask(tables, clinic.query(**wish), ehr, time_tolerance_minutes=5)
    assert [each["ID"] for each in body["AvailableSlots"]] == ["14"]


def test_zones_that_cannot_be_read_are_told_once(tables: SiteTables) -> None:
    places = [{**each, **zoned("Central")} for each in (MAIN, EAST)]
    found = read(tables, Ehr(schedule("Location/l1", "Location/l2"), *places))
    assert len(found.lines) == 2
    (issue,) = found.issues
    assert issue.text.startswith("not the IANA name of a time zone")


def test_ids_that_differ_by_letter_case_are_two(tables: SiteTables) -> None:
    people = [{**PAT, "id": "eAbC", "identifier": []}, {**SAM, "id": "eabc"}]
    schedules = [{**schedule(f"Practitioner/{each['id']}"), "id": f"s-{each['id']}"} for each in people]
    found = read(tables, Ehr(*schedules, *people))
    for name in ("eAbC", "eabc"):
        (position,) = found.holding("practitioner", name)
        assert found.lines[position]["practitioner"] == name
    assert len(found.holding("practitioner", "EABC")) == 2


def test_an_id_with_a_comma_is_asked_for_once(tables: SiteTables) -> None:
    ehr = Ehr(schedule("Practitioner/p,1", "Practitioner/p1"), PAT)
    assert who_and_where(read(tables, ehr)) == [("Granite", None)]
    (call,) = (each for each in ehr.calls if each.target == "Practitioner")
    assert dict(call.params)["_id"] == "p\\,1,p1"


def test_an_id_of_the_sites_own_has_not_the_type_of_the_ehrs(tmp_path: Path) -> None:
    own = clinic.tables(tmp_path, "fhir-r4", "schedule,provider_id\ns1,777\n")
    (line,) = read(own, Ehr(schedule("Practitioner/p1"), PAT)).lines
    assert (line["provider_id"], line.get("provider_id_type")) == ("777", None)


def test_of_a_site_whose_schedules_are_not_to_be_used_it_is_said_why(tables: SiteTables) -> None:
    with pytest.raises(NotKnownHere) as refused:
        clinic.ask(tables, clinic.query(), Ehr(schedule("Practitioner/p1", active=False), PAT))
    assert [issue.text for issue in refused.value.issues] == [
        "this site has no schedules that may be used",
        '"s1" is not active, so nobody is asked for it',
    ]


def test_one_practitioner_of_two_that_is_not_active_is_told_so(tables: SiteTables) -> None:
    ehr = Ehr(schedule("Practitioner/p1", "Practitioner/p2"), PAT, {**SAM, "active": False})
    found = read(tables, ehr)
    assert who_and_where(found) == [("Granite", None)]
    (issue,) = found.issues
    assert issue.text == 'the Practitioner of "s1" is not active, so its slots are told without it'


def test_somebody_who_cannot_be_read_makes_it_incomplete(tables: SiteTables) -> None:
    broken = {**PAT, "name": "Pat"}
    assert read(tables, Ehr(schedule("Practitioner/p1"), broken)).incomplete is True


def test_only_those_are_read_whom_schedules_name(tables: SiteTables) -> None:
    schedules = [{**schedule(f"Practitioner/p{number}"), "id": f"s{number}"} for number in range(120)]
    people = [{**SAM, "id": f"p{number}"} for number in range(500)]
    ehr = Ehr(*schedules, *people)
    assert len(read(tables, ehr).lines) == 120
    asked = [dict(call.params)["_id"].split(",") for call in ehr.calls if call.target == "Practitioner"]
    assert list(map(len, asked)) == [50, 50, 20]
    assert {call.target for call in ehr.calls} == {"Schedule", "Practitioner"}


def test_who_cannot_be_read_makes_it_incomplete_and_is_asked_once(tables: SiteTables) -> None:
    ehr = Ehr(schedule("Practitioner/p1", "Location/l1"), MAIN, failing=("Practitioner",))
    found = read(tables, ehr)
    assert who_and_where(found) == [(None, "Main")]
    assert (found.incomplete, [each.path for each in found.issues]) == (True, ["Practitioner"])
    assert [call.target for call in ehr.calls].count("Practitioner") == 1


def test_a_schedule_of_very_many_is_told_in_part(tables: SiteTables) -> None:
    people = [{**SAM, "id": f"p{number}"} for number in range(60)]
    made = schedule(*(f"Practitioner/p{number}" for number in range(60)))
    found = read(tables, Ehr(made, *people))
    assert (len(found.lines), found.incomplete) == (50, True)


def test_slots_are_told_under_each_of_a_schedules_practitioners(tables: SiteTables) -> None:
    slot = {**clinic.slot("2025-10-22T09:00:00-07:00", "2025-10-22T09:20:00-07:00", "s1"), "id": "x"}
    ehr = Ehr(schedule("Practitioner/p1", "Practitioner/p2"), PAT, SAM, slot)

    def told(**visit: Any) -> list[tuple[str, str]]:
        body, _, _ = clinic.ask(tables, clinic.query(**visit), ehr)
        return [(each["Provider"]["LastName"], each["ID"]) for each in body["AvailableSlots"]]

    assert told() == [("Granite", "x"), ("Slate", "x")]
    assert told(AttendingProviders=[{"ID": "1234567893", "IDType": "NPI"}]) == [("Granite", "x")]
    searches = [call for call in ehr.calls if call.target == "Slot"]
    assert {dict(call.params)["schedule"] for call in searches} == {"Schedule/s1"}


def test_a_line_of_the_site_is_laid_over_each(tmp_path: Path) -> None:
    own = clinic.tables(tmp_path, "fhir-r4", "schedule,room,provider_id\ns1,7,\n")
    ehr = Ehr(schedule("Practitioner/p1", "Practitioner/p2"), PAT, SAM)
    assert [(line["last_name"], line["room"]) for line in read(own, ehr).lines] == [
        ("Granite", "7"),
        ("Slate", "7"),
    ]
    same = replace(
        own, schedules=({"schedule": "s1", "last_name": "Both", "first_name": "B", "practitioner": "b"},)
    )
    found = read(same, ehr)
    assert [line["last_name"] for line in found.lines] == ["Both", "Both"]
