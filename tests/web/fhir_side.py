"""The FHIR surface on the loopback interface, with a stand-in for the rest and for an issuer of tokens."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from gateway.core.fhir import JSON, Interaction, Link, bundle, entry
from gateway.core.plan import Reply
from gateway.web.access import Access
from gateway.web.app import public_app
from gateway.web.bearer import Bearer
from gateway.web.exchange import Exchange, FhirSite, SearchParameter
from gateway.web.fhir_routes import EVENTS, FhirRoutes
from gateway.web.forwarded import TrustedProxies
from gateway.web.jwks import Fetched
from gateway.web.logging import configure
from gateway.web.metrics import Metrics
from gateway.web.readiness import Readiness
from tests.clock import seconds

SINCE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TOKEN, OTHER = "correct-horse", "battery-staple"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

SEARCHABLE = {
    "Slot": (
        SearchParameter("schedule", "reference", "The schedule that the slot is of."),
        SearchParameter("start", "date", "When the slot begins, with a prefix."),
        SearchParameter("status", "token"),
    ),
    "Schedule": (SearchParameter("actor", "reference", "Whose schedule it is."),),
    "Practitioner": (SearchParameter("identifier", "token", "An NPI."),),
}

Answers = Callable[[Interaction, Exchange], Awaitable[Reply]]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def access(**changed: Any) -> Access:
    clients = (("scheduler-app", sha256(TOKEN)), ("viewer", sha256(OTHER)))
    return Access(**({"clients": clients} | changed))


def site(opened: Access | None = None) -> FhirSite:
    return FhirSite(
        "partner", access() if opened is None else opened, SEARCHABLE, ("Slot:schedule", "Schedule:actor")
    )


async def plain(interaction: Interaction, exchange: Exchange) -> Reply:
    """One resource, or a Bundle of one."""
    name, base = interaction.resource, interaction.base
    text = json.dumps({"resourceType": name, "id": interaction.id or "a"})
    exchange.table_hash = "abc"
    if interaction.id is not None:
        return Reply(200, text.encode(), JSON)
    entries = [entry(base, name, "a", text, "match")]
    return Reply(200, bundle(entries, [Link("self", f"{base}/{name}")], 1), JSON, counts={"slots": 1})


@dataclass
class FakeFhir:
    """Answers what ``answers`` says; ``asked`` keeps what it was asked."""

    sites: dict[str, FhirSite]
    answers: Answers = plain
    asked: list[Interaction] = field(default_factory=list)

    def fhir_site(self, site: str) -> FhirSite | None:
        return self.sites.get(site)

    async def fhir(self, interaction: Interaction, *, site: str, exchange: Exchange) -> Reply:
        assert exchange.site == site
        self.asked.append(interaction)
        return await self.answers(interaction, exchange)


@dataclass
class Side:
    client: TestClient[Any, Any]
    gateway: FakeFhir
    log: io.BytesIO
    metrics: Metrics

    @property
    def asked(self) -> Interaction:
        """The one interaction that has come through."""
        (only,) = self.gateway.asked
        return only

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.client.port}/fhir/partner"

    async def ask(
        self,
        path: str,
        status: int = 200,
        /,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[Any, aiohttp.ClientResponse]:
        """The JSON of the answer below ``/fhir/partner``, and the answer; the path is sent as it is."""
        url = URL(f"{self.base}{path}", encoded=True)
        sent = BEARER if headers is None else headers
        skip = ("Content-Type",)
        async with self.client.session.request(
            method, url, headers=sent, data=body, skip_auto_headers=skip
        ) as response:
            told = await response.read()
            assert response.status == status, told
            return (json.loads(told) if told else None), response

    async def refused(self, path: str, status: int, /, **how: Any) -> tuple[str, aiohttp.ClientResponse]:
        """The text of the only issue of an OperationOutcome."""
        told, response = await self.ask(path, status, **how)
        assert response.headers["Content-Type"] == JSON
        (issue,) = told["issue"]
        return issue["details"]["text"], response

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


async def nothing_to_fetch(url: str) -> Fetched:
    raise AssertionError(url)


@asynccontextmanager
async def fhir_side(
    opened: Access | None = None,
    answers: Answers = plain,
    *,
    bearer: Bearer | None = None,
    public_url: str | None = None,
    trusted: TrustedProxies | None = None,
) -> AsyncIterator[Side]:
    """The FHIR surface alone, served."""
    log_stream = io.BytesIO()
    log, metrics, readiness = configure(log_stream), Metrics(["partner"], events=EVENTS), Readiness()
    gateway = FakeFhir({"partner": site(opened)}, answers)
    bearer = bearer or Bearer(nothing_to_fetch, seconds)
    routes = FhirRoutes(gateway, bearer, version="1.2.3", since=SINCE, public_url=public_url)
    app = public_app([routes], log=log, metrics=metrics, readiness=readiness, trusted=trusted)
    try:
        async with TestClient(TestServer(app)) as client:
            yield Side(client, gateway, log_stream, metrics)
    finally:
        await bearer.close()
