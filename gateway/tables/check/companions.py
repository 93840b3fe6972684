"""What a row names in ``with``: whether it is there, in time and always, and of the kind its codec has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.files.marked import Fault, did_you_mean, nearest
from gateway.tables.check.around import HELD, Around, no_column
from gateway.tables.check.table import DIRECTORY, NEEDED_ROWS
from gateway.tables.codecs.codec import Spec
from gateway.tables.rows.model import Row
from gateway.tables.rows.paths import parse
from gateway.tables.rows.schema import Found, repeated

_COLUMN = "directory."
_ALWAYS = "directory.schedule"


def count(row: Row, spec: Spec) -> str:
    """What is wrong with how many companions there are; empty if nothing is."""
    least, most = spec.companions
    given = len(row.with_)
    if least <= given <= most:
        return ""
    if most == 0:
        return f'the codec "{spec.name}" takes no "with"; delete it'
    about = re.search(r"\(with: (.*?)\)", spec.about)
    needs = f"exactly {most}" if least == most else f"at most {most}"
    what = "; these are: " + about[1] if about is not None else ""
    return f'the codec "{spec.name}" takes {needs} in "with", not {given}{what}'


def known(row: Row, around: Around) -> Iterator[Fault]:
    """Companions that there are none of: columns, rows above, fields of the message."""
    table = around.table
    earlier = []
    for each in table.rows:
        if each.key == row.key:
            break
        earlier.append(each.key)
    for name in row.with_:
        place = row.blamed("with")
        if name.startswith(_COLUMN):
            column = name.removeprefix(_COLUMN)
            if column not in around.columns:
                yield place.fault(no_column(column, around.columns))
        elif table.below is not None:
            if name not in earlier and name not in table.unread:
                yield place.fault(f'"{name}" is no row above this one; {did_you_mean(name, earlier)}')
        elif table.redox is not None:
            fields = set(around.schemas[table.redox].leaves())
            if name not in fields:
                near = did_you_mean(name, nearest(name, fields))
                yield place.fault(f'"{name}" is not a field of {table.redox}; {near}')


def fitting(row: Row, spec: Spec, around: Around) -> Iterator[Fault]:
    """Companions that there are, but not for this row: of another kind, of another part of the message, or
    not always there where the codec cannot do without."""
    alone = around.table.name == DIRECTORY or (
        row.redox is None and (around.is_query or row.directory is not None)
    )
    place = row.blamed("with", "codec")
    if alone and row.with_:
        yield place.fault('"with" says nothing here, where a column is all that is read; delete it')
    elif spec.companions[0] and (alone or around.is_query):
        text = f'the codec "{spec.name}" needs {spec.companions[0]} in "with" that are always there'
        yield row.at("codec").fault(f"{text}, and nothing is sure to be beside this row; take another codec")
    else:
        for position, name in enumerate(row.with_):
            told = _in_query if around.is_query else _in_answer
            if fault := told(row, spec, position, name, around):
                yield place.fault(f'"{name}" {fault}')


def _in_query(row: Row, spec: Spec, position: int, name: str, around: Around) -> str | None:
    if name.startswith(_COLUMN):
        return "is a column of the directory, which is not read beside a message; name a field of the message"
    view = around.schemas[around.table.redox or ""]
    found = view.find(parse(name))
    assert isinstance(found, Found)
    assert row.redox is not None
    mine = view.find(row.redox)
    group = repeated(row.redox, mine) if isinstance(mine, Found) else ""
    if group and not name.startswith(f"{group}."):
        return f"is no part of {group}, where this row reads; name a field that stands beside it"
    return _kind(found.kind, spec, position)


def _in_answer(row: Row, spec: Spec, position: int, name: str, around: Around) -> str | None:
    needed = position < spec.companions[0]
    if name.startswith(_COLUMN):
        if needed and name != _ALWAYS:
            return (
                f"may be empty, and the codec {spec.name} cannot do without; only {_ALWAYS} is always there"
            )
        return _kind("string", spec, position)
    if row.redox is not None and row.directory is not None:
        return f"is a row; beside a column of the directory write another column, such as {_ALWAYS}"
    other = around.table.row(name)
    if name in around.table.unread:
        return None
    if other is None or other.redox is None or not other.fhir:
        return 'is a row without "redox" and "fhir", which has no value for each slot; name one that has both'
    if (row.to_redox and not other.to_redox) or (row.to_fhir and not other.to_fhir):
        return f"is a row that goes one way only ({other.way}), and this one goes the other way, too"
    if needed and not (other.required or other.key in NEEDED_ROWS[around.table.name]):
        return f'may be missing, and the codec {spec.name} cannot do without; name one that is "required"'
    view = around.schemas[around.table.redox or ""]
    found = view.find(other.redox, around.table.below)
    if not isinstance(found, Found):
        return None
    whole = found.lists[-1] and not other.redox.steps[-1].narrow
    return _kind("array" if whole else found.kind, spec, position)


def _kind(held: str, spec: Spec, position: int) -> str | None:
    wanted = spec.companion_kinds[position]
    if held == wanted:
        return None
    return f'holds {HELD.get(held, "anything")}, but the codec "{spec.name}" has {HELD[wanted]} beside it'
