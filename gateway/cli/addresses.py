"""Where the listeners are, said on stderr."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Final

import click

from gateway.cli import output

if TYPE_CHECKING:
    from gateway.assemble import Application
    from gateway.config import Settings
    from gateway.web.server import Bound
    from gateway.web.tables_told import FaultySite

_NAMED: Final = 20


def say_where(application: Application, bound: Bound) -> None:
    """One line on stderr for each listener."""
    scheme = "http" if application.tls is None else "https"
    for host, port in bound.public:
        say_public(application.settings, url_of(scheme, host, port))
    for host, port in bound.admin:
        say_admin(url_of("http", host, port))


def say_public(settings: Settings, url: str, workers: int = 1) -> None:
    sites = output.plural(len(settings.sites), "site")
    shared = f", {workers} workers" if workers > 1 else ""
    asked = ["POST /redox"] if any(site.redox is not None for site in settings.sites) else []
    asked += ["GET /fhir/{site}"] if any(site.fhir is not None for site in settings.sites) else []
    click.echo(
        f"{click.style('public', fg='green', bold=True)}  {url}  {', '.join(asked)}; {sites}{shared}",
        err=True,
    )


def say_admin(url: str) -> None:
    click.echo(f"{click.style('admin ', fg='green', bold=True)}  {url}  /healthz /readyz /metrics", err=True)


def url_of(scheme: str, host: str, port: int) -> str:
    """``http://127.0.0.1:8080``; an IPv6 address in brackets."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def say_left_out(faulty: Mapping[str, FaultySite]) -> None:
    """The first faults of sites that are left out, on stderr; `gateway check` tells all."""
    for fault in dict.fromkeys(fault for site in faulty.values() for fault in site.faults):
        click.echo(fault, err=True)
    if faulty:
        named = ", ".join([*islice(faulty, _NAMED), *(["..."] if len(faulty) > _NAMED else [])])
        said = f"{output.plural(len(faulty), 'site')} left out, answering 503: {named}"
        click.secho(said, fg="red", bold=True, err=True)
