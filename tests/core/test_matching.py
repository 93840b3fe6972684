"""Whose a slot of Redox's is: as a plain comparison with every line has it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.directory import NAMES, PROVIDER_ID, Cells
from gateway.core.matching import Holders, lowest
from gateway.core.nearest import folded
from gateway.core.values import at_once

COLUMNS = ("provider_id", "provider_id_type", "first_name", "last_name", "facility", "room")
CELLS = st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from(["", "a", "A ", "b", "c  d"]), max_size=6)


def plainly(lines: list[Cells], told: Cells, columns: frozenset[str]) -> tuple[int, list[int]]:
    best = 0
    found: list[int] = []
    for position, line in enumerate(lines):
        by_id = bool(told.get(PROVIDER_ID) and line.get(PROVIDER_ID))
        agreed = 0
        for column in columns:
            one, other = told.get(column), line.get(column)
            if not one or not other or (by_id and column in NAMES):
                continue
            if folded(one) != folded(other):
                break
            agreed += 1
        else:
            if agreed > best:
                best, found = agreed, []
            if agreed == best:
                found.append(position)
    return best, found


@given(st.lists(CELLS, max_size=6), CELLS, st.frozensets(st.sampled_from(COLUMNS)))
def test_the_lines_that_agree_most(lines: list[Cells], told: Cells, columns: frozenset[str]) -> None:
    agreed, bits = at_once(Holders.of(lines)).matching(told, columns)
    found = [position for position in range(len(lines)) if bits >> position & 1]
    assert (agreed, found) == plainly(lines, told, columns)
    assert bits >> len(lines) == 0
    assert lowest(bits) == (1 << found[0] if found else 0)
