"""Field tables from their files: layers laid over each other, every cell with its origin.

Nothing here knows what a codec does or whether a path exists: that is ``check.py``. What is wrong
with the files themselves is collected, all of it, as :class:`~gateway.files.marked.Fault`. A row with
such a fault is left out, and the rest of its file is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePath
from typing import cast

from jsonschema import Draft202012Validator

from gateway.files import marked, shape
from gateway.files.marked import Fault, Mark, MarkedList, MarkedMap, Node, did_you_mean, find
from gateway.tables.read.cells import read_cells
from gateway.tables.read.layered_rows import (
    SIDES,
    Draft,
    Origin,
    key_of,
    path_of,
    row_of,
    text_of,
    texts_of,
)
from gateway.tables.read.layers import Source
from gateway.tables.rows.model import Former, Table

_CONTROL = ("row", "drop", "key")
# Cells that say which fields a row speaks of: with one of them changed, a field may be left without a row.
_SPEAKING = ("redox", "with", "ignore")


@dataclass(slots=True)
class _TableDraft:
    name: str
    head: MarkedMap
    origin: Origin
    rows: dict[str, Draft] = field(default_factory=dict)
    former: list[Former] = field(default_factory=list)
    dropped: dict[str, tuple[Mark, Origin]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    replaced: _TableDraft | None = None


def load(sources: Iterable[Source], validator: Draft202012Validator, faults: list[Fault]) -> dict[str, Table]:
    """The effective tables of a stack of files, lowest first; what is wrong goes into ``faults``."""
    drafts: dict[str, _TableDraft] = {}
    for height, source in enumerate(sources):
        node = read_cells(source, faults)
        if node is None:
            continue
        bad = shape.wrong(node, validator)
        faults.extend(each.fault for each in bad)
        if all(each.path[:1] == ("rows",) and len(each.path) > 1 for each in bad):
            _lay(drafts, node, Origin(source, height), {each.path[1] for each in bad}, faults)
    return {draft.name: _table(draft, faults) for draft in drafts.values()}


def _lay(
    drafts: dict[str, _TableDraft],
    node: MarkedMap,
    origin: Origin,
    bad: set[str | int],
    faults: list[Fault],
) -> None:
    """``bad``: the positions of rows that have told their faults already."""
    whole = node.get("table")
    name = text_of(whole if whole is not None else cast(Node, node.get("over")))
    below = drafts.get(name)
    if whole is not None:
        if below is not None and _same_folder(below.origin, origin):
            where = _beside(below.head.mark, origin)
            faults.append(
                whole.mark.fault(f'the table "{name}" is given already {where}; delete one of them')
            )
            return
        drafts[name] = below = _TableDraft(name, node, origin, replaced=below)
    elif below is None:
        text = f'there is no table "{name}" below this layer; {did_you_mean(name, drafts)}'
        faults.append(cast(Node, node.get("over")).mark.fault(text))
        return
    for position, item in enumerate(cast(MarkedList, node.get("rows"))):
        if position not in bad:
            _row_over(below, cast(MarkedMap, item), origin, whole is None, faults)
        elif isinstance(item, MarkedMap):
            target = item.get("row")
            below.unread.add(key_of(item) if target is None else text_of(target))


def _row_over(draft: _TableDraft, item: MarkedMap, origin: Origin, layer: bool, faults: list[Fault]) -> None:
    target = item.get("row")
    if target is None:
        _add(draft, item, origin, layer, faults)
        return
    if not layer:
        over = f'write "over: {draft.name}" in place of "table: {draft.name}", or "key" for a row of its own'
        text = f'"row" changes a row of a layer below, and this is a whole table; {over}'
        faults.append(find(item, ["row"], key=True).fault(text))
        return
    key = text_of(target)
    below = draft.rows.get(key)
    if below is None:
        faults.append(target.mark.fault(_no_row(draft, key, origin)))
        return
    if (first := next((mark for mark, each in below.edits if _same_folder(each, origin)), None)) is not None:
        text = f'row "{key}" is changed already {_beside(first, origin)}; join the two'
        faults.append(item.mark.fault(text))
        return
    if item.get("drop") is not None:
        _only(item, ("row", "drop", "because"), f'row "{key}" is dropped here; beside that', faults)
        because = item.get("because")
        _remember(draft, below, item.mark, origin, text_of(because) if because is not None else None)
        draft.dropped[key] = (item.mark, origin)
        del draft.rows[key]
    else:
        _change(draft, below, item, origin, faults)


def _add(draft: _TableDraft, item: MarkedMap, origin: Origin, layer: bool, faults: list[Fault]) -> None:
    key = key_of(item)
    below = draft.rows.get(key)
    if below is None:
        cells = {name: (node, origin) for name, node in _cells(item)}
        draft.rows[key] = Draft(key, item.mark, origin, cells)
        return
    remedy = (
        f'write "row: {key}" to change that one, or give this one a key'
        if layer and not _same_folder(below.origin, origin)
        else "give one of them a key"
    )
    faults.append(item.mark.fault(f'a second row "{key}"; the first is at {below.mark}. {remedy}'))


def _no_row(draft: _TableDraft, key: str, origin: Origin) -> str:
    if key in draft.dropped:
        mark, by = draft.dropped[key]
        where = _beside(mark, origin) if _same_folder(by, origin) else f"at {mark} ({by.layer})"
        return f'row "{key}" is dropped {where}; delete one of the two'
    return f'there is no row "{key}" below this layer; {did_you_mean(key, draft.rows)}'


def _same_folder(one: Origin, other: Origin) -> bool:
    """Whether two edits stand in one folder, where neither is over the other."""
    folders = {PurePath(each.source.name).parent for each in (one, other)}
    return one.layer == other.layer and len(folders) == 1


def _beside(mark: Mark, origin: Origin) -> str:
    """A place in the same folder, as short as it can be told."""
    return f"at line {mark.line}" if mark.file == origin.source.name else f"at {mark.file}:{mark.line}"


def _only(item: MarkedMap, allowed: tuple[str, ...], said: str, faults: list[Fault]) -> None:
    for name, _ in item.items:
        if name.text not in allowed:
            faults.append(name.mark.fault(f'{said} "{name.text}" says nothing; delete it'))


def _change(draft: _TableDraft, below: Draft, item: MarkedMap, origin: Origin, faults: list[Fault]) -> None:
    below.edits.append((item.mark, origin))
    cells = _cells(item)
    if item.get("key") is not None:
        faults.append(
            find(item, ["key"], key=True).fault(f'row "{below.key}" keeps its key; delete "key" here')
        )
    if not cells:
        faults.append(
            item.mark.fault(
                f'this changes nothing of row "{below.key}"; write the cells to change, or drop: true'
            )
        )
    if speaking := next((node for name, node in cells if name in _SPEAKING and name in below.cells), None):
        _remember(draft, below, speaking.mark, origin, None, dropped=False)
    for name, node in cells:
        old = below.cells.get(name)
        if old is not None and marked.plain(old[0]) == marked.plain(node):
            text = f'"{name}" says again what {old[0].mark} says ({old[1].layer}); delete it here'
            faults.append(node.mark.fault(text))
        if name in SIDES and name not in below.cells:
            for side in _replaced_by(name):
                below.cells.pop(side, None)
        below.cells[name] = (node, origin)


def _remember(
    draft: _TableDraft, below: Draft, mark: Mark, origin: Origin, because: str | None, dropped: bool = True
) -> None:
    """Keeps the row as it was, so that a field which is left without a row is told where that came about."""
    if (row := row_of(below, [])) is not None:
        draft.former.append(Former(row, mark, origin.layer, dropped, because))


def _replaced_by(side: str) -> tuple[str, ...]:
    """A layer that gives a row another kind of counterpart takes the old counterpart away."""
    counterparts = {"param": (), "select": ("else",), "filter": ()}
    others = {each: beside for each, beside in counterparts.items() if each != side}
    return tuple(chain(others, *others.values())) if side in counterparts else ()


def _cells(item: MarkedMap) -> list[tuple[str, Node]]:
    return [(key.text, value) for key, value in item.items if key.text not in _CONTROL]


def _table(draft: _TableDraft, faults: list[Fault]) -> Table:
    head = draft.head
    fhir = head.get("fhir")
    redox = head.get("redox")
    below = head.get("below")
    rows = {key: row_of(each, faults) for key, each in draft.rows.items()}
    return Table(
        name=draft.name,
        mark=head.mark,
        redox=text_of(redox) if redox is not None else None,
        below=path_of(below, faults) if below is not None else None,
        fhir=tuple(texts_of(fhir)) if fhir is not None else (),
        rows=tuple(row for row in rows.values() if row is not None),
        former=tuple(draft.former),
        unread=frozenset(draft.unread.union(key for key, row in rows.items() if row is None)),
        replaced=_table(draft.replaced, []) if draft.replaced is not None else None,
    )
