"""The answers to FHIR clients that search for slots: resources, pages, links, includes, single slots."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from gateway.core.errors import GatewayError, InvalidMessage, NotFound, NotKnownHere
from gateway.core.fhir_flows import FhirSite
from gateway.tables.answer.site import SiteTables
from gateway.tables.codecs.names import slot_name
from tests import partner
from tests.partner import (
    GRANITE,
    NORTH_GRANITE,
    NORTH_SLATE,
    ROOM_136,
    SOUTH_GRANITE,
    VIRTUAL,
    Search,
    network,
    refused,
    slot,
)

WINDOW = "start=2025-10-22&end=2025-10-23"
NINE, AT_NINE = "2025-10-22T09:00:00-07:00", "2025-10-22T16:00:00.000Z"


@pytest.fixture(scope="session")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return partner.tables(tmp_path_factory.mktemp("partner"))


@pytest.fixture(scope="session")
def where(mapping: SiteTables) -> FhirSite:
    return partner.site(mapping)


# --- the answer's form ------------------------------------------------------------------------------


def test_a_slot_as_a_resource(where: FhirSite) -> None:
    told = slot(AT_NINE, 45.0, ID="s-1", Reason="Follow Up", Notes=["Bring your card", "and time"])
    (found,) = Search(where, f"Slot?{WINDOW}", partner.saying(partner.answered(told))).resources()
    name = found.pop("id")
    assert found == {
        "resourceType": "Slot",
        "identifier": [{"system": "urn:redox:slot", "value": "s-1"}],
        "appointmentType": {"text": "Follow Up"},
        "schedule": {"reference": f"Schedule/{NORTH_GRANITE}"},
        "status": "free",
        "start": "2025-10-22T09:00:00-07:00",
        "end": "2025-10-22T09:45:00-07:00",
        "comment": "Bring your card\nand time",
    }
    # The same every day, and whatever else was asked.
    again = Search(
        where, "Slot?start=ge2025-10-20", partner.saying(partner.answered(slot(NINE, 45, ID="s-1")))
    )
    assert again.resources()[0]["id"] == name
    read = Search(where, f"Slot/{name}", network([slot(AT_NINE, 45, ID="s-1"), slot(AT_NINE, 45, ID="s-2")]))
    assert read.body["id"] == name
    assert read.query == {
        "StartDateTime": AT_NINE,
        "EndDateTime": "2025-10-22T16:45:00.000Z",
        "Visit": {
            "VisitPreference": [{"Duration": "45", "DurationUnit": "minutes"}],
            "AttendingProviders": [GRANITE],
            "Locations": [ROOM_136],
        },
    }


MANY = [
    slot(f"2025-10-22T{16 + hour:02}:{minute:02}:00.000Z", minutes, of)
    for hour in range(4)
    for minute in (0, 30)
    for minutes in (20, 40)
    for of in (SOUTH_GRANITE, NORTH_SLATE, NORTH_GRANITE)
]


def test_slots_come_by_time_then_schedule_then_length_however_redox_has_them(where: FhirSite) -> None:
    one = Search(where, f"Slot?{WINDOW}", partner.saying(partner.answered(*MANY))).resources()
    other = Search(where, f"Slot?{WINDOW}", partner.saying(partner.answered(*reversed(MANY)))).resources()
    assert one == other
    assert len(one) == len(MANY)
    assert [each["start"] for each in one] == sorted(each["start"] for each in one)


def test_without_an_end_the_links_keep_the_window_of_the_first_page(mapping: SiteTables) -> None:
    first = Search(partner.site(mapping), "Slot?_count=2", network(MANY))
    later = partner.NOW.replace(hour=22)
    search = Search(partner.site(mapping, later), first.link("next") or "", network(MANY), now=later)
    query = json.loads(search.calls[0].body or b"")
    assert (query["StartDateTime"], query["EndDateTime"]) == (AT_NINE, "2025-10-28T19:00:28.000Z")


@pytest.mark.parametrize("how", ["_summary=count", "_count=0"])
def test_only_the_number(where: FhirSite, how: str) -> None:
    search = Search(where, f"Slot?{WINDOW}&{how}", network(MANY))
    assert search.body["total"] == len(MANY)
    assert "entry" not in search.body
    assert search.link("next") is None


def test_includes(where: FhirSite) -> None:
    slots = [slot(AT_NINE), slot(AT_NINE, of=SOUTH_GRANITE), slot(AT_NINE, of=VIRTUAL)]
    plain = Search(where, f"Slot?{WINDOW}&_include=Slot:schedule", network(slots))
    assert [each["resourceType"] for each in plain.resources("include")] == ["Schedule"] * 3
    assert len(plain.resources()) == 3
    all_of = f"Slot?{WINDOW}&_include=Slot:schedule&_include:iterate=Schedule:actor"
    iterated = Search(where, all_of, network(slots))
    kinds = [each["resourceType"] for each in iterated.resources("include")]
    assert (kinds.count("Schedule"), kinds.count("Practitioner"), kinds.count("Location")) == (3, 2, 2)
    have = {f"{each['resourceType']}/{each['id']}" for each in iterated.resources("include")}
    for schedule in (each for each in iterated.resources("include") if each["resourceType"] == "Schedule"):
        assert {each["reference"] for each in schedule["actor"]} <= have
    assert {each["schedule"]["reference"] for each in iterated.resources()} <= have
    paged = Search(where, f"{all_of}&_count=1", network(slots))
    assert [each["id"] for each in paged.resources("include") if each["resourceType"] == "Schedule"] == [
        SOUTH_GRANITE
    ]
    assert "_include=Slot:schedule&_include:iterate=Schedule:actor" in (paged.link("next") or "")


@pytest.mark.parametrize(
    ("asked", "warning"),
    [
        ("_sort=start", None),
        ("_summary=false", None),
        ("_format=json", None),
        ("_sort=-start", None),
        (
            "_sort=end",
            "_sort: only slots are sorted, by start or -start, and by nothing else; it was ignored",
        ),
        ("_summary=text", None),
        ("_elements=start", None),
        ("_summary=all", "_summary: these are supported: true, text, data, count, false; it was ignored"),
        (
            "_elements=start/end",
            "_elements: only elements of a Slot can be named: appointmentType, comment, contained, end, ",
        ),
        ("_count=", "_count: has no value; it was ignored"),
        ("specialty=", "specialty: has no value; it was ignored"),
        ("_include=Slot:patient", "_include: only these can be included here: Slot:schedule, Schedule:actor"),
        ("colour=blue", "colour: is not a parameter of this search; known: _id, duration, end, schedule"),
        ("schedule=", "schedule: has no value; it was ignored"),
        ("schedule=,", "schedule: has no value; it was ignored"),
    ],
)
def test_what_is_not_known_is_ignored_and_told_or_refused_where_strict(
    where: FhirSite, asked: str, warning: str | None
) -> None:
    search = Search(where, f"Slot?{WINDOW}&{asked}", network([slot(AT_NINE)]))
    assert search.body["total"] == 1
    if warning is None:
        assert Search(where, f"Slot?{WINDOW}&{asked}", strict=True).warnings == search.warnings == []
    else:
        assert [each.startswith(warning) for each in search.warnings] == [True]
        assert isinstance(refused(where, f"Slot?{WINDOW}&{asked}", strict=True), InvalidMessage)


# --- one slot ---------------------------------------------------------------------------------------


def test_slots_by_their_ids(where: FhirSite) -> None:
    slots = [slot(AT_NINE), slot("2025-10-22T17:00:00.000Z", of=SOUTH_GRANITE)]
    names = [each["id"] for each in Search(where, f"Slot?{WINDOW}", network(slots)).resources()]
    asked = f"Slot?_id={names[1]},{names[0]},nonsense&_include=Slot:schedule"
    search = Search(where, asked, network(slots))
    assert [each["id"] for each in search.resources()] == names
    assert [each["id"] for each in search.resources("include")] == [NORTH_GRANITE, SOUTH_GRANITE]
    narrowed = Search(where, f"{asked}&schedule={SOUTH_GRANITE}", network(slots))
    assert [each["id"] for each in narrowed.resources()] == names[1:]
    assert Search(where, f"{asked}&start=lt2025-10-22T09:30:00-07:00", network(slots)).body["total"] == 1
    assert Search(where, f"{asked}&duration=30", network(slots)).body["total"] == 0
    assert Search(where, f"{asked}&status=busy", network(slots)).body["total"] == 0
    first = Search(where, f"{asked}&_count=1", network(slots))
    second = Search(where, first.link("next") or "", network(slots))
    assert [each["id"] for page in (first, second) for each in page.resources()] == names
    many = ",".join(f"a{each}" for each in range(21))
    assert str(refused(where, f"Slot?_id={many}").issues[0]).startswith("_id: ask for at most 20")


@pytest.mark.parametrize(
    "name",
    [
        "nonsense",
        "abcdefghijkl.2025-10-22T160000.000Z.20",
        "{schedule}.2025-10-22T160000.000Z.0",
        "{schedule}.2025-10-22T160000.000Z.1441",
        "{schedule}.2025-13-22T160000.000Z.20",
        "{schedule}.0001-01-22T160000.000Z.20",
        "{schedule}.2025-10-22T160000.000Z.20",
    ],
)
def test_a_slot_that_is_not_open_is_not_there(where: FhirSite, name: str) -> None:
    schedule = slot_name(NORTH_GRANITE, AT_NINE, 20).partition(".")[0]
    assert isinstance(refused(where, f"Slot/{name.format(schedule=schedule)}"), NotFound)


def test_a_read_that_cannot_be_sure_says_so(where: FhirSite) -> None:
    name = slot_name(NORTH_GRANITE, AT_NINE, 20)
    with pytest.raises(GatewayError, match="cannot be told now") as caught:
        Search(where, f"Slot/{name}", partner.saying(partner.answered(IsIncomplete=True)))
    assert caught.value.status == 502


def test_a_site_without_schedules_never_answers_that_nothing_is_open(tmp_path: Path) -> None:
    where = partner.site(partner.tables(tmp_path, csv="schedule\n"))
    assert isinstance(refused(where, "Slot"), NotKnownHere)
    assert Search(where, "Schedule").body["total"] == 0


def test_the_addresses_of_redox_are_those_of_the_site(where: FhirSite) -> None:
    search = Search(where, "Slot")
    meta = json.loads(search.calls[0].body or b"")["Meta"]
    assert meta["Destinations"] == [{"ID": partner.ADDRESS.destination_id}]
    assert meta["Source"] == {"ID": partner.ADDRESS.source_id}
    assert meta["EventDateTime"] == "2025-10-21T19:00:28.000Z"
    assert "Source" not in dataclasses.replace(partner.ADDRESS, source_id=None).meta(partner.NOW)
