"""A slot belongs to the Schedule that it refers to, in whichever way FHIR R4 has references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.core.mapping import Wanted
from gateway.core.plan import Answer, Call
from gateway.core.values import at_once
from gateway.tables.answer.collect import SlotCollector
from gateway.tables.answer.site import SiteTables
from tests import clinic

Json = dict[str, Any]

URN, OTHER_URN = (f"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e{digit}" for digit in "01")
LOCAL = {"system": "urn:oid:1.2.3", "value": "book-1"}
SCT = "http://snomed.info/sct"
DAY = ("2025-10-22T00:00:00.000Z", "2025-10-23T00:00:00.000Z")


@pytest.fixture(scope="module", params=["fhir-r4", "canvas"])
def tables(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return clinic.tables(tmp_path_factory.mktemp("referring"), request.param, csv="schedule\n")


def schedule(identity: str = "s1", *actors: str, **more: Any) -> Json:
    named = [{"reference": each} for each in actors or ("Practitioner/p1",)]
    return {"resourceType": "Schedule", "id": identity, "actor": named, **more}


def page(*entries: Json | tuple[str, Json]) -> bytes:
    """A Bundle of resources, some behind their fullUrl."""
    made = [
        {"fullUrl": each[0], "resource": each[1]} if isinstance(each, tuple) else {"resource": each}
        for each in entries
    ]
    return json.dumps({"resourceType": "Bundle", "entry": made}).encode()


def slot(hour: int = 9, schedule: Json | None = None, **more: Any) -> Json:
    made = clinic.slot(f"2025-10-22T{hour:02}:00:00-07:00", f"2025-10-22T{hour:02}:20:00-07:00")
    return {**made, "id": f"at-{hour}", "schedule": schedule or {}, **more}


def collected(
    tables: SiteTables,
    schedules: bytes,
    *slots: bytes,
    positions: tuple[int, ...] = (0,),
    params: tuple[tuple[str, str], ...] = (),
) -> SlotCollector:
    """The slots of the first schedule of the EHR's."""
    staff = page(clinic.practitioner("p1", "4356789876", "Pat", "Granite"))
    known = tables.directory((Answer(Call("Schedule"), (schedules,)), Answer(Call("Practitioner"), (staff,))))
    collector = tables.collector(known, positions)
    at_once(collector.add(Answer(Call("Slot", params), slots), Wanted(*DAY, 0)))
    return collector


def ids(collector: SlotCollector) -> list[str]:
    texts, between, _ = at_once(collector.texts(100))
    return [each["ID"] for each in json.loads(f"[{between.join(texts)}]")]


def told(collector: SlotCollector) -> list[tuple[str, str]]:
    return [(issue.severity, issue.path) for issue in collector.issues]


@pytest.mark.parametrize(
    ("listed", "entries", "reference", "contained"),
    [
        # By the URL of its entry, told with the directory or with the slots.
        ((URN, schedule()), [], {"reference": URN}, None),
        (schedule(), [(URN, schedule())], {"reference": URN}, None),
        # By an identifier, with the system and without.
        (schedule(identifier=[LOCAL]), [], {"identifier": LOCAL}, None),
        (schedule(identifier=[LOCAL]), [], {"type": "Schedule", "identifier": LOCAL, "reference": ""}, None),
        (schedule(identifier=[{"value": "7"}]), [], {"identifier": {"value": "7"}}, None),
        (
            schedule(identifier=[LOCAL]),
            [],
            {"type": "http://hl7.org/fhir/StructureDefinition/Schedule", "identifier": LOCAL},
            None,
        ),
        (schedule(), [schedule(identifier=[LOCAL])], {"identifier": LOCAL, "display": "Dr. Granite"}, None),
        # Contained: by its identifier, or by whom it is for.
        (schedule(identifier=[LOCAL]), [], {"reference": "#x"}, schedule("x", "#no", identifier=[LOCAL])),
        (schedule(), [], {"reference": "#x"}, schedule("x", "Practitioner/p1")),
        (schedule(), [], {"reference": "#x"}, schedule("x", "http://ehr.example/Practitioner/p1")),
        (schedule(), [], {"reference": "#s1"}, schedule("s1", "Practitioner/p1/_history/2")),
    ],
)
def test_the_schedule_is_found(
    tables: SiteTables, listed: Any, entries: list[Any], reference: Json, contained: Json | None
) -> None:
    within = {"contained": [contained]} if contained is not None else {}
    found = collected(tables, page(listed), page(*entries, slot(9, reference, **within)))
    assert ids(found) == ["at-9"]
    assert (found.counts, told(found)) == ({"received": 1}, [])


