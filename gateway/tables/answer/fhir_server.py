"""The side of a site's tables that FHIR clients see: the same rows, read from right to left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from gateway.core import redox_answers, window
from gateway.core.directory import PROVIDER_ID_TYPE, Cells, Directory, identified
from gateway.core.envelope import UNREADABLE
from gateway.core.errors import Issue
from gateway.core.fhir import writable
from gateway.core.mapping import Entries, FhirDirectory, Sought, Wanted
from gateway.core.matching import Holders, lowest
from gateway.core.nearest import folded
from gateway.core.redox_flows import Relayed
from gateway.core.values import AT_ONCE_BYTES, Pieces, ordered, parts
from gateway.tables.answer.resources import KINDS
from gateway.tables.answer.search import SearchTable
from gateway.tables.codecs.names import named_slot, schedule_name
from gateway.tables.compile.bind import BoundRow
from gateway.tables.compile.to_fhir.table import ToFhir
from gateway.tables.compile.to_redox.table import encode
from gateway.tables.rows import paths
from gateway.tables.rows.model import Table

_LINES_AT_ONCE, _ENTRIES_AT_ONCE = 200, 1_000
_KEYS_KEPT = 10_000
_AGREEING_KEPT, _LONG_KEY = 2_000, 4_096  # keys, bytes
_SLOT_KEY = re.compile(r"(.+)~\d{4}-\d\d-\d\dT[^~]+~\d+", re.DOTALL)
_Entry = tuple[str, str, str]
_Group = tuple[dict[str, _Entry], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class FhirServerTables:
    """Implements :class:`gateway.core.mapping.FhirServer`. ``relayed``: what may pass where Redox is asked
    what Redox asked: fields of a query that a row reads, and those of a slot that Redox's schema has.
    ``query_table`` is the one that reads the searches; ``layer`` a hash of its files where they are not among
    those of the site's own tables."""

    search: SearchTable
    to_fhir: ToFhir
    directory_rows: tuple[BoundRow, ...]
    relayed: Relayed
    query_table: Table
    layer: str = ""

    @property
    def names(self) -> frozenset[str]:
        """The parameters that choose slots."""
        return self.search.names

    @property
    def references(self) -> frozenset[str]:
        """Those of them whose values are references."""
        return self.search.references

    def read(self, params: Sequence[tuple[str, str]], zone: ZoneInfo | None = None) -> Sought:
        """A search for slots by its rows. ``zone``: only what it says of time, as a clinic there means it."""
        return self.search.read(params, zone)

    def write(
        self, sought: Sought, start: str, end: str, minutes: int | None, lines: Sequence[Cells] | None
    ) -> dict[str, Any]:
        """The Redox query for it, without Meta."""
        return self.search.write(sought, start, end, minutes, lines)

    def unaskable(self, lines: Sequence[Cells]) -> tuple[str, ...]:
        """The schedules among the lines that Redox cannot be asked for."""
        return self.search.unaskable(lines)

    def slots(
        self, answer: bytes, directory: Directory, positions: Sequence[int] | None, wanted: Wanted, base: str
    ) -> Pieces[Entries]:
        """Redox's answer as searchset entries."""
        incomplete, read = yield from self._opened(answer)
        gathered = _Gathered(self, directory, positions, (yield from _holders(directory)))
        counts: Counter[str] = Counter()
        for number, (slots, broken) in enumerate(read):
            if number:
                yield
            stray: list[Any] = []
            malformed: list[Any] = []
            outside, doubles, unfit = self.to_fhir.convert(
                slots, gathered.group, wanted.low, wanted.high, wanted.shortest, base, stray, malformed
            )
            counts["received"] += len(slots) + broken
            counts["outside"] += outside
            counts["doubles"] += doubles
            counts["unfit"] += unfit
            counts["stray"] += len(stray) - (gathered.ambiguous - counts["ambiguous"])
            counts["ambiguous"] = gathered.ambiguous
            counts["malformed"] += len(malformed) + broken
        entries = yield from gathered.entries()
        if wanted.ends is not None:
            kept = yield from _ending(entries, wanted.ends)
            counts["outside"] += len(entries) - len(kept)
            entries = kept
        return Entries(
            entries, incomplete, _issues(counts), {name: number for name, number in counts.items() if number}
        )

    def _opened(self, answer: bytes) -> Pieces[tuple[bool, Iterable[tuple[list[Any], int]]]]:
        """Whether Redox said that there is more; and the typed slots, with how many could not be read, in
        parts."""
        if len(answer) <= AT_ONCE_BYTES:
            try:
                read = self.to_fhir.answer(answer)
            except UNREADABLE:
                pass
            else:
                return redox_answers.is_incomplete(read.Meta), [(read.AvailableSlots, 0)]
        incomplete, slots = yield from redox_answers.opened(answer)
        return incomplete, map(self._typed, parts(slots))

    def _typed(self, slots: Sequence[msgspec.Raw]) -> tuple[list[Any], int]:
        found = []
        for raw in slots:
            try:
                found.append(self.to_fhir.slot(raw))
            except UNREADABLE:
                continue
        return found, len(slots) - len(found)

    def fhir_directory(self, directory: Directory) -> Pieces[FhirDirectory]:
        """The directory as FHIR resources, made once per directory."""
        made: FhirDirectory | None = directory.memo.get("FHIR resources")
        if made is None:
            made = directory.memo["FHIR resources"] = yield from self._fhir_directory(directory)
        return made

    def _fhir_directory(self, directory: Directory) -> Pieces[FhirDirectory]:
        resources = FhirDirectory(
            {kind: {} for kind in KINDS}, {kind: {} for kind in KINDS}, {}, self._system()
        )
        told: dict[str, dict[str, dict[str, str]]] = {kind: {} for kind in KINDS}
        for number, line in enumerate(map(identified, directory.lines), 1):
            if number % _LINES_AT_ONCE == 0:
                yield
            named = [
                (kind, found["id"]) for kind in KINDS if (found := self._resource(kind, line)) is not None
            ]
            for kind, identifier in named:
                # Who works on several schedules is one resource, told by all their lines; a higher one wins.
                told[kind][identifier] = {**line, **told[kind].get(identifier, {})}
                resources.lines[kind].setdefault(identifier, []).append(line)
                if kind == "Schedule":
                    actors = (each for each in named if each[0] != kind)
                    known = resources.actors.get(identifier, ())
                    resources.actors[identifier] = tuple(dict.fromkeys((*known, *actors)))
        for kind, found in told.items():
            for number, (identifier, cells) in enumerate(found.items(), 1):
                if number % _LINES_AT_ONCE == 0:
                    yield
                made = self._resource(kind, cells)
                lines = resources.lines[kind][identifier]
                if kind == "Schedule" and made is not None and len(lines) > 1:
                    made["actor"] = self._actors(lines)
                resources.texts[kind][identifier] = encode(made)
        return resources

    def _system(self) -> Callable[[str], str]:
        """A function from an identifier's system, as a client spells it, to how the directory's rows do: a
        type of IDs may have several."""
        reads = next((each.codec.to_redox for each in self.search.identifiers), None)
        written = (row for row in self.directory_rows if row.row.directory == PROVIDER_ID_TYPE)
        writes = next((each.codec.to_fhir for each in written if each.row.to_fhir), None)
        if reads is None or writes is None:
            return str

        def system(text: str) -> str:
            try:
                return str(writes(reads(f"{text}|-").kind))
            except ValueError:
                return text

        return system

    def _actors(self, lines: Iterable[Cells]) -> list[Any]:
        """The actors of a schedule of several lines, each once."""
        found: list[Any] = []
        for line in lines:
            made = self._resource("Schedule", line)
            found += [each for each in (made or {}).get("actor", ()) if each not in found]
        return found

    def _resource(self, kind: str, line: Cells) -> dict[str, Any] | None:
        """A line's Schedule, Practitioner or Location by the directory table; None if it has no id."""
        written: dict[str, Any] = {"resourceType": kind}
        for bound in self.directory_rows:
            row = bound.row
            cell = line.get(row.directory or "")
            if row.root != kind or not row.to_fhir or not cell:
                continue
            try:
                value = writable(bound.codec.to_fhir(cell))
            except ValueError:
                value = writable(cell) if row.unmapped == "pass" else None
            if value is not None:
                path, found = bound.fhir[0]
                paths.write(path, written, value, found.lists)
        if kind == "Schedule":
            # Schedule.actor is 1..*: a schedule of which nothing else is known stands for itself.
            written.setdefault("actor", [{"display": writable(line["schedule"]) or "schedule"}])
        return written if "id" in written else None

    def named(self, name: str, directory: Directory) -> tuple[int, str, int] | None:
        """The line, start in UTC and minutes that a slot's id names; None if it names none."""
        parts = named_slot(name)
        if parts is None or not 0 < parts[2] <= window.MAX_MINUTES:
            return None
        positions: dict[str, int] | None = directory.memo.get("named")
        if positions is None:
            positions = directory.memo["named"] = {}
            for position, line in enumerate(directory.lines):
                positions.setdefault(schedule_name(line["schedule"]), position)
        found = positions.get(parts[0])
        return (found, parts[1], parts[2]) if found is not None else None


