"""Nothing of a patient anywhere: a canary in every ``Patient`` field, and requests that end in every way.

The whole gateway answers over HTTP, with the simulated Canvas behind it. The canary must be found neither in
an answer, its headers or an error body, nor in the log, the metrics, the process's own output, or what the
upstream was asked.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from gateway.assemble import Application, assemble, check_configuration
from gateway.sandbox.canvas import canvas_app
from gateway.sandbox.control import REQUESTS, RequestLog
from gateway.sandbox.faults import FAULTS, Fault, Faults
from gateway.tables.build import schemas
from gateway.web.logging import LibraryLog, configure
from gateway.web.server import Bound, Listen, Shutdown, run
from tests import clinic
from tests.clock import clock

CANARY = "Canary-Bixby-7731"
TOKEN = "8d03b6f1e75a40b7e91d6c2f"
DESTINATION = "af394f14-b34a-464f-8d24-895f370af4c9"
CONFIGURATION = """\
server: {{body_limit_bytes: 65536}}
sites:
  - id: demo
    timezone: America/Los_Angeles
    redox: {{destination_ids: [{destination}], verification_token: {token}}}
    upstream:
      dialect: canvas
      base_url: {url}
      token_url: {url}/auth/token/
      client_id: id
      client_secret: secret
    deadline_seconds: 1
