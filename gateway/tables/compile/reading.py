"""Expressions that read the FHIR side of rows out of a typed resource, as generated code has them."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.tables.compile.bind import BoundRow
from gateway.tables.compile.source import Source, getter, reader
from gateway.tables.compile.structs import attribute


class Reading:
    """The rows in use, each under a variable of its own, and how the typed ``root`` is read for them.

    ``needed`` are the keys of rows that are required whatever the table says.
    """

    def __init__(self, used: Sequence[BoundRow], root: str, needed: frozenset[str]) -> None:
        self.used = used
        self._root = root
        self._needed = needed
        self._variables = {bound.row.key: f"v{number}" for number, bound in enumerate(used)}

    def variable(self, bound: BoundRow) -> str:
        """The name of a row's variable."""
        return self._variables[bound.row.key]

    def named(self, key: str) -> BoundRow:
        """The row of that key."""
        return next(bound for bound in self.used if bound.row.key == key)

    def required(self, bound: BoundRow) -> bool:
        """Whether a resource without this value is refused."""
        return bound.row.required or bound.row.key in self._needed

    def decoded(self, bound: BoundRow) -> bool:
        """Whether the decoder has seen to it that the value is there."""
        return (self.required(bound) or bound.row.value is not None) and len(bound.fhir) == 1

    def add_readers(self, source: Source) -> None:
        """Adds a function for each path that is more than a few attributes."""
        for bound in self.used:
            for number, (path, found) in enumerate(bound.fhir):
                if getter(path, found.lists, self.decoded(bound), self._root) is None:
                    about = f"{bound.row.fhir[number]}, for row {bound.row.key}"
                    reader(source, self._reader(bound, number), path, found.lists, about)

    def value(self, bound: BoundRow) -> str:
        """The value of the first path that has one, else something false or None."""
        parts = [self._part(bound, number) for number in range(len(bound.fhir))]
        if self.textual(bound) or len(parts) == 1:
            return " or ".join(parts)
        # 0 and False are values.
        return f"next((each for each in ({', '.join(parts)}) if each is not None), None)"

    def missing(self, bound: BoundRow) -> str:
        """A test of the row's variable: true where there is no value. An empty text is none."""
        variable = self.variable(bound)
        return f"not {variable}" if self.textual(bound) else f"{variable} is None"

    def maybe(self, bound: BoundRow) -> list[str]:
        """Quick tests of the resource: none of them true only where there is surely no value."""
        tests = []
        for path, found in bound.fhir:
            first = f"{self._root}.{attribute(path.steps[0].name)}"
            plain = len(path.steps) == 1 and found.kind != "string"
            tests.append(f"{first} is not None" if plain else first)
        return tests

    def textual(self, bound: BoundRow) -> bool:
        """Whether every path ends in a text."""
        return all(found.kind == "string" for _, found in bound.fhir)

    def _reader(self, bound: BoundRow, number: int) -> str:
        return f"read_{self.variable(bound)}_{number}"

    def _part(self, bound: BoundRow, number: int) -> str:
        path, found = bound.fhir[number]
        simple = getter(path, found.lists, self.decoded(bound), self._root)
        if simple is not None:
            return simple
        first = f"{self._root}.{attribute(path.steps[0].name)}"
        call = f"next(iter({self._reader(bound, number)}({self._root})), None)"
        return f"({first} and {call})" if found.kind == "string" else call
