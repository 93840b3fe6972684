"""An EHR of which a part hangs or fails: what depends on that part is incomplete, and nothing else is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp.test_utils import TestServer

from gateway.assemble import Application, assemble, check_configuration
from gateway.core.errors import GatewayError
from gateway.core.plan import Reply
from gateway.sandbox.canvas import canvas_app
from gateway.sandbox.control import REQUESTS
from gateway.sandbox.faults import FAULTS, Fault
from gateway.web.exchange import Exchange

SAMPLE = json.loads((Path(__file__).parent / "samples" / "redox-available-slots.json").read_bytes())
SITE = """\
sites:
  - id: clinic
    timezone: America/Los_Angeles
    deadline_seconds: %(deadline)s
    directory_cache_seconds: %(cache)s
    redox: {destination_ids: [%(destination)s], verification_token: 5f2c8e0b71d94a36b0c2}
    upstream:
      {dialect: canvas, base_url: %(url)s, token_url: %(url)s/auth/token/, client_id: a, client_secret: b}
"""
PROVIDER = {"ID": "4356789876", "IDType": "NPI"}
HANGS = Fault(kind="slow", seconds=600.0)
FAILS = Fault(kind="status", status=500)

Make = Callable[..., Application]


@pytest.fixture
async def canvas() -> AsyncIterator[TestServer]:
    server = TestServer(canvas_app())
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def make(tmp_path: Path, canvas: TestServer) -> AsyncIterator[Make]:
    made: list[Application] = []

    def build(deadline: float = 2.0, cache: int = 300) -> Application:
        path = tmp_path / "gateway.yaml"
        values = {
            "deadline": deadline,
            "cache": cache,
            "url": str(canvas.make_url("/")).rstrip("/"),
            "destination": SAMPLE["Meta"]["Destinations"][0]["ID"],
        }
        path.write_text(SITE % values)
        made.append(
            assemble(check_configuration(path, {}), clock=lambda: datetime(2025, 10, 21, 19, tzinfo=UTC))
        )
        return made[-1]

    yield build
    for application in made:
        await application.close()


async def ask(application: Application, *, named: bool = False) -> Reply:
    """The sample query for everybody's slots, or for those of one provider."""
    visit = {**SAMPLE["Visit"], "Locations": [], "AttendingProviders": [PROVIDER] if named else []}
    body = json.dumps({**SAMPLE, "Visit": visit}).encode()
    record = Exchange("made-here", "redox", "POST")
    return await application.gateway.redox(body, allowed=frozenset({"clinic"}), site=None, request=record)


async def timed(made: Awaitable[Reply]) -> tuple[Any, float]:
    began = time.perf_counter()
    reply = await made
    return json.loads(reply.body), time.perf_counter() - began


def asked(canvas: TestServer, path: str) -> int:
    return len(canvas.app[REQUESTS].seen(path))


@pytest.mark.parametrize("part", ["practitioner", "location"])
async def test_a_part_of_the_directory_that_hangs_takes_only_what_depends_on_it(
    make: Make, canvas: TestServer, part: str
) -> None:
    whole, _ = await timed(ask(make()))
    application = make()
    canvas.app[FAULTS].set(part, HANGS)
    answer, seconds = await timed(ask(application))
    assert answer["Meta"]["IsIncomplete"] is True
    assert [each["DateTime"] for each in answer["AvailableSlots"]] == [
        each["DateTime"] for each in whole["AvailableSlots"]
    ]
    assert seconds < 2.0
    if part == "practitioner":
        with pytest.raises(GatewayError, match="directory could not be read") as told:
            await ask(application, named=True)
        assert told.value.status == 502, "whether there is such a provider is not known"
    before = asked(canvas, f"/{part.capitalize()}")
    for _ in range(5):
        answer, seconds = await timed(ask(application))
        assert answer["Meta"]["IsIncomplete"] is True
        assert answer["AvailableSlots"]
        assert seconds < 1.0, "what hangs is waited for once, not by everybody"
    assert asked(canvas, f"/{part.capitalize()}") == before


