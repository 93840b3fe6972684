"""Whether the codec of a row can take every value that the row's sides hold, and its companions.

A codec refuses what it cannot read, and says so. What is of another kind (a list for a text, a companion that
is not there) it does not expect, so that none of that may come to it out of a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.files.marked import Fault
from gateway.tables.check import companions
from gateway.tables.check.around import HELD, Around
from gateway.tables.check.table import DIRECTORY
from gateway.tables.codecs.codec import Spec
from gateway.tables.codecs.registry import CODECS
from gateway.tables.rows.model import CodecCall, Row

_PREFERENCE = "Visit.VisitPreference."
_DURATION = f"{_PREFERENCE}Duration"
# The ends of the window as the flow writes and reads them, and the codecs that are made for each.
_ENDS: Mapping[str, tuple[str, ...]] = {
    "StartDateTime": ("at-or-after", "day-before", "instant"),
    "EndDateTime": ("before", "until", "day-after", "instant"),
}


def fits(row: Row, around: Around) -> Iterator[Fault]:
    """Every such fault of a row that has no other."""
    spec = CODECS[row.codec.name]
    if row.ignore:
        return
    yield from _roots(row)
    yield from _sides_of(row, around)
    if row.value is not None:
        for cell, given in (("codec", row.codec != CodecCall()), ("with", row.with_)):
            if given:
                yield row.at(cell).fault('"value" is written as it stands; delete this')
        return
    if spec.name == "identifier" and (row.param is None or row.directory is None):
        yield row.at("codec").fault(
            'the codec "identifier" reads a search for a column; the row needs "param" and "directory"'
        )
    if fault := _text_side(row, spec):
        yield row.blamed("codec", "param", "select", "directory", "fhir", "redox").fault(fault)
    if spec.alone != _stands_alone(row):
        yield row.blamed("codec", "redox", "directory", "fhir").fault(_alone(spec))
    elif not fault:
        yield from companions.fitting(row, spec, around)
    if around.is_query:
        yield from _of_flow(row)


def _roots(row: Row) -> Iterator[Fault]:
    """The paths of a list are tried on one resource, of which the row is."""
    other = next((path for path in row.fhir if path.steps[0].name != row.root), None)
    if other is not None:
        text = f'"{other}" is of another resource than "{row.fhir[0]}"; a row reads one: make it two rows'
        yield row.at("fhir").fault(text)


def _sides_of(row: Row, around: Around) -> Iterator[Fault]:
    """Sides that nobody reads in this table."""
    name = around.table.name
    useless = () if around.is_query else ("param", "select", "filter")
    for side in useless:
        if getattr(row, side) is not None:
            yield row.at(side).fault(f'says nothing in the table {name}; "{side}" is for rows of a query')
    if name == DIRECTORY and row.value is not None:
        yield row.at("value").fault(
            "says nothing in the directory, whose columns are of the EHR or of schedules.csv"
        )
    if row.param is not None and row.redox is None and row.directory is None and row.value is None:
        yield row.at("param").fault('has nothing that would fill it; add "redox", "directory" or "value"')
    if around.is_query and row.directory is not None and row.param is None:
        yield row.at("directory").fault(
            'says nothing in a query without "param"; to choose by it write "select"'
        )


def _text_side(row: Row, spec: Spec) -> str | None:
    """What is wrong with a side that is a text whatever the schemas say: a parameter, a column."""
    near = "directory" if row.redox is None and row.directory is not None else None
    others = ("param", "select", "filter", *(("directory",) if near is None else ()))
    far = next((name for name in others if getattr(row, name) is not None), None)
    for side, given in ((near, spec.redox), (far, spec.fhir)):
        # What is written into a column is spelt as a text, and a number is read out of it again.
        taken = ("string", "number") if side == "directory" and row.fhir else ("string",)
        if side is not None and given not in taken:
            what = "column" if side == "directory" else side
            text = f'the {what} "{getattr(row, side)}" holds {HELD["string"]}'
            return f'{text}, but the codec "{spec.name}" has {HELD[given]} on this side'
    return None


def _stands_alone(row: Row) -> bool:
    """Whether a row writes a FHIR element of its companions alone."""
    return bool(row.fhir) and row.redox is None and row.directory is None


def _alone(spec: Spec) -> str:
    if spec.alone:
        return f'the codec "{spec.name}" makes an id of its companions alone; the row can have "fhir" only'
    return 'has no other side; add "redox", "directory" or "value" (the codec slot-name alone needs none)'


def _of_flow(row: Row) -> Iterator[Fault]:
    """Rows of a query that the flow itself has a part in: the window, and what is preferred."""
    field = str(row.redox or "")
    codecs = _ENDS.get(field)
    if codecs is not None and row.param is None:
        text = f'"{field}" bounds the search; its other side can only be "param"'
        yield row.blamed("select", "directory", "redox").fault(text)
    elif codecs is not None and row.codec.name not in codecs:
        # As it is it may be sent, but what clients write cannot be read so.
        if row.codec.name != "text" or row.to_redox:
            yield row.at("codec").fault(f'"{field}" can only have a codec of {", ".join(codecs)}')
    elif field.startswith(_PREFERENCE) and row.to_fhir and not _is_preference(row):
        also = '"filter" or "param"' if field == _DURATION else '"filter", or go "way: to-redox"'
        text = f'"{field}" is preferred, not sought; the row can only have {also}'
        yield row.blamed("select", "param", "directory", "redox").fault(text)


def _is_preference(row: Row) -> bool:
    return row.filter is not None or (str(row.redox) == _DURATION and row.param is not None)
