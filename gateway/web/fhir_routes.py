"""The FHIR R4 endpoints of the sites: search and read of what is needed to find an open time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from aiohttp import hdrs, web

from gateway.core.errors import GatewayError, Issue, LeftOut, NotFound
from gateway.core.fhir import JSON, TYPES, Interaction, Params, error_outcome
from gateway.web import capability
from gateway.web.access import Letter
from gateway.web.bearer import Bearer, challenge, note_challenge
from gateway.web.body import BodyLimits, expect_nothing_yet, read_body, refuse_too_long
from gateway.web.exchange import EXCHANGE, Exchange, FhirGateway, FhirSite, Surface
from gateway.web.fhir_query import is_strict, parameters, query, require_form, without_format
from gateway.web.own_address import base_url

EVENTS: Final = frozenset({f"{name}.{what}" for name in TYPES for what in ("search", "read")} | {"metadata"})
"""What :attr:`Exchange.event` is on this surface: labels for the metrics."""

_ID: Final = r"{id:[A-Za-z0-9\-.]{1,64}}"
_FORM_LIMITS: Final = BodyLimits(max_bytes=64 * 1024, seconds=10.0)

_Handler = Callable[[web.Request], Awaitable[web.Response]]


class FhirRoutes:
    """``/fhir/{site}/{type}``, ``.../_search``, ``.../{id}``, and what describes them.

    ``GET`` and ``HEAD`` to search and to read, ``POST`` to search by a form. ``metadata`` and the SMART
    configuration are open, as they say how one gets in; a SMART configuration is there (else 404) only
    where the site takes JWTs. Which sites have an endpoint is therefore no secret: an unknown one is 404,
    and only then is the token looked at. ``version`` is this software's, ``since`` when it was started
    (with its zone; a site whose tables came later says so itself), ``public_url`` the address that clients
    know, without a slash at its end.
    """

    def __init__(
        self,
        gateway: FhirGateway,
        bearer: Bearer,
        *,
        version: str,
        since: datetime,
        public_url: str | None = None,
        limits: BodyLimits = _FORM_LIMITS,
    ) -> None:
        self._gateway = gateway
        self._bearer = bearer
        self._version = version
        self._since = since
        self._public_url = public_url
        self._limits = limits
        self.surface = Surface("fhir", "/fhir", _render)

    def add_to(self, app: web.Application) -> None:
        app.on_response_prepare.append(challenge)
        for name in TYPES:
            for slash in ("", "/"):  # some clients put one at the end
                _get(app, f"/fhir/{{site}}/{name}{slash}", self._searching(name))
                posted = app.router.add_resource(f"/fhir/{{site}}/{name}/_search{slash}")
                posted.add_route("POST", self._posting(name), expect_handler=expect_nothing_yet)
                _get(app, f"/fhir/{{site}}/{name}/{_ID}{slash}", self._reading(name))
        for slash in ("", "/"):
            _get(app, f"/fhir/{{site}}/metadata{slash}", self.metadata)
        _get(app, "/fhir/{site}/.well-known/smart-configuration", self.smart)

    async def metadata(self, request: web.Request) -> web.Response:
        """The CapabilityStatement. ``mode`` is not looked at, as FHIR allows: there is only this one."""
        site = self._site(request)
        request[EXCHANGE].event = "metadata"
        if site.left_out:
            raise LeftOut
        without_format(request, parameters(query(request)))
        since = site.since or self._since
        told = capability.statement(
            site, self._base(request, site), routed=TYPES, version=self._version, since=since
        )
        return _response(told)

    async def smart(self, request: web.Request) -> web.Response:
        site = self._site(request)
        request[EXCHANGE].event = "metadata"
        if site.access.jwt is None:
            raise NotFound(
                Issue("not-found", "", "This site has no issuer of tokens; its tokens are agreed upon.")
            )
        told = capability.smart_configuration(site.access.jwt, [site.access.scope])
        return _response(told, "application/json")

    def _searching(self, name: str) -> _Handler:
        async def search(request: web.Request) -> web.Response:
            site = await self._let_in(request, name, "s")
            return await self._answer(request, site, name, parameters(query(request)))

        return search

    def _posting(self, name: str) -> _Handler:
        async def search_by_form(request: web.Request) -> web.Response:
            site = await self._let_in(request, name, "s")
            require_form(request)
            refuse_too_long(request, self._limits.max_bytes)
            url = query(request)
            form = await read_body(request, self._limits)
            request[EXCHANGE].bytes_in = len(form)
            return await self._answer(request, site, name, parameters(url, form))

        return search_by_form

    def _reading(self, name: str) -> _Handler:
        async def read(request: web.Request) -> web.Response:
            site = await self._let_in(request, name, "r")
            asked = request.match_info["id"]
            return await self._answer(request, site, name, parameters(query(request)), asked)

        return read

    async def _answer(
        self, request: web.Request, site: FhirSite, name: str, params: Params, asked: str | None = None
    ) -> web.Response:
        exchange = request[EXCHANGE]
        interaction = Interaction(
            base=self._base(request, site),
            resource=name,
            id=asked,
            params=without_format(request, params),
            strict=is_strict(request),
        )
        reply = await self._gateway.fhir(interaction, site=site.id, exchange=exchange)
        exchange.counts = reply.counts
        exchange.issues = reply.issues
        exchange.unchecked = reply.unchecked
        return _response(reply.body, reply.content_type, reply.status)

    async def _let_in(self, request: web.Request, name: str, letter: Letter) -> FhirSite:
        """The site, if it has this type and the caller may ask for it."""
        site = self._site(request)
        exchange = request[EXCHANGE]
        exchange.event = f"{name}.{'read' if letter == 'r' else 'search'}"
        if name not in site.searchable:
            raise NotFound(
                Issue("not-supported", "", f"This site has no {name} resources; see its metadata.")
            )
        try:
            given = request.headers.getall(hdrs.AUTHORIZATION, [])
            exchange.client = await self._bearer.admit(given, site.access, name, letter)
        except GatewayError as error:
            note_challenge(request, error, site.access.scope)
            raise
        return site

    def _site(self, request: web.Request) -> FhirSite:
        site = self._gateway.fhir_site(request.match_info["site"])
        if site is None:
            raise NotFound(Issue("not-found", "", "There is no FHIR endpoint at this address."))
        request[EXCHANGE].site = site.id
        return site

    def _base(self, request: web.Request, site: FhirSite) -> str:
        return base_url(request, site.id, self._public_url)


def _get(app: web.Application, path: str, handler: _Handler) -> None:
    resource = app.router.add_resource(path)
    for method in ("GET", "HEAD"):
        resource.add_route(method, handler, expect_handler=expect_nothing_yet)


def _response(body: bytes, content_type: str = JSON, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, headers={hdrs.CONTENT_TYPE: content_type})


def _render(error: GatewayError, _exchange: Exchange) -> tuple[bytes, str]:
    return error_outcome(error), JSON
