from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from gateway.sandbox.canvas import canvas_app
from gateway.sandbox.control import REQUESTS

SAMPLE = "Location.2-Staff.3640cd20de8a470aa570a852859ac87e"
EMPTY = "Location.1-Staff.18d3a6f0be5247d09b41c7a2f05d6c03"
NOW = datetime(2025, 10, 21, 19, 0, 27, tzinfo=UTC)
GRANT = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Canvas:
    """A client with a token, and what the tests ask through it."""

    def __init__(self, client: TestClient[Any, Any], clock: Clock, token: str) -> None:
        self.client = client
        self.clock = clock
        self.headers = {"Authorization": f"Bearer {token}"}

    async def get(self, path: str, status: int = 200, /, **params: str) -> dict[str, Any]:
        async with self.client.get(path, params=params, headers=self.headers) as response:
            assert response.status == status, await response.text()
            assert response.content_type == "application/fhir+json"
            found: dict[str, Any] = await response.json(content_type=None)
            return found

    async def slots(self, **params: str) -> list[dict[str, Any]]:
        found = await self.get("/Slot", **{"_count": "100"} | params)
        return [entry["resource"] for entry in found.get("entry", [])]


@pytest.fixture
async def canvas(aiohttp_client: AiohttpClient) -> Canvas:
    clock = Clock()
    client = await aiohttp_client(canvas_app(clock=clock))
    async with client.post("/auth/token/", data=GRANT) as response:
        return Canvas(client, clock, (await response.json())["access_token"])


def issue(outcome: dict[str, Any]) -> tuple[str, str]:
    assert outcome["resourceType"] == "OperationOutcome"
    (only,) = outcome["issue"]
    return only["code"], only["details"]["text"]


async def test_token_answer(canvas: Canvas) -> None:
    async with canvas.client.post("/auth/token/", data=GRANT) as response:
        answer = await response.json()
        assert response.headers["Cache-Control"] == "no-store"
    assert answer.pop("access_token")
    assert answer == {"expires_in": 36000, "token_type": "Bearer", "scope": ""}


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        (GRANT | {"grant_type": "password"}, 400, "unsupported_grant_type"),
        (GRANT | {"client_secret": ""}, 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
    ],
)
async def test_token_errors(canvas: Canvas, form: dict[str, str], status: int, error: str) -> None:
    async with canvas.client.post("/auth/token/", data=form) as response:
        assert (response.status, await response.json()) == (status, {"error": error})


