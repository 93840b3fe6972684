"""Each folder of ``available-slots/`` is a case: a query, an EHR's answers, the searches, the answer.

``site.json`` says what differs from the defaults of a site, and its dialect; ``schedules.csv`` and the
recorded Schedules, Practitioners and Locations are those of ``clinic/`` where a case has none of its own.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestServer
from redox.scheduling import AvailableSlotsResponse

from gateway.core import redox
from gateway.core.errors import GatewayError
from gateway.core.flows import SiteRules, available_slots
from gateway.service import Service
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables, Wanted
from gateway.upstream.fhir_client import FhirClient
from gateway.upstream.interface import ClientSettings
from gateway.upstream.session import SharedSession
from gateway.upstream.surroundings import Surroundings
from tests import clinic
from tests.golden import recorded

HERE = Path(__file__).parent
CLINIC = HERE / "clinic"
CASES = sorted(path for path in (HERE / "available-slots").iterdir() if path.is_dir())
NOW = datetime(2025, 10, 21, 19, 0, 28, tzinfo=UTC)
NOT_RULES = ("dialect", "timezone", "deadline_seconds")


def build(case: Path, folder: Path, site: dict[str, Any]) -> SiteTables:
    """The site's tables: the shipped ones, with the case's own files over them."""
    own = folder / "sites" / "clinic"
    own.mkdir(parents=True)
    shutil.copy(
        next(path for path in (case / "schedules.csv", CLINIC / "schedules.csv") if path.exists()), own
    )
    if (case / "tables").is_dir():
        shutil.copytree(case / "tables", own, dirs_exist_ok=True)
    return Tables(folder).build(Wanted("clinic", site["dialect"], site["timezone"]))


async def answer(body: bytes, site: dict[str, Any], tables: SiteTables, base: str) -> tuple[int, Any]:
    """What the gateway's own parts make of the query: the driver, the FHIR client, real requests."""
    session, service = SharedSession(), Service()
    settings = ClientSettings(base_url=base, backoff_seconds=0.01)
    client = FhirClient(settings, credentials=None, around=Surroundings(session=session))
    rules = SiteRules(
        id="clinic",
        zone=ZoneInfo(site["timezone"]),
        **{name: value for name, value in site.items() if name not in NOT_RULES},
    )
    try:
        flow = available_slots(clinic.reader().read(body), rules, tables, NOW)
        reply, _ = await service.run(
            flow,
            client,
            site="clinic",
            request_id="golden",
            deadline_seconds=site.get("deadline_seconds", 25),
            state_version=tables.hash,
        )
        return reply.status, json.loads(reply.body)
    except GatewayError as error:
        return error.status, json.loads(redox.error_reply(error, body))
    finally:
        await service.close()
        await client.close()
        await session.close()


async def play(case: Path, folder: Path) -> tuple[list[str], dict[str, Any]]:
    """The searches that a case makes, each once (how often is chance where they fail), and its answer."""
    site = {"dialect": "canvas", "timezone": "America/Los_Angeles"}
    if (case / "site.json").exists():
        site |= json.loads((case / "site.json").read_bytes())
    answers = recorded.read(case / "upstream")
    named = {each.to for each in answers}
    answers += [each for each in recorded.read(CLINIC / "upstream") if each.to not in named]
    seen: list[str] = []
    server = TestServer(recorded.upstream(answers, seen))
    await server.start_server()
    try:
        base = str(server.make_url("/")).rstrip("/")
        status, body = await answer(
            (case / "request.json").read_bytes(), site, build(case, folder, site), base
        )
    finally:
        await server.close()
    return sorted(set(seen)), {"status": status, "body": body}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_case(case: Path, tmp_path: Path) -> None:
    searches, answered = await play(case, tmp_path)
    assert searches == json.loads((case / "searches.json").read_bytes())
    assert answered == json.loads((case / "answer.json").read_bytes())
    if answered["status"] == 200:
        AvailableSlotsResponse.model_validate(answered["body"], strict=True)
        assert (
            answered["body"]["Meta"]["Source"]
            == json.loads((case / "request.json").read_bytes())["Meta"]["Source"]
        )
    else:
        assert answered["body"]["Meta"]["Errors"]
        assert "AvailableSlots" not in answered["body"]


def test_the_two_documents_are_among_the_cases() -> None:
    sample = json.loads((HERE / "available-slots" / "redox-document" / "request.json").read_bytes())
    assert sample == clinic.sample()
    bundle = json.loads(
        (HERE / "available-slots" / "canvas-document" / "upstream" / "Slot.json").read_bytes()
    )
    assert bundle == json.loads((clinic.SAMPLES / "canvas-slot-bundle.json").read_bytes())
