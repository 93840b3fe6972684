"""Code tables and the schedule directory from CSV: what analysts keep in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.core.directory import IDENTITIES
from gateway.files.cells import restored
from gateway.files.characters import HIDDEN, named
from gateway.files.marked import Fault, Mark, did_you_mean, nearest
from gateway.files.zones import zone_meant, zones
from gateway.tables.read.layers import Source
from gateway.tables.read.spreadsheets import damage
from gateway.tables.rows.model import CodeTable

CODE_COLUMNS = ("redox_code", "redox_system", "fhir_code", "fhir_system", "way", "note")
SCHEDULE_COLUMNS = (
    "schedule",
    "provider_id",
    "provider_id_type",
    "first_name",
    "last_name",
    "credentials",
    "facility",
    "department",
    "location_id",
    "room",
    "timezone",
)
LINES_LIMIT = 50_000
_QUOTED = 60  # so much of a formula is told
_TAB = re.compile("\t")
_NO_ID = re.compile(r"[\s/?#]")
_WAYS = ("", "both", "to-redox", "to-fhir")

Line = tuple[Mark, dict[str, str]]
Pair = tuple[str, str]
_Laid = tuple[int, list[Line]]  # the rank of a layer, and its lines of a code table


def rows(source: Source, known: Iterable[str], required: Iterable[str], faults: list[Fault]) -> list[Line]:
    """The lines of a CSV with a header, each with its place; blank lines are passed over.

    Reads what spreadsheets write: UTF-8 with or without a byte order mark, comma or semicolon.
    """
    try:
        text = source.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        faults.append(Mark(source.name, line, 1).fault("is not UTF-8; save it as CSV UTF-8"))
        return []
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    lines = io.StringIO(text, newline="").readlines()  # as the reader counts them
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    found: list[Line] = []
    try:
        header = [_cell(name) for name in next(reader, [])]
        if not _header(header, list(known), list(required), Mark(source.name, 1, 1), faults):
            return []
        start = reader.line_num + 1
        for cells in reader:
            mark = Mark(source.name, start, 1)
            start = reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if len(found) >= LINES_LIMIT:
                faults.append(
                    mark.fault(f"is the first of more than {LINES_LIMIT} lines; leave out what is not used")
                )
                break
            if len(cells) > len(header):
                said = f"has {len(cells)} cells, the header has {len(header)} columns"
                faults.append(mark.fault(f"{said}; quote a cell with a comma"))
                continue
            values = [_cell(cell) for cell in cells] + [""] * (len(header) - len(cells))
            found.append((mark, dict(zip(header, values, strict=True))))
            faults.extend(mark.fault(text) for text in _damaged(found[-1][1]))
            faults.extend(mark.fault(text) for text in _formulas(header, cells))
            faults.extend(_hidden(values, mark, lines))
    except csv.Error as error:
        faults.append(Mark(source.name, reader.line_num, 1).fault(f"is not CSV: {error}"))
    return found


def _cell(text: str) -> str:
    """What is meant by a cell: blanks around it, and the apostrophe before a formula, are not part of it."""
    return restored(text.strip()).strip()


def _header(header: list[str], known: list[str], required: list[str], top: Mark, faults: list[Fault]) -> bool:
    """Whether the first line names columns of this file; if it does not, that is all there is to say."""
    before = len(faults)
    columns = ", ".join(known)
    if not any(header):
        faults.append(top.fault(f"is empty; the first line must name the columns: {columns}"))
    elif any("\t" in name for name in header):
        faults.append(top.fault("is separated by tabs; save it with commas (as CSV UTF-8)"))
    elif not any(name in known or nearest(name, known) for name in header):
        faults.append(top.fault(f"the first line must name the columns: {columns}"))
    if len(faults) > before:
        return False
    for place, name in enumerate(header):
        if name in header[:place]:
            faults.append(top.fault(f'the column "{name}" stands twice'))
        elif name not in known:
            near = did_you_mean(name, sorted(known))
            faults.append(top.fault(f'"{name}" is not a column of this file; {near}'))
    faults.extend(top.fault(f'the column "{name}" is missing') for name in required if name not in header)
    return len(faults) == before


def _damaged(cells: dict[str, str]) -> Iterator[str]:
    """What a spreadsheet has made of cells that were text."""
    for column, cell in cells.items():
        if column == "note":
            continue
        if (what := damage(cell, code=column in CODE_COLUMNS)) is not None:
            yield f'"{cell}" in "{column}" looks like {what}; write it out, as text'
        if "\n" in cell or "\r" in cell:
            yield f'"{column}" has a line break in it; write it on one line'


def _formulas(header: Iterable[str], typed: Iterable[str]) -> Iterator[str]:
    """What a spreadsheet would run where a code should stand: without an apostrophe before it."""
    for column, cell in zip(header, typed, strict=False):
        if column in CODE_COLUMNS and column != "note" and cell.lstrip().startswith("="):
            said = f'"{cell.strip()[:_QUOTED]}" in "{column}" looks like a formula'
            yield f"{said}; write out what it gives, as text"


def _hidden(cells: Iterable[str], mark: Mark, lines: Sequence[str]) -> Iterator[Fault]:
    """Cells with a character that cannot be seen, each at its place in the line."""
    for cell in cells:
        if (bad := HIDDEN.search(cell) or _TAB.search(cell)) is not None:
            column = lines[mark.line - 1].find(bad[0]) + 1
            wrong = f"a character that cannot be seen ({named(bad[0])}); remove it"
            yield Mark(mark.file, mark.line, max(column, 1)).fault(wrong)


def code_tables(sources: Iterable[Source], faults: list[Fault]) -> dict[str, CodeTable]:
    """The code tables of a stack of files, lowest first; a line of a higher file replaces the one of the same
    Redox code and system below it. Two answers for one code within a file are a fault."""
    layered: dict[str, list[_Laid]] = {}
    for source in sources:
        lines = rows(source, CODE_COLUMNS, ("redox_code", "fhir_code"), faults)
        layered.setdefault(source.kind, []).append((source.rank, lines))
    return {name: _code_table(name, layers, faults) for name, layers in layered.items()}


def _code_table(name: str, layers: list[_Laid], faults: list[Fault]) -> CodeTable:
    to_fhir: dict[Pair, Pair] = {}
    to_redox: dict[Pair, Pair] = {}
    spelt: dict[str, str] = {}
    tokens: set[Pair] = set()
    marks: dict[Pair, Mark] = {}
    marks_back: dict[Pair, Mark] = {}
    below: dict[int, CodeTable] = {}
    for number, (rank, lines) in enumerate(layers):
        if number:
            # Of a rank that has two files, what stood before the first.
            former = CodeTable(name, dict(to_fhir), dict(to_redox), dict(spelt), frozenset(tokens))
            below.setdefault(rank, former)
        forward: dict[Pair, tuple[Mark, Pair]] = {}
        backward: dict[Pair, tuple[Mark, Pair]] = {}
        for mark, cells in lines:
            way = cells.get("way", "")
            if way not in _WAYS:
                faults.append(mark.fault(f'"{way}" is not a way; write to-redox, to-fhir or leave it empty'))
                continue
            redox = (cells["redox_code"], cells.get("redox_system", ""))
            fhir = (cells["fhir_code"], cells.get("fhir_system", ""))
            if not (redox[0] and fhir[0]):
                faults.append(mark.fault("needs both a redox_code and a fhir_code"))
                continue
            spelt.update({code.casefold(): code for code in (*redox, *fhir)})
            marks.setdefault(_fold(redox), mark)
            if way != "to-redox":
                marks[_fold(redox)] = mark
                _add(forward, redox, fhir, mark, "to-redox", faults)
            if way != "to-fhir":
                tokens.add(fhir)
                _add(backward, fhir, redox, mark, "to-fhir", faults)
        for key in forward:
            answer = _fold(to_fhir.get(key, ("", "")))
            if _fold(to_redox.get(answer, ("", ""))) == key:
                del to_redox[answer]
        to_fhir.update({key: pair for key, (_, pair) in forward.items()})
        to_redox.update({key: pair for key, (_, pair) in backward.items()})
        marks_back.update({key: mark for key, (mark, _) in backward.items()})
    return CodeTable(name, to_fhir, to_redox, spelt, frozenset(tokens), marks, marks_back, below)


def _add(
    into: dict[Pair, tuple[Mark, Pair]], key: Pair, pair: Pair, mark: Mark, other: str, faults: list[Fault]
) -> None:
    folded = _fold(key)
    if folded in into:
        first = into[folded][0]
        faults.append(
            mark.fault(
                f'"{key[0]}" already has an answer, at line {first.line}; '
                f'write "{other}" under "way" in one of the two, or delete one'
            )
        )
    else:
        into[folded] = (mark, pair)


def _fold(pair: Pair) -> Pair:
    return pair[0].casefold(), pair[1].casefold()


def schedules(
    sources: list[Source],
    columns: Iterable[str],
    faults: list[Fault],
    *,
    of_ehr: bool = False,
    alone: bool = False,
    types: CodeTable | None = None,
) -> tuple[dict[str, str], ...]:
    """The lines of the topmost ``schedules.csv``; ``columns`` are those that the directory table adds.

    ``of_ehr``: the schedules are an EHR's, so that each must be an id as FHIR has them, and an ID's type one
    of ``types``, by which a query is understood. ``alone``: no EHR fills what is empty here.
    """
    known = (*SCHEDULE_COLUMNS, *sorted(set(columns).difference(SCHEDULE_COLUMNS)))
    found = [source for source in sources if source.kind == "schedules"]
    if not found:
        return ()
    seen: dict[str, Mark] = {}
    lines: list[dict[str, str]] = []
    for mark, cells in rows(found[-1], known, ("schedule",), faults):
        key = cells["schedule"].removeprefix("Schedule/")
        if not key:
            faults.append(mark.fault('the cell "schedule" is empty'))
        elif key in seen:
            faults.append(mark.fault(f'schedule "{key}" stands twice; the first is at line {seen[key].line}'))
        else:
            seen[key] = mark
            lines.append({**cells, "schedule": key})
            faults.extend(mark.fault(text) for text in _wrong(lines[-1], of_ehr, alone, types))
    return tuple(lines)


def places(sources: Iterable[Source], lines: Iterable[Mapping[str, str]]) -> dict[str, Mark]:
    """Where each of the ``lines`` of the topmost ``schedules.csv`` stands, by its schedule."""
    known = {column for line in lines for column in line}
    found = [source for source in sources if source.kind == "schedules"]
    read = rows(found[-1], known, (), []) if found and known else []
    return {cells["schedule"].removeprefix("Schedule/"): mark for mark, cells in read}


def _wrong(line: dict[str, str], of_ehr: bool, alone: bool, types: CodeTable | None) -> Iterator[str]:
    zone = line.get("timezone", "")
    if zone and zone not in zones():
        near = zone_meant(zone) or "write an IANA name such as America/Chicago"
        yield f'"{zone}" is not a time zone; {near}'
    kind = line.get("provider_id_type", "")
    if kind and alone and not line.get("provider_id"):
        yield f'has the provider_id_type "{kind}", but no provider_id; fill both or neither'
    if kind and of_ehr and types is not None and types.forward(kind, "") is None:
        near = did_you_mean(kind, types.known)
        yield f'the provider_id_type "{kind}" has no line in codes/{types.name}.csv; {near}'
    if of_ehr:
        yield from _no_ids(line)


def _no_ids(line: dict[str, str]) -> Iterator[str]:
    for column in sorted(IDENTITIES.intersection(line)):
        if line[column] and _NO_ID.search(line[column]):
            told = f'"{line[column]}" is no id that an EHR can have'
            yield f"{told}; copy it from the EHR (it has no blanks, and no /, ? or #)"
