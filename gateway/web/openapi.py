"""OpenAPI descriptions of both listeners, made from the routes that are really there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from gateway.web import openapi_fhir, openapi_redox
from gateway.web.exchange import FhirSite, Surface
from gateway.web.openapi_parts import Json, Operations, error_answers, header_schemas

_OPENAPI_JSON: Final = "application/vnd.oai.openapi+json;version=3.1"

_TEXT: Final[Json] = {"text/plain": {"schema": {"type": "string"}}}
_ANY_JSON: Final[Json] = {"application/json": {"schema": {"type": "object"}}}
_READY: Final[Json] = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["ready", "reasons"],
            "properties": {
                "ready": {"type": "boolean"},
                "reasons": {"type": "array", "items": {"type": "string"}},
            },
        }
    }
}
_ADMIN_ERROR: Final[Json] = {
    "type": "object",
    "required": ["request_id", "errors"],
    "properties": {
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}, "minItems": 1},
    },
}


def public_description(app: web.Application, sites: Sequence[FhirSite], version: str) -> Json:
    """The OpenAPI 3.1 document of the public listener; ``sites`` are those that answer FHIR clients.

    Raises ValueError if a route has no description.
    """
    operations = openapi_redox.operations() | openapi_fhir.operations(sites)
    schemas = openapi_redox.schemas() | openapi_fhir.SCHEMAS
    security = openapi_redox.SECURITY | openapi_fhir.SECURITY
    return describe(app, "Redox and FHIR: the public listener", version, operations, schemas, security)


def admin_description(app: web.Application, version: str) -> Json:
    """The OpenAPI 3.1 document of the admin listener. Raises ValueError if a route has no description."""
    return describe(app, "Health and metrics: the admin listener", version, _admin(), {"Error": _ADMIN_ERROR})


def describe(
    app: web.Application,
    title: str,
    version: str,
    operations: Operations,
    schemas: Mapping[str, Json],
    security: Mapping[str, Json] | None = None,
) -> Json:
    """One document: what the application routes, in the words of ``operations`` (by method and path).

    What is described and not routed is left out; what is routed and not described is a ValueError.
    """
    paths: dict[str, Json] = {}
    for route in app.router.routes():
        path = route.resource.canonical if route.resource is not None else ""
        if path.endswith("/"):
            continue  # the same as without it
        operation = operations.get((route.method, path))
        if operation is None:
            raise ValueError(f"{route.method} {path} is routed, but not described")
        paths.setdefault(path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": dict(schemas),
            "headers": header_schemas(),
            "securitySchemes": dict(security or {}),
        },
    }


class OpenApiRoutes:
    """For the admin listener: ``/openapi.json`` describes the public one, ``/openapi/admin.json`` itself.

    ``surface`` is the listener's own, of its other routes. The documents are made on the first request,
    when all routes are there, that of the public one anew when ``sites`` gives others: those that answer FHIR
    clients.
    """

    def __init__(
        self,
        public: web.Application,
        sites: Callable[[], Sequence[FhirSite]],
        *,
        version: str,
        surface: Surface,
    ) -> None:
        self._public = public
        self._sites = sites
        self._version = version
        self._made_public: tuple[Sequence[FhirSite], bytes] | None = None
        self._made_admin: bytes | None = None
        self.surface = surface

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/openapi.json", self.public, allow_head=False)
        app.router.add_get("/openapi/admin.json", self.admin, allow_head=False)

    async def public(self, _request: web.Request) -> web.Response:
        sites = self._sites()
        if self._made_public is None or self._made_public[0] != sites:
            told = public_description(self._public, sites, self._version)
            self._made_public = sites, msgspec.json.encode(told)
        return _document(self._made_public[1])

    async def admin(self, request: web.Request) -> web.Response:
        if self._made_admin is None:
            self._made_admin = msgspec.json.encode(admin_description(request.app, self._version))
        return _document(self._made_admin)


def _document(body: bytes) -> web.Response:
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: _OPENAPI_JSON})


def _admin() -> dict[tuple[str, str], Json]:
    failed = error_answers("application/json", "Error", 500)
    described: dict[str, tuple[str, Json]] = {
        "/healthz": ("The process lives", {"200": _answer("The event loop turns.", _ANY_JSON)}),
        "/readyz": (
            "The gateway takes requests",
            {
                "200": _answer("It does.", _READY),
                "503": _answer("It does not, or no longer; the reasons are told.", _READY),
            },
        ),
        "/metrics": ("Metrics for Prometheus", {"200": _answer("The text format 0.0.4.", _TEXT)}),
        "/openapi.json": ("The public listener as OpenAPI", {"200": _answer("The document.", _openapi())}),
        "/openapi/admin.json": ("This listener as OpenAPI", {"200": _answer("The document.", _openapi())}),
    }
    told: dict[tuple[str, str], Json] = {}
    for path, (summary, responses) in described.items():
        name = path.strip("/").replace("/", "-").removesuffix(".json")
        told["GET", path] = {"operationId": name, "summary": summary, "responses": responses | failed}
        told["HEAD", path] = {
            "operationId": f"head-{name}",
            "summary": summary,
            "responses": {status: _answer(said["description"]) for status, said in responses.items()},
        }
    told["POST", "/reload"] = {
        "operationId": "reload",
        "summary": "Read the tables anew",
        "responses": {
            "200": _answer("What is on the disk is in force.", _ANY_JSON),
            "422": _answer(
                "Some tables have faults, which are told; their sites keep those they had.", _ANY_JSON
            ),
            "503": _answer("It could not be; nothing was changed.", _ANY_JSON),
        }
        | error_answers("application/json", "Error", 403, 500),
    }
    return told


def _openapi() -> Json:
    return {_OPENAPI_JSON: {"schema": {"type": "object", "required": ["openapi", "info", "paths"]}}}


def _answer(description: str, content: Json | None = None) -> dict[str, Any]:
    return {"description": description} | ({"content": content} if content else {})
