"""While an upstream's answers of many megabytes are read, health checks are answered, and so is the query."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.conftest import SAMPLE
from tests.fuzz.scale import chance
from tests.fuzz.watched import LONG, SECONDS, Processes, Watched, told

SIZE, PAGES = (9_000_000, 20) if LONG else (1_500_000, 3)
FIRST = datetime(2025, 10, 21, tzinfo=UTC)
_ATTEMPTS, _AT_ONCE = 3, 3


Make = Callable[[random.Random], object]


def slot(rng: random.Random) -> object:
    start = FIRST + timedelta(minutes=rng.randrange(60 * 24 * 50))
    end = start + timedelta(minutes=rng.randrange(20, 700))
    return resource(
        "Slot",
        schedule={"reference": f"Schedule/{rng.randrange(3)}"},
        status="free",
        start=f"{start:%Y-%m-%dT%H:%M:%SZ}",
        end=f"{end:%Y-%m-%dT%H:%M:%SZ}",
    )


def practitioner(rng: random.Random) -> object:
    npi = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}
    names = [{"family": "Name", "given": ["A"]}]
    return resource("Practitioner", id=f"p{rng.randrange(10**9)}", name=names, identifier=[npi])


def schedule(rng: random.Random) -> object:
    return resource("Schedule", id=str(rng.randrange(10**9)), actor=[{"reference": "Practitioner/p1"}])


def resource(kind: object, **fields: object) -> object:
    return {"resource": {"resourceType": kind, **fields}}


ENTRIES: dict[str, tuple[str, Make]] = {
    "slots in no order": ("Slot", slot),
    "slots that are none": ("Slot", lambda _: resource("Slot", status="free")),
    "entries without a resource": ("Slot", lambda _: {}),
    "numbers": ("Slot", lambda _: 1),
    "types that are lists": ("Slot", lambda _: resource(["Slot"])),
    "nothing but outcomes": ("Slot", lambda _: resource("OperationOutcome")),
    "practitioners": ("Practitioner", practitioner),
    "schedules": ("Schedule", schedule),
    "schedules that are none": ("Schedule", lambda _: resource("Schedule", id=5)),
}
QUIET = ("nothing but outcomes", "practitioners", "schedules")  # of which nothing is missed
MANY_VALUES, LINKS = "one entry of many values", "links"


def page(name: str, number: int, port: int) -> tuple[str, bytes]:
    """Which type of resource is asked for, and a page of it of this size, with a link to the next one."""
    kind, make = ENTRIES.get(name, ("Slot", slot))
    following = {"relation": "next", "url": f"http://127.0.0.1:{port}/{kind}?page={number + 1}"}
    links = [following] if number < PAGES else []
    if name == LINKS:
        links += [{"relation": "x", "url": "y"}] * (SIZE // 30)
        entries = b""
    elif name == MANY_VALUES:
        entries = packed([resource("Slot", serviceType=[{}] * (SIZE // 4))])
    else:
        rng = chance(f"{name} {number}")
        several = packed([make(rng) for _ in range(5000)])
        entries = b",".join([several] * max(1, SIZE // len(several)))
    return kind, b'{"resourceType":"Bundle","link":[%b],"entry":[%b]}' % (packed(links), entries)


def packed(items: list[Any]) -> bytes:
    """The items as the inside of a JSON list."""
    return ",".join(json.dumps(each, separators=(",", ":")) for each in items).encode()


SMALL = {
    "Schedule": [
        {"resourceType": "Schedule", "id": str(number), "actor": [{"reference": "Practitioner/p1"}]}
        for number in range(3)
    ],
    "Practitioner": [{"resourceType": "Practitioner", "id": "p1", "name": [{"family": "One"}]}],
}


@contextmanager
def ehr(name: str) -> Iterator[int]:
    """An EHR that answers with such pages, at the port that it gives."""
    pages: dict[tuple[str, int], bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._send(b'{"access_token":"a","token_type":"Bearer","expires_in":3600}')

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            kind, number = asked.path.strip("/"), int(parse_qs(asked.query).get("page", ["1"])[0])
            small = [{"resource": each} for each in SMALL.get(kind, [])]
            usual = json.dumps({"resourceType": "Bundle", "entry": small}).encode()
            self._send(pages.get((kind, number), usual))

        def _send(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_given: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_given: object) -> None:
            """A client that has read enough hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    for number in range(1, PAGES + 1):
        kind, content = page(name, number, server.server_port)
        pages[kind, number] = content
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("name", [*ENTRIES, MANY_VALUES, LINKS])
def test_the_health_check_is_answered_while_long_pages_are_read(tmp_path: Path, name: str) -> None:
    message = json.loads(SAMPLE.read_bytes())
    message["Visit"] = {"Reasons": []}
    message |= {"StartDateTime": "2025-10-21T00:00:00.000Z", "EndDateTime": "2025-12-20T00:00:00.000Z"}
    body = json.dumps(message).encode()
    longest: list[float] = []
    processes = Processes(tmp_path)
    with ehr(name) as port:
        gateway = processes.serve(port, ("timezone:", "deadline_seconds: 60\n    timezone:"))
        try:
            for _ in range(_ATTEMPTS):  # what blocks does so every time; what other processes take, not
                answers, taken = _asked(gateway, body)
                longest.append(max(taken))
                if longest[-1] < SECONDS:
                    break
        finally:
            processes.end()
    told(name, min(longest), f"{[status for status, _ in answers]}")
    assert min(longest) < SECONDS
    for status, answer in answers:
        assert status in (200, 502, 503, 504), answer
        said = json.loads(answer)
        assert len(answer) < 1_000_000, len(answer)
        if status == 200 and name not in QUIET:
            assert said["Meta"]["IsIncomplete"] is True


def _asked(gateway: Watched, body: bytes) -> tuple[list[tuple[int, bytes]], list[float]]:
    answers: list[tuple[int, bytes]] = []
    threads = [threading.Thread(target=lambda: answers.append(gateway.post(body))) for _ in range(_AT_ONCE)]
    with gateway.watching() as taken:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == _AT_ONCE
    return answers, taken
