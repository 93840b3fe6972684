"""``gateway export``: the effective tables of a site with each cell's origin."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import output
from gateway.cli.show import site_options, unknown, view_of

if TYPE_CHECKING:
    from gateway.sheets.book import Book, Sheet

FORMATS = ("md", "html", "csv", "json", "xlsx", "conceptmap")


@click.command()
@click.argument("names", nargs=-1, metavar="[TABLE]...")
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(FORMATS),
    default="md",
    show_default=True,
    help="conceptmap: one code table as a FHIR ConceptMap.",
)
@site_options
@click.option(
    "--output",
    "-o",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write; without it stdout (but for xlsx).",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
def export(
    names: tuple[str, ...],
    form: str,
    config: Path | None,
    site: str | None,
    dialect: str | None,
    file: Path | None,
    force: bool,
) -> None:
    """Write the effective tables of a site, each cell with the layer and the file:line that it is from.

    For sign-off (md, html, csv), for a script (json), or to be edited in a spreadsheet and taken back by
    gateway import (xlsx). Without TABLE: all of them; code tables and schedules, too. See docs/sheets.md.

    \b
    Examples:
      gateway export --site north --format html --output north.html
      gateway export --site north --format xlsx --output north.xlsx
      gateway export visit-types --site north --format conceptmap
    """
    from gateway.files.written import write_whole

    if form == "xlsx" and file is None:
        raise click.UsageError("A spreadsheet is no text for a terminal: name a file by --output.")
    if file is not None and os.path.lexists(file) and not force:
        raise click.UsageError(f"{file} exists; choose another --output, or overwrite it with --force.")
    view, whose = view_of(config, site, dialect)
    book = _picked(view.book(), names)
    content = _content(book, form)
    if file is None:
        click.echo(content.decode("utf-8"), nl=False)
        return
    try:
        write_whole(file, content)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        output.fail(output.USAGE, f"cannot write {file}: {reason}; choose another --output")
    click.echo(f"Wrote {output.plural(len(book.sheets), 'table')} of {whose} to {file}.", err=True)


def _picked(book: Book, names: tuple[str, ...]) -> Book:
    from dataclasses import replace

    for name in names:
        if book.sheet(name) is None:
            unknown("table", name, {each.name: each for each in book.sheets})
    return replace(book, sheets=tuple(each for each in book.sheets if not names or each.name in names))


def _content(book: Book, form: str) -> bytes:
    if form == "xlsx":
        from gateway.sheets.workbook import TooLong, written

        try:
            return written(book)
        except TooLong as why:
            raise click.UsageError(f"{why}; choose another --format.") from None
    from gateway.sheets import pages

    if form == "json":
        return (output.json_text(pages.as_json(book)) + "\n").encode()
    if form == "conceptmap":
        return (output.json_text(_concept_map(book.sheets)) + "\n").encode()
    as_text = {"md": pages.as_markdown, "html": pages.as_html, "csv": pages.as_csv}[form]
    return as_text(book).encode()


def _concept_map(sheets: tuple[Sheet, ...]) -> object:
    from gateway.sheets.conceptmap import concept_map

    codes = [each for each in sheets if each.kind == "codes"]
    if len(sheets) != 1 or not codes:
        raise click.UsageError("A ConceptMap is of one code table: name it, as visit-types.")
    lines = [dict(zip(codes[0].columns, line.cells, strict=True)) for line in codes[0].lines]
    return concept_map(codes[0].name, lines)
