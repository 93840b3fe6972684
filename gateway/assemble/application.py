"""One gateway, whole: what its settings say, made into things that run."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from gateway.assemble.check import CheckedConfiguration, ReadConfiguration
from gateway.assemble.fhir_side import FhirSide
from gateway.assemble.prepared import Prepared, access_of, numbered, prepared
from gateway.assemble.redox_side import FLOWS, RedoxGateway, Served
from gateway.assemble.site_clients import Clients
from gateway.assemble.site_tables import Sited
from gateway.clock import Clock, seconds_of, utc_now
from gateway.config import Settings
from gateway.core.redox import Reader
from gateway.files.marked import Fault, Faults
from gateway.service import Service
from gateway.tables.answer.messages import kinds
from gateway.tables.build import schemas
from gateway.upstream.session import SharedSession
from gateway.version import __version__
from gateway.web.access import Access
from gateway.web.admin_routes import AdminRoutes
from gateway.web.app import Routes, admin_app, public_app
from gateway.web.bearer import Bearer
from gateway.web.body import BodyLimits
from gateway.web.exchange import FhirSite, Surface
from gateway.web.fhir_routes import EVENTS, FhirRoutes
from gateway.web.forwarded import TrustedProxies
from gateway.web.jwks_fetch import JwksFetch
from gateway.web.metrics import Metrics
from gateway.web.openapi import OpenApiRoutes
from gateway.web.readiness import Readiness
from gateway.web.redox_routes import RedoxRoutes
from gateway.web.server import Listen, Shutdown
from gateway.web.tables_told import Reload, TablesTold
from gateway.web.tokens import TokenIndex

_DRAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Application:
    """The parts of one gateway. ``close`` is to be awaited once, after its last request."""

    settings: Settings
    gateway: RedoxGateway
    fhir: FhirSide
    bearer: Bearer
    service: Service
    clients: Clients
    session: SharedSession
    metrics: Metrics
    readiness: Readiness
    tls: ssl.SSLContext | None
    since: datetime
    access: Mapping[str, Access]

    @property
    def sites(self) -> tuple[Served, ...]:
        """Those that are not left out, in their order."""
        served = self.gateway.sites
        return tuple(served[site.id] for site in self.settings.sites if site.id in served)

    def ready(self, settings: Settings, sites: Sequence[Sited | None]) -> Prepared:
        """Those of the sites ready that now have other tables than those that answer. ``settings`` are these,
        whose PEM files can be read now."""
        served = self.gateway.sites
        changed = {
            position: sited
            for position, (site, sited) in enumerate(zip(settings.sites, sites, strict=True))
            if sited is not None
            and (site.id not in served or served[site.id].tables.hash != sited.tables.hash)
        }
        return prepared(settings, changed, self.access, self.clients)

    def swap(self, ready: Prepared) -> None:
        """Answer by these from now on, all at once; requests under way end by what they began with."""
        self.gateway.swap(ready.served)
        self.fhir.swap(ready.fhir)
        for name, site in ready.served.items():
            self.metrics.tables(name, site.tables.hash)

    def built(self, ready: Prepared | None = None) -> str:
        """A hash of what answers, or would once these are ``ready``: the version of the program and the
        tables of every site."""
        served = {**self.gateway.sites, **(ready.served if ready is not None else {})}
        told = [__version__, *(f"{name} {served[name].tables.hash}" for name in sorted(served))]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]

    def public(self, log: FilteringBoundLogger) -> web.Application:
        """The application of the public listener: each surface is one of its routes."""
        limit = self.settings.server.body_limit_bytes
        self.clients.tell(log)
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

    def admin(
        self, log: FilteringBoundLogger, tables: TablesTold | None = None, reload: Reload | None = None
    ) -> web.Application:
        """The application of the admin listener. ``tables``: what is told of them there; ``reload`` reads
        them anew."""
        routes = AdminRoutes(self.metrics, self.readiness, tables, reload)
        return admin_app([routes, self.described(log, routes.surface)], log=log, readiness=self.readiness)

    def described(self, log: FilteringBoundLogger, surface: Surface) -> OpenApiRoutes:
        """The OpenAPI descriptions of both listeners, for the admin one, whose ``surface`` they share."""
        return OpenApiRoutes(self.public(log), self._described_sites, version=__version__, surface=surface)

    def _described_sites(self) -> list[FhirSite]:
        return [known for site in self.sites if (known := self.fhir.fhir_site(site.rules.id)) is not None]

    def listen(self, port: int | None = None, *, shared: bool = False) -> Listen:
        """The public listener; ``port`` in place of the configured one, ``shared`` with other workers."""
        server = self.settings.server
        at = server.port if port is None else port
        return Listen(server.host, at, self.tls, reuse_port=shared, max_connections=server.max_connections)

    async def close(self) -> None:
        """End what is still under way upstream, and every connection."""
        await self.service.close()
        await self.bearer.close()
        await self.clients.close()
        await self.session.close()


def shutdown_of(settings: Settings) -> Shutdown:
    """How ``shutdown_grace_seconds`` is spent: half of it, at most 5 s, is for balancers to turn away."""
    whole = settings.server.shutdown_grace_seconds
    drain = min(_DRAIN_SECONDS, whole / 2)
    return Shutdown(grace_seconds=drain, finish_seconds=max(whole - drain, 0.1))


def assemble(found: CheckedConfiguration | ReadConfiguration, *, clock: Clock = utc_now) -> Application:
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
    access = access_of(settings, faults)
    clients = Clients(metrics, session, seconds_of(clock))
    ready = prepared(settings, numbered(found.sites), access, clients)
    faults.extend(fault for each in ready.faults.values() for fault in each)
    if faults:
        raise Faults(faults)
    service = Service()
    reader = Reader(kinds(schemas()))
    left_out = {name: each for name, each in access.items() if name not in ready.served}
    application = Application(
        settings,
        _gateway(settings, reader, service, clock),
        FhirSide({}, reader=reader, service=service, clock=clock, left_out=left_out),
        Bearer(JwksFetch(session), seconds_of(clock)),
        service,
        clients,
        session,
        metrics,
        Readiness(),
        tls,
        clock(),
        access,
    )
    application.swap(ready)
    return application


def _gateway(settings: Settings, reader: Reader, service: Service, clock: Clock) -> RedoxGateway:
    """The Redox side, of no site yet; those that answer Redox by their destinations and tokens."""
    asked = [(site.id, site.redox) for site in settings.sites if site.redox is not None]
    return RedoxGateway(
        {},
        {name: site for site, redox in asked for name in redox.destination_ids},
        tokens=TokenIndex((redox.verification_token.get_secret_value(), site) for site, redox in asked),
        reader=reader,
        service=service,
        clock=clock,
    )


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
