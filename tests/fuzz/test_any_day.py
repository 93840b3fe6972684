"""Any moment of any year: both sides answer from now on, and the probe finds what it finds on every day.

The moments are those at which days, months, years and the clocks of Los Angeles change, and others at random.
"""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from aiohttp.test_utils import TestClient, TestServer

from gateway.assemble import assemble, check_configuration
from gateway.cli.summary import codes_of
from gateway.core.window import to_utc_text
from gateway.probe import Report, probe
from gateway.sandbox.canvas import canvas_app
from gateway.web.logging import configure
from tests import clinic
from tests.fuzz.scale import chance, inputs

SPECIAL = [
    "2028-02-29T00:00:00+00:00",
    "2028-03-01T07:59:59+00:00",
    "2026-03-08T10:00:00+00:00",
    "2026-11-01T09:00:00+00:00",
    "2027-01-01T00:00:00+00:00",
    "2027-01-01T08:00:00+00:00",
    "2026-07-05T05:30:00+00:00",
]
CONFIGURATION = """\
sites:
  - id: demo
    timezone: America/Los_Angeles
    redox: {destination_ids: [af394f14-b34a-464f-8d24-895f370af4c9], verification_token: 8d03b6f1e75a40b7}
    fhir: {clients: [{id: app, token_sha256: %s}]}
    upstream: {dialect: canvas, base_url: "%s", client_id: a, client_secret: b}
"""


def moments() -> list[datetime]:
    random = chance("any day")
    near = (timedelta(seconds=-1), timedelta(), timedelta(seconds=random.randint(1, 86_400)))
    special = [datetime.fromisoformat(each) + off for each in SPECIAL for off in near]
    random.shuffle(special)
    first = datetime(2025, 1, 1, tzinfo=UTC)
    others = [first + timedelta(seconds=random.randrange(4 * 366 * 86_400)) for _ in range(inputs(4))]
    return [*special[: inputs(4)], *others]


async def test_from_now_on(tmp_path: Path) -> None:
    for now in moments():
        await _asked(tmp_path, now)


async def _asked(folder: Path, now: datetime) -> None:
    def clock() -> datetime:
        return now

    async with TestServer(canvas_app(clock=clock)) as canvas:
        digest = hashlib.sha256(b"app-token").hexdigest()
        path = folder / "gateway.yaml"
        path.write_text(CONFIGURATION % (digest, str(canvas.make_url("")).rstrip("/")))
        found = check_configuration(path, {})
        application = assemble(found, clock=clock)
        try:
            async with TestClient(TestServer(application.public(configure(io.BytesIO())))) as client:
                redox = await _redox(client, now)
                fhir = await _fhir(client)
            report = await _probed(application, now)
        finally:
            await application.close()
    end = to_utc_text(now + timedelta(days=7, hours=1))
    assert redox and all(to_utc_text(now) <= start <= end for start in redox), now
    assert redox == fhir, now
    assert not report.failed and report.slots.count > 0, (now, report.findings)
    assert [each.text for each in report.findings if each.level == "fault"] == [], now
    assert [each.verdict for each in report.trials if each.own] == ["works"], now


async def _redox(client: Any, now: datetime) -> list[str]:
    message = clinic.sample()
    message["StartDateTime"], message["EndDateTime"] = to_utc_text(now), None
    message["Visit"] = {}
    headers = {"verification-token": "8d03b6f1e75a40b7", "Content-Type": "application/json"}
    async with client.post("/redox", data=json.dumps(message), headers=headers) as response:
        answer = await response.json()
        assert response.status == 200, (now, answer)
    assert answer["Meta"]["EventDateTime"] == to_utc_text(now)
    return sorted(slot["DateTime"] for slot in answer["AvailableSlots"])


async def _fhir(client: Any) -> list[str]:
    starts: list[str] = []
    url: str | None = "/fhir/demo/Slot?_count=500"
    while url is not None:
        async with client.get(url, headers={"Authorization": "Bearer app-token"}) as response:
            page = await response.json(content_type=None)
            assert response.status == 200, page
        slots = [each["resource"] for each in page.get("entry", ()) if each["search"]["mode"] == "match"]
        starts += [to_utc_text(datetime.fromisoformat(slot["start"])) for slot in slots]
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        url = following[0].partition("/fhir/")[2] if following else None
        url = f"/fhir/{url}" if url else None
    return sorted(starts)


async def _probed(application: Any, now: datetime) -> Report:
    (served,) = application.sites
    reply, _ = await application.service.run(
        probe(served.rules, served.tables, codes_of(None, "canvas", "demo"), now, dialect="canvas"),
        served.upstream,
        site="demo",
        request_id="r",
        deadline_seconds=30.0,
        state_version="",
    )
    return msgspec.json.decode(reply.body, type=Report)
