"""Whom a schedule is for and where it is: from a Schedule's references to lines of the directory.

Several actors of a kind are several lines. Who and where were found through the same actor (a
PractitionerRole at its locations) belong together; otherwise everybody is at every place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gateway.tables.answer.pool import Item, Pool, Reader

PRACTITIONER: Final = "Practitioner"
MOST_LINES: Final = 50
"""Lines of one schedule; a schedule of more actors is told."""


class Step(NamedTuple):
    """An element that is a reference: the type of resource that has it, its reader and its path."""

    kind: str
    read: Reader
    path: str


@dataclass(frozen=True, slots=True)
class Way:
    """A join with its paths compiled."""

    steps: tuple[Step, ...] = ()
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
Ended = tuple[str, str]
"""Where a way ends at a reference to nothing that is known: the element, and why."""


@dataclass(slots=True)
class Actors:
    """Follows the ways to each type of resource, the first that finds something first. ``missing`` are the
    searches that would bring more, and whether that is surely of this type; ``ended`` the references, behind
    the first of a way, that lead nowhere."""

    ways: Mapping[str, tuple[Way, ...]]
    pool: Pool
    missing: dict[Missing, bool] = field(default_factory=dict)
    ended: dict[Ended, None] = field(default_factory=dict)
    _kinds: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind, ways in self.ways.items():
            for way in ways:
                for step, wanted in _stepped(way, kind):
                    self._kinds.setdefault(step.path, set()).add(wanted)

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
        if not way.steps or way.steps[0].kind != start.kind:
            return
        reached: list[tuple[int, tuple[Item, ...]]] = [(-1, ())]
        for number, (step, wanted) in enumerate(_stepped(way, kind)):
            further: list[tuple[int, tuple[Item, ...]]] = []
            for actor, through in reached:
                of = through[-1] if through else start
                for position, reference in enumerate(step.read(of.value)):
                    item = self._found(reference, wanted, of, step)
                    if item is not None:
                        further.append((position if number == 0 else actor, (*through, item)))
                    elif number:
                        self.ended[step.path, self.pool.why_not(reference, of)] = None
            reached = further
        seen: set[tuple[int, int]] = set()
        for actor, through in reached:
            if (key := (actor, id(through[-1]))) not in seen:
                seen.add(key)
                yield Hit(actor, through[:-1], through[-1])

    def _found(self, reference: Any, wanted: str, of: Item, step: Step) -> Item | None:
        """The resource of this type; if it is not there, what would bring it is noted."""
        kinds = self._kinds[step.path]
        item = self.pool.find(reference, wanted, of, kinds)
        if item is None and (named := self.pool.named(reference, wanted, kinds)) is not None:
            sure = bool(reference.reference or reference.type) or len(kinds) == 1
            self.missing[wanted, *named] = sure
        return item

    def names(self, start: Item, kind: str) -> bool:
        """Whether a resource names another of that type, by reference or by text, be it there or not."""
        for way in self.ways.get(kind, ()):
            for step, first in _stepped(way, kind)[:1]:
                if step.kind != start.kind:
                    break
                kinds = self._kinds[step.path]
                if any(
                    self.pool.named(each, first, kinds) or self.pool.find(each, first, start, kinds)
                    for each in step.read(start.value)
                ):
                    return True
            texts = way.text(start.value) if way.text is not None else ()
            if any(way.after.casefold() in text.casefold() for text in texts):
                return True
        return False

    def used(self, start: Item) -> frozenset[int]:
        """Which actors lead to anybody or anywhere."""
        return frozenset(
            hit.actor
            for kind, ways in self.ways.items()
            for way in ways
            for hit in self._followed(start, kind, way)
        )


def _stepped(way: Way, kind: str) -> list[tuple[Step, str]]:
    """The steps of a way, each with the type of resource that it leads to."""
    return list(zip(way.steps, (*(step.kind for step in way.steps[1:]), kind), strict=False))


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
