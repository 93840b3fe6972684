"""What a place is part of: which Location of its hierarchy names its site, its department and its room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.tables.answer.pool import Item, Pool, Reader
from gateway.tables.read.joins import Level
from gateway.tables.rows.paths import Path, parse

LOCATION: Final = "Location"
ABOVE: Final[Path] = parse("partOf")
PHYSICAL_TYPE: Final[Path] = parse("physicalType.coding.code")
_HIGHEST: Final = 10  # Locations above each other; hierarchies have four or five


@dataclass(frozen=True, slots=True)
class Places:
    """Reads hierarchies. ``above`` reads the references of ``Location.partOf``, ``types`` the codes of
    ``Location.physicalType``."""

    levels: Mapping[str, Level]
    above: Reader
    types: Reader

    def upwards(self, place: Item, pool: Pool) -> list[Item]:
        """The place and what it is part of, as far as that is known; a circle ends where it closes."""
        found = [place]
        while len(found) < _HIGHEST:
            references = self.above(found[-1].value)
            item = pool.find(references[0], LOCATION, found[-1]) if references else None
            if item is None or item in found:
                break
            found.append(item)
        return found

    def unknown(self, place: Item, pool: Pool) -> tuple[Item, object] | None:
        """The uppermost place that is known, and the reference to the one above it, if that is not known."""
        known = self.upwards(place, pool)
        references = self.above(known[-1].value) if len(known) < _HIGHEST else ()
        if references and pool.find(references[0], LOCATION, known[-1]) is None:
            return known[-1], references[0]
        return None

    def at_levels(self, upwards: list[Item]) -> dict[str, Item]:
        """The place that each level means, for those that mean one."""
        types = [frozenset(self.types(item.value)) for item in upwards]
        found: dict[str, Item] = {}
        for name, level in self.levels.items():
            item = _of_types(level, upwards, types)
            if item is not None:
                found[name] = item
        for name, level in self.levels.items():
            if name not in found and level.otherwise is not None:
                at = -1 if level.otherwise == "top" else 0
                if upwards[at] not in found.values() and not self._is_another(types[at], level):
                    found[name] = upwards[at]
        return found

    def _is_another(self, types: frozenset[str], level: Level) -> bool:
        return any(not types.isdisjoint(each.types) for each in self.levels.values() if each is not level)


def _of_types(level: Level, upwards: list[Item], types: list[frozenset[str]]) -> Item | None:
    for wanted in level.types:
        for item, own in zip(upwards, types, strict=True):
            if wanted in own:
                return item
    return None
