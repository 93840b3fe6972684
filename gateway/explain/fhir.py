"""One FHIR search, or read, explained: the query that it becomes, and where its searchset comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.assemble.prepared import rules_of
from gateway.core import fhir_directory, flows, references
from gateway.core.directory import Cells, exactly
from gateway.core.errors import GatewayError, Issue
from gateway.core.fhir import Interaction, error_outcome
from gateway.core.mapping import Sought
from gateway.explain.answered import AnswerOrigins
from gateway.explain.cells import CellOrigins
from gateway.explain.leaves import Json
from gateway.explain.left_out import Asked as Judged
from gateway.explain.left_out import FhirWay, left_out, left_out_of_redox
from gateway.explain.parameters import BY_ID, meant, parameters
from gateway.explain.queries import QueryOrigins
from gateway.explain.redox import cells_of
from gateway.explain.rows import Rows
from gateway.explain.searches import SearchOrigins
from gateway.explain.searchset import SearchsetOrigins, slots_of
from gateway.explain.told import Explained, Field, LeftOut, Narrowing, Origin, Sent, Wish
from gateway.files.marked import Mark
from gateway.offline.search import Query, searched
from gateway.offline.site import Offline, reader
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.check.table import ANSWER, DIRECTORY, QUERY
from gateway.tables.compile.to_fhir.plan import LINE
from gateway.tables.rows.model import Table
from gateway.upstream.paging import BaseUrl

_FIRST = 5
_META = {"DataModel": "Scheduling", "EventType": "AvailableSlots"}
_NOBODY = "no schedule of this site has it"
_BETWEEN = "the Redox query that the search means"


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as it came, at a site; ``places`` and ``now`` as of a message (``explain/redox.py``)."""

    interaction: Interaction
    here: Offline
    server: FhirServerTables
    places: Mapping[str, Mark]
    now: datetime


def explained(asked: Asked) -> Explained:
    """The queries and searches, the answer, and what became of each parameter. Where it cannot be answered,
    the status and body of the error, and all that could be told until then."""
    here = asked.here
    queries: list[Query] = []
    answer: Any = None
    status: int | None = None
    issues: tuple[Issue, ...] = ()
    try:
        found = searched(here, asked.interaction, asked.now, queries)
    except GatewayError as error:
        answer, status, issues = json.loads(error_outcome(error)), error.status, error.issues
    else:
        issues = found.issues
        if found.reply is not None and (here.answerable or not here.calls):
            answer, status = json.loads(found.reply.body), found.reply.status
    cells = cells_of(here, asked.places, asked.now)
    lines = _chosen(queries)
    narrowed = tuple(_narrowing(asked))
    return Explained(
        here.site.id,
        here.tables.hash,
        _wishes(asked, issues, narrowed),
        tuple(_sent(asked, queries, cells)),
        status,
        answer,
        tuple(_answered(asked, queries, answer, status, cells)),
        issues,
        None if lines is None else len(lines),
        narrowed,
        tuple(_left_out(asked, queries, answer)),
    )


def _left_out(asked: Asked, queries: Sequence[Query], answer: Any) -> Iterator[LeftOut]:
    """The slots that came and are in no entry; of a read, or of several queries, nothing is told."""
    here, tables = asked.here, asked.here.tables
    if len(queries) != 1 or not isinstance(answer, dict) or answer.get("resourceType") != "Bundle":
        return
    (query,) = queries
    rows = Rows(tables.tables[ANSWER])
    slots = slots_of(query.answer, str(rows.table.below))
    if here.of_redox:
        way = FhirWay(rows, tables.answer_rows)
        yield from left_out_of_redox(slots, answer.get("entry", []), query.value, _lines(query), way)
    elif (plan := _planned(asked, query)) is not None:
        yield from left_out(Judged(plan, rules_of(here.site)), here.outcomes, slots, tables, rows)


def _wishes(asked: Asked, issues: Sequence[Issue], narrowed: Sequence[Narrowing]) -> tuple[Wish, ...]:
    if asked.interaction.resource != "Slot":
        return tuple(_of_directory(asked.interaction))
    rows = Rows(_query_table(asked))
    told = parameters(asked.interaction, asked.server, rows, rules_of(asked.here.site).max_slots, issues)
    nobody = {(each.path, each.value) for each in narrowed if each.excluded == each.of}
    return tuple(
        replace(each, outcome="refused", because=_NOBODY) if (each.path, each.value) in nobody else each
        for each in told
    )


def _of_directory(interaction: Interaction) -> Iterator[Wish]:
    """The parameters of a search for Schedules, Practitioners or Locations, which no rows read: the directory
    is searched by its resources' own elements."""
    known = fhir_directory.DIRECTORY_PARAMETERS[interaction.resource]
    if interaction.id is not None:
        yield Wish(f"{interaction.resource}/", interaction.id, "selects", because="the resource's id")
    for name, value in interaction.params:
        own = name in known
        because = "compared with the resource's own elements" if own else "it does not choose among these"
        yield Wish(name, value, "selects" if own else "shapes", because=because)


