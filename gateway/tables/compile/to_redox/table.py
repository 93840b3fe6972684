"""The answer table compiled towards Redox: FHIR Slots in, the JSON text of AvailableSlots[] out.

Two functions are generated. ``block`` encodes, once per schedule, what its slots share (provider,
location). ``convert`` walks the slots of a page: it leaves out what is not wanted, and spells one
object per slot. What it cannot convert it hands back, to be explained by the plain reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Annotated, Any

import msgspec

from gateway.core.fhir import writable
from gateway.tables.compile.bind import BoundRow
from gateway.tables.compile.reading import Reading
from gateway.tables.compile.source import Source
from gateway.tables.compile.structs import struct
from gateway.tables.compile.to_redox.block import write_block
from gateway.tables.compile.to_redox.loop import LENGTH, SCHEDULE, TIME, Loop
from gateway.tables.rows.model import Table
from gateway.tables.rows.paths import Path
from gateway.tables.rows.schema import SchemaView

__all__ = ["LENGTH", "SCHEDULE", "TIME", "ToRedox", "compile_to_redox", "encode"]

ID = "ID"


@dataclass(frozen=True, slots=True)
class ToRedox:
    """The compiled table. ``resource`` is the typed form of a Slot: just the fields that rows read;
    ``referring`` that which also has all that its Schedule may be told by, and need not name it.

    ``block(cells)`` gives what ``convert`` wants to know of a schedule; ``convert(slots, groups, low, high,
    shortest, prefers, stray, malformed)`` fills the texts of each slot's group, by when it is, and gives
    the numbers of those left out: occupied, outside the window, double, not fitting, entered in error.
    """

    resource: type[msgspec.Struct]
    referring: type[msgspec.Struct]
    block: Callable[[Mapping[str, str]], tuple[str, ...]]
    convert: Callable[..., tuple[int, int, int, int, int]]
    code: str


def encode(value: Any) -> str:
    """A JSON value as text."""
    return msgspec.json.encode(value).decode()


def some(value: Any) -> str | None:
    """A JSON value as text; None for none."""
    return None if value is None else encode(value)


def again(texts: dict[str, str], when: str, text: str) -> int:
    """One more slot of the same schedule, start and length: 1 where it is one that is there already. One with
    an id of its own is another slot, and is kept beside the first."""
    own = _id(text)
    if own is None or own == _id(texts[when]):
        return 1
    return int(texts.setdefault(f"{when}~{own}", text) is not text)


def _id(text: str) -> Any:
    return msgspec.json.decode(text + "}").get(ID)


_Nothing = Annotated[list[Any], msgspec.Meta(max_length=0)] | None


def _unmodified(slot: type[msgspec.Struct], *more: tuple[str, Any, Any]) -> type[msgspec.Struct]:
    """The type without any modifier extension, which its decoder refuses: what has one that is not known must
    not be used (FHIR R4, extensibility), and we know none. ``more``: further fields."""
    return msgspec.defstruct(
        "Slot",
        [("modifierExtension", _Nothing, None), *more],
        bases=(slot,),
        tag="Slot",
        tag_field="resourceType",
        gc=False,
        module=__name__,
    )


def compile_to_redox(
    table: Table,
    rows: tuple[BoundRow, ...],
    schemas: Mapping[str, SchemaView],
    also: Sequence[Path] = (),
    beside: Sequence[Path] = (),
    *,
    referring: bool = False,
) -> ToRedox:
    """Generates and compiles both functions and the typed Slots. ``also``: what else of a Slot tells whose it
    is. ``beside``: what is read of it by others than the rows. ``referring``: every Slot is read as one that
    need not name its Schedule.
    """
    used = [bound for bound in rows if bound.row.to_redox]
    join = next(bound.row.key for bound in used if bound.row.directory == SCHEDULE and bound.fhir)
    reading = Reading(used, "slot", frozenset({TIME, LENGTH, join}))
    paths = [(path, reading.decoded(bound)) for bound in used for path, _ in bound.fhir]
    paths += [(path, False) for path in beside]
    named = _unmodified(struct("Slot", paths, schemas["Slot"], tag="Slot"))
    naming = {path for bound in used if bound.row.key == join for path, _ in bound.fhir}
    paths = [(path, needed and path not in naming) for path, needed in paths]
    paths += [(path, False) for path in also]
    contained = ("contained", list[msgspec.Raw] | None, None)
    anyhow = _unmodified(struct("Slot", paths, schemas["Slot"], tag="Slot"), contained)
    source = Source(
        {"quote": encode_basestring, "encode": encode, "some": some, "tidy": writable, "again": again}
    )
    for path, _ in paths:
        source.reads(path)
    reading.add_readers(source)
    loop = Loop(source, table, reading)
    loop.write(write_block(source, reading, loop.late))
    scope = source.build(f"table {table.name}, to Redox")
    resource = anyhow if referring else named
    return ToRedox(resource, anyhow, scope["block"], scope["convert"], source.text)
