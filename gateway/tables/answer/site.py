"""A site's tables, compiled: everything that the flows ask of a mapping."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from gateway.core import references
from gateway.core.directory import Cells, Directory, join
from gateway.core.errors import GatewayError, Issue
from gateway.core.mapping import Asked
from gateway.core.plan import Answer, Call, Failure, Outcome
from gateway.core.values import Pieces
from gateway.core.window import to_utc_text
from gateway.tables.answer import reference as trace
from gateway.tables.answer.cell_origins import LineOrigins, cell_origins
from gateway.tables.answer.collect import SlotCollector
from gateway.tables.answer.combining import Combining
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.answer.heeded import came_by_start
from gateway.tables.answer.in_force import InForce
from gateway.tables.answer.pages import PageError, PageReader
from gateway.tables.answer.pool import Located, Pool
from gateway.tables.answer.query import QueryTable
from gateway.tables.answer.resources import LED_TO, READ, ResourceTable
from gateway.tables.answer.slot_lines import SLOT, Placing, SlotLines
from gateway.tables.answer.slot_schedules import Referring
from gateway.tables.codecs.codec import Context
from gateway.tables.compile.bind import BoundRow
from gateway.tables.compile.to_redox.table import ToRedox
from gateway.tables.read.dialect import Dialect
from gateway.tables.read.errors import ErrorRow, tell
from gateway.tables.rows.model import Table

_COMMA = re.compile(r"(?<!\\),")
MOST_RESOURCES = 50_000
"""Resources of one type that a directory is made of, as many as a ``schedules.csv`` may have lines."""


Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SiteTables:
    """Implements :class:`gateway.core.mapping.Mapping`. ``tables`` are the effective ones, for showing;
    ``context`` is what their codecs know; ``fhir_server`` what FHIR clients see where the upstream is Redox;
    ``slot_lines`` finds the line of a slot by the dialect's ``slots``, else that of a Schedule which a slot
    contains by its ``joins``; ``base_url`` is the upstream's, below which absolute references are its own."""

    hash: str
    dialect: Dialect
    tables: dict[str, Table]
    errors: tuple[ErrorRow, ...]
    schedules: tuple[Cells, ...]
    query: QueryTable
    resources: ResourceTable
    answer: ToRedox
    answer_rows: tuple[BoundRow, ...]
    context: Context
    fhir_server: FhirServerTables | None = None
    slot_lines: SlotLines = field(kw_only=True)
    combining: Combining | None = None
    max_pages: int = 20
    base_url: str = ""
    _pages: PageReader = field(init=False)
    _own: Directory | None = field(init=False, default=None)
    _referring_pages: PageReader | None = field(init=False, default=None)
    _calls: tuple[Call, ...] = field(init=False)

    def __post_init__(self) -> None:
        kinds = {**self.resources.resources, "Slot": self.answer.resource}
        object.__setattr__(self, "_pages", PageReader(kinds, urls=bool(self.dialect.slots)))
        object.__setattr__(self, "_calls", self._directory_calls())

    def read_query(self, message: Any, *, wishes: bool = True) -> Asked:
        """The checked Redox message by its rows; ``wishes``: preferred days and times, too."""
        return self.query.read(message, wishes=wishes)

    def counted(self, answer: Answer) -> Pieces[tuple[int, int]]:
        """How many slots an answer has, and how many the upstream says that there are, where that is to be
        believed."""
        came = total = 0
        for content in answer.pages:
            try:
                for part in self._pages.pieces(content, self.answer.resource):
                    yield
                    came += len(part.resources) + len(part.broken)
                    total = part.total or total
            except PageError:
                continue
        return came, 0 if "Slot" in self.dialect.miscounts else total

    def by_start(self, answer: Answer) -> Pieces[bool]:
        """Whether the slots of an answer came by their start: the upstream was asked for that, or is said to
        do it by itself; it does not say that it did not; and what came bears it out."""
        if not (self.dialect.sorted_by_start or ("_sort", "start") in self.query.fixed):
            return False
        return (yield from came_by_start(answer, self._pages, self.answer.resource))

    @property
    def asks_length(self) -> bool:
        """Whether the upstream is asked for slots of a certain length."""
        return self.query.asks_length

    @property
    def combines(self) -> bool:
        """Whether slots that touch make longer times."""
        return self.combining is not None

    def slot_searches(
        self, start: str, end: str, lengths: Sequence[int], asked: Asked, lines: Sequence[Cells]
    ) -> tuple[tuple[Call, int], ...]:
        """The Slot searches of a plan, each with the minutes that it asks for (0: none)."""
        found = self.query.searches(start, end, lengths, asked, lines)
        subject, pages = self.query.subject, self.max_pages
        return tuple(
            (Call("Slot", params, max_pages=pages, subject=subject(params)), minutes)
            for params, minutes in found
        )

    def search_count(self, lengths: Sequence[int], asked: Asked, lines: Sequence[Cells]) -> int:
        """How many Slot searches a plan would make."""
        return self.query.search_count(lengths, asked, lines)

    def directory_calls(self) -> tuple[Call, ...]:
        """The searches that bring the directory; none where the site's CSV is all there is."""
        return self._calls

    def _directory_calls(self) -> tuple[Call, ...]:
        if self.dialect.directory == "csv":
            return ()
        return tuple(
            self._call(kind, self.dialect.searches[kind]) for kind in READ if kind in self.dialect.searches
        )

    def _call(self, kind: str, params: Params) -> Call:
        return Call(kind, (*params, *self.dialect.page_of(kind)), max_pages=self.max_pages)

    def directory_more(self, outcomes: Sequence[Outcome], now: datetime | None = None) -> tuple[Call, ...]:
        """The searches for what the answers so far refer to, by id or identifier; none where all of it is
        there, was asked for already, or is of a type that is read whole."""
        missing = self.resources.missing(*self._brought(outcomes, now))
        asked = {
            (outcome.call.target, name, value)
            for outcome in outcomes
            for name, values in outcome.call.params
            for value in _parted(values)
        }
        open_ = [each for each in missing if each[0] not in self.dialect.searches and each not in asked]
        # What may be of several types is most likely a Practitioner or a Location.
        likely = {each[1:] for each in open_ if each[0] in LED_TO}
        values: dict[tuple[str, str], list[str]] = {}
        for kind, name, value in open_:
            if missing[kind, name, value] or kind in LED_TO or (name, value) not in likely:
                values.setdefault((kind, name), []).append(value)
        size = self.dialect.named_at_most
        return tuple(
            self._call(kind, ((name, ",".join(map(_joined, listed[at : at + size]))),))
            for (kind, name), listed in values.items()
            for at in range(0, min(len(listed), MOST_RESOURCES), size)
        )

    def joined(
        self, outcomes: Sequence[Outcome], now: datetime | None = None
    ) -> dict[str, tuple[int, int, int]]:
        """As of :meth:`ResourceTable.joined`, for what these answers brought."""
        return self.resources.joined(*self._brought(outcomes, now))

    def directory_origins(self, outcomes: Sequence[Outcome], now: datetime | None = None) -> LineOrigins:
        """The lines that these answers make, each with where its EHR says what stands in its cells."""
        return cell_origins(self.resources, *self._brought(outcomes, now))

    def _brought(
        self, outcomes: Sequence[Outcome], now: datetime | None
    ) -> tuple[dict[str, list[Located]], InForce, frozenset[str]]:
        found: dict[str, list[Located]] = {}
        reader = self._directory_reader()
        for outcome in outcomes:
            if isinstance(outcome, Answer):
                self._read(outcome, reader, found, [])
        return found, InForce(now, self.context.zone), self._bases(found.get("Schedule", ()))

    def _directory_reader(self) -> PageReader:
        return PageReader({**self.resources.resources, "Slot": self.answer.resource}, urls=True)

    def directory(self, outcomes: Sequence[Outcome], now: datetime | None = None) -> Directory:
        """Joins the answers with the site's CSV. What is over at ``now``, an aware instant, is passed over;
        None: no period is looked at.

        Without the Schedules the CSV alone serves if it has lines, and the answer is incomplete;
        without either there is nothing to ask, and the failure is raised.
        """
        found: dict[str, list[Located]] = {}
        reader = self._directory_reader()
        issues: list[Issue] = []
        failures: dict[str, Failure] = {}
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                failures[outcome.call.target] = outcome
                why = (
                    "the search failed"
                    if outcome.token is None
                    else "there was no access token to search with"
                )
                issues.append(_missing(outcome.call.target, why))
            else:
                self._read(outcome, reader, found, issues)
        if "Schedule" in failures and not self.schedules:
            raise self.failure(failures["Schedule"])
        whole = not any(issue.severity == "error" for issue in issues)
        whole = whole and all(outcome.complete for outcome in outcomes if isinstance(outcome, Answer))
        bases = self._bases(found.get("Schedule", ()))
        upstream = self.resources.lines(found, issues, InForce(now, self.context.zone), bases)
        issues = list(dict.fromkeys(issues))  # what is wrong with many places is told once
        if not whole:  # what is missing is told, so what it makes others lack need not be
            issues = [each for each in issues if each.severity != "information"]
        known = bool(outcomes) and whole
        own = [line for line in self.schedules if line["schedule"] not in upstream.unusable]
        lines, left_out = join(upstream.lines, own, upstream_known=known)
        blocks = tuple(self.answer.block(line) for line in lines)
        horizons = {
            name: (to_utc_text(first) if first else "", to_utc_text(last) if last else "~")
            for name, (first, last) in upstream.horizons.items()
            if first is not None or last is not None
        }
        return Directory(
            lines,
            not whole or upstream.cut,
            (*issues, *left_out),
            blocks,
            bases,
            horizons,
            upstream.urls,
            upstream.identifiers,
            upstream.codings,
        )

    def _bases(self, schedules: Iterable[Located]) -> frozenset[str]:
        """The upstream's addresses: where it is asked, and those by which it calls its Schedules."""
        named = {references.split(url)[0] for url, _ in schedules if url}
        return frozenset({references.address(self.base_url), *named} - {""})

    @property
    def own_directory(self) -> Directory:
        """The directory of a site whose CSV is all there is; made once."""
        made = self._own
        if made is None:
            made = self.directory(())
            object.__setattr__(self, "_own", made)
        return made

    def _read(
        self, answer: Answer, reader: PageReader, found: dict[str, list[Located]], issues: list[Issue]
    ) -> None:
        target = answer.call.target
        issues.extend(answer.issues)
        if not answer.complete and not answer.issues:
            issues.append(_missing(target, "pages are missing"))
        total = came = 0
        for content in answer.pages:
            broken, left_out, failed = 0, 0, False
            try:
                for page in reader.pieces(content):
                    total = page.total or total
                    came += len(page.broken)
                    for url, resource in zip(page.urls, page.resources, strict=True):
                        kind = type(resource).__name__
                        came += kind == target
                        of_kind = found.setdefault(kind, [])
                        if len(of_kind) < MOST_RESOURCES:
                            of_kind.append((url, resource))
                        else:
                            left_out += 1
                    broken, failed = broken + len(page.broken), failed or page.failed
            except PageError:
                issues.append(_missing(target, "a page is not a Bundle"))
                continue
            if left_out:
                issues.append(
                    _missing(target, f"there are more than {MOST_RESOURCES:,} resources of one type")
                )
            if failed:
                issues.append(_missing(target, "the EHR tells of an error"))
            if broken:
                issues.append(_missing(target, f"{broken} entries cannot be read"))
        if answer.complete and total > came and target not in self.dialect.miscounts:
            what = f"the EHR counts {total:,} resources, but {came:,} came, and there is no further page"
            issues.append(_missing(target, what))

    @property
    def asking_columns(self) -> tuple[str, ...]:
        """The columns of the directory by which a schedule is asked for."""
        return self.query.asking_columns

    def unaskable(self, lines: Sequence[Cells]) -> tuple[str, ...]:
        """The schedules among the lines that lack what a search for them needs."""
        return self.query.unaskable(lines)

    def collector(
        self, directory: Directory, positions: Sequence[int], *, placed: bool = False
    ) -> SlotCollector:
        """A collector for the slots of the chosen lines."""
        return SlotCollector(
            self.answer,
            self._pages,
            directory,
            positions,
            self._explain,
            self.query.guarded,
            placed=placed,
            placing=self._placing(directory) if self.dialect.slots else partial(self._referring, directory),
            combining=self.combining,
            counted="Slot" not in self.dialect.miscounts,
        )

    def _placing(self, directory: Directory) -> Placing:
        in_force = InForce(None, self.context.zone)
        pool = partial(self._beside, in_force, directory)
        return Placing(self.slot_lines, pool, in_force, self.query.asked_by)

    def _referring(self, directory: Directory) -> Referring:
        in_force = InForce(None, self.context.zone)
        slot, reader = self.answer.referring, self._referring_pages
        if reader is None:  # made once, as few EHRs need it
            reader = PageReader({**self.resources.resources, SLOT: slot}, urls=True)
            object.__setattr__(self, "_referring_pages", reader)
        pool = partial(self._beside, in_force, directory)
        return Referring(reader, slot, self.slot_lines, pool, in_force, directory)

    def _beside(
        self, in_force: InForce, directory: Directory, found: Mapping[str, Sequence[Located]]
    ) -> Pool:
        return self.resources.pool(found, in_force, directory.bases | self._bases(found.get("Schedule", ())))

    def _explain(self, value: dict[str, Any]) -> list[Issue]:
        return list(trace.to_redox(self.tables["available-slots.answer"], self.answer_rows, value, {}).issues)

    def failure(self, failure: Failure) -> GatewayError:
        """What the asker is told of an upstream's failure, by the error table."""
        return tell(self.errors, failure)


def _joined(value: str) -> str:
    """A value as one of several that commas part."""
    return value.replace(",", "\\,")


def _parted(values: str) -> list[str]:
    """The values that :func:`_joined` commas part."""
    return [each.replace("\\,", ",") for each in _COMMA.split(values)]


def _missing(target: str, what: str) -> Issue:
    return Issue("incomplete", target, f"a part of the directory is missing: {what}")
