"""The lines of a ConceptMap over those of a code table, as if they had been edited in its sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.sheets.book import Line, Sheet
from gateway.sheets.reading import Typed, TypedSheet

Cells = Mapping[str, str]


def typed_sheet(sheet: Sheet, lines: Sequence[Cells], file: str) -> TypedSheet:
    """The code table with these lines: in the place of one of the same Redox code and codeset that serves the
    same ways; else beside the others."""
    typed = TypedSheet(sheet.name, sheet.name, file)
    typed.columns = {name: number for number, name in enumerate([*sheet.columns, "layer", "origin"], 1)}
    new: dict[tuple[str, ...], list[Cells]] = {}
    for line in lines:
        new.setdefault(_key(line), []).append(line)
    for number, known in enumerate(sheet.lines, 1):
        cells = _cells(sheet, known)
        same = new.get(_key(cells), [])
        over: Cells = same.pop(0) if same else {}
        kept = {**cells, **{name: each for name, each in over.items() if name != "way"}}
        typed.lines.append(Typed(number, {**kept, "layer": known.layer, "origin": known.origin}))
    left = (line for same in new.values() for line in same)
    for number, more in enumerate(left, len(sheet.lines) + 1):
        typed.lines.append(Typed(number, {**more, "way": more["way"] or "both", "layer": "", "origin": ""}))
    return typed


def _cells(sheet: Sheet, line: Line) -> dict[str, str]:
    return dict(zip(sheet.columns, line.cells, strict=True))


def _key(cells: Cells) -> tuple[str, ...]:
    """By what a line is taken for the same: of lines that go back only it is FHIR's code, too."""
    way = cells["way"] or "both"
    key = (cells["redox_code"].casefold(), cells["redox_system"].casefold(), way)
    back = (cells["fhir_code"].casefold(), cells["fhir_system"].casefold())
    return (*key, *(back if way == "to-redox" else ()))
