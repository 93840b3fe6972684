"""Two gateways behind each other: what comes out at the end is what went in. All servers are real."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.clinic import query
from tests.interop import neighbours
from tests.interop.neighbours import BEARER, CLINIC, DESTINATION, ZONE
from tests.interop.running import Json, gateway, serving, site
from tests.interop.valid import Valid

GRANITE = {"ID": "4356789876", "IDType": "NPI"}
# The FHIR side takes a length as Canvas does; base FHIR has no parameter for it.
BY_LENGTH = """\
over: available-slots.query
rows:
  - row: Visit.VisitPreference.Duration
    param: duration
    loses: the unit
"""
# What no directory keeps of a provider; and the address, of which a Practitioner has one wherever it is
# that the provider is seen, while this Redox tells that of the place.
UNTOLD = ("EmailAddresses", "Location", "Address")


@pytest.mark.parametrize(
    ("visit", "least"),
    [
        ({}, 250),
        ({"AttendingProviders": [GRANITE]}, 60),
        ({"AttendingProviders": [{"ID": "BH-0007", "IDType": "EHRID"}]}, 40),
        ({"Locations": [{"Facility": "RES General Hospital", "Department": "3N", "Room": "136"}]}, 30),
        (
            {
                "AttendingProviders": [GRANITE, {"ID": "4356780018", "IDType": "NPI"}],
                "Locations": [{"Department": "3N"}, {"Facility": "Juniper Street Clinic"}],
                "VisitPreference": [{"Duration": "45", "DurationUnit": "minutes"}],
            },
            60,
        ),
    ],
    ids=["anybody", "one provider", "one without an NPI", "one room", "two providers, 45 minutes"],
)
async def test_redox_to_fhir_to_redox(tmp_path: Path, visit: Json, least: int) -> None:
    """Redox -> gateway -> the FHIR side of another -> Redox."""
    message = query(start="2025-10-21T16:20:00.000Z", end="2025-10-28T02:00:00.000Z", **visit)
    async with (
        serving(neighbours.redox_network()) as redox,
        serving(neighbours.issuer()) as issuer,
        neighbours.partner(tmp_path / "inner", redox, issuer) as inner,
    ):
        upstream = {
            "dialect": "fhir-r4",
            "base_url": f"{inner.url}/fhir/partner",
            "token_url": f"{issuer}/token",
            "client_id": "outer",
            "client_secret": "s",
        }
        sites = [site("outer", ZONE, upstream, destination=DESTINATION, max_slots=5000)]
        files = {"mappings/sites/outer/available-slots.query.yaml": BY_LENGTH}
        async with gateway(tmp_path / "outer", sites, files) as outer:
            answer = await outer.redox(message)
        direct = await neighbours.redox_answer(redox, message)
    assert not answer["Meta"].get("IsIncomplete")
    assert [_told(slot) for slot in answer["AvailableSlots"]] == [
        _told(slot) for slot in sorted(direct["AvailableSlots"], key=_place_in_answer)
    ]
    assert len(answer["AvailableSlots"]) >= least


def _told(slot: Json) -> Json:
    """A slot without what it leaves empty, and without what no directory keeps."""
    told: Json = _filled(slot)
    for name in UNTOLD:
        told["Provider"].pop(name, None)
    return told


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        inner = {name: _filled(each) for name, each in value.items()}
        return {name: each for name, each in inner.items() if each not in (None, [], {})}
    return value


def _place_in_answer(slot: Json) -> tuple[str, ...]:
    """By time, then by provider and place: the order in which the gateway answers."""
    provider, location = slot["Provider"], slot["Location"]
    names = (provider["LastName"], provider["FirstName"], provider["ID"])
    places = (location["Facility"], location["Department"], location["Room"] or "")
    return (slot["DateTime"], *(each.casefold() for each in (*names, *places)))


@pytest.mark.parametrize("params", [{}, {"duration": "45"}], ids=["20 minutes", "45 minutes"])
async def test_fhir_to_redox_to_canvas(tmp_path: Path, params: dict[str, str], validate: Valid) -> None:
    """FHIR client -> gateway -> Redox -> another gateway -> Canvas."""
    schedules = [each.id for each in CLINIC.schedules]
    days = {"start": "2025-10-22", "end": "2025-10-26"}
    async with serving(neighbours.canvas()) as canvas:
        sites = [
            site("demo", ZONE, neighbours.canvas_upstream(canvas), destination=DESTINATION, max_slots=5000)
        ]
        async with (
            gateway(tmp_path / "inner", sites) as inner,
            serving(neighbours.relaying(neighbours.redox_network(), inner.url)) as redox,
            neighbours.partner(tmp_path / "outer", redox) as outer,
        ):
            asked = {"schedule": ",".join(schedules), **days, **params, "_count": "40"}
            pages = await _pages(f"{outer.url}/fhir/partner/Slot", asked)
        direct = await neighbours.canvas_slots(canvas, schedules, **days, **params)
    entries = [entry for page in pages for entry in page.get("entry", [])]
    assert {entry["search"]["mode"] for entry in entries} == {"match"}
    slots = [entry["resource"] for entry in entries]
    assert sorted(map(_spans, slots)) == sorted(map(_spans, direct))
    assert len(pages) > 3
    assert {page["total"] for page in pages} == {len(direct)}
    validate(pages)


async def _pages(url: str, params: dict[str, str]) -> list[Json]:
    """The searchsets from the first to the one without a `next`."""
    pages: list[Json] = []
    following: str | None = url
    headers = {"Authorization": f"Bearer {BEARER}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        while following:
            async with session.get(following, params=None if pages else params) as response:
                assert response.status == 200, await response.text()
                pages.append(await response.json(content_type=None))
            links = {link["relation"]: link["url"] for link in pages[-1]["link"]}
            following = links.get("next")
    return pages


def _spans(slot: Json) -> tuple[str, datetime, datetime]:
    """Whose, and from when to when as instants."""
    start, end = (datetime.fromisoformat(slot[name]).astimezone(UTC) for name in ("start", "end"))
    return slot["schedule"]["reference"], start, end
