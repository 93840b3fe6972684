"""What a site's code tables and directory say of each other: what can be served, and is hardly meant.

Compared is what the row at hand would look up: the codes of one side of a table with the cells of a column.
What only an EHR could tell is not known here, so that a code is told of only where the files themselves show
what happened to it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.core.directory import Cells, values
from gateway.files.marked import Fault, Mark, did_you_mean
from gateway.tables.read.spreadsheets import without_zeros
from gateway.tables.rows.model import CodeTable, Row, Table

_URI = re.compile(r"(?:https?://|urn:)\S+", re.IGNORECASE)
_BY_CODE = frozenset({"code", "token"})
_TOLD = 5  # lines of one table that are told of


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the directory as codes are looked up in it: its cells by what they are compared as, and
    those that begin with zeros by what would be left of them. ``own`` and ``other`` are the columns of the
    code table that hold its side and the one across."""

    name: str
    cells: Mapping[str, str]
    unpadded: Mapping[str, str]
    own: str
    other: str
    whole: bool

    def wrong(self, code: str, across: str) -> str | None:
        """What is wrong with a code that is none of the cells, ``across`` being what it stands for."""
        known = self.cells.get(across.casefold())
        if known is not None:
            text = f'"{known}" in "{self.other}" is a {self.name} of the directory'
            return f'{text}, "{code}" in "{self.own}" is none; are they swapped?'
        said = f'"{code}" in "{self.own}" is no {self.name} of the directory'
        if (cell := self.unpadded.get(code.casefold().lstrip("0"))) is not None:
            return f'{said}, but "{cell}" is; has a spreadsheet taken its zeros?'
        return f"{said}; {did_you_mean(code, sorted(self.cells.values()))}" if self.whole else None


def compared(
    tables: Mapping[str, Table], codes: Mapping[str, CodeTable], lines: Iterable[Cells], *, whole: bool
) -> Iterator[Fault]:
    """Remarks on codes beside the cells of ``lines``; ``whole``: no EHR knows of others."""
    held: dict[str, dict[str, str]] = {}
    for line in lines:
        for column, cell in line.items():
            found = held.setdefault(column, {})
            found.update({each.casefold(): each for each in values(column, cell) if each})
    for name, column, of_redox in dict.fromkeys(_lookups(tables, codes)):
        cells = held.get(column)
        if cells:
            unpadded = {key.lstrip("0"): cell for key, cell in cells.items() if key.startswith("0")}
            sides = ("redox_code", "fhir_code") if of_redox else ("fhir_code", "redox_code")
            at = _Column(column.replace("_", " "), cells, unpadded, *sides, whole)
            yield from _wrong(codes[name], at, of_redox=of_redox)
    for table in codes.values():
        yield from _systems(table)


def _lookups(tables: Mapping[str, Table], codes: Mapping[str, CodeTable]) -> Iterator[tuple[str, str, bool]]:
    """Code tables, the column in which one side of each is looked up, and whether that is Redox's side."""
    for row in (row for table in tables.values() for row in table.rows):
        name, column = next(iter(row.codec.arguments), ""), row.select or row.directory
        if row.codec.name in _BY_CODE and column and name in codes and not row.reads_id_type:
            yield name, column, row.redox is None


def _wrong(table: CodeTable, column: _Column, *, of_redox: bool) -> Iterator[Fault]:
    count = 0
    for key, (fhir, _) in table.to_fhir.items():
        redox, mark = table.spelt.get(key[0], key[0]), table.marks.get(key)
        code, across = (redox, fhir) if of_redox else (fhir, redox)
        text = column.wrong(code, across) if code.casefold() not in column.cells else None
        if mark is not None and text is not None and count < _TOLD:
            count += 1
            yield mark.fault(text)


def _systems(table: CodeTable) -> Iterator[Fault]:
    """Lines whose systems stand on the wrong sides: that of FHIR is a URI."""
    for key, (_, fhir) in table.to_fhir.items():
        mark = table.marks.get(key)
        if mark is not None and fhir and _URI.match(key[1]) and not _URI.match(fhir):
            redox = table.spelt.get(key[1], key[1])
            text = f'"{redox}" in "redox_system" is a URI, "{fhir}" in "fhir_system" is none'
            yield mark.fault(f"{text}; are they swapped?")


def unpadded(lines: Iterable[Cells], places: Mapping[str, Mark]) -> Iterator[Fault]:
    """Remarks on columns of a directory of which some cells seem to have lost their leading zeros, each at
    the first line that has one; ``places`` are those of the lines by their schedule."""
    held: dict[str, dict[str, str]] = {}
    for line in lines:
        for column, cell in line.items():
            held.setdefault(column, {}).setdefault(cell, line["schedule"])
    for column, cells in held.items():
        lost = without_zeros(cells)
        for cell, was in list(lost.items())[:1]:
            more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
            text = f'"{cell}" in "{column}"{more} is shorter than those with zeros in front; is it "{was}"?'
            yield places[cells[cell]].fault(f"{text} Let the spreadsheet treat that column as text")


def id_types(row: Row, codes: Mapping[str, CodeTable], columns: Collection[str]) -> Iterator[Fault]:
    """Faults: types of ID that lead to no column of the directory, so that nobody would ever be found."""
    table = codes.get(next(iter(row.codec.arguments), "")) if row.reads_id_type else None
    if table is None:
        return
    for key, (column, _) in table.to_fhir.items():
        if column not in columns:
            kind = table.spelt.get(key[0], key[0])
            near = "are the two swapped?" if kind in columns else did_you_mean(column, sorted(columns))
            text = (
                f'IDs of the type "{kind}" are looked for in "{column}", which is no column of the directory'
            )
            yield table.marks.get(key, row.at("codec")).fault(f"{text}; {near}")
