"""``gateway translate``: what a message or a search means, and what an answer becomes, without a network."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from gateway.cli import asked, output

if TYPE_CHECKING:
    from gateway.assemble import CheckedConfiguration
    from gateway.core.errors import GatewayError, Issue
    from gateway.core.redox import Message
    from gateway.offline.canned import Canned
    from gateway.offline.pasted import Pasted
    from gateway.offline.site import Offline

_NAMES_SHOWN = 20


@click.command()
@asked.options
def translate(
    request: str,
    config: Path | None,
    site: str | None,
    bundles: tuple[Path, ...],
    answer: Path | None,
    now: str | None,
) -> None:
    """Translate a Redox message, or a FHIR search, offline, by the tables of a site.

    REQUEST is a file with a message ("-": stdin), or a search as FHIR clients send it: 'Slot?...', a link
    (its host is not asked), the line of a log, a curl command.
    Without an answer: what it becomes, FHIR searches or queries to Redox, as JSON. With --bundle (the
    upstream is an EHR) or --answer (it is Redox): the answer that would be given. The schedules are
    those of the site's schedules.csv and of the Bundles. Stdout has only JSON.

    \b
    Examples:
      gateway translate request.json
      gateway translate request.json --config gateway.yaml --site north | jq -r '.searches[].url'
      gateway translate request.json --bundle slots.json --bundle schedules.json
      gateway translate - < request.json
      gateway translate 'Slot?start=ge2025-10-21&schedule=Schedule/1' --site partner
      gateway translate 'Slot?start=ge2025-10-21' --site partner --answer answer.json
      gateway translate 'https://gateway.example/fhir/partner/Slot?start=ge2025-10-21'

    Exit code 1 if it cannot be answered: the error body is on stdout, every fault on stderr.
    """
    from gateway.assemble import check_configuration

    given = asked.given(request, bundles, answer, now)
    chosen = output.chosen(config)
    with output.faults_told("nothing was translated"):
        found = check_configuration(chosen.path, chosen.environ)
    if given.search is not None:
        _search(chosen, found, site, given.search, given.canned, given.now)
    else:
        _message(chosen, found, site, given.body, given.canned, given.now)


def _message(
    chosen: output.Chosen,
    found: CheckedConfiguration,
    site: str | None,
    body: bytes,
    canned: Canned,
    at: datetime,
) -> None:
    from gateway.core.errors import GatewayError, UpstreamFailed
    from gateway.core.redox import error_reply
    from gateway.offline.site import offline, reader, site_of

    here: Offline | None = None
    try:
        message = reader().read(body)
        place = asked.position(chosen, found, site)
        here = site_of(found, message, canned) if place is None else offline(found, place, canned)
        asked.said(chosen, found, here, site)
        _passed_over(message.passed_over)
        _told(here, message, at)
    except UpstreamFailed as error:
        _refused(error_reply(error, body), error, *(here.unread() if here is not None else ()))
    except GatewayError as error:
        _refused(error_reply(error, body), error)


def _passed_over(unknown: Mapping[str, Sequence[str]]) -> None:
    """The fields that Redox's schema does not have. The gateway's log tells only how many, and where: a name
    that is not known can be that of a person."""
    for path, names in unknown.items():
        shown = ", ".join(json.dumps(name) for name in names[:_NAMES_SHOWN])
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        where = path or "the message"
        click.echo(f"passed over, as Redox's schema does not have them: in {where} {shown}{more}", err=True)


def _told(here: Offline, message: Message, at: datetime) -> None:
    if not here.canned.given:
        click.echo(output.json_text(here.asks(message, at)))
        return
    reply = here.answer(message, at)
    _passed_over(here.unknown())
    click.echo(output.json_text(json.loads(reply.body)))
    output.tell_issues(reply.issues)
    if here.canned.bundles and (text := here.left_out(message, reply, at)):
        click.echo(text, err=True)


def _search(
    chosen: output.Chosen,
    found: CheckedConfiguration,
    site: str | None,
    search: Pasted,
    canned: Canned,
    at: datetime,
) -> None:
    from gateway.core.errors import GatewayError, UpstreamFailed
    from gateway.core.fhir import error_outcome
    from gateway.offline.search import interaction_of, told
    from gateway.offline.site import offline

    if site is None and any(each.id == search.site for each in found.settings.sites):
        site = search.site
    here = offline(found, asked.served_fhir(chosen, found, site), canned)
    asked.said(chosen, found, here, site)
    try:
        interaction = interaction_of(search, found.settings, here.site.id)
        meaning, reply = told(here, interaction, at)
    except UpstreamFailed as error:
        _refused(error_outcome(error), error, *here.unread())
    except GatewayError as error:
        _refused(error_outcome(error), error)
    _passed_over(here.unknown())
    if reply is not None and (canned.given or not here.calls):
        click.echo(output.json_text(json.loads(reply.body)))
        output.tell_issues(reply.issues)
    else:
        click.echo(output.json_text(meaning))


def _refused(body: bytes, error: GatewayError, *more: Issue) -> NoReturn:
    click.echo(output.json_text(json.loads(body)))
    output.tell_issues((*error.issues, *more))
    sys.exit(output.WRONG)
