"""FHIR searches and Redox queries by the same rows: each row both ways, and there and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import flows, window
from gateway.core.fhir import resource_id
from gateway.tables.answer.site import SiteTables
from tests import clinic, partner
from tests.partner import GRANITE_ID, NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE, WING, Json, Search

QUERY = "available-slots.query"
WINDOW = "start=2025-10-22&end=2025-10-23"
LINES = (
    {
        "schedule": "a",
        "provider_id": "1",
        "provider_id_type": "NPI",
        "last_name": "Granite",
        "first_name": "Pat",
        "facility": "F",
        "room": "1",
    },
    {
        "schedule": "b",
        "provider_id": "1",
        "provider_id_type": "NPI",
        "last_name": "Granite",
        "first_name": "Pat",
        "facility": "G",
    },
    {
        "schedule": "c d",
        "provider_id": "1",
        "provider_id_type": "EHRID",
        "last_name": "Slate",
        "facility": "F",
        "room": "1",
    },
    {
        "schedule": "d",
        "provider_id": "2",
        "provider_id_type": "NPI",
        "department": "3N",
        "location_id": "l-3",
    },
    {"schedule": "e", "provider_id": "3", "provider_id_type": "NPI"},
    {"schedule": "f", "facility": "F", "department": "3N"},
)


@pytest.fixture(scope="session")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return partner.tables(tmp_path_factory.mktemp("partner"))


@pytest.fixture(scope="session")
def six(mapping: SiteTables) -> SiteTables:
    """The same tables over a directory whose schedules share providers, places and numbers."""
    return dataclasses.replace(mapping, schedules=LINES)


def plan(mapping: SiteTables, query: Json) -> flows.Plan:
    """The Redox query as the flow reads it that answers Redox."""
    message = clinic.read({"Meta": {"DataModel": "Scheduling", "EventType": "AvailableSlots"}, **query})
    flow = flows.planned(message, partner.flow_rules(), mapping, partner.NOW)
    try:
        next(flow)
    except StopIteration as end:
        found: flows.Plan = end.value
        return found
    raise AssertionError("a directory of the site's own needs no calls")


MOMENTS = st.datetimes(datetime(2025, 10, 1), datetime(2026, 4, 1)).map(lambda each: each.replace(tzinfo=UTC))
LOWER, UPPER = ("ge",), ("lt", "eb")


@given(
    start=MOMENTS,
    length=st.timedeltas(timedelta(milliseconds=1), timedelta(days=60)),
    prefixes=st.tuples(st.sampled_from(LOWER), st.sampled_from(UPPER)),
    minutes=st.none() | st.integers(1, 1440),
    chosen=st.lists(st.sampled_from([line["schedule"] for line in LINES]), unique=True),
)
def test_a_search_and_the_query_that_it_becomes_ask_for_the_same_slots(
    six: SiteTables,
    start: datetime,
    length: timedelta,
    prefixes: tuple[str, str],
    minutes: int | None,
    chosen: list[str],
) -> None:
    low, high = window.to_utc_text(start), window.to_utc_text(start + length)
    names = [("start", prefixes[0] + low), ("start", prefixes[1] + high)]
    if minutes is not None:
        names.append(("duration", str(minutes)))
    if chosen:
        names.append(("schedule", ",".join(resource_id(each) for each in chosen)))
    fhir_server = partner.fhir_server(six)
    sought = fhir_server.read(names)
    assert sought.issues == ()
    lines = [line for line in six.own_directory.lines if line["schedule"] in chosen]
    query = fhir_server.write(sought, low, high, 20, lines or None)
    partner.check_query({"Meta": partner.ADDRESS.meta(partner.NOW), **query})
    read = plan(six, query)
    assert (window.to_utc_text(read.span.start), window.to_utc_text(read.span.end)) == (low, high)
    assert read.lengths == (minutes or 20,)
    found = [line["schedule"] for line in read.lines]
    assert set(found) >= set(chosen or found), "what more is asked for is trimmed from the answer"
    if len(chosen) == 1:
        told = {
            key: value
            for key, value in lines[0].items()
            if key in fhir_server.search.columns and key != "location_id"
        }
        assert all(told.items() <= {**told, **dict(each)}.items() for each in read.lines)


# --- every row, both ways ---------------------------------------------------------------------------

GRANITE = {"ID": GRANITE_ID, "IDType": "NPI"}
# A row: a search in FHIR and the part of the Redox query that it becomes.
FROM_FHIR: Mapping[str, tuple[str, Json]] = {
    "StartDateTime": ("start=ge2025-10-22", {"StartDateTime": "2025-10-22T07:00:00.000Z"}),
    "EndDateTime": ("start=lt2025-10-24", {"EndDateTime": "2025-10-24T07:00:00.000Z"}),
    "end of the window": ("end=2025-10-24", {"EndDateTime": "2025-10-24T07:00:00.000Z"}),
    "Visit.VisitPreference.Duration": (
        "duration=40",
        {"VisitPreference": [{"Duration": "40", "DurationUnit": "minutes"}]},
    ),
    "unit written to Redox": (
        "duration=40",
        {"VisitPreference": [{"Duration": "40", "DurationUnit": "minutes"}]},
    ),
    "only free slots": ("status=free", {}),
    "the schedule asked": (
        f"schedule={WING}",
        {"Locations": [{"Facility": "Lakeside", "Department": "Sports Medicine"}]},
    ),
    "schedules of a practitioner": (
        "schedule.actor=Practitioner/slate",
        {"AttendingProviders.0.ID": "1987654321"},
    ),
    "schedules at a place": ("schedule.actor=Location/{wing}", {"Locations.0.Facility": "Lakeside"}),
    "schedules of a provider by identifier": (
        "schedule.actor:Practitioner.identifier=1987654321",
        {"AttendingProviders.0.ID": "1987654321"},
    ),
    "Visit.VisitType.Code": ("service-type=308335008", {"VisitType.0.Code": "210"}),
    "codeset written to Redox": ("service-type=308335008", {"VisitType.0.Codeset": "DNER15"}),
    "Visit.AttendingProviders.ID": (f"schedule={NORTH_SLATE}", {"AttendingProviders.0.ID": "1987654321"}),
    "ID type written to Redox": (f"schedule={NORTH_SLATE}", {"AttendingProviders.0.IDType": "NPI"}),
    "Visit.AttendingProviders.FirstName": (
        f"schedule={NORTH_SLATE}",
        {"AttendingProviders.0.FirstName": "Sam"},
    ),
    "Visit.AttendingProviders.LastName": (
        f"schedule={NORTH_SLATE}",
        {"AttendingProviders.0.LastName": "Slate"},
    ),
    "Visit.Locations.Facility": (f"schedule={NORTH_SLATE}", {"Locations.0.Facility": "RES General Hospital"}),
    "Visit.Locations.Department": (f"schedule={NORTH_SLATE}", {"Locations.0.Department": "3N"}),
    "Visit.Locations.Room": (f"schedule={NORTH_SLATE}", {"Locations.0.Room": "138"}),
    "Visit.Locations.ID": (f"schedule={NORTH_SLATE}", {"Locations.0.ID": "loc-1"}),
}
# A row: a part of a Redox query, and what it chooses or asks for in FHIR.
FROM_REDOX: Mapping[str, tuple[Json, Any]] = {
    "StartDateTime": ({}, ("start", "ge2025-10-22T07:00:00.000Z")),
    "EndDateTime": ({}, ("start", "lt2025-10-23T07:00:00.000Z")),
    "Visit.VisitPreference.Duration": (
        {"VisitPreference": [{"Duration": "1", "DurationUnit": "hour"}]},
        ("duration", "60"),
    ),
    "Visit.VisitPreference.Day": ({"VisitPreference": [{"Day": ["Tues"]}]}, frozenset({1})),
    "Visit.VisitPreference.Time": ({"VisitPreference": [{"Time": ["1000"]}]}, frozenset({600})),
    "only free slots": ({}, ("status", "free")),
    # Where nobody has a specialty, that of a place is looked for among the names of places.
    "Visit.Locations.SpecialtyDepartment.Code": (
        {"Locations": [{"SpecialtyDepartment": {"Code": "lakeside"}}]},
        [WING],
    ),
    "the schedule asked": ({"Locations": [{"Room": "138"}]}, ("schedule", f"Schedule/{NORTH_SLATE}")),
    "Visit.VisitType.Code": (
        {"VisitType": [{"Code": "210", "Codeset": "DNER15"}]},
        ("service-type", "http://snomed.info/sct|308335008"),
    ),
    "Visit.AttendingProviders.ID": ({"AttendingProviders": [GRANITE]}, [NORTH_GRANITE, SOUTH_GRANITE]),
    "Visit.AttendingProviders.FirstName": ({"AttendingProviders": [{"FirstName": "Sam"}]}, [NORTH_SLATE]),
    "Visit.AttendingProviders.LastName": ({"AttendingProviders": [{"LastName": "Slate"}]}, [NORTH_SLATE]),
    "Visit.AttendingProviders.Location.Facility": (
        {"AttendingProviders": [{**GRANITE, "Location": {"Facility": "Juniper Street Clinic"}}]},
        [SOUTH_GRANITE],
    ),
    "Visit.AttendingProviders.Location.Department": (
        {"AttendingProviders": [{**GRANITE, "Location": {"Department": "3N"}}]},
        [NORTH_GRANITE],
    ),
    "Visit.AttendingProviders.Location.Room": (
        {"AttendingProviders": [{**GRANITE, "Location": {"Room": "2"}}]},
        [SOUTH_GRANITE],
    ),
    "Visit.Locations.Facility": ({"Locations": [{"Facility": "Lakeside"}]}, [WING]),
    "Visit.Locations.Department": ({"Locations": [{"Department": "Family Medicine"}]}, [SOUTH_GRANITE]),
    "Visit.Locations.Room": ({"Locations": [{"Room": "136"}]}, [NORTH_GRANITE]),
    "Visit.Locations.ID": ({"Locations": [{"ID": "loc-2"}]}, [SOUTH_GRANITE]),
    "Meta.FacilityCode": ({"Meta": {"FacilityCode": "Lakeside"}}, [WING]),
}


def test_no_row_is_left_out(mapping: SiteTables) -> None:
    rows = mapping.tables[QUERY].rows
    assert {row.key for row in rows if row.to_redox} == set(FROM_FHIR)
    assert {row.key for row in rows if row.to_fhir} == set(FROM_REDOX)


@pytest.mark.parametrize("row", FROM_FHIR)
def test_each_row_from_fhir_to_redox(mapping: SiteTables, row: str) -> None:
    asked, expected = FROM_FHIR[row]
    where = partner.site(mapping)
    (wing,) = Search(where, "Location?name=Lakeside").resources()
    query = Search(where, f"Slot?{asked.format(wing=wing['id'])}").query
    for path, value in expected.items():
        place: Any = query if path in query else query["Visit"]
        for step in path.split("."):
            place = place[int(step)] if step.isdigit() else place[step]
        assert place == value


@pytest.mark.parametrize("row", FROM_REDOX)
def test_each_row_from_redox_to_fhir(mapping: SiteTables, row: str) -> None:
    visit, expected = FROM_REDOX[row]
    meta = {"DataModel": "Scheduling", "EventType": "AvailableSlots", **visit.get("Meta", {})}
    days = {"StartDateTime": "2025-10-22", "EndDateTime": "2025-10-22"}
    rest = {name: value for name, value in visit.items() if name != "Meta"}
    message = clinic.read({"Meta": meta, **days, "Visit": rest})
    flow = flows.available_slots(message, partner.flow_rules(providers_by_name=True), mapping, partner.NOW)
    asked = next(flow)
    calls = [dict(call.params) for call in asked.calls]
    pairs = {pair for call in asked.calls for pair in call.params}
    if isinstance(expected, tuple):
        assert expected in pairs
    elif isinstance(expected, frozenset):
        read = mapping.read_query(message.body).preferences[0]
        assert expected in (read.days, read.times)
    else:
        (call,) = calls
        assert sorted(call["schedule"].split(",")) == [f"Schedule/{each}" for each in expected]


def test_redox_is_told_a_length_and_whose_and_a_flow_of_ours_only_what_the_search_names(
    mapping: SiteTables, tmp_path: Any
) -> None:
    clinic.tables(tmp_path)
    ours = clinic.Tables(tmp_path).fhir_server(clinic.Wanted("clinic", "fhir-r4", clinic.ZONE.key))
    redox = partner.fhir_server(mapping)
    line = {"schedule": "a", "provider_id": "1"}
    length = {"VisitPreference": [{"Duration": "20", "DurationUnit": "minutes"}]}
    told = {"StartDateTime": "A", "EndDateTime": "B"}
    plain = redox.read([])
    assert redox.write(plain, "A", "B", 20, [line]) == {
        **told,
        "Visit": {**length, "AttendingProviders": [{"ID": "1"}]},
    }
    assert ours.write(plain, "A", "B", 20, [line]) == told
    assert ours.write(redox.read([("duration", "20")]), "A", "B", 15, [line]) == {**told, "Visit": length}
    assert (redox.unaskable([{"schedule": "a"}]), ours.unaskable([{"schedule": "a"}])) == (("a",), ())
