"""Real search engines, Medplum's and HAPI's, are asked through the dialect `fhir-r4` by queries of Redox's.

The site's own folder has a code table and nothing else: not one row of the dialect had to be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests
from fhirpy import AsyncFHIRClient

from tests.clinic import query
from tests.interop.practice import OFFICE_VISIT, PEOPLE, PLACES, SNOMED, Held, Practice
from tests.interop.running import Gateway, Json, gateway, site
from tests.interop.valid import Valid

DESTINATION = "af394f14-b34a-464f-8d24-895f370af4c9"
GRANITE, BASALT = PEOPLE[0][0], PEOPLE[1][0]
NORTH, SOUTH = PLACES
# Both ends lie amid the slots of a day.
START, END = datetime(2025, 10, 21, 18, 10, tzinfo=UTC), datetime(2025, 10, 25, 20, 30, tzinfo=UTC)
WINDOW = {"start": "2025-10-21T18:10:00.000Z", "end": "2025-10-25T16:30:00.000-0400"}
CODES = (
    f"redox_code,redox_system,fhir_code,fhir_system,way,note\n210,DNER15,{OFFICE_VISIT},{SNOMED},,Office\n"
)
FILES = {"mappings/sites/practice/codes/visit-types.csv": CODES}


def served(practice: Practice, folder: Path, *, max_pages: int = 100) -> Any:
    upstream = {"dialect": "fhir-r4", "base_url": practice.url, "max_pages": max_pages}
    doors = {"clients": [{"id": "app", "token_sha256": sha256(b"9c2f40b7e91d6a53").hexdigest()}]}
    sites = [site("practice", "America/Los_Angeles", upstream, destination=DESTINATION, fhir=doors)]
    return gateway(folder, sites, FILES)


def expected(practice: Practice, fits: Callable[[Held], bool] = lambda _: True) -> list[tuple[Any, ...]]:
    """What is free in the window, told plainly from what was loaded."""
    held = (each for each in practice.slots if each.status == "free" and START <= each.start < END)
    return sorted(each.told() for each in held if fits(each))


def told(answer: Json) -> list[tuple[Any, ...]]:
    return sorted(
        (
            each["ID"],
            each["DateTime"],
            each["Duration"],
            each["Provider"]["ID"],
            each["Location"]["Facility"],
        )
        for each in answer["AvailableSlots"]
    )


def provider(npi: str) -> Json:
    return {"ID": npi, "IDType": "NPI"}


def counts(running: Gateway) -> Json:
    found: Json = running.requests()[-1]["counts"]
    return found


async def test_the_free_slots_of_one_provider(engine: Practice, tmp_path: Path) -> None:
    async with served(engine, tmp_path) as running:
        answer = await running.redox(query(AttendingProviders=[provider(GRANITE)], **WINDOW))
    wanted = expected(engine, lambda held: held.npi == GRANITE)
    assert told(answer) == wanted
    assert len(wanted) > 20  # many pages of 6
    assert not answer["Meta"].get("IsIncomplete")
    assert answer["AvailableSlots"][0]["Provider"] == {
        **provider(GRANITE),
        "FirstName": "Pat",
        "LastName": "Granite",
        "Credentials": ["MD"],
    }
    # Both schedules in one search, and every slot that came was free, wanted and in the window.
    asked = {"schedules": 2, "searches": 1, "failed": 0}
    assert counts(running) == {**asked, "slots": len(wanted), "incomplete": 0, "received": len(wanted)}


@pytest.mark.parametrize(
    ("visit", "fits"),
    [
        ({}, lambda held: True),
        ({"Locations": [{"Facility": SOUTH}]}, lambda held: held.place == SOUTH),
        (
            {"AttendingProviders": [provider(GRANITE), provider(BASALT)], "Locations": [{"Facility": NORTH}]},
            lambda held: held.npi in (GRANITE, BASALT) and held.place == NORTH,
        ),
        (
            {"VisitPreference": [{"Duration": "30", "DurationUnit": "minutes"}]},
            lambda held: held.minutes == 30,
        ),
        ({"VisitType": [{"Code": "210", "Codeset": "DNER15"}]}, lambda held: held.kind == OFFICE_VISIT),
        (
            {"VisitPreference": [{"Day": ["Wednesday"], "Time": ["0900"]}]},
            lambda held: held.start.day == 22 and 15 <= held.start.hour + held.start.minute / 60 <= 17,
        ),
    ],
    ids=["anybody", "at a place", "two providers at a place", "long ones", "visit type", "day and time"],
)
async def test_every_way_to_choose(
    engine: Practice, tmp_path: Path, visit: Json, fits: Callable[[Held], bool]
) -> None:
    async with served(engine, tmp_path) as running:
        answer = await running.redox(query(**visit, **WINDOW))
    wanted = expected(engine, fits)
    assert wanted
    assert told(answer) == wanted
    assert not answer["Meta"].get("IsIncomplete")


async def test_in_order_of_time(engine: Practice, tmp_path: Path) -> None:
    async with served(engine, tmp_path) as running:
        answer = await running.redox(query(**WINDOW))
    times = _times(answer["AvailableSlots"])
    assert times == sorted(times)


def _times(slots: Iterable[Json]) -> list[str]:
    return [slot["DateTime"] for slot in slots]


async def test_of_more_pages_than_are_read_the_earliest_slots_are_left(
    engine: Practice, tmp_path: Path
) -> None:
    """Medplum sorts instants by their text, whatever their offsets: in no order of time."""
    async with served(engine, tmp_path, max_pages=2) as running:
        answer = await running.redox(query(AttendingProviders=[provider(GRANITE)], **WINDOW))
    assert answer["Meta"]["IsIncomplete"] is True
    every = sorted(expected(engine, lambda held: held.npi == GRANITE), key=lambda each: each[1])
    times = _times(answer["AvailableSlots"])
    assert 0 < len(times) < len(every)
    assert times == [each[1] for each in every][: len(times)]


async def test_an_unknown_provider_is_never_an_empty_answer(engine: Practice, tmp_path: Path) -> None:
    async with served(engine, tmp_path) as running:
        answer = await running.redox(query(AttendingProviders=[provider("4356789867")], **WINDOW), status=422)
    text = answer["Meta"]["Errors"][0]["Text"]
    assert text.startswith('Visit.AttendingProviders[0].ID: "4356789867" (IDType NPI) is not a provider')
    assert GRANITE in text


async def test_a_fhir_client_asks_the_same_of_the_same_engine(
    engine: Practice, tmp_path: Path, validate: Valid
) -> None:
    async with served(engine, tmp_path) as running:
        client = AsyncFHIRClient(f"{running.url}/fhir/practice", authorization="Bearer 9c2f40b7e91d6a53")
        search = client.resources("Slot").search(start__ge=START, start__lt=END, status="free")
        slots = [slot.serialize() for slot in await search.limit(50).fetch_all()]
        schedules = {each["id"] for each in await client.resources("Schedule").fetch_all()}
    assert sorted(map(_span, slots)) == sorted(
        (datetime.fromisoformat(when), minutes) for _, when, minutes, *_ in expected(engine)
    )
    assert {slot["schedule"]["reference"].partition("/")[2] for slot in slots} == schedules
    validate(slots)


def _span(slot: Json) -> tuple[datetime, int]:
    start, end = (datetime.fromisoformat(slot[name]) for name in ("start", "end"))
    return start, int((end - start).total_seconds()) // 60


async def test_what_is_free_now_is_offered_and_nothing_else(engine: Practice, tmp_path: Path) -> None:
    """Such servers answer the same search again out of a cache, unless they are told not to."""
    asked = query(AttendingProviders=[provider(GRANITE)], **WINDOW)
    wanted = expected(engine, lambda held: held.npi == GRANITE)
    taken = wanted[-1]
    async with served(engine, tmp_path) as running:
        with _changed(f"{engine.url}/Slot/{taken[0]}", status="busy"):
            assert told(await running.redox(asked)) == [each for each in wanted if each != taken]
        assert told(await running.redox(asked)) == wanted
        with _changed(f"{engine.url}/Slot/{taken[0]}", status="busy"):
            assert told(await running.redox(asked)) == [each for each in wanted if each != taken]


@contextmanager
def _changed(url: str, **elements: str) -> Iterator[None]:
    """A resource as it is changed, until it is as it was."""
    before = requests.get(url, timeout=10).json()
    _put(url, {**before, **elements})
    try:
        yield
    finally:
        _put(url, before)


def _put(url: str, resource: Json) -> None:
    response = requests.put(url, json=resource, timeout=10)
    assert response.status_code == 200, response.text
