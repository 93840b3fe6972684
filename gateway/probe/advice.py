"""What to put into the tables: pieces of YAML and CSV that can be pasted as they are.

Rows and keys go into the site's own layer, so that nothing shipped is copied. What an upstream wrote
(names of parameters and systems) is quoted by the YAML and CSV writers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import yaml

from gateway.core.directory import Cells
from gateway.probe import findings, joins, levels, slots
from gateway.probe.names import END, LENGTH, QUERY, START
from gateway.probe.report import Advice, Aim, Names, Report
from gateway.probe.samples import Sample, system_table
from gateway.tables.answer.site import SiteTables
from gateway.tables.read.code_tables import CODE_COLUMNS, SCHEDULE_COLUMNS
from gateway.tables.rows.model import Row, Table

_ASKED_FOR = ("provider_id", "facility", "department")
_LINES = 20

_LOST = "the time of day, and a day is added; the answer is trimmed to the window"


def _by_days(names: Names) -> dict[str, dict[str, Any]]:
    return {
        START: {
            "codec": "day-before",
            "loses": _LOST,
            "example": {"redox": "2025-10-21T19:00:27.415Z", "param": "2025-10-20"},
        },
        END: {
            "param": names.end,
            "codec": "day-after",
            "loses": _LOST,
            "example": {"redox": "2025-10-28T19:00:27.415Z", "param": "2025-10-29"},
        },
    }


def _by_length(names: Names) -> dict[str, Any]:
    return {
        "param": names.length,
        "loses": "the unit; what goes back is in minutes",
        "example": {"redox": "1", "with": "hour", "param": "60"},
    }


def advice(
    report: Report, tables: SiteTables, found: Mapping[str, Sample], lines: Sequence[Cells]
) -> tuple[Advice, ...]:
    """Everything that would mend what was found. ``lines`` are those of the joined directory."""
    folder = f"sites/{report.site}"
    made: list[Advice] = []
    rows, reasons = _rows(report, tables)
    if rows:
        text = _yaml({"over": QUERY, "rows": rows})
        made.append(Advice(f"{folder}/{QUERY}.yaml", "; ".join(reasons), text))
    keys, reasons = _keys(report, tables, found)
    if keys:
        made.append(Advice(f"{folder}/dialect.yaml", "; ".join(reasons), _yaml({"dialect": keys})))
    made += _codes(report, tables, folder)
    made += _schedules(tables, lines, folder)
    return tuple(made)


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return text


def _rows(report: Report, tables: SiteTables) -> tuple[list[dict[str, Any]], list[str]]:
    query = tables.tables[QUERY]
    rows: list[dict[str, Any]] = []
    reasons: list[str] = []
    if _wants_days(report):
        for key, cells in _by_days(report.names).items():
            row = query.row(key)
            if row is not None and (new := _changes(row, cells)):
                rows.append({"row": key, **new})
        reasons.append(f"searches here are bounded by {report.names.start} and {report.names.end} as days")
    length = query.row(LENGTH)
    if length is not None and length.param is None and report.names.length:
        rows.append({"row": LENGTH, **_changes(length, _by_length(report.names))})
        reasons.append(f"slots can be asked for by {report.names.length}")
    bounds = {START, END} if rows else set()
    for aim in (each for each in report.aims if each.declared is False and each.resource == "Slot"):
        row = query.row(aim.row)
        if row is None or row.key in bounds or not _dispensable(row):
            continue
        other = _same_name(aim)
        made, reason = _other_name(aim, other) if other is not None else _without(row, query)
        rows += made
        reasons.append(reason)
    return rows, reasons


def _wants_days(report: Report) -> bool:
    """Whether the tables' own bounds fail where those by days are kept."""
    if slots.DAYS not in findings.answered(report.trials):
        return not report.own_search and slots.spelling(_bounds(report)) == slots.DAYS
    own = next((each for each in report.trials if each.own), None)
    return not report.own_search or (own is not None and own.verdict in ("ignored", "refused"))


def _bounds(report: Report) -> tuple[tuple[str, str], ...]:
    pairs = [pair.partition("=") for pair in report.search.split("&")]
    bounds = (report.names.start, report.names.end)
    return tuple((name, value) for name, _, value in pairs if name in bounds)


def _changes(row: Row, cells: Mapping[str, Any]) -> dict[str, Any]:
    """The cells that are not already so: a layer must not say again what is below it."""
    return {
        name: value
        for name, value in cells.items()
        if name not in row.cells or not isinstance(value, str) or row.cells[name].text != value
    }


def _dispensable(row: Row) -> bool:
    """Whether searches still mean the same slots without the parameter: not the window nor the schedule."""
    return row.key not in (START, END, LENGTH) and row.directory is None


def _same_name(aim: Aim) -> str | None:
    """A declared name that is the same but for capitals and hyphens: ``npi-number`` for ``npiNumber``."""
    return next((name for name in aim.near if _letters(name) == _letters(aim.param)), None)


