"""Which line of the directory a Slot belongs to, where its own Schedule is none that a directory could list.

What the slot tells must be in the column of the line, wherever both are filled. What it does not tell is
believed of a search by one value alone: one by several brings the slots of each with each. A slot that may be
of several lines is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.core.chained import alternatives
from gateway.core.directory import Cells
from gateway.core.references import split
from gateway.tables.answer.in_force import InForce
from gateway.tables.answer.pages import Page
from gateway.tables.answer.pool import Item, Located, Pool, Reader, type_of
from gateway.tables.compile.source import Source, reader
from gateway.tables.read.slot_ways import SlotWay
from gateway.tables.rows.paths import Path, parse
from gateway.tables.rows.schema import Found, SchemaView

SLOT: Final = "Slot"
OF_REFERENCE: Final = ("reference", "type", "display", "identifier.system", "identifier.value")
"""What is read of a Reference."""


def needed(ways: Iterable[SlotWay]) -> tuple[Path, ...]:
    """What a typed Slot must hold to be followed to its Schedule, and for these ways."""
    found = [parse(f"schedule.{each}") for each in OF_REFERENCE]
    for way in ways:
        if way.value is not None:
            found.append(way.value.below(1))
        elif way.steps:
            first = way.steps[0].below(1)
            found += [parse(f"{first}.{each}") for each in OF_REFERENCE]
    return tuple(found)


def with_beside(
    pages: Iterable[Page], slot: type
) -> Generator[Page, None, tuple[list[Page], dict[str, list[Located]]]]:
    """All parts of a page, and the resources that came with its slots by their type, in which the Schedules
    of the first part may be in the last. An empty part is given in between, so that others may work."""
    parts: list[Page] = []
    beside: dict[str, list[Located]] = {}
    for part in pages:
        parts.append(part)
        for url, resource in zip(part.urls, part.resources, strict=True):
            if type(resource) is not slot:
                beside.setdefault(type(resource).__name__, []).append((url, resource))
        yield Page([])
    return parts, beside


@dataclass(frozen=True, slots=True)
class Placing:
    """What finds the lines of a page's slots: ``lines``, and what makes a pool of what came with them.
    ``asked_by`` has the parameter by which the EHR is asked for a column."""

    lines: SlotLines
    pool: Callable[[Mapping[str, Sequence[Located]]], Pool]
    in_force: InForce
    asked_by: Mapping[str, str]

    def place(
        self, slots: Iterable[Any], lines: Iterable[Cells], pool: Pool, params: Sequence[tuple[str, str]]
    ) -> Placed:
        """Finds the line of each slot of a search by these parameters."""
        asked = {name: alternatives(value) for name, value in params}
        sole = {
            column: asked[param][0]
            for column, param in self.asked_by.items()
            if len(asked.get(param, ())) == 1
        }
        return self.lines.place(slots, lines, pool, self.in_force, sole)


@dataclass(slots=True)
class Placed:
    """``slots``, whose Schedule now names their line, or nothing if they are of none that was asked for;
    ``ambiguous`` ones fit several lines, ``broken`` ones have no Schedule at all, that of ``unusable`` ones
    says that it is not to be used, or not then, and nothing tells which one that of ``untold`` ones is."""

    slots: list[Any] = field(default_factory=list)
    ambiguous: int = 0
    broken: list[Any] = field(default_factory=list)
    unusable: int = 0
    untold: int = 0


class SlotLines:
    """Made once per site. ``further``: readers of the references of other types, by type and path."""

    def __init__(
        self, ways: Sequence[SlotWay], view: SchemaView, further: Mapping[tuple[str, str], Reader]
    ) -> None:
        source = Source()
        for number, way in enumerate(ways):
            path = way.value if way.value is not None else way.steps[0]
            below = path.below(1)
            found = view.find(below)
            assert isinstance(found, Found), found
            reader(source, f"read_{number}", below, found.lists, f"{path}, to find the line of a slot")
        scope = source.build("slots, to their lines of the directory")
        self._ways = [
            (way, scope[f"read_{number}"], [further[step_of(path)] for path in way.steps[1:]])
            for number, way in enumerate(ways)
        ]

    def place(
        self,
        slots: Iterable[Any],
        lines: Iterable[Cells],
        pool: Pool,
        in_force: InForce,
        sole: Mapping[str, str],
    ) -> Placed:
        """Finds each slot's line, and has its Schedule name that. ``pool`` holds what came with them;
        ``sole`` has the columns of which one value alone was asked for, and that."""
        columns = dict.fromkeys(way.column for way, _, _ in self._ways)
        chosen = [(line, frozenset(each for each in columns if line.get(each))) for line in lines]
        found = Placed()
        for slot in slots:
            if slot.schedule is None:
                found.broken.append(slot)
                continue
            item = pool.item(SLOT, slot)
            if not usable(item, pool, in_force):
                found.unusable += 1
                continue
            told = self.told(item, pool)
            slot.contained = None  # which is of no further use, and nobody can encode
            names, sure = _whose(told, chosen, sole)
            if names and not sure:
                found.untold += 1
                continue
            if len(names) > 1:
                found.ambiguous += 1
                continue
            slot.schedule.reference = f"Schedule/{names.pop()}" if names else ""
            found.slots.append(slot)
        return found

    def told(self, slot: Item, pool: Pool) -> dict[str, set[str]]:
        """What a slot tells, by the column that it must stand in."""
        told: dict[str, set[str]] = {}
        for way, read, further in self._ways:
            values = read(slot.value)
            if way.value is None:
                values = list(_followed(slot, values, further, way, pool))
            if values:
                # Also of what is nobody's here: no line has that.
                told.setdefault(way.column, set()).update(values)
        return told


def usable(slot: Item, pool: Pool, in_force: InForce) -> bool:
    """Whether the slot's Schedule, where it came along, says nothing against it."""
    schedule = pool.find(slot.value.schedule, "Schedule", slot)
    if schedule is None:
        return True
    return in_force.unusable("Schedule", schedule.value) is None and in_force.planned(
        schedule.value, slot.value.start
    )


