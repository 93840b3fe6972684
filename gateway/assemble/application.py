"""One gateway, whole: what its settings say, made into things that run."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from gateway.assemble.check import CheckedConfiguration
from gateway.assemble.clients import Client, Misfit, client_of
from gateway.assemble.fhir_side import FhirSide, ServedFhir
from gateway.assemble.redox_side import FLOWS, RedoxGateway, Served
from gateway.assemble.watch import Watch
from gateway.clock import Clock, seconds_of, utc_now
from gateway.config import Settings, Site
from gateway.core.flows import USUAL_MINUTES, SiteRules
from gateway.core.redox import Reader
from gateway.core.redox_flows import Address
from gateway.files.marked import Fault, Faults
from gateway.service import Service
from gateway.tables.answer.messages import kinds
from gateway.tables.build import schemas
from gateway.upstream.common import Common
from gateway.upstream.session import SharedSession
from gateway.upstream.surroundings import Surroundings
from gateway.version import __version__
from gateway.web.access import Access, JwtRules
from gateway.web.admin_routes import AdminRoutes
from gateway.web.app import Routes, admin_app, public_app
from gateway.web.bearer import Bearer
from gateway.web.body import BodyLimits
from gateway.web.exchange import Surface
from gateway.web.fhir_routes import EVENTS, FhirRoutes
from gateway.web.forwarded import TrustedProxies
from gateway.web.jwks_fetch import JwksFetch
from gateway.web.metrics import Metrics
from gateway.web.openapi import OpenApiRoutes
from gateway.web.readiness import Readiness
from gateway.web.redox_routes import RedoxRoutes
from gateway.web.server import Listen, Shutdown
from gateway.web.tokens import TokenIndex

_DRAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Application:
    """The parts of one gateway. ``close`` is to be awaited once, after its last request."""

    settings: Settings
    sites: tuple[Served, ...]
    gateway: RedoxGateway
    fhir: FhirSide
    bearer: Bearer
    service: Service
    clients: tuple[Client, ...]
    session: SharedSession
    metrics: Metrics
    readiness: Readiness
    tls: ssl.SSLContext | None
    since: datetime
    watches: tuple[Watch, ...]

    @property
    def built(self) -> str:
        """A hash of what answers: the version of the program and the tables of every site."""
        told = [__version__, *(f"{site.rules.id} {site.tables.hash}" for site in self.sites)]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]

    def public(self, log: FilteringBoundLogger) -> web.Application:
        """The application of the public listener: each surface is one of its routes."""
        limit = self.settings.server.body_limit_bytes
        for watch in self.watches:
            watch.log = log
        surfaces: list[Routes] = [
            RedoxRoutes(self.gateway, BodyLimits(max_bytes=limit)),
            FhirRoutes(
                self.fhir,
                self.bearer,
                version=__version__,
                since=self.since,
                public_url=self.settings.server.public_url,
            ),
        ]
        return public_app(
            surfaces,
            log=log,
            metrics=self.metrics,
            readiness=self.readiness,
            max_body_bytes=limit,
            trusted=TrustedProxies(self.settings.server.trusted_proxies),
        )

    def admin(self, log: FilteringBoundLogger) -> web.Application:
        """The application of the admin listener."""
        routes = AdminRoutes(self.metrics, self.readiness)
        return admin_app([routes, self.described(log, routes.surface)], log=log, readiness=self.readiness)

    def described(self, log: FilteringBoundLogger, surface: Surface) -> OpenApiRoutes:
        """The OpenAPI descriptions of both listeners, for the admin one, whose ``surface`` they share."""
        sites = [known for site in self.sites if (known := self.fhir.fhir_site(site.rules.id)) is not None]
        return OpenApiRoutes(self.public(log), sites, version=__version__, surface=surface)

    def listen(self, port: int | None = None, *, shared: bool = False) -> Listen:
        """The public listener; ``port`` in place of the configured one, ``shared`` with other workers."""
        server = self.settings.server
        at = server.port if port is None else port
        return Listen(server.host, at, self.tls, reuse_port=shared, max_connections=server.max_connections)

    async def close(self) -> None:
        """End what is still under way upstream, and every connection."""
        await self.service.close()
        await self.bearer.close()
        for client in self.clients:
            await client.close()
        await self.session.close()


def shutdown_of(settings: Settings) -> Shutdown:
    """How ``shutdown_grace_seconds`` is spent: half of it, at most 5 s, is for balancers to turn away."""
    whole = settings.server.shutdown_grace_seconds
    drain = min(_DRAIN_SECONDS, whole / 2)
    return Shutdown(grace_seconds=drain, finish_seconds=max(whole - drain, 0.1))


def assemble(found: CheckedConfiguration, *, clock: Clock = utc_now) -> Application:
    """Put a checked configuration together. ``clock`` gives the present instant: of answers, and for
    tokens given and taken.

    Opens nothing yet: connections are made by the first request. Raises Faults for what only making a
    client shows (an unusable certificate file, say).
    """
    settings = found.settings
    metrics = Metrics([site.id for site in settings.sites], events=EVENTS | FLOWS.keys())
    session = SharedSession()
    faults: list[Fault] = []
    tls = _tls(settings, faults)
    clients, watches = _clients(found, metrics, session, seconds_of(clock), faults)
    if faults:
        raise Faults(faults)
    sites = tuple(
        Served(rules_of(site), tables, client, site.deadline_seconds, address_of(site))
        for site, tables, client in zip(settings.sites, found.tables, clients, strict=True)
    )
    for site in sites:
        metrics.tables(site.rules.id, site.tables.hash)
    service = Service()
    reader = Reader(kinds(schemas()))
    gateway = _gateway(settings, sites, reader, service, clock)
    fhir = FhirSide(_served_fhir(found, sites, faults), reader=reader, service=service, clock=clock)
    if faults:
        raise Faults(faults)
    return Application(
        settings,
        sites,
        gateway,
        fhir,
        Bearer(JwksFetch(session), seconds_of(clock)),
        service,
        tuple(clients),
        session,
        metrics,
        Readiness(),
        tls,
        clock(),
        tuple(watches),
    )


def _gateway(
    settings: Settings, sites: Sequence[Served], reader: Reader, service: Service, clock: Clock
) -> RedoxGateway:
    """The Redox side: every site, and those that answer Redox by their destinations and tokens."""
    asked = [(site.id, site.redox) for site in settings.sites if site.redox is not None]
    return RedoxGateway(
        {site.rules.id: site for site in sites},
        {name: site for site, redox in asked for name in redox.destination_ids},
        tokens=TokenIndex((redox.verification_token.get_secret_value(), site) for site, redox in asked),
        reader=reader,
        service=service,
        clock=clock,
    )


def address_of(site: Site) -> Address | None:
    """Where a site's queries to Redox go; None where its upstream is not Redox."""
    upstream = site.upstream
    if upstream.destination_id is None:
        return None
    return Address(upstream.source_id, upstream.destination_id)