@pytest.mark.parametrize(
    ("reference", "contained"),
    [
        ({"reference": OTHER_URN}, None),
        ({"display": "Dr. Granite"}, None),
        ({}, None),
        ({"identifier": {**LOCAL, "system": "urn:other"}}, None),
        ({"identifier": {"value": LOCAL["value"]}}, None),
        ({"identifier": LOCAL, "type": "Practitioner"}, None),
        ({"identifier": {"system": LOCAL["system"]}}, None),
        ({"reference": "#y"}, schedule("x", "Practitioner/p1")),
        # The id of what is contained is its own.
        ({"reference": "#s1"}, schedule("s1", "Practitioner/p9")),
        ({"reference": "#s1"}, {**schedule("s1"), "actor": []}),
        ({"reference": "#x"}, {"resourceType": "Location", "id": "x"}),
    ],
)
def test_what_does_not_tell_its_schedule_makes_it_incomplete(
    tables: SiteTables, reference: Json, contained: Json | None
) -> None:
    within = {"contained": [contained]} if contained is not None else {}
    good = slot(10, {"reference": "Schedule/s1"})
    found = collected(tables, page(schedule(identifier=[LOCAL])), page(good, slot(9, reference, **within)))
    assert ids(found) == ["at-10"]
    assert (found.counts, told(found)) == ({"received": 2, "untold": 1}, [("error", "Slot.schedule")])


def test_the_id_of_a_contained_practitioner_is_nobodys_else(tables: SiteTables) -> None:
    within = [schedule("x", "#p1"), {"resourceType": "Practitioner", "id": "p1"}]
    found = collected(tables, page(schedule()), page(slot(9, {"reference": "#x"}, contained=within)))
    assert (ids(found), found.counts) == ([], {"received": 1, "untold": 1})


def test_of_two_schedules_with_one_identifier_neither_is_meant(tables: SiteTables) -> None:
    two = page(schedule(identifier=[LOCAL]), schedule("s2", identifier=[LOCAL]))
    found = collected(tables, two, page(schedule(identifier=[LOCAL]), slot(9, {"identifier": LOCAL})))
    assert (ids(found), found.counts) == ([], {"received": 1, "untold": 1})


def test_a_contained_schedule_that_may_be_either_of_two_is_neither(tables: SiteTables) -> None:
    two = page(schedule(), schedule("s2"))
    found = collected(tables, two, page(slot(9, {"reference": "#x"}, contained=[schedule("x")])))
    assert (ids(found), found.counts) == ([], {"received": 1, "ambiguous": 1})
    assert told(found) == [("error", "Slot")]


def test_a_contained_schedule_that_is_not_to_be_used_is_not(tables: SiteTables) -> None:
    off = slot(9, {"reference": "#x"}, contained=[schedule("x", active=False)])
    found = collected(tables, page(schedule()), page(off))
    assert (ids(found), found.counts) == ([], {"received": 1, "unusable": 1})


def test_those_of_another_schedule_are_strays(tables: SiteTables) -> None:
    two = page((URN, schedule()), (OTHER_URN, schedule("s2")))
    mine, other = slot(9, {"reference": URN}), slot(10, {"reference": OTHER_URN})
    plain = slot(11, {"reference": "Schedule/s1"})
    found = collected(tables, two, page(mine, other))
    assert (ids(found), found.counts) == (["at-9"], {"received": 2, "stray": 1})
    assert told(found) == [("warning", "Slot.schedule")]
    found = collected(tables, two, page(plain, other))
    assert (ids(found), told(found)) == (["at-11"], [("warning", "Slot.schedule")])
    found = collected(tables, two, page(other))
    assert told(found) == [("error", "Slot.schedule")]


def test_each_is_counted_once(tables: SiteTables) -> None:
    reference = {"reference": URN}
    of = {"reference": "Schedule/s1"}
    slots = [
        slot(8, of),
        slot(9, reference),
        slot(10, reference, status="busy"),
        slot(11, reference, status="FREE"),
        slot(12, {"identifier": LOCAL}, start="soon"),
        slot(13, {"identifier": LOCAL}),
        slot(14, {"identifier": LOCAL}, start=None),
        slot(15, of, status="busy"),
        slot(16, of, end=7),
    ]
    found = collected(tables, page((URN, schedule(identifier=[LOCAL]))), page(*slots))
    assert ids(found) == ["at-8", "at-9", "at-13"]
    assert found.counts == {"received": 9, "occupied": 2, "malformed": 4}


def test_the_kind_that_was_asked_for_is_checked_on_them_too(tables: SiteTables) -> None:
    other = {"serviceType": [{"coding": [{"system": SCT, "code": "1"}]}]}
    asked = (("service-type", f"{SCT}|2"),)
    mine = slot(9, {"reference": URN})
    found = collected(tables, page((URN, schedule(**other))), page(mine), params=asked)
    assert (ids(found), found.counts) == ([], {"received": 1, "unlike": 1})
    found = collected(tables, page((URN, schedule())), page({**mine, **other}), params=asked)
    assert (ids(found), found.counts) == ([], {"received": 1, "unlike": 1})


