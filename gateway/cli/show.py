"""``gateway show``: the effective tables, the code made of them, the schemas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from gateway.cli import output

if TYPE_CHECKING:
    from gateway.cli.views import View


@click.group()
def show() -> None:
    """Show what the gateway works with: tables, the code made of them, schemas."""


def site_options(command: Any) -> Any:
    """Whose tables are meant: ``config``, ``site``, ``dialect``."""
    for option in (
        click.option("--dialect", help="The tables of this dialect, without a site (default: canvas)."),
        click.option("--site", "-s", help="The site of the configuration; the first one if it is left out."),
        output.config_option(
            "The configuration with the site; without it ./gateway.yaml, or the shipped tables alone."
        ),
    ):
        command = option(command)
    return command


@show.command()
@click.argument("name", required=False)
@site_options
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def table(
    name: str | None, config: Path | None, site: str | None, dialect: str | None, as_json: bool
) -> None:
    """Show an effective table, every cell with its layer and its file:line.

    Without NAME: the tables that there are. Rows that a layer drops stand at the end. "shipped:" is the
    folder of tables that comes with the package.

    \b
    Examples:
      gateway show table
      gateway show table dialect --dialect oracle-millennium
      gateway show table available-slots.query
      gateway show table visit-types --config gateway.yaml --site north
      gateway show table directory --json | jq '.rows[].key'
    """
    view, _ = view_of(config, site, dialect)
    known = view.tables()
    if name is None:
        if as_json:
            click.echo(output.json_text([{"name": key, **told} for key, told in known.items()]))
            return
        width = max(map(len, known))
        for key, told in known.items():
            click.echo(f"{key:<{width}}  {output.plural(told['rows'], 'row'):>8}  {told['about']}")
        return
    if name not in known:
        unknown("table", name, known)
    if as_json:
        click.echo(output.json_text(view.table(name)))
    else:
        from gateway.cli.views import lines_of

        for line in lines_of(view.table(name)):
            click.echo(line)


@show.command()
@click.argument("name", required=False)
@site_options
def code(name: str | None, config: Path | None, site: str | None, dialect: str | None) -> None:
    """Show the Python that a table was compiled to. Without NAME: which there is.

    \b
    Examples:
      gateway show code
      gateway show code available-slots.answer
    """
    known = view_of(config, site, dialect)[0].codes()
    if name is None:
        for each in known:
            click.echo(each)
    elif name not in known:
        unknown("compiled table", name, known)
    else:
        click.echo(known[name], nl=False)


@show.command()
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Show a JSON Schema: of the configuration, of tables, of messages. Without NAME: which there are.

    \b
    Examples:
      gateway show schema configuration
      gateway show schema AvailableSlots
      gateway show schema fhir/Slot
    """
    from gateway.shipped import folder

    top = folder("schemas")
    files = {str(path.relative_to(top).with_suffix("")): path for path in sorted(top.rglob("*.json"))}
    if name is None:
        for each in files:
            click.echo(each)
        return
    wanted = name.removesuffix(".json")
    found = files.get(wanted) or next((files[each] for each in files if each.endswith(f"/{wanted}")), None)
    if found is None:
        unknown("schema", name, files)
    click.echo(found.read_text("utf-8"), nl=False)


def view_of(config: Path | None, site: str | None, dialect: str | None) -> tuple[View, str]:
    """The tables that are meant, and whose they are; what was not said is told."""
    from gateway.assemble import UnknownSite
    from gateway.cli.views import configured, of_dialect

    if site is not None and dialect is not None:
        raise click.UsageError("A site has its dialect: give --site or --dialect, not both.")
    chosen = output.chosen(config)
    shipped_alone = chosen.path == output.DEMO
    if shipped_alone and site is not None:
        text = "--site needs a configuration: there is no gateway.yaml here, so name one with --config."
        raise click.UsageError(text)
    with output.faults_told("nothing can be shown"):
        if shipped_alone:
            dialect = dialect or "canvas"
            view, whose = (
                of_dialect(None, dialect, "demo"),
                f"the shipped tables, dialect {dialect}, site demo",
            )
        else:
            try:
                view, whose = configured(chosen, site, dialect)
            except UnknownSite as unknown:
                raise output.no_site(site, unknown.names, chosen.name) from None
    if not chosen.named or (site is None and dialect is None and "--site chooses" in whose):
        output.using(whose)
    return view, whose


def unknown(what: str, name: str, known: Any) -> NoReturn:
    """That there is no such one; with the nearest of those that there are."""
    from gateway.files.marked import nearest

    near = nearest(name, [*known, *(each.rpartition("/")[2] for each in known)], 1)
    hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(known)}"
    raise click.BadParameter(f'There is no {what} "{name}"; {hint}', param_hint="NAME")
