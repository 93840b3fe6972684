"""Where the fields of a query to Redox, and of what it answered, come from where Redox asked them itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.explain.leaves import Json, at, leaves
from gateway.explain.rows import Rows
from gateway.explain.searchset import slots_of
from gateway.explain.told import Field, Origin, named

ENVELOPE = "the envelope: this site's own ids, as its configuration has them"
_WINDOW = "default_window_days of the site: the message names no end"
_RELAYED = "as Redox answered it"
_UTC = "DateTime"


def query_origins(query: Json, message: Json, rows: Rows) -> tuple[Field, ...]:
    """The fields of the query that is sent on, each with the field of the message that it was."""
    return tuple(_field(path, value, message, rows) for path, value in leaves(query))


def _field(path: str, value: Any, message: Json, rows: Rows) -> Field:
    row = rows.of_redox(named(path), to_fhir=True)
    sent = at(message, path)
    if row is None or rows.ignoring(named(path)) is not None:
        return Field(path, value, made=ENVELOPE)
    if sent is None:
        return Field(path, value, row=rows.told(row), made=_WINDOW)
    return Field(path, value, (Origin(path, sent),), rows.told(row))


def answer_origins(slots: Sequence[Json], answered: bytes, rows: Rows) -> Iterator[Field]:
    """The fields of the slots that are passed on, each with the field of Redox's answer that it was."""
    came = slots_of(answered, str(rows.table.below))
    for position, slot in enumerate(slots):
        place = next((each for each, other in enumerate(came) if _alike(slot, other)), None)
        for path, value in leaves(slot, f"{rows.table.below}[{position}]"):
            row = rows.of_redox(named(path).partition(".")[2], to_fhir=False)
            inner = path.partition("].")[2]
            origins: tuple[Origin, ...] = ()
            if place is not None:
                origins = (Origin(f"{rows.table.below}[{place}].{inner}", at(came[place], inner)),)
            yield Field(path, value, origins, rows.told(row) if row is not None else None, _RELAYED)


def _alike(slot: Json, other: Json) -> bool:
    """Whether one is the other: all that is passed on stands in what came, but for how its time is spelt."""
    return all(named(path) == _UTC or _same(at(other, path), value) for path, value in leaves(slot))


def _same(one: Any, other: Any) -> bool:
    return one == other or str(one) == str(other)
