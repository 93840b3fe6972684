"""Who stands around the gateways of the tests: the simulated Redox and Canvas, and an issuer of tokens."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from gateway.sandbox.canvas import canvas_app
from gateway.sandbox.clinic import Schedule
from gateway.sandbox.redox import redox_app
from gateway.sandbox.seeded import seeded_clinic
from tests.interop.running import NOW, TOKEN, Gateway, Handler, Json, gateway, serving, site

ZONE = "America/Los_Angeles"
DESTINATION = "af394f14-b34a-464f-8d24-895f370af4c9"
SOURCE = "7ce6f387-c33c-417d-8682-81e83628cbd9"
CLIENT_ID = "5f0e0d1c-0000-4000-8000-000000000001"
KEY_ID = "key-1"
BEARER, OTHER_BEARER = "token-of-the-scheduler-app", "token-of-the-viewer"
ISSUER, AUDIENCE = "https://auth.example", "https://gateway.example/fhir"

CLINIC = seeded_clinic()
_KEY = RSAKey.generate_key(2048)
_SIGNING = ECKey.generate_key("P-256", {"kid": "signing-1", "use": "sig", "alg": "ES256"})


def schedules_csv() -> str:
    """The directory of a site that Redox's simulated EHR stands behind: everything that is known of it."""
    stream = io.StringIO()
    lines = [_line(schedule) for schedule in CLINIC.schedules]
    writer = csv.DictWriter(stream, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


def _line(schedule: Schedule) -> dict[str, str]:
    person, place = schedule.person, schedule.place
    identity, kind = (person.npi, "NPI") if person.npi else person.other_id or ("", "")
    return {
        "schedule": schedule.id,
        "practitioner": person.id,
        "provider_id": identity,
        "provider_id_type": kind,
        "first_name": person.given,
        "last_name": person.family,
        "credentials": " ".join(person.credentials),
        "phone": f"+1{person.phone}",
        "facility": place.name,
        "department": schedule.department,
        "location_id": place.id,
        "room": schedule.room,
    }


def redox_key() -> str:
    """Our key, by which the simulated Redox knows us, as PEM."""
    return _KEY.as_pem(private=True).decode()


def redox_network() -> web.Application:
    """The simulated Redox, which lets in nobody but the owner of our key."""
    return redox_app(
        public_key=_KEY.as_pem(private=False),
        key_id=KEY_ID,
        client_id=CLIENT_ID,
        source_id=SOURCE,
        clock=lambda: NOW,
    )


def relaying(network: web.Application, destination: str) -> web.Application:
    """A Redox that checks a query as ever, and then has it answered by the destination at this URL."""

    @web.middleware
    async def relay(request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await request.read()
        response = await handler(request)
        if request.path != "/endpoint" or response.status != web.HTTPOk.status_code:
            return response
        headers = {"verification-token": TOKEN, "Content-Type": "application/json"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{destination}/redox", data=body, headers=headers) as answer,
        ):
            return web.json_response(body=await answer.read(), status=answer.status)

    network.middlewares.append(relay)
    return network


def issuer() -> web.Application:
    """Issues signed tokens for reading slots, and says by which key."""

    async def token(_request: web.Request) -> web.Response:
        now = int(NOW.timestamp())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 300, "scope": "system/Slot.read"}
        signed = jwt.encode({"alg": "ES256", "kid": "signing-1"}, claims, _SIGNING)
        return web.json_response({"access_token": signed, "token_type": "Bearer", "expires_in": 300})

    async def jwks(_request: web.Request) -> web.Response:
        return web.json_response({"keys": [_SIGNING.as_dict(private=False)]})

    app = web.Application()
    app.router.add_post("/token", token)
    app.router.add_get("/jwks", jwks)
    return app


def canvas() -> web.Application:
    """The simulated Canvas."""
    return canvas_app(client_id="c", client_secret="s", clock=lambda: NOW)


def canvas_upstream(url: str) -> Json:
    return {
        "dialect": "canvas",
        "base_url": url,
        "token_url": f"{url}/auth/token/",
        "client_id": "c",
        "client_secret": "s",
    }


@asynccontextmanager
async def partner(
    folder: Path,
    redox_url: str,
    issuer_url: str | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
) -> AsyncIterator[Gateway]:
    """A gateway whose site `partner` answers FHIR clients, of whom it knows two, and asks Redox."""
    tokens = {"scheduler-app": BEARER, "viewer": OTHER_BEARER}
    clients = [
        {"id": name, "token_sha256": hashlib.sha256(token.encode()).hexdigest()}
        for name, token in tokens.items()
    ]
    fhir: Json = {"clients": clients}
    if issuer_url is not None:
        fhir["jwt"] = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": f"{issuer_url}/jwks"}
    sites = [site("partner", ZONE, redox_upstream(redox_url), fhir=fhir, max_slots=5000)]
    files = {
        "redox.pem": redox_key(),
        "mappings/sites/partner/schedules.csv": schedules_csv(),
    }
    async with gateway(folder, sites, files, clock) as running:
        yield running


def redox_upstream(url: str) -> Json:
    """That of a site which asks it; the configuration has :func:`redox_key` beside it as ``redox.pem``."""
    return {
        "dialect": "redox",
        "base_url": url,
        "token_url": f"{url}/v2/auth/token",
        "client_id": CLIENT_ID,
        "private_key_file": "redox.pem",
        "key_id": KEY_ID,
        "source_id": SOURCE,
        "destination_id": DESTINATION,
    }


@asynccontextmanager
async def partner_of_redox(folder: Path) -> AsyncIterator[Gateway]:
    """The same, with the simulated Redox behind it."""
    async with serving(redox_network()) as url, partner(folder, url) as running:
        yield running


async def canvas_slots(url: str, schedules: list[str], **params: Any) -> list[Json]:
    """The slots that Canvas itself tells of these schedules."""
    found: list[Json] = []
    async with aiohttp.ClientSession() as session:
        form = {"grant_type": "client_credentials", "client_id": "c", "client_secret": "s"}
        async with session.post(f"{url}/auth/token/", data=form) as response:
            token = (await response.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        for schedule in schedules:
            following: str | None = "/Slot"
            asked: Json | None = {"schedule": schedule, "_count": "100", **params}
            while following:
                async with session.get(url + following, params=asked, headers=headers) as response:
                    page = await response.json()
                found += [entry["resource"] for entry in page.get("entry", [])]
                links = {link["relation"]: link["url"] for link in page.get("link", [])}
                following, asked = links.get("next"), None
    return found


async def redox_answer(url: str, message: Json) -> Json:
    """What Redox itself answers to a query."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": _assertion(f"{url}/v2/auth/token"),
    }
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{url}/v2/auth/token", data=form) as response:
            token = (await response.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Redox-Source-Id": SOURCE}
        async with session.post(f"{url}/endpoint", json=message, headers=headers) as response:
            answer: Json = await response.json()
            assert response.status == web.HTTPOk.status_code, answer
    return answer


def _assertion(audience: str) -> str:
    now = int(NOW.timestamp())
    claims = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": audience,
        "iat": now,
        "exp": now + 300,
        "jti": uuid4().hex,
    }
    return jwt.encode({"alg": "RS384", "kid": KEY_ID}, claims, _KEY, algorithms=["RS384"])
