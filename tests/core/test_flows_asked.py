"""What a query names and prefers: which schedules that means, which slots it leaves, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import GatewayError, InvalidMessage, NotKnownHere
from gateway.core.plan import Answer, Call, Failure, Outcome, Remember, Reply
from gateway.tables.answer.site import SiteTables
from tests import clinic
from tests.clinic import GRANITE_HOSPITAL, GRANITE_JUNIPER, SLATE_HOSPITAL, Transcript, flow, slot

PROVIDER = "Visit.AttendingProviders[0]"
PLACE = "Visit.Locations[0]"


def asked(mapping: SiteTables, message: dict[str, Any], **rules: Any) -> set[str]:
    """The schedules that a query means."""
    played = Transcript(flow(mapping, message, **rules), clinic.answering())
    played.play()
    return {dict(call.params)["schedule"].rpartition("/")[2] for call in played.asked["slots"]}


def refused(
    mapping: SiteTables, message: dict[str, Any], **rules: Any
) -> tuple[type[GatewayError], list[str]]:
    with pytest.raises(GatewayError) as caught:
        Transcript(flow(mapping, message, **rules), clinic.answering()).play()
    return type(caught.value), [str(issue) for issue in caught.value.issues]


def starts(
    mapping: SiteTables, message: dict[str, Any], slots: list[dict[str, Any]], **rules: Any
) -> list[str]:
    reply: Reply = Transcript(flow(mapping, message, **rules), clinic.answering(*slots)).play()
    return [each["DateTime"][5:16] for each in json.loads(reply.body)["AvailableSlots"]]


@pytest.mark.parametrize(
    ("visit", "schedules"),
    [
        ({}, {GRANITE_HOSPITAL, GRANITE_JUNIPER, SLATE_HOSPITAL}),
        ({"AttendingProviders": [], "Locations": []}, {GRANITE_HOSPITAL, GRANITE_JUNIPER, SLATE_HOSPITAL}),
        (
            {"AttendingProviders": [{"ID": "4356789876", "IDType": "NPI"}]},
            {GRANITE_HOSPITAL, GRANITE_JUNIPER},
        ),
        (
            {"AttendingProviders": [{"ID": "4356789876", "IDType": "npi"}]},
            {GRANITE_HOSPITAL, GRANITE_JUNIPER},
        ),
        ({"AttendingProviders": [{"ID": "4356789876"}]}, {GRANITE_HOSPITAL, GRANITE_JUNIPER}),
        ({"AttendingProviders": [{"ID": clinic.SLATE, "IDType": "EHRID"}]}, {SLATE_HOSPITAL}),
        (
            {
                "AttendingProviders": [
                    {"ID": "4356789876", "IDType": "NPI"},
                    {"ID": "1987654321", "IDType": "NPI"},
                ]
            },
            {GRANITE_HOSPITAL, GRANITE_JUNIPER, SLATE_HOSPITAL},
        ),
        (
            {"AttendingProviders": [{"ID": "4356789876", "FirstName": "Wrong", "LastName": "Name"}]},
            {GRANITE_HOSPITAL, GRANITE_JUNIPER},
        ),
        (
            {"AttendingProviders": [{"ID": "4356789876", "Location": {"Department": "3N"}}]},
            {GRANITE_HOSPITAL},
        ),
        ({"Locations": [{"Facility": "res general  HOSPITAL"}]}, {GRANITE_HOSPITAL, SLATE_HOSPITAL}),
        (
            {"Locations": [{"Facility": "RES General Hospital", "Department": "3N", "Room": "138"}]},
            {SLATE_HOSPITAL},
        ),
        (
            {"Locations": [{"Room": "138"}, {"Department": "Family Medicine"}]},
            {SLATE_HOSPITAL, GRANITE_JUNIPER},
        ),
        (
            {
                "Locations": [{"Department": "3N"}],
                "AttendingProviders": [{"ID": "4356789876", "IDType": "NPI"}],
            },
            {GRANITE_HOSPITAL},
        ),
        ({"Locations": [{"ID": "l-1"}]}, {GRANITE_JUNIPER}),
    ],
)
def test_which_schedules_are_meant(mapping: SiteTables, visit: dict[str, Any], schedules: set[str]) -> None:
    assert asked(mapping, clinic.query(**visit)) == schedules


def test_the_facility_code_of_the_envelope_chooses_too(mapping: SiteTables) -> None:
    message = clinic.query()
    message["Meta"]["FacilityCode"] = "Juniper Street Clinic"
    assert asked(mapping, message) == {GRANITE_JUNIPER}
    message["Meta"]["FacilityCode"] = "Juniper Street"
    error, texts = refused(mapping, message)
    assert error is NotKnownHere
    assert texts == [
        'Meta.FacilityCode: "Juniper Street" is not a facility of this site; '
        'the nearest known: "Juniper Street Clinic"'
    ]


@pytest.mark.parametrize(
    ("visit", "texts"),
    [
        (
            {"AttendingProviders": [{"ID": "4356789877", "IDType": "NPI"}]},
            [
                f'{PROVIDER}.ID: "4356789877" (IDType NPI) is not a provider id of this site; '
                'the nearest known: "4356789876"'
            ],
        ),
        (
            {"Locations": [{"Department": "4N"}]},
            [f'{PLACE}.Department: "4N" is not a department of this site; known: "3N", "Family Medicine"'],
        ),
        (
            {"Locations": [{"Facility": "RES Generel Hospital", "Room": "9"}]},
            [
                f'{PLACE}.Facility: "RES Generel Hospital" is not a facility of this site; '
                'the nearest known: "RES General Hospital"',
                f'{PLACE}.Room: "9" is not a room of this site; known: "136", "138", "2"',
            ],
        ),
        (
            {"AttendingProviders": [{"ID": "1", "IDType": "STATE"}]},
            [
                f'{PROVIDER}.IDType: "STATE" has no line in the code table provider-id-types; '
                'known: "EHRID", "NPI"'
            ],
        ),
        (
            {"Locations": [{"Room": "2", "Department": "3N"}]},
            [f"{PLACE}: each of Department, Room is known here, but no schedule has all of them together"],
        ),
    ],
)
def test_what_the_site_does_not_know_is_named_with_the_nearest(
    mapping: SiteTables, visit: dict[str, Any], texts: list[str]
) -> None:
    assert refused(mapping, clinic.query(**visit)) == (NotKnownHere, texts)


def test_beside_one_unknown_alternative_the_known_ones_are_answered_incompletely(mapping: SiteTables) -> None:
    known = clinic.query(Locations=[{"Department": "3N"}])
    message = clinic.query(Locations=[{"Department": "3N"}, {"Department": "5W"}])
    body, reply, played = clinic.ask(mapping, message, clinic.answering())
    assert body["Meta"]["IsIncomplete"] is True
    assert played.asked["slots"] == clinic.ask(mapping, known, clinic.answering())[2].asked["slots"]
    (issue,) = reply.issues
    assert (issue.severity, issue.path) == ("warning", "Visit.Locations[1].Department")


def test_where_none_of_the_alternatives_is_known_all_are_told(mapping: SiteTables) -> None:
    message = clinic.query(Locations=[{"Department": "4N"}, {"Department": "5W"}])
    error, texts = refused(mapping, message)
    assert error is NotKnownHere
    assert [text.partition(":")[0] for text in texts] == [
        "Visit.Locations[0].Department",
        "Visit.Locations[1].Department",
    ]


CODES = "redox_code,redox_system,fhir_code,fhir_system\n210,DNER15,OV,http://x\n210,OTHER,XX,\n7,A,SEVEN,\n"


def visit_types(tmp_path: Path, codes: str, *types: dict[str, Any]) -> dict[str, Any]:
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "visit-types.csv").write_text(codes, "utf-8")
    return {"VisitType": list(types)}


@pytest.mark.parametrize(
    ("types", "sent"),
    [
        ([{"Code": "210", "Codeset": "DNER15"}], ["http://x|OV"]),
        ([{"Code": "7"}], ["SEVEN"]),
        ([{"Code": "7", "Codeset": " "}], ["SEVEN"]),
        ([{"Code": "210", "Codeset": "DNER15"}, {"Code": "7", "Codeset": "A"}], ["http://x|OV", "SEVEN"]),
    ],
)
def test_a_visit_type_is_found_by_its_code_alone_where_that_is_one(
    tmp_path: Path, types: list[dict[str, Any]], sent: list[str]
) -> None:
    asked_for = visit_types(tmp_path, CODES, *types)
    _, reply, played = clinic.ask(clinic.tables(tmp_path), clinic.query(**asked_for), clinic.answering())
    searches = [dict(call.params)["appointment-type"] for call in played.asked["slots"]]
    assert list(dict.fromkeys(searches)) == sent
    assert (reply.issues, reply.unchecked) == ((), ())


@pytest.mark.parametrize(
    "types",
    [
        [{"Code": "210"}],
        [{"Code": "210", "Codeset": "DNER16"}],
        [{"Code": "7", "Codeset": "B"}],
        [{"Code": "211", "Codeset": "DNER15"}],
    ],
)
def test_a_visit_type_that_the_sites_table_does_not_have_is_refused(
    tmp_path: Path, types: list[dict[str, Any]]
) -> None:
    asked_for = visit_types(tmp_path, CODES, *types)
    error, (text,) = refused(clinic.tables(tmp_path), clinic.query(**asked_for))
    assert error is NotKnownHere
    assert text.startswith("Visit.VisitType[0].Code: ")
    assert 'known: "210"' in text or 'known: "7"' in text


def test_of_several_visit_types_the_known_are_answered_incompletely(tmp_path: Path) -> None:
    asked_for = visit_types(tmp_path, CODES, {"Code": "7"}, {"Code": "8"})
    body, reply, played = clinic.ask(clinic.tables(tmp_path), clinic.query(**asked_for), clinic.answering())
    assert body["Meta"]["IsIncomplete"] is True
    assert {dict(call.params)["appointment-type"] for call in played.asked["slots"]} == {"SEVEN"}
    assert [issue.path for issue in reply.issues] == ["Visit.VisitType[1].Code"]


NOT_CHECKED = "the code table visit-types has no lines, so this wish is not checked"


def test_while_the_table_has_no_lines_a_visit_type_is_unchecked_and_told(tmp_path: Path) -> None:
    empty = CODES.partition("\n")[0] + "\n"
    asked_for = visit_types(tmp_path, empty, {"Code": "7"}, {"Code": "8"})
    body, reply, played = clinic.ask(clinic.tables(tmp_path), clinic.query(**asked_for), clinic.answering())
    assert "IsIncomplete" not in body["Meta"]
    assert all("appointment-type" not in dict(call.params) for call in played.asked["slots"])
    assert reply.unchecked == ("Visit.VisitType.Code",)
    assert [str(issue) for issue in reply.issues] == [
        f"Visit.VisitType[{number}].Code: {NOT_CHECKED}" for number in range(2)
    ]


def test_a_known_provider_who_is_not_at_the_place_is_an_error_not_an_empty_list(mapping: SiteTables) -> None:
    message = clinic.query(
        AttendingProviders=[{"ID": "1987654321", "IDType": "NPI"}],
        Locations=[{"Department": "Family Medicine"}],
    )
    error, texts = refused(mapping, message)
    assert error is NotKnownHere
    assert texts == [
        "Visit.Locations: Visit.AttendingProviders and Visit.Locations are each known here, "
        "but no schedule fits them together"
    ]


def test_names_find_a_provider_only_where_the_site_allows_it(mapping: SiteTables) -> None:
    message = clinic.query(AttendingProviders=[{"FirstName": "Sam", "LastName": "slate"}])
    error, texts = refused(mapping, message)
    assert error is NotKnownHere
    assert texts[0].startswith(f"{PROVIDER}.ID: this provider has a name but no ID")
    assert asked(mapping, message, providers_by_name=True) == {SLATE_HOSPITAL}
    unknown = clinic.query(AttendingProviders=[{"LastName": "Slater"}])
    error, texts = refused(mapping, unknown, providers_by_name=True)
    assert texts == [
        f'{PROVIDER}.LastName: "Slater" is not a last name of this site; the nearest known: "Slate"'
    ]


def test_every_fault_of_a_query_is_told_at_once(mapping: SiteTables) -> None:
    message = clinic.query(
        start="soon",
        VisitPreference=[
            {"Duration": "soon"},
            {"Duration": "30", "DurationUnit": "fortnights", "Day": ["Tues", "Someday"], "Time": ["25:00"]},
        ],
    )
    error, texts = refused(mapping, message)
    assert error is InvalidMessage
    assert [text.split(": ")[0] for text in texts] == [
        "Visit.VisitPreference[0].Duration",
        "Visit.VisitPreference[1].Duration",
        "Visit.VisitPreference[1].Day[1]",
        "Visit.VisitPreference[1].Time[0]",
        "StartDateTime",
    ]
    assert texts[0] == (
        'Visit.VisitPreference[0].Duration: "soon" is not a length of time; '
        'write a number of minutes such as "30", "1 hour" or "PT30M"'
    )


@pytest.mark.parametrize(
    ("span", "path"),
    [
        ({"start": "2025-10-21T00:00:00Z", "end": "2025-10-21T00:00:00Z"}, "EndDateTime"),
        ({"start": "2025-10-21T00:00:00Z", "end": "2025-10-19"}, "EndDateTime"),
        ({"start": "2025-10-21T00:00:00Z", "end": "2026-01-21"}, "EndDateTime"),
        ({"start": "21.10.2025"}, "StartDateTime"),
        ({"start": " "}, "StartDateTime"),
    ],
)
def test_a_window_that_is_none_is_refused(mapping: SiteTables, span: dict[str, str], path: str) -> None:
    error, texts = refused(mapping, clinic.query(**span))
    assert error is InvalidMessage
    assert [text.split(": ")[0] for text in texts] == [path]


WEEK = [
    slot("2025-10-22T10:00:00-07:00", "2025-10-22T10:30:00-07:00"),  # Wednesday
    slot("2025-10-24T09:00:00-07:00", "2025-10-24T09:30:00-07:00"),  # Friday, within the tolerance
    slot("2025-10-24T11:15:00-07:00", "2025-10-24T11:45:00-07:00"),  # Friday, beyond it
    slot("2025-10-28T10:45:00-07:00", "2025-10-28T11:15:00-07:00"),  # Tuesday
]
TUESDAY_FRIDAY_TEN = {"Duration": "30", "DurationUnit": "minutes", "Day": ["Tues", "Fri"], "Time": ["1000"]}


@pytest.mark.parametrize(
    ("preferences", "tolerance", "expected"),
    [
        ("filter", 60, ["10-24T16:00", "10-28T17:45"]),
        ("filter", 45, ["10-28T17:45"]),
        ("order", 60, ["10-24T16:00", "10-28T17:45", "10-22T17:00", "10-24T18:15"]),
        ("ignore", 60, ["10-22T17:00", "10-24T16:00", "10-24T18:15", "10-28T17:45"]),
    ],
)
def test_days_and_times_filter_or_order_or_nothing(
    mapping: SiteTables, preferences: str, tolerance: int, expected: list[str]
) -> None:
    message = clinic.query(Locations=[{"Room": "136"}], VisitPreference=[TUESDAY_FRIDAY_TEN])
    found = starts(mapping, message, WEEK, preferences=preferences, time_tolerance_minutes=tolerance)
    assert found == expected


OPEN_TUESDAY = slot("2025-10-21T09:00:00-07:00", "2025-10-21T09:15:00-07:00")
OPEN_FRIDAY = slot("2025-10-24T14:00:00-07:00", "2025-10-24T15:00:00-07:00")


@pytest.mark.parametrize("dialect", ["canvas", "fhir-r4"])
@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        # None at all is one of the site's default length, 20 minutes.
        ([], ["10-24T21:00"]),
        ([{"Duration": "15", "DurationUnit": "minutes"}], ["10-21T16:00", "10-24T21:00"]),
        # A wish without a length has the default one; its day is not that of the other's length.
        ([{"Day": ["Tuesday"]}, {"Duration": "15", "DurationUnit": "minutes", "Day": ["Wednesday"]}], []),
        ([{"Day": ["Friday"]}, {"Duration": "60", "DurationUnit": "minutes", "Day": ["Tuesday"]}], []),
        (
            [{"Duration": "15", "DurationUnit": "minutes", "Day": ["Tues"]}, {}],
            ["10-21T16:00", "10-24T21:00"],
        ),
        ([{"Day": ["Weekdays"], "Time": ["Afternoon"]}], ["10-24T21:00"]),
        ([{"Day": ["Weekend"]}], []),
        ([{"Time": ["1400-0700"]}], ["10-24T21:00"]),
        ([{"Time": ["1600-0500"]}], ["10-24T21:00"]),
        ([{"Time": ["140000"]}], ["10-24T21:00"]),
    ],
)
def test_a_length_a_day_and_a_time_belong_to_their_own_wish(
    dialect: str, wishes: list[dict[str, Any]], expected: list[str], tmp_path: Path
) -> None:
    tables = clinic.tables(tmp_path, dialect)
    message = clinic.query(Locations=[{"Room": "136"}], VisitPreference=wishes, start="2025-10-21T07:00:00Z")
    slots = [OPEN_TUESDAY, OPEN_FRIDAY]
    assert starts(tables, message, slots, time_tolerance_minutes=0) == expected


def test_wishes_that_cannot_be_read_are_refused_only_where_they_are_looked_at(mapping: SiteTables) -> None:
    wish = {"Day": ["Someday", "Tuesday"], "Time": ["soon"]}
    message = clinic.query(Locations=[{"Room": "136"}], VisitPreference=[wish])
    error, texts = refused(mapping, message)
    assert error is InvalidMessage
    assert [text.split(": ")[0] for text in texts] == [
        f"Visit.VisitPreference[0].{field}[0]" for field in ("Day", "Time")
    ]
    assert len(starts(mapping, message, WEEK, preferences="ignore")) == len(WEEK)


def test_order_keeps_the_preferred_when_cut(mapping: SiteTables) -> None:
    message = clinic.query(Locations=[{"Room": "136"}], VisitPreference=[TUESDAY_FRIDAY_TEN])
    assert starts(mapping, message, WEEK, preferences="order", max_slots=2) == ["10-24T16:00", "10-28T17:45"]


def test_days_are_the_clinics_days(mapping: SiteTables) -> None:
    late = [slot("2025-10-22T03:00:00Z", "2025-10-22T03:20:00Z")]  # Tuesday evening in Los Angeles
    tuesday = clinic.query(VisitPreference=[{"Day": ["Tuesday"]}])
    wednesday = clinic.query(VisitPreference=[{"Day": ["Wednesday"]}])
    assert starts(mapping, tuesday, late) == ["10-22T03:00"]
    assert starts(mapping, wednesday, late) == []


def test_a_schedule_in_another_zone_has_its_own_days_and_times(mapping: SiteTables) -> None:
    east = replace(mapping, schedules=({"schedule": GRANITE_JUNIPER, "timezone": "America/New_York"},))
    ten = clinic.query(VisitPreference=[{"Time": ["1000"]}])
    slots = [
        slot(f"2025-10-22T{hour}:00:00Z", f"2025-10-22T{hour}:20:00Z", of)
        for hour in (14, 17)
        for of in (GRANITE_HOSPITAL, GRANITE_JUNIPER)
    ]
    reply: Reply = Transcript(flow(east, ten, time_tolerance_minutes=0), clinic.answering(*slots)).play()
    found = [(each["DateTime"][11:13], each["ID"]) for each in json.loads(reply.body)["AvailableSlots"]]
    assert [(hour, name.partition("~")[0]) for hour, name in found] == [
        ("14", GRANITE_JUNIPER),
        ("17", GRANITE_HOSPITAL),
    ]


def test_a_directory_with_a_part_missing_is_not_kept_and_makes_the_answer_incomplete(
    mapping: SiteTables,
) -> None:
    def answer(call: Call) -> Outcome:
        if call.target == "Practitioner":
            return Failure(call, "status", 500)
        return clinic.answering(WEEK[0])(call)

    first = next(flow(mapping, clinic.query()))
    assert isinstance(first, Remember)
    assert not first.keep(first.build(tuple(answer(call) for call in first.calls)))
    reply = Transcript(flow(mapping, clinic.query()), answer).play()
    body = json.loads(reply.body)
    assert body["Meta"]["IsIncomplete"] is True
    assert len(body["AvailableSlots"]) == 1
    assert [(issue.path, issue.severity) for issue in reply.issues] == [("Practitioner", "error")]


def test_without_the_schedules_the_csv_alone_serves(mapping: SiteTables) -> None:
    def answer(call: Call) -> Outcome:
        return clinic.answering(WEEK[0])(call) if call.target == "Slot" else Failure(call, "status", 500)

    played = Transcript(flow(mapping, clinic.query()), answer)
    body = json.loads(played.play().body)
    assert body["Meta"]["IsIncomplete"] is True
    assert len(played.asked["slots"]) == 3


def test_a_schedule_that_the_ehr_no_longer_lists_is_not_asked(mapping: SiteTables) -> None:
    def answer(call: Call) -> Outcome:
        if call.target == "Schedule":
            listed = clinic.schedule(GRANITE_HOSPITAL, "Schedule for Pat Granite MD at RES General Hospital")
            return Answer(call, (clinic.bundle(listed),))
        return clinic.answering(WEEK[0])(call)

    played = Transcript(flow(mapping, clinic.query()), answer)
    reply = played.play()
    assert len(played.asked["slots"]) == 1
    assert "IsIncomplete" not in json.loads(reply.body)["Meta"]
    assert [issue.severity for issue in reply.issues] == ["warning", "warning"]
