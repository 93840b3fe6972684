"""What is in force: which resources may be used, and which of several names and numbers is meant.

By the rules of FHIR R4 alone, whatever the dialect: its modifier elements (``active``, ``status``,
``modifierExtension``), ``Schedule.planningHorizon``, and ``use`` and ``period`` of Identifier, HumanName,
ContactPoint and Address.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.core.instants import parse_range
from gateway.tables.compile.structs import attribute
from gateway.tables.rows.paths import Path, parse
from gateway.tables.rows.schema import SchemaView

MODIFIERS: Final = parse("modifierExtension.url")
"""We know no modifier extension, and what has one that is not known must not be used (R4, extensibility)."""

PATHS: Final[dict[str, tuple[Path, ...]]] = {
    "Schedule": (
        MODIFIERS,
        parse("active"),
        parse("planningHorizon.start"),
        parse("planningHorizon.end"),
    ),
    "Practitioner": (MODIFIERS, parse("active")),
    "Location": (MODIFIERS, parse("status")),
}
"""What is read of a resource to know whether it may be used, by its type."""

# R4's use of an Identifier, HumanName and so on: those of one rank stay in the order in which they stand.
_FIRST: Final = ("official", "usual", None)
_LAST: Final = frozenset({"nickname", "maiden", "old"})
_NAMED: Final = "name"  # the one list in which an old one is better than none


@dataclass(frozen=True, slots=True)
class Ordered:
    """A list of a resource whose items have ``use`` and ``period``; ``valued``: and a value, without which
    they say nothing."""

    name: str
    valued: bool

    @property
    def paths(self) -> tuple[Path, ...]:
        """What is read of its items beside what rows read."""
        value = (parse(f"{self.name}.value"),) if self.valued else ()
        return (parse(f"{self.name}.use"), parse(f"{self.name}.period.end"), *value)


def ordered_lists(paths: Iterable[Path], view: SchemaView) -> tuple[Ordered, ...]:
    """Those lists among what the paths read of a type of resource."""
    found: dict[str, Ordered] = {}
    for name in dict.fromkeys(path.steps[0].name for path in paths):
        item = view.item(view.children(view.root).get(name, {}))
        fields = view.children(item) if item is not None else {}
        if {"use", "period"} <= fields.keys():
            found[name] = Ordered(name, "value" in fields)
    return tuple(found.values())


class InForce:
    """What is in force at an instant (``now``; None: whatever its periods say) in a zone."""

    def __init__(self, now: datetime | None, zone: ZoneInfo) -> None:
        self._now = now
        self._zone = zone

    def put_in_order(self, resource: Any, lists: Iterable[Ordered]) -> None:
        """Leave out of these lists what is over, and put first what is to be used first."""
        for each in lists:
            attr = attribute(each.name)
            items = getattr(resource, attr)
            if not items:
                continue
            kept = [
                item
                for item in items
                if item is not None
                and (item.use != "old" or each.name == _NAMED)
                and not (each.valued and not (item.value or "").strip())
                and not self._over(item.period)
            ]
            kept.sort(key=_rank)
            setattr(resource, attr, kept)

    def unusable(self, kind: str, resource: Any) -> str | None:
        """Why a Schedule, Practitioner or Location must not be used; None if it may be."""
        if resource.modifierExtension:
            return "has a modifier extension that is not known here"
        if kind == "Location":
            return f"is {resource.status}" if resource.status in ("suspended", "inactive") else None
        if resource.active is False:
            return "is not active"
        if kind == "Schedule" and self._over(resource.planningHorizon):
            return "is planned no further than until now"
        return None

    def horizon(self, schedule: Any) -> tuple[datetime | None, datetime | None]:
        """From when until when (exclusive) a Schedule is planned, as far as it says so."""
        period = schedule.planningHorizon
        if period is None:
            return None, None
        return self._bound(period.start, 0), self._bound(period.end, 1)

    def _over(self, period: Any) -> bool:
        """Whether a Period has ended. A day, month or year that it ends with belongs to it."""
        if period is None or self._now is None:
            return False
        end = self._bound(period.end, 1)
        return end is not None and end <= self._now

    def _bound(self, text: str | None, which: int) -> datetime | None:
        if not text:
            return None
        try:
            return parse_range(text, self._zone)[which]
        except ValueError:
            return None  # what cannot be read bounds nothing


def _rank(item: Any) -> int:
    if item.use in _FIRST:
        return _FIRST.index(item.use)
    return len(_FIRST) + (item.use in _LAST)
