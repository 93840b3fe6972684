"""An EHR whose certificate is not accepted: what the caller, the log, the metrics and the probe say of it."""

from __future__ import annotations

import datetime
import io
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp.test_utils import TestServer

from gateway.assemble import assemble, check_configuration
from gateway.sandbox.canvas import canvas_app
from gateway.web.logging import configure

SAMPLE = Path(__file__).parent / "samples" / "redox-available-slots.json"
PAST = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
SITE = """\
sites:
  - id: clinic
    timezone: America/Los_Angeles
    redox: {destination_ids: [af394f14-b34a-464f-8d24-895f370af4c9], verification_token: 5f2c8e0b71d94a36b0c2}
    upstream: {dialect: canvas, base_url: %(url)s, token: secret, ca_file: ca.pem}
"""


@contextmanager
def certified(ca: trustme.CA, **how: Any) -> Iterator[ssl.SSLContext]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1", **how).configure_cert(context)
    yield context


@pytest.mark.parametrize(
    ("case", "reason", "said", "advice"),
    [
        ("expired", "certificate-expired", "has expired", "renew"),
        ("foreign", "certificate-unknown-issuer", "does not trust", "upstream.ca_file"),
    ],
)
async def test_what_is_said_of_a_certificate_that_is_not_accepted(
    tmp_path: Path, aiohttp_client: Any, case: str, reason: str, said: str, advice: str
) -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    how = {"not_before": PAST, "not_after": PAST} if case == "expired" else {}
    with certified(ours if case == "expired" else theirs, **how) as context:
        server = TestServer(canvas_app(), scheme="https")
        await server.start_server(ssl=context)
    path = tmp_path / "gateway.yaml"
    path.write_text(SITE % {"url": str(server.make_url("/")).rstrip("/")})
    application, stream = assemble(check_configuration(path, {})), io.BytesIO()
    client = await aiohttp_client(application.public(configure(stream)))
    headers = {"verification-token": "5f2c8e0b71d94a36b0c2", "Content-Type": "application/json"}
    for _ in range(3):
        async with client.post("/redox", data=SAMPLE.read_bytes(), headers=headers) as response:
            body = await response.text()
            assert response.status == 502
    text = json.loads(body)["Meta"]["Errors"][0]["Text"]
    assert said in text
    assert "127.0.0.1" not in body
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["upstream"]["reason"] for line in requests] == [reason] * 3
    told = [line for line in lines if line["event"] == "upstream"]
    assert {line["target"] for line in told} == {"Schedule", "Practitioner", "Location"}, "each once"
    assert len(told) == 3
    assert told[0]["reason"] == reason
    assert advice in told[0]["advice"]
    page = application.metrics.exposition().decode()
    assert f'gateway_upstream_troubles_total{{reason="{reason}",site="clinic",target="Schedule"}} 3.0' in page
    await application.close()
    await server.close()
