"""``gateway schemas``: JSON Schemas for editors, beside a folder of tables."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli import output


@click.command()
@click.argument("tables", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Which files were written, as JSON.")
def schemas(tables: Path, as_json: bool) -> None:
    """Write JSON Schemas for editors beside the folder TABLES, into schemas/editor.

    With them an editor completes and explains keys, codecs, columns, code tables and rows (those of TABLES,
    too), and underlines what is none. A file says which is its own in its first line. See docs/editors.md.
    Write them anew when names have come or gone.

    \b
    Example:
      gateway schemas tables
    """
    from gateway.editors.names import names_in
    from gateway.editors.schemas import PLACE, line_for, rendered
    from gateway.files.written import write_whole
    from gateway.shipped import folder

    place = tables.absolute().parent / PLACE
    written = []
    for name, text in rendered(names_in([folder("mappings"), tables])).items():
        try:
            write_whole(place / name, text.encode())
        except OSError as error:
            reason = error.strerror or type(error).__name__
            output.fail(output.USAGE, f"cannot write {place / name}: {reason}")
        written.append(str(place / name))
    if as_json:
        click.echo(output.json_text({"written": written}))
        return
    for each in written:
        click.echo(f"Wrote {each}")
    example = Path("sites", "north", "query.yaml")
    click.echo(f"The first line of {tables.name}/{example} is then: {line_for(example)}", err=True)
