"""``gateway probe``: what a live upstream really is, beside what the tables take it for."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import output

if TYPE_CHECKING:
    from gateway.assemble import Application, Served
    from gateway.config import Site
    from gateway.core.plan import Flow
    from gateway.probe import Report

_SECONDS = 60.0


@click.command()
@output.config_option("The configuration with the site; without it ./gateway.yaml, or the demo's.")
@click.option("--site", "-s", help="The site whose upstream is asked; needed if there are several.")
@click.option(
    "--schedule",
    "schedules",
    multiple=True,
    metavar="ID",
    help="Look at the slots of this schedule; given several times, of the first that has some.",
)
@click.option(
    "--start",
    metavar="INSTANT",
    help="Look at slots from this date or time on, not from now; for the site's default window.",
)
@click.option("--query", is_flag=True, help="Redox only: send one test query (Meta.Test is true).")
@click.option("--json", "as_json", is_flag=True, help="Everything that was found, as JSON on stdout.")
def probe(
    config: Path | None,
    site: str | None,
    schedules: tuple[str, ...],
    start: str | None,
    query: bool,
    as_json: bool,
) -> None:
    """Ask a site's live upstream what it can do, and say what to put in the tables.

    A FHIR upstream is asked for its metadata, a sample of the directory (Schedule, Practitioner,
    Location), the open slots of one schedule, and those slots again with one thing changed at a time:
    how start and end are spelt, a small page, another length, a parameter that nobody has. Fifteen
    to fifty requests, all of them reads; nothing of a patient. What a resource holds is not shown. What
    the upstream writes beside an error is, cut short; it stands in no log.

    A Redox upstream has no metadata: its token is asked for, and nothing more without --query.

    \b
    Examples:
      gateway probe --config gateway.yaml --site north
      gateway probe --site north --schedule Location.2-Staff.3640cd20de8a470aa570a852859ac87e
      gateway probe --site north --start 2026-03-02 --schedule north-1 --schedule north-2
      gateway probe --site north --json | jq '.findings[].text'

    \b
    Exit code 4 if a search that the tables make was not answered (the report says which).
    Without --config, and without a gateway.yaml here, it asks `gateway sandbox`.
    """
    source = output.chosen(config)
    from gateway.assemble import assemble, check_configuration

    with output.faults_told("nothing was asked"):
        found = check_configuration(source.path, source.environ)
        application = assemble(found, clock=output.clock())
    chosen = _site(found.settings.sites, site, source.name)
    if not source.named:
        output.using(f"{source.name}, site {chosen.id}")
    served = next(each for each in application.sites if each.rules.id == chosen.id)
    if served.tables.dialect.upstream == "fhir" and query:
        raise click.UsageError("--query is for a Redox upstream; a FHIR upstream is always searched.")
    if served.tables.dialect.upstream == "redox" and (schedules or start is not None):
        text = "--schedule and --start are for a FHIR upstream; a Redox upstream is asked for its first line."
        raise click.UsageError(text)
    flow = _flow(application, served, chosen, schedules, _instant(start, served), query=query)
    report, token = output.run(_asked(application, served, chosen, flow, query=query))
    _tell(report, token, as_json)
    if report.failed or token:
        sys.exit(output.UPSTREAM)


def _site(sites: tuple[Site, ...], wanted: str | None, where: str) -> Site:
    if wanted is None and len(sites) == 1:
        return sites[0]
    names = [each.id for each in sites]
    if wanted is None:
        raise click.UsageError(f"Say which --site: {', '.join(names)}.")
    if wanted not in names:
        raise output.no_site(wanted, names, where)
    return sites[names.index(wanted)]


async def _asked(
    application: Application, served: Served, site: Site, flow: Flow, *, query: bool
) -> tuple[Report, str | None]:
    """The report, and why there was no token: empty if there was one, None if it was not asked for alone."""
    import msgspec

    from gateway.cli.progress import waiting
    from gateway.probe import Limits, Report, costs
    from gateway.web.exchange import new_request_id

    token: str | None = None
    try:
        async with waiting(f"Asking the upstream of site {site.id}"):
            if served.tables.dialect.upstream == "redox" and not query:
                token = await _token(application, served, site)
            reply, spent = await application.service.run(
                flow,
                served.upstream,
                site=site.id,
                request_id=new_request_id(),
                deadline_seconds=_SECONDS,
                state_version=served.tables.hash,
            )
    finally:
        await application.close()
    report = msgspec.json.decode(reply.body, type=Report)
    limits = Limits(
        site.upstream.max_concurrency,
        served.deadline_seconds,
        site.upstream.max_query_pages,
        served.rules.max_schedules,
        served.rules.max_searches,
    )
    found = (*report.findings, *costs(report, limits, spent.get("slots", 0.0)))
    return replace(report, findings=tuple(sorted(found, key=lambda each: each.level != "fault"))), token


def _instant(text: str | None, served: Served) -> datetime | None:
    """An instant, or the first one of a day in the site's zone."""
    from gateway.core.window import parse_instant

    try:
        return parse_instant(text, served.rules.zone) if text is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--start") from None


