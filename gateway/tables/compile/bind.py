"""Rows made ready for use: each with its codec bound to a site and its paths found in the schemas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from gateway.tables.codecs.codec import Codec, Context, Unmapped
from gateway.tables.codecs.registry import CODECS
from gateway.tables.rows.model import Row, Table
from gateway.tables.rows.paths import Path
from gateway.tables.rows.schema import Found, SchemaView

DIRECTORY = "directory."
_FREE = frozenset({"text", "words", "lines"})
"""Codecs of what somebody has typed."""


@dataclass(frozen=True, slots=True)
class BoundRow:
    """A row, its codec, and where its paths are in the schemas (FHIR paths without their root)."""

    row: Row
    codec: Codec
    redox: Found | None
    fhir: tuple[tuple[Path, Found], ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes that FHIR allows where its first path ends; none where it allows any text."""
        return tuple(self.fhir[0][1].schema.get("enum", ())) if self.fhir else ()

    def at(self, zone: ZoneInfo) -> BoundRow:
        """The row as a schedule in that zone has it."""
        return replace(self, codec=self.codec.at(zone))

    @property
    def typed(self) -> bool:
        """Whether it tells Redox a text of a FHIR resource that somebody has typed: that goes without control
        characters and without blanks at its ends, as a cell of the directory does. An id stays as it is."""
        path = self.row.redox
        return (
            bool(self.fhir)
            and path is not None
            and path.steps[-1].name != "ID"
            and self.row.codec.name in _FREE
            and all(found.kind == "string" for _, found in self.fhir)
        )

    @property
    def to_redox(self) -> Callable[..., Any]:
        """The codec towards Redox, where what no code table has is dealt with as the row says: passed on, or
        left out (None); else it raises Unmapped."""
        return _honouring(self.codec.to_redox, self.row.unmapped)

    @property
    def to_fhir(self) -> Callable[..., Any]:
        """As :attr:`to_redox`, the other way."""
        return _honouring(self.codec.to_fhir, self.row.unmapped)


def _honouring(codec: Callable[..., Any], rule: str) -> Callable[..., Any]:
    if rule not in ("pass", "drop"):
        return codec

    def honouring(value: Any, *companions: Any) -> Any:
        try:
            return codec(value, *companions)
        except Unmapped:
            return value if rule == "pass" else None

    return honouring


def is_whole(bound: BoundRow) -> bool:
    """Whether a row reads a list of Redox's as a whole, by a codec that takes lists."""
    path, found = bound.row.redox, bound.redox
    return path is not None and found is not None and found.lists[-1] and not path.steps[-1].narrow


def bind(table: Table, context: Context, schemas: Mapping[str, SchemaView]) -> tuple[BoundRow, ...]:
    """Binds every row that is used. The table has passed ``check.py``: nothing is missing."""
    return tuple(_bind(row, table, context, schemas) for row in table.rows if not row.ignore)


def _bind(row: Row, table: Table, context: Context, schemas: Mapping[str, SchemaView]) -> BoundRow:
    redox = None
    if row.redox is not None and table.redox is not None:
        redox = _found(schemas[table.redox].find(row.redox, table.below))
    fhir = []
    for path in row.fhir:
        below = path.below(1)
        fhir.append((below, _found(schemas[path.steps[0].name].find(below))))
    codec = CODECS[row.codec.name].make(row.codec.arguments, context)
    return BoundRow(row, codec if row.param is None else codec.searching, redox, tuple(fhir))


def _found(found: Any) -> Found:
    assert isinstance(found, Found), found
    return found
