"""What became of every parameter of a FHIR search: one outcome each, by the row that reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gateway.core import search as searches
from gateway.core.choosing import UNCHECKED
from gateway.core.errors import InvalidMessage, Issue
from gateway.core.fhir import Interaction
from gateway.explain.rows import Rows
from gateway.explain.told import Outcome, Wish
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.rows.model import Row

BY_ID = "_id"
_READ = "the id, which says the schedule, the start and the length"
_SHAPE = "it says what is shown of the answer"
_ID = "it chooses by the id, which the gateway made"
_NO_EFFECT = "it has no effect here"


def parameters(
    interaction: Interaction, server: FhirServerTables, rows: Rows, most: int, issues: Iterable[Issue]
) -> tuple[Wish, ...]:
    """The outcome of each parameter, in their order. ``most`` is the largest page; ``issues`` those of the
    whole search."""
    if interaction.id is not None:
        return (Wish(f"{interaction.resource}/", interaction.id, "selects", because=_READ),)
    told = list(issues)
    return tuple(
        _wish(interaction, name, value, server, rows, most, told) for name, value in interaction.params
    )


def meant(
    interaction: Interaction, name: str, value: str, server: FhirServerTables, most: int
) -> searches.Search | Issue:
    """One parameter alone, as it is understood; or why it is not."""
    alone = replace(interaction, params=((name, value),), strict=False)
    try:
        return searches.take_apart(alone, server.names | {BY_ID}, most)
    except InvalidMessage as error:
        return error.issues[0]


def _wish(
    interaction: Interaction,
    name: str,
    value: str,
    server: FhirServerTables,
    rows: Rows,
    most: int,
    issues: Iterable[Issue],
) -> Wish:
    taken = meant(interaction, name, value, server, most)
    if isinstance(taken, Issue):
        return Wish(name, value, "refused", because=taken.text)
    if taken.issues:
        return Wish(name, value, "unknown", because=taken.issues[0].text)
    if not taken.params:
        shapes = bool(taken.shown or taken.includes) or name in ("_count", searches.CURSOR)
        return Wish(name, value, "shapes", because=_SHAPE if shapes else _NO_EFFECT)
    own, spelt = taken.params[0]
    if own == BY_ID:
        return Wish(name, value, "selects", because=_ID)
    row = next(_reading(own, rows), None)
    issue = _issue(own, spelt, server, issues)
    outcome: Outcome = "filters"
    if issue is not None:
        outcome = "unchecked" if issue.code == UNCHECKED else "refused"
    elif row is not None and row.directory is not None:
        outcome = "selects"
    elif row is not None and row.redox is not None:
        outcome = "carried"
    told = rows.told(row) if row is not None else None
    return Wish(name, value, outcome, told, issue.text if issue is not None else "")


def _reading(name: str, rows: Rows) -> Iterator[Row]:
    return (row for row in rows.table.rows if row.param == name and row.to_redox)


def _issue(name: str, value: str, server: FhirServerTables, issues: Iterable[Issue]) -> Issue | None:
    """What is wrong with the parameter, of what was said of it alone, or of the whole."""
    alone = next(iter(server.read([(name, value)]).issues), None)
    return alone or next(
        (each for each in issues if each.path == name and each.code in (UNCHECKED, "not-found")), None
    )
