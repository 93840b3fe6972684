"""An issuer of tokens on the loopback interface, and a bearer check that asks it for its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from gateway.web.access import JwtRules
from gateway.web.bearer import Bearer
from gateway.web.jwks_fetch import JwksFetch
from gateway.web.jwt import InvalidToken
from tests.clock import seconds
from tests.web.fhir_side import access

ISSUER, AUDIENCE = "https://auth.example", "https://gateway.example/fhir"

KEYS: dict[str, RSAKey | ECKey] = {
    "rsa-1": RSAKey.generate_key(2048),
    "rsa-2": RSAKey.generate_key(2048),
    "p-256": ECKey.generate_key("P-256"),
    "p-384": ECKey.generate_key("P-384"),
    "p-521": ECKey.generate_key("P-521"),
}


NULL = msgspec.Raw(b"null")
"""A claim that is there and null."""


class Ticks:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Issuer:
    """An issuer of tokens: signs with its keys, and publishes their public halves over HTTP."""

    keys: dict[str, RSAKey | ECKey]
    published: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    down: bool = False
    fetched: int = 0
    url: str = ""

    def publish(self, *kids: str, **members: Any) -> None:
        self.published = [
            dict(self.keys[kid].as_dict(private=False)) | {"kid": kid} | members for kid in kids
        ]

    def rules(self, **changed: Any) -> JwtRules:
        return JwtRules(**({"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": self.url} | changed))

    def token(
        self, kid: str = "rsa-1", alg: str = "RS256", head: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """A good token, but for what is said; a claim or head member that is None is left out; NULL is
        null."""
        now = seconds()
        usual = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 300, "iat": now, "scope": "system/Slot.read"}
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        told = {"alg": alg, "kid": kid, "typ": "JWT"} | (head or {})
        told = {name: value for name, value in told.items() if value is not None}
        registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
        return jws.serialize_compact(told, msgspec.json.encode(said), self.keys[kid], registry=registry)

    async def answer(self, _request: web.Request) -> web.Response:
        self.fetched += 1
        if self.down:
            return web.Response(status=503)
        return web.json_response({"keys": self.published}, headers=self.headers)


async def _moved(_request: web.Request) -> web.Response:
    raise web.HTTPFound("/jwks")


@asynccontextmanager
async def issuing(keys: dict[str, RSAKey | ECKey]) -> AsyncIterator[Issuer]:
    """An issuer that publishes all of ``keys``."""
    issuer = Issuer(keys)
    issuer.publish(*keys)
    app = web.Application()
    app.router.add_get("/jwks", issuer.answer)
    app.router.add_get("/jwks/moved", _moved)
    async with TestServer(app) as server:
        issuer.url = str(server.make_url("/jwks"))
        yield issuer


@asynccontextmanager
async def checking(ticks: Ticks) -> AsyncIterator[Bearer]:
    """A bearer check that fetches keys over HTTP."""
    async with aiohttp.ClientSession() as session:
        bearer = Bearer(JwksFetch(lambda: session, 3.0), seconds, ticks)
        yield bearer
        await bearer.close()


async def admit(bearer: Bearer, issuer: Issuer, token: str, **rules: Any) -> str:
    opened = access(jwt=issuer.rules(**rules))
    return await bearer.admit([f"Bearer {token}"], opened, "Slot", "s")


async def refusal(bearer: Bearer, issuer: Issuer, token: str) -> str:
    with pytest.raises(InvalidToken) as refused:
        await admit(bearer, issuer, token)
    (issue,) = refused.value.issues
    return issue.text
