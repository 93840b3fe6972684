"""A simulated Redox network as its client sees it: tokens, and ``POST /endpoint`` for AvailableSlots.

Behind it stands the same made-up clinic as behind the simulated Canvas. Where the vendor's pages say
nothing, the choice is told at its place. It shares no code with the rest of the gateway.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from typing import Any

from aiohttp import web

from gateway.sandbox import broken
from gateway.sandbox.clinic import Clinic
from gateway.sandbox.control import REQUESTS, RequestLog, add_control_routes, log_requests
from gateway.sandbox.faults import ANYWHERE, FAULTS, Fault, FaultKind, Faults
from gateway.sandbox.redox_answers import Json, QueryRefused, Style, answer, check, error_item
from gateway.sandbox.redox_auth import Assertions, ClientKeys, TokenRefused
from gateway.sandbox.seeded import seeded_clinic
from gateway.sandbox.tokens import Clock, Tokens, utc_now

TOKEN_SECONDS = 300
LEGACY_SECONDS = 24 * 3600
MAX_BODY_BYTES = 40 * 1024 * 1024
RATE_LIMIT = "10000"
FORM = "application/x-www-form-urlencoded"
UNAUTHORIZED_PAGE = "<!DOCTYPE html><html><body><h1>401 Unauthorized</h1></body></html>"

_KINDS: Mapping[str, frozenset[FaultKind]] = {
    "token": ANYWHERE,
    "endpoint": ANYWHERE | {"huge", "expired-token", "errors", "incomplete", "malformed-slot", "rate-limit"},
}


@dataclass(frozen=True)
class RedoxSettings:
    """What the simulated network knows of its client, and how it spells its answers.

    keys, client_id: who may ask for a token by assertion. token_url: the ``aud`` that is demanded,
    the URL that was posted to if absent. api_key, api_secret: the legacy pair, any if absent.
    source_id: the ``Redox-Source-Id`` that is demanded, none if absent. destinations: id -> name,
    any id if empty.
    """

    keys: ClientKeys = field(default_factory=ClientKeys)
    client_id: str | None = None
    token_url: str | None = None
    api_key: str | None = None
    api_secret: str | None = None
    source_id: str | None = None
    destinations: Mapping[str, str] = field(default_factory=dict)
    style: Style = field(default_factory=Style)


def redox_app(
    clinic: Clinic | None = None,
    *,
    public_key: bytes | str | None = None,
    jwks: Mapping[str, Any] | None = None,
    secret: str | None = None,
    key_id: str | None = None,
    client_id: str | None = None,
    token_url: str | None = None,
    api_key: str | None = None,
    api_secret: str | None = None,
    source_id: str | None = None,
    destinations: Mapping[str, str] | None = None,
    event_type: str = "AvailableSlotsResponse",
    zone: tzinfo | None = None,
    seed: int = 1,
    clock: Clock = utc_now,
) -> web.Application:
    """The application; ``web.run_app`` or a test server runs it.

    Of ``public_key`` (PEM), ``jwks`` and ``secret`` one is needed for assertions to be let in. The
    rest is told at RedoxSettings, Style (``event_type``, ``zone``) and ClientKeys. ``app[FAULTS]``
    (targets ``token`` and ``endpoint``) and ``app[REQUESTS]`` are the switches and the log.
    """
    app = web.Application(middlewares=[log_requests], client_max_size=MAX_BODY_BYTES)
    app[FAULTS] = Faults(_KINDS)
    app[REQUESTS] = RequestLog()
    add_control_routes(app)
    settings = RedoxSettings(
        keys=ClientKeys(public_key=public_key, jwks=jwks, secret=secret, key_id=key_id),
        client_id=client_id,
        token_url=token_url,
        api_key=api_key,
        api_secret=api_secret,
        source_id=source_id,
        destinations=destinations or {},
        style=Style(event_type, zone),
    )
    network = _Network(clinic or seeded_clinic(seed), settings, app[FAULTS], clock)
    app.router.add_post("/v2/auth/token", network.token)
    app.router.add_post("/auth/authenticate", network.authenticate)
    app.router.add_post("/auth/refreshToken", network.refresh)
    app.router.add_post("/endpoint", network.endpoint)
    return app


class _Network:
    def __init__(self, clinic: Clinic, settings: RedoxSettings, faults: Faults, clock: Clock) -> None:
        self._clinic = clinic
        self._settings = settings
        self._faults = faults
        self._clock = clock
        self._tokens = Tokens(TOKEN_SECONDS, clock)
        self._assertions = Assertions(settings.keys, settings.client_id)
        self._refresh: dict[str, str] = {}

    async def token(self, request: web.Request) -> web.StreamResponse:
        """OAuth by signed assertion: a token of five minutes and no refresh token."""
        fault = self._faults.take("token")
        early = await _early(request, fault, {})
        if early is not None:
            return early
        try:
            if request.content_type != FORM:
                raise TokenRefused(400, "invalid_request", f"Content-Type must be {FORM}")
            audience = self._settings.token_url or str(request.url.with_query(None))
            self._assertions.check(await request.post(), audience, self._clock().timestamp())
        except TokenRefused as refused:
            error = {"error": refused.error, "error_description": refused.description}
            return web.json_response(error, status=refused.status)
        token = {"access_token": self._tokens.issue(), "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        return await broken.send(request, _encoded(token), "application/json", fault)

    async def authenticate(self, request: web.Request) -> web.StreamResponse:
        """The legacy way: ``{apiKey, secret}`` for a token of 24 hours."""
        settings, given = self._settings, await _object(request)
        key, secret = given.get("apiKey"), given.get("secret")
        known = settings.api_key in (None, key) and settings.api_secret in (None, secret)
        return await self._legacy(request, str(key) if key and secret and known else None)

    async def refresh(self, request: web.Request) -> web.StreamResponse:
        """``{apiKey, refreshToken}`` for a new token; a refresh token is good once."""
        given = await _object(request)
        key = self._refresh.pop(str(given.get("refreshToken")), None)
        return await self._legacy(request, key if key == given.get("apiKey") else None)

    async def _legacy(self, request: web.Request, api_key: str | None) -> web.StreamResponse:
        fault = self._faults.take("token")
        early = await _early(request, fault, {})
        if early is not None:
            return early
        if api_key is None:
            return _unauthorized()
        refresh_token = secrets.token_urlsafe(24)
        self._refresh[refresh_token] = api_key
        expires = self._clock() + timedelta(seconds=LEGACY_SECONDS)
        token = {
            "accessToken": self._tokens.issue(LEGACY_SECONDS),
            "expires": expires.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "refreshToken": refresh_token,
        }
        return await broken.send(request, _encoded(token), "application/json", fault)

    async def endpoint(self, request: web.Request) -> web.StreamResponse:
        """A query. 401 is a page of HTML; everything else that is refused has ``Meta.Errors``."""
        fault = self._faults.take("endpoint")
        if fault is not None and fault.kind == "expired-token":
            self._tokens.revoke_all()
        if not self._tokens.opens(request):
            return _unauthorized()
        message = await _object(request)
        told = message.get("Meta")
        meta: Json = told if isinstance(told, dict) else {}
        early = await _early(request, fault, meta)
        if early is not None:
            return early
        try:
            self._check_source(request)
            query = self._addressed(check(message))
            found = answer(self._clinic, query, self._clock(), self._settings.style)
        except QueryRefused as refused:
            return _failed(refused.status, meta, refused.errors)
        return await broken.send(request, _encoded(_spoilt(found, fault)), "application/json", fault)

    def _check_source(self, request: web.Request) -> None:
        wanted = self._settings.source_id
        if wanted is not None and request.headers.get("Redox-Source-Id") != wanted:
            raise QueryRefused(403, "Redox-Source-Id is missing or not a source of this key", module="Send")

    def _addressed(self, query: Json) -> Json:
        """The query with what Redox adds on its way: the destination's name, and a log entry.

        A destination that is not known is a 404; the pages leave it open between 403 and 404.
        """
        destination_id = query["Meta"]["Destinations"][0]["ID"]
        names = self._settings.destinations
        if names and destination_id not in names:
            raise QueryRefused(404, "there is no such destination: Meta.Destinations[0].ID", module="Send")
        destination = {"ID": destination_id, "Name": names.get(destination_id, "Redox EMR")}
        logs = query["Meta"].get("Logs") or [{"ID": str(uuid.uuid4()), "AttemptID": str(uuid.uuid4())}]
        return query | {"Meta": query["Meta"] | {"Destinations": [destination], "Logs": logs}}


async def _early(request: web.Request, fault: Fault | None, meta: Json) -> web.Response | None:
    """What a fault puts in place of the whole answer."""
    if fault is None:
        return None
    if fault.kind == "errors":
        text = "Redox EMR returned status code 500"
        return _failed(200, meta, [error_item(text, type="transmission", module="Send")])
    if fault.kind == "rate-limit":
        response = _failed(429, meta, [error_item("Rate limit exceeded", type="query", module="Send")])
        response.headers["X-RateLimit-Limit"] = RATE_LIMIT
        return response
    if fault.kind == "status" and fault.status == web.HTTPUnauthorized.status_code:
        return _unauthorized()
    if fault.kind == "status":
        text = f"Redox EMR returned status code {fault.status}"
        response = _failed(fault.status, meta, [error_item(text, type="transmission", module="Send")])
        if fault.retry_after is not None:
            response.headers["Retry-After"] = str(fault.retry_after)
        return response
    return await broken.before_answer(request, fault)


def _spoilt(found: Json, fault: Fault | None) -> Json:
    """``incomplete``: half of the slots and ``IsIncomplete``. ``malformed-slot``: one more, first of all."""
    slots = found["AvailableSlots"]
    if fault is not None and fault.kind == "incomplete":
        return {
            "Meta": found["Meta"] | {"IsIncomplete": True},
            "AvailableSlots": slots[: (len(slots) + 1) // 2],
        }
    if fault is not None and fault.kind == "malformed-slot":
        model = slots[0] if slots else {"Duration": 20}
        return found | {"AvailableSlots": [model | {"DateTime": "around ten in the morning"}, *slots]}
    return found


async def _object(request: web.Request) -> Json:
    """The JSON object in the body; an empty one if there is none."""
    try:
        value = json.loads(await request.read())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _failed(status: int, meta: Json, errors: list[Json]) -> web.Response:
    return web.json_response({"Meta": meta | {"Errors": errors}}, status=status)


def _unauthorized() -> web.Response:
    return web.Response(text=UNAUTHORIZED_PAGE, status=401, content_type="text/html")


def _encoded(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
