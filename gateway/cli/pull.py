"""``gateway directory pull``: a draft of ``schedules.csv`` from the live EHR."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import output

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Any

    from gateway.assemble import Application, Served
    from gateway.core.directory import Cells, Directory

_DRIFT_SHOWN = 20


@click.group()
def directory() -> None:
    """The schedule directory of a site: who works where, on which schedule."""


@directory.command()
@output.config_option("The configuration with the site.", default="gateway.yaml")
@click.option("--site", "-s", required=True, help="The site whose EHR is asked.")
@click.option(
    "--output",
    "-o",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write; without it stdout.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option(
    "--all", "whole", is_flag=True, help="With what the EHR tells anyway, which then stays as it is."
)
def pull(config: Path, site: str, file: Path | None, force: bool, whole: bool) -> None:
    """Ask the EHR for its schedules and write a draft of schedules.csv.

    Columns of the site's present schedules.csv, and its filled cells, are kept. What the EHR tells stays
    empty, so that it goes on telling it: a filled cell wins over the EHR's own. What it cannot tell (often
    the department and the room) is named on stderr: fill it in. So is where the file differs from the EHR.
    An actor that the EHR does not list has at least the name that its Schedule writes (actor.display).

    \b
    Examples:
      gateway directory pull --site demo
      gateway directory pull --site north --output tables/sites/north/schedules.csv

    Exit code 4, and no draft, if the EHR could not be asked for all of it.
    """
    from gateway.assemble import assemble, check_configuration
    from gateway.cli.actor_names import with_names
    from gateway.core.directory import join

    _check_output(file, force)
    with output.faults_told("nothing was asked"):
        application = assemble(check_configuration(config, os.environ), clock=output.clock())
    served = _served(application, site, config)
    names: dict[str, Cells] = {}
    found = _found(application, served, names)
    gone = _gone(found, served)
    merged, _ = join(found.lines, served.tables.schedules, upstream_known=True)
    lines = with_names(merged if whole else _left(found, served), merged, names)
    text = _csv(lines, served, gone, lines if whole else ())
    if file is None:
        click.echo(text, nl=False)
    else:
        _write(file, text)
        click.echo(f"Wrote {output.plural(len(found.lines), 'schedule')} to {file}.", err=True)
    named = with_names(merged, merged, names)
    _tell_gaps(named)
    _tell_names(merged, named)
    _tell_drift(found, served)
    if gone:
        text = f"schedules that the EHR does not list, kept at the end of the draft: {len(gone)}"
        click.echo(f"{text}; delete them if they are gone for good", err=True)


def _check_output(file: Path | None, force: bool) -> None:
    """Refuses a file that is not to be written, before anybody is asked."""
    if file is not None and os.path.lexists(file) and not force:
        raise click.UsageError(f"{file} exists; choose another --output, or overwrite it with --force.")
    if file is not None and os.path.lexists(file) and not os.path.isfile(file):
        raise click.UsageError(f"{file} is not a plain file; choose another --output.")


def _write(file: Path, text: str) -> None:
    """The draft into the file, whose folder is made; or the end of the command."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        output.fail(output.USAGE, f"cannot write {file}: {reason}; choose another --output")


def _served(application: Application, site: str, config: Path) -> Served:
    """The site of that id, which must have somebody to ask."""
    served = next((each for each in application.sites if each.rules.id == site), None)
    if served is None:
        raise output.no_site(site, (each.rules.id for each in application.sites), str(config))
    if not served.tables.directory_calls():
        raise click.UsageError(f'The dialect of site "{site}" has no directory to ask; write schedules.csv.')
    return served


def _found(application: Application, served: Served, names: dict[str, Cells]) -> Directory:
    """All of the directory as the EHR tells it, or the end of the command."""
    from gateway.core.errors import GatewayError

    try:
        found = output.run(_asked(application, served, names))
    except GatewayError as error:
        output.tell_issues(error.issues)
        output.fail(output.UPSTREAM, f"no draft was written; {_asked_at(application, served.rules.id)}")
    output.tell_issues(found.issues)
    if found.incomplete:
        missing = "a part of the directory is missing, so no draft was written"
        output.fail(output.UPSTREAM, f"{missing}; {_asked_at(application, served.rules.id)}")
    return found


def _asked_at(application: Application, site: str) -> str:
    """Whom it was that did not answer."""
    upstream = next(each.upstream for each in application.settings.sites if each.id == site)
    return f"the EHR of site {site} is at {output.address(upstream)}"


