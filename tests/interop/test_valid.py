"""Every kind of answer that FHIR clients get is valid to all validators, whatever stands behind a site."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.interop import neighbours
from tests.interop.neighbours import BEARER, CLINIC, ISSUER, ZONE
from tests.interop.running import Gateway, Json, gateway, serving, site
from tests.interop.valid import Valid

SCHEDULES = ",".join(each.id for each in CLINIC.schedules[:3])
DAYS = "start=ge2025-10-22&start=lt2025-10-24"
SLOTS = f"Slot?schedule={SCHEDULES}&{DAYS}"
NPI = "http://hl7.org/fhir/sid/us-npi"
SEARCHES = (
    f"Slot?{DAYS}&_include=Slot:schedule&_include:iterate=Schedule:actor",
    SLOTS,
    f"{SLOTS}&_count=3",
    f"{SLOTS}&_include=Slot:schedule",
    f"{SLOTS}&_include=Slot:schedule&_include:iterate=Schedule:actor&_count=4",
    f"{SLOTS}&_include=Slot:schedule:Schedule&_include:iterate=Schedule:actor:Practitioner",
    f"{SLOTS}&_sort=-start&_count=5",
    f"{SLOTS}&_summary=true&_include=Slot:schedule&_include:iterate=Schedule:actor",
    f"{SLOTS}&_summary=text&_include=Slot:schedule&_include:iterate=Schedule:actor",
    f"{SLOTS}&_summary=data",
    f"{SLOTS}&_summary=count",
    f"{SLOTS}&_count=0",
    f"{SLOTS}&_elements=start,end",
    f"{SLOTS}&_elements=Slot.comment&_include=Slot:schedule",
    f"{SLOTS}&_total=accurate",
    f"{SLOTS}&_total=none&_pretty=true&_format=json",
    f"{SLOTS}&unknown=1&_sort=status&_revinclude=Appointment:slot&status=",
    f"{SLOTS}&%C3%A9%22%3C%26%20=1&_include=Slot:%20nothing",
    f"{SLOTS}&status=busy",
    "Slot?start=ge2025-10-24&start=lt2025-10-22",
    "Slot?start=lt2001-01-01",
    f"Slot?schedule=nobody&{DAYS}",
    f"Slot?schedule=nobody,{SCHEDULES}&{DAYS}&_count=2",
    f"Slot?_id=nobody&{DAYS}",
    f"Slot?schedule.actor:Practitioner.identifier={NPI}|4356789876&{DAYS}",
    f"Slot?service-type=http://snomed.info/sct|nothing&{DAYS}",
    f"Slot?{DAYS}&duration=45",
    "Schedule",
    "Schedule?_include=Schedule:actor&_count=2",
    "Schedule?_summary=text&_include=Schedule:actor",
    "Schedule?_elements=actor",
    "Schedule?_summary=count",
    "Schedule?_id=nobody",
    "Practitioner",
    "Practitioner?_summary=true&_count=1",
    "Practitioner?_elements=name",
    "Practitioner?_summary=text",
    f"Practitioner?identifier={NPI}|4356789876",
    "Location",
    "Location?_summary=text",
    "Location?_elements=name",
)
REFUSED = (
    ("GET", "Slot?start=whenever&end=never&duration=long", 400),
    ("GET", "Slot?_count=many", 400),
    ("GET", "Slot?_cursor=nowhere", 400),
    ("GET", "Slot?schedule:missing=true", 400),
    ("GET", "Slot?_lastUpdated=2025&_tag=a&identifier=%20%09b", 400),
    ("GET", "Slot?start=%00", 400),
    ("GET", "Slot?start=%FF", 400),
    ("GET", "Slot?start=%20%C2%A0%E2%80%A8x%C2%85", 400),
    ("GET", "Slot?" + "&".join(f"start:{number}=1" for number in range(100)), 400),
    ("GET", "Slot/nobody", 404),
    ("GET", "Schedule/nobody", 404),
    ("GET", "Patient", 404),
    ("GET", "Slot/a/_history/1", 404),
    ("GET", "Slot?_format=xml", 406),
    ("POST", "Slot", 405),
    ("PUT", "Slot/a", 405),
    ("POST", "Slot/_search", 415),
)
# What an EHR holds that writes FHIR loosely.
LOOSE: tuple[Json, ...] = (
    {
        "resourceType": "Practitioner",
        "id": "p",
        "identifier": [
            {"system": NPI, "value": " 4356789876\t"},
            {"system": "urn:oid:1.2", "value": "A "},
            {"system": "no url at all", "value": "7"},
        ],
        "name": [{"family": "O'Neil\x02", "given": [" Ann ", "", " "], "suffix": ["MD "]}],
        "telecom": [{"system": "phone", "use": "work", "value": " 555 0100 "}],
        "address": [{"use": "work", "line": [" 1 Main St", "\n"], "city": "Reno\u00a0", "state": ""}],
    },
    {"resourceType": "Location", "id": "l", "name": "Main\x00 ", "identifier": [{"value": "l/1"}]},
    {
        "resourceType": "Schedule",
        "id": "s",
        "actor": [{"reference": "Practitioner/p"}, {"reference": "Location/l", "display": " here "}],
    },
    {"resourceType": "Schedule", "id": "only", "actor": [{"display": " \x07who "}]},
    {
        "resourceType": "Slot",
        "id": "a",
        "status": "free",
        "schedule": {"reference": "Schedule/s"},
        "start": "2025-10-22T09:00:00-07:00",
        "end": "2025-10-22T09:20:00-07:00",
        "comment": " see\x01 notes\r\n",
        "serviceType": [{"text": " any "}, {"coding": [{"code": " a  b ", "display": " "}]}],
        "appointmentType": {"coding": [{"system": "", "code": "X\ty"}], "text": ""},
        "specialty": [{"coding": [{"system": "urn:x y", "code": " "}]}],
    },
    {
        "resourceType": "Slot",
        "id": "b/c d",
        "status": "free",
        "schedule": {"reference": "Schedule/only"},
        "start": "2025-10-22T10:00:00.123456-07:00",
        "end": "2025-10-22T10:30:00Z",
    },
)


def loose_ehr() -> web.Application:
    """An EHR that answers every search by all it has of that type."""

    async def search(request: web.Request) -> web.Response:
        found = [each for each in LOOSE if each["resourceType"] == request.match_info["type"]]
        entries = [{"resource": each, "search": {"mode": "match"}} for each in found]
        return web.json_response({"resourceType": "Bundle", "type": "searchset", "entry": entries})

    app = web.Application()
    app.router.add_get("/{type}", search)
    return app


def _doors() -> Json:
    clients = [{"id": "app", "token_sha256": hashlib.sha256(BEARER.encode()).hexdigest()}]
    jwt = {"issuer": ISSUER, "audience": "gateway", "jwks_url": "http://127.0.0.1:9/jwks"}
    return {"clients": clients, "jwt": jwt}


@pytest.fixture
async def everything(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway of a site for each kind of upstream."""
    async with AsyncExitStack() as stack:
        redox = await stack.enter_async_context(serving(neighbours.redox_network()))
        canvas = await stack.enter_async_context(serving(neighbours.canvas()))
        loose = await stack.enter_async_context(serving(loose_ehr()))
        behind = {"partner": neighbours.redox_upstream(redox), "demo": neighbours.canvas_upstream(canvas)}
        behind["loose"] = {"dialect": "fhir-r4", "base_url": loose}
        sites = [site(name, ZONE, upstream, fhir=_doors()) for name, upstream in behind.items()]
        files = {
            "redox.pem": neighbours.redox_key(),
            "mappings/sites/partner/schedules.csv": neighbours.schedules_csv(),
        }
        yield await stack.enter_async_context(gateway(tmp_path, sites, files))


