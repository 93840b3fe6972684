"""Gathers the slots of all searches of one query, in the form that Redox is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from gateway.core.directory import Cells, Directory, values
from gateway.core.errors import Issue
from gateway.core.mapping import Wanted
from gateway.core.plan import Answer, Call
from gateway.core.references import resolve
from gateway.core.values import AT_ONCE_BYTES, Pieces, by_key, ordered
from gateway.core.window import Matcher
from gateway.tables.answer.combining import Combining
from gateway.tables.answer.heeded import Params, heeded, including, kinds_asked, not_in_self
from gateway.tables.answer.left_out import LeftOut
from gateway.tables.answer.pages import Page, PageError, PageReader
from gateway.tables.answer.slot_lines import Placed, Placing, with_beside
from gateway.tables.answer.slot_schedules import Referring, named_otherwise, slot_named_otherwise
from gateway.tables.compile.to_fhir.plan import LINE
from gateway.tables.compile.to_redox.table import ToRedox

_KEYED_AT_ONCE = 5_000
_SPELLINGS = 10_000  # of references to Schedules that are remembered
# What a schedule has so far: JSON objects that are still open at their end, by ``<DateTime>~<Duration>`` (and
# their id, of several at one time); and what its slots share, of which the first text belongs there.
Group = tuple[dict[str, str], tuple[str, ...]]


class SlotCollector:
    """One query's slots. ``positions`` are the chosen lines of the directory; the slots of any other schedule
    were not asked for and are left out. ``placed``: each slot says of which line it is, in a member of its
    own (:data:`LINE`), which no message to Redox has. ``counted``: a Bundle's ``total`` may be believed.

    A schedule of several lines has its slots in each of them.
    """

    def __init__(
        self,
        compiled: ToRedox,
        pages: PageReader,
        directory: Directory,
        positions: Sequence[int],
        explain: Any,
        guarded: frozenset[str] | None = None,
        *,
        placed: bool = False,
        placing: Placing | Callable[[], Referring],
        combining: Combining | None = None,
        counted: bool = True,
    ) -> None:
        self._counted = counted
        self.short: dict[Call, Issue] = {}  # what is said of the calls of which not all came
        self._guarded = guarded
        self._placing = placing
        self._combining = combining
        self._pieces: list[Sequence[Any]] = []  # the slots of the search that is being taken
        self._lines: dict[str, list[Cells]] = {}
        self._codings = directory.codings
        self._of_schedule: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self._untold: set[str] = set()  # those of which a slot of this page does not show what it is
        self._compiled = compiled
        self._pages = pages
        self._left_out = LeftOut(explain)
        self._ordered: list[Group] = []
        self._groups: dict[str, Group] = {}
        self._otherwise = 0  # slots of this page whose Schedule is not told by type and id
        self._further: list[dict[str, Group]] = []  # of schedules with several lines: those of the others
        self._issues: list[Issue] = []
        self._unfit = 0
        self._total = 0  # matches of the search that is being taken, as far as its EHR says
        self._beside = 0  # of these, resources of other types
        self._unpaused = 0  # bytes of pages that were read since others could work
        self._bases = directory.bases
        self._horizons: list[tuple[dict[str, str], str, str]] = []
        for position in positions:
            schedule = directory.lines[position]["schedule"]
            self._lines.setdefault(f"Schedule/{schedule}", []).append(directory.lines[position])
            block = directory.blocks[position]
            group: Group = ({}, _placed(block, position) if placed else block)
            self._ordered.append(group)
            if schedule in directory.horizons:
                self._horizons.append((group[0], *directory.horizons[schedule]))
            reference = f"Schedule/{schedule}"
            if reference in self._groups:
                self._add_further(reference, group)
            else:
                self._groups[reference] = group

    def _add_further(self, reference: str, group: Group) -> None:
        groups = next((each for each in self._further if reference not in each), None)
        if groups is None:
            groups = {}
            self._further.append(groups)
        groups[reference] = group

    def _group(self, reference: str) -> Group | None:
        group = self._groups.get(reference)
        if group is None:
            group = self._groups.get(self._path(reference))
            if group is not None and len(self._groups) < _SPELLINGS:
                self._groups[reference] = group
        return group

    def _path(self, reference: str) -> str:
        """The same schedule spelt as the directory has it: not bare, absolute, or with its version."""
        named = resolve(reference, self._bases)
        return f"{named.kind}/{named.id}" if named is not None else f"Schedule/{reference}"

    def add(self, answer: Answer, wanted: Wanted) -> Pieces[bool]:
        """Takes the pages of one search, of long ones a part after the other; what cannot be used becomes an
        Issue.

        False: nothing of it can be used, since no page was a Bundle with a slot that can be read or with
        none at all.
        """
        self._issues.extend(answer.issues)
        readable = not answer.pages
        self._total, self._beside, before = 0, 0, self._left_out.counts.get("received", 0)
        params = answer.call.params
        by_kind = self._guarded is not None and kinds_asked(params, self._guarded)
        for page in answer.pages:
            self._unpaused += len(page)
            if self._unpaused > AT_ONCE_BYTES:
                self._unpaused = len(page)
                yield
            self._untold = set()
            content = (yield from self._heeded(page, params)) if by_kind else page
            readable = (yield from self._page(content, params, wanted)) or readable
        if self._pieces:
            yield from self._combined(wanted)
        came = self._left_out.counts.get("received", 0) - before
        if self._total > came and not including(params):
            came += self._beside  # they are among the matches
        if answer.complete and self._counted and self._total > came:
            text = f"the EHR counts {self._total} slots, but {came} came, and there is no further page"
            self.short[answer.call] = Issue("incomplete", "Bundle.total", text)
            self._issues.append(self.short[answer.call])
        return readable

    def _combined(self, wanted: Wanted) -> Pieces[None]:
        """Makes longer times of slots that are too short, if some are."""
        pieces, self._pieces = self._pieces, []
        if self._combining is not None and (self._unfit or len(wanted.lengths) > 1):
            finders: list[Callable[[str], Group | None]] = [self._group]
            finders += [partial(self._in, groups) for groups in self._further]
            planned = {id(texts): (low, high) for texts, low, high in self._horizons}
            for find in finders:
                made = yield from self._combining.combine(pieces, find, wanted, planned)
                self._left_out.count("combined", made)
        self._unfit = 0

    def _named(self, content: bytes, params: Params, wanted: Wanted, *, alone: bool) -> Pieces[None]:
        """Takes the slots of a page whose Schedule is told otherwise than by type and id; ``alone``: it has
        no others."""
        only_strays, self._otherwise = self._left_out.only_strays, 0
        assert not isinstance(self._placing, Placing)
        for page, placed in self._placing().found(content):
            yield
            self._unplaced(placed)
            for value in placed.broken:
                self._left_out.count("received", 1)
                self._left_out.malformed(value)
            if placed.slots:
                by_kind = self._guarded is not None and kinds_asked(params, self._guarded)
                told = (yield from self._heeded(page, params)) if by_kind else page
                yield from self._page(told, params, wanted)
        self._left_out.only_strays = self._left_out.only_strays if alone else only_strays

    def _unplaced(self, placed: Placed) -> None:
        for name in ("unusable", "ambiguous", "untold"):
            self._left_out.count(name, getattr(placed, name))
            self._left_out.count("received", getattr(placed, name))

    def _in(self, groups: Mapping[str, Group], reference: str) -> Group | None:
        return groups.get(self._path(reference))

    def _heeded(self, page: bytes, params: Params) -> Pieces[bytes]:
        """The page without the slots that say that they are of another kind than was asked for."""
        guarded = self._guarded or frozenset()
        found = yield from heeded(page, params, guarded, self._kinds)
        if found.other:
            self._left_out.count("received", found.other)
            self._left_out.count("unlike", found.other)
        self._untold = found.untold
        self._passed_over(found.ignored)
        return found.content

    def _kinds(self, reference: str, column: str) -> set[tuple[str, str]]:
        """The codes that the lines of a Schedule, however it is spelt, have in a column, with their systems
        as far as these are told."""
        found = self._of_schedule.get((reference, column))
        if found is not None:
            return found
        found = set()
        for line in self._lines.get(reference) or self._lines.get(self._path(reference)) or ():
            told = self._codings.get((line["schedule"], column), ())
            for code in values(column, line.get(column, "")):
                found |= {each for each in told if each[1] == code} or {("", code)}
        if len(self._of_schedule) < _SPELLINGS:
            self._of_schedule[reference, column] = found
        return found

    def _passed_over(self, names: Iterable[str]) -> None:
        """Parameters that the EHR says it did not use."""
        guarded = self._guarded or frozenset()
        for name in names:
            self._left_out.not_used(name, depends=name not in guarded and name in self._untold)

    def _page(self, content: bytes, params: Params, wanted: Wanted) -> Pieces[bool]:
        received = read = parts = foreign = 0
        failed = outcome = False
        try:
            for part in self._parts(content, params):
                if parts:
                    yield
                parts += 1
                found = len(part.resources) + len(part.broken)
                read += found - self._part(part, wanted)
                received += found
                failed = failed or part.failed
                outcome = outcome or part.outcome
                foreign += part.foreign
                self._total = part.total or self._total
                if part.links and self._guarded is not None:
                    self._passed_over(not_in_self(part.links, params))
        except PageError:
            self._issues.append(Issue("structure", "Bundle", "a page of the EHR's answer is not a Bundle"))
            return False
        self._beside += foreign
        if self._otherwise:
            unread = self._left_out.unread
            yield from self._named(content, params, wanted, alone=self._otherwise == received)
            read -= self._left_out.unread - unread
        if outcome and self._guarded is not None and not kinds_asked(params, self._guarded):
            yield from self._heeded(content, params)
        if failed:
            self._issues.append(Issue("exception", "Bundle", "the EHR tells of an error beside its answer"))
        if foreign and not received:
            text = f"a page of the EHR's answer holds {foreign} resources of other types, and no Slot"
            self._issues.append(Issue("structure", "Bundle", text))
            return False
        return read > 0 if received else not failed

    def _parts(self, content: bytes, params: Params) -> Iterable[Page]:
        """The slots of a page, in parts; where their Schedules do not name their lines, these are found."""
        if isinstance(self._placing, Placing):
            return self._found(self._placing, content, params)
        return self._pages.pieces(content, self._compiled.resource)

    def _found(self, placing: Placing, content: bytes, params: Params) -> Iterator[Page]:
        slot = self._compiled.resource
        parts, beside = yield from with_beside(self._pages.pieces(content), slot)
        pool = placing.pool(beside)
        lines = [line for lines in self._lines.values() for line in lines]
        for part in parts:
            slots = (each for each in part.resources if type(each) is slot)
            placed = placing.place(slots, lines, pool, params)
            self._unplaced(placed)
            broken = (*part.broken, *((0, each) for each in placed.broken))
            yield replace(part, resources=placed.slots, broken=broken, urls=())

    def _part(self, page: Page, wanted: Wanted) -> int:
        """Takes some of the slots; gives back how many of them could not be read."""
        slots = page.resources
        stray: list[Any] = []
        malformed: list[Any] = []
        occupied, outside, doubles, unfit, mistaken = self._compiled.convert(
            slots, self._group, wanted.low, wanted.high, wanted.shortest, wanted.prefers, stray, malformed
        )
        if self._combining is not None and wanted.shortest:
            self._pieces.append(slots)
            self._unfit += unfit
        for groups in self._further:
            self._compiled.convert(
                slots,
                partial(self._in, groups),
                wanted.low,
                wanted.high,
                wanted.shortest,
                wanted.prefers,
                [],
                [],
            )
        broken = [value for _, value in page.broken]
        if stray or broken:
            occupied -= self._set_aside(slots, stray, malformed, broken)
        self._left_out.count("received", len(slots) + len(broken))
        if occupied or outside or doubles or unfit or mistaken or stray:
            names = ("occupied", "outside", "doubles", "unfit", "mistaken", "stray")
            for name, number in zip(
                names, (occupied, outside, doubles, unfit, mistaken, len(stray)), strict=True
            ):
                self._left_out.count(name, number)
            self._left_out.only_strays = self._left_out.only_strays or 0 < len(stray) == len(slots)
        for slot in (*malformed, *broken):
            self._left_out.malformed(slot)
        return len(malformed) + len(broken)

    def _set_aside(self, slots: list[Any], stray: list[Any], malformed: list[Any], broken: list[Any]) -> int:
        """Takes out of all of these the slots whose Schedule is told otherwise than by type and id, which are
        looked at anew; gives back how many of them are in none but ``slots``."""
        if isinstance(self._placing, Placing):
            return 0
        known = len(broken)
        broken[:] = [value for value in broken if not slot_named_otherwise(value)]
        self._otherwise += known - len(broken)
        if not any(named_otherwise(slot.schedule.reference) for slot in stray):
            return 0
        left = []
        for those in (slots, stray, malformed):
            known = len(those)
            those[:] = [slot for slot in those if not named_otherwise(slot.schedule.reference)]
            left.append(known - len(those))
        self._otherwise += left[0]
        return left[0] - left[1] - left[2]

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What was left out, and why."""
        return (*self._issues, *self._left_out.issues)

    @property
    def counts(self) -> dict[str, int]:
        """Numbers for the log, zeros left out."""
        return {name: number for name, number in self._left_out.counts.items() if number}

    def keep(self, most: int, first: Matcher | None = None) -> Pieces[int]:
        """Leaves out all schedules but ``most``, those whose slots begin first; gives back how many that had
        slots. With ``first``, those that have slots which it accepts are kept before all others."""
        self._within_horizons()
        filled = [group for group in self._ordered if group[0]]
        if len(filled) <= most:
            return 0

        def rank(when: str) -> tuple[bool, str]:
            start, minutes, *_ = when.split("~", 2)
            return first is not None and not first(start, int(minutes)), start

        begins: list[tuple[bool, str]] = []
        ranked = 0
        for texts, _ in filled:
            begins.append(min(map(rank, texts)))
            ranked += len(texts)
            if ranked > _KEYED_AT_ONCE:
                ranked = 0
                yield
        kept = frozenset(sorted(range(len(filled)), key=begins.__getitem__)[:most])
        self._ordered = [group for number, group in enumerate(filled) if number in kept]
        return len(filled) - most

    def texts(self, most: int, first: Matcher | None = None) -> Pieces[tuple[list[str], str, int]]:
        """One text a slot, at most ``most``, what to join them by, and how many were left out. They stand by
        time, then in the directory's order; with ``first``, those it accepts stand before all others."""
        self._within_horizons()
        filled = [group for group in self._ordered if group[0]]
        if first is None and len(filled) == 1:
            [(texts, (shared, *_))] = filled
            found = yield from by_key(texts)
            more = max(0, len(found) - most)
            del found[most:]
            if found:
                found[-1] += shared + "}"
            return found, shared + "},", more
        keys: list[tuple[bool, str]] = []
        every: list[tuple[str, str]] = []
        for texts, (shared, *_) in filled:
            whens = yield from ordered(texts)
            for begin in range(0, len(whens), _KEYED_AT_ONCE):
                if begin:
                    yield
                part = [when.split("~", 2) for when in whens[begin : begin + _KEYED_AT_ONCE]]
                keys += [(first is not None and not first(each[0], int(each[1])), each[0]) for each in part]
                every += [(texts[when], shared) for when in whens[begin : begin + _KEYED_AT_ONCE]]
        order = yield from ordered(range(len(keys)), keys.__getitem__)
        chosen = [f"{text}{shared}}}" for text, shared in map(every.__getitem__, order[:most])]
        return chosen, ",", len(order) - len(chosen)

    def _within_horizons(self) -> None:
        """Leave out what its Schedule is not planned for (``planningHorizon``)."""
        for texts, low, high in self._horizons:
            beyond = [when for when in texts if not low <= when < high]
            for when in beyond:
                del texts[when]
            if beyond:
                self._left_out.count("unplanned", len(beyond))


def _placed(block: tuple[str, ...], position: int) -> tuple[str, ...]:
    """What the slots of a line share, with which line it is."""
    shared, *rest = block
    return (f'{shared},"{LINE}":{position}', *rest)