def _query_table(asked: Asked) -> Table:
    """The table that reads the parameters: the site's own where Redox is asked, else that of its clients."""
    own = asked.here.tables.tables[QUERY]
    return own if asked.here.of_redox else asked.server.query_table


def _lines(query: Query) -> Sequence[Cells]:
    directory, positions = query.meant.directory, query.meant.positions
    return directory.lines if positions is None else [directory.lines[each] for each in positions]


def _chosen(queries: Sequence[Query]) -> Sequence[Cells] | None:
    return _lines(queries[0]) if queries else None


def _given(asked: Asked) -> list[tuple[str, str, str]]:
    """The parameters that choose, as they were sent and as the rows know them."""
    most = rules_of(asked.here.site).max_slots
    found = []
    for name, value in asked.interaction.params if asked.interaction.resource == "Slot" else ():
        taken = meant(asked.interaction, name, value, asked.server, most)
        if not isinstance(taken, Issue):
            found += [(name, own, text) for own, text in taken.params if own != BY_ID]
    return found


def _sent(asked: Asked, queries: Sequence[Query], cells: CellOrigins) -> Iterator[Sent]:
    here = asked.here
    rows = Rows(_query_table(asked))
    origins = QueryOrigins(_given(asked), asked.server, rows, cells)
    base = BaseUrl(here.site.upstream.base_url)
    posted = [json.loads(call.body) for call in here.calls if call.body is not None]
    for number, query in enumerate(queries):
        if here.of_redox:
            body = posted[number] if number < len(posted) else query.value
            yield Sent("POST", str(base.below("endpoint")), origins.of(body, _lines(query)), body)
            continue
        yield Sent("", _BETWEEN, origins.of(query.value, _lines(query)), query.value)
        plan = _planned(asked, query)
        if plan is not None:
            told = SearchOrigins(plan, query.value, here.tables, Rows(here.tables.tables[QUERY]), cells)
            for search in flows.searches(plan, here.tables):
                url = str(base.below(search.call.target, search.call.params))
                yield Sent("GET", url, told.of(search.call))


def _planned(asked: Asked, query: Query) -> flows.Plan | None:
    here = asked.here
    message = reader().read(json.dumps({"Meta": _META, **query.value}).encode())
    try:
        plan: flows.Plan = here.driven(
            flows.planned(message, rules_of(here.site), here.tables, asked.now, query.meant)
        )
    except GatewayError:
        return None
    return plan


def _answered(
    asked: Asked, queries: Sequence[Query], answer: Any, status: int | None, cells: CellOrigins
) -> Iterator[Field]:
    here, tables = asked.here, asked.here.tables
    if answer is None:
        return
    rows = Rows(tables.tables[ANSWER])
    list_ = str(rows.table.below)
    slots = [slot for query in queries for slot in slots_of(query.answer, list_)]
    origins = SearchsetOrigins(
        slots,
        here.directory,
        asked.server,
        tables.answer_rows,
        rows,
        Rows(tables.tables[DIRECTORY]),
        cells,
        {} if here.of_redox else dict(_before(asked, queries, slots, rows, cells)),
    )
    yield from origins.of(answer)


def _before(
    asked: Asked, queries: Sequence[Query], slots: Sequence[Json], rows: Rows, cells: CellOrigins
) -> Iterator[tuple[str, tuple[Origin, ...]]]:
    """Where the fields of the slots come from that the EHR's became on the way."""
    here = asked.here
    lines = [line for query in queries for line in _lines(query)]
    origins = AnswerOrigins(here.outcomes, here.directory, lines, here.tables, rows, cells)
    for position, slot in enumerate(slots):
        told = {name: value for name, value in slot.items() if name != LINE}
        for field in origins.of(position, told):
            yield field.path, field.origins


def _narrowing(asked: Asked) -> Iterator[Narrowing]:
    """How many schedules each parameter leaves out that chooses among them."""
    if asked.interaction.resource != "Slot":
        return
    directory = asked.here.directory
    for sent, name, value in _given(asked):
        local, _ = references.localized(((name, value),), asked.server.references, asked.interaction.base)
        sought: Sought = asked.server.read(local)
        for group in sought.groups:
            kept = {position for each in group for position in exactly(directory, each)}
            left_out = [line["schedule"] for at, line in enumerate(directory.lines) if at not in kept]
            first = tuple(dict.fromkeys(left_out))[:_FIRST]
            yield Narrowing(sent, value, len(left_out), len(directory.lines), first)