@pytest.mark.parametrize("part", ["practitioner", "location"])
async def test_a_part_that_fails_is_not_asked_again_by_each_request(
    make: Make, canvas: TestServer, part: str
) -> None:
    application = make(deadline=20.0)
    canvas.app[FAULTS].set(part, FAILS)
    for _ in range(6):
        answer, _ = await timed(ask(application))
        assert answer["Meta"]["IsIncomplete"] is True
        assert answer["AvailableSlots"]
    assert asked(canvas, f"/{part.capitalize()}") == 3, "once, with its retries"


@pytest.mark.parametrize("fault", [HANGS, FAILS], ids=["hangs", "fails"])
@pytest.mark.parametrize("part", ["schedule", "practitioner", "location"])
async def test_the_directory_that_was_there_is_used_while_it_cannot_be_read_anew(
    make: Make, canvas: TestServer, part: str, fault: Fault
) -> None:
    application = make(cache=1)
    whole, _ = await timed(ask(application, named=True))
    assert "IsIncomplete" not in whole["Meta"] or not whole["Meta"]["IsIncomplete"]
    await asyncio.sleep(1.05)
    canvas.app[FAULTS].set(part, fault)
    answer, _ = await timed(ask(application, named=True))
    assert answer["AvailableSlots"] == whole["AvailableSlots"]
    assert answer["Meta"]["IsIncomplete"] is True, "it may have changed since"
    before = asked(canvas, f"/{part.capitalize()}")
    _, seconds = await timed(ask(application, named=True))
    assert seconds < 1.0
    assert asked(canvas, f"/{part.capitalize()}") == before


@pytest.mark.parametrize("fault", [FAILS, Fault(kind="status", status=503), Fault(kind="reset")])
async def test_a_schedule_that_always_fails_closes_no_clinic(
    make: Make, canvas: TestServer, fault: Fault
) -> None:
    application = make(deadline=4.0)
    whole, _ = await timed(ask(application))
    bad = searched(canvas)[0]
    canvas.app[FAULTS].set("slot", Fault(**{**fault_fields(fault), "schedule": bad}))
    for _ in range(8):
        answer, _ = await timed(ask(application))
        assert answer["Meta"]["IsIncomplete"] is True
        assert 0 < len(answer["AvailableSlots"]) <= len(whole["AvailableSlots"])
    page = application.metrics.exposition().decode()
    assert 'gateway_breaker_open{site="clinic"} 0.0' in page
    assert 'gateway_upstream_set_aside{site="clinic"} 1.0' in page
    before = asked(canvas, "/Slot")
    await ask(application)
    assert set(searched(canvas)[before:]) == set(searched(canvas)) - {bad}, "it is left alone for a moment"


def searched(canvas: TestServer) -> list[str]:
    """The schedules of all searches for slots so far."""
    return [
        parse_qs(each.query)["schedule"][0].removeprefix("Schedule/")
        for each in canvas.app[REQUESTS].seen("/Slot")
    ]


def fault_fields(fault: Fault) -> dict[str, Any]:
    return {"kind": fault.kind, "status": fault.status}


async def test_the_gauge_is_that_of_the_moment_of_the_scrape(
    make: Make, canvas: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = make()
    await ask(application)
    canvas.app[FAULTS].set("slot", FAILS)
    for _ in range(6):
        with pytest.raises(GatewayError):
            await ask(application)
    assert 'gateway_breaker_open{site="clinic"} 1.0' in application.metrics.exposition().decode()
    now = time.monotonic
    for client in application.clients._made.values():
        for kind in client._client._kinds.values():  # no setting: five seconds would be long here
            monkeypatch.setattr(kind.breaker, "_clock", lambda: now() + 6.0)
    assert 'gateway_breaker_open{site="clinic"} 0.5' in application.metrics.exposition().decode()
