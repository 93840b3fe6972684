"""The OpenAPI descriptions say what is routed, and the servers do what they say: schemathesis asks them."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from gateway.core.errors import GatewayError, InvalidMessage, Issue, NotFound, UnknownDestination
from gateway.core.fhir import Interaction
from gateway.core.plan import Reply
from gateway.core.redox import error_reply
from gateway.web.admin_routes import AdminRoutes
from gateway.web.app import admin_app, public_app
from gateway.web.bearer import Bearer
from gateway.web.exchange import Exchange
from gateway.web.fhir_routes import FhirRoutes
from gateway.web.logging import configure
from gateway.web.metrics import Metrics
from gateway.web.openapi import OpenApiRoutes, admin_description, describe, public_description
from gateway.web.readiness import Readiness
from gateway.web.redox_routes import RedoxRoutes
from gateway.web.server import Bound, Listen, Shutdown, run
from gateway.web.tokens import TokenIndex
from tests.clock import seconds
from tests.web.fhir_side import SEARCHABLE, SINCE, TOKEN, FakeFhir, nothing_to_fetch, plain, site

SITE = replace(site(), searchable=SEARCHABLE | {"Location": ()})

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
    allow_header_conformance,
    ignored_auth,
]
FEW = settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


class FakeGateway(FakeFhir):
    """Both sides; it refuses now and then, so that the bodies of errors are seen too."""

    tokens = TokenIndex([(TOKEN, "partner")])

    def opens(self, token: str) -> frozenset[str] | None:
        return self.tokens.opens(token)

    async def redox(
        self, body: bytes, *, allowed: frozenset[str], site: str | None, request: Exchange
    ) -> Reply:
        try:
            destinations = json.loads(body)["Meta"]["Destinations"]
        except (ValueError, KeyError, TypeError):
            raise InvalidMessage(Issue("structure", "Meta", "no")) from None
        if isinstance(destinations, list) and len(destinations) > 1:
            raise UnknownDestination(Issue("not-found", "Meta.Destinations", "no"))
        meta = {"DataModel": "Scheduling", "EventType": "AvailableSlotsResponse"}
        told = {"Meta": meta, "AvailableSlots": [{"DateTime": "2025-10-21T15:00:00.000Z", "Duration": 20}]}
        return Reply(200, json.dumps(told).encode(), "application/json")

    def redox_error(self, error: GatewayError, body: bytes | None) -> bytes:
        return error_reply(error, body)


async def some(interaction: Interaction, exchange: Exchange) -> Reply:
    if interaction.id is not None and len(interaction.id) > 3:
        raise NotFound(Issue("not-found", "", "no"))
    if interaction.strict and interaction.params:
        raise InvalidMessage(Issue("not-supported", "", "no"))
    return await plain(interaction, exchange)


def applications() -> tuple[web.Application, web.Application]:
    """Both, as they are put together for real."""
    log, metrics, readiness = configure(io.BytesIO()), Metrics(["partner"]), Readiness()
    gateway = FakeGateway({"partner": SITE}, some)
    fhir = FhirRoutes(gateway, Bearer(nothing_to_fetch, seconds), version="1.2.3", since=SINCE)
    public = public_app([RedoxRoutes(gateway), fhir], log=log, metrics=metrics, readiness=readiness)
    watching = AdminRoutes(metrics, readiness)
    described = OpenApiRoutes(public, lambda: [SITE], version="1.2.3", surface=watching.surface)
    return public, admin_app([watching, described], log=log, readiness=readiness)


def routed(app: web.Application) -> set[tuple[str, str]]:
    return {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and not route.resource.canonical.endswith("/")  # the same as without
    }


def described(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, item in document["paths"].items() for method in item}


def test_the_descriptions_hold_the_routes_and_nothing_else() -> None:
    public, admin = applications()
    assert described(public_description(public, [SITE], "1")) == routed(public)
    assert described(admin_description(admin, "1")) == routed(admin)
    assert ("POST", "/fhir/{site}/Slot/_search") in routed(public)
    assert ("GET", "/healthz") in routed(admin)


def test_a_route_that_nobody_described_is_told() -> None:
    public, _ = applications()
    with pytest.raises(ValueError, match="POST /redox is routed, but not described"):
        describe(public, "x", "1", {}, {})


def test_what_is_not_routed_is_not_described() -> None:
    assert public_description(web.Application(), [SITE], "1")["paths"] == {}


@pytest.mark.parametrize("which", ["public", "admin"])
def test_the_documents_are_whole(which: str) -> None:
    public, admin = applications()
    told = public_description(public, [SITE], "1") if which == "public" else admin_description(admin, "1")
    ids = [operation["operationId"] for item in told["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))
    for reference in _references(told):
        part: Any = told
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
    for schema in told["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    for each in part if isinstance(part, list) else []:
        yield from _references(each)


def test_the_parameters_are_those_of_the_sites() -> None:
    public, _ = applications()
    searching = public_description(public, [SITE], "1")["paths"]["/fhir/{site}/Slot"]["get"]
    names = [each["name"] for each in searching["parameters"] if each["in"] == "query"]
    result = ["_count", "_include", "_sort", "_summary", "_elements"]
    assert names == ["schedule", "start", "status", *result, "_format"]


class Listening:
    """Both listeners, on an event loop in a thread: schemathesis asks from outside of any loop."""

    def __init__(self) -> None:
        self._bound: Bound | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        public, admin = applications()
        await run(
            public,
            admin,
            listen=Listen("127.0.0.1", 0),
            admin_listen=Listen("127.0.0.1", 0),
            readiness=Readiness(),
            log=configure(io.BytesIO()),
            on_bound=self._on_bound,
            stop=self._stop,
            shutdown=Shutdown(0, 0.1, 0.1),
        )

    def _on_bound(self, bound: Bound) -> None:
        self._bound = bound
        self._ready.set()

    def __enter__(self) -> Listening:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_raised: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def url(self, which: str, path: str = "") -> str:
        assert self._bound is not None
        host, port = (self._bound.public if which == "public" else self._bound.admin)[0]
        return f"http://{host}:{port}{path}"

    def document(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url("admin", path)) as response:
            assert response.headers["Content-Type"] == "application/vnd.oai.openapi+json;version=3.1"
            told: dict[str, Any] = json.loads(response.read())
            return told


@pytest.fixture(scope="module")
def listening() -> Iterator[Listening]:
    with Listening() as listening:
        yield listening


def _served(which: str) -> Any:
    public, admin = applications()
    told = public_description(public, [SITE], "1") if which == "public" else admin_description(admin, "1")
    return schemathesis.openapi.from_dict(told)


def test_the_documents_are_served(listening: Listening) -> None:
    public, admin = applications()
    version = "1.2.3"
    assert listening.document("/openapi.json") == public_description(public, [SITE], version)
    assert listening.document("/openapi/admin.json") == admin_description(admin, version)


of_public, of_admin = _served("public"), _served("admin")


@of_public.parametrize()
@FEW
def test_the_public_listener_does_what_it_says(case: Any, listening: Listening) -> None:
    if "site" in (case.path_parameters or {}):
        case.path_parameters["site"] = "partner"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    case.call_and_validate(base_url=listening.url("public"), headers=headers, checks=CHECKS)


@of_admin.parametrize()
@FEW
def test_the_admin_listener_does_what_it_says(case: Any, listening: Listening) -> None:
    case.call_and_validate(base_url=listening.url("admin"), checks=CHECKS)