def step_of(path: Path) -> tuple[str, str]:
    """Type and path of a step: where its reader is."""
    return path.steps[0].name, str(path.below(1))


def _followed(
    start: Item, references: Iterable[Any], further: Sequence[Reader], way: SlotWay, pool: Pool
) -> Iterable[str]:
    """The ids of the resources that the last of the steps refers to."""
    reached = [(start, reference) for reference in references]
    for number, read in enumerate(further, 1):
        kind = way.steps[number].steps[0].name
        items = (pool.find(reference, kind, item) for item, reference in reached)
        reached = [(item, reference) for item in items if item is not None for reference in read(item.value)]
    for item, reference in reached:
        found = pool.find(reference, way.kind, item)
        if found is not None and found.value.id:
            yield found.value.id
        elif (named := pool.named(reference, way.kind)) is not None and named[0] == "_id":
            yield named[1]
        elif found is None and _is_to(reference, way.kind):
            yield ""


def _is_to(reference: Any, kind: str) -> bool:
    """Whether a Reference says that it is to a resource of that type, whichever."""
    return type_of(reference) == kind or split(reference.reference or "")[1].startswith(f"{kind}/")


def _whose(
    told: Mapping[str, set[str]], lines: Sequence[tuple[Cells, frozenset[str]]], sole: Mapping[str, str]
) -> tuple[set[str], bool]:
    """The schedules that a slot may be of, and whether it is surely of one of them. With each line stand the
    columns that it has of those by which slots are told."""

    def asked(line: Cells, filled: frozenset[str]) -> bool:
        return all(_is_asked(line[each], sole.get(each, "")) for each in filled - told.keys())

    likely = [each for each in lines if fits(each[0], told)]
    if not likely:  # then it may still be of one of which it tells nothing
        silent = [each for each in lines if each[1] and each[1].isdisjoint(told)]
        likely = [each for each in silent if asked(*each)] or silent
    return {line["schedule"] for line, _ in likely}, any(asked(*each) for each in likely)


def _is_asked(cell: str, value: str) -> bool:
    """Whether a search by that value is one for what has this in its column."""
    return value == cell or value.endswith((f"/{cell}", f"|{cell}"))


def fits(line: Cells, told: Mapping[str, set[str]]) -> bool:
    """Whether a line has one of the values that are told in each column that it has, and in one at least."""
    filled = [(line[column], values) for column, values in told.items() if line.get(column)]
    return bool(filled) and all(cell in values for cell, values in filled)