class _Gathered:
    """The groups of one answer: one for each schedule, found once for each provider and location. Candidates
    are lines of the directory as bits.

    What does not depend on who was asked for stays with the directory from answer to answer.
    """

    def __init__(
        self,
        fhir_server: FhirServerTables,
        directory: Directory,
        positions: Sequence[int] | None,
        holders: Holders,
    ) -> None:
        self._fhir_server = fhir_server
        self._directory = directory
        self._holders = holders
        self._allowed = holders.every if positions is None else sum(1 << each for each in set(positions))
        self._found: dict[tuple[bytes, ...], int] = {}
        self._groups: dict[int, _Group] = {}
        self._first = _first_lines(directory)
        self.ambiguous = 0
        self._blocks: dict[int, tuple[Any, ...]] = directory.memo.setdefault("blocks", {})
        self._agreeing: dict[tuple[bytes, ...], int] = directory.memo.setdefault("agreeing", {})

    def group(self, slot: Any, key: tuple[bytes, ...]) -> tuple[_Group | None, bool]:
        """The group of a slot's schedule, None for one that was not asked for, or is nobody's; and whether
        all slots of that provider and location belong there."""
        if self._fhir_server.to_fhir.placed:
            return self._of_line(int(key[-1])), True
        candidates = self._found.get(key)
        if candidates is None:
            candidates = self._candidates(slot, key)
            if len(self._found) < _KEYS_KEPT:
                self._found[key] = candidates
        alone = candidates == lowest(candidates)
        if not alone:
            candidates = self._narrowed(slot, candidates)
            if not candidates:
                self.ambiguous += 1
        if not candidates & self._allowed:
            return None, alone
        return self._of_line(candidates.bit_length() - 1), alone

    def _of_line(self, position: int) -> _Group:
        """The group of a line's schedule: the slots of all its lines are the same ones."""
        position = self._first.get(self._directory.lines[position]["schedule"], position)
        group = self._groups.get(position)
        return group if group is not None else self._new(position)

    def _new(self, position: int) -> _Group:
        block = self._blocks.get(position)
        if block is None:
            block = self._blocks[position] = self._fhir_server.to_fhir.block(self._directory.lines[position])
        self._groups[position] = ({}, block)
        return self._groups[position]

    def _candidates(self, slot: Any, key: tuple[bytes, ...]) -> int:
        found = self._agreeing.get(key)
        if found is None:
            try:
                told = self._fhir_server.to_fhir.told(slot)
            except UNREADABLE:
                raise ValueError("its provider or location cannot be read") from None
            columns = self._fhir_server.search.columns
            agreed, found = self._holders.matching(told, columns)
            if not agreed:
                # The slot does not tell whose it is: it can only be that of a schedule asked for alone. One
                # that tells nothing at all may be anybody's, one that tells something else is nobody's.
                if self._told_apart():
                    return found & self._allowed
                return 0 if any(told.get(each) for each in columns) else found
            if len(self._agreeing) < _AGREEING_KEPT and sum(map(len, key)) < _LONG_KEY:
                self._agreeing[key] = found
        return found

    def _told_apart(self) -> bool:
        """Whether one schedule alone was asked for, by what no other one has."""
        if self._allowed != lowest(self._allowed):
            return False
        line = self._directory.lines[self._allowed.bit_length() - 1]
        _, alike = self._holders.matching(line, self._fhir_server.search.columns)
        return alike == self._allowed

    def _narrowed(self, slot: Any, candidates: int) -> int:
        """One of several schedules that fit alike: the one that the slot's ID names, as an ID made by a
        gateway does; none where it names none: whose it is cannot be told."""
        own = _SLOT_KEY.fullmatch(getattr(slot, "ID", None) or "")
        named = self._holders.holding.get(("schedule", folded(own[1])), 0) if own is not None else 0
        named &= candidates
        while own is not None and named:
            if self._directory.lines[lowest(named).bit_length() - 1]["schedule"] == own[1]:
                return lowest(named)
            named ^= lowest(named)
        return 0

    def entries(self) -> Pieces[tuple[_Entry, ...]]:
        """By start, then in the directory's order, then by length, however Redox had them."""
        found: list[_Entry] = []
        for _, (entries, _) in sorted(self._groups.items(), key=itemgetter(0)):
            found += yield from _in_order(entries)
        if len(self._groups) > 1:
            found = yield from ordered(found, itemgetter(0))
        return tuple(found)


