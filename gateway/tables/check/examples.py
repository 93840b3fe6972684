"""Runs the examples of a table both ways: an example is a test and the documentation at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.files.marked import Fault
from gateway.tables.codecs.codec import Codec, Context, Spec, Unmapped
from gateway.tables.codecs.registry import CODECS
from gateway.tables.read.layered_rows import shown
from gateway.tables.rows.model import Example, Row

# The cells that an example can have been overtaken by.
_CELLS = ("codec", "with", "param", "filter", "select", "directory", "fhir", "redox", "way", "value")


_SOUGHT = ("param", "select", "filter")
_SIDES = ("redox", "directory", "fhir", *_SOUGHT)


@dataclass(frozen=True, slots=True)
class _Run:
    """An example ready to be run: its two sides, the one nearer to Redox first."""

    row: Row
    example: Example
    spec: Spec
    codec: Codec
    near: Any
    far: Any


def run(row: Row, context: Context) -> Iterator[Fault]:
    """Every example of the row that does not turn out as it says; each is told of once."""
    former = _former(row, context)
    for example in row.examples:
        fault = _example(row, example, context)
        if fault is not None and (former is None or _example(row, example, former) is not None):
            yield _told(row, example, fault)


def _former(row: Row, context: Context) -> Context | None:
    """The code tables as they were where the examples were written; None if no layer over that changes one
    that the row reads. A clinic's own line of a code table makes no example of the shipped rows wrong."""
    cell = row.latest("example", "examples")
    if cell is None:
        return None
    rank = max(cell.rank, *(each.rank for name in _CELLS if (each := row.cells.get(name)) is not None))
    read = {name: context.codes[name] for name in row.codec.arguments if name in context.codes}
    was = {name: table.at(rank) for name, table in read.items()}
    return (
        replace(context, codes={**context.codes, **was})
        if any(was[name] is not read[name] for name in read)
        else None
    )


def sides(example: Example) -> tuple[str, str] | None:
    """The side nearer to Redox and the side nearer to FHIR of an example; None if it has not two."""
    given = [name for name in _SIDES if name in example.sides]
    if len(given) != 2:
        return None
    if "redox" in given:
        return "redox", next(name for name in given if name != "redox")
    if "directory" in given:
        return "directory", next(name for name in given if name != "directory")
    return None


def _told(row: Row, example: Example, fault: str) -> Fault:
    """The fault at the example, or at the edit of a higher layer that the example does not fit any more."""
    latest = row.latest(*_CELLS)
    own = row.latest("example", "examples")
    if latest is None or own is None or latest.height <= own.height:
        return example.mark.fault(fault)
    what = fault.partition("; mend the example")[0]
    return latest.mark.fault(
        f"with this the example at {example.mark} does not hold any more: {what}; "
        'give the row an "example" of its own, and say in "loses" what does not come back'
    )


def _example(row: Row, example: Example, context: Context) -> str | None:
    pair = sides(example)
    if pair is None:
        return 'an example needs two sides, such as {redox: "...", fhir: "..."}'
    if fault := _other_side(row, pair):
        return fault
    try:
        zone = ZoneInfo(example.zone)
    except (ZoneInfoNotFoundError, ValueError):
        return f'"{example.zone}" is not a time zone; write an IANA name such as America/Chicago'
    spec = CODECS[row.codec.name]
    codec = spec.make(row.codec.arguments, replace(context, zone=zone))
    codec = codec if row.param is None else codec.searching
    made = _Run(row, example, spec, codec, *(example.sides[name] for name in pair))
    if fault := _form(made, pair):
        return fault
    # What is filtered by, and the type beside an ID, do not come back by this row.
    if row.to_redox and row.filter is None and not row.reads_id_type and (fault := _to_redox(made)):
        return fault
    return _to_fhir(made) if row.to_fhir else None


