"""A FHIR server that always gives the same answers, so that it costs little and the same for everybody.

``python -m benchmarks.upstream PORT`` listens on loopback until it is ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, cast

import uvloop

from benchmarks.bundles import SAMPLE_SCHEDULE, sample_case

_STAFF = SAMPLE_SCHEDULE.partition("-Staff.")[2]


def answers() -> dict[str, bytes]:
    """By path, the JSON that a Canvas-like server gives: one schedule with the three slots of the sample."""
    schedule = {
        "resourceType": "Schedule",
        "id": SAMPLE_SCHEDULE,
        "comment": "Schedule for Pat Granite MD at RES General Hospital",
        "actor": [{"reference": f"Practitioner/{_STAFF}", "type": "Practitioner"}],
    }
    practitioner = {
        "resourceType": "Practitioner",
        "id": _STAFF,
        "active": True,
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "4356789876"}],
        "name": [{"use": "usual", "family": "Granite", "given": ["Pat"], "suffix": ["MD"]}],
    }
    location = {
        "resourceType": "Location",
        "id": "b3476a18-3f63-422d-87e7-b3dc0cd55060",
        "status": "active",
        "name": "RES General Hospital",
    }
    token = {
        "access_token": "benchmark",
        "expires_in": 36000,
        "token_type": "Bearer",
        "scope": "system/*.read",
    }
    return {
        "/Slot": sample_case().schedules[0].bundle,
        "/Schedule": _searchset(schedule),
        "/Practitioner": _searchset(practitioner),
        "/Location": _searchset(location),
        "/auth/token/": json.dumps(token).encode(),
    }


def _searchset(resource: dict[str, Any]) -> bytes:
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{"resource": resource}]}
    return json.dumps(bundle).encode()


class FixedAnswers(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as much of it as the clients here speak: a body has a Content-Length."""

    def __init__(self, replies: dict[str, bytes]) -> None:
        self._replies = replies
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # a stream's, but uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (head_end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:head_end]
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            request_end = head_end + 4 + int(length or 0)
            if len(self._received) < request_end:
                return
            self._received = self._received[request_end:]
            path = head.split(b" ", 2)[1].partition(b"?")[0].decode("latin-1")
            self._transport.write(self._replies.get(path, NOT_FOUND))


NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def replies() -> dict[str, bytes]:
    """The whole HTTP replies, by path."""
    return {
        path: b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: %d\r\n\r\n%b"
        % (len(body), body)
        for path, body in answers().items()
    }


async def serve(port: int) -> None:
    fixed = replies()
    server = await asyncio.get_running_loop().create_server(lambda: FixedAnswers(fixed), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
