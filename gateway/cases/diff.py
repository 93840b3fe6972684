"""What an edit changes: every case under two sets of tables, the differences grouped by the row that made
them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gateway.assemble import CheckedConfiguration
from gateway.cases.case import Case
from gateway.cases.run import Difference, Ran, run
from gateway.core.errors import GatewayError
from gateway.explain.rows import Rows
from gateway.explain.told import ByRow, named
from gateway.tables.answer.site import SiteTables
from gateway.tables.rows.model import Row

SCHEDULES = "schedules.csv"
_CHOOSING = ("select", "filter")
_FOR_PEOPLE = ("note", "because", "loses", "example", "examples")
_SEARCH = re.compile(r"^search \d+: ")
_ITEM = re.compile(r"(?:AvailableSlots|entry)\[[^\]]+\]")


@dataclass(slots=True)
class Change:
    """What one row (None: it cannot be told which) changed: the names of the cases, and the first difference
    of each field; how many answers lost all of their slots, and how many slots went and came."""

    row: ByRow | None
    cases: dict[str, None] = field(default_factory=dict)
    fields: dict[str, Difference] = field(default_factory=dict)
    emptied: int = 0
    lost: int = 0
    gained: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """Of ``count`` cases ``changed`` came out otherwise; ``failed`` are those that one of the two could not
    run, and why."""

    count: int
    changed: int
    changes: tuple[Change, ...]
    failed: tuple[tuple[str, str], ...] = ()


def compared(
    old: CheckedConfiguration,
    new: CheckedConfiguration,
    cases: Sequence[Case],
    progress: Callable[[int], None] = lambda _done: None,
) -> Compared:
    """Runs each case under both. The rows that change most come first."""
    found: dict[str, Change] = {}
    failed: list[tuple[str, str]] = []
    changed = 0
    rows = _ChangedRows(old, new)
    for number, case in enumerate(cases, 1):
        try:
            before = run(old, case)
            after = run(new, replace(case, searches=before.searches, answer=before.answer))
        except GatewayError as error:
            failed.append((case.name, str(error)))
            continue
        changed += bool(after.differences)
        for row, difference in _by_row(before, after, rows):
            key = row.place if row is not None else ""
            change = found.setdefault(key, Change(row))
            change.cases.setdefault(case.name)
            change.fields.setdefault(_field(difference), difference)
        for place in _slots_changed(before, after, rows, found):
            found[place].cases.setdefault(case.name)
        progress(number)
    ordered = sorted(found.values(), key=lambda each: -len(each.cases))
    return Compared(len(cases), changed, tuple(ordered), tuple(failed))


def _by_row(before: Ran, after: Ran, rows: _ChangedRows) -> Iterator[tuple[ByRow | None, Difference]]:
    """The differences of one case but those of slots that went or came as a whole, each with its row."""
    moved = _items(before) ^ _items(after)
    for each in after.differences:
        if _item(each.path) not in moved:
            blamed = [row for row in (each.row, *each.through, *_filled_before(before, each)) if row]
            yield rows.changed(after.told.site, blamed) or rows.likely(before, after) or each.row, each


def _filled_before(before: Ran, gone: Difference) -> Iterator[ByRow]:
    """The rows by which an EHR filled a field that is there no longer."""
    if gone.got is None:
        for each in before.told.fields:
            if each.value == gone.expected and named(each.path) == named(gone.path):
                yield from (origin.row for origin in each.origins if origin.row is not None)


def _slots_changed(before: Ran, after: Ran, rows: _ChangedRows, found: dict[str, Change]) -> Iterator[str]:
    """Counts the slots that went and came, with the row that changed the searches, else with the one that
    most likely did it; gives back the places of these rows."""
    was, now = _items(before), _items(after)
    if was == now:
        return
    asked = next((each.row for each in after.differences if each.of == "searches" and each.row), None)
    blamed = [asked] if asked is not None else []
    row = rows.changed(after.told.site, blamed) or rows.likely(before, after) or asked
    place = row.place if row is not None else ""
    change = found.setdefault(place, Change(row))
    change.lost += len(was - now)
    change.gained += len(now - was)
    change.emptied += bool(was and not now)
    yield place


def _items(ran: Ran) -> set[str]:
    return {item for each in ran.names if (item := _item(each))}


def _item(path: str) -> str:
    match = _ITEM.match(path)
    return match[0] if match is not None else ""


def _field(difference: Difference) -> str:
    """What is told of it: of a search the parameter, of an answer the field, whichever slot it is of."""
    return f"{difference.of}: {named(_SEARCH.sub('', difference.path))}"


class _ChangedRows:
    """The rows that differ between two sets of tables, by site."""

    def __init__(self, old: CheckedConfiguration, new: CheckedConfiguration) -> None:
        self._old = {site.id: made for site, made in zip(old.settings.sites, old.tables, strict=True)}
        self._new = {site.id: made for site, made in zip(new.settings.sites, new.tables, strict=True)}
        self._found: dict[str, list[ByRow]] = {}

    def changed(self, site: str, blamed: Sequence[ByRow]) -> ByRow | None:
        """The first of these rows that was changed, at the place where it was."""
        found = {_key(each): each for each in self._of(site)}
        return next((found[_key(each)] for each in blamed if _key(each) in found), None)

    def likely(self, before: Ran, after: Ran) -> ByRow | None:
        """The row that most likely made a case come out otherwise, where no field of it says so: of the
        changed rows that read something of what was sent the one that chooses, else the only one; or the only
        one that has changed at all."""
        changed = self._of(after.told.site)
        read = {wish.row.key for ran in (before, after) for wish in ran.told.wishes if wish.row is not None}
        used = [each for each in changed if each.key in read]
        choosing = [each for each in used if any(cell.name in _CHOOSING for cell in each.cells)]
        return next((rows[0] for rows in (choosing, used, changed) if len(rows) == 1), None)

    def _of(self, site: str) -> list[ByRow]:
        if site not in self._found:
            old, new = self._old.get(site), self._new.get(site)
            self._found[site] = list(_changed(old, new)) if old is not None and new is not None else []
        return self._found[site]


def _key(row: ByRow) -> tuple[str, str]:
    return row.table, row.key


def _changed(old: SiteTables, new: SiteTables) -> Iterator[ByRow]:
    """The rows that say something else, or read a code table that does; those that are gone; and
    ``schedules.csv``, told as if it were a row."""
    codes = {name for name in new.context.codes if not _alike(old, new, name)}
    for name, table in new.tables.items():
        rows = Rows(table)
        before = {row.key: _texts(row) for row in old.tables[name].rows} if name in old.tables else {}
        now = {row.key: row for row in table.rows}
        for key, row in now.items():
            was, told = before.get(key), rows.told(row)
            if was != _texts(row) or not codes.isdisjoint(row.codec.arguments):
                cells = (each for each in told.cells if was is not None and was.get(each.name) != each.text)
                yield replace(told, place=next((each.place for each in cells), told.place))
        for key in before.keys() - now.keys():
            former = next((each for each in reversed(table.former) if each.row.key == key), None)
            if former is not None:
                yield rows.dropped(former)
    if old.schedules != new.schedules:
        yield ByRow("schedules", SCHEDULES, SCHEDULES, "", "", "", ())


def _alike(old: SiteTables, new: SiteTables, name: str) -> bool:
    """Whether a code table says the same both ways."""
    was, now = old.context.codes.get(name), new.context.codes[name]
    return was is not None and (was.to_fhir, was.to_redox) == (now.to_fhir, now.to_redox)


def _texts(row: Row) -> dict[str, str]:
    """What the cells of a row say, whoever set them; what is for people does not count."""
    lists: Iterable[tuple[str, Sequence[object]]] = (
        ("fhir", row.fhir),
        ("with", row.with_),
        ("ignore", row.ignore),
        ("else", row.others),
    )
    told = {name: cell.text for name, cell in row.cells.items() if name not in _FOR_PEOPLE}
    told.update({name: ", ".join(map(str, values)) for name, values in lists if values})
    return told