async def _walked(session: aiohttp.ClientSession, url: str, most: int = 3) -> list[Json]:
    """The first pages of a search."""
    found: list[Json] = []
    following: str | None = url
    while following and len(found) < most:
        async with session.get(following) as response:
            found.append(await response.json(content_type=None))
            assert response.status == 200, found
        following = {link["relation"]: link["url"] for link in found[-1]["link"]}.get("next")
    return found


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers={"Authorization": f"Bearer {BEARER}"})


@pytest.mark.parametrize("name", ["partner", "demo", "loose"])
async def test_what_is_found(everything: Gateway, name: str, validate: Valid) -> None:
    async with _session() as session:
        base = f"{everything.url}/fhir/{name}"
        pages = [page for search in SEARCHES for page in await _walked(session, f"{base}/{search}")]
        links = {entry["fullUrl"]: None for page in pages for entry in page.get("entry", ())}
        read = []
        for link in [each for each in links if each.startswith(base)][:: max(1, len(links) // 20)]:
            async with session.get(link) as response:
                read.append(await response.json(content_type=None))
                assert response.status == 200, (link, read[-1])
    modes = {entry["search"]["mode"] for page in pages for entry in page.get("entry", ())}
    assert modes == {"match", "include", "outcome"}
    validate([*pages, *read])


@pytest.mark.parametrize("name", ["partner", "demo"])
async def test_what_is_refused(everything: Gateway, name: str, validate: Valid) -> None:
    found = []
    async with _session() as session:
        for method, path, status in REFUSED:
            async with session.request(method, f"{everything.url}/fhir/{name}/{path}", json={}) as response:
                found.append(await response.json(content_type=None))
                assert response.status == status, (method, path, found[-1])
    async with aiohttp.ClientSession() as stranger, stranger.get(f"{everything.url}/fhir/{name}/Slot") as no:
        assert no.status == 401
        found.append(await no.json(content_type=None))
    assert {each["resourceType"] for each in found} == {"OperationOutcome"}
    validate(found)


async def test_what_fails(tmp_path: Path, validate: Valid) -> None:
    upstream = {"dialect": "fhir-r4", "base_url": "http://127.0.0.1:9"}  # nobody listens there
    async with (
        gateway(tmp_path, [site("gone", ZONE, upstream, fhir=_doors())]) as running,
        _session() as session,
        session.get(f"{running.url}/fhir/gone/Slot?{DAYS}") as response,
    ):
        assert response.status == 502
        validate([await response.json(content_type=None)])


@pytest.mark.parametrize("name", ["partner", "demo", "loose"])
async def test_what_a_site_says_of_itself(everything: Gateway, name: str, validate: Valid) -> None:
    url = f"{everything.url}/fhir/{name}/metadata"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        validate([await response.json(content_type=None)])
