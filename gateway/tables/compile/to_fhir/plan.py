"""The rows of an answer table by what they do on the way to FHIR, and how generated code reads them."""

from __future__ import annotations

from typing import Any

from gateway.tables.compile.bind import DIRECTORY, BoundRow, is_whole
from gateway.tables.compile.source import getter
from gateway.tables.compile.structs import attribute
from gateway.tables.compile.to_redox.loop import LENGTH, SCHEDULE, TIME
from gateway.tables.rows.schema import SchemaView

NAME = "Slot.id"
OWN_ID = "ID"
LINE = "line"
"""The member in which a slot of our own says of which line of the directory it is; Redox has none such."""
_NAMED_BY = (DIRECTORY + SCHEDULE, TIME, LENGTH)


class Plan:
    """``placed``: the slots say of which line of the directory they are. ``crossing``: a field of the slot to
    one of the resource; ``made``: out of other rows alone; ``repeated``: what tells of the schedule;
    ``compounds``: the parts of a slot that hold those, kept as bytes. ``late`` are the optional rows if no
    other needs them, so that a slot without any value for them may pass over all at once; ``own`` is the one
    among the optional that slots have as a rule, their id."""

    def __init__(self, used: list[BoundRow], view: SchemaView, below: Any, *, placed: bool = False) -> None:
        self.used = used
        self.view = view
        self.below = below
        self.crossing = [bound for bound in used if bound.row.redox is not None and bound.fhir]
        self.made = [bound for bound in used if _is_made(bound)]
        self.repeated = [b for b in used if b.row.redox is not None and b.row.directory is not None]
        parts = dict.fromkeys(first(bound) for bound in self.repeated)
        self.compounds = (*parts, *((LINE,) if placed else ()))
        self._variables = {bound.row.key: f"v{number}" for number, bound in enumerate(used)}
        self.time, self.length = (self._named(key) for key in (TIME, LENGTH))
        self.late, self.own = self._optional()

    def _named(self, key: str) -> BoundRow:
        return next(bound for bound in self.crossing if bound.row.key == key)

    def _optional(self) -> tuple[list[BoundRow], BoundRow | None]:
        optional = [bound for bound in self.crossing if not bound.row.required]
        keys = {bound.row.key for bound in optional}
        others = [b for b in (*self.crossing, *self.made) if b not in optional and not self.is_name(b)]
        if any(not keys.isdisjoint(bound.row.with_) for bound in others):
            return [], None
        own = next((each for each in optional if self._is_own_id(each)), None)
        if own is not None and any(own.row.key in each.row.with_ for each in optional):
            own = None
        return [each for each in optional if each is not own], own

    def _is_own_id(self, bound: BoundRow) -> bool:
        return bound.row.codec.name == "slot-id" and not self.inside(bound) and self.simple(bound) is not None

    def variable(self, bound: BoundRow) -> str:
        """The name under which generated code has a row's value."""
        return self._variables[bound.row.key]

    def inside(self, bound: BoundRow) -> bool:
        """Whether a row reads below a part that is kept as bytes."""
        return first(bound) in self.compounds

    def is_name(self, bound: BoundRow) -> bool:
        """Whether a row gives the resource the id that its address has."""
        row = bound.row
        named = row.key == NAME and row.codec.name == "slot-name"
        return named and row.with_ in (_NAMED_BY, (*_NAMED_BY, OWN_ID))

    @property
    def own_id(self) -> BoundRow | None:
        """The row that reads the slot's own id, where the id that its address has is made of that, too."""
        if not any(self.is_name(bound) and OWN_ID in bound.row.with_ for bound in self.made):
            return None
        return next((b for b in self.crossing if b.row.key == OWN_ID and is_text(b)), None)

    def simple(self, bound: BoundRow) -> str | None:
        """An expression for what a row reads, or None where that takes a function."""
        assert bound.row.redox is not None
        return getter(bound.row.redox, single(bound), bound.row.required, "slot")

    def value(self, bound: BoundRow) -> str:
        """An expression for what a row reads in ``slot``; None where that is nothing."""
        name = f"read_{self.variable(bound)}"
        if self.inside(bound):
            found = f"{name}(slot.{attribute(first(bound))})"
        elif (simple := self.simple(bound)) is None:
            found = f"{name}(slot)" if is_whole(bound) else f"next(iter({name}(slot)), None)"
        elif is_whole(bound):
            found = f"[each for each in {simple} or () if each is not None]"
        else:
            found = simple
        return f"{found} or None" if is_whole(bound) or is_text(bound) else found

    def maybe(self, bound: BoundRow) -> str:
        """A quick test of the slot, false only where the row surely reads nothing."""
        assert bound.row.redox is not None
        assert bound.redox is not None
        test = f"slot.{attribute(first(bound))}"
        only = len(bound.row.redox.steps) == 1
        return test if bound.redox.lists[0] or (only and is_text(bound)) else f"{test} is not None"


def first(bound: BoundRow) -> str:
    """The field of the slot in which a row's path begins."""
    assert bound.row.redox is not None
    return bound.row.redox.steps[0].name


def single(bound: BoundRow) -> tuple[bool, ...]:
    """The lists on the way, but for one that is taken whole at its end."""
    assert bound.redox is not None
    return (*bound.redox.lists[:-1], bound.redox.lists[-1] and not is_whole(bound))


def is_text(bound: BoundRow) -> bool:
    """Whether what a row reads is a text."""
    return bound.redox is not None and bound.redox.kind == "string" and not is_whole(bound)


def _is_made(bound: BoundRow) -> bool:
    row = bound.row
    return row.redox is None and row.directory is None and row.value is None and bool(bound.fhir)
