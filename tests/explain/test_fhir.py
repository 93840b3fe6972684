"""FHIR searches and reads, explained, of a site that asks Redox and of one that asks a FHIR EHR."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.assemble import CheckedConfiguration, check_configuration
from gateway.explain.fhir import Asked, explained
from gateway.explain.leaves import leaves
from gateway.explain.told import OUTCOMES, Explained
from gateway.offline.canned import Canned, CannedBundle
from gateway.offline.pasted import pasted
from gateway.offline.search import interaction_of
from gateway.offline.site import offline

TOP = Path(__file__).resolve().parents[2]
NOW = datetime(2025, 10, 20, 12, tzinfo=UTC)
CANVAS, PARTNER = 0, 3
WINDOW = "start=ge2025-10-21&start=lt2025-10-28"

Json = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> CheckedConfiguration:
    return check_configuration(TOP / "tests" / "samples" / "every-dialect" / "gateway.yaml", {})


def _told(found: CheckedConfiguration, position: int, text: str, canned: Canned) -> Explained:
    here = offline(found, position, canned)
    search = pasted(text)
    assert search is not None
    interaction = interaction_of(search, found.settings, here.site.id)
    assert here.fhir_server is not None
    return explained(Asked(interaction, here, here.fhir_server, {}, NOW))


def _answer(found: CheckedConfiguration) -> Canned:
    """Two open times of the partner's first schedule, as Redox tells them."""
    line = found.tables[PARTNER].schedules[0]
    slots = [
        {
            "DateTime": f"2025-10-22T{hour}:00:00.000Z",
            "Duration": 20,
            "ID": f"their-{hour}",
            "Reason": "Follow Up",
            "Notes": ["Bring your insurance card", "Come early"],
            "Provider": {"ID": line["provider_id"], "IDType": line["provider_id_type"]},
            "Location": {"Facility": line["facility"], "Department": line["department"]},
        }
        for hour in ("16", "17")
    ]
    return Canned(answer=json.dumps({"Meta": {}, "AvailableSlots": slots}).encode())


def _bundle(*resources: Json) -> CannedBundle:
    value = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": each} for each in resources],
    }
    return CannedBundle(json.dumps(value).encode(), value)


def _ehr() -> Canned:
    slot = {"resourceType": "Slot", "schedule": {"reference": "Schedule/s1"}, "status": "free"}
    times = {"start": "2025-10-22T09:00:00-07:00", "end": "2025-10-22T09:20:00-07:00"}
    actors = [{"reference": "Practitioner/p1"}, {"reference": "Location/l1"}]
    schedule = {"resourceType": "Schedule", "id": "s1", "actor": actors}
    name = [{"family": "Granite", "given": ["Pat"], "suffix": ["MD", "PhD"]}]
    npi = [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "4356789876"}]
    who = {"resourceType": "Practitioner", "id": "p1", "name": name, "identifier": npi}
    where = {"resourceType": "Location", "id": "l1", "name": "RES General Hospital"}
    return Canned((_bundle({**slot, **times}), _bundle(schedule, who, where)))


SEARCHES = [
    f"Slot?{WINDOW}",
    f"Slot?{WINDOW}&status=free&_count=1&_include=Slot:schedule&_include:iterate=Schedule:actor",
    f"Slot?{WINDOW}&_elements=start,end&_sort=-start&colour=blue",
    f"Slot?{WINDOW}&status=busy",
    "Slot?start=2025-10-22&schedule.actor:Practitioner=Practitioner/nobody",
    f"Slot?{WINDOW}&start=le",
    "Practitioner?family=Granite",
    "Schedule",
    "Location?name=nowhere",
    "Slot/none",
]


@pytest.mark.parametrize("text", SEARCHES)
@pytest.mark.parametrize("position", [CANVAS, PARTNER])
def test_each_field_has_one_origin_and_each_parameter_one_outcome(
    found: CheckedConfiguration, position: int, text: str
) -> None:
    canned = _ehr() if position == CANVAS else _answer(found)
    told = _told(found, position, text, canned)
    assert [each.outcome in OUTCOMES for each in told.wishes] == [True] * len(told.wishes)
    assert len(told.wishes) == (
        1 if "/" in text.partition("?")[0] else len(text.partition("?")[2].split("&")) * ("?" in text)
    )
    assert sorted((each.path, str(each.value)) for each in told.fields) == sorted(
        (path, str(value)) for path, value in leaves(told.answer)
    )
    for field in (*told.fields, *(each for sent in told.sent for each in sent.fields)):
        assert field.row is not None or field.made, field
        assert field.row is None or re.fullmatch(r".+\.yaml:\d+", field.row.place), field
    for sent in told.sent:
        if sent.body is not None:
            assert [(each.path, each.value) for each in sent.fields] == list(leaves(sent.body))


def test_a_search_that_redox_answers(found: CheckedConfiguration) -> None:
    line = found.tables[PARTNER].schedules[0]
    told = _told(
        found,
        PARTNER,
        f"Slot?schedule=Schedule/{line['schedule']}&{WINDOW}&_include=Slot:schedule",
        _answer(found),
    )
    assert told.status == 200
    assert [each.outcome for each in told.wishes] == ["selects", "carried", "carried", "shapes"]
    query = {each.path: each for each in told.sent[0].fields}
    assert query["StartDateTime"].origins[0].path == "start"
    assert query["Visit.Locations[0].Facility"].origins[0].path == "directory.facility"
    assert query["Meta.DataModel"].made.startswith("the envelope")
    answer = {each.path: each for each in told.fields}
    start = answer["entry[0].resource.start"]
    assert (start.origins[0].path, start.origins[0].value) == (
        "AvailableSlots[0].DateTime",
        "2025-10-22T16:00:00.000Z",
    )
    assert start.row is not None
    assert start.row.key == "DateTime"
    comment = answer["entry[0].resource.comment"]
    assert comment.origins[0].path == "AvailableSlots[0].Notes"


def test_a_search_that_an_ehr_answers(found: CheckedConfiguration) -> None:
    text = f"Slot?schedule=Schedule/s1&{WINDOW}&_include=Slot:schedule&_include:iterate=Schedule:actor"
    told = _told(found, CANVAS, text, _ehr())
    assert told.status == 200, told.answer
    assert [(each.method, bool(each.body)) for each in told.sent] == [("", True), ("GET", False)]
    answer = {each.path: each for each in told.fields}
    assert answer["entry[0].resource.start"].origins[0].path == "Slot.start"
    families = [each for path, each in answer.items() if path.endswith("name[0].family")]
    assert [(each.value, each.origins[0].of) for each in families] == [("Granite", "Practitioner/p1")]


def test_a_parameter_says_whom_it_leaves_out(found: CheckedConfiguration) -> None:
    told = _told(found, PARTNER, f"Slot?schedule=Schedule/nobody&{WINDOW}", _answer(found))
    lines = len(found.tables[PARTNER].schedules)
    assert [(each.path, each.excluded, each.of) for each in told.narrowing] == [("schedule", lines, lines)]
    assert told.wishes[0].outcome == "refused"
