"""``gateway check``: the configuration and the tables of all its sites, every fault at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from gateway.cli import output

_SITES_SHOWN = 20
_SITES_NAMED = 5
# What becomes of a code where its table has no lines, by the row's `unmapped`.
_UNTRANSLATED = {
    "pass": "is looked for as it is",
    "error": "is always refused",
    "drop": "is always left out",
}
_ASKERS = {"redox": "Redox", "fhir": "FHIR clients"}


@click.command()
@output.config_option("Configuration to check; without it ./gateway.yaml, or the demo's if there is none.")
@click.option("--json", "as_json", is_flag=True, help="The summary, or the faults, as JSON on stdout.")
def check(config: Path | None, as_json: bool) -> None:
    """Check a configuration and the mapping tables of its sites.

    Everything is looked at before anything is said: keys, secrets, URLs, paths of both schemas,
    codecs, code tables, and every example of every row, run both ways. Each fault is one line,
    file:line:column: what is wrong, and what to write instead.

    \b
    Examples:
      gateway check
      gateway check --config /etc/gateway/gateway.yaml
      gateway check --json | jq '.sites[].tables'

    Exit code 3 if there is any fault.
    """
    began = time.perf_counter()
    chosen = output.chosen(config)
    from gateway.assemble import assemble, check_configuration
    from gateway.cli.summary import summary
    from gateway.files.marked import Faults

    with output.faults_told("the configuration cannot be served"):
        try:
            found = check_configuration(chosen.path, chosen.environ)
            assemble(found)
        except Faults as wrong:
            if as_json:
                click.echo(output.json_text({"ok": False, "faults": [_fault(each) for each in wrong.faults]}))
            raise
    told = summary(found)
    for remark in found.remarks:
        click.secho(f"remark: {remark}", fg="yellow", err=True)
    seconds = time.perf_counter() - began
    if as_json:
        click.echo(
            output.json_text({"ok": True, "config": str(chosen.path), **told, "seconds": round(seconds, 3)})
        )
    else:
        _tell(chosen.name, told, seconds)


def _fault(fault: Any) -> dict[str, Any]:
    return {"file": fault.file, "line": fault.line, "column": fault.column, "text": fault.text}


def _tell(name: str, told: dict[str, Any], seconds: float) -> None:
    sites = told["sites"]
    click.echo(f"{click.style(name, bold=True)}: {output.plural(len(sites), 'site')}")
    width = max(len(site["id"]) for site in sites)
    for site in sites[:_SITES_SHOWN]:
        asked = " and ".join(_ASKERS[each] for each in site["answers"])
        upstream = f"answers {asked}, dialect {site['dialect']} ({site['upstream']})"
        lines = output.plural(site["schedules"], "line") + " in schedules.csv"
        click.echo(
            f"  {site['id']:<{width}}  {upstream}, {site['timezone']}, {lines}, tables {site['tables']}"
        )
        click.echo(
            click.style(f"  {'':<{width}}  asks {site['address']}; token: {site['known_by']}", dim=True)
        )
    if len(sites) > _SITES_SHOWN:
        click.echo(f"  and {len(sites) - _SITES_SHOWN:,} more")
    _tell_of_sites(sites)
    for each in told["tables"]:
        click.echo()
        click.echo(f"{click.style('Tables', bold=True)} {each['hash']} (site {', '.join(each['sites'])})")
        for table in each["field_tables"]:
            click.echo(
                f"  {table['name']:<24} {output.plural(table['rows'], 'row'):>8}: {table['both']} both ways, "
                f"{table['one_way']} one way, {table['ignore']} not carried"
            )
        _tell_examples(each)
        _tell_codes(each)
        for wish in each["unchecked"]:
            click.echo(f"  not checked: {wish['row']}, as codes/{wish['code_table']}.csv has no lines")
    if unused := told["dialects_not_in_use"]:
        click.echo()
        click.echo(f"Dialects of your own that no site speaks: {', '.join(unused)}")
    if needing := told["need_public_url"]:
        click.echo()
        text = "is missing: behind a proxy, links in answers to FHIR clients name this host as that calls it"
        click.echo(f"server.public_url {text} ({_named(needing)})")
    click.echo()
    click.echo(f"{click.style('No faults', fg='green', bold=True)} ({seconds:.2f} s)")


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
