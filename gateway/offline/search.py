"""A FHIR search without a network: the query that it becomes, and the searchset that an answer becomes."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.assemble.fhir_side import asker
from gateway.assemble.prepared import address_of, rules_of
from gateway.config import Settings
from gateway.core import fhir_flows
from gateway.core.errors import Issue
from gateway.core.fhir import Interaction
from gateway.core.fhir_flows import Asker, FhirSite
from gateway.core.flows import Meant
from gateway.core.plan import Flow, Reply
from gateway.offline.pasted import Pasted
from gateway.offline.site import Json, NoDirectory, Offline, issues, reader
from gateway.web import fhir_query


def interaction_of(search: Pasted, settings: Settings, site: str) -> Interaction:
    """The search or the read as it would come to that site. InvalidMessage for parameters that cannot be
    decoded."""
    server = settings.server
    url = server.public_url or f"{'https' if server.tls else 'http'}://{server.host}:{server.port}"
    params = fhir_query.parameters(search.query.encode("utf-8", "surrogateescape"))
    return Interaction(f"{url.rstrip('/')}/fhir/{site}", search.kind, search.id, params)


@dataclass(frozen=True, slots=True)
class Searched:
    """A search that was driven to its end: the ``queries`` that its parameters became, and its ``reply``;
    None where no schedule is known, and nothing is there to answer with."""

    queries: tuple[Query, ...]
    reply: Reply | None
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A Redox query that a search became, what it means, and what was answered to it, as Redox spells it."""

    value: Json
    meant: Meant
    answer: bytes


def searched(
    chosen: Offline, interaction: Interaction, now: datetime, written: list[Query] | None = None
) -> Searched:
    """Drives a search, or a read. Raises GatewayError; the queries until then are in ``written``."""
    ask = _asker(chosen, now)
    written = [] if written is None else written

    def noted(query: Json, meant: Meant, shares: int) -> Generator[Any, Any, Any]:
        value = json.loads(json.dumps(query))
        written.append(Query(value, meant, b""))
        answer, told = yield from ask(query, meant, shares)
        written[-1] = Query(value, meant, answer)
        return answer, told

    try:
        reply: Reply = chosen.driven(_flow(chosen, interaction, noted, now))
    except NoDirectory as error:
        if chosen.answerable:
            raise
        return Searched((), None, tuple(replace(each, severity="warning") for each in error.issues))
    return Searched(tuple(written), reply, reply.issues)


def flow(chosen: Offline, interaction: Interaction, now: datetime) -> Flow:
    """The steps in which the gateway answers a search, or a read."""
    return _flow(chosen, interaction, _asker(chosen, now), now)


def _asker(chosen: Offline, now: datetime) -> Asker:
    return asker(rules_of(chosen.site), chosen.tables, address_of(chosen.site), reader(), now)


def _flow(chosen: Offline, interaction: Interaction, ask: Asker, now: datetime) -> Flow:
    assert chosen.fhir_server is not None  # a site without FHIR clients is refused before
    site = FhirSite(rules_of(chosen.site), chosen.fhir_server, chosen.tables, ask)
    return fhir_flows.answer(interaction, site, now)


def told(chosen: Offline, interaction: Interaction, now: datetime) -> tuple[Json, Reply | None]:
    """The queries and searches that it becomes, as a JSON value, and its answer as of :func:`searched`.
    Raises GatewayError."""
    found = searched(chosen, interaction, now)
    written = [{"body": query.value} for query in found.queries]
    asked: Json = {"queries": written, "searches": chosen.searches()}
    if chosen.of_redox:
        asked = {"queries": chosen.queries()}
    return {"site": chosen.site.id, **asked, "issues": issues(found.issues)}, found.reply
