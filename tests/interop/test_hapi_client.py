"""HAPI's generic client, which most clients written in Java are made of, asks the FHIR side of a gateway.

It builds its requests itself, parses strictly, and goes from page to page; what it read is compared with the
simulated clinic.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.clinic import Schedule
from tests.interop import neighbours
from tests.interop.neighbours import BEARER, CLINIC
from tests.interop.peers import java
from tests.interop.running import Gateway, Json

Told = tuple[str, datetime, datetime]
Ask = Callable[..., Any]

FIRST, UNTIL = date(2025, 10, 22), date(2025, 10, 24)
ONE, ANOTHER = CLINIC.schedules[1], CLINIC.schedules[4]
BUSY = CLINIC.schedules[3]  # of somebody who works at two places
COUNT = 9
ASKED: Json = {
    "token": BEARER,
    "count": COUNT,
    "from": "2025-10-22T07:00:00Z",
    "until": "2025-10-24T07:00:00Z",
    "day": str(FIRST),
    "schedule": ONE.id,
    "schedules": [ONE.id, ANOTHER.id],
    "practitioner": BUSY.person.id,
    "another": ONE.person.id,
    "npi": BUSY.person.npi,
    "npis": [BUSY.person.npi, ONE.person.npi],
}


def everybody(_: Schedule) -> bool:
    return True


def one(each: Schedule) -> bool:
    return each == ONE


def one_or_another(each: Schedule) -> bool:
    return each in (ONE, ANOTHER)


def busy(each: Schedule) -> bool:
    return each.person == BUSY.person


def busy_or_one(each: Schedule) -> bool:
    return each.person in (BUSY.person, ONE.person)


@pytest.fixture(scope="module")
def hapi() -> Iterator[Callable[[Json], Json]]:
    java.require()
    with java.conversing("hapi/Client.java") as answer:
        yield answer


@pytest.fixture
async def partner(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with neighbours.partner_of_redox(tmp_path) as running:
        yield running


@pytest.fixture
def ask(hapi: Callable[[Json], Json], partner: Gateway) -> Ask:
    """What the client makes of a search of this name; an answer that is refused has ``error`` and others."""

    async def asking(search: str, **more: Any) -> Json:
        asked = {**ASKED, "base": f"{partner.url}/fhir/partner", "search": search, **more}
        return await asyncio.to_thread(hapi, asked)

    return asking


def expected(
    fits: Callable[[Schedule], bool] = everybody, first: date = FIRST, until: date = UNTIL
) -> list[Told]:
    return sorted(
        (f"Schedule/{each.id}", slot.start.astimezone(UTC), slot.end.astimezone(UTC))
        for each in CLINIC.schedules
        for slot in CLINIC.slots(each, first, until, 20)
        if fits(each)
    )


def resources(answer: Json, mode: str = "match") -> list[Json]:
    entries = (entry for page in answer["found"] for entry in page.get("entry", ()))
    return [entry["resource"] for entry in entries if entry["search"]["mode"] == mode]


def told(answer: Json) -> list[Told]:
    found = []
    for slot in resources(answer):
        start, end = (datetime.fromisoformat(slot[name]).astimezone(UTC) for name in ("start", "end"))
        found.append((slot["schedule"]["reference"], start, end))
    return found


def outcomes(answer: Json) -> str:
    return str([outcome["issue"] for outcome in resources(answer, "outcome")])


@pytest.mark.parametrize(
    ("search", "fits"),
    [
        ("of anybody", everybody),
        ("of a Schedule", one),
        ("of schedules", one_or_another),
        ("of an actor", busy),
        ("of actors", busy_or_one),
        ("of an identifier", busy),
        ("of identifiers", busy_or_one),
        ("of a typed chain", busy),
        ("of a typed actor's id", busy),
        ("by a form", everybody),
        ("as JSON", everybody),
        ("as R4", everybody),
        ("not cached", everybody),
        ("strictly", everybody),
        ("with a total", everybody),
        ("earliest first", everybody),
        ("latest first", everybody),
        ("with schedules", everybody),
        ("summed up", everybody),
        ("without texts", everybody),
        ("texts", everybody),
        ("in part", everybody),
    ],
)
async def test_all_pages_of_a_search(ask: Ask, search: str, fits: Callable[[Schedule], bool]) -> None:
    answer = await ask(search)
    wanted = expected(fits)
    found = told(answer)
    assert sorted(found) == wanted
    assert len(wanted) > COUNT
    assert len(answer["found"]) == -(-len(wanted) // COUNT)
    assert {page["total"] for page in answer["found"]} == {len(wanted)}
    starts = [start for _, start, _ in found]
    assert starts == sorted(starts, reverse=search == "latest first")
    assert outcomes(answer) == "[]"
    marked = [each for each in resources(answer) if "meta" in each]
    assert len(marked) == (len(wanted) if search in ("summed up", "texts", "in part") else 0)


async def test_what_slots_lead_to_comes_along(ask: Ask) -> None:
    answer = await ask("with all that it leads to")
    assert sorted(told(answer)) == expected()
    for page in answer["found"]:
        slots = [entry["resource"] for entry in page["entry"] if entry["search"]["mode"] == "match"]
        others = [entry["resource"] for entry in page["entry"] if entry["search"]["mode"] == "include"]
        there = {f"{each['resourceType']}/{each['id']}" for each in others}
        schedules = [each for each in others if each["resourceType"] == "Schedule"]
        assert {slot["schedule"]["reference"] for slot in slots} <= there
        assert {actor["reference"] for each in schedules for actor in each["actor"]} <= there


async def test_one_after_the_other_as_they_refer(ask: Ask) -> None:
    slot = resources(await ask("of a Schedule"))[0]
    read = (await ask("read", id=slot["id"]))["found"]
    kinds = [each["resourceType"] for each in read]
    assert kinds == ["Slot", "Schedule", "Practitioner", "Location"]
    assert read[0] == slot
    assert (read[1]["id"], read[2]["id"]) == (ONE.id, ONE.person.id)
    place = read[3]["id"]
    assert sorted(told(await ask("at a place", place=place))) == expected(one)
    both = await ask("of a person at a place", place=place, practitioner=ONE.person.id)
    assert sorted(told(both)) == expected(one)
    assert not resources(await ask("of a person at a place", place=place))  # not this person's place
    named = resources(await ask("locations", place=ONE.place.name))
    assert place in {each["id"] for each in named}
    part = (await ask("part", id=slot["id"]))["found"][0]
    assert set(part) == {"resourceType", "id", "meta", "schedule", "status", "start", "end"}
    assert (await ask("unchanged", id=slot["id"]))["found"] == [slot]


async def test_the_days_of_the_clinic(ask: Ask) -> None:
    wanted = expected(one, FIRST, date(2025, 10, 23))
    assert wanted
    assert sorted(told(await ask("of a day"))) == wanted
    assert sorted(told(await ask("of days"))) == wanted


async def test_what_is_counted_or_passed_over(ask: Ask) -> None:
    (counted,) = (await ask("counted"))["found"]
    assert (counted["total"], counted.get("entry")) == (len(expected()), None)
    answer = await ask("with appointments")
    assert sorted(told(answer)) == expected()
    assert "_revinclude" in outcomes(answer)
    following = await ask("of a URL", url=f"Slot?schedule={ONE.id}&start=2025-10-22&_count=3")
    assert sorted(told(following)) == expected(one, FIRST, date(2025, 10, 23))


async def test_the_directory(ask: Ask) -> None:
    (person,) = resources(await ask("practitioners"))
    assert person["id"] == BUSY.person.id
    answer = await ask("schedules")
    assert {each["id"] for each in resources(answer)} == {each.id for each in CLINIC.schedules if busy(each)}
    assert len(answer["found"]) == 2
    kinds = {each["resourceType"] for each in resources(answer, "include")}
    assert kinds == {"Practitioner", "Location"}


async def test_the_capability_statement(ask: Ask) -> None:
    (statement,) = (await ask("metadata"))["found"]
    assert statement["fhirVersion"] == "4.0.1"


@pytest.mark.parametrize(
    ("search", "error", "status", "text"),
    [
        ("changed lately", "InvalidRequestException", 400, "_lastUpdated"),
        ("tagged", "InvalidRequestException", 400, "_tag"),
        ("without a schedule", "InvalidRequestException", 400, "schedule:missing"),
        ("from the tenth on", "InvalidRequestException", 400, "follow the link next"),
        ("as XML", "UnclassifiedServerFailureException", 406, "application/fhir+json"),
        ("by GET of _search", "MethodNotAllowedException", 405, "POST"),
        ("create", "MethodNotAllowedException", 405, "GET"),
        ("former version", "ResourceNotFoundException", 404, "nothing"),
        ("whole system", "ResourceNotFoundException", 404, "nothing"),
        ("read", "ResourceNotFoundException", 404, "no such Slot"),
    ],
)
async def test_what_is_refused_says_why(ask: Ask, search: str, error: str, status: int, text: str) -> None:
    answer = await ask(search, id="nobody")
    assert (answer["error"], answer["status"]) == (error, status)
    assert text in answer["outcome"]["issue"][0]["details"]["text"]


async def test_a_stranger_is_told_so(ask: Ask) -> None:
    answer = await ask("of anybody", token="another")
    assert (answer["error"], answer["status"]) == ("AuthenticationException", 401)
    assert answer["outcome"]["issue"]
