"""A FHIR client asks a site before a FHIR EHR: each slot comes with the schedule that it came from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.assemble.fhir_side import asker
from gateway.core import fhir_flows
from gateway.core.plan import Answer, Call, Outcome
from gateway.tables.build import Tables, Wanted
from tests import clinic, partner

Json = dict[str, Any]
PERSON: Json = {"resourceType": "Practitioner", "id": "p1", "name": [{"family": "Granite"}]}
PLACE: Json = {"resourceType": "Location", "id": "l1", "name": "Main"}
BOTH = [{"reference": "Practitioner/p1"}, {"reference": "Location/l1"}]
SEARCH = "Slot?start=ge2025-10-22&start=lt2025-10-23"


def schedule(identity: str, *actors: Json) -> Json:
    return {"resourceType": "Schedule", "id": identity, "actor": list(actors) or [{"display": "x"}]}


def slot(hour: int, of: str, **more: Any) -> Json:
    return clinic.slot(f"2025-10-22T{hour:02}:00:00-07:00", f"2025-10-22T{hour:02}:30:00-07:00", of, **more)


@pytest.fixture
def ask(tmp_path: Path) -> Any:
    """Asks a site whose EHR has these resources."""
    made = clinic.tables(tmp_path, "fhir-r4", "schedule\n")
    server = Tables(tmp_path).fhir_server(Wanted("clinic", "fhir-r4", clinic.ZONE.key))
    tables = replace(made, fhir_server=server)

    def search(url: str, *resources: Json) -> partner.Search:
        def answer(call: Call) -> Outcome:
            found = [each for each in resources if each["resourceType"] == call.target]
            if call.target == "Slot":
                asked = dict(call.params)["schedule"].split(",")
                found = [each for each in found if each["schedule"]["reference"] in asked]
            return Answer(call, (clinic.bundle(*found),))

        ask = asker(clinic.rules(), tables, None, clinic.reader(), clinic.NOW)
        where = fhir_flows.FhirSite(clinic.rules(), partner.fhir_server(tables), tables, ask)
        return partner.Search(where, url, answer)

    return search


def told(found: partner.Search) -> list[tuple[str, str]]:
    return [(each["start"][11:13], each["schedule"]["reference"]) for each in found.resources()]


@pytest.mark.parametrize("actors", [BOTH, BOTH[:1], BOTH[1:], []])
def test_two_schedules_that_look_alike_stay_two(ask: Any, actors: list[Json]) -> None:
    ehr = [schedule("a", *actors), schedule("b", *actors), PERSON, PLACE]
    ehr += [
        slot(9, "Schedule/a").copy(),
        slot(9, "b"),
        slot(10, "a"),
        slot(11, "b", id="own"),
        slot(12, "a", id="own"),
    ]
    ehr = [each for each in ehr if each.get("schedule", {}).get("reference") != "Schedule/Schedule/a"]
    ehr.append(slot(9, "a"))
    found = ask(SEARCH, *ehr)
    assert told(found) == [
        ("09", "Schedule/a"),
        ("09", "Schedule/b"),
        ("10", "Schedule/a"),
        ("11", "Schedule/b"),
        ("12", "Schedule/a"),
    ]
    together = {each["start"] + each["schedule"]["reference"]: each["id"] for each in found.resources()}
    assert len(set(together.values())) == 5
    for name in ("a", "b"):
        alone = ask(f"{SEARCH}&schedule=Schedule/{name}", *ehr)
        for each in alone.resources():
            assert each["schedule"]["reference"] == f"Schedule/{name}"
            assert together[each["start"] + each["schedule"]["reference"]] == each["id"]
        assert len(alone.resources()) == sum(f"Schedule/{name}" in key for key in together)
    for identity in together.values():
        assert [each["id"] for each in ask(f"Slot?_id={identity}", *ehr).resources()] == [identity]


def test_a_schedule_of_two_practitioners_is_one_with_two_actors(ask: Any) -> None:
    other = {"resourceType": "Practitioner", "id": "p2", "name": [{"family": "Slate"}]}
    ehr = [schedule("a", *BOTH, {"reference": "Practitioner/p2"}), PERSON, other, PLACE, slot(9, "a", id="x")]
    found = ask(f"{SEARCH}&_include=Slot:schedule&_include:iterate=Schedule:actor", *ehr)
    assert told(found) == [("09", "Schedule/a")]
    included = found.resources("include")
    assert sorted(each["resourceType"] for each in included) == [
        "Location",
        "Practitioner",
        "Practitioner",
        "Schedule",
    ]
    (made,) = (each for each in included if each["resourceType"] == "Schedule")
    assert sorted(each["reference"] for each in made["actor"]) == [
        "Location/l1",
        "Practitioner/p1",
        "Practitioner/p2",
    ]
    for person in ("p1", "p2"):
        by_person = ask(f"{SEARCH}&schedule.actor:Practitioner={person}", *ehr)
        assert [each["id"] for each in by_person.resources()] == [each["id"] for each in found.resources()]
    identity = found.resources()[0]["id"]
    assert len(ask(f"Slot?_id={identity}&schedule.actor:Practitioner=p2", *ehr).resources()) == 1


@pytest.mark.parametrize("names", [("a~1", "a~2"), ("a~2025-10-22T16:00:00.000Z~30", "a~x"), ("7", "8")])
def test_two_ids_at_one_time_are_two_slots_whatever_they_look_like(ask: Any, names: tuple[str, str]) -> None:
    slots = [slot(9, "a", id=each) for each in names]
    found = ask(SEARCH, schedule("a"), *slots).resources()
    assert sorted(each["identifier"][0]["value"] for each in found) == sorted(names)
    assert len({each["id"] for each in found}) == 2
