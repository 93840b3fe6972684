"""The answer table compiled towards FHIR: Redox's AvailableSlots[] in, searchset entries of Slots out.

The mirror of ``compile.py``. Provider and Location of a slot are left as the bytes they came in, since
few different ones occur: each is read once, to find the schedule that it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.core.directory import Cells
from gateway.tables.codecs.codec import Unmapped
from gateway.tables.compile.bind import BoundRow, is_whole
from gateway.tables.compile.lenient import converter, decoder
from gateway.tables.compile.source import Source, reader
from gateway.tables.compile.structs import attribute, struct
from gateway.tables.compile.to_fhir.loop import write_loop
from gateway.tables.compile.to_fhir.plan import LINE, Plan, first
from gateway.tables.rows.model import Table
from gateway.tables.rows.schema import SchemaView

_PARTS_KEPT = 10_000


class Meta(msgspec.Struct):
    """What is read of the Meta of Redox's answer."""

    IsIncomplete: bool | str | float | None = None
    Errors: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class ToFhir:
    """The compiled table. ``answer`` decodes a whole AvailableSlotsResponse (``Meta``, ``AvailableSlots``),
    ``slot`` reads one of its slots, leniently; ``told`` reads the directory columns that a slot's provider
    and location tell.

    ``block(cells)`` gives what ``convert`` wants to know of a schedule. ``convert(slots, groups, low, high,
    shortest, base, stray, malformed)`` fills the entries of each slot's group, (start, id, text) by id, and
    gives the numbers of those outside the window, double, and too short. ``groups(slot, key)`` finds
    a group, (entries, block) or None, and whether it is that of all slots with this key: the bytes of their
    provider and location, and, where they are ``placed``, last the text of which line it is.
    """

    answer: Callable[[bytes], Any]
    slot: Callable[[msgspec.Raw], Any]
    told: Callable[[Any], dict[str, str]]
    block: Callable[[Cells], tuple[Any, ...]]
    convert: Callable[..., tuple[int, int, int]]
    code: str
    placed: bool = False


def compile_to_fhir(
    table: Table, rows: tuple[BoundRow, ...], schemas: Mapping[str, SchemaView], *, placed: bool = False
) -> ToFhir:
    """Generates and compiles the functions and the typed answer; ``placed`` as of :class:`Plan`."""
    view = schemas[table.redox or ""]
    found = view.find(table.below) if table.below is not None else None
    plan = Plan(
        [bound for bound in rows if bound.row.to_fhir], view, getattr(found, "schema", None), placed=placed
    )
    source = Source()
    for bound in (*plan.crossing, *plan.repeated):
        if bound.row.redox is not None:
            source.reads(bound.row.redox)
    source.fields.update([LINE] if placed else ())
    _readers(source, plan)
    write_loop(source, table, plan)
    scope = source.build(f"table {table.name}, to FHIR")
    slot = _slot(plan)
    fields: list[Any] = [(str(table.below), list[slot]), ("Meta", Meta | None, None)]  # type: ignore[valid-type]
    decode = msgspec.json.Decoder(msgspec.defstruct("Answer", fields, module=__name__)).decode
    one = decoder(slot, plan.view, plan.below)
    return ToFhir(decode, one, _told(plan), scope["block"], scope["convert"], source.text, placed)


def _slot(plan: Plan) -> type[msgspec.Struct]:
    """Typed fields for what crosses, raw bytes for the parts that repeat."""
    outer = [(b.row.redox, b.row.required) for b in plan.crossing if b.row.redox and not plan.inside(b)]
    base = struct("Base", outer, plan.view, plan.below)
    fields: list[Any] = []
    renamed: dict[str, str] = {}
    for field in msgspec.structs.fields(base):
        fields.append((field.name, field.type) if field.required else (field.name, field.type, None))
        renamed[field.name] = field.encode_name
    for name in plan.compounds:
        fields.append((attribute(name), msgspec.Raw, msgspec.Raw(b"")))
        renamed[attribute(name)] = name
    return msgspec.defstruct("Slot", fields, gc=False, rename=renamed, module=__name__)


def _parts(
    rows: list[BoundRow], plan: Plan, title: str
) -> tuple[Callable[[Any], Any], list[Callable[[Any], Any]]]:
    """What makes the typed form of what rows read in the parts kept as bytes, and a reader for each row."""
    parts = struct(
        "Parts", [(bound.row.redox, False) for bound in rows if bound.row.redox], plan.view, plan.below
    )
    source = Source()
    for number, bound in enumerate(rows):
        assert bound.row.redox is not None
        assert bound.redox is not None
        about = f"{bound.row.redox}, for row {bound.row.key}"
        reader(source, f"read_{number}", bound.row.redox, bound.redox.lists, about)
    scope = source.build(title)
    return converter(parts, plan.view, plan.below), [scope[f"read_{number}"] for number in range(len(rows))]


def _told(plan: Plan) -> Callable[[Any], dict[str, str]]:
    """What the repeated parts of a slot tell of its schedule, by directory column."""
    typed, found = _parts(plan.repeated, plan, "table, what a slot of Redox's tells of its schedule")
    readers = list(zip(plan.repeated, found, strict=True))
    names = [(name, attribute(name)) for name in plan.compounds]

    def told(slot: Any) -> dict[str, str]:
        pieces = {
            name: msgspec.json.decode(raw)
            for name, attr in names
            if bytes(raw := getattr(slot, attr)) not in (b"", b"null")
        }
        value = typed(pieces)
        cells = {}
        for bound, read in readers:
            items = read(value)
            if items:
                cells[bound.row.directory or ""] = _cell(bound, items if is_whole(bound) else items[0])
        return cells

    return told


def _cell(bound: BoundRow, value: Any) -> str:
    try:
        return str(bound.codec.to_fhir(value))
    except Unmapped:
        if bound.row.unmapped == "error":
            raise
        return str(value)


def _part(bound: BoundRow, plan: Plan) -> Callable[[Any], Any]:
    """A function from the bytes of a repeated part to what a row reads in it, remembered."""
    typed, (read,) = _parts([bound], plan, f"table, row {bound.row.key}, to FHIR")
    whole = is_whole(bound)
    known: dict[bytes, Any] = {}

    def part(raw: Any) -> Any:
        key = bytes(raw)
        if key not in known:
            if len(known) >= _PARTS_KEPT:
                known.clear()
            piece = {} if key in (b"", b"null") else {first(bound): msgspec.json.decode(raw)}
            found = read(typed(piece))
            known[key] = found if whole else next(iter(found), None)
        return known[key]

    return part


def _readers(source: Source, plan: Plan) -> None:
    for bound in plan.crossing:
        assert bound.row.redox is not None
        assert bound.redox is not None
        name = f"read_{plan.variable(bound)}"
        if plan.inside(bound):
            source.names[name] = _part(bound, plan)
        elif plan.simple(bound) is None:
            about = f"{bound.row.redox}, for row {bound.row.key}"
            reader(source, name, bound.row.redox, bound.redox.lists, about)
