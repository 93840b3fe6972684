"""Why slots that came are not in the answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.assemble import CheckedConfiguration, check_configuration
from gateway.explain import fhir
from gateway.explain.redox import Asked, explained
from gateway.explain.told import Explained
from gateway.offline.canned import Canned, CannedBundle
from gateway.offline.pasted import pasted
from gateway.offline.search import interaction_of
from gateway.offline.site import offline, reader

TOP = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CANVAS, R4, PARTNER = 0, 1, 3

Json = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> CheckedConfiguration:
    return check_configuration(TOP / "tests" / "samples" / "every-dialect" / "gateway.yaml", {})


def _slot(name: str, start: str, end: str, **more: Any) -> Json:
    reference = {"reference": more.pop("schedule", "Schedule/s1")}
    times = {"start": f"2026-03-{start}:00-08:00", "end": f"2026-03-{end}:00-08:00"}
    return {"resourceType": "Slot", "id": name, "schedule": reference, "status": "free", **times, **more}


SLOTS = [
    _slot("good", "03T10:00", "03T10:30"),
    _slot("monday", "02T10:00", "02T10:30"),
    _slot("late", "03T15:00", "03T15:30"),
    _slot("short", "03T10:00", "03T10:20"),
    _slot("outside", "10T10:00", "10T10:30"),
    _slot("busy", "03T10:00", "03T10:30", status="busy"),
    _slot("stray", "03T10:00", "03T10:30", schedule="Schedule/s2"),
    _slot("foreign", "03T10:00", "03T10:30", schedule="Schedule/s9"),
    _slot("broken", "03T10:00", "03T09:00"),
]


def _bundle(*resources: Json) -> CannedBundle:
    value = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": each} for each in resources],
    }
    return CannedBundle(json.dumps(value).encode(), value)


def _ehr() -> Canned:
    def schedule(name: str, who: str) -> Json:
        return {"resourceType": "Schedule", "id": name, "actor": [{"reference": f"Practitioner/{who}"}]}

    def practitioner(name: str, npi: str) -> Json:
        identifier = [{"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}]
        return {"resourceType": "Practitioner", "id": name, "identifier": identifier}

    actors = (practitioner("p1", "4356789876"), practitioner("p2", "1245319599"))
    return Canned((_bundle(*SLOTS), _bundle(schedule("s1", "p1"), schedule("s2", "p2"), *actors)))


def _message() -> Json:
    return {
        "Meta": {"DataModel": "Scheduling", "EventType": "AvailableSlots", "Destinations": [{"ID": "r4"}]},
        "StartDateTime": "2026-03-02T08:00:00-08:00",
        "EndDateTime": "2026-03-06T18:00:00-08:00",
        "Visit": {
            "VisitPreference": [{"Duration": "30", "Day": ["Tues"], "Time": ["1000"]}],
            "AttendingProviders": [{"ID": "4356789876", "IDType": "NPI"}],
        },
    }


def _why(told: Explained) -> dict[str, str]:
    return {each.slot.removeprefix("Slot/"): each.why for each in told.left_out}


def test_each_slot_that_is_not_answered_says_why(found: CheckedConfiguration) -> None:
    value = _message()
    message = reader().read(json.dumps(value).encode())
    told = explained(Asked(value, message, offline(found, CANVAS, _ehr()), {}, NOW))
    assert [each["ID"] for each in told.answer["AvailableSlots"]] == ["good"]
    why = _why(told)
    assert why["monday"] == "it is on a Monday, and Tuesday was asked for"
    assert why["late"] == "it begins at 15:00, more than 60 minutes off"
    assert why["short"] == "it lasts 20 minutes, and 30 were asked for"
    assert why["outside"].startswith("it begins outside of what was asked for, 2026-03-02T16:00")
    assert why["busy"] == 'Slot.status: is not "free"'
    assert why["stray"] == "it is of Schedule/s2: the wishes leave it out"
    assert why["foreign"].startswith("it is of Schedule/s9: ")
    assert why["broken"].startswith("Slot.end: ")
    assert why.keys() == {each["id"] for each in SLOTS} - {"good"}
    rows = {each.slot: each.row.key for each in told.left_out if each.row is not None}
    assert rows == {"Slot/busy": "Slot.status", "Slot/broken": "Duration"}


def test_slots_that_make_a_longer_time_are_not_left_out(found: CheckedConfiguration) -> None:
    value = _message()
    value["Visit"]["VisitPreference"][0]["Time"] = ["1300"]  # New York's clock
    message = reader().read(json.dumps(value).encode())
    pieces = [
        _slot("first", "03T10:00", "03T10:15"),
        _slot("second", "03T10:15", "03T10:30"),
        _slot("alone", "03T09:30", "03T09:45"),
    ]
    canned = Canned((_bundle(*pieces), _ehr().bundles[1]))
    told = explained(Asked(value, message, offline(found, R4, canned), {}, NOW))
    assert [each["ID"] for each in told.answer["AvailableSlots"]] == ["first+second"]
    assert _why(told).keys() == {"alone"}


def _searched(found: CheckedConfiguration, position: int, text: str, canned: Canned) -> Explained:
    here = offline(found, position, canned)
    search = pasted(text)
    assert search is not None
    assert here.fhir_server is not None
    interaction = interaction_of(search, found.settings, here.site.id)
    return fhir.explained(fhir.Asked(interaction, here, here.fhir_server, {}, NOW))


def test_of_a_search_that_an_ehr_answers(found: CheckedConfiguration) -> None:
    text = "Slot?schedule=Schedule/s1&start=ge2026-03-03&start=lt2026-03-04"
    why = _why(_searched(found, CANVAS, text, _ehr()))
    assert why["monday"].startswith("it begins outside of what was asked for")
    assert why["busy"] == 'Slot.status: is not "free"'
    assert "good" not in why


def test_of_a_search_that_redox_answers(found: CheckedConfiguration) -> None:
    line, other = found.tables[PARTNER].schedules[:2]

    def slot(name: str, at: str, of: Any = line, minutes: int = 20) -> Json:
        who = {"ID": of["provider_id"], "IDType": of["provider_id_type"]}
        where = {"Facility": of["facility"], "Department": of["department"], "Room": of["room"]}
        return {"ID": name, "DateTime": at, "Duration": minutes, "Provider": who, "Location": where}

    slots = [
        slot("good", "2026-03-03T18:00:00.000Z"),
        slot("outside", "2026-03-09T18:00:00.000Z"),
        slot("stray", "2026-03-03T18:00:00.000Z", other),
        slot("endless", "2026-03-03T19:00:00.000Z", minutes=0),
    ]
    canned = Canned(answer=json.dumps({"Meta": {}, "AvailableSlots": slots}).encode())
    text = f"Slot?schedule=Schedule/{line['schedule']}&start=ge2026-03-03&start=lt2026-03-04"
    told = _searched(found, PARTNER, text, canned)
    assert told.status == 200, told.answer
    why = _why(told)
    assert why.keys() == {"outside", "stray", "endless"}
    assert why["outside"].startswith("it begins outside of what was asked for")
    assert why["stray"].startswith("it is of no schedule that was asked for")
    assert why["endless"].startswith("Duration: ")
