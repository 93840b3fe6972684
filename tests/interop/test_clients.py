"""Stock FHIR clients read the FHIR side of a gateway: they search, page, follow `_include` and read.

What they are told is compared with the simulated clinic itself, and everything that they read is
validated by fhir.resources (R4B) and by Medplum's validator.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.schedule import Schedule
from fhirclient.models.slot import Slot
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, OperationOutcome, ResourceNotFound

from tests.interop import neighbours
from tests.interop.neighbours import BEARER, CLINIC
from tests.interop.peers import node
from tests.interop.running import Gateway, Json
from tests.interop.valid import Valid

FIRST, UNTIL = date(2025, 10, 22), date(2025, 10, 25)
# Two people at one place.
CHOSEN = tuple(each for each in CLINIC.schedules if each.department == "3N")
SEARCH = {
    "schedule": ",".join(each.id for each in CHOSEN),
    "start": ["ge2025-10-22T00:00:00-07:00", "lt2025-10-25T00:00:00-07:00"],
    "status": "free",
}
Told = tuple[str, datetime, datetime]


@pytest.fixture
async def partner(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with neighbours.partner_of_redox(tmp_path / "partner") as running:
        yield running


@pytest.fixture
def base(partner: Gateway) -> str:
    return f"{partner.url}/fhir/partner"


def expected(minutes: int = 20) -> list[Told]:
    """The slots of the chosen schedules as the clinic has them, by time."""
    return sorted(
        (f"Schedule/{each.id}", slot.start.astimezone(UTC), slot.end.astimezone(UTC))
        for each in CHOSEN
        for slot in CLINIC.slots(each, FIRST, UNTIL, minutes)
    )


def told(slot: Json) -> Told:
    start, end = (datetime.fromisoformat(slot[name]).astimezone(UTC) for name in ("start", "end"))
    return slot["schedule"]["reference"], start, end


def plain(found: list[Any]) -> list[Json]:
    return [dict(each.serialize()) for each in found]


# --- fhirpy -----------------------------------------------------------------------------------------


def fhirpy(base: str, token: str = BEARER) -> AsyncFHIRClient:
    return AsyncFHIRClient(base, authorization=f"Bearer {token}")


async def test_fhirpy_pages_through_a_search(base: str, validate: Valid) -> None:
    slots = await fhirpy(base).resources("Slot").search(**SEARCH).sort("start").limit(7).fetch_all()
    found = plain(slots)
    assert sorted(map(told, found)) == expected()
    assert len(found) > 21
    starts = [told(slot)[1] for slot in found]
    assert starts == sorted(starts)
    assert len({slot["id"] for slot in found}) == len(found)
    validate(found)


async def test_fhirpy_asks_with_its_own_spelling_of_comparisons(base: str) -> None:
    first = datetime(2025, 10, 22, 7, tzinfo=UTC)
    search = (
        fhirpy(base)
        .resources("Slot")
        .search(
            start__ge=first,
            start__lt=first + timedelta(days=3),
            schedule=SEARCH["schedule"],
            duration=45,
        )
    )
    assert sorted(map(told, plain(await search.fetch_all()))) == expected(45)
    assert await search.count() == len(expected(45))


async def test_fhirpy_finds_what_is_included(base: str, validate: Valid) -> None:
    search = fhirpy(base).resources("Slot").search(**SEARCH).limit(100)
    search = search.include("Slot", "schedule").include("Schedule", "actor", iterate=True)
    page = await search.fetch_raw()
    modes = {(entry["resource"]["resourceType"], entry["search"]["mode"]) for entry in page["entry"]}
    assert modes == {
        ("Slot", "match"),
        ("Schedule", "include"),
        ("Practitioner", "include"),
        ("Location", "include"),
    }
    found = plain([entry["resource"] for entry in page["entry"]])
    schedules = {each["id"]: each for each in found if each["resourceType"] == "Schedule"}
    assert set(schedules) == {each.id for each in CHOSEN}
    names = {each["name"][0]["family"] for each in found if each["resourceType"] == "Practitioner"}
    assert names == {"Granite", "Basalt"}
    validate(found)


async def test_fhirpy_follows_references(base: str, validate: Valid) -> None:
    client = fhirpy(base)
    slot = await client.resources("Slot").search(**SEARCH).first()
    assert slot is not None
    schedule = await slot["schedule"].to_resource()
    actors = [await actor.to_resource() for actor in schedule["actor"]]
    assert {actor.resource_type for actor in actors} == {"Practitioner", "Location"}
    again = await client.reference("Slot", slot["id"]).to_resource()
    assert again.serialize() == slot.serialize()
    validate(plain([slot, schedule, *actors]))


@pytest.mark.parametrize("resource", ["Schedule", "Practitioner", "Location"])
async def test_fhirpy_lists_the_directory(base: str, resource: str, validate: Valid) -> None:
    found = plain(await fhirpy(base).resources(resource).limit(2).fetch_all())
    people = {each.person.id for each in CLINIC.schedules}
    wanted = {
        "Schedule": {each.id for each in CLINIC.schedules},
        "Practitioner": people,
        "Location": {each["id"] for each in found},
    }
    assert {each["id"] for each in found} == wanted[resource]
    assert len(found) >= 3
    validate(found)


async def test_fhirpy_is_told_what_is_wrong(base: str) -> None:
    with pytest.raises(OperationOutcome, match="start") as wrong:
        await fhirpy(base).resources("Slot").search(start="whenever").fetch()
    assert wrong.value.resource["issue"][0]["severity"] == "error"
    with pytest.raises(AuthorizationError):
        await fhirpy(base, "another").resources("Slot").fetch()
    with pytest.raises(ResourceNotFound):
        await fhirpy(base).get("Slot", "nobody")


# --- fhirclient (SMART) -----------------------------------------------------------------------------


def smart(base: str) -> FHIRClient:
    client = FHIRClient(settings={"app_id": "scheduler-app", "api_base": base})
    client.server.session.headers["Authorization"] = f"Bearer {BEARER}"
    return client


async def test_fhirclient_searches_pages_and_reads(base: str, validate: Valid) -> None:
    """Its models are strict: whatever is not FHIR is refused."""

    def work() -> tuple[list[Any], Any, Any]:
        server = smart(base).server
        struct = {"schedule": SEARCH["schedule"], "start": {"$and": SEARCH["start"]}, "_count": "9"}
        slots = list(Slot.where(struct).perform_resources_iter(server))
        schedule = Schedule.read(slots[0].schedule.reference.partition("/")[2], server)
        return slots, schedule, schedule.actor[0].resolved

    slots, schedule, _ = await asyncio.to_thread(work)
    found = [slot.as_json() for slot in slots]
    assert sorted(map(told, found)) == expected()
    assert schedule.id in {each.id for each in CHOSEN}
    assert slots[0].start.datetime == told(found[0])[1]
    validate([*found, schedule.as_json()])


async def test_fhirclient_includes_the_schedule(base: str, validate: Valid) -> None:
    def work() -> Bundle:
        search = Slot.where({"schedule": CHOSEN[0].id, "start": "ge2025-10-22"}).include("schedule")
        return next(search.perform_iter(smart(base).server))

    page = await asyncio.to_thread(work)
    kinds = [(entry.resource.resource_type, entry.search.mode) for entry in page.entry]
    assert ("Slot", "match") in kinds
    assert [kind for kind in kinds if kind[1] == "include"] == [("Schedule", "include")]
    validate([page.as_json()])


async def test_fhirclient_reads_the_capability_statement(base: str, validate: Valid) -> None:
    def work() -> Any:
        server = smart(base).server
        server.get_capability()
        return server.capabilityStatement

    statement = await asyncio.to_thread(work)
    assert statement.fhirVersion == "4.0.1"
    told_of = {resource.type: resource for resource in statement.rest[0].resource}
    assert set(told_of) == {"Slot", "Schedule", "Practitioner", "Location"}
    assert {"start", "schedule", "status"} <= {each.name for each in told_of["Slot"].searchParam}
    validate([statement.as_json()])


# --- fhir-kit-client --------------------------------------------------------------------------------


async def test_fhir_kit_client_searches_pages_resolves_and_posts(base: str, validate: Valid) -> None:
    search = {**SEARCH, "_count": "8", "_include": "Slot:schedule", "_include:iterate": "Schedule:actor"}
    node.require()
    asked = {"baseUrl": base, "bearerToken": BEARER, "search": search}
    read = await asyncio.to_thread(node.run, "kit/client.mjs", asked)
    for pages in (read["searched"], read["posted"]):
        entries = [entry for page in pages for entry in page["entry"]]
        matches = [entry["resource"] for entry in entries if entry["search"]["mode"] == "match"]
        assert sorted(map(told, matches)) == expected()
        assert {page["total"] for page in pages} == {len(expected())}
        assert len(pages) == -(-len(expected()) // 8)
    # What is included with a page is what is read one by one.
    assert read["resolved"] == read["read"]
    assert [each["resourceType"] for each in read["read"]][:2] == ["Slot", "Schedule"]
    statuses = [(error["status"], error["data"]["resourceType"]) for error in read["errors"]]
    assert statuses == [(404, "OperationOutcome"), (400, "OperationOutcome"), (401, "OperationOutcome")]
    outcomes = [error["data"] for error in read["errors"]]
    validate([read["capability"], *read["searched"], *read["posted"], *read["read"], *outcomes])