"""


def poisoned(name: str = "Patient") -> Any:
    """A value for every field that the schema has below ``name``, each text the canary."""
    view = schemas()["AvailableSlots"]

    def fill(schema: Any) -> Any:
        item = view.item(schema)
        if item is not None:
            return [fill(item), fill(item)]
        target = view.resolve(schema)
        if "properties" in target:
            return {child: fill(inner) for child, inner in target["properties"].items()}
        return True if "boolean" in str(target.get("type")) else CANARY

    return fill(view.children(view.root)[name])


def message(**changes: Any) -> dict[str, Any]:
    """The sample with the canary in all of Patient, and in the reasons of the visit."""
    made = clinic.sample()
    made["Patient"] = poisoned()
    made["Visit"]["Reasons"] = [CANARY, CANARY]
    for path, value in changes.items():
        made = clinic.changed(made, path.replace("__", "."), value)
    return made


@dataclass
class Watched:
    """A gateway that is listened to on every side; ``heard`` is all that it said."""

    url: str
    admin: str
    client: aiohttp.ClientSession
    faults: Faults
    seen: RequestLog
    log: io.BytesIO
    heard: list[str] = field(default_factory=list)

    async def send(self, body: bytes, path: str = "/redox", method: str = "POST", **headers: str) -> int:
        given = {"verification-token": TOKEN, "Content-Type": "application/json", **headers}
        async with self.client.request(method, self.url + path, data=body, headers=given) as answer:
            self.heard += [str(answer.headers), str(answer.reason), await answer.text()]
            return answer.status

    async def everything(self) -> str:
        """All that was said and asked so far."""
        await asyncio.sleep(0.01)
        async with self.client.get(f"{self.admin}/metrics") as metrics:
            self.heard.append(await metrics.text())
        asked = [unquote_plus(f"{each.path} {each.query} {each.request_id}") for each in self.seen.seen()]
        return "\n".join([*self.heard, *asked, self.log.getvalue().decode()])


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    canvas = canvas_app(clock=clock)
    upstream = TestServer(canvas)
    await upstream.start_server(access_log=None)
    url = str(upstream.make_url("")).rstrip("/")
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIGURATION.format(destination=DESTINATION, token=TOKEN, url=url), "utf-8")
    application: Application = assemble(check_configuration(path, {}), clock=clock)
    stream = io.BytesIO()
    log = configure(stream, "debug")
    library = LibraryLog(log)
    logging.getLogger().addHandler(library)
    bound: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    serving = asyncio.create_task(
        run(
            application.public(log),
            application.admin(log),
            listen=application.listen(0),
            admin_listen=Listen("127.0.0.1", 0),
            readiness=application.readiness,
            log=log,
            on_bound=bound.set_result,
            stop=stop,
            shutdown=Shutdown(0, 1, 0.1),
        )
    )
    at, client = await bound, aiohttp.ClientSession()
    yield Watched(
        f"http://127.0.0.1:{at.public[0][1]}",
        f"http://127.0.0.1:{at.admin[0][1]}",
        client,
        canvas[FAULTS],
        canvas[REQUESTS],
        stream,
    )
    logging.getLogger().removeHandler(library)
    await client.close()
    stop.set()
    await asyncio.wait_for(serving, 5)
    await application.close()
    await upstream.close()


def test_the_canary_is_in_every_field() -> None:
    text = json.dumps(poisoned())
    assert text.count(CANARY) > 40
    assert "null" not in text
    clinic.read(message())


def raw(**changes: Any) -> bytes:
    return json.dumps(message(**changes)).encode()


WRONG = {"verification-token": "wrong"}
# How a request ends -> its status, its body, and what else it has.
PLAIN: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "the sample": (200, raw(), {}),
    "nothing open": (200, raw(StartDateTime="2025-10-25", EndDateTime="2025-10-25"), {}),
    "a query string": (200, raw(), {"path": f"/redox?name={CANARY}"}),
    # It is no message, or not a valid one, the fault being in Patient itself.
    "not JSON": (400, raw()[:-1], {}),
    "not UTF-8": (400, raw() + b"\xff", {}),
    "a bare text": (400, json.dumps(CANARY).encode(), {}),
    "a list": (400, b"[" + raw() + b"]", {}),
    "Patient is a text": (400, raw(Patient=CANARY), {}),
    "Patient is a list": (400, raw(Patient=[poisoned()]), {}),
    "a wrong kind": (400, raw(Patient__Demographics__DOB={CANARY: CANARY}), {}),
    "a wrong kind in a list": (400, raw(Patient__Identifiers__1__ID=[CANARY]), {}),
    "an unknown field": (200, raw(Patient__Demographics={CANARY: CANARY}), {}),
    "an unknown field at the top of it": (200, raw(Patient={CANARY: CANARY}), {}),
    "reasons of a wrong kind": (400, raw(Visit__Reasons={CANARY: CANARY}), {}),
    "wrong values": (400, raw(StartDateTime="soon", Visit__VisitPreference__0__Day=["Someday"]), {}),
    "another event": (400, raw(Meta__EventType="PatientAdmin"), {}),
    "no Meta": (400, json.dumps({"Patient": poisoned()}).encode(), {}),
    "Meta of a wrong kind": (400, json.dumps({"Meta": [], "Patient": poisoned()}).encode(), {}),
    "nested deeply": (400, b'{"Patient":' + b"[" * 5000 + CANARY.encode(), {}),
    "no destination": (400, raw(Meta__Destinations=[]), {}),
    # It is not let in, or does not get so far.
    "a wrong token": (401, raw(), WRONG),
    "an empty token": (401, raw(), {"verification-token": ""}),
    "another site": (401, raw(), {"path": f"/redox/{CANARY}"}),
    "another destination": (404, raw(Meta__Destinations=[{"ID": "someone-else"}]), {}),
    "no such route": (404, raw(), {"path": f"/{CANARY}?name={CANARY}"}),
    "a wrong method": (405, raw(), {"method": "PUT", "path": f"/redox?name={CANARY}"}),
    "too large": (413, raw() + b" " * 70_000, {}),
    "another media type": (415, raw(), {"Content-Type": "text/plain"}),
    "compressed": (415, gzip.compress(raw()), {"Content-Encoding": "gzip"}),
    "not known here": (422, raw(Visit__Locations__0__Department="4N"), {}),
    # Handshakes, right and wrong.
    "handshake": (200, json.dumps({"verification-token": TOKEN, "challenge": "c-1"}).encode(), {}),
    "handshake by GET": (200, b"", {"method": "GET", "path": "/redox?challenge=c-1"}),
    "a wrong handshake": (401, json.dumps({"challenge": CANARY, "Patient": poisoned()}).encode(), WRONG),
}
# The upstream fails in part, late, or at once.
BROKEN: list[tuple[int, Fault]] = [
    (200, Fault("malformed-slot")),
    (200, Fault("wrong-schedule")),
    (504, Fault("slow", seconds=3)),
    (503, Fault("status", status=429, retry_after=60)),
    (502, Fault("not-json")),
    (502, Fault("status", status=403)),
    (502, Fault("reset")),
]


async def test_nothing_of_a_patient_is_anywhere(
    watched: Watched, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ends = {name: await watched.send(body, **more) for name, (_, body, more) in PLAIN.items()}
    assert ends == {name: status for name, (status, _, _) in PLAIN.items()}
    for status, fault in BROKEN:
        watched.faults.set("slot", fault)
        assert await watched.send(raw()) == status, fault
    assert {await watched.send(raw()) for _ in range(8)} >= {503}  # its breaker is open

    said = await watched.everything() + caplog.text + "".join(capfd.readouterr())
    for trace in (CANARY, CANARY.lower(), "Canary", "Bixby", TOKEN):
        assert trace not in said
    lines = [json.loads(line) for line in watched.log.getvalue().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert len(requests) >= len(ends) + len(BROKEN)
    assert {line["status"] for line in requests} >= {200, 400, 401, 404, 405, 413, 415, 422, 502, 503, 504}
    assert "d9f5d293-7110-461e-a875-3beb089e79f3" in said
