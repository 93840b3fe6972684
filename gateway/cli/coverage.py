"""``gateway coverage``: what the cases try of the tables, and what of them meets no row and no line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import output
from gateway.cli.output import plural

if TYPE_CHECKING:
    from gateway.cases.coverage import Coverage, Unmapped

_COLUMNS = ("redox_code", "redox_system", "fhir_code", "fhir_system", "way", "note")


@click.command()
@output.case_options
@output.config_option("The configuration whose tables are looked at; without it ./gateway.yaml.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for scripts.")
def coverage(names: tuple[str, ...], config: Path | None, folder: Path | None, as_json: bool) -> None:
    """Say what the cases try of the tables in force, and what of them meets nothing there.

    Rows that no case went through; fields that were sent and that no row carries; wishes that nobody
    can check; codes that met no line of their code table, ready to be pasted there; and lines that
    stand over others.

    \b
    Examples:
      gateway coverage
      gateway coverage --json | jq -r '.never_used[].row'

    Exit code 0, or 1 where a case could not be run. 3: the tables have faults.
    """
    from gateway.assemble import check_configuration
    from gateway.cases.coverage import coverage as covered

    chosen = output.chosen(config)
    with output.faults_told("nothing was looked at"):
        found = check_configuration(chosen.path, chosen.environ)
        picked = output.cases_of(found.settings.mappings, folder, names)
    if not chosen.named:
        output.using(chosen.name)
    told = covered(found, picked)
    if as_json:
        click.echo(output.json_text(_as_json(told)))
    else:
        for line in _lines(told):
            click.echo(line)
    click.get_current_context().exit(output.WRONG if told.failed else 0)


def _lines(told: Coverage) -> Iterator[str]:
    if not told.cases:
        yield "There are no cases yet: docs/cases.md says how to write one."
        return
    used = sum(1 for count in told.used.values() if count)
    yield f"{plural(told.cases, 'case')} went through {used} of {plural(len(told.used), 'row')}"
    yield from _part("Sent, and carried by no row", _counted(told.carried_by_nobody, told.cases))
    yield from _part("Wishes that nobody can check", _counted(told.unchecked, told.cases))
    tables: dict[str, list[Unmapped]] = {}
    for each in told.unmapped:
        tables.setdefault(each.table, []).append(each)
    for table, codes in tables.items():
        yield from _part(f"Codes without a line; for codes/{table}.csv", _csv(codes), indent="")
    over = [f"{each.code} of {each.table}: {each.over}" for each in told.shadowed]
    yield from _part("Lines that stand over others", over)
    never = [f"{row.key} ({row.place})" for row, count in told.used.items() if not count]
    yield from _part("Rows that no case went through", never)
    wrong = [f"{name}: {why}" for name, why in told.failed]
    yield from _part("Cases that could not be run", wrong)


def _part(title: str, lines: Sequence[str], indent: str = "  ") -> Iterator[str]:
    if lines:
        yield ""
        yield click.style(title, bold=True)
        yield from (f"{indent}{line}" for line in lines)


def _counted(counts: Mapping[str, int], of: int) -> list[str]:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [f"{name}  in {count} of {of}" for name, count in ordered]


def _csv(codes: Iterable[Unmapped]) -> list[str]:
    """The lines to paste, with how often each was seen as a note."""
    from gateway.files.cells import csv_text, plain

    lines = [
        (plain(each.code), plain(each.system), "", "", "", f"seen in {plural(each.count, 'case')}")
        for each in codes
    ]
    return csv_text([_COLUMNS, *lines]).splitlines()


def _as_json(told: Coverage) -> dict[str, Any]:
    return {
        "cases": told.cases,
        "rows": len(told.used),
        "never_used": [
            {"table": row.table, "row": row.key, "place": row.place}
            for row, count in told.used.items()
            if not count
        ],
        "carried_by_nobody": dict(told.carried_by_nobody),
        "unchecked": dict(told.unchecked),
        "unmapped": [
            {"table": each.table, "code": each.code, "system": each.system, "count": each.count}
            for each in told.unmapped
        ],
        "shadowed": [{"table": each.table, "code": each.code, "over": each.over} for each in told.shadowed],
        "failed": [{"case": name, "error": why} for name, why in told.failed],
    }
