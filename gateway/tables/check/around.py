"""What a row is looked at against, and words that several checks of it use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.files.marked import did_you_mean
from gateway.tables.codecs.codec import Context
from gateway.tables.rows.model import Table
from gateway.tables.rows.schema import SchemaView

HELD = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
}


@dataclass(frozen=True, slots=True)
class Around:
    """What a row is looked at against: ``columns`` are those of the directory."""

    table: Table
    context: Context
    schemas: Mapping[str, SchemaView]
    columns: frozenset[str]

    @property
    def is_query(self) -> bool:
        """Whether the rows read a message, whose fields are taken one value at a time."""
        return self.table.redox is not None and not self.table.fhir


def no_column(column: str, columns: frozenset[str]) -> str:
    """What is said of a column that the directory does not have."""
    near = did_you_mean(column, sorted(columns), 0)
    make = f'to make it one, write "- directory: {column}" in a layer over the table directory'
    return f'"{column}" is not a column of the directory; {near or make}'
