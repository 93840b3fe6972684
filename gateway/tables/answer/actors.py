"""Whom a schedule is for and where it is: from a Schedule's references to lines of the directory.

Several actors of a kind are several lines. Who and where were found through the same actor (a
PractitionerRole at its locations) belong together; otherwise everybody is at every place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.tables.answer.pool import Item, Pool, Reader

PRACTITIONER: Final = "Practitioner"
MOST_LINES: Final = 50
"""Lines of one schedule; a schedule of more actors is told."""


@dataclass(frozen=True, slots=True)
class Way:
    """A join with its paths compiled. ``steps``: the type of resource that each reads, and its reader."""

    steps: tuple[tuple[str, Reader], ...] = ()
    text: Reader | None = None
    after: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A resource that a schedule leads to: by which of its actors (-1: by a text), and through what."""

    actor: int
    through: tuple[Item, ...]
    item: Item


@dataclass(frozen=True, slots=True)
class Line:
    """The resources that one line of the directory is made of."""

    practitioner: Item | None
    place: Item | None
    through: tuple[Item, ...] = ()


Missing = tuple[str, str, str]
"""A search that would bring what is referred to: the type of resource, the parameter, the value."""


@dataclass(slots=True)
class Actors:
    """Follows the ways to each type of resource, the first that finds something first."""

    ways: Mapping[str, tuple[Way, ...]]
    pool: Pool
    missing: dict[Missing, None] = field(default_factory=dict)

    def hits(self, start: Item, kind: str) -> list[Hit]:
        """What a resource leads to by the first way that finds something; of practitioners, what each of its
        actors leads to by the first that finds somebody. What is referred to and is not there is noted in
        ``missing``."""
        if kind == PRACTITIONER:
            return self._by_actor(start, kind) or self._by_text(start, kind)
        for way in self.ways.get(kind, ()):
            found = list(self._followed(start, kind, way))
            found = found or self._named(start, kind, way)
            if found:
                return found
        return []

    def _by_actor(self, start: Item, kind: str) -> list[Hit]:
        found: dict[int, list[Hit]] = {}
        for way in self.ways.get(kind, ()):
            of_way: dict[int, list[Hit]] = {}
            for hit in self._followed(start, kind, way):
                of_way.setdefault(hit.actor, []).append(hit)
            found = {**of_way, **found}
        return [hit for actor in sorted(found) for hit in found[actor]]

    def _by_text(self, start: Item, kind: str) -> list[Hit]:
        named = (self._named(start, kind, way) for way in self.ways.get(kind, ()))
        return next((found for found in named if found), [])

    def _named(self, start: Item, kind: str, way: Way) -> list[Hit]:
        """The one that a text of the resource names."""
        if way.text is None:
            return []
        named = (self.pool.by_name(kind, text, way.after) for text in way.text(start.value))
        return [Hit(-1, (), item) for item in named if item is not None][:1]

    def _followed(self, start: Item, kind: str, way: Way) -> Iterator[Hit]:
        if not way.steps or way.steps[0][0] != start.kind:
            return
        reached: list[tuple[int, tuple[Item, ...]]] = [(-1, ())]
        for number, (_, read) in enumerate(way.steps):
            wanted = way.steps[number + 1][0] if number + 1 < len(way.steps) else kind
            further: list[tuple[int, tuple[Item, ...]]] = []
            for actor, through in reached:
                of = through[-1] if through else start
                for position, reference in enumerate(read(of.value)):
                    item = self.pool.find(reference, wanted, of)
                    if item is not None:
                        further.append((position if number == 0 else actor, (*through, item)))
                    elif (named := self.pool.named(reference, wanted)) is not None:
                        self.missing[wanted, *named] = None
            reached = further
        seen: set[tuple[int, int]] = set()
        for actor, through in reached:
            if (key := (actor, id(through[-1]))) not in seen:
                seen.add(key)
                yield Hit(actor, through[:-1], through[-1])

    def names(self, start: Item, kind: str) -> bool:
        """Whether a resource names another of that type, by reference or by text, be it there or not."""
        for way in self.ways.get(kind, ()):
            first = way.steps[1][0] if len(way.steps) > 1 else kind
            if way.steps and way.steps[0][0] == start.kind:
                references = way.steps[0][1](start.value)
                if any(
                    self.pool.named(each, first) or self.pool.find(each, first, start) for each in references
                ):
                    return True
            texts = way.text(start.value) if way.text is not None else ()
            if any(way.after.casefold() in text.casefold() for text in texts):
                return True
        return False

    def used(self, start: Item) -> frozenset[int]:
        """Which actors lead to anything, whatever it is."""
        return frozenset(
            position
            for kind, ways in self.ways.items()
            for way in ways
            if way.steps and way.steps[0][0] == start.kind
            for position, reference in enumerate(way.steps[0][1](start.value))
            if self.pool.find(reference, way.steps[1][0] if len(way.steps) > 1 else kind, start) is not None
        )


def lines(practitioners: Sequence[Hit], places: Sequence[Hit]) -> list[Line]:
    """The lines of a schedule with these practitioners and places; one of neither where there are none."""
    shared = {hit.actor for hit in practitioners if hit.through} & {
        hit.actor for hit in places if hit.through
    }
    found = [
        Line(who.item, where.item, _merged(who.through, where.through))
        for who in practitioners
        for where in places
        if who.actor == where.actor and who.actor in shared
    ]
    paired = {line.practitioner for line in found}
    alone = [hit for hit in practitioners if hit.actor not in shared and hit.item not in paired]
    others = [hit for hit in places if hit.actor not in shared]
    for who in alone:
        found += [Line(who.item, each.item, _merged(who.through, each.through)) for each in others]
        found += [Line(who.item, None, who.through)] if not others else []
    if not practitioners:
        found += [Line(None, each.item, each.through) for each in others]
    return _once(found) or [Line(None, None)]


def _merged(one: tuple[Item, ...], other: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _once(found: Iterable[Line]) -> list[Line]:
    kept: dict[tuple[int, int], Line] = {}
    for line in found:
        kept.setdefault((id(line.practitioner), id(line.place)), line)
    return list(kept.values())


def usable(hits: Sequence[Hit], why: Callable[[Item], str | None]) -> tuple[list[Hit], list[tuple[str, str]]]:
    """Those of the hits that may be used; and of the others the type that says that it may not, and why."""
    kept: list[Hit] = []
    reasons: list[tuple[str, str]] = []
    for hit in hits:
        reason = next(
            ((item.kind, found) for item in (*hit.through, hit.item) if (found := why(item)) is not None),
            None,
        )
        if reason is None:
            kept.append(hit)
        else:
            reasons.append(reason)
    return kept, reasons
