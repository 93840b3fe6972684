"""``dialect.yaml``: what an upstream's dialect can differ in beside its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from jsonschema import Draft202012Validator

from gateway.files import marked, shape
from gateway.files.marked import Fault, Mark, MarkedMap, Node, find
from gateway.tables.read.cells import read_cells
from gateway.tables.read.joins import Join, Level, check_joins, joins, levels
from gateway.tables.read.layers import Source
from gateway.tables.read.slot_ways import SlotWay, check_slots, slot_ways


@dataclass(frozen=True, slots=True)
class Dialect:
    """The effective settings.

    ``searches``: the resource types that are read whole for the directory, and with which fixed parameters;
    others are read by the ids that Schedules name, ``named_at_most`` in one search. ``page_sizes`` are those
    of single resource types (empty: none is asked for). ``joins``: the ways to a Practitioner, Location or
    Organization; ``marks``: where the joins (``join of Location``), the ``page_size`` and each name of
    ``together`` (``together schedule``) are written. ``slots``: what a Slot tells of its line of the
    directory, where its Schedule is none of that; ``apart_by_system``: parameters of which values of several
    systems are not sent in one search. ``miscounts``: the types of which more are counted than there are;
    ``withheld``: fields of a slot that Redox has answered, by their dotted names, which do not go on where
    Redox is answered.
    """

    upstream: Literal["fhir", "redox"] = "fhir"
    directory: Literal["upstream", "csv"] = "upstream"
    clients: str = "redox"
    page_size: tuple[str, str] | None = None
    page_sizes: Mapping[str, str] = field(default_factory=dict)
    named_at_most: int = 50
    searches: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    joins: Mapping[str, tuple[Join, ...]] = field(default_factory=dict)
    levels: Mapping[str, Level] = field(default_factory=dict)
    slots: tuple[SlotWay, ...] = ()
    sorted_by_start: bool = False
    combine_slots: bool = False
    miscounts: frozenset[str] = frozenset()
    together: frozenset[str] = frozenset()
    apart_by_system: frozenset[str] = frozenset()
    together_at_most: int = 20
    withheld: tuple[str, ...] = ()
    marks: Mapping[str, Mark] = field(default_factory=dict)

    def page_of(self, kind: str) -> tuple[tuple[str, str], ...]:
        """The parameter that asks for so many resources of a type in one page; none where none is asked."""
        if self.page_size is None:
            return ()
        size = self.page_sizes.get(kind, self.page_size[1])
        return ((self.page_size[0], size),) if size else ()


def load(sources: Iterable[Source], validator: Draft202012Validator, faults: list[Fault]) -> Dialect:
    """The settings of a stack of files, lowest first: a higher one's key replaces the lower one's.

    ``searches``, ``joins`` and ``levels`` are replaced one resource type, or level, at a time.
    """
    settings: dict[str, Any] = {}
    marks: dict[str, Mark] = {}
    for source in sources:
        node = read_cells(source, faults)
        bad = shape.wrong(node, validator) if node is not None else []
        faults.extend(each.fault for each in bad)
        if node is None or any(len(each.path) < len(("dialect", "key")) for each in bad):
            continue
        below = cast(dict[str, Any], marked.plain(cast(Node, node.get("dialect"))))
        for key in {each.path[1] for each in bad}:
            del below[str(key)]
        for key, value in below.items():
            if key in ("searches", "joins", "levels"):
                settings[key] = {**settings.get(key, {}), **value}
            else:
                settings[key] = value
        marks.update(_marks(node, below))
        check_joins(node, below.get("joins", {}), faults)
        check_slots(node, below.get("slots", ()), faults)
    page = settings.get("page_size")
    return Dialect(
        upstream=settings.get("upstream", "fhir"),
        directory=settings.get("directory", "upstream"),
        clients=settings.get("clients", "redox"),
        page_size=(page["param"], page["value"]) if page and _any_size(page) else None,
        page_sizes=page.get("of", {}) if page else {},
        named_at_most=int(settings.get("named_at_most", "50")),
        searches={name: tuple((fixed or {}).items()) for name, fixed in settings.get("searches", {}).items()},
        joins=joins(settings.get("joins", {})),
        levels=levels(settings.get("levels", {})),
        slots=slot_ways(settings.get("slots", ())),
        apart_by_system=frozenset(settings.get("apart_by_system", ())),
        combine_slots=settings.get("combine_slots") == "true",
        miscounts=frozenset(settings.get("miscounts", ())),
        sorted_by_start=settings.get("sorted_by_start") == "true",
        together=frozenset(settings.get("together", ())),
        together_at_most=int(settings.get("together_at_most", "20")),
        withheld=tuple(settings.get("withheld", ())),
        marks=marks,
    )


def _any_size(page: Mapping[str, Any]) -> bool:
    return bool(page["value"] or any(page.get("of", {}).values()))


def _marks(node: MarkedMap, settings: dict[str, Any]) -> dict[str, Mark]:
    marks = {
        f"join of {name}": find(node, ["dialect", "joins", name], key=True)
        for name in settings.get("joins", ())
    }
    for number, name in enumerate(settings.get("together", ())):
        marks[f"together {name}"] = find(node, ["dialect", "together", number])
    for number, name in enumerate(settings.get("withheld", ())):
        marks[f"withheld {name}"] = find(node, ["dialect", "withheld", number])
    if "slots" in settings:
        marks["slots"] = find(node, ["dialect", "slots"], key=True)
    if "page_size" in settings:
        marks["page_size"] = find(node, ["dialect", "page_size"], key=True)
    return marks
