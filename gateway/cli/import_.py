"""``gateway import``: edits made in a spreadsheet come back into the files of a layer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.assemble import CheckedConfiguration
    from gateway.sheets.changes import Change
    from gateway.sheets.reading import TypedSheet
    from gateway.sheets.taking import Taken

_SHOWN = 200
LAYERS = ("site", "like", "dialect", "base")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@output.config_option("The configuration with the site.", default="gateway.yaml")
@click.option("--site", "-s", help="Of a ConceptMap: the site; a workbook says which it is of.")
@click.option("--table", help="Of a ConceptMap: the code table; one of ours says which it is.")
@click.option(
    "--layer",
    type=click.Choice(LAYERS),
    default="site",
    show_default=True,
    help="Where edits go: the site's own folder, what it is like, its dialect, or base.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for scripts.")
def import_(
    file: Path,
    config: Path,
    site: str | None,
    table: str | None,
    layer: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take the edits of FILE, an .xlsx workbook of gateway export or a FHIR ConceptMap, back into the tables.

    YAML and CSV files of the layer are edited in place: comments and order stay. Nothing is written unless
    the resulting tables pass the check of all sites and every edit comes out; what would not is told by
    sheet, row and column. Lines that a ConceptMap does not have stay. See docs/sheets.md.

    \b
    Examples:
      gateway import north.xlsx --dry-run
      gateway import north.xlsx
      gateway import visit-types.json --site north

    Exit code 1 if the tables are no longer those that were exported, 3 if an edit cannot be made.
    """
    from gateway.assemble import check_configuration
    from gateway.sheets import taking

    content = output.file_named(file, "FILE")
    with output.faults_told("nothing was changed"):
        checked = check_configuration(config, os.environ)
        if checked.settings.mappings is None:
            raise click.UsageError(f'{config} has no "mappings:", so there are no files of your own to edit.')
        position, sheets = _asked(checked, content, file, site, table, config)
        below = taking.folder_of(checked, position, layer)
        if below is None:
            raise click.BadParameter("This site is like no other.", param_hint="--layer")
        taken = taking.take(checked, position, sheets, below)
    if not as_json:
        _tell_edits(taken.changes)
    if not dry_run:
        _write(taken)
    _tell_files(taken, as_json=as_json, dry_run=dry_run)


def _write(taken: Taken) -> None:
    from gateway.sheets.taking import Changed

    try:
        taken.write()
    except Changed as changed:
        output.fail(output.WRONG, f"{changed} has been changed meanwhile; nothing was written. Import again.")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        output.fail(output.WRONG, f"cannot write {error.filename}: {reason}; nothing was changed")


def _asked(
    checked: CheckedConfiguration,
    content: bytes,
    file: Path,
    site: str | None,
    table: str | None,
    config: Path,
) -> tuple[int, tuple[TypedSheet, ...]]:
    """Whose tables, and what has been edited. Ends the command where they are others than were exported."""
    from gateway.core.values import BOM
    from gateway.sheets import taking

    names = [each.id for each in checked.settings.sites]
    if content.removeprefix(BOM).lstrip()[:1] == b"{":
        if site is None and len(names) > 1:
            raise click.UsageError(f"Say which --site: {', '.join(names)}.")
        position = _position(names, site or names[0], config)
        return position, (_of_concept_map(checked, position, content, file, table),)
    from gateway.sheets.reading import read_workbook

    book = read_workbook(content, file.name)
    if site is not None and site != book.site:
        text = f"The workbook is of the site {book.site}; export that of {site}."
        raise click.BadParameter(text, param_hint="--site")
    position = _position(names, book.site, config)
    if taking.book_of(checked, position, checked.settings.mappings).hash != book.hash:
        text = f"the tables of {book.site} have been changed since {file} was exported; export them anew"
        output.fail(output.WRONG, f"{text}, and make the edits there")
    return position, book.sheets


def _position(names: list[str], site: str, config: Path) -> int:
    if site not in names:
        raise output.no_site(site, names, str(config))
    return names.index(site)


def _of_concept_map(
    checked: CheckedConfiguration, position: int, content: bytes, file: Path, table: str | None
) -> TypedSheet:
    import json

    from gateway.files.marked import Faults, Mark
    from gateway.sheets import taking
    from gateway.sheets.conceptmap import NotConceptMap, lines_of
    from gateway.sheets.mapped import typed_sheet

    try:
        name, lines = lines_of(json.loads(content.decode("utf-8-sig")))
    except NotConceptMap as wrong:
        raise Faults([Mark(file.name, 1, 1).fault(str(wrong))]) from None
    except (ValueError, RecursionError):
        raise Faults([Mark(file.name, 1, 1).fault("is no JSON")]) from None
    wanted = table or name
    if not wanted:
        raise click.UsageError("Say by --table which code table this ConceptMap is.")
    sheet = taking.book_of(checked, position, checked.settings.mappings).sheet(wanted)
    if sheet is None or sheet.kind != "codes":
        raise click.BadParameter(f'There is no code table "{wanted}".', param_hint="--table")
    return typed_sheet(sheet, lines, file.name)


def _tell_edits(edits: Sequence[Change]) -> None:
    if not edits:
        click.echo("Nothing is otherwise than it was exported.")
    table = ""
    for each in edits[:_SHOWN]:
        if each.table != table:
            table = each.table
            click.secho(table, bold=True)
        click.echo(f"  {each}")
    if len(edits) > _SHOWN:
        click.echo(f"and {len(edits) - _SHOWN:,} more edits, which --json tells all")


def _tell_files(taken: Taken, *, as_json: bool, dry_run: bool) -> None:
    from gateway.tables.read.layers import shown

    files = {shown(path): _done(*both) for path, both in taken.files.items()}
    if as_json:
        edits = [{"table": each.table, "edit": str(each)} for each in taken.changes]
        click.echo(output.json_text({"written": not dry_run, "edits": edits, "files": files}))
        return
    for path, done in files.items():
        click.echo(f"{click.style(f'would be {done}' if dry_run else done, fg='green')}  {path}")


def _done(before: bytes | None, after: bytes | None) -> str:
    if before is None:
        return "written"
    return "removed" if after is None else "changed"
