"""What ``gateway check`` tells a person of a configuration without faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import output

if TYPE_CHECKING:
    from gateway.assemble import Verdict

_FEW = 6  # sites of which all is told
_SITES_NAMED = 5
_PLACES_NAMED = 3
# What becomes of a code where its table has no lines, by the row's `unmapped`.
_UNTRANSLATED = {
    "pass": "is looked for as it is",
    "error": "is always refused",
    "drop": "is always left out",
}
_ASKERS = {"redox": "Redox", "fhir": "FHIR clients"}


def tell(name: str, told: dict[str, Any], seconds: float) -> None:
    """Prints the summary. Of many sites each is one line, and the tables are told of by --site alone."""
    sites, tables = told["sites"], told["tables"]
    few = len(sites) <= _FEW
    click.echo(f"{click.style(name, bold=True)}: {output.plural(len(sites), 'site')}")
    width = max(len(site["id"]) for site in sites)
    for site in sites:
        asked = " and ".join(_ASKERS[each] for each in site["answers"])
        upstream = f"answers {asked}, dialect {site['dialect']} ({site['upstream']})"
        lines = output.plural(site["schedules"], "line") + " in schedules.csv"
        click.echo(
            f"  {site['id']:<{width}}  {upstream}, {site['timezone']}, {lines}, tables {site['tables']}"
        )
        if few:
            click.echo(
                click.style(f"  {'':<{width}}  asks {site['address']}; token: {site['known_by']}", dim=True)
            )
    _tell_of_sites(sites)
    for each in tables if few else ():
        _tell_tables(each)
    if not few:
        click.echo()
        click.echo(f"{output.plural(len(tables), 'set')} of tables; --site tells of that of one site")
        wishes = Counter((wish["row"], wish["code_table"]) for each in tables for wish in each["unchecked"])
        for (row, table), count in wishes.items():
            where = f"not checked in {output.plural(count, 'set')}"
            click.echo(f"  {where}: {row}, as codes/{table}.csv has no lines")
    _tell_rest(told)
    click.echo()
    click.echo(f"{click.style('No faults', fg='green', bold=True)} ({seconds:.2f} s)")


def tell_verdicts(sites: Sequence[Verdict]) -> None:
    """Prints a line for each of several sites: whether anything is wrong with it, and where."""
    from gateway.files.marked import Mark

    if len(sites) < 2:
        return
    width = max(len(each.site) for each in sites)
    for each in sites:
        marks = list(dict.fromkeys(str(Mark(one.file, one.line, one.column)) for one in each.faults))
        more = f" and {len(marks) - _PLACES_NAMED:,} more places" if len(marks) > _PLACES_NAMED else ""
        count = output.plural(len(each.faults), "fault") if marks else "no faults"
        styled = click.style(count, fg="red" if marks else "green")
        click.echo(f"  {each.site:<{width}}  {styled}  {', '.join(marks[:_PLACES_NAMED])}{more}".rstrip())
    faulty = sum(1 for each in sites if each.faults)
    click.echo(f"{faulty:,} site{'s have' if faulty != 1 else ' has'} faults, of {len(sites):,}")


def _tell_tables(told: dict[str, Any]) -> None:
    click.echo()
    click.echo(f"{click.style('Tables', bold=True)} {told['hash']} (site {', '.join(told['sites'])})")
    for table in told["field_tables"]:
        click.echo(
            f"  {table['name']:<24} {output.plural(table['rows'], 'row'):>8}: {table['both']} both ways, "
            f"{table['one_way']} one way, {table['ignore']} not carried"
        )
    _tell_examples(told)
    _tell_codes(told)
    for wish in told["unchecked"]:
        click.echo(f"  not checked: {wish['row']}, as codes/{wish['code_table']}.csv has no lines")
    for field in told["not_looked_at"]:
        click.echo(f"  not looked at: {field}, whatever a query says there")


def _tell_rest(told: dict[str, Any]) -> None:
    """What is to be known of the configuration as a whole."""
    if unused := told["dialects_not_in_use"]:
        click.echo()
        click.echo(f"Dialects of your own that no site speaks: {_named(unused)}")
    if needing := told["need_public_url"]:
        click.echo()
        text = "is missing, and no proxy that may be in front is in server.trusted_proxies: behind one, "
        text += "links in answers to FHIR clients name this host as that calls it"
        click.echo(f"server.public_url {text} ({_named(needing)})")


def _tell_codes(told: dict[str, Any]) -> None:
    counts, shipped = told["code_tables"], told["as_shipped"]
    own = [f"{name} {count}" for name, count in counts.items() if name not in shipped]
    others = [f"{name} {counts[name]}" for name in shipped]
    click.echo(
        f"  code tables: {', '.join(own) or 'none of your own'}; as shipped: {', '.join(others) or 'none'}"
    )
    for each in told["untranslated"]:
        text = (
            f"  no lines in codes/{each['code_table']}.csv: {each['row']} {_UNTRANSLATED[each['unmapped']]}"
        )
        click.echo(text)


def _tell_of_sites(sites: list[dict[str, Any]]) -> None:
    """What is to be known of single sites, each text once with the sites of which it is so."""
    found: dict[str, list[str]] = {}
    for site in sites:
        if files := site["examples_in_force"]:
            found.setdefault(f"in force are examples of the package: {', '.join(files)}", []).append(
                site["id"]
            )
        columns: dict[tuple[str, bool], list[str]] = {}
        for each in site["unchecked_columns"]:
            columns.setdefault((each["column"], each["ehr"]), []).append(each["row"])
        for (column, ehr), rows in columns.items():
            unless = ", unless the EHR tells it" if ehr else ""
            text = f"not checked: {', '.join(rows)}, as schedules.csv has no {column}{unless}"
            found.setdefault(text, []).append(site["id"])
    if found:
        click.echo()
    for text, names in found.items():
        click.echo(f"  {_named(names)}: {text}")


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _SITES_NAMED:,} more" if len(names) > _SITES_NAMED else ""
    return ", ".join(names[:_SITES_NAMED]) + more


def _tell_examples(told: dict[str, Any]) -> None:
    """What the examples show of the rows, and what no example shows."""
    untold = told["lossy_without_example"]
    lossy = f", of which {len(untold)} say that they lose something" if untold else ""
    click.echo(
        f"  {output.plural(told['examples'], 'example')} run there and back: "
        f"{output.plural(told['lossless'], 'row')} lossless, {len(told['lossy'])} lossy as declared; "
        f"{told['without_example']} without an example{lossy}"
    )
    for row in (*told["lossy"], *untold):
        text = f"    {row['table']}, {row['row']}: loses {row['loses']}"
        click.echo(click.style(text + (" (no example)" if row in untold else ""), dim=True))
