"""Tables of which one row is otherwise, put together as a site's are, and put to work on any value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.core import flows, window
from gateway.core.directory import Cells, Directory, allowed
from gateway.core.errors import GatewayError
from gateway.core.mapping import Wanted
from gateway.core.plan import Answer, Call
from gateway.core.values import at_once
from gateway.files.marked import Fault
from gateway.tables.answer import reference
from gateway.tables.answer.query import QueryTable
from gateway.tables.answer.resources import ResourceTable
from gateway.tables.answer.site import SiteTables
from gateway.tables.answer.slot_lines import needed
from gateway.tables.build import fhir_server_of, schemas
from gateway.tables.check.around import Around
from gateway.tables.check.row import check_row
from gateway.tables.check.site import columns_of
from gateway.tables.check.table import ANSWER, DIRECTORY, QUERY, missing
from gateway.tables.compile.bind import bind
from gateway.tables.compile.to_redox.table import compile_to_redox
from gateway.tables.rows import paths
from gateway.tables.rows.model import Row, Table
from gateway.tables.rows.paths import parse
from gateway.tables.rows.schema import Found
from tests import clinic

VALUES = (
    *("  30 ", "1 hour", "Tuesday", "1000", "2025-10-22", "NPI|1", "|", "ge2025-10-21"),
    *("2025-10-21T12:00:00-07:00", "http://hl7.org/fhir/sid/us-npi", 'é"\\\n,'),
)
START, END = "2025-10-21T19:00:00.000Z", "2025-10-28T19:00:00.000Z"
NOW = datetime(2025, 10, 21, 19, 0, 28, tzinfo=UTC)


def faults(built: SiteTables, table: Table, row: Row) -> list[Fault]:
    """What is said of one row of a table of the site."""
    around = Around(table, built.context, schemas(), columns_of(built.tables[DIRECTORY]))
    return [*check_row(row, around), *missing(table, schemas())]


def remade(built: SiteTables, table: Table) -> SiteTables:
    """The site's tables with this one in the place of that of its name."""
    tables = {**built.tables, table.name: table}
    bound = {name: bind(each, built.context, schemas()) for name, each in tables.items()}
    changed: dict[str, Any] = {}
    if table.name == QUERY:
        changed["query"] = QueryTable(
            table, bound[QUERY], schemas()[QUERY_SCHEMA], built.dialect, built.context
        )
    elif table.name == DIRECTORY:
        changed["resources"] = ResourceTable(table, bound[DIRECTORY], schemas(), built.dialect)
    else:
        changed["answer"] = compile_to_redox(
            table,
            bound[ANSWER],
            schemas(),
            needed(built.dialect.slots),
            referring=bool(built.dialect.slots),
        )
        changed["answer_rows"] = bound[ANSWER]
    return replace(built, tables=tables, fhir_server=fhir_server_of(tables, bound, whole=True), **changed)


QUERY_SCHEMA = "AvailableSlots"


def work(made: SiteTables, table: str, row: Row) -> None:
    """Both ways through one of the tables with every value; raises what a request would end in with a 500."""
    if table == QUERY:
        _queries(made, row)
    else:
        {DIRECTORY: _directories, ANSWER: _slots}[table](made)


def _line(made: SiteTables, value: str) -> Cells:
    columns = {row.directory for row in made.tables[DIRECTORY].rows if row.directory}
    return {**dict.fromkeys(columns, value), "schedule": value}


def _queries(made: SiteTables, row: Row) -> None:
    for value in VALUES:
        directory = Directory((_line(made, value), {"schedule": "s"}))
        site = replace(made, schedules=directory.lines, dialect=replace(made.dialect, directory="csv"))
        for message in _messages(made, row, value):
            try:
                plan = _end(flows.planned(clinic.read(message), clinic.rules(), site, NOW))
            except GatewayError as error:
                assert error.status < 500
                continue
            lines = [directory.lines[each] for each in plan.positions]
            for call, _ in site.slot_searches(START, END, plan.lengths, plan.asked, lines):
                assert all(isinstance(text, str) for pair in call.params for text in pair)
        site.unaskable(directory.lines)
        _search(site, row, value, directory)


def _end(flow: Any) -> Any:
    try:
        next(flow)
    except StopIteration as end:
        return end.value
    raise AssertionError("a directory of the site's own needs no calls")


def _messages(made: SiteTables, tried: Row, value: str) -> Iterator[dict[str, Any]]:
    """A message with every field that a row reads, and one with that of this row alone."""
    view = schemas()[QUERY_SCHEMA]
    rows = [row for row in made.tables[QUERY].rows if row.redox is not None]
    fields = {str(row.redox) for row in rows}.union(*(row.with_ for row in rows))
    for chosen in (fields, {str(tried.redox)}) if tried.redox is not None else (fields,):
        message = clinic.query(start=START, end=END)
        for name in sorted(chosen):
            found = view.find(parse(name))
            assert isinstance(found, Found)
            if name not in ("StartDateTime", "EndDateTime") and found.kind == "string":
                _put(message, name, found, value)
        yield message


