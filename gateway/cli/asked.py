"""What a command is asked to translate or explain: a message or a search, a site, an upstream's answers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gateway.cli import output

if TYPE_CHECKING:
    from gateway.assemble import CheckedConfiguration
    from gateway.offline.canned import Canned, CannedBundle
    from gateway.offline.pasted import Pasted
    from gateway.offline.site import Offline

_LONGEST_NAME = 160
_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., Any])


def options(command: _Command) -> _Command:
    """REQUEST, and what else says what is asked, of whom, and what is answered."""
    for each in reversed(
        (
            click.argument("request", metavar="REQUEST"),
            output.config_option(
                "The configuration with the site; without it ./gateway.yaml, or the demo's."
            ),
            click.option("--site", "-s", help="The site; without it the one of the message's destination."),
            click.option(
                "--bundle",
                "-b",
                "bundles",
                type=_FILE,
                multiple=True,
                metavar="BUNDLE.json",
                help="What the EHR answers (repeatable): a Bundle of Slots, and of Schedules, Practitioners, "
                "Locations.",
            ),
            click.option("--answer", "-a", type=_FILE, metavar="ANSWER.json", help="What Redox answers."),
            click.option(
                "--now",
                metavar="INSTANT",
                help="The time of the answer (EventDateTime) in place of the present.",
            ),
        )
    ):
        command = each(command)
    return command


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line gives: a ``search``, or the ``body`` of a message; what is canned; the time."""

    search: Pasted | None
    body: bytes
    canned: Canned
    now: datetime


def given(request: str, bundles: tuple[Path, ...], answer: Path | None, now: str | None) -> Given:
    """Read what was named. BadParameter for what cannot be read."""
    if [str(each) for each in (request, *bundles, answer)].count("-") > 1:
        raise click.UsageError("Only one of the files can be stdin.")
    from gateway.core.values import BOM
    from gateway.offline.canned import Canned

    at = _instant(now)
    search = _search_in(request)
    body = _message_in(request) if search is None else b""
    canned = Canned(
        tuple(_bundle(each) for each in bundles),
        output.file_named(answer, "--answer").removeprefix(BOM) if answer is not None else None,
    )
    return Given(search, body, canned, at)


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


def served_fhir(chosen: output.Chosen, found: CheckedConfiguration, wanted: str | None) -> int:
    """The place of the site whose FHIR clients might send the search."""
    known = {each.id: place for place, each in enumerate(found.settings.sites) if each.fhir is not None}
    if wanted is not None:
        place = position(chosen, found, wanted)
        if wanted not in known:
            text = f'Site "{wanted}" answers no FHIR clients: it has no "fhir:".'
            raise click.BadParameter(text, param_hint="--site")
        return place or 0
    if not known:
        raise click.UsageError(f'No site of {chosen.name} answers FHIR clients: none has "fhir:".')
    if len(known) > 1:
        raise click.UsageError(f"Say which --site: {', '.join(known)}.")
    return next(iter(known.values()))


def position(chosen: output.Chosen, found: CheckedConfiguration, wanted: str | None) -> int | None:
    """The place of the site of that name; None where none is named."""
    if wanted is None:
        return None
    names = [each.id for each in found.settings.sites]
    if wanted not in names:
        raise output.no_site(wanted, names, chosen.name)
    return names.index(wanted)


def said(chosen: output.Chosen, found: CheckedConfiguration, here: Offline, site: str | None) -> None:
    """Tells what was not said; refuses an answer of another kind of upstream than the site's."""
    if not chosen.named or (site is None and len(found.settings.sites) > 1):
        output.using(f"{chosen.name}, site {here.site.id}")
    if here.of_redox and here.canned.bundles:
        text = f"The upstream of site {here.site.id} is Redox, which answers no Bundles; give --answer."
        raise click.UsageError(text)
    if not here.of_redox and here.canned.answer is not None:
        text = f"The upstream of site {here.site.id} is an EHR, which answers Bundles; give --bundle."
        raise click.UsageError(text)


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
