"""The clients against the simulated systems, which were written apart from them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.core.plan import Answer, Call, Failure
from gateway.sandbox.canvas import canvas_app
from gateway.sandbox.faults import FAULTS, Fault
from gateway.sandbox.redox import redox_app
from gateway.upstream.client_assertion import SignedAssertion
from gateway.upstream.client_secret import ClientCredentials
from gateway.upstream.fhir_client import FhirClient
from gateway.upstream.interface import ClientSettings
from gateway.upstream.redox_client import RedoxClient, RedoxSettings
from gateway.upstream.redox_credentials import LegacyKey
from gateway.upstream.session import SharedSession
from gateway.upstream.surroundings import Surroundings
from tests.clock import clock, seconds

SCHEDULE = "Location.2-Staff.3640cd20de8a470aa570a852859ac87e"
SLOTS = Call(
    "Slot", (("schedule", SCHEDULE), ("start", "2025-10-21"), ("end", "2025-10-28"), ("duration", "30"))
)


@pytest.fixture
async def canvas() -> AsyncIterator[TestServer]:
    server = TestServer(canvas_app(clock=clock))
    await server.start_server()
    yield server
    await server.close()


async def ask_canvas(canvas: TestServer, session: SharedSession, call: Call) -> Answer | Failure:
    base = str(canvas.make_url("/")).rstrip("/")
    client = FhirClient(
        ClientSettings(base_url=base, backoff_seconds=0.01),
        credentials=ClientCredentials(
            token_url=f"{base}/auth/token/", client_id="sandbox", client_secret="sandbox"
        ),
        around=Surroundings(session=session, wall_clock=seconds),
    )
    try:
        return await client.call(call, deadline=asyncio.get_running_loop().time() + 3, request_id="req-1")
    finally:
        await client.close()


async def test_a_slot_search_brings_all_pages(canvas: TestServer, session: SharedSession) -> None:
    few = await ask_canvas(canvas, session, Call("Slot", (*SLOTS.params, ("_count", "7"))))
    all_at_once = await ask_canvas(canvas, session, Call("Slot", (*SLOTS.params, ("_count", "100"))))
    assert isinstance(few, Answer)
    assert isinstance(all_at_once, Answer)
    assert few.complete
    assert len(few.pages) > len(all_at_once.pages)
    slots = [
        [entry["resource"]["start"] for page in answer.pages for entry in json.loads(page).get("entry", ())]
        for answer in (few, all_at_once)
    ]
    assert slots[0] == slots[1] != []


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "status", "status": 503, "times": 2}, "complete"),
        ({"kind": "status", "status": 429, "retry_after": 0, "times": 1}, "complete"),
        ({"kind": "reset", "times": 2}, "complete"),
        ({"kind": "truncate", "times": 2}, "complete"),
        ({"kind": "expired-token"}, "complete"),
        ({"kind": "foreign-next"}, "security"),
        ({"kind": "loop-next"}, "incomplete"),
        ({"kind": "slow", "seconds": 5.0}, "deadline"),
        ({"kind": "status", "status": 429, "retry_after": 60}, "overloaded"),
        ({"kind": "status", "status": 403}, "unauthorized"),
        ({"kind": "status", "status": 500}, "status"),
        ({"kind": "reset"}, "connect"),
        ({"kind": "truncate"}, "protocol"),
        ({"kind": "not-json"}, "protocol"),
        ({"kind": "huge"}, "protocol"),
    ],
)
async def test_each_fault_of_the_sandbox(
    canvas: TestServer, session: SharedSession, fault: dict[str, Any], outcome: str
) -> None:
    canvas.app[FAULTS].set("slot", Fault(**fault))
    got = await ask_canvas(canvas, session, SLOTS)
    if isinstance(got, Failure):
        assert got.kind == outcome
    else:
        assert [issue.code for issue in got.issues] == ([] if outcome == "complete" else [outcome])
        assert got.complete == (outcome == "complete")


async def test_a_refused_search_carries_its_code(canvas: TestServer, session: SharedSession) -> None:
    failure = await ask_canvas(canvas, session, Call("Slot"))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.status) == ("status", 400)
    assert failure.code in ("required", "invalid")


@pytest.mark.parametrize("legacy", [False, True])
async def test_redox_lets_us_in(session: SharedSession, legacy: bool) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = TestServer(
        redox_app(
            public_key=public, key_id="key-1", client_id="client-1", api_key="k", api_secret="s", clock=clock
        )
    )
    await server.start_server()
    base = str(server.make_url("/")).rstrip("/")
    credentials = (
        LegacyKey(base_url=base, api_key="k", secret="s")
        if legacy
        else SignedAssertion(
            token_url=f"{base}/v2/auth/token",
            client_id="client-1",
            key_id="key-1",
            key=private,
            algorithm="ES384",
        )
    )
    client = RedoxClient(
        RedoxSettings(base_url=base),
        credentials=credentials,
        around=Surroundings(session=session, wall_clock=seconds),
    )
    body = {
        "Meta": {
            "DataModel": "Scheduling",
            "EventType": "AvailableSlots",
            "Destinations": [{"ID": "af394f14-b34a-464f-8d24-895f370af4c9"}],
        },
        "StartDateTime": "2025-10-21T19:00:00.000Z",
        "EndDateTime": "2025-10-25T19:00:00.000Z",
    }
    call = Call("Scheduling.AvailableSlots", body=json.dumps(body).encode())
    try:
        deadline = asyncio.get_running_loop().time() + 3
        answer = await client.call(call, deadline=deadline, request_id="req-1")
    finally:
        await client.close()
        await server.close()
    assert isinstance(answer, Answer)
    assert json.loads(answer.pages[0])["AvailableSlots"] != []