def _ending(entries: Sequence[_Entry], ends: tuple[str, str]) -> Pieces[tuple[_Entry, ...]]:
    """Those that end between the two."""
    low, high = ends
    found: list[_Entry] = []
    for number, each in enumerate(entries, 1):
        if number % _ENTRIES_AT_ONCE == 0:
            yield
        named = named_slot(each[1])
        if named is not None and low <= window.later(each[0], named[2]) < high:
            found.append(each)
    return tuple(found)


def _first_lines(directory: Directory) -> Mapping[str, int]:
    """The first line of each schedule that has several."""
    found: dict[str, int] | None = directory.memo.get("first lines")
    if found is None:
        counts = Counter(line["schedule"] for line in directory.lines)
        found = directory.memo["first lines"] = {}
        for position, line in enumerate(directory.lines):
            if counts[line["schedule"]] > 1:
                found.setdefault(line["schedule"], position)
    return found


def _holders(directory: Directory) -> Pieces[Holders]:
    """Which of the directory's lines hold what; looked through once."""
    holders: Holders | None = directory.memo.get("holders")
    if holders is None:
        holders = directory.memo["holders"] = yield from Holders.of(directory.lines)
    return holders


def _in_order(entries: dict[str, _Entry]) -> Pieces[Iterable[_Entry]]:
    """A schedule's entries by start, then by length. Ids that are equally long sort so as texts, and most
    answers come in that order."""
    names = list(entries)
    alike = len(set(map(len, names))) < 2
    found = yield from ordered(names, None if alike else lambda name: (entries[name][0], len(name), name))
    return entries.values() if names == found else map(entries.__getitem__, found)


def _issues(counts: Mapping[str, int]) -> tuple[Issue, ...]:
    found = []
    if counts["malformed"]:
        text = f"{counts['malformed']} slots of the answer cannot be read and were left out"
        found.append(Issue("structure", "AvailableSlots", text, "error"))
    if counts["ambiguous"]:
        text = (
            f"{counts['ambiguous']} slots may be of several schedules, which the answer does not tell apart,"
        )
        found.append(Issue("multiple-matches", "AvailableSlots", f"{text} and were left out", "error"))
    if counts["stray"]:
        text = f"{counts['stray']} slots of schedules that are not in the directory, or were not asked for,"
        text += " were left out"
        # Nothing else came: Redox answered another question, so ours is still open.
        only = counts["stray"] + counts["malformed"] + counts["ambiguous"] == counts["received"]
        found.append(Issue("business-rule", "AvailableSlots", text, "error" if only else "warning"))
    return tuple(found)
