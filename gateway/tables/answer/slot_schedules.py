"""Which Schedule of the directory a Slot refers to, where its reference does not say so by type and id.

A reference may also be to the URL of an entry (``urn:uuid:``), to what the Slot contains, or have nothing but
an identifier (FHIR R4, references).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gateway.core.directory import Directory
from gateway.tables.answer.in_force import InForce
from gateway.tables.answer.pages import Page, PageReader
from gateway.tables.answer.pool import Item, Located, Pool, identifier_of, system_of, type_of
from gateway.tables.answer.slot_lines import SLOT, Placed, SlotLines, fits, usable, with_beside
from gateway.tables.read.joins import Join
from gateway.tables.read.slot_ways import SlotWay
from gateway.tables.rows.paths import parse

_SCHEDULE: Final = parse("Slot.schedule")
_LEADING: Final = {"Practitioner": "practitioner", "Location": "place"}
_OTHERWISE: Final = ("urn:", "#")


def ways_within(joins: Mapping[str, Sequence[Join]]) -> tuple[SlotWay, ...]:
    """What a Schedule that a Slot contains tells of its line: whom and where it leads to by the joins."""
    return tuple(
        SlotWay(column, (_SCHEDULE, *join.steps), kind)
        for kind, column in _LEADING.items()
        for join in joins.get(kind, ())
        if join.steps and join.steps[0].steps[0].name == "Schedule"
    )


def named_otherwise(reference: str | None) -> bool:
    """Whether a reference says by something else than type and id which resource it is to."""
    return not reference or reference.startswith(_OTHERWISE)


def slot_named_otherwise(value: Any) -> bool:
    """The same of a Slot as a JSON value, which its typed form refuses without any text of a reference."""
    if not isinstance(value, dict) or value.get("resourceType") != SLOT:
        return False
    schedule = value.get("schedule")
    return isinstance(schedule, dict) and schedule.get("reference") in (None, "")


@dataclass(frozen=True, slots=True)
class Referring:
    """What finds the Schedules of such slots. ``reader`` reads pages with all that they may be told by, and
    ``slot`` is its Slot; ``lines`` finds whose a Schedule is that a Slot contains; ``pool`` is made of what
    came with the slots."""

    reader: PageReader
    slot: type[Any]
    lines: SlotLines
    pool: Callable[[Mapping[str, Sequence[Located]]], Pool]
    in_force: InForce
    directory: Directory

    def found(self, content: bytes) -> Iterator[tuple[bytes, Placed]]:
        """Such slots of a page, part by part: a Bundle of those whose Schedule is known, with its id for a
        reference; and how many there are of the others."""
        gathering = with_beside(self.reader.pieces(content), self.slot)
        while True:
            try:
                next(gathering)
            except StopIteration as end:
                parts, beside = end.value
                break
            yield b"", Placed()
        pool = self.pool(beside)
        for part in parts:
            placed = self._placed(part, pool)
            placed.broken = [value for _, value in part.broken if slot_named_otherwise(value)]
            page = {"resourceType": "Bundle", "entry": [{"resource": slot} for slot in placed.slots]}
            yield msgspec.json.encode(page), placed

    def _placed(self, part: Page, pool: Pool) -> Placed:
        found = Placed()
        for slot in part.resources:
            if type(slot) is not self.slot or slot.schedule is None:
                continue
            if not named_otherwise(slot.schedule.reference):
                continue
            item = pool.item(SLOT, slot)
            if not usable(item, pool, self.in_force):
                found.unusable += 1
                continue
            names = self._names(item, pool)
            if len(names) == 1:
                slot.schedule.reference, slot.contained = f"Schedule/{names.pop()}", None
                found.slots.append(slot)
            elif names:
                found.ambiguous += 1
            else:
                found.untold += 1
        return found

    def _names(self, slot: Item, pool: Pool) -> set[str]:
        """The ids of the Schedules that a Slot may be of."""
        reference = slot.value.schedule
        item = pool.find(reference, "Schedule", slot)
        if reference.reference:
            if item is None:
                return _known(self.directory.urls.get(reference.reference))
            if reference.reference.startswith("#"):
                return self._of_contained(item, slot, pool)
            return {item.value.id}
        key = identifier_of(reference)
        if key is None or type_of(reference) not in ("", "Schedule"):
            return set()
        if key in self.directory.identifiers:
            return _known(self.directory.identifiers[key])
        return {item.value.id} if item is not None else set()

    def _of_contained(self, schedule: Item, slot: Item, pool: Pool) -> set[str]:
        """Those that have an identifier of the one that the Slot contains; else those of its actors."""
        identifiers = [each for each in schedule.value.identifier or () if each is not None]
        keys = {(system_of(each.system), each.value or "") for each in identifiers}
        named = [_known(self.directory.identifiers.get(key)) for key in keys]
        if any(named):
            return set().union(*named)
        told = self.lines.told(slot, pool)
        positions = {
            position
            for column, values in told.items()
            for value in values
            for position in self.directory.holding(column, value)
        }
        lines = map(self.directory.lines.__getitem__, positions)
        return {line["schedule"] for line in lines if fits(line, told)}


def _known(schedule: str | None) -> set[str]:
    return {schedule} if schedule is not None else set()
