"""``gateway check``: the configuration and the tables of all its sites, every fault at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import output

if TYPE_CHECKING:
    from gateway.assemble import Verdict
    from gateway.files.marked import Fault, Faults


@click.command()
@output.config_option("Configuration to check; without it ./gateway.yaml, or the demo's if there is none.")
@click.option("--json", "as_json", is_flag=True, help="The summary, or the faults, as JSON on stdout.")
@click.option("--site", "-s", "only", help="Check this site alone, with all that is told of it.")
def check(config: Path | None, as_json: bool, only: str | None) -> None:
    """Check a configuration and the mapping tables of its sites.

    Everything is looked at before anything is said: keys, secrets, URLs, paths of both schemas,
    codecs, code tables, and every example of every row, run both ways. Each fault is one line,
    file:line:column: what is wrong, and what to write instead. Of many sites each is one line, which says
    whether it has faults and where; --site tells all of one.

    \b
    Examples:
      gateway check
      gateway check --config /etc/gateway/gateway.yaml
      gateway check --site north
      gateway check --json | jq '.sites[].tables'

    Exit code 3 if there is any fault.
    """
    began = time.perf_counter()
    chosen = output.chosen(config)
    from gateway.assemble import FaultySites, UnknownSite, assemble, check_configuration, verdicts
    from gateway.cli.check_page import tell, tell_verdicts
    from gateway.cli.summary import summary
    from gateway.files.characters import plain_line
    from gateway.files.marked import Faults

    with output.faults_told("the configuration cannot be served"):
        names: dict[int, str] = {}
        try:
            found = check_configuration(chosen.path, chosen.environ, only)
            names = {position: site.id for position, site in enumerate(found.settings.sites)}
            assemble(found)
        except UnknownSite as unknown:
            raise output.no_site(only, unknown.names, chosen.name) from None
        except Faults as wrong:
            sites = verdicts(names, wrong.faults, {})
            if isinstance(wrong, FaultySites):
                sites = wrong.sites
            if as_json:
                click.echo(output.json_text(_faulty(wrong, sites)))
            else:
                tell_verdicts(sites)
            raise
    told = summary(found, whole=only is None)
    for remark in found.remarks:
        click.secho(f"remark: {remark}", fg="yellow", err=True)
    seconds = time.perf_counter() - began
    if as_json:
        click.echo(
            output.json_text(
                {"ok": True, "config": plain_line(str(chosen.path)), **told, "seconds": round(seconds, 3)}
            )
        )
    else:
        tell(chosen.name, told, seconds)


def _faulty(wrong: Faults, sites: Sequence[Verdict]) -> dict[str, Any]:
    told = [{"id": each.site, "faults": [_fault(one) for one in each.faults]} for each in sites]
    return {"ok": False, "faults": [_fault(each) for each in wrong.faults], "sites": told}


def _fault(fault: Fault) -> dict[str, Any]:
    return {"file": fault.file, "line": fault.line, "column": fault.column, "text": fault.text}
