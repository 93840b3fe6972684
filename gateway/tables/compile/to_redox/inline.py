"""How the hottest codecs are written out inside generated code, in place of a call.

Each does just what its codec does; what the quick way does not know it hands to the codec itself.
"""

from __future__ import annotations

from gateway.tables.codecs.instants import Spans
from gateway.tables.compile.bind import BoundRow
from gateway.tables.compile.literal import comment, literal
from gateway.tables.compile.reading import Reading
from gateway.tables.compile.source import Source


def span(source: Source, depth: int, reading: Reading, time: BoundRow, length: BoundRow) -> Spans:
    """Codec ``instant`` and, with it, ``minutes-until``: start and end together.

    The start stays in pieces: its day, its clock, and its clock with the length; ``head`` has clock and
    length with what the spans are told to put between them.
    """
    start, end = reading.variable(time), reading.variable(length)
    spans = Spans(time.codec.to_redox, length.codec.to_redox)
    source.names.update(spans=spans.known, learn=spans.learn)
    source.add(
        depth,
        f"{comment(time.row.key)} and {literal(length.row.key)}",
        f"{start}_raw = {reading.value(time)}",
        f"{end}_raw = {reading.value(length)}",
    )
    for bound in (time, length):
        if not reading.decoded(bound):
            source.add(
                depth,
                f"if not {reading.variable(bound)}_raw:",
                f"    raise ValueError({literal(bound.row.key)})",
            )
    pieces = f"{start}_clock, {start}_tail, {end}, {end}_json, head"
    source.add(
        depth,
        f"day, _, start_clock = {start}_raw.partition('T')",
        f"end_day, _, end_clock = {end}_raw.partition('T')",
        "try:",
        f"    days, {pieces} = spans[f'{{start_clock}}/{{end_clock}}' if day == end_day else None]",
        f"    {start}_day = days[day]",
        "except KeyError:",
        f"    {start}_day, {pieces} = learn({start}_raw, {end}_raw)",
    )
    return spans


def slot_id(source: Source, depth: int, name: str, schedule: str) -> None:
    """The slot's own id, or one of schedule and ``when``: as text for between quotes."""
    source.add(
        depth,
        f"{name}_text = quote({name})[1:-1] if {name} else f'{{{schedule}_text}}~{{when}}'",
    )