def _put(into: dict[str, Any], name: str, found: Found, value: Any) -> None:
    steps = tuple(
        paths.Step(step.name, step.narrow or ((0,) if is_list else ()))
        for step, is_list in zip(parse(name).steps, found.lists, strict=True)
    )
    paths.write(paths.Path(steps, ""), into, value, found.lists)


def _search(made: SiteTables, tried: Row, value: str, directory: Directory) -> None:
    server = made.fhir_server
    assert server is not None
    alone = [tried.param] if tried.param in server.names else []
    for names in (sorted(server.names), alone):
        sought = server.read([(name, value) for name in names])
        for text in (sought.start, sought.end):
            assert text is None or window.parse_instant(text, clinic.ZONE)
        allowed(directory, sought.groups)
        query = server.write(sought, START, END, 20, directory.lines)
        query["Meta"] = {"DataModel": "Scheduling", "EventType": "AvailableSlots"}
        clinic.reader().read(msgspec.json.encode(query))
        server.unaskable(directory.lines)


def _directories(made: SiteTables) -> None:
    for value in VALUES:
        found: dict[str, dict[str, Any]] = {}
        for row in made.tables[DIRECTORY].rows:
            for path in row.fhir:
                kind = path.steps[0].name
                resource = found.setdefault(kind, {"resourceType": kind, "id": "a1"})
                _fill(resource, kind, path, value)
        answers = [Answer(Call(kind), (clinic.bundle(found.get(kind)),)) for kind in found]
        directory = made.directory(answers, NOW)
        assert all(isinstance(cell, str) for line in directory.lines for cell in line.values())
        lines = (*directory.lines, _line(made, value), {"schedule": "s"})
        assert made.fhir_server is not None
        resources = at_once(made.fhir_server.fhir_directory(Directory(lines)))
        assert all(json.loads(text) for texts in resources.texts.values() for text in texts.values())


def _fill(resource: dict[str, Any], kind: str, path: Any, value: str) -> None:
    below = path.below(1)
    found = schemas()[kind].find(below)
    assert isinstance(found, Found)
    if str(below) != "id" and found.kind == "string":
        _put(resource, str(below), found, value)


def _slots(made: SiteTables) -> None:
    rows = made.tables[ANSWER].rows
    for value in VALUES:
        for line in (_line(made, value), {"schedule": "s"}):
            slot: dict[str, Any] = {}
            for path in (path for row in rows for path in row.fhir):
                _fill(slot, "Slot", path, value)
            slot |= {"resourceType": "Slot", "start": START, "end": "2025-10-21T19:20:00Z", "status": "free"}
            slot["schedule"] = {"reference": f"Schedule/{line['schedule']}"}
            bare = {name: slot[name] for name in ("resourceType", "start", "end", "status", "schedule")}
            _to_redox(made, line, [slot, bare])
            _to_fhir(made, line, value)


def _to_redox(made: SiteTables, line: Cells, slots: list[dict[str, Any]]) -> None:
    directory = Directory((line,), blocks=(made.answer.block(line),))
    collector = made.collector(directory, (0,))
    at_once(collector.add(Answer(Call("Slot"), (clinic.bundle(*slots),)), Wanted("0000", "9999")))
    texts, joint, _ = at_once(collector.texts(10))
    json.loads(f"[{joint.join(texts)}]")
    assert collector.issues is not None
    for slot in slots:
        reference.to_redox(made.tables[ANSWER], made.answer_rows, slot, line)


def _to_fhir(made: SiteTables, line: Cells, value: str) -> None:
    assert made.fhir_server is not None
    view = schemas()["AvailableSlotsResponse"]
    slot: dict[str, Any] = {}
    for row in made.tables[ANSWER].rows:
        found = view.find(row.redox, parse("AvailableSlots")) if row.redox is not None else None
        if isinstance(found, Found) and found.kind == "string":
            _put(slot, str(row.redox), found, value)
    bare = {"DateTime": START, "Duration": 20}
    told = [{**slot, **bare}, bare]
    answer = json.dumps({"Meta": {}, "AvailableSlots": told}).encode()
    server = made.fhir_server
    entries = at_once(
        server.slots(answer, Directory((line,)), (0,), Wanted("0000", "9999"), "http://a.example")
    )
    assert all(json.loads(text) for _, _, text in entries.slots)
    for each in told:
        reference.to_fhir(made.tables[ANSWER], made.answer_rows, each, line)
