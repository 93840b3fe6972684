"""The query table, ready for use: what a Redox query asks, and the searches that say so in FHIR."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from gateway.core import window
from gateway.core.choosing import UNCHECKED
from gateway.core.directory import Cells, Want, Wants
from gateway.core.errors import Issue
from gateway.core.mapping import Asked
from gateway.core.times_of_day import TimeOfDay, parse_times
from gateway.tables.answer import convert
from gateway.tables.answer.asking import Default, Reading
from gateway.tables.answer.passed_over import PassedOver
from gateway.tables.codecs.codec import Context
from gateway.tables.compile.bind import BoundRow
from gateway.tables.compile.source import Source, reader
from gateway.tables.read.dialect import Dialect
from gateway.tables.rows.model import Table
from gateway.tables.rows.paths import Path, parse
from gateway.tables.rows.schema import Found, SchemaView, repeated

START, END = "StartDateTime", "EndDateTime"
_PREFERENCE = "Visit.VisitPreference"
_WISHES = ("day", "time")
_NOT_LOOKED_AT = "no time is left out by this wish: this site ignores preferred days and times (preferences)"

# Codecs that refuse no text on its way to an EHR.
_TAKING_ALL = frozenset({"text", "reference", "fhir-id", "identifier", "token-value"})

Params = tuple[tuple[str, str], ...]
Reader = Callable[[Any], list[Any]]


@dataclass(frozen=True, slots=True)
class _Read:
    """A row with its compiled reader, and those of its companions, below one item of its group."""

    bound: BoundRow
    read: Reader
    companions: tuple[Reader, ...]
    tail: str


@dataclass(frozen=True, slots=True)
class _Group:
    """The rows below one repeated part of the message (``Visit.AttendingProviders``)."""

    prefix: str
    items: Reader
    rows: tuple[_Read, ...]

    @property
    def selecting(self) -> bool:
        """Whether its items choose schedules: what else one of them says is said of these alone."""
        return bool(self.prefix) and any(each.bound.row.select is not None for each in self.rows)


class QueryTable:
    """Made once per site. ``read`` takes the checked message; ``searches`` gives the parameters, of which
    ``fixed`` are those that are the same in all. ``rows`` are those that are used on this way."""

    def __init__(
        self, table: Table, rows: tuple[BoundRow, ...], view: SchemaView, dialect: Dialect, context: Context
    ) -> None:
        self.rows = [bound for bound in rows if bound.row.to_fhir]
        self._dialect = dialect
        source = Source()
        grouped: dict[str, list[tuple[BoundRow, Path, Found, list[tuple[Path, Found]]]]] = {}
        for bound in self.rows:
            if bound.row.redox is not None and bound.redox is not None and bound.row.value is None:
                prefix = repeated(bound.row.redox, bound.redox)
                grouped.setdefault(prefix, []).append((bound, *_below(bound.row.redox, prefix, view), []))
        plan = _compile(source, grouped, view)
        scope = source.build(f"table {table.name}, read from Redox")
        self._passed_over = PassedOver(table, view)
        self.code = source.text + self._passed_over.code
        self._groups = tuple(
            _Group(
                prefix,
                scope[items],
                tuple(
                    _Read(bound, scope[name], tuple(scope[each] for each in others), tail)
                    for bound, name, others, tail in reads
                ),
            )
            for prefix, items, reads in plan
        )
        self.fixed: Params = tuple(
            (bound.row.param, bound.row.value)
            for bound in self.rows
            if bound.row.param is not None and bound.row.value is not None
        )
        self._start = _row(self.rows, START)
        self._end = _row(self.rows, END)
        self._length = next((b for b in self.rows if b.row.param and _is_length(b)), None)
        self._schedule = [
            bound for bound in self.rows if bound.row.directory is not None and bound.row.param is not None
        ]
        self._sure = tuple(b.row.directory or "" for b in self._schedule if b.row.codec.name in _TAKING_ALL)
        self._asking = frozenset(bound.row.param for bound in self._schedule)
        self._defaults = tuple(
            Default(bound, context) for bound in self.rows if bound.row.default is not None
        )
        self.guarded = self._guarded()

    def read(self, message: Any, *, wishes: bool = True) -> Asked:
        """What the message asks, by the rows; every value that cannot be read is an Issue. ``wishes``:
        whether preferred days and times are looked at."""
        issues: list[Issue] = []
        wants: list[Wants] = []
        preferences: list[window.Preference] = []
        found = Reading()
        for group in self._groups:
            alternatives: list[tuple[Want, ...]] = []
            for position, item in enumerate(group.items(message)):
                base = f"{group.prefix}[{position}]." if group.prefix else ""
                if group.prefix == _PREFERENCE:
                    preferences.append(_preference(group, item, base, issues, wishes=wishes))
                elif group.selecting:
                    alternatives += [each] if (each := _alternative(group, item, base, found)) else []
                else:
                    _item(group, item, base, found)
            if alternatives:
                wants.append(tuple(alternatives))
        for default in self._defaults:
            default.fill(found, wants)
        issues += self._passed_over.issues(message)
        return found.asked(tuple(preferences), tuple(wants), issues)

    @property
    def asks_length(self) -> bool:
        """Whether the upstream is asked for slots of a length, so that each length is a search."""
        return self._length is not None

    def searches(
        self, start: str, end: str, lengths: Sequence[int], asked: Asked, lines: Sequence[Cells]
    ) -> tuple[tuple[Params, int], ...]:
        """The Slot searches, each with the length in minutes that it asks for (0: none).

        ``start`` and ``end`` are the effective window as Redox spells instants.
        """
        fixed = list(self.fixed)
        for bound, text in ((self._start, start), (self._end, end)):
            if bound is not None and bound.row.param is not None:
                fixed.append((bound.row.param, bound.codec.to_fhir(text)))
        fixed += self._dialect.page_of("Slot")
        choices = self._schedule_choices(lines)
        kinds, spans = self._kinds(asked), self._spans(lengths)
        found = []
        for chosen, minutes, others in product(choices, spans, list(product(*kinds))):
            params = [*chosen, *fixed, *(pair for pairs in others for pair in pairs)]
            if minutes and self._length is not None and self._length.row.param is not None:
                params.append((self._length.row.param, self._length.codec.to_fhir(str(minutes), "minutes")))
            found.append((tuple(params), minutes))
        return tuple(found)

    def search_count(self, lengths: Sequence[int], asked: Asked, lines: Sequence[Cells]) -> int:
        """How many searches :meth:`searches` would give, without making them."""
        alternatives = len(self._spans(lengths)) * prod(map(len, self._kinds(asked)))
        return alternatives * len(self._schedule_choices(lines))

    def _kinds(self, asked: Asked) -> list[list[Params]]:
        return [self._alternatives(name, values) for name, values in asked.params]

    def _spans(self, lengths: Sequence[int]) -> Sequence[int]:
        return lengths if self._length is not None else (0,)

    def subject(self, params: Params) -> str:
        """Which schedules a search is about: what its parameters for them say, and nothing else of it."""
        return "&".join(value for name, value in params if name in self._asking)

    def _guarded(self) -> frozenset[str]:
        """The parameters whose effect is checked again on every slot, or which narrow nothing."""
        # Where slots tell their line by what they hold, one that does not hold it may be believed.
        schedule = self._schedule if not self._dialect.slots else ()
        names = {bound.row.param for bound in (*schedule, self._start, self._end, self._length) if bound}
        names |= {name for name, _ in self.fixed if name == "status" or name.startswith("_")}
        page = self._dialect.page_size
        return frozenset(name for name in (*names, page[0] if page else None) if name)

    @property
    def asking_columns(self) -> tuple[str, ...]:
        """The columns of the directory by which a schedule is asked for."""
        return tuple(dict.fromkeys(bound.row.directory or "" for bound in self._schedule))

    @property
    def asked_by(self) -> dict[str, str]:
        """The parameter by which each of them is asked for."""
        return {bound.row.directory or "": bound.row.param or "" for bound in self._schedule}

    def unaskable(self, lines: Sequence[Cells]) -> tuple[str, ...]:
        """The schedules among the lines that lack every cell by which they could be asked for."""
        sure = self._sure
        return tuple(
            line["schedule"] for line in lines if not (any(map(line.get, sure)) or self._choice(line))
        )

    def _choice(self, line: Cells) -> dict[str, str]:
        """By which parameters a schedule is asked for; a cell that its codec refuses says nothing."""
        choice = {}
        for bound in self._schedule:
            cell = line.get(bound.row.directory or "")
            if cell and (asked := convert.cell(bound, bound.codec.to_fhir, cell)):
                choice[bound.row.param or ""] = asked
        return choice

    def _schedule_choices(self, lines: Sequence[Cells]) -> list[Params]:
        """How the chosen schedules are asked for: one by one, or several to a search."""
        found: dict[Params, dict[str, str]] = {}
        for line in lines:
            if choice := self._choice(line):
                found.setdefault(tuple(choice.items()), choice)
        choices = list(found.values())
        if not choices or not all(set(choice) <= self._dialect.together for choice in choices):
            return [tuple(choice.items()) for choice in choices]
        # Whose place is not known is not to be asked for at another's place, so each has its own searches.
        alike: dict[tuple[str, ...], list[dict[str, str]]] = {}
        for choice in choices:
            alike.setdefault(tuple(choice), []).append(choice)
        size = self._dialect.together_at_most
        batches = [each[at : at + size] for each in alike.values() for at in range(0, len(each), size)]
        return [
            tuple(
                (name, ",".join(dict.fromkeys(each[name] for each in batch if name in each)))
                for name in batch[0]
            )
            for batch in batches
        ]

    def _alternatives(self, name: str, values: tuple[str, ...]) -> list[Params]:
        if name in self._dialect.together:
            return [((name, ",".join(each)),) for each in self._apart(name, values)]
        return [((name, value),) for value in values]

    def _apart(self, name: str, values: Sequence[str]) -> Iterable[Sequence[str]]:
        """The values of a parameter that may stand in one search."""
        if name not in self._dialect.apart_by_system:
            return [values]
        systems: dict[str, list[str]] = {}
        for value in values:
            systems.setdefault(value.rpartition("|")[0], []).append(value)
        return systems.values()


def _row(rows: Sequence[BoundRow], key: str) -> BoundRow | None:
    return next((bound for bound in rows if bound.row.key == key), None)


def _is_length(bound: BoundRow) -> bool:
    return bound.row.redox is not None and str(bound.row.redox) == f"{_PREFERENCE}.Duration"


def _below(path: Path, prefix: str, view: SchemaView) -> tuple[Path, Found]:
    count = len(prefix.split(".")) if prefix else 0
    whole = view.find(path)
    assert isinstance(whole, Found)
    return path.below(count), Found(whole.schema, whole.lists[count:], whole.many)


def _compile(
    source: Source,
    grouped: Mapping[str, list[Any]],
    view: SchemaView,
) -> list[tuple[str, str, list[tuple[BoundRow, str, list[str], str]]]]:
    """Adds a reader for every group, row and companion; gives back their names."""
    plan: list[tuple[str, str, list[tuple[BoundRow, str, list[str], str]]]] = []
    count = 0
    for prefix, members in grouped.items():
        items = f"items_{len(plan)}"
        if prefix:
            path = parse(prefix)
            found = view.find(path)
            assert isinstance(found, Found)
            reader(source, items, path, found.lists, f"the items of {prefix}")
        else:
            source.add(0, f"def {items}(root):", "    return [root]", "")
        reads = []
        for bound, path, found, _ in members:
            name = f"read_{count}"
            reader(source, name, path, found.lists, f"{bound.row.redox}, for row {bound.row.key}")
            others = []
            for number, companion in enumerate(bound.row.with_):
                other_path, other_found = _below(parse(companion), prefix, view)
                others.append(f"{name}_{number}")
                reader(
                    source,
                    others[-1],
                    other_path,
                    other_found.lists,
                    f"{companion}, beside row {bound.row.key}",
                )
            reads.append((bound, name, others, str(path)))
            count += 1
        plan.append((prefix, items, reads))
    return plan


def _values(read: _Read, item: Any) -> list[tuple[Any, list[Any]]]:
    companions = [next(iter(other(item)), None) for other in read.companions]
    return [(value, companions) for value in read.read(item) if not isinstance(value, str) or value.strip()]


def _item(group: _Group, item: Any, base: str, found: Reading) -> None:
    """An item that chooses no schedules: the window, and parameters of every search."""
    for read in group.rows:
        row = read.bound.row
        for value, companions in _values(read, item):
            path = base + read.tail
            if row.key in (START, END):
                found.texts[row.key] = value
            elif row.select is not None:
                found.whole += [(each,) for each in _want(read, value, companions, path, found.issues)]
            elif row.param is not None:
                found.parameter(read.bound, value, companions, path)


def _alternative(group: _Group, item: Any, base: str, found: Reading) -> tuple[Want, ...]:
    """What one item asks of the same schedules, and of the EHR beside them."""
    wants = []
    for read in group.rows:
        row = read.bound.row
        for value, companions in _values(read, item):
            path = base + read.tail
            if row.select is not None:
                wants += _want(read, value, companions, path, found.issues)
            elif row.param is not None:
                wants += found.beside(read.bound, value, companions, path)
    return tuple(wants)


def _want(read: _Read, value: str, companions: list[Any], path: str, issues: list[Issue]) -> list[Want]:
    """What a row that selects wants of a schedule; what no code table has is wanted of none, or where the row
    drops it, not at all."""
    row = read.bound.row
    column, text, kind, of = row.select or "", value, "", path
    told: list[Issue] = []
    if row.reads_id_type:
        kind = companions[0] or ""
        if kind:
            of = f"{path.rpartition('.')[0]}.{row.with_[0].rpartition('.')[2]}"
            column = convert.to_fhir(read.bound, kind, (), of, told) or column
    else:
        text = convert.to_fhir(read.bound, value, companions, path, told)
    unknown = convert.unknown(told)
    issues += convert.others(told, unknown)
    if unknown is None and convert.dropped(told):
        return []
    return [Want(column, text or value, path, kind, row.others, unknown)]


def _preference(
    group: _Group, item: Any, base: str, issues: list[Issue], *, wishes: bool
) -> window.Preference:
    minutes: int | None = None
    days: set[int] = set()
    times: set[TimeOfDay] = set()
    for read in group.rows:
        row = read.bound.row
        if row.filter in _WISHES and not wishes:
            if _values(read, item):
                issues.append(Issue(UNCHECKED, base + read.tail, _NOT_LOOKED_AT, "warning"))
            continue
        for position, (value, companions) in enumerate(_values(read, item)):
            path = base + read.tail + (f"[{position}]" if row.filter in _WISHES else "")
            text = convert.to_fhir(read.bound, value, companions, path, issues)
            if text is None:
                continue
            if row.filter == "day":
                days.update(map(window.parse_day, text.split()))
            elif row.filter == "time":
                times.update(parse_times(text))
            elif _is_length(read.bound):
                minutes = int(text)
    return window.Preference(
        minutes,
        frozenset(days),
        frozenset(each.begin for each in times if each.end is None and each.offset is None),
        frozenset((each.begin, each.end) for each in times if each.end is not None),
        frozenset((each.begin - each.offset) % window.DAY for each in times if each.offset is not None),
    )
