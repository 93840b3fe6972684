"""Searches that name a schedule or an actor by reference: this server's own, and another's."""

from __future__ import annotations

import pytest

from gateway.core.fhir_flows import FhirSite
from gateway.tables.answer.site import SiteTables
from gateway.tables.codecs.names import slot_name
from tests import partner
from tests.partner import NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE, Search, network, refused, slot

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
    ("Practitioner/GRANITE", 0),
    ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", 0),
]


@pytest.mark.parametrize(("actor", "count"), ACTORS)
def test_schedules_by_their_actor(where: FhirSite, actor: str, count: int) -> None:
    search = Search(where, f"Schedule?actor={actor}")
    assert search.body["total"] == len(search.resources()) == count
    assert len(search.warnings) == (ELSEWHERE in actor or "urn:" in actor)


@pytest.mark.parametrize(
    "actor",
    [
        "x/Practitioner/granite",
        "/Practitioner/granite",
        "Practitioner/granite/",
        "a b",
        "Patient/1",
        "PractitionerRole/granite",
        f"{HERE}/HealthcareService/1",
        "granite,Schedule/north-granite",
    ],
)
def test_what_refers_to_no_actor_is_refused(where: FhirSite, actor: str) -> None:
    error = refused(where, f"Schedule?actor={actor}")
    assert str(error.issues[0]).startswith("actor: not a reference to a Practitioner or Location; write")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Slot", slot_name(NORTH_GRANITE, AT_NINE, 20)),
        ("Schedule", NORTH_GRANITE),
        ("Practitioner", "granite"),
    ],
)
@pytest.mark.parametrize(
    "spelt",
    [
        "{id}",
        "{kind}/{id}",
        "{kind}/{id}/_history/2",
        f"{HERE}/{{kind}}/{{id}}",
        "http://ehr.example|{id}",
        "none,{kind}/{id}",
    ],
)
def test_an_id_may_be_written_as_a_reference(where: FhirSite, kind: str, name: str, spelt: str) -> None:
    value = spelt.format(kind=kind, id=name)
    search = Search(where, f"{kind}?_id={value}", network([slot(AT_NINE)]), strict=True)
    assert [each["id"] for each in search.resources()] == [name]
    assert f"?_id={'none,' if 'none' in spelt else ''}{name}&" in str(search.link("self"))


@pytest.mark.parametrize("kind", ["Slot", "Schedule", "Practitioner", "Location"])
@pytest.mark.parametrize("value", ["Patient/1", f"{ELSEWHERE}/Slot/1", f"{HERE}/Patient/1", "a,Patient/1"])
def test_an_id_of_something_else_is_refused(where: FhirSite, kind: str, value: str) -> None:
    (issue,) = refused(where, f"{kind}?_id={value}").issues
    assert str(issue) == f"_id: names what is no {kind} of this server; write its id alone"


@pytest.mark.parametrize(
    "asked",
    [
        "schedule:Schedule._id=north-granite",
        "schedule._id=north-granite",
        "schedule._id=north-granite,%20,none",
        "schedule:Schedule._id=http://ehr.example|north-granite",
        "schedule:Schedule.actor._id=granite&schedule._id=north-granite",
        "schedule.actor._id=granite&schedule=north-granite",
    ],
)
def test_the_id_behind_a_chain_is_what_the_reference_says(where: FhirSite, asked: str) -> None:
    slots = [slot(AT_NINE, of=of) for of in (NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE)]
    search = Search(where, f"Slot?{WINDOW}&{asked}", network(slots), strict=True)
    found = {each["schedule"]["reference"] for each in search.resources()}
    assert found == {f"Schedule/{NORTH_GRANITE}"}


@pytest.mark.parametrize(
    "asked",
    [
        "actor:Practitioner=granite",
        "actor:Practitioner._id=granite",
        "actor._id=granite",
        f"actor:Practitioner.identifier={partner.GRANITE_ID}",
        f"actor:Practitioner.identifier=http://hl7.org/fhir/sid/us-npi|{partner.GRANITE_ID},none",
    ],
)
def test_schedules_by_a_chain(where: FhirSite, asked: str) -> None:
    found = {each["id"] for each in Search(where, f"Schedule?{asked}", strict=True).resources()}
    assert found == {NORTH_GRANITE, SOUTH_GRANITE}


@pytest.mark.parametrize(
    "asked",
    [
        "Slot?schedule.actor:Practitioner=Location/loc-1",
        "Slot?schedule:Schedule.actor:Location=Practitioner/granite",
        f"Slot?schedule.actor:Practitioner=granite,{partner.BASE}/Location/loc-1/_history/2",
        "Slot?schedule.actor:Practitioner._id=Location/loc-1",
        "Schedule?actor:Location=Practitioner/granite",
    ],
)
def test_a_type_in_a_name_is_not_passed_over(where: FhirSite, asked: str) -> None:
    assert "which its own name asks for; write" in str(refused(where, asked))
