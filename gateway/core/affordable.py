"""How much of a query is asked: each schedule, length and visit type is a search of its own. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping as Lookup
from collections.abc import Sequence
from typing import Final

from gateway.core.choosing import Beside
from gateway.core.directory import Cells, Directory
from gateway.core.errors import Issue, TooCostly
from gateway.core.mapping import Asked, Mapping

ZONE = "timezone"
Ways = Lookup[int, tuple[Beside, ...]]
NO_WAYS: Ways = {}
_MOST_ASKED: Final = 2_000
"""Schedules, however few searches they take: to plan for so many takes some hundredths of a second."""


def affordable(
    directory: Directory,
    positions: tuple[int, ...],
    lengths: Sequence[int],
    asked: Asked,
    most: int,
    mapping: Mapping,
    beside: Ways = NO_WAYS,
) -> tuple[tuple[int, ...], tuple[Issue, ...]]:
    """The first of the schedules, as many as can be asked for all that is asked within ``most`` searches, and
    an Issue if that is not every one.

    Raises TooCostly where not even one can: a schedule that is asked for some of the lengths or visit types
    only would look as if it had nothing for the others.
    """

    def count(number: int) -> int:
        shared = together(directory, positions[:number], beside)
        return sum(mapping.search_count(lengths, asked, lines) for lines in shared.values())

    every, positions = len(positions), positions[:_MOST_ASKED]
    each = count(1)
    if each > most:
        text = f"takes {each:,} searches for each schedule, one for every length with every visit type; this"
        text += (
            f" site makes at most {most:,} for one query, so ask for fewer lengths or visit types at a time"
        )
        raise TooCostly(Issue("too-costly", "", text))
    if len(positions) == every and not beside and each * every <= most:
        return positions, ()
    # Where each schedule is a search of its own, as many as that are affordable; else some times as many.
    number = min(len(positions), most // each if each else len(positions))
    while number < len(positions) and count(number) <= most:
        number = min(2 * number, len(positions))
    whole = count(len(positions))
    if whole > most:
        number = bisect_right(range(1, number + 1), most, key=count)
    if number == every:
        return positions, ()
    takes = f"all of them take {whole:,} searches, and this site makes at most {most:,}"
    if whole <= most:
        takes = f"this site asks for at most {_MOST_ASKED:,}"
    text = (
        f"only {number:,} of {every:,} schedules were asked: {takes} for one query, so earlier times may be"
    )
    text += " open at the others; ask for fewer providers, places or lengths"
    return positions[:number], (Issue("too-costly", "", text, "warning"),)


def together(
    directory: Directory, positions: Sequence[int], beside: Ways
) -> dict[tuple[str, Beside], list[Cells]]:
    """The lines that may be asked for together: those of one zone, as the directory says it, that are asked
    with the same beside them. A line that is asked with several things stands with each."""
    shared: dict[tuple[str, Beside], list[Cells]] = {}
    for position in positions:
        line = directory.lines[position]
        for way in beside.get(position, ((),)):
            shared.setdefault((zone_of(line), way), []).append(line)
    return shared


def zone_of(line: Cells) -> str:
    """The zone of a schedule as the directory says it, empty where it says none."""
    return line.get(ZONE, "")