def test_touching_slots_are_combined_whatever_their_reference(tmp_path: Path) -> None:
    tables = clinic.tables(tmp_path, "fhir-r4", csv="schedule\n")
    first = slot(9, {"reference": URN}, end="2025-10-22T09:20:00-07:00")
    second = slot(
        9, {"identifier": LOCAL}, start="2025-10-22T09:20:00-07:00", end="2025-10-22T09:40:00-07:00"
    )
    known = tables.directory((Answer(Call("Schedule"), (page((URN, schedule(identifier=[LOCAL]))),)),))
    collector = tables.collector(known, (0,))
    answer = Answer(Call("Slot"), (page(first, {**second, "id": "b"}),))
    at_once(collector.add(answer, Wanted(*DAY, 40, lengths=(40,))))
    assert ids(collector) == ["at-9+b"]


def test_a_slot_that_contains_its_schedule_in_an_ehr_whose_schedules_cannot_be_listed(tmp_path: Path) -> None:
    csv = "schedule,practitioner,location_id\ngranite,p1,l1\n"
    tables = clinic.tables(tmp_path, "oracle-millennium", csv=csv)
    collector = tables.collector(tables.own_directory, (0,))
    mine = slot(9, {"reference": "#x"}, contained=[schedule("x", "Practitioner/p1")])
    broken = slot(10, {"reference": "#x"}, contained=[schedule("x", "Practitioner/p1")], start="soon")
    asked = (("schedule.actor", "Practitioner/p1"), ("-location", "Location/l1"))
    at_once(collector.add(Answer(Call("Slot", asked), (page(mine, broken),)), Wanted(*DAY, 0)))
    assert ids(collector) == ["at-9"]
    assert collector.counts == {"received": 2, "malformed": 1}


PLACE_OF = "https://fhir-ehr.cerner.com/r4/StructureDefinition/scheduling-location"
OWN, OTHER = "https://public.ehr.example/r4", "https://other.example/r4"
BOTH = (("schedule.actor", "Practitioner/p1,Practitioner/p2"), ("-location", "Location/l1,Location/l2"))
FIRST = (("schedule.actor", "Practitioner/p1"), ("-location", "Location/l1"))


@pytest.mark.parametrize(
    ("actor", "place", "asked", "count"),
    [
        ({"reference": "Practitioner/p1"}, "l1", BOTH, {"received": 1}),
        ({"reference": f"{OWN}/Practitioner/p1"}, "l1", BOTH, {"received": 1}),
        # Each with each is asked for, so what a slot does not tell may be the other's.
        ({"display": "Granite"}, "l1", BOTH, {"received": 1, "untold": 1}),
        ({"reference": "Practitioner/p1"}, None, BOTH, {"received": 1, "untold": 1}),
        ({"reference": "PractitionerRole/p1"}, "l1", BOTH, {"received": 1, "untold": 1}),
        ({"display": "Granite"}, "l1", FIRST, {"received": 1}),
        ({"reference": "Practitioner/p1"}, None, FIRST, {"received": 1}),
        ({"display": "Granite"}, None, BOTH, {"received": 1, "untold": 1}),
        ({"display": "Granite"}, None, FIRST, {"received": 1}),
        # What it does tell is never passed over.
        ({"reference": f"{OTHER}/Practitioner/p1"}, "l1", FIRST, {"received": 1, "stray": 1}),
        ({"type": "Practitioner", "identifier": {"value": "7"}}, "l1", FIRST, {"received": 1, "stray": 1}),
        ({"reference": "Practitioner/p2"}, "l1", FIRST, {"received": 1, "stray": 1}),
        ({"display": "Granite"}, "l2", FIRST, {"received": 1, "stray": 1}),
    ],
)
def test_what_a_slot_does_not_tell_is_believed_of_a_search_for_one_alone(
    tmp_path: Path, actor: Json, place: str | None, asked: Any, count: dict[str, int]
) -> None:
    csv = "schedule,practitioner,location_id\ngranite,p1,l1\nslate,p2,l2\n"
    tables = clinic.tables(tmp_path, "oracle-millennium", csv=csv)
    collector = tables.collector(tables.own_directory, (0, 1) if asked == BOTH else (0,))
    where = {"url": PLACE_OF, "valueReference": {"reference": f"Location/{place}"}}
    mine = slot(9, {"reference": "Schedule/own"}, **({"extension": [where]} if place else {}))
    whose = (f"{OWN}/Schedule/own", {**schedule("own"), "actor": [actor]})
    at_once(collector.add(Answer(Call("Slot", asked), (page(mine, whose),)), Wanted(*DAY, 0)))
    assert collector.counts == count
    assert ids(collector) == (["at-9"] if count == {"received": 1} else [])
