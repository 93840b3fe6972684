"""``gateway diff``: what an edit of the tables changes over all cases, by the row that changes it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import output
from gateway.cli.output import plural

if TYPE_CHECKING:
    from gateway.cases.diff import Change, Compared

_FIELDS = 6
_NAMES = 5


@click.command()
@output.case_options
@output.config_option("The configuration with the tables as they are now; without it ./gateway.yaml.")
@click.option(
    "--against",
    default="HEAD",
    show_default=True,
    metavar="DIR|REV",
    help="The tables as they were: a folder, or a commit of the checkout that they stand in.",
)
@click.option(
    "--fail-over",
    "limit",
    metavar="PERCENT",
    help="End with code 1 if more of the cases than that come out otherwise: 0%, 1%, 2.5%.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for scripts.")
def diff(
    names: tuple[str, ...],
    config: Path | None,
    against: str,
    folder: Path | None,
    limit: str | None,
    as_json: bool,
) -> None:
    """Say what an edit changes before it is live: every case by the tables as they were, and as they are.

    The differences are grouped by the row that makes them, the row that changes most first: what it
    asks and answers otherwise, how many slots went and came, and how many answers lost all of theirs.
    What a case expects does not matter here; `gateway test` holds that.

    \b
    Examples:
      gateway diff
      gateway diff --against v1.4 --fail-over 1%
      gateway diff --against /srv/tables --json | jq '.changes[].row'

    Exit code 0, or 1 above --fail-over. 3: one of the two has faults.
    """
    from gateway.assemble import check_configuration
    from gateway.cases.diff import compared
    from gateway.cases.former import NoSuchTables, former

    most = _percent(limit)
    chosen = output.chosen(config)
    with output.faults_told("nothing was compared"):
        new = check_configuration(chosen.path, chosen.environ)
    tables = new.settings.mappings
    if tables is None:
        raise click.UsageError(f'{chosen.name} has no tables of its own: it has no "mappings:".')
    try:
        with former(tables, against) as (before, called):
            with output.faults_told(f"nothing was compared: these are the tables of {called}"):
                old = check_configuration(chosen.path, chosen.environ, mappings=before)
            with output.faults_told("nothing was compared"):
                picked = output.cases_of(tables, folder, names)
            with click.progressbar(length=len(picked), label="Comparing", file=sys.stderr) as bar:
                found = compared(old, new, picked, lambda _done: bar.update(1))
    except NoSuchTables as error:
        raise click.BadParameter(f"{error}.", param_hint="--against") from None
    if as_json:
        click.echo(output.json_text(_as_json(found, called)))
    else:
        for line in _lines(found, called):
            click.echo(line)
    over = most is not None and found.count and 100 * found.changed / found.count > most
    click.get_current_context().exit(output.WRONG if over or found.failed else 0)


def _percent(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise click.BadParameter("write a percentage from 0% to 100%.", param_hint="--fail-over")
    return value


def _lines(found: Compared, called: str) -> Iterator[str]:
    for change in found.changes:
        yield from _change(change, found.count)
        yield ""
    for name, why in found.failed:
        yield f"{click.style('wrong', fg='red', bold=True)}  {name}: {why}"
    if not found.count:
        yield "There are no cases yet: docs/cases.md says how to write one."
        return
    share = f"{found.changed} of {plural(found.count, 'case')}"
    yield f"{share} {'comes' if found.changed == 1 else 'come'} out otherwise than by the tables of {called}"


def _change(change: Change, count: int) -> Iterator[str]:
    title = "what cannot be told of one row"
    if change.row is not None:
        title = click.style(change.row.key, bold=True) + f" ({change.row.place})"
    yield f"{title} changed {len(change.cases)} of {count:,}"
    for name, first in list(change.fields.items())[:_FIELDS]:
        was, now = (_value(each) for each in (first.expected, first.got))
        yield f"    {name} {was} -> {now}"
    if (more := len(change.fields) - _FIELDS) > 0:
        yield f"    and {plural(more, 'other field')}"
    if change.lost or change.gained:
        yield f"    {plural(change.lost, 'slot')} went, {change.gained} came"
    if change.emptied:
        lost = "answer lost all its slots" if change.emptied == 1 else "answers lost all their slots"
        yield click.style(f"    {change.emptied} {lost}", fg="red")
    names = list(change.cases)
    rest = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    yield click.style(f"    in {', '.join(names[:_NAMES])}{rest}", dim=True)


def _value(value: Any) -> str:
    return "nothing" if value is None else output.one_line(value)


def _as_json(found: Compared, called: str) -> dict[str, Any]:
    return {
        "against": called,
        "cases": found.count,
        "changed": found.changed,
        "changes": [
            {
                "row": change.row.key if change.row is not None else None,
                "table": change.row.table if change.row is not None else None,
                "place": change.row.place if change.row is not None else None,
                "cases": list(change.cases),
                "fields": [
                    {"field": name, "before": first.expected, "after": first.got}
                    for name, first in change.fields.items()
                ],
                "slots": {"went": change.lost, "came": change.gained, "emptied": change.emptied},
            }
            for change in found.changes
        ],
        "failed": [{"case": name, "error": why} for name, why in found.failed],
    }
