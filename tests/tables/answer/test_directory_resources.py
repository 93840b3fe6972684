"""The directory of a site as FHIR clients read and search it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.directory import Directory
from gateway.core.fhir import resource_id
from gateway.core.values import at_once
from gateway.tables.answer.site import SiteTables
from tests import partner
from tests.partner import BARE, NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE, VIRTUAL, Search

AT = "2025-10-22T16:00:00.000Z"


@pytest.fixture(scope="session")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return partner.tables(tmp_path_factory.mktemp("partner"))


def with_lines(mapping: SiteTables, *lines: dict[str, str]) -> SiteTables:
    return dataclasses.replace(mapping, schedules=tuple(lines))


ODD = st.sampled_from(
    [
        "",
        "a",
        "A",
        "é",
        "a b",
        "x" * 65,
        "a/b",
        "urn:x:y",
        "\u00a0",
        "tab\there",
        "nul\x00",
        "日本",
        "a,b",
        'q"',
        "a|b",
    ]
)
COLUMNS = (
    "practitioner",
    "place",
    "provider_id",
    "provider_id_type",
    "first_name",
    "last_name",
    "credentials",
    "phone",
    "street",
    "city",
    "facility",
    "department",
    "location_id",
    "room",
    "timezone",
)
LINES = st.lists(
    st.fixed_dictionaries(
        {"schedule": (ODD | st.text(max_size=5)).map(str.strip).filter(bool)},
        optional={name: ODD.map(str.strip) for name in COLUMNS},
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda line: line["schedule"],
)


@settings(max_examples=40)
@given(lines=LINES)
def test_every_resource_of_any_directory_is_valid_and_can_be_read_again(
    mapping: SiteTables, lines: list[dict[str, str]]
) -> None:
    where = partner.site(with_lines(mapping, *lines))
    ids: dict[str, list[str]] = {}
    for kind in ("Schedule", "Practitioner", "Location"):
        found = Search(where, f"{kind}?_include=Schedule:actor")
        ids[kind] = [each["id"] for each in found.resources()]
        assert len(set(ids[kind])) == len(ids[kind])
        for resource in found.resources():
            assert Search(where, f"{kind}/{resource['id']}").body == resource
            assert [each["id"] for each in Search(where, f"{kind}?_id={resource['id']}").resources()] != []
            references = [each["reference"] for each in resource.get("actor", []) if "reference" in each]
            assert {f"{each['resourceType']}/{each['id']}" for each in found.resources("include")} >= set(
                references
            )
    assert len(ids["Schedule"]) == len(lines)


@given(lines=LINES, data=st.data())
def test_every_slot_of_any_directory_is_valid_and_points_to_its_schedule(
    mapping: SiteTables, lines: list[dict[str, str]], data: st.DataObject
) -> None:
    site = with_lines(mapping, *lines)
    directory = site.own_directory
    told = [
        {
            "DateTime": AT,
            "Duration": 20,
            "ID": data.draw(ODD),
            "Notes": [data.draw(ODD)],
            "Reason": data.draw(ODD),
            "Provider": {
                "ID": line.get("provider_id"),
                "IDType": line.get("provider_id_type"),
                "FirstName": line.get("first_name"),
                "LastName": line.get("last_name"),
            },
            "Location": {
                "Facility": line.get("facility"),
                "Department": line.get("department"),
                "Room": line.get("room"),
            },
        }
        for line in directory.lines
    ]
    search = Search(
        partner.site(site),
        "Slot?start=2025-10-22&_include=Slot:schedule&_include:iterate=Schedule:actor",
        partner.saying(partner.answered(*told)),
    )
    schedules = {
        f"Schedule/{each['id']}" for each in search.resources("include") if each["resourceType"] == "Schedule"
    }
    assert {each["schedule"]["reference"] for each in search.resources()} == schedules
    assert "malformed" not in search.reply.counts
    assert search.reply.counts["received"] == len(directory.lines)


def test_an_id_that_fhir_does_not_allow_gets_one_made_of_it(mapping: SiteTables) -> None:
    where = partner.site(mapping)
    resources = Search(where, "Schedule").resources()
    made = next(each for each in resources if each["id"] not in partner.lines())
    assert made == {
        "resourceType": "Schedule",
        "id": resource_id(BARE),
        "actor": [{"display": BARE}],
    }
    assert len(made["id"]) == 32


def test_a_directory_line_as_resources(mapping: SiteTables) -> None:
    where = partner.site(mapping)
    schedule = Search(where, f"Schedule/{NORTH_GRANITE}").body
    place = schedule["actor"][1]["reference"]
    assert schedule == {
        "resourceType": "Schedule",
        "id": NORTH_GRANITE,
        "actor": [
            {"type": "Practitioner", "reference": "Practitioner/granite"},
            {"type": "Location", "reference": place},
        ],
    }
    assert Search(where, "Practitioner/granite").body == {
        "resourceType": "Practitioner",
        "id": "granite",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": partner.GRANITE_ID}],
        "name": [{"family": "Granite", "given": ["Pat"], "suffix": ["MD"]}],
    }
    assert Search(where, place).body == {
        "resourceType": "Location",
        "id": place.partition("/")[2],
        "name": "RES General Hospital",
        "identifier": [
            {"system": "urn:redox:location", "value": "loc-1"},
            {"system": "urn:redox:department", "value": "3N"},
            {"system": "urn:redox:room", "value": "136"},
        ],
    }
    (jo,) = Search(where, "Practitioner?family=Marsh").resources()
    assert jo["identifier"] == [{"system": "urn:redox:id-type:Cerner%20ID", "value": "BH-0007"}]


def test_what_several_lines_tell_of_one_practitioner_is_put_together(mapping: SiteTables) -> None:
    first = {"schedule": "a", "practitioner": "p", "last_name": "Granite"}
    second = {"schedule": "b", "practitioner": "p", "last_name": "Granite", "phone": "+1555"}
    (found,) = Search(partner.site(with_lines(mapping, first, second)), "Practitioner").resources()
    assert found["telecom"] == [{"system": "phone", "use": "work", "value": "+1555"}]


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ("Schedule?actor=Practitioner/granite", [NORTH_GRANITE, SOUTH_GRANITE]),
        ("Schedule?actor=granite,slate", [NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE]),
        (f"Schedule?_id={VIRTUAL}", [VIRTUAL]),
        ("Schedule?_id=nobody", []),
        ("Practitioner?name=gra", ["granite"]),
        ("Practitioner?name=pat", ["granite"]),
        ("Practitioner?name=ranite", []),
        ("Practitioner?family=slate&given=sa", ["slate"]),
        ("Practitioner?family=slate&given=pat", []),
        (f"Practitioner?identifier={partner.GRANITE_ID}", ["granite"]),
        (f"Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|{partner.GRANITE_ID}", ["granite"]),
        (f"Practitioner?identifier=http://other|{partner.GRANITE_ID}", []),
        (f"Practitioner?identifier=|{partner.GRANITE_ID}", []),
        ("Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|", ["granite", "slate"]),
    ],
)
def test_searches_of_the_directory(mapping: SiteTables, asked: str, ids: list[str]) -> None:
    search = Search(partner.site(mapping), asked)
    assert sorted(each["id"] for each in search.resources()) == ids
    assert search.warnings == []


def test_searches_of_places(mapping: SiteTables) -> None:
    where = partner.site(mapping)
    assert [each["name"] for each in Search(where, "Location?name=lake").resources()] == ["Lakeside"]
    assert len(Search(where, "Location?identifier=urn:redox:location|loc-1").resources()) == 2
    assert len(Search(where, "Location?identifier=urn:redox:room|136").resources()) == 1
    assert Search(where, "Location?identifier=urn:redox:department|136").resources() == []


def test_the_directory_in_pages(mapping: SiteTables) -> None:
    where = partner.site(mapping)
    url: str | None = "Schedule?_count=2&_include=Schedule:actor&colour=blue"
    found: list[str] = []
    while url is not None:
        page = Search(where, url)
        assert page.body["total"] == len(partner.lines())
        assert ("colour" in str(page.warnings)) == (url.startswith("Schedule?"))
        found += [each["id"] for each in page.resources()]
        url = page.link("next")
    assert sorted(found) == sorted(resource_id(each) for each in partner.lines())
    assert Search(where, "Schedule?_summary=count").body.get("entry") is None


def test_directories_keep_what_is_made_of_them(mapping: SiteTables) -> None:
    directory: Directory = mapping.own_directory
    made = at_once(partner.fhir_server(mapping).fhir_directory(directory))
    assert at_once(partner.fhir_server(mapping).fhir_directory(directory)) is made
