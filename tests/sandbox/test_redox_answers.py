from __future__ import annotations

import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from redox.scheduling.availableslotsresponse import AvailableSlotsResponse

from gateway.sandbox.redox_answers import QueryRefused, Style, answer, check
from gateway.sandbox.seeded import seeded_clinic

CLINIC = seeded_clinic()
NOW = datetime(2025, 10, 21, 19, 0, 27, tzinfo=UTC)
SAMPLE = "Location.2-Staff.3640cd20de8a470aa570a852859ac87e"
META = {
    "DataModel": "Scheduling",
    "EventType": "AvailableSlots",
    "EventDateTime": "2025-10-21T19:00:27.070Z",
    "Test": True,
    "Source": {"ID": "7ce6f387-c33c-417d-8682-81e83628cbd9", "Name": "Redox Dev Tools"},
    "Destinations": [{"ID": "af394f14-b34a-464f-8d24-895f370af4c9", "Name": "Redox EMR"}],
    "FacilityCode": None,
}


def query(visit: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    message = {"Meta": META, "StartDateTime": "2025-10-21T19:00:27.415Z", "EndDateTime": None} | fields
    return copy.deepcopy(message if visit is None else message | {"Visit": visit})


def asked(visit: dict[str, Any] | None = None, style: Style | None = None, **fields: Any) -> dict[str, Any]:
    return answer(CLINIC, check(query(visit, **fields)), NOW, style or Style())


def rooms(found: dict[str, Any]) -> set[tuple[str, str | None]]:
    return {(slot["Provider"]["LastName"], slot["Location"]["Room"]) for slot in found["AvailableSlots"]}


def test_the_answer_is_valid_echoes_meta_and_is_sorted() -> None:
    found = asked()
    AvailableSlotsResponse.model_validate(found)
    assert found["Meta"] == META | {
        "EventType": "AvailableSlotsResponse",
        "EventDateTime": "2025-10-21T19:00:27.000Z",
    }
    keys = [(slot["DateTime"], slot["Provider"]["LastName"]) for slot in found["AvailableSlots"]]
    assert keys == sorted(keys)
    assert keys[0][0] >= "2025-10-21T19:00:27.415Z"
    assert keys[-1][0] < "2025-10-28T19:00:27.415Z"
    assert len({slot["ID"] for slot in found["AvailableSlots"]}) == len(keys)


def test_one_slot_in_full() -> None:
    found = asked(
        {
            "Locations": [{"Facility": "RES General Hospital", "Department": "3N", "Room": "136"}],
            "VisitPreference": [{"Duration": "30", "DurationUnit": "minutes"}],
        }
    )
    slot = next(each for each in found["AvailableSlots"] if each["DateTime"] == "2025-10-24T17:00:00.000Z")
    location: dict[str, Any] = {
        "Type": None,
        "Facility": "RES General Hospital",
        "FacilityIdentifiers": [],
        "Department": "3N",
        "DepartmentIdentifiers": [],
        "Room": "136",
    }
    assert len(slot.pop("ID")) == 20
    assert slot == {
        "DateTime": "2025-10-24T17:00:00.000Z",
        "Duration": 30,
        "Reason": None,
        "Notes": [],
        "Provider": {
            "ID": "4356789876",
            "IDType": "NPI",
            "FirstName": "Pat",
            "LastName": "Granite",
            "Credentials": ["MD"],
            "Address": {
                "StreetAddress": "400 Quarry Road",
                "City": "Oakland",
                "State": "CA",
                "ZIP": "94610",
                "County": None,
                "Country": "US",
            },
            "EmailAddresses": ["pat.granite@example.com"],
            "PhoneNumber": {"Office": "+15105550136"},
            "Location": location,
        },
        "Location": location,
    }
    assert rooms(found) == {("Granite", "136")}


def test_it_answers_with_the_slots_of_the_clinic() -> None:
    schedule = CLINIC.schedule(SAMPLE)
    assert schedule is not None
    found = asked(
        {"Locations": [{"Room": "136"}]},
        StartDateTime="2025-10-24T00:00:00-07:00",
        EndDateTime="2025-10-25T00:00:00-07:00",
    )
    expected = list(CLINIC.slots(schedule, date(2025, 10, 24), date(2025, 10, 25), 20))
    assert [datetime.fromisoformat(each["DateTime"]) for each in found["AvailableSlots"]] == [
        slot.start for slot in expected
    ]


@pytest.mark.parametrize(
    ("visit", "expected"),
    [
        (
            {"AttendingProviders": [{"ID": "4356789876", "IDType": "npi"}]},
            {("Granite", "2"), ("Granite", "136")},
        ),
        ({"AttendingProviders": [{"ID": "BH-0007"}]}, {("Slate", None)}),
        ({"AttendingProviders": [{"ID": "BH-0007", "IDType": "NPI"}]}, set()),
        ({"AttendingProviders": [{"LastName": "basalt"}]}, {("Basalt", "138")}),
        ({"AttendingProviders": [{"ID": None, "LastName": None}]}, None),
        (
            {"AttendingProviders": [{"ID": "4356789876", "Location": {"Facility": "RES General"}}]},
            {("Granite", "136")},
        ),
        ({"Locations": [{"Department": "3n"}]}, {("Granite", "136"), ("Basalt", "138")}),
        ({"Locations": [{"ID": "3"}]}, {("Slate", None)}),
        (
            {"AttendingProviders": [{"LastName": "Granite"}], "Locations": [{"Facility": "Juniper Street"}]},
            {("Granite", "2")},
        ),
        ({"Locations": [{"Facility": "Nowhere"}]}, set()),
    ],
)
def test_providers_and_locations(visit: dict[str, Any], expected: set[tuple[str, str | None]] | None) -> None:
    assert rooms(asked(visit)) == (rooms(asked()) if expected is None else expected)


@pytest.mark.parametrize(
    ("preferences", "lengths"),
    [
        ([], {20}),
        ([{"Day": ["Tues"], "Time": ["1000"]}], {20}),
        (
            [{"Duration": "30", "DurationUnit": "minutes"}, {"Duration": "1", "DurationUnit": "Hour"}],
            {30, 60},
        ),
        ([{"Duration": "45"}], {45}),
    ],
)
def test_lengths(preferences: list[dict[str, Any]], lengths: set[int]) -> None:
    found = asked({"VisitPreference": preferences})
    assert {slot["Duration"] for slot in found["AvailableSlots"]} == lengths


def test_the_recorded_style_and_a_zone_without_a_colon() -> None:
    style = Style("AvailableSlots", ZoneInfo("America/New_York"))
    found = asked({"Locations": [{"Room": "136"}]}, style, EndDateTime="2025-10-24T17:01:00Z")
    assert found["Meta"]["EventType"] == "AvailableSlots"
    assert found["AvailableSlots"][-1]["DateTime"] == "2025-10-24T13:00:00.000-0400"


def test_a_start_without_an_offset_is_in_the_clinics_zone() -> None:
    for start in ("2025-10-24T10:00:00", "2025-10-24 10:00:00", "2025-10-24T13:00:00-0400"):
        found = asked({"Locations": [{"Room": "136"}]}, StartDateTime=start)
        assert found["AvailableSlots"][0]["DateTime"] == "2025-10-24T17:00:00.000Z"


@pytest.mark.parametrize(
    ("message", "status", "texts"),
    [
        ([], 400, ["Meta is required"]),
        ({"Meta": {"DataModel": "Scheduling"}}, 400, ["Meta.DataModel and Meta.EventType are required"]),
        (
            query() | {"Meta": META | {"EventType": "Booked"}},
            403,
            ["this destination answers Scheduling.AvailableSlots only"],
        ),
        (
            query({"VisitPreference": [{"Duration": []}]}, Colour="red"),
            400,
            [
                "Visit.VisitPreference.0.Duration: Input should be a valid string",
                "Colour: Extra inputs are not permitted",
            ],
        ),
        (
            query() | {"Meta": META | {"Destinations": []}},
            400,
            ["a query has exactly one destination: Meta.Destinations[0].ID"],
        ),
        (
            query() | {"Meta": META | {"Destinations": [{"ID": "a"}, {"ID": "b"}]}},
            400,
            ["a query has exactly one destination: Meta.Destinations[0].ID"],
        ),
        (query(StartDateTime="soon"), 400, ["StartDateTime: not an ISO 8601 time"]),
        (query(StartDateTime="9999-12-31T00:00:00Z"), 400, ["StartDateTime: not an ISO 8601 time"]),
        (query(StartDateTime="0001-01-01T00:00:00+14:00"), 400, ["StartDateTime: not an ISO 8601 time"]),
        (
            query(EndDateTime="2025-10-21T19:00:27.415Z"),
            400,
            ["EndDateTime: after StartDateTime, by at most 366 days"],
        ),
        (
            query({"VisitPreference": [{"Duration": 30}]}),
            400,
            ["Visit.VisitPreference[0].Duration: not a number of minutes or hours"],
        ),
        (
            query({"VisitPreference": [{}, {"Duration": "soon"}]}),
            400,
            ["Visit.VisitPreference[1].Duration: not a number of minutes or hours"],
        ),
    ],
)
def test_queries_that_are_refused(message: Any, status: int, texts: list[str]) -> None:
    with pytest.raises(QueryRefused) as refused:
        answer(CLINIC, check(message), NOW, Style())
    assert refused.value.status == status
    assert [error["Text"] for error in refused.value.errors] == texts
    assert all(isinstance(error["ID"], int) for error in refused.value.errors)


def test_the_same_slot_has_the_same_id_in_every_answer() -> None:
    later = (NOW + timedelta(days=1)).isoformat()
    first = {
        slot["DateTime"]: slot["ID"] for slot in asked({"Locations": [{"Room": "136"}]})["AvailableSlots"]
    }
    again = asked({"Locations": [{"Room": "136"}]}, StartDateTime=later)["AvailableSlots"]
    common = [slot for slot in again if slot["DateTime"] in first]
    assert common
    assert all(first[slot["DateTime"]] == slot["ID"] for slot in common)
