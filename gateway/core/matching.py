"""Whose a slot of Redox's is: the lines of a directory that agree with what it tells. Pure.

An answer may tell of as many providers as it has slots, so lines are not compared one by one: which of them
hold a value is a number with a bit for each line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.core.directory import NAMES, PROVIDER_ID, Cells
from gateway.core.nearest import folded
from gateway.core.values import Pieces

_LINES_AT_ONCE = 500


def lowest(bits: int) -> int:
    """The first of the lines alone."""
    return bits & -bits


@dataclass(frozen=True, slots=True)
class Holders:
    """Which lines hold what, as bits: ``every`` line; those ``holding`` a folded value in a column; those of
    which a column is ``filled``."""

    every: int
    holding: Mapping[tuple[str, str], int]
    filled: Mapping[str, int]

    @classmethod
    def of(cls, lines: Sequence[Cells]) -> Pieces[Holders]:
        """Looked through once for a directory."""
        holding: dict[tuple[str, str], int] = {}
        filled: dict[str, int] = {}
        for position, line in enumerate(lines):
            if position % _LINES_AT_ONCE == _LINES_AT_ONCE - 1:
                yield
            bit = 1 << position
            for column, cell in line.items():
                if cell:
                    key = (column, folded(cell))
                    holding[key] = holding.get(key, 0) | bit
                    filled[column] = filled.get(column, 0) | bit
        return cls((1 << len(lines)) - 1, holding, filled)

    def matching(self, told: Cells, columns: frozenset[str]) -> tuple[int, int]:
        """The schedules that a slot of Redox's may belong to: with how much of what it tells in ``columns``
        they agree (0: nothing), and as bits the lines that agree with so much, the most, and disagree with
        none.

        Names count only where the slot or the line has no provider ID.
        """
        by_id = self.filled.get(PROVIDER_ID, 0) if told.get(PROVIDER_ID) else 0
        fitting = self.every
        agreed = [self.every]  # the lines that agree with at least as much as their place here
        for column in columns:
            value = told.get(column)
            if not value:
                continue
            same = self.holding.get((column, folded(value)), 0)
            passed_over = self.every & ~self.filled.get(column, 0)
            if column in NAMES:
                same &= ~by_id
                passed_over |= by_id
            fitting &= same | passed_over
            agreed.append(0)
            for much in range(len(agreed) - 1, 0, -1):
                agreed[much] |= agreed[much - 1] & same
        for much in range(len(agreed) - 1, 0, -1):
            if found := agreed[much] & fitting:
                return much, found
        return 0, fitting
