"""A FHIR search is never answered with more than it asks: what narrows is applied, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core import filters
from gateway.core.errors import InvalidMessage
from gateway.core.fhir_directory import DIRECTORY_PARAMETERS
from gateway.core.fhir_flows import FhirSite
from gateway.tables.answer.site import SiteTables
from tests import partner
from tests.partner import GRANITE_ID, NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE, Search, network, slot

WINDOW = "start=ge2025-10-22&start=lt2025-10-23"
AT_NINE = "2025-10-22T16:00:00.000Z"
NPI = "http://hl7.org/fhir/sid/us-npi"
BY_IDENTIFIER = "schedule.actor:Practitioner.identifier"


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> FhirSite:
    mapping: SiteTables = partner.tables(tmp_path_factory.mktemp("partner"))
    return partner.site(mapping)


def refused(where: FhirSite, url: str) -> str:
    with pytest.raises(InvalidMessage) as caught:
        Search(where, url)
    (issue,) = caught.value.issues
    assert issue.code == "not-supported"
    return issue.text


@pytest.mark.parametrize(
    ("asked", "spelling"),
    [
        (f"schedule.actor.identifier={GRANITE_ID}", BY_IDENTIFIER),
        (f"schedule.actor.identifier={NPI}|{GRANITE_ID}", BY_IDENTIFIER),
        (f"actor.identifier={GRANITE_ID}", BY_IDENTIFIER),
        ("practitioner=Practitioner/granite", "schedule.actor"),
        ("actor=Practitioner/granite", "schedule.actor"),
        ("location=Location/1", "schedule.actor"),
        ("date=2025-10-22", "start"),
        ("serviceType=follow-up", "service-type"),
        ("Status=free", "status"),
        ("appointment-type=follow-up", "service-type"),
        ("appointment-type:not=follow-up", "service-type"),
        ("service-category=17", "service-type"),
        ("specialty=394802001", "known: "),
        ("schedule.specialty=394802001", "known: "),
        ("schedule.actor:HealthcareService.identifier=1", BY_IDENTIFIER),
        ("_lastUpdated=gt2025-10-01", "known: "),
        ("_offset=20", "follow the link next"),
        ("_page=2", "follow the link next"),
        ("_has:Appointment:slot:status=booked", "known: "),
        ("identifier=7", "identifier"),
        ("gender=female", "known: "),
    ],
)
def test_a_filter_of_slots_that_cannot_be_applied_is_refused_with_what_works(
    where: FhirSite, asked: str, spelling: str
) -> None:
    text = refused(where, f"Slot?{WINDOW}&{asked}")
    assert text.startswith(asked.partition("=")[0])
    assert spelling in text


@pytest.mark.parametrize(
    "url",
    [
        "Schedule?date=2025-10-22",
        "Schedule?active=true",
        "Schedule?actor.name=Granite",
        "Practitioner?phone=5105550136",
        "Practitioner?active=true",
        "Location?address-city=Oakland",
        "Location?status=active",
        "Location?partof=Location/1",
    ],
)
def test_so_is_one_of_the_directory(where: FhirSite, url: str) -> None:
    text = refused(where, url)
    for known in DIRECTORY_PARAMETERS[url.partition("?")[0]]:
        assert known in text or "write" in text or "instead" in text


@pytest.mark.parametrize(
    "asked",
    [
        "start-fromnow=x",
        "utm_source=app",
        "x.status=1",
        "_elements=start/end",
        "_elements=bogus,Schedule.actor",
        "_elements=Start",
        "_total=bogus",
        "_total=none,accurate",
        "_pretty=bogus",
        "_summary=bogus",
        "_sort=bogus",
        "_sort=",
        "_sort:asc=start",
        "_include=Slot:bogus",
        "_include:iterate=Schedule:*:Patient",
        "_include=Practitioner:*",
        "_revinclude=Appointment:slot",
        "_contained=both",
    ],
)
def test_what_narrows_nothing_is_passed_over_and_told(where: FhirSite, asked: str) -> None:
    search = Search(where, f"Slot?{WINDOW}&{asked}", network([slot(AT_NINE)]))
    assert len(search.resources()) == 1
    assert asked.partition("=")[0] not in (search.link("self") or "")
    assert [each for each in search.warnings if each.startswith(asked.partition("=")[0])]
    with pytest.raises(InvalidMessage):
        Search(where, f"Slot?{WINDOW}&{asked}", strict=True)


def test_every_parameter_that_is_known_is_one_of_fhirs(where: FhirSite) -> None:
    names = {"Slot": where.fhir_server.names, **{kind: set(of) for kind, of in DIRECTORY_PARAMETERS.items()}}
    for kind, known in names.items():
        assert all(filters.understood(each, kind) for each in known), kind


def schedules(where: FhirSite, asked: str) -> list[str]:
    slots = [slot(AT_NINE, of=each) for each in (NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE)]
    search = Search(where, f"Slot?{WINDOW}&{asked}", network(slots))
    return sorted(each["schedule"]["reference"].partition("/")[2] for each in search.resources())


@pytest.mark.parametrize(
    ("token", "found"),
    [
        (f"{NPI}|{GRANITE_ID}", [NORTH_GRANITE, SOUTH_GRANITE]),
        (f"urn:oid:2.16.840.1.113883.4.6|{GRANITE_ID}", [NORTH_GRANITE, SOUTH_GRANITE]),
        (GRANITE_ID, [NORTH_GRANITE, SOUTH_GRANITE]),
        (f"urn:redox:ehrid|{GRANITE_ID}", []),
        (f"http://elsewhere.example|{GRANITE_ID}", []),
        (f"HTTP://HL7.org/fhir/sid/us-npi|{GRANITE_ID}", []),
        (f"|{GRANITE_ID}", []),
        (f"http://elsewhere.example|{GRANITE_ID},{NPI}|1987654321", [NORTH_SLATE]),
    ],
)
def test_the_system_of_an_identifier_is_compared(where: FhirSite, token: str, found: list[str]) -> None:
    assert schedules(where, f"{BY_IDENTIFIER}={token}") == found


@pytest.mark.parametrize(
    "asked",
    [
        f"schedule={NORTH_GRANITE.upper()}",
        f"schedule=Schedule/{NORTH_GRANITE.title()}",
        "schedule.actor=Practitioner/GRANITE",
        f"schedule={NORTH_GRANITE}&schedule={NORTH_SLATE}",
        f"schedule={NORTH_GRANITE}&schedule.actor=Practitioner/slate",
        "status=free&status=busy",
        "status=FREE",
        "status=http://elsewhere.example|free",
        "service-type=FOLLOW-UP",
        "service-type=http://elsewhere.example|follow-up",
        "service-type=http://SNOMED.info/sct|308335008",
        "service-type=|308335008",
        "service-type=follow-up&service-type=308335008",
        "_id=a&_id=b",
    ],
)
def test_nothing_is_found_by_what_nothing_is(where: FhirSite, asked: str) -> None:
    search = Search(where, f"Slot?{WINDOW}&{asked}", network([slot(AT_NINE)]))
    assert (search.calls, search.body["total"]) == ((), 0)


@pytest.mark.parametrize(
    "asked", ["status=FREE", "service-type=FOLLOW-UP", "service-type=a&service-type=follow-up"]
)
def test_a_code_that_nobody_has_is_told(where: FhirSite, asked: str) -> None:
    (warning,) = Search(where, f"Slot?{WINDOW}&{asked}").warnings
    assert warning.startswith(asked.partition("=")[0])


def test_a_parameter_that_is_repeated_must_hold_every_time(where: FhirSite) -> None:
    def kinds(asked: str) -> Any:
        return Search(where, f"Slot?{WINDOW}&{asked}").query["Visit"]["VisitType"]

    both = "service-type=follow-up,308335008&service-type=http://snomed.info/sct|308335008"
    assert kinds(both) == [{"Code": "210", "Codeset": "DNER15"}]
    assert kinds("service-type=follow-up&service-type=follow-up") == [{"Code": "FU"}]
    assert schedules(where, f"schedule={NORTH_GRANITE},{NORTH_SLATE}&schedule={NORTH_SLATE}") == [NORTH_SLATE]


@pytest.mark.parametrize("kind", ["Schedule", "Practitioner", "Location"])
def test_an_id_has_letter_case(where: FhirSite, kind: str) -> None:
    one = Search(where, f"{kind}?_count=1").resources()[0]["id"]
    assert [each["id"] for each in Search(where, f"{kind}?_id={one}").resources()] == [one]
    other = one.upper() if one.upper() != one else one.title()
    assert Search(where, f"{kind}?_id={other}").body["total"] == (1 if other == one else 0)


def test_self_names_what_was_used_and_nothing_else(where: FhirSite) -> None:
    asked = f"{WINDOW}&status=free&schedule={NORTH_GRANITE}&service-type=follow-up"
    found = Search(where, f"Slot?{asked}&start-fromnow=x&schedule.actor=&_pretty=true")
    assert found.link("self") == f"{partner.BASE}/Slot?{asked}&_count=100"
    assert found.warnings[1:2] == ["schedule.actor: has no value; it was ignored"]
    shown = f"{asked}&_sort=start&_summary=true&_elements=start,end&_count=3"
    assert Search(where, f"Slot?{shown}").link("self") == f"{partner.BASE}/Slot?{shown}"
    counted = Search(where, f"Slot?{asked}&_summary=false&_summary=count&_count=3")
    assert counted.link("self") == f"{partner.BASE}/Slot?{asked}&_summary=count"
    plus = Search(where, "Slot?start=ge2025-10-22T16:00:00+02:00&start=lt2025-10-22T17:00:00%2B02:00")
    assert "+" not in (link := plus.link("self") or "") and link.count("%2B02:00") == 2, "not a space"
    some = Search(where, f"Slot?{asked}&_elements=start,bogus&_elements=Slot.end,start&_total=accurate")
    assert some.link("self") == f"{partner.BASE}/Slot?{asked}&_elements=start,end&_total=accurate&_count=100"
    assert "only elements of a Slot can be named" in some.warnings[0]


@pytest.mark.parametrize("url", [f"Slot?{WINDOW}", "Schedule?actor=granite"])
def test_a_total_that_nobody_wants_is_not_told(where: FhirSite, url: str) -> None:
    for total in ("none", "estimate", "accurate"):
        found = Search(where, f"{url}&_total={total}", network([slot(AT_NINE)]), strict=True)
        assert ("total" in found.body) == (total != "none")
        assert f"_total={total}" in (found.link("self") or "")
    assert Search(where, f"{url}&_total=none&_summary=count", network([slot(AT_NINE)])).body["total"]


ACTORS = "_include:iterate=Schedule:actor"


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ("_include=*", f"_include=Slot:schedule&{ACTORS}"),
        ("_include=Slot:*", "_include=Slot:schedule"),
        ("_include=Slot:*&_include:iterate=Schedule:*", f"_include=Slot:schedule&{ACTORS}"),
    ],
)
def test_a_wild_card_includes_every_reference(where: FhirSite, asked: str, used: str) -> None:
    found = Search(where, f"Slot?{WINDOW}&{asked}", network([slot(AT_NINE)]), strict=True)
    assert found.link("self") == f"{partner.BASE}/Slot?{WINDOW}&{used}&_count=100"
    assert len(found.resources("include")) == (3 if "actor" in used else 1)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("Slot?actor._id=granite", "write schedule.actor"),
        ("Slot?actor:Practitioner._id=granite", "write schedule.actor"),
        ("Schedule?actor.identifier=5", "write actor:Practitioner.identifier"),
        ("Slot?serviceType=fu", "write service-type"),
        ("Slot?identifier=5", "what can be asked instead: schedule.actor:Practitioner.identifier"),
        ("Slot?appointment-type=fu", "what can be asked instead: service-type"),
    ],
)
def test_only_what_means_the_same_is_called_its_spelling(where: FhirSite, url: str, said: str) -> None:
    assert said in refused(where, url)


@pytest.mark.parametrize(
    "token", [f"{BY_IDENTIFIER}={NPI}|", "service-type=http://snomed.info/sct|,follow-up"]
)
def test_a_system_alone_is_refused(where: FhirSite, token: str) -> None:
    with pytest.raises(InvalidMessage, match=r"names a system alone.*; write system\|code"):
        Search(where, f"Slot?{WINDOW}&{token}")
