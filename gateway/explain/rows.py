"""Rows as an explanation names them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.explain.told import ByRow, SetCell
from gateway.files.marked import Mark
from gateway.offline.origins import shown_place
from gateway.tables.rows.model import Former, Row, Table
from gateway.tables.rows.paths import covers


def place_of(mark: Mark) -> str:
    """``file:line``, as a person is told it."""
    return shown_place(f"{mark.file}:{mark.line}")


class Rows:
    """The rows of one table, each made ready to be told once."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._told: dict[str, ByRow] = {}

    def told(self, row: Row) -> ByRow:
        """The row as it is told."""
        if row.key not in self._told:
            self._told[row.key] = self._tell(row)
        return self._told[row.key]

    def ignoring(self, name: str) -> Row | None:
        """The row that says why a field, by its name without positions, is not carried."""
        names = list(_stands_in(name))
        return next(
            (row for row in self.table.rows if any(covers(each, n) for each in row.ignore for n in names)),
            None,
        )

    def of_redox(self, name: str, *, to_fhir: bool) -> Row | None:
        """The row that carries a field of Redox's that way, or reads it beside what it carries."""
        rows = [row for row in self.table.rows if (row.to_fhir if to_fhir else row.to_redox)]
        own = next((row for row in rows if row.redox is not None and str(row.redox) == name), None)
        return own or next((row for row in rows if name in row.with_), None)

    def reading(self, path: str) -> ByRow | None:
        """The row that reads an element or a field, as its path is told where it is wrong."""
        found = (
            row
            for row in self.table.rows
            if path in (row.key, str(row.redox), *(str(each) for each in row.fhir))
        )
        return next(map(self.told, found), None)

    def dropped(self, former: Former) -> ByRow:
        """A row that a layer dropped, or gave something else, at the place where it did so."""
        because = former.because or ""
        return replace(
            self._tell(former.row), place=place_of(former.mark), layer=former.layer, because=because
        )

    def formerly(self, name: str) -> ByRow | None:
        """What wrote a field of Redox's, an element or a parameter that is written no longer: the row that a
        layer dropped or gave something else, at the place where it did so; else the row in force, whose value
        is gone."""
        for former in reversed(self.table.former):
            if _writes(former.row, name):
                return self.dropped(former)
        return next((self.told(row) for row in self.table.rows if _writes(row, name)), None)

    def _tell(self, row: Row) -> ByRow:
        lists = {"fhir": row.fhir, "with": row.with_, "ignore": row.ignore, "else": row.others}
        cells = tuple(
            SetCell(
                name, ", ".join(map(str, lists.get(name, ()))) or cell.text, cell.layer, place_of(cell.mark)
            )
            for name, cell in row.cells.items()
            if not name.startswith("example")
        )
        place, because = place_of(row.mark), row.because or ""
        return ByRow(self.table.name, row.key, place, row.layer, str(row.codec), because, cells)


def _stands_in(name: str) -> Iterator[str]:
    """A field, and all that it stands in: what is private to sender and receiver has names of their own."""
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(len(parts), 0, -1))


def _writes(row: Row, name: str) -> bool:
    """Whether a field of Redox's, an element without its resource type, or a parameter is written by it."""
    elements = (".".join(step.name for step in path.steps[1:]) for path in row.fhir)
    return name in (str(row.redox), row.param, *elements)