async def _asked(application: Application, served: Served, names: dict[str, Cells]) -> Directory:
    """The directory as the EHR alone tells it, by the flow that queries use; into ``names`` go those that
    Schedules write of their actors. Raises GatewayError."""
    from gateway.cli.actor_names import noting
    from gateway.cli.progress import waiting
    from gateway.core.flows import directory_of
    from gateway.core.plan import Reply
    from gateway.web.exchange import new_request_id

    brought: list[Directory] = []

    def flow() -> Generator[Any, Any, Reply]:
        alone = replace(served.tables, schedules=())
        brought.append((yield from noting(directory_of(served.rules, alone, output.clock()()), names)))
        return Reply(200, b"", "text/csv")

    targets = ", ".join(call.target for call in served.tables.directory_calls())
    try:
        async with waiting(f"Asking the EHR of site {served.rules.id}: {targets}"):
            await application.service.run(
                flow(),
                served.upstream,
                site=served.rules.id,
                request_id=new_request_id(),
                deadline_seconds=served.deadline_seconds,
                state_version=served.tables.hash,
            )
    finally:
        await application.close()
    return brought[0]


def _gone(found: Directory, served: Served) -> list[Cells]:
    """The lines of the present file whose schedules the EHR does not list: a person has written them."""
    listed = {line["schedule"] for line in found.lines}
    return [line for line in served.tables.schedules if line["schedule"] not in listed]


def _left(found: Directory, served: Served) -> list[Cells]:
    """The lines that the file needs: of each schedule of the EHR's what the EHR does not tell just so."""
    own = {line["schedule"]: line for line in served.tables.schedules}
    lines: list[Cells] = []
    for told in found.lines:
        written = own.get(told["schedule"], {})
        kept = {name: cell for name, cell in written.items() if cell != told.get(name)}
        lines.append({**kept, "schedule": told["schedule"]})
    return lines


def _csv(lines: Sequence[Cells], served: Served, gone: Sequence[Cells], filled: Sequence[Cells]) -> str:
    from gateway.files.cells import csv_text

    columns = _columns(filled, served)
    return csv_text([columns, *([line.get(name, "") for name in columns] for line in (*lines, *gone))])


def _columns(filled: Sequence[Cells], served: Served) -> list[str]:
    """The usual columns, and in the order of the directory table those that the present file has or that are
    filled."""
    from gateway.tables.read.code_tables import SCHEDULE_COLUMNS

    wanted = {name for line in filled for name, cell in line.items() if cell}
    wanted |= {name for line in served.tables.schedules for name in line}
    rows = [row.directory for row in served.tables.tables["directory"].rows if row.directory is not None]
    return list(dict.fromkeys([*SCHEDULE_COLUMNS, *(name for name in rows if name in wanted)]))


def _tell_gaps(lines: Sequence[Cells]) -> None:
    """Which cells nobody told, by column."""
    from gateway.tables.read.code_tables import SCHEDULE_COLUMNS

    for name in SCHEDULE_COLUMNS:
        empty = sum(1 for line in lines if not line.get(name))
        if empty and name != "timezone":
            click.echo(f"{name}: the EHR does not tell it for {empty} of {len(lines)}", err=True)


def _tell_names(lines: Sequence[Cells], named: Sequence[Cells]) -> None:
    """For how many the draft has no more than how their Schedule names them."""
    count = sum(1 for line, more in zip(lines, named, strict=True) if line != more)
    if count:
        text = f"names taken from Schedule.actor.display: of {output.plural(count, 'schedule')}"
        click.echo(f"{text}, as the EHR lists no such Practitioner or Location; look them through", err=True)


def _tell_drift(found: Directory, served: Served) -> None:
    """Where the present file says otherwise than the EHR; it is the file that counts."""
    from gateway.core.directory import shown

    own = {line["schedule"]: line for line in served.tables.schedules}
    differing = [
        f'{shown(told["schedule"])}: {name} is "{shown(cell)}" in the file, "{shown(told[name])}" in the EHR'
        for told in found.lines
        for name, cell in own.get(told["schedule"], {}).items()
        if cell and told.get(name) and cell != told[name]
    ]
    for line in differing[:_DRIFT_SHOWN]:
        click.echo(line, err=True)
    if len(differing) > _DRIFT_SHOWN:
        click.echo(f"and {len(differing) - _DRIFT_SHOWN} more cells that differ", err=True)
