from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from pytest_aiohttp.plugin import AiohttpClient
from redox.scheduling.availableslotsresponse import AvailableSlotsResponse

from gateway.sandbox.control import REQUESTS
from gateway.sandbox.redox import redox_app
from gateway.sandbox.redox_auth import ASSERTION_TYPE

KEY = RSAKey.generate_key(2048)
NOW = datetime(2025, 10, 21, 19, 0, 27, tzinfo=UTC)
CLIENT_ID = "5f0e0d1c-0000-4000-8000-000000000001"
DESTINATION = "af394f14-b34a-464f-8d24-895f370af4c9"
QUERY = {
    "Meta": {
        "DataModel": "Scheduling",
        "EventType": "AvailableSlots",
        "EventDateTime": "2025-10-21T19:00:27.070Z",
        "Test": True,
        "Destinations": [{"ID": DESTINATION}],
    },
    "StartDateTime": "2025-10-21T19:00:27.415Z",
    "Visit": {"Locations": [{"Facility": "RES General Hospital", "Department": "3N", "Room": "136"}]},
}

Client = TestClient[Any, Any]


class Network:
    """A logged-in client of the simulated Redox, and its clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.client: Client

    def clock(self) -> datetime:
        return self.now

    def form(self) -> dict[str, str]:
        claims = {
            "iss": CLIENT_ID,
            "sub": CLIENT_ID,
            "aud": str(self.client.make_url("/v2/auth/token")),
            "iat": self.now.timestamp(),
            "exp": self.now.timestamp() + 300,
            "jti": str(uuid.uuid4()),
        }
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": jwt.encode({"alg": "RS384", "kid": "k"}, claims, KEY, algorithms=["RS384"]),
        }

    async def log_in(self) -> None:
        async with self.client.post("/v2/auth/token", data=self.form()) as response:
            assert response.status == 200, await response.text()
            answer = await response.json()
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 300)
        self.client.session.headers["Authorization"] = f"Bearer {answer['access_token']}"

    async def ask(self, query: Any = QUERY, **headers: str) -> tuple[int, Any]:
        async with self.client.post("/endpoint", json=query, headers=headers) as response:
            if response.content_type != "application/json":
                return response.status, await response.text()
            return response.status, json.loads(await response.read())

    async def switch(self, **fault: Any) -> None:
        async with self.client.post("/sandbox/faults", json={"endpoint": fault}) as response:
            assert response.status == 200, await response.text()


@pytest.fixture
async def network(aiohttp_client: AiohttpClient) -> AsyncIterator[Network]:
    network = Network()
    network.client = await aiohttp_client(
        redox_app(public_key=KEY.as_pem(private=False), client_id=CLIENT_ID, clock=network.clock)
    )
    await network.log_in()
    yield network


def texts(answer: Any) -> list[str]:
    return [error["Text"] for error in answer["Meta"]["Errors"]]


async def test_a_query_is_answered(network: Network) -> None:
    status, answer = await network.ask()
    assert status == 200
    AvailableSlotsResponse.model_validate(answer)
    assert answer["Meta"]["Destinations"] == [{"ID": DESTINATION, "Name": "Redox EMR"}]
    assert set(answer["Meta"]["Logs"][0]) == {"ID", "AttemptID"}
    assert "IsIncomplete" not in answer["Meta"]
    assert {slot["Provider"]["ID"] for slot in answer["AvailableSlots"]} == {"4356789876"}


async def test_log_entries_of_the_caller_are_kept(network: Network) -> None:
    logs = [{"ID": "d9f5d293-7110-461e-a875-3beb089e79f3", "AttemptID": None}]
    _, answer = await network.ask(QUERY | {"Meta": QUERY["Meta"] | {"Logs": logs}})  # type: ignore[operator]
    assert answer["Meta"]["Logs"] == logs


async def test_a_token_is_good_for_five_minutes(network: Network) -> None:
    network.now = NOW + timedelta(seconds=299)
    assert (await network.ask())[0] == 200
    network.now = NOW + timedelta(seconds=300)
    status, page = await network.ask()
    assert status == 401
    assert page.startswith("<!DOCTYPE html>")


async def test_assertion_errors_are_json(network: Network) -> None:
    form = network.form()
    async with network.client.post("/v2/auth/token", json=form) as response:
        assert (response.status, await response.json()) == (
            400,
            {
                "error": "invalid_request",
                "error_description": "Content-Type must be application/x-www-form-urlencoded",
            },
        )
    for status in (200, 401):
        async with network.client.post("/v2/auth/token", data=form) as response:
            assert response.status == status


async def test_the_legacy_key(aiohttp_client: AiohttpClient) -> None:
    network = Network()
    network.client = await aiohttp_client(redox_app(api_key="k", api_secret="s", clock=network.clock))
    async with network.client.post("/auth/authenticate", json={"apiKey": "k", "secret": "x"}) as response:
        assert (response.status, response.content_type) == (401, "text/html")
    async with network.client.post("/auth/authenticate", json={"apiKey": "k", "secret": "s"}) as response:
        first = await response.json()
    assert first["expires"] == "2025-10-22T19:00:27.000Z"
    network.now = NOW + timedelta(hours=23)
    assert (await network.ask(Authorization=f"Bearer {first['accessToken']}"))[0] == 200
    renewal = {"apiKey": "k", "refreshToken": first["refreshToken"]}
    for status in (200, 401):
        async with network.client.post("/auth/refreshToken", json=renewal) as response:
            assert response.status == status


async def test_source_and_destination_when_configured(aiohttp_client: AiohttpClient) -> None:
    network = Network()
    network.client = await aiohttp_client(
        redox_app(
            public_key=KEY.as_pem(private=False),
            source_id="here",
            destinations={DESTINATION: "Granite EMR"},
            clock=network.clock,
        )
    )
    await network.log_in()
    status, answer = await network.ask()
    assert (status, texts(answer)) == (403, ["Redox-Source-Id is missing or not a source of this key"])
    headers = {"Redox-Source-Id": "here"}
    status, answer = await network.ask(**headers)
    assert (status, answer["Meta"]["Destinations"][0]["Name"]) == (200, "Granite EMR")
    elsewhere = QUERY | {"Meta": QUERY["Meta"] | {"Destinations": [{"ID": "x"}]}}  # type: ignore[operator]
    status, answer = await network.ask(elsewhere, **headers)
    assert (status, texts(answer)) == (404, ["there is no such destination: Meta.Destinations[0].ID"])


async def test_bad_messages_get_every_fault_and_their_own_meta(network: Network) -> None:
    status, answer = await network.ask(QUERY | {"StartDateTime": None, "Colour": "red"})
    assert status == 400
    assert answer["Meta"]["EventType"] == "AvailableSlots"
    assert texts(answer) == [
        "StartDateTime: Input should be a valid string",
        "Colour: Extra inputs are not permitted",
    ]
    assert {(error["Type"], error["Module"]) for error in answer["Meta"]["Errors"]} == {
        ("message", "DataModels")
    }
    assert (await network.ask([]))[0] == 400


async def test_failures_of_the_destination(network: Network) -> None:
    await network.switch(kind="status", status=400, times=1)
    status, answer = await network.ask()
    assert (status, texts(answer)) == (400, ["Redox EMR returned status code 400"])
    assert answer["Meta"]["Errors"][0]["Type"] == "transmission"
    await network.switch(kind="errors", times=1)
    status, answer = await network.ask()
    assert (status, texts(answer)) == (200, ["Redox EMR returned status code 500"])
    assert "AvailableSlots" not in answer
    await network.switch(kind="status", status=401, times=1)
    assert (await network.ask())[1].startswith("<!DOCTYPE html>")
    await network.switch(kind="not-json", times=1)
    status, page = await network.ask()
    assert (status, page[:15]) == (200, "<!doctype html>")
    assert (await network.ask())[0] == 200


async def test_the_rate_limit_tells_the_limit_but_not_when(network: Network) -> None:
    await network.switch(kind="rate-limit", times=1)
    async with network.client.post("/endpoint", json=QUERY) as response:
        assert response.status == 429
        assert response.headers["X-RateLimit-Limit"] == "10000"
        assert "Retry-After" not in response.headers


async def test_incomplete_and_malformed(network: Network) -> None:
    _, right = await network.ask()
    await network.switch(kind="incomplete", times=1)
    _, half = await network.ask()
    assert half["Meta"]["IsIncomplete"] is True
    assert 0 < len(half["AvailableSlots"]) < len(right["AvailableSlots"])
    await network.switch(kind="malformed-slot", times=1)
    _, spoilt = await network.ask()
    assert spoilt["AvailableSlots"][0]["DateTime"] == "around ten in the morning"
    assert spoilt["AvailableSlots"][1:] == right["AvailableSlots"]


async def test_broken_connections(network: Network) -> None:
    await network.switch(kind="truncate", times=1)
    with pytest.raises(aiohttp.ClientPayloadError):
        await network.ask()
    await network.switch(kind="reset", times=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await network.ask()
    log = network.client.server.app[REQUESTS]  # type: ignore[attr-defined]
    assert log.seen("/endpoint")[-1].status is None
    assert log.seen()[0].path == "/v2/auth/token"


async def test_an_expired_token_is_over_with_a_new_one(network: Network) -> None:
    await network.switch(kind="expired-token")
    assert [(await network.ask())[0] for _ in range(2)] == [401, 401]
    await network.log_in()
    assert (await network.ask())[0] == 200
