"""``gateway explain``: why each field came out as it did, and what became of each that was sent."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import asked, output

if TYPE_CHECKING:
    from gateway.assemble import Application, CheckedConfiguration
    from gateway.core.plan import Flow
    from gateway.explain.told import Explained
    from gateway.offline.kept import Kept
    from gateway.offline.site import Offline


@click.command()
@asked.options
@click.option("--live", is_flag=True, help="Ask the site's upstream, once, and explain what came.")
@click.option(
    "--field", metavar="PATH", help="What concerns one field alone: Provider.ID, Slot.start, start."
)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for scripts.")
def explain(
    request: str,
    config: Path | None,
    site: str | None,
    bundles: tuple[Path, ...],
    answer: Path | None,
    now: str | None,
    live: bool,
    field: str | None,
    as_json: bool,
) -> None:
    """Explain a Redox message, or a FHIR search, by the tables of a site.

    Nobody is asked unless --live says so. Of every field of what is sent and of what is answered: where
    its value was read (a field of the message, an element of a resource, a line of schedules.csv), the
    row that carries it as file:line, and which of the row's cells another layer has set. Of every field
    that was sent, what became of it (carried, selects, filters, dropped, unchecked, refused, passed over,
    ignored) and why; and whom each wish leaves out. REQUEST and the options are those of `gateway
    translate`.

    \b
    Examples:
      gateway explain request.json
      gateway explain request.json --bundle slots.json --bundle schedules.json --field Provider.ID
      gateway explain 'Slot?start=ge2025-10-21' --site partner --answer answer.json
      gateway explain request.json --site north --live
      gateway explain request.json --json | jq '.message[] | select(.outcome == "refused")'

    Exit code 0 if it is answered, 1 if it cannot be: both are explained. 3: the tables have faults.
    4: with --live, nothing that the upstream was asked brought an answer; that is explained, too.
    """
    from gateway.assemble import check_configuration
    from gateway.explain import told

    if live and (bundles or answer is not None):
        raise click.UsageError("--live asks the upstream itself; leave out --bundle and --answer.")
    given = asked.given(request, bundles, answer, now)
    chosen = output.chosen(config)
    with output.faults_told("nothing was explained"):
        found = check_configuration(chosen.path, chosen.environ)
    kept = None
    if live:
        from gateway.offline.kept import Kept

        kept = Kept()
    of = _search if given.search is not None else _message
    explained = of(chosen, found, site, given, kept)
    if field is not None:
        _tell_unknown(explained, field)
    if as_json:
        click.echo(output.json_text(told.as_json(explained, field)))
    else:
        from gateway.cli.explain_page import page

        for line in page(told.about(explained, field), whole=field is None):
            click.echo(line)
    if kept is not None and not kept.answered:
        sys.exit(output.UPSTREAM)
    sys.exit(output.WRONG if (explained.status or 0) >= 400 else 0)


def _tell_unknown(explained: Explained, field: str) -> None:
    """That nothing is called so here, and what may be meant."""
    from gateway.explain.told import about, paths
    from gateway.files.marked import nearest

    part = about(explained, field)
    if part.wishes or part.fields or any(each.fields for each in part.sent):
        return
    told = [f"no field is called {json.dumps(field, ensure_ascii=False)} here"]
    if explained.status is None:
        told.append("there is no answer to look in without --bundle, --answer or --live")
    if near := nearest(field, paths(explained)):
        told.append(f"did you mean {' or '.join(near)}?")
    click.echo("; ".join(told), err=True)


def _message(
    chosen: output.Chosen,
    found: CheckedConfiguration,
    site: str | None,
    given: asked.Given,
    kept: Kept | None,
) -> Explained:
    from gateway.core.errors import GatewayError
    from gateway.explain.places import places_of
    from gateway.explain.redox import Asked, explained, unreadable
    from gateway.offline.site import offline, reader, site_of

    place = asked.position(chosen, found, site)
    try:
        message = reader().read(given.body)
        here = offline(found, place, given.canned) if place is not None else None
        here = here or site_of(found, message, given.canned)
    except GatewayError as error:
        if place is None and len(found.settings.sites) > 1:
            output.tell_issues(error.issues)
            output.fail(output.WRONG, "the message names no site that could explain it; say which --site")
        return unreadable(_value(given.body), offline(found, place or 0, given.canned), error)
    asked.said(chosen, found, here, site)
    if kept is not None:
        _ask(found, here, here.flow(message, given.now), kept)
        here = replace(here, replay=kept)
    return explained(Asked(_value(given.body), message, here, places_of(found, here.site), given.now))


def _value(body: bytes) -> dict[str, object]:
    """The message as JSON; nothing of what cannot be read as that."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _search(
    chosen: output.Chosen,
    found: CheckedConfiguration,
    site: str | None,
    given: asked.Given,
    kept: Kept | None,
) -> Explained:
    from gateway.core.errors import GatewayError
    from gateway.explain.fhir import Asked, explained
    from gateway.explain.places import places_of
    from gateway.offline.search import flow, interaction_of
    from gateway.offline.site import offline

    assert given.search is not None
    if site is None and any(each.id == given.search.site for each in found.settings.sites):
        site = given.search.site
    here = offline(found, asked.served_fhir(chosen, found, site), given.canned)
    asked.said(chosen, found, here, site)
    server = here.fhir_server
    assert server is not None  # a site without FHIR clients is refused before
    try:
        interaction = interaction_of(given.search, found.settings, here.site.id)
    except GatewayError as error:
        output.tell_issues(error.issues)
        output.fail(output.WRONG, "the search cannot be read")
    if kept is not None:
        _ask(found, here, flow(here, interaction, given.now), kept)
        here = replace(here, replay=kept)
    asked_for = Asked(interaction, here, server, places_of(found, here.site), given.now)
    return explained(asked_for)


def _ask(found: CheckedConfiguration, here: Offline, flow: Flow, kept: Kept) -> None:
    """Asks the upstream what the flow asks; why the flow could not end is found again when what came is
    explained."""
    from gateway.assemble import assemble
    from gateway.core.errors import GatewayError

    with output.faults_told("nobody was asked"):
        application = assemble(found, clock=output.clock())
    with suppress(GatewayError):
        output.run(_asked(application, here, kept.keeping(flow)))


async def _asked(application: Application, here: Offline, flow: Flow) -> None:
    from gateway.cli.progress import waiting
    from gateway.web.exchange import new_request_id

    served = next(each for each in application.sites if each.rules.id == here.site.id)
    try:
        async with waiting(f"Asking the upstream of site {here.site.id}"):
            await application.service.run(
                flow,
                served.upstream,
                site=here.site.id,
                request_id=new_request_id(),
                deadline_seconds=served.deadline_seconds,
                state_version=served.tables.hash,
            )
    finally:
        await application.close()
