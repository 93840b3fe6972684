"""What the FHIR surface asks of the rest: an interaction in, the site it is for, the answer out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.assemble.fhir_parameters import searchable
from gateway.assemble.redox_side import Served
from gateway.assemble.unknown_fields import noting
from gateway.clock import Clock, utc_now
from gateway.core import fhir_flows, fhir_pages, redox_flows
from gateway.core.errors import Issue, LeftOut, NotFound
from gateway.core.fhir import TYPES, Interaction
from gateway.core.fhir_flows import Asker, FhirSite
from gateway.core.fhir_pages import Walk
from gateway.core.flows import SiteRules
from gateway.core.plan import Reply
from gateway.core.redox import Reader
from gateway.core.redox_flows import Address
from gateway.core.search import INCLUDES
from gateway.remembered import Walks
from gateway.service import Service
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.answer.site import SiteTables
from gateway.web import exchange as web
from gateway.web.access import Access
from gateway.web.bearer import BY_JWT


@dataclass(frozen=True, slots=True)
class ServedFhir:
    """A site that answers FHIR clients, and who may ask it."""

    served: Served
    fhir_server: FhirServerTables
    access: Access


class FhirSide:
    """Implements :class:`gateway.web.exchange.FhirGateway`."""

    def __init__(
        self,
        sites: Mapping[str, ServedFhir],
        *,
        reader: Reader,
        service: Service,
        clock: Clock = utc_now,
        left_out: Mapping[str, Access] | None = None,
    ) -> None:
        """``left_out``: who may ask the sites whose tables have faults, and is told so."""
        self._sites: dict[str, ServedFhir] = {}
        self._since: dict[str, datetime] = {}
        self._reader = reader
        self._service = service
        self._clock = clock
        self._walks = Walks(clock)
        self._known = {name: _left_out(name, access) for name, access in (left_out or {}).items()}
        self.swap(sites)

    def swap(self, sites: Mapping[str, ServedFhir]) -> None:
        """Answer for these sites by these from now on; what is under way ends as it began."""
        self._sites.update(sites)
        since = self._clock()
        for name in sites:
            self._since[name] = since
            self._known.pop(name, None)  # described when it is asked: of hundreds at once it would take long

    def fhir_site(self, site: str) -> web.FhirSite | None:
        """The site of this id; None: there is none, or it does not answer FHIR clients."""
        known, served_fhir = self._known.get(site), self._sites.get(site)
        if known is None and served_fhir is not None:
            known = self._known[site] = _described(site, served_fhir, self._since[site])
        return known

    async def fhir(self, interaction: Interaction, *, site: str, exchange: web.Exchange) -> Reply:
        """Answer a search or a read by its flow, within the site's deadline. Raises GatewayError."""
        served_fhir = self._sites.get(site)
        if served_fhir is None:
            if site in self._known:
                raise LeftOut
            raise NotFound(Issue("not-found", "", "there is no such FHIR endpoint"))
        served = served_fhir.served
        exchange.site = site
        exchange.table_hash = served.tables.hash
        now = self._clock()
        ask = asker(served.rules, served.tables, served.address, self._reader, now)
        flow_site = FhirSite(served.rules, served_fhir.fhir_server, served.tables, ask)
        whose = (site, exchange.client, served.tables.hash, interaction.base)
        walk = None
        if fhir_pages.goes_on(interaction) and _alone(exchange, served_fhir.access):
            walk = self._walks.get((whose, fhir_pages.params_of(interaction)))
        flow = fhir_flows.answer(interaction, flow_site, now, walk)
        reply, _ = await self._service.run(
            noting(flow, exchange.pass_over) if served.address is not None else flow,
            served.upstream,
            site=site,
            request_id=exchange.request_id,
            deadline_seconds=max(0.0, served.deadline_seconds - (time.monotonic() - exchange.received)),
            state_version=served.tables.hash,
            timings=exchange.stages,
            failures=exchange.failures,
        )
        if isinstance(reply.kept, Walk) and _alone(exchange, served_fhir.access):
            self._walks.put((whose, reply.kept.params), reply.kept, reply.kept.size)
        return reply


def _alone(exchange: web.Exchange, access: Access) -> bool:
    """Whether the client is told apart from all others: not every issuer says whose a token is, and a client
    may have been given a name like those of the issuer's."""
    client = exchange.client or BY_JWT
    by_jwt = client.partition(":")[0] == BY_JWT
    return not by_jwt or (client != BY_JWT and all(client != name for name, _ in access.clients))


def asker(
    rules: SiteRules, tables: SiteTables, address: Address | None, reader: Reader, now: datetime
) -> Asker:
    """How the FHIR flows of a site ask a Redox query: of Redox where ``address`` says so, else of its EHR."""
    if address is not None:
        return lambda query, _meant, _shares: redox_flows.ask_redox(query, address, tables, now)
    return lambda query, meant, shares: redox_flows.ask_ehr(
        query,
        meant,
        reader,
        replace(rules, max_searches=max(1, rules.max_searches // shares)),
        tables,
        now,
    )


def _described(name: str, site: ServedFhir, since: datetime) -> web.FhirSite:
    """What the site's CapabilityStatement says of it."""
    includes = tuple(dict.fromkeys(each for kind in INCLUDES.values() for each in kind))
    return web.FhirSite(name, site.access, searchable(site.fhir_server), includes, since)


def _left_out(name: str, access: Access) -> web.FhirSite:
    """A site of which nothing is known but who may ask it."""
    return web.FhirSite(name, access, dict.fromkeys(TYPES, ()), left_out=True)