def _other_side(row: Row, pair: tuple[str, str]) -> str | None:
    """What is wrong if the example is of another row's sides. Below the layer that gave a row another kind of
    search it may be of the former kind."""
    own = [name for name in _SIDES if getattr(row, name) not in (None, ())]
    sought, example = row.latest(*_SOUGHT), row.latest("example", "examples")
    overtaken = sought is not None and example is not None and sought.height > example.height
    wrong = [name for name in pair if name not in own and not (overtaken and name in _SOUGHT)]
    return f'this row has no "{wrong[0]}"; an example of it has {" and ".join(own)}' if wrong else None


def _form(made: _Run, pair: tuple[str, str]) -> str | None:
    """What is wrong with the example before it is run: a list for a text, a companion that is missing."""
    for name, value, held in zip(pair, (made.near, made.far), (made.spec.redox, made.spec.fhir), strict=True):
        if (held == "array") != isinstance(value, list):
            wanted = "a list, such as [a, b]" if held == "array" else "one text, not a list"
            return f'"{name}" of this example must be {wanted}: so the codec "{made.spec.name}" has it'
    companions, given = made.row.with_, len(made.example.with_)
    if not made.spec.companions[0] <= given <= len(companions):
        if not companions:
            return 'this example has "with", but the row has none; delete it'
        return f'"with" of this example has {given} values; write one for each of: {", ".join(companions)}'
    return None


def _to_redox(made: _Run) -> str | None:
    wanted = made.near
    if made.spec.redox == "number" and not isinstance(wanted, list) and _is_number(wanted):
        wanted = float(wanted)
    result, fault = _converted(made, "redox")
    if fault is not None:
        return fault
    if result == wanted or (isinstance(result, (int, float)) and str(result) == wanted):
        return None
    if made.row.loses is not None and _searched(made.row):
        return None
    return _differs(made.far, result, made.near, "redox")


def _to_fhir(made: _Run) -> str | None:
    result, fault = _converted(made, "fhir")
    if fault is not None:
        return fault
    wanted = made.far
    if result == wanted or (isinstance(result, (int, float)) and str(result) == wanted):
        return None
    if isinstance(result, str) and isinstance(wanted, str) and _same(made.codec, result, wanted):
        return None
    if made.row.loses is not None and not _searched(made.row):
        return None
    return _differs(made.near, result, wanted, "fhir")


def _searched(row: Row) -> bool:
    """Whether the row reads a query, so that it is on the way back that something is lost."""
    return any(getattr(row, name) is not None for name in _SOUGHT)


def _converted(made: _Run, way: str) -> tuple[Any, str | None]:
    """What the codec makes of the side that is given, or what it says against it."""
    function, given = (made.codec.to_redox, made.far) if way == "redox" else (made.codec.to_fhir, made.near)
    numeric = way == "fhir" and made.spec.redox == "number"
    value = float(given) if numeric and isinstance(given, str) and _is_number(given) else given
    companions = tuple(int(each) if each.isdigit() else each for each in made.example.with_)
    try:
        if made.row.reads_id_type:
            # The ID stays as it is; it is its type that must be known, and says in which column to look.
            return (value, None) if not companions or function(*companions) else (None, None)
        return function(value, *companions), None
    except Unmapped as error:
        if made.row.unmapped == "pass":
            return value, None
        return None, f"this example fails on the way to {way}: {error}"
    except ValueError as error:
        return None, f"this example fails on the way to {way}: {error}"
    except TypeError:
        text = f'this example fails on the way to {way}: the codec "{made.spec.name}" cannot read'
        return None, f'{text} "{shown(given)}"'


def _differs(given: Any, result: Any, wanted: Any, way: str) -> str:
    return (
        f'"{shown(given)}" becomes "{shown(result)}" on the way to {way}, not "{shown(wanted)}"; '
        'mend the example or the codec, or say in "loses" what is lost'
    )


def _same(codec: Codec, one: str, other: str) -> bool:
    try:
        return codec.same(one, other)
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
