"""What is in force: which resources may be used, and which of several names and numbers is meant.

By the rules of FHIR R4 alone, whatever the dialect: its modifier elements (``active``, ``status``,
``modifierExtension``), ``Schedule.planningHorizon``, and ``use`` and ``period`` of Identifier, HumanName,
ContactPoint and Address.
"""

from __future__ import annotations

import math
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
    "PractitionerRole": (MODIFIERS, parse("active"), parse("period.start"), parse("period.end")),
    "Location": (MODIFIERS, parse("status")),
    "HealthcareService": (MODIFIERS, parse("active")),
    "Organization": (MODIFIERS, parse("active")),
}
"""What is read of a resource to know whether it may be used, by its type."""

# R4's use of an Identifier, HumanName and so on: those of one rank stay in the order in which they stand.
_FIRST: Final = ("official", "usual", None)
_LAST: Final = frozenset({"nickname", "maiden", "old"})
_NAMED: Final = "name"  # the one list in which an old one is better than none
_PARTS: Final = ("family", "given")  # of a name; with any of them its text says nothing more

# What an item must have one of, without which it says nothing.
_SAYING: Final[dict[str, tuple[str, ...]]] = {
    "identifier": ("value",),
    "name": (*_PARTS, "text"),
    "telecom": ("value",),
    "address": ("line", "city", "state", "postalCode", "country"),
}
# What else of an item tells whether and when it is used.
_TELLING: Final[dict[str, tuple[str, ...]]] = {
    "identifier": ("system", "type.coding.code"),
    "telecom": ("rank",),
    "address": ("type",),
}

NPI: Final = ("http://hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.6")
"""The two spellings of one system."""

