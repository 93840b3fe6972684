"""Searches for slots by FHIR clients, as transcripts: the Redox query that each becomes, and the Bundle."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.core import fhir
from gateway.core.errors import InvalidMessage, NotKnownHere
from gateway.core.fhir_flows import FhirSite
from gateway.tables.answer.site import SiteTables
from tests import partner
from tests.partner import (
    BARE,
    GRANITE,
    GRANITE_ID,
    NORTH_GRANITE,
    NORTH_SLATE,
    ROOM_2,
    ROOM_136,
    ROOM_138,
    SLATE,
    SOUTH_GRANITE,
    VIRTUAL,
    WING,
    Json,
    Search,
    network,
    refused,
    slot,
)

DAY = "2025-10-22"
MIDNIGHT, NEXT = "2025-10-22T07:00:00.000Z", "2025-10-23T07:00:00.000Z"
WINDOW = "start=2025-10-22&end=2025-10-23"


@pytest.fixture(scope="session")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return partner.tables(tmp_path_factory.mktemp("partner"))


@pytest.fixture(scope="session")
def where(mapping: SiteTables) -> FhirSite:
    return partner.site(mapping)


# --- when -------------------------------------------------------------------------------------------

NINE = "2025-10-22T09:00:00-07:00"
AT_NINE, AFTER_NINE = "2025-10-22T16:00:00.000Z", "2025-10-22T16:00:01.000Z"  # a second is a range too
BOUNDS = [
    # Lower bounds; without an end, the site's seven days.
    ("start=ge2025-10-22", MIDNIGHT, "2025-10-29T07:00:00.000Z"),
    ("start=gt2025-10-22", NEXT, "2025-10-30T07:00:00.000Z"),
    ("start=sa2025-10-22", NEXT, "2025-10-30T07:00:00.000Z"),
    (f"start=ge{NINE}", AT_NINE, "2025-10-29T16:00:00.000Z"),
    (f"start=gt{NINE}", AFTER_NINE, "2025-10-29T16:00:01.000Z"),
    (f"start=sa{NINE}", AFTER_NINE, "2025-10-29T16:00:01.000Z"),
    # A year, a month, a minute, a millisecond: each is the whole of it.
    ("start=ge2025&start=lt2025-02", "2025-01-01T08:00:00.000Z", "2025-02-01T08:00:00.000Z"),
    ("start=eq2025-11", "2025-11-01T07:00:00.000Z", "2025-12-01T08:00:00.000Z"),
    ("start=eq2025-10-22T09:00-07:00", AT_NINE, "2025-10-22T16:01:00.000Z"),
    ("start=gt2025-10-22T09:00-07:00", "2025-10-22T16:01:00.000Z", "2025-10-29T16:01:00.000Z"),
    ("start=eq2025-10-22T09:00:00.250-07:00", "2025-10-22T16:00:00.250Z", "2025-10-22T16:00:00.251Z"),
    # The whole day, or the very second; so without a prefix.
    ("start=2025-10-22", MIDNIGHT, NEXT),
    ("start=2025-11", "2025-11-01T07:00:00.000Z", "2025-12-01T08:00:00.000Z"),
    (f"start={NINE}", AT_NINE, AFTER_NINE),
    ("start=2025-10-22&start=lt2025-10-25", MIDNIGHT, NEXT),
    ("start=eq2025-10-22", MIDNIGHT, NEXT),
    (f"start=eq{NINE}", AT_NINE, AFTER_NINE),
    # Upper bounds; without a start, now.
    ("start=lt2025-10-22", "2025-10-21T19:00:28.000Z", MIDNIGHT),
    ("start=eb2025-10-22", "2025-10-21T19:00:28.000Z", MIDNIGHT),
    ("start=le2025-10-22", "2025-10-21T19:00:28.000Z", NEXT),
    (f"start=lt{NINE}", "2025-10-21T19:00:28.000Z", AT_NINE),
    (f"start=le{NINE}", "2025-10-21T19:00:28.000Z", AFTER_NINE),
    # Both; of several the narrowest.
    ("start=ge2025-10-22&start=lt2025-10-23", MIDNIGHT, NEXT),
    ("start=ge2025-10-20&start=ge2025-10-22&start=lt2025-10-25&start=le2025-10-22", MIDNIGHT, NEXT),
    # Offsets in every spelling, the plus of one not escaped.
    ("start=ge2025-10-22T16:00:00Z&start=lt2025-10-22T19:00:00%2B02:00", AT_NINE, "2025-10-22T17:00:00.000Z"),
    ("start=ge2025-10-22T16:00:00Z&start=lt2025-10-22T19:00:00+02:00", AT_NINE, "2025-10-22T17:00:00.000Z"),
    ("start=ge2025-10-22T18:00+0200&start=lt2025-10-22T19:00:00.5+0200", AT_NINE, "2025-10-22T17:00:00.500Z"),
    # The clocks go back on 2 November: the day has 25 hours.
    ("start=eq2025-11-02", "2025-11-02T07:00:00.000Z", "2025-11-03T08:00:00.000Z"),
    # Canvas's own: the end not included, and beside it a start without a prefix is the first; defaults: now,
    # and the site's seven days.
    (WINDOW, MIDNIGHT, NEXT),
    ("", "2025-10-21T19:00:28.000Z", "2025-10-28T19:00:28.000Z"),
    ("end=2025-10-23", "2025-10-21T19:00:28.000Z", NEXT),
    ("start=&end=2025-10-23", "2025-10-21T19:00:28.000Z", NEXT),
    ("end=2025-10-23&start=2025-10-22", MIDNIGHT, NEXT),
    ("start=2025-10-22&end=2025-10-24&start=lt2025-10-23", MIDNIGHT, NEXT),
    (f"start=2025-10-22&end={NINE}", MIDNIGHT, AT_NINE),
    ("start=2025-10-22&end=2025-10-22T09:00-07:00", MIDNIGHT, AT_NINE),
    ("start=2025-10-22&end=", MIDNIGHT, NEXT),
    # With a prefix it is the end of the slot; the longest begins a day before.
    ("start=2025-10-22&end=lt2025-10-23", MIDNIGHT, NEXT),
    ("start=2025-10-22&end=eb2025-10-23", MIDNIGHT, NEXT),
    ("start=2025-10-22&end=le2025-10-22", MIDNIGHT, NEXT),
    ("start=2025-10-22&end=eq2025-10-22", MIDNIGHT, NEXT),
    (f"start=2025-10-22&end=le{NINE}", MIDNIGHT, AFTER_NINE),
    ("start=2025-10-22&end=ge2025-10-22", MIDNIGHT, "2025-10-29T07:00:00.000Z"),
    ("end=ge2025-10-25", "2025-10-24T07:00:00.000Z", "2025-10-31T07:00:00.000Z"),
    ("end=gt2025-10-21", "2025-10-21T19:00:28.000Z", "2025-10-28T19:00:28.000Z"),
    ("end=sa2025-10-25&end=le2025-10-26", "2025-10-25T07:00:00.000Z", "2025-10-27T07:00:00.000Z"),
]


@pytest.mark.parametrize(("asked", "low", "high"), BOUNDS)
def test_the_window_by_every_prefix(where: FhirSite, asked: str, low: str, high: str) -> None:
    search = Search(where, f"Slot?{asked}")
    assert search.query == {"StartDateTime": low, "EndDateTime": high}
    # What was asked stays as it is; the bound that was not asked for is spelt out.
    link = search.link("self") or ""
    given, told = (set(parse_qsl(urlsplit(each).query)) for each in (f"?{asked.replace('+', '%2B')}", link))
    assert given < told <= given | {("start", f"ge{low}"), ("start", f"lt{high}"), ("_count", "100")}
    assert Search(where, link, strict=True).query == search.query


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("start=ne2025-10-22", "start: the comparison ne cannot be asked here; write eq, ge, gt, sa"),
        ("start=ap2025-10-22", "start: the comparison ap cannot be asked here; write eq, ge"),
        ("start=tomorrow", 'start: "tomorrow" is not a date and time'),
        ("start=ge", 'start: "ge" is not a date and time'),
        ("start=2025-10-22,2025-10-24", "start: a comma means one or the other"),
        ("start=2025-10-32", 'start: "2025-10-32" is not on the calendar'),
        ("end=ne2025-10-22", "end: the comparison ne cannot be asked here; write eq, ge"),
        ("end=soon", 'end: "soon" is not a date and time'),
        ("end=2025-10-22,2025-10-23", "end: a comma means one or the other"),
        ("start=2025-10-22&end=2026-01-22", "start: the window is wider than 62 days"),
        ("duration=soon", 'duration: "soon" is not a length of time'),
        ("duration=0", 'duration: "0" is no length for a visit'),
        ("duration=20,30", "duration: ask for one length at a time"),
        ("_count=many", "_count: must be a whole number"),
        ("_count=-1", "_count: must be a whole number"),
        ("_cursor=x", "_cursor: is not from a link of this server"),
        ("_cursor=3~0~~", "_cursor: is not from a link of this server"),
        ("_cursor=3~0~~a", "_cursor: is not from a link of this server"),
        ("_cursor=3~1~yesterday~a", "_cursor: is not from a link of this server"),
        ("_cursor=3~1~1999-01-01T00:00:00.000Z~a", "_cursor: is not from a link of this server"),
        ("schedule=Practitioner/granite", "schedule: not a reference to a Schedule"),
        ("schedule:missing=true", "schedule:missing: this modifier is not supported; known: schedule"),
        ("schedule.actor:Location.name=x", "schedule.actor:Location.name: this modifier is not supported"),
    ],
)
def test_what_cannot_be_read_is_refused(where: FhirSite, asked: str, text: str) -> None:
    error = refused(where, f"Slot?{asked}")
    assert isinstance(error, InvalidMessage)
    assert str(error.issues[0]).startswith(text)


@pytest.mark.parametrize(
    "asked", ["start=ge2025-10-23&start=lt2025-10-22", "start=gt2025-10-23&start=lt2025-10-24"]
)
def test_bounds_that_exclude_each_other_find_nothing(where: FhirSite, asked: str) -> None:
    search = Search(where, f"Slot?{asked}")
    assert (search.calls, search.body["total"]) == ((), 0)
    (warning,) = search.warnings
    assert "before it begins" in warning
    search = Search(where, "Slot?end=gt2025-10-23&end=lt2025-10-22")
    assert (search.calls, search.body["total"]) == ((), 0)
    assert search.warnings == [
        "end: no slot ends both before and after what is asked for: none is found by it"
    ]


def test_beside_a_length_a_start_without_a_prefix_is_the_first(where: FhirSite) -> None:
    search = Search(where, "Slot?start=2025-10-22&duration=30")
    week = {"StartDateTime": MIDNIGHT, "EndDateTime": "2025-10-29T07:00:00.000Z"}
    half_an_hour = {"VisitPreference": [{"Duration": "30", "DurationUnit": "minutes"}]}
    assert search.query == {**week, "Visit": half_an_hour}


@pytest.mark.parametrize(
    ("end", "minutes"),
    [
        ("end=le2025-10-22T09:20:00-07:00", [15, 20]),
        ("end=lt2025-10-22T09:20:00-07:00", [15]),
        ("end=ge2025-10-22T09:20:00-07:00", [20, 30]),
        ("end=gt2025-10-22T09:20:00-07:00", [30]),
        ("end=eq2025-10-22T09:20:00-07:00", [20]),
        ("end=gt2025-10-22T09:15:00-07:00&end=lt2025-10-22T09:30:00-07:00", [20]),
        ("end=2025-10-22T09:20:00-07:00", [15, 20, 30]),
    ],
)
def test_an_end_with_a_prefix_is_that_of_the_slot(where: FhirSite, end: str, minutes: list[int]) -> None:
    answer = partner.saying(partner.answered(*(slot(AT_NINE, each) for each in (15, 20, 30))))
    search = Search(where, f"Slot?start={DAY}&{end}", answer)
    assert [int(each["id"].split(".")[3]) for each in search.resources()] == minutes
    assert search.body["total"] == len(minutes)
    again = Search(where, search.link("self") or "", answer)
    assert again.body == search.body
    by_id = Search(where, f"Slot?_id={','.join(each['id'] for each in search.resources())}&{end}", answer)
    assert len(by_id.resources()) == len(minutes)


def test_every_fault_is_told_at_once(where: FhirSite) -> None:
    error = refused(where, "Slot?start=soon&duration=long&schedule=Patient/1&start=ne2025-10-22")
    assert [issue.path for issue in error.issues] == ["start", "duration", "schedule", "start"]


def test_a_search_of_the_past_asks_nobody(where: FhirSite) -> None:
    search = Search(where, "Slot?start=lt2020-01-01")
    assert (search.calls, search.body["total"]) == ((), 0)
    assert "the search ends before now" in search.warnings[0]


def test_slots_outside_the_window_are_left_out(where: FhirSite) -> None:
    slots = [slot("2025-10-22T06:59:59.999Z"), slot(MIDNIGHT), slot("2025-10-23T06:59:00.000Z"), slot(NEXT)]
    search = Search(where, f"Slot?{WINDOW}", partner.saying(partner.answered(*slots)))
    assert search.starts == ["2025-10-22T00:00:00-07:00", "2025-10-22T23:59:00-07:00"]
    assert search.reply.counts["outside"] == 2


def test_a_length_that_is_asked_for_trims_and_the_default_does_not(
    where: FhirSite, mapping: SiteTables
) -> None:
    answer = partner.saying(partner.answered(slot(MIDNIGHT, 15), slot(AT_NINE, 30), slot(AT_NINE, 45)))
    default = Search(where, f"Slot?{WINDOW}", answer)
    assert "Visit" not in default.query
    assert len(default.resources()) == 3
    asked = Search(where, f"Slot?{WINDOW}&duration=30", answer)
    assert asked.query["Visit"] == {"VisitPreference": [{"Duration": "30", "DurationUnit": "minutes"}]}
    assert [each["end"] for each in asked.resources()] == [
        "2025-10-22T09:30:00-07:00",
        "2025-10-22T09:45:00-07:00",
    ]
    own = Search(partner.site(mapping, asked_minutes=20), f"Slot?{WINDOW}", answer)
    assert own.query["Visit"] == {"VisitPreference": [{"Duration": "20", "DurationUnit": "minutes"}]}
    assert len(own.resources()) == 3


# --- which slots ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "asks"),
    [
        ("status=free", True),
        ("status=free,busy", True),
        ("status=http://hl7.org/fhir/slotstatus|free", True),
        ("status=busy", False),
        ("status=busy,busy-tentative", False),
        ("status=free&status=busy", False),
    ],
)
def test_status(where: FhirSite, status: str, asks: bool) -> None:
    search = Search(where, f"Slot?{WINDOW}&{status}", network([slot(AT_NINE)]))
    assert (len(search.calls), search.body["total"]) == (int(asks), int(asks))
    assert search.warnings == []


@pytest.mark.parametrize(
    "spelt",
    [
        NORTH_GRANITE,
        f"Schedule/{NORTH_GRANITE}",
        f"{partner.BASE}/Schedule/{NORTH_GRANITE}",
        f"Schedule/{NORTH_GRANITE}/_history/2",
    ],
)
def test_a_schedule_in_every_spelling(where: FhirSite, spelt: str) -> None:
    slots = [slot(AT_NINE), slot(AT_NINE, of=NORTH_SLATE), slot(AT_NINE, of=SOUTH_GRANITE)]
    search = Search(where, f"Slot?{WINDOW}&schedule={spelt}", network(slots))
    assert search.query["Visit"] == {"AttendingProviders": [GRANITE], "Locations": [ROOM_136]}
    assert [each["schedule"] for each in search.resources()] == [{"reference": f"Schedule/{NORTH_GRANITE}"}]


def test_several_schedules_are_one_query_and_the_answer_is_trimmed_to_them(where: FhirSite) -> None:
    slots = [slot(AT_NINE, of=each) for each in (NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE)]
    search = Search(where, f"Slot?{WINDOW}&schedule={NORTH_SLATE},Schedule/{SOUTH_GRANITE}", network(slots))
    assert search.query["Visit"]["AttendingProviders"] == [GRANITE, SLATE]
    assert search.query["Visit"]["Locations"] == [ROOM_2, ROOM_138]
    found = {each["schedule"]["reference"] for each in search.resources()}
    assert found == {f"Schedule/{NORTH_SLATE}", f"Schedule/{SOUTH_GRANITE}"}


@pytest.mark.parametrize(
    ("asked", "schedules"),
    [
        ("schedule.actor=Practitioner/granite", [NORTH_GRANITE, SOUTH_GRANITE]),
        ("schedule.actor=granite", [NORTH_GRANITE, SOUTH_GRANITE]),
        (
            f"schedule.actor:Practitioner.identifier=http://hl7.org/fhir/sid/us-npi|{GRANITE_ID}",
            [NORTH_GRANITE, SOUTH_GRANITE],
        ),
        (f"schedule.actor:Practitioner.identifier={GRANITE_ID}", [NORTH_GRANITE, SOUTH_GRANITE]),
        (
            "schedule.actor=Practitioner/granite,Practitioner/slate",
            [NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE],
        ),
        (f"schedule.actor=Practitioner/granite&schedule={NORTH_SLATE},{NORTH_GRANITE}", [NORTH_GRANITE]),
        # R4, chaining: with the types of the references.
        (f"schedule:Schedule={NORTH_SLATE}", [NORTH_SLATE]),
        ("schedule:Schedule.actor=Practitioner/slate", [NORTH_SLATE]),
        (
            f"schedule:Schedule.actor:Practitioner.identifier=http://hl7.org/fhir/sid/us-npi|{GRANITE_ID},9",
            [NORTH_GRANITE, SOUTH_GRANITE],
        ),
        ("schedule.actor:Practitioner=granite", [NORTH_GRANITE, SOUTH_GRANITE]),
        (
            "schedule:Schedule.actor:Practitioner=slate,Practitioner/granite",
            [NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE],
        ),
        ("schedule:Schedule.actor:Practitioner._id=epic|slate", [NORTH_SLATE]),
    ],
)
def test_schedules_by_who_works_on_them(where: FhirSite, asked: str, schedules: list[str]) -> None:
    slots = [slot(AT_NINE, of=each) for each in (NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE)]
    search = Search(where, f"Slot?{WINDOW}&{asked}", network(slots))
    assert sorted(each["schedule"]["reference"].partition("/")[2] for each in search.resources()) == schedules
    assert len(search.calls) == 1
    assert all("nobody" in each or '"9"' in each for each in search.warnings)


def test_schedules_by_where_they_are(where: FhirSite) -> None:
    (place,) = Search(where, "Location?name=juniper").resources()
    for spelt in (
        f"schedule.actor=Location/{place['id']}",
        f"schedule:Schedule.actor:Location={place['id']}",
        f"schedule:Schedule.actor:Location._id=epic|{place['id']}",
    ):
        search = Search(where, f"Slot?{WINDOW}&{spelt}", network([slot(AT_NINE, of=SOUTH_GRANITE)]))
        assert search.query["Visit"] == {"AttendingProviders": [GRANITE], "Locations": [ROOM_2]}
        assert len(search.resources()) == 1


@pytest.mark.parametrize("name", ["schedule", "schedule.actor", "schedule.actor:Practitioner.identifier"])
def test_what_nobody_knows_is_told_and_brings_nothing(where: FhirSite, name: str) -> None:
    search = Search(where, f"Slot?{WINDOW}&{name}=nobody")
    assert (search.calls, search.body["total"]) == ((), 0)
    (warning,) = search.warnings
    assert '"nobody" is known at this site' in warning


def test_one_unknown_schedule_among_known_ones_is_told(where: FhirSite) -> None:
    search = Search(where, f"Slot?{WINDOW}&schedule={NORTH_GRANITE},nobody", network([slot(AT_NINE)]))
    assert search.body["total"] == 1
    assert search.warnings == ['no schedule "nobody" is known at this site']


def test_schedules_that_lack_a_provider_or_a_place(where: FhirSite) -> None:
    """What is asked for must not leave out the slots of a schedule that has only the other of the two."""
    alone = Search(where, f"Slot?{WINDOW}&schedule={VIRTUAL}", network([slot(AT_NINE, of=VIRTUAL)]))
    jo = {"ID": "BH-0007", "IDType": "Cerner ID", "FirstName": "Jo", "LastName": "Marsh"}
    assert alone.query["Visit"] == {"AttendingProviders": [jo]}
    assert len(alone.resources()) == 1
    lakeside = {"Facility": "Lakeside", "Department": "Sports Medicine"}
    placed = Search(where, f"Slot?{WINDOW}&schedule={WING},{NORTH_SLATE}", network([slot(AT_NINE, of=WING)]))
    assert placed.query["Visit"] == {"Locations": [lakeside, ROOM_138]}
    assert len(placed.resources()) == 1
    neither = Search(
        where, f"Slot?{WINDOW}&schedule={WING},{VIRTUAL}", network([slot(AT_NINE, of=WING), slot(AT_NINE)])
    )
    assert "Visit" not in neither.query
    assert [each["schedule"]["reference"] for each in neither.resources()] == [f"Schedule/{WING}"]


def test_a_schedule_of_which_nothing_is_known_cannot_be_asked_for(where: FhirSite) -> None:
    bare = fhir.resource_id(BARE)
    error = refused(where, f"Slot?schedule=Schedule/{bare}")
    assert isinstance(error, NotKnownHere)
    assert str(error.issues[0]).startswith(f'schedules.csv: "{BARE}" cannot be asked for')
    search = Search(where, f"Slot?{WINDOW}&schedule={bare},{NORTH_GRANITE}", network([slot(AT_NINE)]))
    assert search.query["Visit"]["AttendingProviders"] == [GRANITE]
    assert len(search.resources()) == 1
    assert "total" not in search.body
    assert any("cannot be asked for" in each for each in search.warnings)
    assert any(each.startswith("not all open slots") for each in search.warnings)


def test_more_schedules_than_the_site_asks_for_are_asked_for_as_all(mapping: SiteTables) -> None:
    where = partner.site(mapping, max_schedules=1)
    asked = f"Slot?{WINDOW}&schedule={NORTH_GRANITE},{NORTH_SLATE}"
    search = Search(where, asked, network([slot(AT_NINE), slot(AT_NINE, of=SOUTH_GRANITE)]))
    assert "Visit" not in search.query
    assert [each["schedule"]["reference"] for each in search.resources()] == [f"Schedule/{NORTH_GRANITE}"]


@pytest.mark.parametrize(
    ("tokens", "types"),
    [
        ("http://snomed.info/sct|308335008", [{"Code": "210", "Codeset": "DNER15"}]),
        ("308335008", [{"Code": "210", "Codeset": "DNER15"}]),
        ("follow-up", [{"Code": "FU"}]),
        ("|follow-up", [{"Code": "FU"}]),
        ("follow-up,308335008", [{"Code": "FU"}, {"Code": "210", "Codeset": "DNER15"}]),
        ("308335008,follow-up,308335008", [{"Code": "210", "Codeset": "DNER15"}, {"Code": "FU"}]),
    ],
)
def test_service_types_go_through_the_code_table(where: FhirSite, tokens: str, types: list[Json]) -> None:
    search = Search(where, f"Slot?{WINDOW}&service-type={tokens}")
    assert search.query["Visit"] == {"VisitType": types}
    assert search.warnings == []


def test_a_service_type_that_no_table_has(where: FhirSite, tmp_path: Any) -> None:
    nothing = Search(where, f"Slot?{WINDOW}&service-type=dance")
    assert (nothing.calls, nothing.resources(), nothing.body["total"]) == ((), [], 0)
    (warning,) = nothing.warnings
    assert warning.startswith('service-type: "dance" has no line in the code table visit-types; known:')
    beside = Search(where, f"Slot?{WINDOW}&service-type=dance,follow-up")
    assert beside.query["Visit"] == {"VisitType": [{"Code": "FU"}]}
    assert len(beside.warnings) == 1
    layer = "over: available-slots.query\nrows:\n  - row: Visit.VisitType.Code\n    unmapped: pass\n"
    site = partner.site(partner.tables(tmp_path, query=layer))
    found = Search(site, f"Slot?{WINDOW}&service-type=http://x|dance")
    assert found.query["Visit"] == {"VisitType": [{"Code": "dance"}]}
