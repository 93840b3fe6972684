from __future__ import annotations

import json
import time
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from gateway.sandbox.canvas import canvas_app
from gateway.sandbox.control import REQUESTS
from gateway.sandbox.faults import FAULTS, Fault
from tests.clock import clock

SAMPLE = "Location.2-Staff.3640cd20de8a470aa570a852859ac87e"
OTHER = "Location.2-Staff.7b1f0c52a9d34e6f8c20d5e4b3a19f01"
FRIDAY = f"/Slot?schedule={SAMPLE}&start=2025-10-24&end=2025-10-25&duration=30&_count=100"
GRANT = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}

Client = TestClient[Any, Any]


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> Client:
    client = await aiohttp_client(canvas_app(clock=clock))
    await log_in(client)
    return client


async def log_in(client: Client) -> None:
    async with client.post("/auth/token/", data=GRANT) as response:
        token = (await response.json())["access_token"]
        client.session.headers["Authorization"] = f"Bearer {token}"


async def switch(client: Client, fault: dict[str, Any], target: str = "slot", status: int = 200) -> Any:
    async with client.post("/sandbox/faults", json={target: fault}) as response:
        assert response.status == status
        return await response.json()


async def slots(client: Client, url: str = FRIDAY) -> list[dict[str, Any]]:
    async with client.get(url) as response:
        assert response.status == 200
        found = json.loads(await response.read())
        return [entry["resource"] for entry in found.get("entry", [])]


async def test_slow(client: Client) -> None:
    await switch(client, {"kind": "slow", "seconds": 0.2, "times": 1})
    began = time.monotonic()
    assert await slots(client)
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (429, "throttled", "Too many requests"),
        (403, "forbidden", "Authorization failed"),
        (400, "invalid", "Bad request"),
        (500, "exception", "Internal server error"),
        (503, "exception", "Internal server error"),
    ],
)
async def test_status(client: Client, status: int, code: str, text: str) -> None:
    await switch(client, {"kind": "status", "status": status, "retry_after": 1, "times": 1})
    async with client.get(FRIDAY) as response:
        assert response.status == status
        assert response.headers["Retry-After"] == "1"
        issue = json.loads(await response.read())["issue"][0]
        assert (issue["code"], issue["details"]["text"]) == (code, text)
    assert await slots(client)


async def test_reset(client: Client) -> None:
    await switch(client, {"kind": "reset", "times": 1})
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(FRIDAY)
    assert client.server.app[REQUESTS].seen("/Slot")[-1].status is None  # type: ignore[attr-defined]
    assert await slots(client)


async def test_truncate(client: Client) -> None:
    await switch(client, {"kind": "truncate", "times": 1})
    async with client.get(FRIDAY) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert await slots(client)


async def test_not_json(client: Client) -> None:
    await switch(client, {"kind": "not-json"})
    async with client.get(FRIDAY) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert (await response.text()).startswith("<!doctype html>")


async def test_huge(client: Client) -> None:
    right = await slots(client)
    await switch(client, {"kind": "huge", "size": 1_000_000, "times": 1})
    async with client.get(FRIDAY) as response:
        body = await response.read()
    assert len(body) >= 1_000_000
    assert [entry["resource"] for entry in json.loads(body)["entry"]] == right


async def test_expired_token_is_over_with_a_new_token(client: Client) -> None:
    await switch(client, {"kind": "expired-token"})
    for _ in range(2):
        async with client.get(FRIDAY) as response:
            assert response.status == 401
    await log_in(client)
    assert await slots(client)


async def test_next_links_that_must_not_be_followed(client: Client) -> None:
    for fault, url in [
        ({"kind": "foreign-next", "url": "http://127.0.0.2:1/Slot"}, "http://127.0.0.2:1/Slot"),
        ({"kind": "loop-next"}, FRIDAY),
    ]:
        await switch(client, fault)
        async with client.get(FRIDAY) as response:
            found = json.loads(await response.read())
        assert [link["url"] for link in found["link"] if link["relation"] == "next"] == [url]
        assert found["entry"]


async def test_spoilt_content(client: Client) -> None:
    right = await slots(client)
    await switch(client, {"kind": "malformed-slot", "times": 1})
    assert await slots(client) == [right[0] | {"start": "around ten in the morning"}, *right]
    await switch(client, {"kind": "no-entry", "times": 1})
    assert await slots(client) == []
    await switch(client, {"kind": "duplicate", "times": 1})
    assert await slots(client) == [slot for slot in right for _ in range(2)]
    await switch(client, {"kind": "busy-slots", "times": 1})
    assert [slot["status"] for slot in await slots(client)][:3] == ["free", "busy", "free"]
    await switch(client, {"kind": "wrong-schedule", "times": 1})
    assert not any(slot["schedule"]["reference"].endswith(SAMPLE) for slot in await slots(client))
    assert await slots(client) == right


async def test_a_fault_of_one_schedule_alone(client: Client) -> None:
    await switch(client, {"kind": "status", "schedule": OTHER})
    assert await slots(client)
    async with client.get("/Slot", params={"schedule": f"Schedule/{OTHER}"}) as response:
        assert response.status == 503


@pytest.mark.parametrize(
    ("target", "path"),
    [("schedule", "/Schedule"), ("practitioner", "/Practitioner"), ("location", "/Location")],
)
async def test_the_other_targets(client: Client, target: str, path: str) -> None:
    await switch(client, {"kind": "no-entry", "times": 1}, target)
    for there in (False, True):
        async with client.get(path) as response:
            assert ("entry" in json.loads(await response.read())) is there


async def test_the_token_endpoint_fails_too(client: Client) -> None:
    await switch(client, {"kind": "status", "status": 500, "times": 1}, "token")
    await switch(client, {"kind": "slow", "seconds": 0}, "location")
    for status in (500, 200):
        async with client.post("/auth/token/", data=GRANT) as response:
            assert response.status == status


async def test_switches_are_listed_and_cleared(client: Client) -> None:
    client.server.app[FAULTS].set("slot", Fault("slow", seconds=5))  # type: ignore[attr-defined]
    listed = await switch(client, {"kind": "reset"}, "token")
    assert listed == {"slot": [{"kind": "slow", "seconds": 5.0}], "token": [{"kind": "reset"}]}
    async with client.delete("/sandbox/faults") as response:
        assert response.status == 204
    async with client.get("/sandbox/faults") as response:
        assert await response.json() == {}


async def test_wrong_switches_are_told(client: Client) -> None:
    told = await switch(client, {"kind": "malformed-slot"}, "location", 400)
    assert told["error"].startswith('"malformed-slot" is not a fault of "location"; it has ')
    async with client.post("/sandbox/faults", data="[]") as response:
        assert response.status == 400
    async with client.post("/sandbox/faults", data="{") as response:
        assert response.status == 400
