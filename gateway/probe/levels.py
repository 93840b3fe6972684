"""Which levels of ``dialect.yaml`` the hierarchies of places want that were sampled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.core.directory import shown
from gateway.probe.samples import Json, Sample
from gateway.probe.ways import WAYS, Reach, in_force
from gateway.tables.answer.places import LOCATION, PHYSICAL_TYPE, Places
from gateway.tables.answer.pool import Item
from gateway.tables.answer.site import SiteTables
from gateway.tables.read.joins import Level
from gateway.tables.rows import paths

# What the columns are of a hierarchy, from the top down.
_SITE: Final = "facility"
_BETWEEN: Final = "department"
_OWN: Final = "room"


def lacking(
    tables: SiteTables, found: Mapping[str, Sample], bases: frozenset[str]
) -> tuple[dict[str, Any], list[str]]:
    """The levels to write, with the types of places of which none is now; and these types. Nothing where each
    level finds its place."""
    levels = tables.dialect.levels
    of_column = {
        row.directory: row.level
        for row in tables.tables["directory"].rows
        if row.directory is not None and row.level is not None and row.level in levels
    }
    seen: dict[str, Counter[str]] = {}
    for upwards in _hierarchies(tables, Reach(found, bases)):
        for code, column in _meant(upwards, levels, of_column):
            seen.setdefault(code, Counter())[column] += 1
    made: dict[str, Any] = {}
    for code, columns in seen.items():
        name = of_column[columns.most_common(1)[0][0]]
        level = levels[name]
        told = made.setdefault(name, {"types": list(level.types)})
        told["types"].append(code)
        if level.otherwise is not None:
            told["else"] = level.otherwise
    return made, list(seen)


def _hierarchies(tables: SiteTables, reach: Reach) -> Iterator[list[Json]]:
    """The place of each schedule and what it is part of, each hierarchy once."""
    ways = {*in_force(tables.dialect.joins.get(LOCATION, ())), *WAYS[LOCATION]}
    seen = set()
    for schedule in reach.schedules:
        for steps in ways:
            for place in reach.led(schedule, LOCATION, steps):
                if place["id"] not in seen:
                    seen.add(place["id"])
                    yield reach.upwards(place)


def _meant(
    upwards: Sequence[Json], levels: Mapping[str, Level], of_column: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """For each place of a hierarchy whose type no level has, and which would be told by none or in another's
    stead: its type, and the column that it would fill by where it stands."""
    codes = [_codes(place) for place in upwards]
    known = {code for level in levels.values() for code in level.types}
    places = Places(levels, _nothing, _codes)
    items = [Item(LOCATION, place) for place in upwards]
    told = places.at_levels(items)
    if all(item in told.values() for item in items):
        return
    typed = {
        name for name, level in levels.items() if any(code in level.types for each in codes for code in each)
    }
    for at, each in enumerate(codes):
        column = _SITE if at == len(upwards) - 1 else _OWN if at == 0 and len(upwards) > 2 else _BETWEEN
        name = of_column.get(column)
        if name is not None and name not in typed and each and known.isdisjoint(each):
            yield each[0], column


def _codes(place: Json) -> list[str]:
    """What it is, by its codes; those that could not stand in a table are left out."""
    found = paths.read(PHYSICAL_TYPE, place)
    return [each for each in found if isinstance(each, str) and each and shown(each) == each]


def _nothing(_place: Any) -> list[Any]:
    return []
