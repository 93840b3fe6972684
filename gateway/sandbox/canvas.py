"""A simulated Canvas: the FHIR R4 routes and the token endpoint that a scheduling client meets.

It does what the vendor's documents say and, where they say nothing, what their samples show; the
choices are told where they are made. It shares no code with the rest of the gateway.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC
from typing import Any

from aiohttp import web

from gateway.sandbox import broken, canvas_search
from gateway.sandbox.canvas_search import Refused
from gateway.sandbox.canvas_shapes import Json, bundle, capability_statement, outcome
from gateway.sandbox.clinic import Clinic
from gateway.sandbox.control import REQUESTS, Handler, RequestLog, add_control_routes, log_requests
from gateway.sandbox.faults import ANYWHERE, FAULTS, Fault, FaultKind, Faults
from gateway.sandbox.redox_auth import ClientKeys, TokenRefused
from gateway.sandbox.seeded import seeded_clinic
from gateway.sandbox.spoil import spoilt
from gateway.sandbox.token_endpoint import BASIC, POST, Client, TokenEndpoint, refusal
from gateway.sandbox.tokens import Clock, Tokens, utc_now

FHIR_JSON = "application/fhir+json"
TOKEN_SECONDS = 36_000
NO_SCHEDULE = "Location.99-Staff.00000000000000000000000000000000"

_SEARCH: frozenset[FaultKind] = ANYWHERE | {
    "huge",
    "expired-token",
    "foreign-next",
    "loop-next",
    "no-entry",
    "duplicate",
}
_KINDS: Mapping[str, frozenset[FaultKind]] = {
    "token": ANYWHERE,
    "slot": _SEARCH | {"malformed-slot", "wrong-schedule", "busy-slots"},
    "schedule": _SEARCH,
    "practitioner": _SEARCH,
    "location": _SEARCH,
}
_ISSUES = {
    400: ("invalid", "Bad request"),
    401: ("unknown", "Authentication failed"),
    403: ("forbidden", "Authorization failed"),
    404: ("not-found", "Not found"),
    405: ("not-supported", "Method not allowed"),
    429: ("throttled", "Too many requests"),
}


def canvas_app(
    clinic: Clinic | None = None,
    *,
    client_id: str | None = None,
    client_secret: str | None = None,
    token_auth: Collection[str] = (POST, BASIC),
    public_key: bytes | str | None = None,
    seed: int = 1,
    clock: Clock = utc_now,
    token_seconds: int = TOKEN_SECONDS,
) -> web.Application:
    """The application; ``web.run_app`` or a test server runs it.

    clinic: what it serves, the seeded one (by ``seed``) if absent. client_id, client_secret: the
    only ones let in; absent, any that are not empty are. token_auth: the ways in which a client may show who
    it is; for ``private_key_jwt`` by ``public_key`` (PEM). clock: now, with its zone: decides which
    UTC date a search without ``start`` begins on, and when tokens expire, after ``token_seconds``.
    ``app[FAULTS]`` and ``app[REQUESTS]`` are the switches and the log of /sandbox/.
    """
    app = web.Application(middlewares=[log_requests, _refusals])
    app[FAULTS] = Faults(_KINDS)
    app[REQUESTS] = RequestLog()
    add_control_routes(app)
    canvas = _Canvas(
        clinic or seeded_clinic(seed),
        app[FAULTS],
        Tokens(token_seconds, clock),
        TokenEndpoint(Client(client_id, client_secret, token_auth, ClientKeys(public_key=public_key))),
        clock,
    )
    canvas.add_routes(app.router)
    return app


class _Canvas:
    def __init__(
        self,
        clinic: Clinic,
        faults: Faults,
        tokens: Tokens,
        token_endpoint: TokenEndpoint,
        clock: Clock,
    ) -> None:
        self._clinic = clinic
        self._faults = faults
        self._tokens = tokens
        self._token_endpoint = token_endpoint
        self._clock = clock
        self._schedule_searches = 0

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/auth/token/", self.token)
        router.add_get("/.well-known/smart-configuration", self.smart_configuration)
        router.add_get("/metadata", self.metadata)
        router.add_get("/Schedule", self.search_schedules)
        router.add_get("/Slot", self.search_slots)
        router.add_get("/Practitioner", self.search_practitioners)
        router.add_get("/Location", self.search_locations)
        router.add_get("/Practitioner/{id}", self.read_practitioner)
        router.add_get("/Location/{id}", self.read_location)

    async def token(self, request: web.Request) -> web.StreamResponse:
        """OAuth 2.0 client credentials (RFC 6749, 4.4)."""
        fault = self._faults.take("token")
        early = await _early(request, fault)
        if early is not None:
            return early
        try:
            await self._token_endpoint.check(request, self._clock())
        except TokenRefused as refused:
            return refusal(request, refused)
        answer = {
            "access_token": self._tokens.issue(),
            "expires_in": self._tokens.seconds,
            "token_type": "Bearer",
            "scope": "",
        }
        response = await broken.send(request, json.dumps(answer).encode(), "application/json", fault)
        if not response.prepared:
            response.headers["Cache-Control"] = "no-store"
        return response

    async def smart_configuration(self, request: web.Request) -> web.Response:
        """Where tokens are had, and how; open to anybody."""
        return web.json_response(
            self._token_endpoint.smart_configuration(f"{request.url.origin()}/auth/token/")
        )

    async def metadata(self, _request: web.Request) -> web.Response:
        """Open to anybody, as the live one is."""
        return _fhir(capability_statement("2025-10-01"))

    async def search_schedules(self, request: web.Request) -> web.StreamResponse:
        """No parameter but the paging is read. Every third ``total``, the first one among them, is one
        too high, as in the vendor's sample; so is the ``type`` that is none of FHIR's.
        """

        def found() -> Json:
            wrong = self._schedule_searches % 3 == 0
            self._schedule_searches += 1
            page = _page(request, canvas_search.search_schedules(self._clinic), keep=())
            return page | {"type": "schedule-searchset", "total": page["total"] + int(wrong)}

        return await self._search(request, "schedule", found)

    async def search_slots(self, request: web.Request) -> web.StreamResponse:
        today = self._clock().astimezone(UTC).date()
        return await self._search(
            request,
            "slot",
            lambda: _page(request, canvas_search.search_slots(self._clinic, request.query, today)),
        )

    async def search_practitioners(self, request: web.Request) -> web.StreamResponse:
        return await self._search(
            request,
            "practitioner",
            lambda: _page(
                request, canvas_search.search_practitioners(self._clinic, request.query), links=True
            ),
        )

    async def search_locations(self, request: web.Request) -> web.StreamResponse:
        return await self._search(
            request,
            "location",
            lambda: _page(request, canvas_search.search_locations(self._clinic, request.query), links=True),
        )

    async def read_practitioner(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        return _fhir(canvas_search.read_practitioner(self._clinic, request.match_info["id"]))

    async def read_location(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        return _fhir(canvas_search.read_location(self._clinic, request.match_info["id"]))

    def _authenticate(self, request: web.Request) -> None:
        if not self._tokens.opens(request):
            raise Refused(401, *_ISSUES[401])

    async def _search(
        self, request: web.Request, target: str, find: Callable[[], Json]
    ) -> web.StreamResponse:
        asked = canvas_search.schedule_asked(request.query)
        fault = self._faults.take(target, asked)
        if fault is not None and fault.kind == "expired-token":
            self._tokens.revoke_all()
        early = await _early(request, fault)
        if early is not None:
            return early
        self._authenticate(request)
        found = find()
        if fault is not None:
            other = next((each.id for each in self._clinic.schedules if each.id != asked), NO_SCHEDULE)
            found = spoilt(found, fault, own_url=str(request.rel_url), other_schedule=other)
        return await broken.send(request, _encoded(found), FHIR_JSON, fault)


async def _early(request: web.Request, fault: Fault | None) -> web.Response | None:
    """What a fault puts in place of the whole answer."""
    if fault is None:
        return None
    if fault.kind == "status":
        code, text = _ISSUES.get(fault.status, ("exception", "Internal server error"))
        response = _fhir(outcome(code, text), fault.status)
        if fault.retry_after is not None:
            response.headers["Retry-After"] = str(fault.retry_after)
        return response
    return await broken.before_answer(request, fault)


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever is refused is told as an OperationOutcome, unknown routes and methods too."""
    try:
        return await handler(request)
    except Refused as refused:
        return _fhir(outcome(refused.code, refused.text), refused.status)
    except web.HTTPException as error:
        code, text = _ISSUES.get(error.status, ("invalid", error.reason))
        response = _fhir(outcome(code, text), error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response


def _page(
    request: web.Request, resources: list[Json], *, keep: tuple[str, ...] | None = None, links: bool = False
) -> Json:
    """The page that was asked for. ``keep``: the parameters that links repeat, all of them if absent."""
    count, offset = canvas_search.paging(request.query)
    params = [
        (name, value)
        for name, value in request.query.items()
        if name not in ("_count", "_offset") and (keep is None or name in keep)
    ]
    return bundle(resources, path=request.path, params=params, count=count, offset=offset, links=links)


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _fhir(resource: Json, status: int = 200) -> web.Response:
    return web.Response(body=_encoded(resource), status=status, content_type=FHIR_JSON)
