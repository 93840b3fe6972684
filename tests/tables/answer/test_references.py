"""Whose Practitioner, Location and Schedule an EHR's references name: its own, whatever the spelling."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.core.directory import Directory
from gateway.core.mapping import Wanted
from gateway.core.plan import Answer, Call
from gateway.core.values import at_once
from gateway.tables.answer.site import SiteTables
from tests import clinic

EHR, ITSELF, OTHER = "http://ehr.example", "http://10.0.0.7:8080/fhir", "https://elsewhere.example/fhir"
URN = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return clinic.tables(tmp_path_factory.mktemp("clinic"), "fhir-r4", csv="schedule\n")


def answer(kind: str, *entries: tuple[str | None, Any]) -> Answer:
    """A Bundle of resources behind their fullUrl."""
    page = [{"resource": each, **({"fullUrl": url} if url is not None else {})} for url, each in entries]
    return Answer(Call(kind), (json.dumps({"resourceType": "Bundle", "entry": page}).encode(),))


def directory(
    tables: SiteTables, actor: str, schedule: str | None = None, staff: str | None = None
) -> Directory:
    """One Schedule with this actor, and one Practitioner p1, under these URLs."""
    one = {"resourceType": "Schedule", "id": "s1", "actor": [{"reference": actor}]}
    return tables.directory(
        (
            answer("Schedule", (schedule, one)),
            answer("Practitioner", (staff, clinic.practitioner("p1", "4356789876", "Pat", "Granite"))),
            answer("Location"),
        )
    )


@pytest.mark.parametrize(
    ("actor", "schedule", "staff", "joined"),
    [
        ("Practitioner/p1", None, None, True),
        ("Practitioner/p1/_history/3", None, None, True),
        (f"{EHR}/Practitioner/p1", None, None, True),
        (f"{EHR}/Practitioner/p1/_history/3", None, None, True),
        ("HTTPS://EHR.EXAMPLE/Practitioner/p1", None, None, True),
        # A server behind a proxy calls itself otherwise than we do.
        (f"{ITSELF}/Practitioner/p1", f"{ITSELF}/Schedule/s1", None, True),
        (f"{ITSELF}/Practitioner/p1", None, f"{ITSELF}/Practitioner/p1", True),
        (URN, None, URN, True),
        (f"{OTHER}/Practitioner/p1", None, None, False),
        (f"{OTHER}/Practitioner/p1", f"{EHR}/Schedule/s1", f"{EHR}/Practitioner/p1", False),
        (f"{EHR}/other/Practitioner/p1", None, None, False),
        (f"{ITSELF}/Practitioner/p1", None, None, False),
        ("Location/p1", None, None, False),
        ("x/Practitioner/p1", None, None, False),
        (URN, None, None, False),
        ("#p1", None, None, False),
    ],
)
def test_the_practitioner_of_a_schedule(
    tables: SiteTables, actor: str, schedule: str | None, staff: str | None, joined: bool
) -> None:
    (line,) = directory(tables, actor, schedule, staff).lines
    assert line["schedule"] == "s1"
    assert (line.get("provider_id") == "4356789876") is joined


@pytest.mark.parametrize(
    ("reference", "own"),
    [
        ("Schedule/s1", True),
        ("s1", True),
        ("Schedule/s1/_history/2", True),
        (f"{EHR}/Schedule/s1", True),
        (f"{ITSELF}/Schedule/s1", True),
        (f"{OTHER}/Schedule/s1", False),
        (f"{EHR}/other/Schedule/s1", False),
        ("Practitioner/s1", False),
        ("/Schedule/s1", False),
    ],
)
def test_the_schedule_of_a_slot(tables: SiteTables, reference: str, own: bool) -> None:
    known = directory(tables, "Practitioner/p1", f"{ITSELF}/Schedule/s1")
    collector = tables.collector(known, (0,))
    slot = clinic.slot("2025-10-22T09:00:00-07:00", "2025-10-22T09:20:00-07:00")
    slot["schedule"]["reference"] = reference
    wanted = Wanted("2025-10-22T00:00:00.000Z", "2025-10-23T00:00:00.000Z", 0)
    at_once(collector.add(answer("Slot", (None, slot)), wanted))
    assert collector.counts == {"received": 1, **({} if own else {"stray": 1})}


@pytest.mark.parametrize("odd", [None, 7, "", "x", f"{OTHER}/Schedule/s1"])
def test_an_odd_url_of_an_entry_does_no_harm(tables: SiteTables, odd: Any) -> None:
    one = {"resourceType": "Schedule", "id": "s1", "actor": [{"reference": "Practitioner/p1"}]}
    page = {"resourceType": "Bundle", "entry": [{"fullUrl": odd, "resource": one}]}
    found = tables.directory((Answer(Call("Schedule"), (json.dumps(page).encode(),)),))
    assert [line["schedule"] for line in found.lines] == ["s1"]