def _served_fhir(
    found: CheckedConfiguration, sites: Sequence[Served], faults: list[Fault]
) -> dict[str, ServedFhir]:
    """The sites that answer FHIR clients."""
    served_fhir = {}
    for position, (site, served, fhir_server) in enumerate(
        zip(found.settings.sites, sites, found.fhir_servers, strict=True)
    ):
        if site.fhir is None or fhir_server is None:
            continue
        jwt = site.fhir.jwt
        try:
            rules = JwtRules(jwt.issuer, jwt.audience, jwt.jwks_url) if jwt is not None else None
            access = Access(tuple((each.id, each.token_sha256) for each in site.fhir.clients), rules)
        except ValueError as error:
            faults.append(
                found.settings.where(("sites", position, "fhir")).fault(f"sites[{position}].fhir: {error}")
            )
            continue
        served_fhir[site.id] = ServedFhir(served, fhir_server, access)
    return served_fhir


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


def _clients(
    found: CheckedConfiguration,
    metrics: Metrics,
    session: SharedSession,
    wall_clock: Callable[[], float],
    faults: list[Fault],
) -> tuple[Sequence[Client], Sequence[Watch]]:
    clients: list[Client] = []
    watches: list[Watch] = []
    common = Common()
    for position, (site, tables) in enumerate(zip(found.settings.sites, found.tables, strict=True)):
        watch = Watch(metrics, site.id)
        around = Surroundings(
            session=session, common=common, observe=watch, rebased=watch.rebased, wall_clock=wall_clock
        )
        try:
            client = client_of(site.upstream, tables.dialect, around, deadline_seconds=site.deadline_seconds)
        except Misfit as misfit:
            place = found.settings.where(("sites", position, "upstream", misfit.key))
            faults.append(place.fault(f"sites[{position}].upstream.{misfit.key}: {misfit}"))
            continue
        metrics.watch(site.id, partial(getattr, client, "standing"))
        clients.append(client)
        watches.append(watch)
    return clients, watches


def _tls(settings: Settings, faults: list[Fault]) -> ssl.SSLContext | None:
    files = settings.server.tls
    if files is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate_file, files.key_file)
    except (OSError, ssl.SSLError):
        place = settings.where(("server", "tls", "certificate_file"))
        text = "server.tls: the certificate and the key are no pair in PEM form without a passphrase"
        faults.append(place.fault(text))
    return context
