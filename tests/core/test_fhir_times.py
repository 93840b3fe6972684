"""Whose days the days of a FHIR search are: those of each schedule, where its zone is not the site's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.assemble.fhir_side import asker
from gateway.core.fhir_flows import FhirSite
from gateway.core.plan import Answer, Call, Outcome
from gateway.tables.build import Tables, Wanted
from tests import clinic, partner
from tests.partner import Json, Search, network, refused

WEST, EAST, TOKYO = "west", "east", "tokyo"
CSV = f"""\
schedule,provider_id,provider_id_type,last_name,facility,timezone
{WEST},1,NPI,Granite,North,
{EAST},2,NPI,Slate,South,America/New_York
{TOKYO},3,NPI,Marsh,Far,Asia/Tokyo
"""
OF = {
    WEST: {
        "Provider": {"ID": "1", "IDType": "NPI", "LastName": "Granite"},
        "Location": {"Facility": "North"},
    },
    EAST: {"Provider": {"ID": "2", "IDType": "NPI", "LastName": "Slate"}, "Location": {"Facility": "South"}},
    TOKYO: {"Provider": {"ID": "3", "IDType": "NPI", "LastName": "Marsh"}, "Location": {"Facility": "Far"}},
}
# The site's zone is that of Los Angeles: on 22 October its day begins at 07:00Z, in New York at 04:00Z, in
# Tokyo at 15:00Z of the day before.
FIRST, LAST = {WEST: "22T07", EAST: "22T04", TOKYO: "21T15"}, {WEST: "23T06", EAST: "23T03", TOKYO: "22T14"}


def slot(day_and_hour: str, of: str, minutes: int = 20) -> Json:
    return {"DateTime": f"2025-10-{day_and_hour}:00:00.000Z", "Duration": minutes, **OF[of]}


EVERY_HOUR = [slot(f"{day}T{hour:02}", of) for of in OF for day in range(20, 26) for hour in range(24)]


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> FhirSite:
    return partner.site(partner.tables(tmp_path_factory.mktemp("partner"), csv=CSV), now=partner.NOW)


def found(search: Search) -> dict[str, tuple[str, str, int]]:
    """Of each schedule the first and last slot in UTC, as 22T07, and how many there are."""
    times: dict[str, list[str]] = {}
    for each in search.resources():
        of = each["schedule"]["reference"].removeprefix("Schedule/")
        utc = each["id"].partition("2025-10-")[2][:5]
        times.setdefault(of, []).append(utc)
    return {of: (min(each), max(each), len(each)) for of, each in times.items()}


def days(first: dict[str, str], last: dict[str, str], number: int) -> dict[str, tuple[str, str, int]]:
    return {of: (first[of], last[of], number) for of in OF}


ONE = days(FIRST, LAST, 24)


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        ("start=2025-10-22", ONE),
        ("start=eq2025-10-22", ONE),
        ("start=ge2025-10-22&start=lt2025-10-23", ONE),
        ("start=ge2025-10-22&start=le2025-10-22", ONE),
        ("start=gt2025-10-21&start=eb2025-10-23", ONE),
        ("start=2025-10-22&end=2025-10-23", ONE),
        ("start=2025-10-22&end=2025-10-23&duration=20", ONE),
        # A time of the wall is that of the clinic, too.
        ("start=ge2025-10-22T00:00&start=lt2025-10-23T00:00", ONE),
        # An instant is the same for all.
        (
            "start=ge2025-10-22T07:00:00Z&start=lt2025-10-23T07:00:00Z",
            dict.fromkeys(OF, ("22T07", "23T06", 24)),
        ),
        # One of each: the day begins where the schedule is, the end is one instant.
        (
            "start=ge2025-10-22&start=lt2025-10-22T16:00:00Z",
            {WEST: ("22T07", "22T15", 9), EAST: ("22T04", "22T15", 12), TOKYO: ("21T15", "22T15", 25)},
        ),
        # What is over for one is not for another.
        (
            "start=ge2025-10-22&start=lt2025-10-22T06:00:00Z",
            {EAST: ("22T04", "22T05", 2), TOKYO: ("21T15", "22T05", 15)},
        ),
        # When a slot ends: the last of the day before lasts into this one.
        ("start=ge2025-10-21&end=eq2025-10-22", ONE),
    ],
)
def test_a_day_is_that_of_the_schedule(where: FhirSite, asked: str, right: dict[str, object]) -> None:
    search = Search(where, f"Slot?{asked}&_count=500", network(EVERY_HOUR))
    assert found(search) == right
    assert search.body["total"] == len(search.resources())
    assert search.warnings == []


@pytest.mark.parametrize("of", list(OF))
def test_one_schedule_alone_is_asked_for_its_own_day(where: FhirSite, of: str) -> None:
    search = Search(where, f"Slot?start=2025-10-22&schedule={of}", network(EVERY_HOUR))
    assert found(search) == {of: ONE[of]}
    assert search.query["StartDateTime"] == f"2025-10-{FIRST[of]}:00:00.000Z"


def test_all_of_them_are_asked_for_at_once(where: FhirSite) -> None:
    search = Search(where, "Slot?start=2025-10-22", network(EVERY_HOUR))
    assert search.query["StartDateTime"] == "2025-10-21T15:00:00.000Z"
    assert search.query["EndDateTime"] == "2025-10-23T07:00:00.000Z"


def test_a_month_is_that_of_the_schedule(where: FhirSite) -> None:
    search = Search(where, f"Slot?start=2025-11&schedule={TOKYO}", network([]))
    assert search.query["StartDateTime"] == "2025-10-31T15:00:00.000Z"
    assert search.query["EndDateTime"] == "2025-11-30T15:00:00.000Z"


def test_a_slot_that_is_asked_for_by_its_id_is_of_its_own_day(where: FhirSite) -> None:
    early = Search(where, f"Slot?start=2025-10-22&schedule={EAST}", network(EVERY_HOUR)).resources()[0]["id"]
    for day, number in (("21", 0), ("22", 1)):
        search = Search(where, f"Slot?_id={early}&start=2025-10-{day}", network(EVERY_HOUR))
        assert len(search.resources()) == number, day


@pytest.mark.parametrize("sort", ["", "&_sort=-start"])
@pytest.mark.parametrize(
    "asked",
    ["start=2025-10-22", "start=ge2025-10-22&start=lt2025-10-24", "start=ge2025-10-22", "start=lt2025-10-23"],
)
def test_pages_of_several_zones_are_the_same_slots(where: FhirSite, asked: str, sort: str) -> None:
    def names(search: Search) -> list[str]:
        return [each["id"] for each in search.resources()]

    whole = names(Search(where, f"Slot?{asked}{sort}&_count=900", network(EVERY_HOUR)))
    pages: list[str] = []
    following: str | None = f"Slot?{asked}{sort}&_count=17"
    while following is not None:
        page = Search(where, following, network(EVERY_HOUR), strict=True)
        again = Search(where, page.link("self") or "", network(EVERY_HOUR), strict=True)
        assert names(again) == names(page) and again.link("self") == page.link("self")
        pages += names(page)
        following = page.link("next")
    assert pages == whole and len(whole) > 17


def test_the_sites_limit_is_that_of_its_own_days(where: FhirSite) -> None:
    narrow = replace(where, rules=replace(where.rules, max_window_days=2))
    search = Search(narrow, "Slot?start=ge2025-10-22&start=lt2025-10-24&_count=500", network(EVERY_HOUR))
    assert {of: number for of, (_, _, number) in found(search).items()} == dict.fromkeys(OF, 48)
    assert "wider than 2 days" in str(refused(narrow, "Slot?start=ge2025-10-22&start=lt2025-10-25"))


def test_an_ehr_is_asked_for_the_days_of_every_zone(tmp_path: Path) -> None:
    made = clinic.tables(tmp_path, "fhir-r4", "schedule,timezone\neast,America/New_York\n")
    server = Tables(tmp_path).fhir_server(Wanted("clinic", "fhir-r4", clinic.ZONE.key))
    tables = replace(made, fhir_server=server)
    slots = [
        clinic.slot(f"2025-10-{at}:00:00Z", f"2025-10-{at}:30:00Z", of)
        for of in (WEST, EAST)
        for at in ("22T03", "22T04", "22T06", "22T07", "24T03", "24T04", "24T06", "24T07")
    ]

    def answer(call: Call) -> Outcome:
        schedules = [
            {"resourceType": "Schedule", "id": of, "actor": [{"display": of}]} for of in (WEST, EAST)
        ]
        if call.target != "Slot":
            return Answer(call, (clinic.bundle(*(schedules if call.target == "Schedule" else ())),))
        asked = dict(call.params)["schedule"].split(",")
        return Answer(
            call, (clinic.bundle(*(each for each in slots if each["schedule"]["reference"] in asked)),)
        )

    rules = clinic.rules(max_window_days=2)
    ask = asker(rules, tables, None, clinic.reader(), clinic.NOW)
    ehr = FhirSite(rules, partner.fhir_server(tables), tables, ask)
    search = Search(ehr, "Slot?start=ge2025-10-22&start=lt2025-10-24", answer)
    assert found(search) == {WEST: ("22T07", "24T06", 4), EAST: ("22T04", "24T03", 4)}
