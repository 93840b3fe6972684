"""``gateway translate``: what a message or a search means, and what an answer becomes, without a network."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from gateway.cli import output

if TYPE_CHECKING:
    from gateway.assemble import CheckedConfiguration
    from gateway.core.errors import GatewayError, Issue
    from gateway.core.redox import Message
    from gateway.offline.canned import Canned, CannedBundle
    from gateway.offline.pasted import Pasted
    from gateway.offline.site import Offline

_NAMES_SHOWN = 20
_LONGEST_NAME = 160
_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.command()
@click.argument("request", metavar="REQUEST")
@output.config_option("The configuration with the site; without it ./gateway.yaml, or the demo's.")
@click.option("--site", "-s", help="The site; without it the one of the message's destination.")
@click.option(
    "--bundle",
    "-b",
    "bundles",
    type=_FILE,
    multiple=True,
    metavar="BUNDLE.json",
    help="What the EHR answers (repeatable): a Bundle of Slots, and of Schedules, Practitioners, Locations.",
)
@click.option("--answer", "-a", type=_FILE, metavar="ANSWER.json", help="What Redox answers.")
@click.option(
    "--now", metavar="INSTANT", help="The time of the answer (EventDateTime) in place of the present."
)
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
    if [str(each) for each in (request, *bundles, answer)].count("-") > 1:
        raise click.UsageError("Only one of the files can be stdin.")
    from gateway.assemble import check_configuration
    from gateway.core.values import BOM
    from gateway.offline.canned import Canned

    at = _instant(now)
    search = _search_in(request)
    body = _message_in(request) if search is None else b""
    canned = Canned(
        tuple(_bundle(each) for each in bundles),
        output.file_named(answer, "--answer").removeprefix(BOM) if answer is not None else None,
    )
    chosen = output.chosen(config)
    with output.faults_told("nothing was translated"):
        found = check_configuration(chosen.path, chosen.environ)
    if search is not None:
        _search(chosen, found, site, search, canned, at)
    else:
        _message(chosen, found, site, body, canned, at)


def _search_in(request: str) -> Pasted | None:
    """A search or a read, and not a file that happens to be called so."""
    from gateway.offline.pasted import pasted

    return None if os.path.lexists(request) else pasted(request)


def _message_in(request: str) -> bytes:
    """The file that the argument names. What can be no name, as the message itself, is not quoted back."""
    if request == "-" or os.path.lexists(request):
        return output.file_named(_FILE.convert(request, None, None))
    name = f"File '{request}' does not exist" if len(request) <= _LONGEST_NAME else "There is no such file"
    if "://" in request:
        name = "A link is no file"
    raise click.BadParameter(
        f"{name}, and it is no search: Slot, Schedule, Practitioner or Location, then ? and parameters."
    )


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
        place = _position(chosen, found, site)
        here = site_of(found, message, canned) if place is None else offline(found, place, canned)
        _said(chosen, found, here, site)
        _passed_over(message)
        _told(here, message, at)
    except UpstreamFailed as error:
        _refused(error_reply(error, body), error, *(here.unread() if here is not None else ()))
    except GatewayError as error:
        _refused(error_reply(error, body), error)


def _passed_over(message: Message) -> None:
    """The fields that Redox's schema does not have. The gateway's log tells only how many, and where: a name
    that is not known can be that of a person."""
    for path, names in message.passed_over.items():
        shown = ", ".join(json.dumps(name) for name in names[:_NAMES_SHOWN])
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        where = path or "the message"
        click.echo(f"passed over, as Redox's schema does not have them: in {where} {shown}{more}", err=True)


def _told(here: Offline, message: Message, at: datetime) -> None:
    if not here.canned.given:
        click.echo(output.json_text(here.asks(message, at)))
        return
    reply = here.answer(message, at)
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
    here = offline(found, _served_fhir(chosen, found, site), canned)
    _said(chosen, found, here, site)
    try:
        interaction = interaction_of(search, found.settings, here.site.id)
        meaning, reply = told(here, interaction, at)
    except UpstreamFailed as error:
        _refused(error_outcome(error), error, *here.unread())
    except GatewayError as error:
        _refused(error_outcome(error), error)
    if reply is not None and (canned.given or not here.calls):
        click.echo(output.json_text(json.loads(reply.body)))
        output.tell_issues(reply.issues)
    else:
        click.echo(output.json_text(meaning))


def _served_fhir(chosen: output.Chosen, found: CheckedConfiguration, wanted: str | None) -> int:
    """The place of the site whose FHIR clients might send the search."""
    known = {each.id: place for place, each in enumerate(found.settings.sites) if each.fhir is not None}
    if wanted is not None:
        place = _position(chosen, found, wanted)
        if wanted not in known:
            text = f'Site "{wanted}" answers no FHIR clients: it has no "fhir:".'
            raise click.BadParameter(text, param_hint="--site")
        return place or 0
    if not known:
        raise click.UsageError(f'No site of {chosen.name} answers FHIR clients: none has "fhir:".')
    if len(known) > 1:
        raise click.UsageError(f"Say which --site: {', '.join(known)}.")
    return next(iter(known.values()))


def _position(chosen: output.Chosen, found: CheckedConfiguration, wanted: str | None) -> int | None:
    if wanted is None:
        return None
    names = [each.id for each in found.settings.sites]
    if wanted not in names:
        raise output.no_site(wanted, names, chosen.name)
    return names.index(wanted)


def _said(chosen: output.Chosen, found: CheckedConfiguration, here: Offline, site: str | None) -> None:
    """Tells what was not said; refuses an answer of another kind of upstream than the site's."""
    if not chosen.named or (site is None and len(found.settings.sites) > 1):
        output.using(f"{chosen.name}, site {here.site.id}")
    if here.of_redox and here.canned.bundles:
        text = f"The upstream of site {here.site.id} is Redox, which answers no Bundles; give --answer."
        raise click.UsageError(text)
    if not here.of_redox and here.canned.answer is not None:
        text = f"The upstream of site {here.site.id} is an EHR, which answers Bundles; give --bundle."
        raise click.UsageError(text)


def _refused(body: bytes, error: GatewayError, *more: Issue) -> NoReturn:
    click.echo(output.json_text(json.loads(body)))
    output.tell_issues((*error.issues, *more))
    sys.exit(output.WRONG)


def _instant(text: str | None) -> datetime:
    if text is None:
        return output.clock()()
    from zoneinfo import ZoneInfo

    from gateway.core.window import parse_instant

    try:
        return parse_instant(text, ZoneInfo("UTC"))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--now") from None


def _bundle(path: Path) -> CannedBundle:
    from gateway.core.values import BOM
    from gateway.offline.canned import CannedBundle

    text = output.file_named(path, "--bundle").removeprefix(BOM)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise click.BadParameter(f"{path} is not JSON.", param_hint="--bundle") from None
    if not isinstance(value, dict) or value.get("resourceType") != "Bundle":
        raise click.BadParameter(f"{path} is not a FHIR Bundle.", param_hint="--bundle")
    return CannedBundle(text, value)
