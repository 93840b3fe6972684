"""What cases try of the tables, and what of them meets no row and no line of a code table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.assemble import CheckedConfiguration
from gateway.cases.case import Case
from gateway.cases.run import Ran, run
from gateway.core.errors import GatewayError
from gateway.explain.rows import Rows, place_of
from gateway.explain.told import ByRow, Wish, named
from gateway.tables.answer.site import SiteTables
from gateway.tables.rows.model import CodeTable, Row

_MEETS_NO_LINE = "has no line in the code table"


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A code that met no line: as it was sent, with the codeset beside it, in which table, and how often."""

    table: str
    code: str
    system: str
    count: int


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A line of a code table that a higher layer's line of the same code stands over, and where that is."""

    table: str
    code: str
    over: str


@dataclass(slots=True)
class Coverage:
    """Of the sites of the cases: rows in force by how many cases they were used in, those never used first;
    ``carried_by_nobody`` and ``unchecked``: fields, and in how many cases; ``failed``: cases that could not
    be run, and why."""

    cases: int = 0
    used: dict[ByRow, int] = field(default_factory=dict)
    carried_by_nobody: Counter[str] = field(default_factory=Counter)
    unchecked: Counter[str] = field(default_factory=Counter)
    unmapped: tuple[Unmapped, ...] = ()
    shadowed: tuple[Shadowed, ...] = ()
    failed: list[tuple[str, str]] = field(default_factory=list)


def coverage(found: CheckedConfiguration, cases: Sequence[Case]) -> Coverage:
    """Runs the cases by the tables as they are."""
    told = Coverage(len(cases))
    codes: Counter[tuple[str, str, str]] = Counter()
    counted: Counter[tuple[str, str, str]] = Counter()
    sites: dict[str, SiteTables] = {}
    by_id = {site.id: made for site, made in zip(found.settings.sites, found.tables, strict=True)}
    for case in cases:
        try:
            ran = run(found, case)
        except GatewayError as error:
            told.failed.append((case.name, str(error)))
            continue
        sites.setdefault(ran.told.site, by_id[ran.told.site])
        counted.update({_key(row) for row in _used(ran)})
        told.carried_by_nobody.update({named(each.path) for each in ran.told.wishes if _nobody(each)})
        told.unchecked.update({named(each.path) for each in ran.told.wishes if each.outcome == "unchecked"})
        codes.update(_codes(ran, by_id[ran.told.site]))
    every = {_key(row): row for made in sites.values() for row in _in_force(made)}
    told.used = {row: counted[key] for key, row in sorted(every.items(), key=lambda each: counted[each[0]])}
    told.unmapped = tuple(Unmapped(*key, count) for key, count in codes.most_common())
    told.shadowed = tuple(dict.fromkeys(each for made in sites.values() for each in _shadowed(made)))
    return told


def _key(row: ByRow) -> tuple[str, str, str]:
    return row.table, row.key, row.place


def _used(ran: Ran) -> Iterator[ByRow]:
    """The rows that a case went through."""
    fields = (*ran.told.fields, *(each for sent in ran.told.sent for each in sent.fields))
    rows: Iterable[ByRow | None] = (
        *(each.row for each in ran.told.wishes),
        *(each.row for each in fields),
        *(origin.row for each in fields for origin in each.origins),
    )
    return (row for row in rows if row is not None)


def _in_force(made: SiteTables) -> Iterator[ByRow]:
    """The rows that carry something."""
    for table in made.tables.values():
        rows = Rows(table)
        yield from (rows.told(row) for row in table.rows if not row.ignore)


def _nobody(wish: Wish) -> bool:
    """Whether a field was sent that no row carries, and that is neither the envelope's nor the patient's."""
    return wish.outcome in ("ignored", "unknown") and wish.path.partition(".")[0] not in ("Meta", "Patient")


def _codes(ran: Ran, made: SiteTables) -> Iterator[tuple[str, str, str]]:
    """The codes of a case that met no line, each with its table and the codeset beside it."""
    values = {each.path: each.value for each in ran.told.wishes}
    for each in ran.told.wishes:
        if each.row is None or _MEETS_NO_LINE not in each.because:
            continue
        row = made.tables[each.row.table].row(each.row.key)
        if row is not None and row.codec.arguments and _reads(row, each):
            yield row.codec.arguments[0], str(each.value), _beside(row, each.path, values)


def _reads(row: Row, wish: Wish) -> bool:
    """Whether it is the field itself that is the code, not what is read beside it."""
    if row.reads_id_type:
        return named(wish.path) in row.with_
    return row.redox is not None and named(wish.path) == str(row.redox)


def _beside(row: Row, path: str, values: Mapping[str, object]) -> str:
    if row.reads_id_type:
        return ""
    parent = path.rpartition(".")[0]
    found = (values.get(f"{parent}.{name.rpartition('.')[2]}") for name in row.with_)
    return next((str(each) for each in found if each is not None), "")


def _shadowed(made: SiteTables) -> Iterator[Shadowed]:
    """The lines that lower layers have of a code for which a higher one says something else."""
    for name, table in made.context.codes.items():
        for lower in _below(table):
            for key, was in lower.to_fhir.items():
                if table.to_fhir.get(key, was) != was and key in table.marks:
                    yield Shadowed(name, table.spelt.get(key[0], key[0]), place_of(table.marks[key]))


def _below(table: CodeTable) -> Iterator[CodeTable]:
    yield from table.below.values()
