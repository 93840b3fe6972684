"""``gateway test``: every row's examples, and every case of the tables' folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import output
from gateway.cli.explain_page import elsewhere
from gateway.cli.output import plural
from gateway.explain.told import named

if TYPE_CHECKING:
    from gateway.assemble import CheckedConfiguration
    from gateway.cases.case import Case
    from gateway.cases.run import Difference, Ran

_SHOWN = 40


@click.command("test")
@output.case_options
@output.config_option("The configuration whose tables are tried; without it ./gateway.yaml, or the demo's.")
@click.option("--bless", is_flag=True, help="Show what differs, then write it down as what is expected.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for scripts.")
def test(
    names: tuple[str, ...], config: Path | None, folder: Path | None, bless: bool, as_json: bool
) -> None:
    """Try the tables: every row's examples both ways, and every case, offline.

    A case is a folder below cases/: request.json (a Redox message) or search.txt (a FHIR search), what the
    upstream answers (upstream/*.json), and what is expected: searches.json and answer.json, which --bless
    writes. case.yaml may name the site, and the time of the answer. See docs/cases.md.

    \b
    Examples:
      gateway test
      gateway test no-slot-on-tuesday --bless
      gateway test --json | jq '.cases[] | select(.passed | not)'

    Exit code 0 if all came out as expected, 1 if a case did not, 3 if the tables have faults (an
    example that does not come out is one).
    """
    from gateway.assemble import check_configuration

    chosen = output.chosen(config)
    with output.faults_told("nothing was tried"):
        found = check_configuration(chosen.path, chosen.environ)
        picked = output.cases_of(found.settings.mappings, folder, names)
    if not chosen.named:
        output.using(chosen.name)
    left = _tried(found, picked, bless=bless, as_json=as_json)
    click.get_current_context().exit(output.WRONG if left else 0)


def _tried(found: CheckedConfiguration, picked: Sequence[Case], *, bless: bool, as_json: bool) -> int:
    """Run them; gives back how many do not come out as is written, now."""
    from gateway.cases import run as running
    from gateway.core.errors import GatewayError

    told: list[dict[str, Any]] = []
    failed = written = 0
    for case in picked:
        try:
            ran = running.run(found, case)
        except GatewayError as error:
            failed += 1
            told.append(
                {
                    "case": case.name,
                    "passed": False,
                    "unwritten": [],
                    "error": str(error),
                    "differences": [],
                }
            )
            if not as_json:
                click.echo(f"{click.style('wrong', fg='red', bold=True)}  {case.name}: {error}")
            continue
        differs = bool(ran.differences or ran.unwritten)
        failed += differs
        told.append(_as_json(ran))
        if not as_json:
            for line in _lines(ran, bless=bless):
                for part in output.fitted(line):
                    click.echo(part)
        if bless and differs:
            running.bless(ran)
            written += 1
    examples = _examples(found)
    if as_json:
        click.echo(output.json_text({"examples": examples, "cases": told}))
    else:
        click.echo(_summary(len(picked), failed, examples, written))
    return failed - written


def _summary(count: int, failed: int, examples: int, written: int) -> str:
    """The last line."""
    held = f"{plural(examples, 'example')} of rows held"
    if not count:
        return f"{held}; there are no cases yet: docs/cases.md says how to write one"
    if not failed:
        return f"{held}; {plural(count, 'case')} came out as expected"
    left = failed - written
    told = [f"{plural(written, 'case')} written as {'they' if written > 1 else 'it'} came out now"]
    told = told * bool(written) + [f"{left} of {plural(count, 'case')} came out otherwise"] * bool(left)
    text = "; ".join([held, *told])
    return click.style(text, fg="red") if left else text


def _examples(found: CheckedConfiguration) -> int:
    """How many examples the rows in force have; each was run when the tables were checked."""
    rows = {id(row): row for each in found.tables for table in each.tables.values() for row in table.rows}
    return sum(len(row.examples) for row in rows.values())


def _lines(ran: Ran, *, bless: bool) -> Iterator[str]:
    """What a case came to: what differs, and of one that is not written down yet what came out."""
    if not ran.differences and not ran.unwritten:
        yield f"{click.style('ok', fg='green')}     {ran.case.name}"
        return
    if ran.unwritten:
        missing = " and ".join(ran.unwritten)
        hint = "now written" if bless else "--bless writes what comes out now"
        yield f"{click.style('new', fg='yellow')}    {ran.case.name}: has no {missing}; {hint}"
    else:
        yield f"{click.style('wrong', fg='red', bold=True)}  {ran.case.name}"
    groups: dict[object, list[Difference]] = {}
    for each in ran.differences:
        groups.setdefault((each.of, named(each.path), each.row and each.row.place), []).append(each)
    for alike in list(groups.values())[:_SHOWN]:
        yield from _difference(alike[0], len(alike) - 1)
    if (more := len(groups) - _SHOWN) > 0:
        yield f"    and {more} other fields"
    if ran.unwritten:
        for issue in ran.told.issues:
            yield f"    {issue.severity}: {issue}"


def _difference(each: Difference, alike: int) -> Iterator[str]:
    """A field that differs, and in how many other slots it does so by the same row."""
    also = f", and in {alike} more" if alike else ""
    yield f"    {each.of}: {each.path}{also}"
    if each.expected is not None:
        yield click.style(f"      - {output.one_line(each.expected)}", fg="red")
    if each.got is not None:
        yield click.style(f"      + {output.one_line(each.got)}", fg="green")
    if each.row is not None:
        yield click.style(f"      row {each.row.key} ({each.row.place})", dim=True)
        for text in elsewhere(each.row):
            yield click.style(f"        {text}", dim=True)


def _as_json(ran: Ran) -> dict[str, Any]:
    return {
        "case": ran.case.name,
        "passed": not ran.differences and not ran.unwritten,
        "unwritten": list(ran.unwritten),
        "differences": [
            {
                "of": each.of,
                "path": each.path,
                "expected": each.expected,
                "got": each.got,
                "row": each.row.key if each.row is not None else None,
                "place": each.row.place if each.row is not None else None,
            }
            for each in ran.differences
        ],
    }
