"""``gateway explain``: why each field came out as it did, and what became of each that was sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import asked, output

if TYPE_CHECKING:
    from gateway.assemble import CheckedConfiguration
    from gateway.explain.told import Explained


@click.command()
@asked.options
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
    field: str | None,
    as_json: bool,
) -> None:
    """Explain a Redox message, or a FHIR search, by the tables of a site, offline.

    Of every field of what is sent and of what is answered: where its value was read (a field of the
    message, an element of a resource, a line of schedules.csv), the row that carries it as file:line,
    and which of the row's cells another layer has set. Of every field that was sent, what became of
    it (carried, selects, filters, dropped, unchecked, refused, passed over, ignored) and why; and
    whom each wish leaves out. REQUEST and the options are those of `gateway translate`.

    \b
    Examples:
      gateway explain request.json
      gateway explain request.json --bundle slots.json --bundle schedules.json --field Provider.ID
      gateway explain 'Slot?start=ge2025-10-21' --site partner --answer answer.json
      gateway explain request.json --json | jq '.message[] | select(.outcome == "refused")'

    Exit code 0 if it is answered, 1 if it cannot be: both are explained. 3: the tables have faults.
    """
    from gateway.assemble import check_configuration
    from gateway.explain import told

    given = asked.given(request, bundles, answer, now)
    chosen = output.chosen(config)
    with output.faults_told("nothing was explained"):
        found = check_configuration(chosen.path, chosen.environ)
    if given.search is not None:
        explained = _search(chosen, found, site, given)
    else:
        explained = _message(chosen, found, site, given)
    if as_json:
        click.echo(output.json_text(told.as_json(explained, field)))
    else:
        from gateway.cli.explain_page import page

        for line in page(told.about(explained, field), whole=field is None):
            click.echo(line)
    click.get_current_context().exit(output.WRONG if (explained.status or 0) >= 400 else 0)


def _message(
    chosen: output.Chosen, found: CheckedConfiguration, site: str | None, given: asked.Given
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
    return explained(Asked(_value(given.body), message, here, places_of(found, here.site), given.now))


def _value(body: bytes) -> dict[str, object]:
    """The message as JSON; nothing of what cannot be read as that."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _search(
    chosen: output.Chosen, found: CheckedConfiguration, site: str | None, given: asked.Given
) -> Explained:
    from gateway.core.errors import GatewayError
    from gateway.explain.fhir import Asked, explained
    from gateway.explain.places import places_of
    from gateway.offline.search import interaction_of
    from gateway.offline.site import offline

    assert given.search is not None
    if site is None and any(each.id == given.search.site for each in found.settings.sites):
        site = given.search.site
    here = offline(found, asked.served_fhir(chosen, found, site), given.canned)
    asked.said(chosen, found, here, site)
    assert here.fhir_server is not None  # a site without FHIR clients is refused before
    try:
        interaction = interaction_of(given.search, found.settings, here.site.id)
    except GatewayError as error:
        output.tell_issues(error.issues)
        output.fail(output.WRONG, "the search cannot be read")
    asked_for = Asked(interaction, here, here.fhir_server, places_of(found, here.site), given.now)
    return explained(asked_for)