def _flow(
    application: Application,
    served: Served,
    site: Site,
    schedules: tuple[str, ...],
    start: datetime | None,
    *,
    query: bool,
) -> Flow:
    from gateway.cli.summary import codes_of
    from gateway.core.redox_flows import Address
    from gateway.offline.origins import settings, yaml_files
    from gateway.probe import probe, probe_redox

    rules, tables, dialect = served.rules, served.tables, site.upstream.dialect
    own, where = application.settings.mappings, output.address(site.upstream)
    if tables.dialect.upstream == "fhir":
        keys = settings(yaml_files(own, dialect, site.id, site.like))
        return probe(
            rules,
            tables,
            codes_of(own, dialect, site.id, site.like),
            output.clock()(),
            dialect=dialect,
            schedules=schedules,
            start=start,
            address=where,
            origins={each.key: f"{each.mark} ({each.layer})" for each in keys},
        )
    destination = site.upstream.destination_id
    address = Address(site.upstream.source_id, destination or "", test=True) if query else None
    return probe_redox(rules, tables, output.clock()(), dialect=dialect, address=address, where=where)


async def _token(application: Application, served: Served, site: Site) -> str:
    """Why there is no token to be had, empty if there is one: the one request that tells nothing of
    anybody."""
    from gateway.assemble.clients import credentials_of
    from gateway.clock import seconds_of
    from gateway.probe.findings import wrote
    from gateway.upstream.exchange import Wire
    from gateway.upstream.interface import ClientSettings
    from gateway.upstream.oauth import FixedToken, SharedToken
    from gateway.upstream.session import tls_trust
    from gateway.upstream.surroundings import Surroundings
    from gateway.upstream.token_answer import TokenError

    credentials = credentials_of(site.upstream, served.tables.dialect)
    if credentials is None or isinstance(credentials, FixedToken):
        return "none is configured"  # the check lets neither pass for Redox
    ca_file = site.upstream.ca_file
    limits = ClientSettings(base_url=site.upstream.base_url)
    trust = tls_trust(os.fspath(ca_file) if ca_file is not None else None)
    wire = Wire(trust, limits.connect_seconds, site.upstream.max_response_bytes)
    around = Surroundings(session=application.session, wall_clock=seconds_of(output.clock()))
    tokens = SharedToken(credentials, wire, seconds=limits.token_seconds, around=around)
    try:
        await tokens.get()
    except TokenError as error:
        return f"{error.token}.{wrote(error.words())}"
    finally:
        await tokens.close()
    return ""


def _tell(report: Report, token: str | None, as_json: bool) -> None:
    if as_json:
        import msgspec

        value = msgspec.to_builtins(report)
        had = {"token": None if token is None else not token, "token_trouble": token}
        click.echo(output.json_text({"ok": not (report.failed or token), **had, **value}))
        return
    from gateway.cli.probe_page import page

    for line in page(report, token):
        click.echo(line)