# Numbers of a person: of social security, of taxes, of a passport, of a driving licence.
_PRIVATE_SYSTEMS: Final = (
    "http://hl7.org/fhir/sid/us-ssn",
    "http://hl7.org/fhir/sid/passport",
    "urn:oid:2.16.840.1.113883.4.1",
    "urn:oid:2.16.840.1.113883.4.2",
    "urn:oid:2.16.840.1.113883.4.3",
    "urn:oid:2.16.840.1.113883.4.330",
)
"""Such a system, or one below it: behind a dot of an OID, a slash or hyphen of a URL."""
_PRIVATE_TYPES: Final = frozenset(
    ["SS", "SB", "TAX", "NI", "PPN", "DL", "CZ", "PRC", "PNT", "TPR", "BA", "BC", "MA", "MB", "MC"]
)
"""Codes of HL7's table 0203. Those that begin with NN are national numbers of persons, too."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """A list of a resource whose items have ``use`` and ``period``. One without any of what ``saying`` names
    says nothing."""

    name: str
    saying: tuple[str, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """What is read of its items beside what rows read."""
        told = ("use", "period.start", "period.end", *self.saying, *_TELLING.get(self.name, ()))
        return tuple(parse(f"{self.name}.{each}") for each in told)


def ordered_lists(paths: Iterable[Path], view: SchemaView) -> tuple[Ordered, ...]:
    """Those lists among what the paths read of a type of resource."""
    found: dict[str, Ordered] = {}
    for name in dict.fromkeys(path.steps[0].name for path in paths):
        item = view.item(view.children(view.root).get(name, {}))
        fields = view.children(item) if item is not None else {}
        if {"use", "period"} <= fields.keys():
            found[name] = Ordered(name, _SAYING.get(name, ()))
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
            kept = [item for item in items if item is not None and self._told(each, item)]
            kept.sort(key=_rank)
            if each.name == "identifier":
                kept = _of_one_rank(kept)
            setattr(resource, attr, kept)

    def _told(self, list_: Ordered, item: Any) -> bool:
        """Whether an item of a list is in force, says something, and may be told."""
        if _use(item) == "old" and list_.name != _NAMED:
            return False
        if list_.saying and not any(_says(getattr(item, name)) for name in list_.saying):
            return False
        if list_.name == "identifier" and _private(item):
            return False
        if list_.name == _NAMED and any(_says(getattr(item, name)) for name in _PARTS):
            item.text = None
        return not (self._over(item.period) or self._not_begun(item.period))

    def unusable(self, kind: str, resource: Any) -> str | None:
        """Why a resource of the directory must not be used; None if it may be."""
        if resource.modifierExtension:
            return "has a modifier extension that is not known here"
        if kind == "Location":
            return _place_status(resource.status)
        if resource.active is False:
            return "is not active"
        if kind == "Schedule" and self._over(resource.planningHorizon):
            return "is planned no further than until now"
        if kind == "PractitionerRole" and (self._over(resource.period) or self._not_begun(resource.period)):
            return "is not in force now"
        return None

    def horizon(self, schedule: Any) -> tuple[datetime | None, datetime | None]:
        """From when until when (exclusive) a Schedule is planned, as far as it says so."""
        period = schedule.planningHorizon
        if period is None:
            return None, None
        return self._bound(period.start, 0), self._bound(period.end, 1)

    def planned(self, schedule: Any, start: str) -> bool:
        """Whether a Schedule is planned for what starts then; also where that cannot be read."""
        first, last = self.horizon(schedule)
        at = self._bound(start, 0) if first is not None or last is not None else None
        return at is None or ((first is None or first <= at) and (last is None or at < last))

    def _over(self, period: Any) -> bool:
        """Whether a Period has ended. A day, month or year that it ends with belongs to it."""
        if period is None or self._now is None:
            return False
        end = self._bound(period.end, 1)
        return end is not None and end <= self._now

    def _not_begun(self, period: Any) -> bool:
        """Whether a Period is yet to begin."""
        if period is None or self._now is None:
            return False
        start = self._bound(period.start, 0)
        return start is not None and start > self._now

    def _bound(self, text: str | None, which: int) -> datetime | None:
        if not text:
            return None
        try:
            return parse_range(text, self._zone)[which]
        except ValueError:
            return None  # what cannot be read bounds nothing


def _place_status(status: str | None) -> str | None:
    """What a Location's status says against its use. It modifies all else, so one that R4 does not have is
    not passed over; capitals make no other of those that it has."""
    said = (status or "").strip().lower()
    if said in ("", "active"):
        return None
    return f"is {said}" if said in ("suspended", "inactive") else "has a status that FHIR does not have"


def _rank(item: Any) -> tuple[int, bool, float]:
    """Where an item stands: by its use; a house before a post box; by its own rank, 1 before all others."""
    said = _use(item)
    use = _FIRST.index(said) if said in _FIRST else len(_FIRST) + (said in _LAST)
    rank = getattr(item, "rank", None)
    return use, getattr(item, "type", None) == "postal", math.inf if rank is None else rank


def _use(item: Any) -> str | None:
    """Its use; capitals, which some servers write, make no other of it."""
    return (item.use or "").strip().lower() or None


def _of_one_rank(identifiers: list[Any]) -> list[Any]:
    """Identifiers in order, of NPIs only those that are to be used first, however their system is spelt: rows
    look for one spelling after the other."""
    npis = [each for each in identifiers if each.system in NPI]
    return [each for each in identifiers if each.system not in NPI or _rank(each) == _rank(npis[0])]


def _says(value: Any) -> bool:
    """Whether there is a text, or one among several, that is not blank."""
    if isinstance(value, list):
        return any(_says(each) for each in value)
    return bool(value and value.strip())


def _private(identifier: Any) -> bool:
    """Whether an Identifier is a person's own, which is nobody's business but theirs."""
    system = (identifier.system or "").strip().casefold()
    if any(
        system.startswith(each) and system[len(each) :][:1] in ("", ".", "/", "-")
        for each in _PRIVATE_SYSTEMS
    ):
        return True
    codings = identifier.type.coding if identifier.type is not None else None
    codes = {(each.code or "").strip().upper() for each in codings or () if each is not None}
    return not codes.isdisjoint(_PRIVATE_TYPES) or any(code.startswith("NN") for code in codes)
