"""Sites made ready to answer of their settings and tables, before anybody is answered by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gateway.assemble.fhir_side import ServedFhir
from gateway.assemble.redox_side import Served
from gateway.assemble.site_clients import Clients
from gateway.assemble.site_tables import Sited
from gateway.config import Settings, Site
from gateway.core.flows import USUAL_MINUTES, SiteRules
from gateway.core.redox_flows import Address
from gateway.files.marked import Fault
from gateway.web.access import Access, JwtRules


@dataclass(frozen=True, slots=True)
class Prepared:
    """Sites by their ids; ``fhir`` those that answer FHIR clients. ``faults``: why others could not be
    made ready."""

    served: Mapping[str, Served]
    fhir: Mapping[str, ServedFhir]
    faults: Mapping[str, tuple[Fault, ...]]


def prepared(
    settings: Settings, sites: Mapping[int, Sited], access: Mapping[str, Access], clients: Clients
) -> Prepared:
    """The sites at these positions, made ready. ``access``: who may ask those that answer FHIR clients."""
    served: dict[str, Served] = {}
    served_fhir: dict[str, ServedFhir] = {}
    faulty: dict[str, tuple[Fault, ...]] = {}
    for position, sited in sites.items():
        site, faults = settings.sites[position], list[Fault]()
        client = clients.of(settings, position, sited.tables.dialect, faults)
        if client is None:
            faulty[site.id] = tuple(faults)
            continue
        ready = Served(rules_of(site), sited.tables, client, site.deadline_seconds, address_of(site))
        served[site.id] = ready
        if sited.fhir_server is not None and site.id in access:
            served_fhir[site.id] = ServedFhir(ready, sited.fhir_server, access[site.id])
    return Prepared(served, served_fhir, faulty)


def access_of(settings: Settings, faults: list[Fault]) -> dict[str, Access]:
    """Who may ask the sites that answer FHIR clients."""
    found: dict[str, Access] = {}
    for position, site in enumerate(settings.sites):
        if site.fhir is None:
            continue
        jwt = site.fhir.jwt
        try:
            rules = JwtRules(jwt.issuer, jwt.audience, jwt.jwks_url) if jwt is not None else None
            clients = tuple((each.id, each.token_sha256) for each in site.fhir.clients)
            found[site.id] = Access(clients, rules)
        except ValueError as error:
            place = settings.where(("sites", position, "fhir"))
            faults.append(place.fault(f"sites[{position}].fhir: {error}"))
    return found


def numbered(sites: Sequence[Sited | None]) -> dict[int, Sited]:
    """Those that are not left out, by their positions."""
    return {position: each for position, each in enumerate(sites) if each is not None}


def address_of(site: Site) -> Address | None:
    """Where a site's queries to Redox go; None where its upstream is not Redox."""
    upstream = site.upstream
    if upstream.destination_id is None:
        return None
    return Address(upstream.source_id, upstream.destination_id)


def rules_of(site: Site) -> SiteRules:
    """What the flows need to know of a site."""
    return SiteRules(
        id=site.id,
        zone=ZoneInfo(site.timezone),
        default_duration_minutes=site.default_duration_minutes or USUAL_MINUTES,
        asked_minutes=site.default_duration_minutes,
        default_window_days=site.default_window_days,
        max_window_days=site.max_window_days,
        preferences=site.preferences,
        time_tolerance_minutes=site.time_tolerance_minutes,
        max_schedules=site.max_schedules,
        max_searches=site.max_searches,
        max_slots=site.max_slots,
        directory_cache_seconds=site.directory_cache_seconds,
        providers_by_name=site.providers_by_name,
    )
