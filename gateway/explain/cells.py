"""Where a cell of the schedule directory comes from: a line of ``schedules.csv``, or an element of FHIR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.core.directory import Cells
from gateway.explain.rows import Rows, place_of
from gateway.explain.told import Origin
from gateway.files.marked import Mark
from gateway.tables.answer.cell_origins import Filled, LineOrigins


class CellOrigins:
    """The origins of the cells of one directory. ``own`` are the lines of the site's ``schedules.csv``, which
    win where they are filled, ``places`` where these stand; ``of_ehr`` the EHR's lines; ``rows`` those of the
    directory table."""

    def __init__(
        self, own: Sequence[Cells], places: Mapping[str, Mark], of_ehr: LineOrigins, rows: Rows
    ) -> None:
        self._own = {line["schedule"]: line for line in own}
        self._places = places
        self._of_ehr: dict[str, list[tuple[dict[str, str], Mapping[str, Filled]]]] = {}
        for cells, filled in of_ehr:
            self._of_ehr.setdefault(cells["schedule"], []).append((cells, filled))
        self._rows = rows

    def of(self, line: Cells, column: str) -> Origin:
        """The origin of a cell of a line of the joined directory."""
        path, value = f"directory.{column}", line.get(column) or None
        schedule = line["schedule"]
        own = self._own.get(schedule, {})
        if value is not None and (own.get(column) or not self._of_ehr.get(schedule)):
            mark = self._places.get(schedule)
            file = mark.file.rpartition("/")[2] if mark is not None else "schedules.csv"
            return Origin(path, value, file, place_of(mark) if mark is not None else "")
        filled = self._filled(line, own).get(column)
        if value is None or filled is None:
            return Origin(path, value)
        row = self._rows.told(filled.row)
        return Origin(path, value, f"{filled.kind}/{filled.id}", filled.element, row)

    def _filled(self, line: Cells, own: Cells) -> Mapping[str, Filled]:
        """What tells of that line of the EHR's which has become this one: all that is not our own is its."""
        for cells, filled in self._of_ehr.get(line["schedule"], ()):
            if all(line.get(name) == text for name, text in cells.items() if not own.get(name)):
                return filled
        return next((filled for _, filled in self._of_ehr.get(line["schedule"], ())), {})
