"""Tokens, end to end: every way of being known, from the configuration to a simulated server that checks it;
and what callers, the log and the metrics are told when it is the token endpoint that fails."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.assemble import assemble, check_configuration
from gateway.core.reasons import REASONS
from gateway.sandbox.canvas import canvas_app
from gateway.sandbox.control import REQUESTS
from gateway.web.logging import configure
from tests.clock import clock

SAMPLE = Path(__file__).parent / "samples" / "redox-available-slots.json"
HEADERS = {"verification-token": "8d03b6f1e75a40b7", "Content-Type": "application/json"}
CONFIGURATION = """\
sites:
  - id: demo
    timezone: America/Los_Angeles
    redox: {destination_ids: [af394f14-b34a-464f-8d24-895f370af4c9], verification_token: 8d03b6f1e75a40b7}
    fhir: {clients: [{id: app, token_sha256: %(digest)s}]}
    deadline_seconds: 2
    upstream:
      dialect: canvas
      base_url: %(url)s
%(lines)s
"""
SECRET_LINES = ("client_id: me", 'client_secret: "p+ w%ü:/"')


@dataclass
class Running:
    client: TestClient[web.Request, web.Application]
    log: io.BytesIO
    metrics: Callable[[], str]

    async def ask(self) -> tuple[int, dict[str, Any]]:
        async with self.client.post("/redox", data=SAMPLE.read_bytes(), headers=HEADERS) as response:
            return response.status, await response.json()

    async def search(self) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": "Bearer app-token"}
        async with self.client.get("/fhir/demo/Slot?start=ge2025-10-21", headers=headers) as response:
            return response.status, await response.json(content_type=None)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@asynccontextmanager
async def gateway(folder: Path, url: str, *lines: str) -> AsyncIterator[Running]:
    """A gateway in front of the FHIR server at ``url``, with these lines in its ``upstream``."""
    digest = hashlib.sha256(b"app-token").hexdigest()
    text = CONFIGURATION % {
        "url": url,
        "lines": "\n".join(f"      {line}" for line in lines),
        "digest": digest,
    }
    (folder / "gateway.yaml").write_text(text, "utf-8")
    application = assemble(check_configuration(folder / "gateway.yaml", {}), clock=clock)
    log = io.BytesIO()
    async with TestClient(TestServer(application.public(configure(log)))) as client:
        yield Running(client, log, lambda: application.metrics.exposition().decode())
    await application.close()


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.mark.parametrize(
    ("takes", "lines"),
    [
        (["client_secret_post"], ["token_url: %s/auth/token/"]),
        (["client_secret_basic"], ["token_url: %s/auth/token/"]),
        (["client_secret_basic", "client_secret_post"], []),
        (["client_secret_basic"], []),
        (["client_secret_post"], ["token_auth: client_secret_post", "token_url: %s/auth/token/"]),
        (["client_secret_basic"], ["token_auth: client_secret_basic", "token_url: %s/auth/token/"]),
        (["client_secret_basic"], ["token_auth: client_secret_basic"]),
    ],
)
async def test_a_secret_is_shown_as_the_server_takes_it(
    tmp_path: Path, takes: list[str], lines: list[str]
) -> None:
    canvas = canvas_app(clock=clock, client_id="me", client_secret="p+ w%ü:/", token_auth=takes)
    async with served(canvas) as url:
        more = [line.replace("%s", url) for line in lines]
        async with gateway(tmp_path, url, *SECRET_LINES, *more) as running:
            status, answer = await running.ask()
            assert status == 200 and answer["AvailableSlots"]
            assert (await running.search())[0] == 200
    told = any(line.startswith("token_auth") for line in lines) and any("token_url" in line for line in lines)
    assert len(canvas[REQUESTS].seen("/.well-known/smart-configuration")) == (0 if told else 1)
    assert len(canvas[REQUESTS].seen("/auth/token/")) == 1


def pair(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> tuple[str, bytes]:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public


RSA_PAIR = pair(rsa.generate_private_key(65537, 2048))
P256_PAIR = pair(ec.generate_private_key(ec.SECP256R1()))
P384_PAIR = pair(ec.generate_private_key(ec.SECP384R1()))


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        (RSA_PAIR, ["token_url: %s/auth/token/"]),
        (RSA_PAIR, ["token_url: %s/auth/token/", "algorithm: RS256"]),
        (P384_PAIR, ["token_url: %s/auth/token/", "token_auth: private_key_jwt"]),
        (P256_PAIR, []),
        (P384_PAIR, ["algorithm: ES384", "assertion_seconds: 230"]),
    ],
)
async def test_a_signed_assertion_is_verified_by_the_server(
    tmp_path: Path, keys: tuple[str, bytes], lines: list[str]
) -> None:
    private, public = keys
    (tmp_path / "key.pem").write_text(private)
    canvas = canvas_app(clock=clock, client_id="me", token_auth=["private_key_jwt"], public_key=public)
    async with served(canvas) as url:
        more = [line.replace("%s", url) for line in lines]
        known = ("client_id: me", "key_id: k", "private_key_file: key.pem", "scope: system/*.rs")
        async with gateway(tmp_path, url, *known, *more) as running:
            status, answer = await running.ask()
            assert status == 200 and answer["AvailableSlots"]


async def test_another_key_than_the_server_has_is_told_as_the_token_endpoints_refusal(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(P384_PAIR[0])
    canvas = canvas_app(clock=clock, client_id="me", token_auth=["private_key_jwt"], public_key=RSA_PAIR[1])
    async with served(canvas) as url:
        lines = ("client_id: me", "key_id: k", "private_key_file: key.pem")
        async with gateway(tmp_path, url, *lines) as running:
            status, answer = await running.ask()
    assert (status, answer["Meta"]["Errors"][0]["Text"]) == (
        502,
        "This gateway got no access token for the scheduling system. Its operator must mend that. "
        "The token endpoint answered with status 401, error invalid_client.",
    )


Step = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(body: object = None, status: int = 200, headers: dict[str, str] | None = None) -> Step:
    async def step(_request: web.Request) -> web.StreamResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return web.Response(body=raw, status=status, headers=headers)

    return step


async def breaks(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


NO_TOKEN = "This gateway got no access token for the scheduling system."
MEND = f"{NO_TOKEN} Its operator must mend that."
DESCRIBED = {"error": "invalid_client", "error_description": "Pat Granite has no account", "error_uri": "u"}


@pytest.mark.parametrize(
    ("step", "status", "text", "upstream"),
    [
        (
            says(DESCRIBED, 400),
            502,
            f"{MEND} The token endpoint answered with status 400, error invalid_client.",
            ("unauthorized", 400, "invalid_client"),
        ),
        (
            says(DESCRIBED, 401),
            502,
            f"{MEND} The token endpoint answered with status 401, error invalid_client.",
            ("unauthorized", 401, "invalid_client"),
        ),
        (
            says(DESCRIBED, 401, {"WWW-Authenticate": 'Basic realm="Granite"'}),
            502,
            f"{MEND} The token endpoint answered with status 401, error invalid_client, and asks for "
            "HTTP Basic (token_auth: client_secret_basic).",
            ("unauthorized", 401, "invalid_client"),
        ),
        (
            says({"error": "Pat Granite"}, 401),
            502,
            f"{MEND} The token endpoint answered with status 401.",
            ("unauthorized", 401, None),
        ),
        (
            says({"error": "invalid_scope"}, 400),
            502,
            f"{MEND} The token endpoint answered with status 400, error invalid_scope.",
            ("unauthorized", 400, "invalid_scope"),
        ),
        (
            says(b"<html>Granite</html>", 404),
            502,
            f"{NO_TOKEN} The token endpoint answered with status 404 (is token_url right?).",
            ("status", 404, None),
        ),
        (
            says(b"<html>Granite</html>", 500),
            502,
            f"{NO_TOKEN} The token endpoint answered with status 500.",
            ("status", 500, None),
        ),
        (
            says({}, 503, {"Retry-After": "7"}),
            503,
            f"{NO_TOKEN} Ask again later. The token endpoint answered with status 503.",
            ("overloaded", 503, None),
        ),
        (
            says({}, 302, {"Location": "https://evil.example/token"}),
            502,
            f"{MEND} The token endpoint answered with status 302, a redirect, which is not "
            "followed; token_url must be the endpoint itself.",
            ("protocol", 302, None),
        ),
        (
            says(b"<html>Granite</html>"),
            502,
            f"{MEND} The token endpoint answered, but its answer is not a JSON object.",
            ("protocol", 200, "not-json"),
        ),
        (
            says({"access_token": "a\r\nX: Granite"}),
            502,
            f"{MEND} The token endpoint answered, but its access token holds a space, a line "
            "break or a sign that no header has.",
            ("protocol", 200, "unusable-token"),
        ),
        (
            says({"token": "Granite"}),
            502,
            f"{MEND} The token endpoint answered, but its answer has no access_token.",
            ("protocol", 200, "no-token"),
        ),
        (
            says({"error": "invalid_scope", "error_description": "Granite"}),
            502,
            f"{MEND} The token endpoint answered with error invalid_scope (in an answer with status 200).",
            ("unauthorized", 200, "invalid_scope"),
        ),
        (
            says({"access_token": "abc", "token_type": "mac"}),
            502,
            f"{MEND} The token endpoint answered, but its token_type is not Bearer, and no "
            "other is spoken here.",
            ("protocol", 200, "unusable-token"),
        ),
        (
            breaks,
            502,
            f"{NO_TOKEN} Ask again shortly. The token endpoint could not be reached "
            "(the connection broke before a whole answer was there).",
            ("connect", None, "broken-connection"),
        ),
    ],
)
async def test_the_error_and_the_log_say_that_it_was_the_token_endpoint(
    tmp_path: Path, step: Step, status: int, text: str, upstream: tuple[str, int | None, str | None]
) -> None:
    app = web.Application()
    app.router.add_post("/token", step)
    async with served(app) as url:
        lines = (*SECRET_LINES, f"token_url: {url}/token", "token_auth: client_secret_post")
        async with gateway(tmp_path, url, *lines) as running:
            got, answer = await running.ask()
            assert (got, answer["Meta"]["Errors"][0]["Text"]) == (status, text)
            got, outcome = await running.search()
            assert (got, outcome["issue"][0]["details"]["text"]) == (status, text)
            failure, code, error = upstream
            reason, error = (error, None) if error in REASONS else (None, error)
            told = {"target": "token", "failure": failure, "status": code, "code": error, "reason": reason}
            assert [line["upstream"] for line in running.lines] == [told, told]
            said = running.log.getvalue().decode() + running.metrics() + json.dumps([answer, outcome])
            assert f'{{outcome="{failure}",site="demo",target="token"}}' in running.metrics()
            assert not any(each in said for each in ("Granite", "p+ w%", "evil.example"))


async def test_a_refusal_of_the_server_itself_is_told_as_such(tmp_path: Path) -> None:
    app = web.Application()
    app.router.add_post("/token", says({"access_token": "abc"}))
    app.router.add_get(
        "/{tail:.*}", says({"resourceType": "OperationOutcome", "issue": [{"code": "login"}]}, 401)
    )
    async with served(app) as url:
        lines = (*SECRET_LINES, f"token_url: {url}/token", "token_auth: client_secret_post")
        async with gateway(tmp_path, url, *lines) as running:
            status, answer = await running.ask()
            assert (status, answer["Meta"]["Errors"][0]["Text"]) == (
                502,
                "The scheduling system refused this gateway's own credentials. Its operator must mend that.",
            )
            assert running.lines[0]["upstream"]["target"] == "Slot"
            assert (running.lines[0]["upstream"]["status"], running.lines[0]["upstream"]["code"]) == (
                401,
                "login",
            )


async def test_a_token_endpoint_that_hangs_is_told_within_the_deadline(tmp_path: Path) -> None:
    app = web.Application()

    async def hangs(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    app.router.add_post("/token", hangs)
    async with served(app) as url:
        lines = (*SECRET_LINES, f"token_url: {url}/token", "token_auth: client_secret_post")
        async with gateway(tmp_path, url, *lines) as running:
            status, answer = await running.ask()
    assert (status, answer["Meta"]["Errors"][0]["Text"]) == (
        504,
        f"{NO_TOKEN[:-1]} in time. Ask again shortly. The token endpoint has not answered in time.",
    )


async def test_what_the_form_holds_beside_the_protocol(tmp_path: Path) -> None:
    forms: list[list[tuple[str, str]]] = []

    async def token(request: web.Request) -> web.StreamResponse:
        forms.append([(name, str(value)) for name, value in (await request.post()).items()])
        return web.json_response({"access_token": "abc", "token_type": "BearerToken", "expires_in": "3599"})

    app = web.Application()
    app.router.add_post("/token", token)
    async with served(app) as url:
        lines = (
            *SECRET_LINES,
            f"token_url: {url}/token",
            "token_auth: client_secret_post",
            "scope: system/Slot.rs",
            "audience: https://ehr.example/api",
            "resource: [https://a.example, https://b.example]",
            "token_fields: {tenant: x y}",
        )
        async with gateway(tmp_path, url, *lines) as running:
            await running.ask()
    assert forms == [
        [
            ("grant_type", "client_credentials"),
            ("client_id", "me"),
            ("client_secret", "p+ w%ü:/"),
            ("scope", "system/Slot.rs"),
            ("audience", "https://ehr.example/api"),
            ("resource", "https://a.example"),
            ("resource", "https://b.example"),
            ("tenant", "x y"),
        ]
    ]