async def test_pinned_client_in_form_or_basic(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(canvas_app(client_id="me", client_secret="mine"))
    right = base64.b64encode(b"me:mine").decode()
    wrong = base64.b64encode(b"me:yours").decode()
    grant = {"grant_type": "client_credentials"}
    for headers, form, status in [
        ({}, grant | {"client_id": "me", "client_secret": "mine"}, 200),
        ({}, grant | {"client_id": "me", "client_secret": "yours"}, 401),
        ({"Authorization": f"Basic {right}"}, grant, 200),
        ({"Authorization": f"Basic {wrong}"}, grant, 401),
        ({"Authorization": "Basic ?"}, grant, 401),
        ({"Authorization": f"Basic {right}"}, grant | {"client_id": "me", "client_secret": "mine"}, 400),
    ]:
        async with client.post("/auth/token/", data=form, headers=headers) as response:
            assert response.status == status
            assert ("WWW-Authenticate" in response.headers) == (status == 401 and bool(headers))


@pytest.mark.parametrize("path", ["/Schedule", "/Slot", "/Practitioner", "/Location", "/Location/x"])
async def test_without_a_token(canvas: Canvas, path: str) -> None:
    for authorization in ("", "Bearer wrong", "Basic " + canvas.headers["Authorization"].split()[1]):
        canvas.headers = {"Authorization": authorization}
        assert issue(await canvas.get(path, 401)) == ("unknown", "Authentication failed")


async def test_a_token_ends_after_ten_hours(canvas: Canvas) -> None:
    canvas.clock.now = NOW + timedelta(seconds=35_999)
    await canvas.get("/Schedule")
    canvas.clock.now = NOW + timedelta(seconds=36_000)
    await canvas.get("/Schedule", 401)


async def test_schedules_take_no_parameters_and_miscount_now_and_then(canvas: Canvas) -> None:
    totals = []
    for _ in range(4):
        found = await canvas.get("/Schedule", actor="Practitioner/nobody", _id="x")
        assert len(found["entry"]) == 7
        assert "link" not in found
        totals.append(found["total"])
    assert totals == [8, 7, 7, 8]
    assert found["entry"][3] == {
        "resource": {
            "resourceType": "Schedule",
            "id": SAMPLE,
            "text": {
                "status": "generated",
                "div": "<div>Schedule for Pat Granite MD at RES General Hospital</div>",
            },
            "actor": [{"reference": "Practitioner/3640cd20de8a470aa570a852859ac87e", "type": "Practitioner"}],
            "comment": "Schedule for Pat Granite MD at RES General Hospital",
        }
    }


async def test_a_slot_looks_like_the_vendors_sample(canvas: Canvas) -> None:
    found = await canvas.get("/Slot", schedule=SAMPLE, start="2025-10-24", end="2025-10-25", duration="30")
    assert found["type"] == "searchset"
    assert {
        "resource": {
            "resourceType": "Slot",
            "schedule": {"reference": f"Schedule/{SAMPLE}", "type": "Schedule"},
            "status": "free",
            "start": "2025-10-24T10:00:00-07:00",
            "end": "2025-10-24T10:30:00-07:00",
        }
    } in found["entry"]


async def test_slot_defaults_are_twenty_minutes_and_seven_days_from_the_utc_date(canvas: Canvas) -> None:
    canvas.clock.now = datetime(2025, 10, 22, 1, 0, tzinfo=UTC)  # still the 21st in Los Angeles
    by_default = await canvas.slots(schedule=SAMPLE)
    assert by_default == await canvas.slots(
        schedule=f"Schedule/{SAMPLE}", start="2025-10-22", end="2025-10-29", duration="20"
    )
    assert {slot["start"][:10] for slot in by_default} == {"2025-10-22", "2025-10-24", "2025-10-28"}


async def test_the_end_is_exclusive(canvas: Canvas) -> None:
    slots = await canvas.slots(schedule=SAMPLE, start="2025-10-21", end="2025-10-24")
    assert {slot["start"][:10] for slot in slots} == {"2025-10-21", "2025-10-22"}
    assert await canvas.slots(schedule=SAMPLE, start="2025-10-24", end="2025-10-24") == []
    assert await canvas.slots(schedule=SAMPLE, start="2025-10-24", end="2025-10-20") == []


async def test_nothing_found_has_neither_entry_nor_link(canvas: Canvas) -> None:
    found = await canvas.get("/Slot", schedule=EMPTY)
    assert found == {"resourceType": "Bundle", "type": "searchset", "total": 0}


@pytest.mark.parametrize(
    ("params", "status", "code", "text"),
    [
        ({"schedule": None}, 400, "required", "schedule: this parameter is required"),
        ({"schedule": ""}, 400, "required", "schedule: this parameter is required"),
        (
            {"schedule": "Location.9-Staff.0"},
            404,
            "not-found",
            "Unknown Schedule resource 'Location.9-Staff.0'",
        ),
        ({"start": "21.10.2025"}, 400, "value", "start: invalid date format"),
        ({"start": "ge2025-10-21"}, 400, "value", "start: invalid date format"),
        ({"end": "2025-10-21T00:00:00Z"}, 400, "value", "end: invalid date format"),
        ({"end": "2025-02-30"}, 400, "value", "end: invalid date format"),
        ({"end": "2027-10-21"}, 400, "value", "end: at most 366 days after start"),
        ({"start": "9999-12-31"}, 400, "value", "start: out of range"),
        ({"duration": "0"}, 400, "value", "duration: value is not a valid integer, or below 1"),
        ({"duration": "30 minutes"}, 400, "value", "duration: value is not a valid integer, or below 1"),
        ({"_count": "-1"}, 400, "value", "_count: value is not a valid integer, or below 1"),
    ],
)
async def test_slot_searches_that_are_refused(
    canvas: Canvas, params: dict[str, str | None], status: int, code: str, text: str
) -> None:
    asked = {"schedule": SAMPLE} | params
    given = {name: value for name, value in asked.items() if value is not None}
    assert issue(await canvas.get("/Slot", status, **given)) == (code, text)


async def test_pages_are_followed_by_relative_links(canvas: Canvas) -> None:
    whole = await canvas.slots(schedule=SAMPLE, start="2025-10-21", end="2025-10-29")
    url: str | None = f"/Slot?schedule=Schedule/{SAMPLE}&start=2025-10-21&end=2025-10-29"
    pages = []
    while url is not None:
        assert url.startswith("/Slot?schedule=")
        found = await canvas.get(url)
        pages.append([entry["resource"] for entry in found["entry"]])
        assert found["total"] == len(whole)
        url = next((link["url"] for link in found["link"] if link["relation"] == "next"), None)
    assert [len(page) for page in pages[:-1]] == [10] * (len(pages) - 1)
    assert [slot for page in pages for slot in page] == whole


async def test_count_is_cut_to_a_hundred(canvas: Canvas) -> None:
    found = await canvas.get("/Slot", schedule=SAMPLE, end="2026-02-01", _count="1000")
    assert len(found["entry"]) == 100


async def test_practitioners_by_either_name_of_the_npi_parameter(canvas: Canvas) -> None:
    for name in ("npiNumber", "npi-number"):
        found = await canvas.get("/Practitioner", **{name: "4356789876"})
        (entry,) = found["entry"]
        assert entry["resource"]["name"] == [
            {"use": "usual", "text": "Pat Granite", "family": "Granite", "given": ["Pat"], "suffix": ["MD"]}
        ]
        assert entry["resource"]["identifier"] == [
            {"system": "http://hl7.org/fhir/sid/us-npi", "value": "4356789876"}
        ]
        assert found["link"][0]["url"].startswith(f"/Practitioner?{name}=4356789876&_count=10")


async def test_an_unknown_parameter_is_silently_ignored(canvas: Canvas) -> None:
    found = await canvas.get("/Practitioner", identifier="http://hl7.org/fhir/sid/us-npi|4356789876")
    assert found["total"] == 5


@pytest.mark.parametrize(
    ("params", "families"),
    [
        ({}, ["Granite", "Basalt", "Feldspar", "Marble", "Slate"]),
        (
            {"include-non-schedulable-practitioners": "true"},
            ["Granite", "Basalt", "Feldspar", "Marble", "Slate", "Pumice"],
        ),
        ({"name": "gran"}, ["Granite"]),
        ({"email": "jo.slate@example.com"}, ["Slate"]),
        ({"_id": "7b1f0c52a9d34e6f8c20d5e4b3a19f01"}, ["Basalt"]),
        ({"active": "false"}, []),
    ],
)
async def test_practitioner_searches(canvas: Canvas, params: dict[str, str], families: list[str]) -> None:
    found = await canvas.get("/Practitioner", **params)
    assert [entry["resource"]["name"][0]["family"] for entry in found.get("entry", [])] == families


async def test_some_people_lack_what_one_would_like_to_have(canvas: Canvas) -> None:
    found = await canvas.get("/Practitioner")
    by_family = {entry["resource"]["name"][0]["family"]: entry["resource"] for entry in found["entry"]}
    assert "suffix" not in by_family["Feldspar"]["name"][0]
    assert "identifier" not in by_family["Slate"]


async def test_locations_are_listed_with_ids_that_schedules_do_not_use(canvas: Canvas) -> None:
    found = await canvas.get("/Location")
    assert [entry["resource"]["name"] for entry in found["entry"]] == [
        "Juniper Street Clinic",
        "RES General Hospital",
        "Lakeside Virtual Care Center",
    ]
    assert found["link"][0] == {"relation": "self", "url": "/Location?_count=10&_offset=0"}
    one = found["entry"][1]["resource"]
    assert await canvas.get(f"/Location/{one['id']}") == one
    assert len((await canvas.get("/Location", _id=one["id"]))["entry"]) == 1


async def test_reads_of_what_is_not_there(canvas: Canvas) -> None:
    assert issue(await canvas.get("/Practitioner/7", 404)) == (
        "not-found",
        "Unknown Practitioner resource '7'",
    )
    assert issue(await canvas.get("/Slot/7", 404)) == ("not-found", "Not found")
    async with canvas.client.post("/Slot") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET,HEAD"


async def test_the_capability_statement_is_open_and_names_what_the_live_one_names(canvas: Canvas) -> None:
    canvas.headers = {}
    told = await canvas.get("/metadata")
    searched = {each["type"]: each["searchParam"] for each in told["rest"][0]["resource"]}
    assert searched["Schedule"] == []
    assert [each["name"] for each in searched["Slot"]] == [
        "schedule",
        "start",
        "end",
        "duration",
        "appointment-type",
    ]


async def test_the_log_of_requests(canvas: Canvas) -> None:
    await canvas.client.delete("/sandbox/requests")
    canvas.headers |= {"X-Request-Id": "abc"}
    await canvas.get(f"/Slot?schedule={SAMPLE}&note=a%2Bb")
    await canvas.get("/Slot", 400)
    async with canvas.client.get("/sandbox/requests") as response:
        seen = await response.json()
    assert [(each["path"], each["status"], each["request_id"]) for each in seen] == [
        ("/Slot", 200, "abc"),
        ("/Slot", 400, "abc"),
    ]
    assert seen[0]["query"] == f"schedule={SAMPLE}&note=a%2Bb"
    log = canvas.client.server.app[REQUESTS]  # type: ignore[attr-defined]
    assert [each.method for each in log.seen("/Slot")] == ["GET", "GET"]