def _letters(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _other_name(aim: Aim, name: str) -> tuple[list[dict[str, Any]], str]:
    return [{"row": aim.row, "param": name}], f"{aim.param} is declared as {name}"


def _without(row: Row, query: Table) -> tuple[list[dict[str, Any]], str]:
    """Drops the row, and those that go the other way with the same parameter."""
    reason = f"{row.param} is not declared"
    dropped = [each for each in query.rows if each.param == row.param and _dispensable(each)]
    because = f"the EHR does not declare {row.param}"
    made: list[dict[str, Any]] = [{"row": each.key, "drop": True, "because": because} for each in dropped]
    # Every field of the Redox message must be under some row.
    fields = {str(each.redox) for each in dropped if each.redox is not None}
    fields |= {name for each in dropped for name in each.with_}
    if fields:
        made.append({"ignore": sorted(fields), "because": f"{because}, so it cannot be asked for it"})
    return made, reason


def _keys(
    report: Report, tables: SiteTables, found: Mapping[str, Sample]
) -> tuple[dict[str, Any], list[str]]:
    keys: dict[str, Any] = {}
    reasons: list[str] = []
    for resource, params in tables.dialect.searches.items():
        wrong = {aim.param: aim for aim in report.aims if aim.declared is False and aim.resource == resource}
        if any(param in wrong for param, _ in params):
            mended = [(_mended(wrong.get(param), param), value) for param, value in params]
            keys.setdefault("searches", {})[resource] = {name: value for name, value in mended if name}
            reasons.append(f"{resource} does not declare {', '.join(wrong)}")
    _ways(report, tables, found, keys, reasons)
    page = tables.dialect.page_size
    small = next((each for each in report.trials if each.what == "a small page size"), None)
    if page is not None and small is not None and small.verdict == "refused":
        keys["page_size"] = {"param": page[0], "value": ""}
        reasons.append(f"{page[0]} is refused")
    return keys, reasons


def _ways(
    report: Report, tables: SiteTables, found: Mapping[str, Sample], keys: dict[str, Any], reasons: list[str]
) -> None:
    """Adds the joins by which more is found, and the levels for the types of places that none has."""
    for join in report.joins:
        if join.joined == join.schedules:
            continue
        if (other := joins.better(join.kind, join, found, tables)) is not None:
            if other.ways:
                ways = other.ways
                keys.setdefault("joins", {})[join.kind] = ways[0] if len(ways) == 1 else ways
            if other.whole and join.kind not in tables.dialect.searches:
                keys.setdefault("searches", {})[join.kind] = {}
            text = f"{join.kind}: joins {other.joined} of {join.schedules} schedules, now {join.joined}"
            reasons.append(text)
    nameless = any(each.name == "facility" and each.told < each.of for each in report.columns)
    if nameless and (others := joins.organizations(found, tables)) is not None:
        keys.setdefault("joins", {})["Organization"] = others.ways
        reasons.append(f"Organization: {others.joined} schedules lead to one, by which a facility is called")
    wanted, types = levels.lacking(tables, found, joins.bases_of(tables, found.get("Schedule")))
    if wanted:
        keys["levels"] = wanted
        text = f"places of the type {', '.join(types)} are of no level; see that each is what it is taken for"
        reasons.append(text)


def _mended(aim: Aim | None, param: str) -> str | None:
    if aim is None:
        return param
    return _same_name(aim)


def _codes(report: Report, tables: SiteTables, folder: str) -> Iterator[Advice]:
    """Lines for identifier systems that have no code, in a code table of the site's own."""
    name = system_table(tables, "Practitioner")
    new = [each for each in report.systems if each.resource == "Practitioner" and each.system and each.needed]
    if name is None or not new:
        return
    taken = {each.code.casefold() for each in report.systems if each.code} | {"npi", "ehrid"}
    lines = []
    for each in new:
        code = _free(each.kind or _last_part(each.system), taken)
        taken.add(code.casefold())
        lines.append([code, "", each.system, "", "", "the IDType for Redox: name it as your partners do"])
    text = _csv(CODE_COLUMNS, lines)
    yield Advice(f"{folder}/codes/{name}.csv", "identifier systems without an IDType", text)


def _last_part(system: str) -> str:
    """A word out of a URI: the last part of its path, or its host; OIDs and other URNs from their end."""
    url = urlsplit(system) if "://" in system else None
    parts = (url.path.split("/") if url is not None else system.split(":")) + [""]
    word = next((part for part in reversed(parts) if part), url.netloc if url is not None else system)
    return "".join(char for char in word if char.isalnum() or char in "-._")[:30].upper() or "ID"


def _free(wanted: str, taken: set[str]) -> str:
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, 100))]
    return next((name for name in names if name.casefold() not in taken), wanted)


def _schedules(tables: SiteTables, lines: Sequence[Cells], folder: str) -> Iterator[Advice]:
    """Lines of ``schedules.csv`` for the schedules that lack what queries choose by."""
    lacking = [line for line in lines if not all(line.get(name) for name in _ASKED_FOR)]
    if not lacking:
        return
    own = {line["schedule"]: line for line in tables.schedules}
    empty = [name for name in _ASKED_FOR if not all(line.get(name) for line in lacking)]
    # The columns of the file that is there, in their order, so that lines can be put into it.
    header = list(dict.fromkeys([*(tables.schedules[0] if own else SCHEDULE_COLUMNS), *empty]))
    cells = [
        [
            line["schedule"] if name == "schedule" else own.get(line["schedule"], {}).get(name, "")
            for name in header
        ]
        for line in lacking[:_LINES]
    ]
    there = sum(line["schedule"] in own for line in lacking)
    because = f"{_lines_are(there, len(lacking), bool(own))}; fill in {', '.join(empty)}, "
    because += "an empty cell is left to the EHR"
    if len(lacking) > _LINES:
        because += f"; {len(lacking) - _LINES} more: gateway directory pull"
    yield Advice(f"{folder}/schedules.csv", because, _csv(header, cells))


def _lines_are(there: int, lacking: int, file: bool) -> str:
    """What to do with the lines: ``there`` of those that are ``lacking`` cells stand in the file now."""
    if not file:
        return "one line for each schedule"
    if not there:
        return "add these lines to those that are there"
    if there == lacking:
        return "put in place of the lines of these schedules"
    return f"put in place of the lines of these schedules; {lacking - there} of them have none yet"


def _csv(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue()
