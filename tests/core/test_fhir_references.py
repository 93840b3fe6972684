"""Searches that name a schedule or an actor by reference: this server's own, and another's."""

from __future__ import annotations

import pytest

from gateway.core.fhir_flows import FhirSite
from gateway.tables.answer.site import SiteTables
from tests import partner
from tests.partner import NORTH_GRANITE, SOUTH_GRANITE, Search, network, refused, slot

WINDOW = "start=2025-10-22&end=2025-10-23"
AT_NINE = "2025-10-22T16:00:00.000Z"


@pytest.fixture(scope="session")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return partner.tables(tmp_path_factory.mktemp("partner"))


@pytest.fixture(scope="session")
def where(mapping: SiteTables) -> FhirSite:
    return partner.site(mapping)


HERE, ELSEWHERE = partner.BASE, "http://other.example/fhir"


@pytest.mark.parametrize(
    "value",
    [
        f"{HERE}/Schedule/{NORTH_GRANITE}",
        f"{HERE}/Schedule/{NORTH_GRANITE}/_history/1",
        f"Schedule/{NORTH_GRANITE}/_history/1",
        f"{ELSEWHERE}/Schedule/{SOUTH_GRANITE},{HERE}/Schedule/{NORTH_GRANITE}",
    ],
)
def test_a_schedule_of_this_server_however_it_is_referred_to(where: FhirSite, value: str) -> None:
    slots = [slot(AT_NINE, of=NORTH_GRANITE), slot(AT_NINE, of=SOUTH_GRANITE)]
    search = Search(where, f"Slot?{WINDOW}&schedule={value}", network(slots))
    assert [each["schedule"]["reference"] for each in search.resources()] == [f"Schedule/{NORTH_GRANITE}"]
    assert len(search.warnings) == value.count(ELSEWHERE)


@pytest.mark.parametrize(
    "asked",
    [
        f"schedule={ELSEWHERE}/Schedule/{NORTH_GRANITE}",
        f"schedule={HERE}-other/Schedule/{NORTH_GRANITE}",
        "schedule=urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
        f"schedule.actor={ELSEWHERE}/Practitioner/granite",
        f"schedule={NORTH_GRANITE}&schedule={ELSEWHERE}/Schedule/{NORTH_GRANITE}",
        f"schedule={ELSEWHERE}/Schedule/{NORTH_GRANITE}&_id=x",
    ],
)
def test_a_resource_of_another_server_is_none_of_ours(where: FhirSite, asked: str) -> None:
    search = Search(where, f"Slot?{WINDOW}&{asked}", network([slot(AT_NINE)]))
    assert (search.calls, search.body["total"]) == ((), 0)
    (warning,) = search.warnings
    assert "is of another server, so nothing here is meant" in warning


@pytest.mark.parametrize(
    "value",
    [
        "Practitioner/granite",
        f"{HERE}/Practitioner/granite",
        f"/Schedule/{NORTH_GRANITE}",
        f"x/Schedule/{NORTH_GRANITE}",
        f"Schedule/{NORTH_GRANITE}/",
        "%23contained",
    ],
)
def test_what_refers_to_no_schedule_is_refused(where: FhirSite, value: str) -> None:
    error = refused(where, f"Slot?{WINDOW}&schedule={value}")
    assert [str(each) for each in error.issues] == [
        "schedule: not a reference to a Schedule; write Schedule/ and its id"
    ]


ACTORS = [
    ("Practitioner/granite", 2),
    ("granite", 2),
    ("Practitioner/granite/_history/4", 2),
    (f"{HERE}/Practitioner/granite", 2),
    (f"{HERE}/Practitioner/granite,{ELSEWHERE}/Practitioner/slate", 2),
    (f"{ELSEWHERE}/Practitioner/granite", 0),
    ("Location/granite", 0),
    ("PractitionerRole/granite", 0),
    ("Practitioner/GRANITE", 0),
    ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", 0),
]


@pytest.mark.parametrize(("actor", "count"), ACTORS)
def test_schedules_by_their_actor(where: FhirSite, actor: str, count: int) -> None:
    search = Search(where, f"Schedule?actor={actor}")
    assert search.body["total"] == len(search.resources()) == count
    assert len(search.warnings) == (ELSEWHERE in actor or "urn:" in actor)


@pytest.mark.parametrize(
    "actor", ["x/Practitioner/granite", "/Practitioner/granite", "Practitioner/granite/", "a b"]
)
def test_what_refers_to_no_actor_is_refused(where: FhirSite, actor: str) -> None:
    error = refused(where, f"Schedule?actor={actor}")
    assert str(error.issues[0]).startswith("actor: not a reference to a Practitioner or Location; write")
