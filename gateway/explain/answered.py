"""Where every field of an answer to Redox comes from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.core.directory import Cells, Directory
from gateway.core.plan import Answer, Outcome
from gateway.explain.cells import CellOrigins
from gateway.explain.leaves import Json, at, leaves
from gateway.explain.rows import Rows
from gateway.explain.told import Field, Origin, named
from gateway.offline.canned import schedule_of
from gateway.tables.answer import reference
from gateway.tables.answer.site import SiteTables
from gateway.tables.compile.bind import BoundRow
from gateway.tables.rows import paths

ECHOED = "the envelope: as it was sent"
MADE = "the envelope: set by the gateway"
INCOMPLETE = "the envelope: something may be missing, see the issues"
_COMBINED = "made of slots that touch"
_UNTOLD = "the gateway"


def envelope(answer: Json, message: Json, list_: str) -> Iterator[Field]:
    """The fields of an answer that no row writes: those of its Meta."""
    for path, value in leaves(answer):
        if not path.startswith(f"{list_}["):
            made = INCOMPLETE if path == "Meta.IsIncomplete" else MADE
            echoed = at(message, path) == value
            origins = (Origin(path, value),) if echoed else ()
            yield Field(path, value, origins, made=ECHOED if echoed else made)


class AnswerOrigins:
    """Of the slots of one answer, which were made of what the EHR sent. ``lines`` are the chosen ones of the
    directory."""

    def __init__(
        self,
        outcomes: Iterable[Outcome],
        directory: Directory,
        lines: Sequence[Cells],
        tables: SiteTables,
        rows: Rows,
        cells: CellOrigins,
    ) -> None:
        self._tables = tables
        self._table = rows.table
        self._rows = rows
        self._cells = cells
        self._below = f"{rows.table.below}"
        self._written = {
            f"{self._below}.{bound.row.redox}": bound
            for bound in tables.answer_rows
            if bound.row.redox is not None and bound.row.to_redox
        }
        self._found: dict[str, tuple[Json, Cells]] = {}
        self._starting: dict[Any, tuple[Json, Cells]] = {}
        for slot in slots_sent(outcomes):
            for line in _lines(slot, directory, lines):
                self._keep(slot, line)

    def _keep(self, slot: Json, line: Cells) -> None:
        made = reference.to_redox(self._table, self._tables.answer_rows, slot, line).result
        if made is not None:
            self._found.setdefault(_key(made), (slot, line))
            self._starting.setdefault(_apart_from_length(made), (slot, line))

    def of(self, position: int, slot: Json) -> Iterator[Field]:
        """The fields of the slot at that position of the answer."""
        found = self._found.get(_key(slot))
        combined = found is None
        found = found or self._starting.get(_apart_from_length(slot))
        for path, value in leaves(slot, f"{self._below}[{position}]"):
            bound = self._written.get(named(path))
            if bound is None or found is None:
                yield Field(path, value, made=_UNTOLD)
                continue
            made = _COMBINED if combined and bound.row.key == reference.LENGTH else ""
            yield Field(path, value, (self._origin(bound, *found),), self._rows.told(bound.row), made)

    def _origin(self, bound: BoundRow, slot: Json, line: Cells) -> Origin:
        row = bound.row
        if row.directory is not None and not bound.fhir:
            return self._cells.of(line, row.directory)
        of = f"Slot/{slot['id']}" if isinstance(slot.get("id"), str) else f"the Slot of {slot.get('start')}"
        for told, (path, _) in zip(row.fhir, bound.fhir, strict=True):
            found = paths.read(path, slot)
            if found and found[0] != "":
                return Origin(str(told), found[0], of)
        if row.value is not None:
            return Origin("a constant", row.value)
        # A field that is made of those beside it alone: the id of a slot that has none.
        return Origin(", ".join(row.with_), None, of)


def slots_sent(outcomes: Iterable[Outcome]) -> Iterator[Json]:
    """The Slots of all pages of answers, as JSON values."""
    for outcome in outcomes:
        for page in outcome.pages if isinstance(outcome, Answer) else ():
            for resource in _resources(page):
                if resource.get("resourceType") == "Slot":
                    yield resource


def _resources(page: bytes) -> Iterator[Json]:
    try:
        bundle = json.loads(page)
    except (ValueError, RecursionError):
        return
    entries = bundle.get("entry") if isinstance(bundle, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield resource


def _lines(slot: Mapping[str, Any], directory: Directory, lines: Sequence[Cells]) -> Sequence[Cells]:
    """The lines that a slot may be of: those of its Schedule, where they are among the chosen."""
    schedule = schedule_of(slot, directory.bases)
    return [line for line in lines if line["schedule"] == schedule] or lines


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _apart_from_length(slot: Json) -> str:
    return _key({name: value for name, value in slot.items() if name != reference.LENGTH})
