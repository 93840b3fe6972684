"""Free slots that touch, made into every longer time that fits: many servers publish short ones to be
combined (``Appointment.slot`` of FHIR R4 is a list).

Only slots of one schedule and of one kind are put together. A time that is made so has the ids of all its
slots in its own, so that it can be booked by that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from gateway.core.mapping import Wanted
from gateway.core.values import Pieces
from gateway.core.window import MAX_MINUTES, later, to_utc_text
from gateway.tables.codecs.names import slot_key
from gateway.tables.compile.source import Source, reader
from gateway.tables.compile.to_redox.table import ID, LENGTH, ToRedox
from gateway.tables.rows.paths import Path, parse
from gateway.tables.rows.schema import Found, SchemaView

KINDS: Final[tuple[Path, ...]] = tuple(
    parse(f"{element}.{each}")
    for element in ("serviceCategory", "serviceType", "specialty", "appointmentType")
    for each in ("coding.system", "coding.code", "text")
)
"""What of a Slot says of which kind it is."""
BETWEEN: Final = "+"
"""Between the ids of slots in that of the time that they make; in an id it is written ``%2B``."""

_AT_ONCE: Final = 1_000  # slots, in a few milliseconds
Group = tuple[dict[str, str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Atom:
    """A free slot: its start in UTC, its minutes and its JSON text, open at its end."""

    start: datetime
    minutes: int
    text: str

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)


class Combining:
    """Made once per site; reads of which kind slots are."""

    def __init__(self, compiled: ToRedox, view: SchemaView) -> None:
        self._compiled = compiled
        source = Source()
        for number, path in enumerate(KINDS):
            found = view.find(path)
            assert isinstance(found, Found), found
            reader(source, f"read_{number}", path, found.lists, f"Slot.{path}, to tell kinds apart")
        scope = source.build("slots, by their kinds")
        self._readers = [scope[f"read_{number}"] for number in range(len(KINDS))]

    def combine(
        self,
        parts: Iterable[Sequence[Any]],
        groups: Callable[[str], Group | None],
        wanted: Wanted,
        planned: Mapping[int, tuple[str, str]],
    ) -> Pieces[int]:
        """Adds to the groups the times that fit, made of the slots of one answer; gives back how many. They
        begin in the window, as every slot that counts, and may end after it.

        ``groups`` finds the group of a schedule's reference; ``planned`` has, by the ``id`` of a group's
        texts, from when until when slots of its schedule may begin.
        """
        kinds: dict[tuple[tuple[str, ...], ...], list[Any]] = {}
        for slots in parts:
            for slot in slots:
                kind = tuple(tuple(sorted(map(str, read(slot)))) for read in self._readers)
                kinds.setdefault(kind, []).append(slot)
        made = 0
        for alike in kinds.values():
            yield
            for group, texts in self._pieces(alike, groups, wanted).values():
                low, high = planned.get(id(group[0]), ("", "~"))
                within = {when: text for when, text in texts.items() if low <= when < high}
                made += yield from _combined(group, within, wanted)
        return made

    def _pieces(
        self, slots: Sequence[Any], groups: Callable[[str], Group | None], wanted: Wanted
    ) -> dict[int, tuple[Group, dict[str, str]]]:
        """The slots of one kind, whatever their length, by the group of their schedule."""
        pieces: dict[int, tuple[Group, dict[str, str]]] = {}

        def apart(reference: str) -> Group | None:
            group = groups(reference)
            if group is None:
                return None
            return pieces.setdefault(id(group), (group, {}))[1], group[1]

        high = later(wanted.high, max(wanted.lengths or (wanted.shortest,)))
        self._compiled.convert(slots, apart, wanted.low, high, 0, None, [], [])
        return pieces


def _combined(group: Group, texts: dict[str, str], wanted: Wanted) -> Pieces[int]:
    atoms = [_atom(when, text) for when, text in texts.items()]
    following: dict[datetime, list[_Atom]] = {}
    for atom in atoms:
        following.setdefault(atom.start, []).append(atom)
    made = 0
    for number, atom in enumerate(atoms, 1):
        if number % _AT_ONCE == 0:
            yield
        start = to_utc_text(atom.start)
        if start >= wanted.high:
            continue
        for length in wanted.lengths or (wanted.shortest,):
            chain = _chain(atom, following, length)
            minutes = sum(each.minutes for each in chain)
            if chain and (wanted.prefers is None or wanted.prefers(start, minutes)):
                text = _text(chain, start, minutes)
                key = f"{start}~{minutes}~{msgspec.json.decode(text + '}')[ID]}"
                made += key not in group[0]
                group[0].setdefault(key, text)
    return made


def _atom(when: str, text: str) -> _Atom:
    start, minutes, *_ = when.split("~", 2)
    return _Atom(datetime.fromisoformat(start), int(minutes), text)


def _chain(first: _Atom, following: dict[datetime, list[_Atom]], shortest: int) -> list[_Atom]:
    """The slots from the first on, each beginning where the one before ends, that are long enough together,
    and of those the shortest time; none where the first is by itself, or where none are."""
    if first.minutes >= shortest:
        return []
    latest = first.start + timedelta(minutes=MAX_MINUTES)
    ways: dict[datetime, list[_Atom]] = {first.end: [first]}
    while ways:
        end = min(ways)
        chain = ways.pop(end)
        if end >= first.start + timedelta(minutes=shortest):
            return chain
        for atom in following.get(end, ()):
            if atom.end <= latest:
                ways.setdefault(atom.end, [*chain, atom])
    return []


def _object(atom: _Atom) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(f"{atom.text}}}")
    return found


def _text(chain: Sequence[_Atom], start: str, minutes: int) -> str:
    """The first slot's text with the length and the ids of all."""
    ids = [str(_object(each)[ID]) for each in chain]
    made = {**_object(chain[0]), LENGTH: minutes, ID: _id(ids, chain, start, minutes)}
    return msgspec.json.encode(made).decode()[:-1]


def _id(ids: Sequence[str], chain: Sequence[_Atom], start: str, minutes: int) -> str:
    """The ids of all; of slots that have none, that of a slot of this schedule, start and length."""
    schedule = ids[0].removesuffix(slot_key("", start, chain[0].minutes))
    tails = (slot_key(schedule, to_utc_text(each.start), each.minutes) for each in chain)
    if ids == list(tails):
        return slot_key(schedule, start, minutes)
    return BETWEEN.join(each.replace("%", "%25").replace(BETWEEN, "%2B") for each in ids)
