"""What can be wrong with a table as a whole: rows against each other, and fields that no row speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.files.marked import Fault
from gateway.tables.rows.model import Former, Row, Table
from gateway.tables.rows.paths import Path, Where, covers, render
from gateway.tables.rows.schema import SchemaView, Unknown

QUERY, ANSWER, DIRECTORY = "available-slots.query", "available-slots.answer", "directory"
# What the flow of an event cannot do without: table -> keys of its rows.
NEEDED_ROWS: Mapping[str, tuple[str, ...]] = {
    QUERY: ("StartDateTime",),
    ANSWER: ("DateTime", "Duration", "schedule"),
    DIRECTORY: ("schedule",),
}
# Of these the flow itself reads the result: the codec that gives it.
_NEEDED_CODECS: Mapping[str, str] = {
    "DateTime": "instant",
    "Duration": "minutes-until",
    "schedule": "reference",
}


def missing(table: Table, schemas: Mapping[str, SchemaView]) -> Iterator[Fault]:
    """Rows that nothing can be answered without, and fields of the Redox schema that no row speaks of."""
    for key in NEEDED_ROWS.get(table.name, ()):
        row = table.row(key)
        if row is None:
            yield _needed(table, key)
        elif table.name == QUERY and not (str(row.redox) == key and row.param is not None and row.to_fhir):
            yield row.blamed("way", "redox", "param").fault(
                f'the row "{key}" must have "redox: {key}" and "param", and go to FHIR; '
                "nothing can be asked without it"
            )
        elif table.name == ANSWER and not _serves(row, _NEEDED_CODECS[key]):
            beside = ' with "DateTime"' if key == "Duration" else ""
            yield row.blamed("required", "way", "fhir", "codec", "with", "redox", "directory").fault(
                f'the row "{key}" must stay "required: true", go both ways, have a "fhir" side and '
                f'the codec "{_NEEDED_CODECS[key]}"{beside}; nothing can be answered without it'
            )
    view = schemas.get(table.redox or "")
    if view is not None:
        yield from _coverage(table, view)


def _needed(table: Table, key: str) -> Fault:
    dropped = next((each for each in table.former if each.dropped and each.row.key == key), None)
    if dropped is not None:
        return dropped.mark.fault(f'the row "{key}" cannot be dropped; nothing can be answered without it')
    return table.mark.fault(
        f'the row "{key}" is missing from {table.name}; nothing can be answered without it'
    )


def _serves(row: Row, codec: str) -> bool:
    after_start = codec != "minutes-until" or row.with_ == ("DateTime",)
    return row.required and row.way == "both" and bool(row.fhir) and row.codec.name == codec and after_start


def conflicts(table: Table) -> Iterator[Fault]:
    """Two rows that would write the same field in the same direction, or carry what is ignored."""
    to_redox: dict[str, Row] = {}
    to_fhir: dict[str, Row] = {}
    for row in table.rows:
        if row.ignore:
            continue
        # Several search parameters may speak of one Redox field; the flow takes what they say together.
        if row.to_redox and row.redox is not None and row.param is None:
            yield from _once(to_redox, str(row.redox), row, "redox")
        if row.to_fhir and row.fhir:
            yield from _once(to_fhir, str(row.fhir[0]), row, "fhir")
        if row.to_redox and table.name == DIRECTORY and row.directory is not None:
            # Of rows that read it from other resources, the first that finds something fills the column.
            source = (row.root, row.level) if row.root is not None else ()
            if source:
                to_redox.setdefault(row.directory, row)
            yield from _once(to_redox, row.directory, row, "directory", source)
    yield from _sent_twice([row for row in table.rows if row.param is not None and row.to_fhir])
    for ignorer in table.rows:
        for name in ignorer.ignore:
            for row in table.rows:
                if row.redox is not None and covers(name, str(row.redox)):
                    yield _ignored_too(row, ignorer, name)


def _sent_twice(rows: list[Row]) -> Iterator[Fault]:
    """One parameter of two rows. Two Redox fields may share one, as the two ends of a window do."""
    for position, row in enumerate(rows):
        for other in rows[:position]:
            shared = row.redox is not None and other.redox is not None and row.redox != other.redox
            if other.param == row.param and not (shared and row.value is None and other.value is None):
                first, second = _by_height(other, row, "param")
                yield second.at("param").fault(
                    f'"{row.param}" is sent already, by the row "{first.key}" ({first.at("param")}); '
                    "drop one, or give it another parameter"
                )


def _by_height(one: Row, other: Row, cell: str) -> tuple[Row, Row]:
    """The two rows, that one second whose cell the higher layer set."""
    heights = [found.height if (found := row.cells.get(cell)) else row.height for row in (one, other)]
    return (other, one) if heights[0] > heights[1] else (one, other)


def _ignored_too(row: Row, ignorer: Row, name: str) -> Fault:
    """What is said of a field that one row carries and another ignores, at the later of the two."""
    field = str(row.redox)
    carried, cell = row.latest("redox"), ignorer.latest("ignore")
    if carried is not None and cell is not None and cell.height > carried.height:
        text = f'"{field}" is carried by the row "{row.key}" ({carried.mark}); drop that row'
        return cell.mark.fault(f"{text}, or do not ignore it here")
    rest = [each for each in ignorer.ignore if each != name]
    text = (
        f'"{field}" is carried by this row, but ignored by the row "{ignorer.key}" ({ignorer.at("ignore")})'
    )
    if ignorer.height == row.height:
        return row.at("redox").fault(f"{text}; take it out there, or drop this row")
    change = f'with "ignore: [{", ".join(rest)}]"' if rest else 'with "drop: true"'
    return row.at("redox").fault(f'{text}; add "- row: {ignorer.key}" {change}')


def gaps(table: Table) -> Iterator[Fault]:
    """A second item that is written without a first would leave a hole in the list."""
    written = [
        (row, cell, path)
        for row in table.rows
        for cell, path, used in (
            ("redox", row.redox, row.to_redox),
            ("fhir", row.fhir[0] if row.fhir else None, row.to_fhir),
        )
        if path is not None and used
    ]
    items = {_item(path, n) for _, _, path in written for n in range(len(path.steps))}
    for row, cell, path in written:
        for position, step in enumerate(path.steps):
            last = step.narrow[-1] if step.narrow else 0
            if not isinstance(last, int) or last == 0:
                continue
            before = replace(step, narrow=(*step.narrow[:-1], last - 1))
            wanted = render((*path.steps[:position], before))
            if wanted not in items:
                text = f'"{path}" is written, but no row writes "{wanted}" before it'
                yield row.at(cell).fault(f"{text}; use that one, or make this row one-way")


def _item(path: Path, position: int) -> str:
    """The item of a list that a path writes there: the first, unless it says otherwise."""
    *before, step = path.steps[: position + 1]
    if not step.narrow or not isinstance(step.narrow[-1], int):
        step = replace(step, narrow=(*step.narrow, 0))
    return render((*before, step))


def _once(
    into: dict[str, Row], target: str, row: Row, cell: str, source: tuple[str | None, ...] = ()
) -> Iterator[Fault]:
    """``source``: whence the target is written; two sources may write it."""
    other = into.setdefault(" ".join([target, *(each or "-" for each in source)]), row)
    if other is not row:
        first, second = _by_height(other, row, cell)
        yield second.at(cell).fault(
            f'"{target}" is already written by the row at {first.mark}; drop one, or make both one-way'
        )


def _coverage(table: Table, view: SchemaView) -> Iterator[Fault]:
    """Every field of the Redox schema is carried, read beside another, or ignored for a reason."""
    spoken = [_spoken(row) for row in table.rows]
    needed = NEEDED_ROWS.get(table.name, ())
    for leaf in view.leaves(start_of(table, {table.redox or "": view})):
        if any(covers(name, leaf) for names in spoken for name in names):
            continue
        former = next((each for each in reversed(table.former) if _speaks(each, leaf)), None)
        if former is None:
            yield table.mark.fault(f'{table.name}: no row carries "{leaf}" and no row ignores it; add one')
        elif former.dropped and former.row.key not in needed:
            yield former.mark.fault(
                f'with this row dropped nothing carries "{leaf}"; add "- ignore: {leaf}" with "because:"'
            )
        elif not former.dropped:
            yield former.mark.fault(
                f'with this change no row carries or ignores "{leaf}" any more; '
                f'add a row for it, or "- ignore: {leaf}" with "because:"'
            )


def _speaks(former: Former, leaf: str) -> bool:
    return any(covers(name, leaf) for name in _spoken(former.row))


def _spoken(row: Row) -> tuple[str, ...]:
    """The fields that a row carries, reads beside another, or ignores (there also with all below them)."""
    carried = _fields(row.redox) if row.redox is not None else ()
    return (*carried, *row.with_, *row.ignore)


def _fields(path: Path) -> Iterator[str]:
    """The field that a path writes, and those by which it tells the items of lists apart."""
    names: list[str] = []
    for step in path.steps:
        names.append(step.name)
        yield from (".".join([*names, each.name]) for each in step.narrow if isinstance(each, Where))
    yield ".".join(names)


def start_of(table: Table, schemas: Mapping[str, SchemaView]) -> dict[str, object] | None:
    """The part of the Redox schema that the table's paths start from; None: its top."""
    if table.below is None or table.redox is None:
        return None
    found = schemas[table.redox].find(table.below)
    return None if isinstance(found, Unknown) else found.schema
