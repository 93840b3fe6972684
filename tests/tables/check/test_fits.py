# ruff: noqa: E501 (tests as data: what is said stands unbroken beside what is wrong)
"""Every codec on every row of every shipped table: ``check`` refuses it, or it works on every value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest

from gateway.files.marked import Mark
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import ANSWER, DIRECTORY, QUERY, Tables, Wanted
from gateway.tables.codecs.registry import CODECS
from gateway.tables.rows.model import CodecCall, Row, Table
from gateway.tables.rows.paths import parse
from tests.layered import ANSWER as ANSWER_OVER
from tests.layered import DIRECTORY as DIRECTORY_OVER
from tests.layered import QUERY as QUERY_OVER
from tests.layered import faults as told
from tests.tried import faults, remade, work

# With lines, and without any: what is not in a table is refused, and what is, is another text.
ARGUMENTS = {
    "code table": ("identifier-systems", "facilities"),
    "resource type": ("Schedule",),
    "parameter": ("start",),
}
COMPANIONS = {
    ANSWER: (
        ("directory.schedule", "DateTime", "Duration", "ID"),
        ("directory.department", "Reason", "DateTime", "Notes"),
        ("DateTime", "DateTime", "Duration", "Reason"),
        ("Provider.ID", "schedule", "Notes", "Notes"),
    ),
    QUERY: (
        ("Meta.FacilityCode", "EndDateTime", "Visit.VisitType.Code"),
        ("Visit.AttendingProviders.IDType",),
        ("Visit.VisitPreference.DurationUnit",),
        ("Visit.Locations.Room",),
        ("Meta.Test",),
        ("directory.schedule",),
    ),
    DIRECTORY: (("directory.schedule", "directory.room", "directory.room"),),
}


HERE = Mark("x.yaml", 1, 1)
# Of kinds that the shipped tables have none of, or one that must stay as it is.
ADDED = {
    ANSWER: (
        Row("a", HERE, "x", fhir=(parse("Slot.serviceCategory.first().text"),), directory="room"),
        Row(
            "b", HERE, "x", fhir=(parse("Slot.specialty.first().coding.code"),), redox=parse("Location.Type")
        ),
    ),
    QUERY: (
        Row("a", HERE, "x", redox=parse("Visit.Reasons"), param="reason"),
        Row("b", HERE, "x", directory="alias", param="alias"),
        Row("c", HERE, "x", redox=parse("Visit.Locations.Type"), select="service_type"),
    ),
    DIRECTORY: (
        Row("a", HERE, "x", fhir=(parse("Practitioner.qualification.code.text"),), directory="room"),
        Row("b", HERE, "x", fhir=(parse("Location.alias[1]"), parse("Location.mode")), directory="room"),
    ),
}


@lru_cache
def built(dialect: str) -> SiteTables:
    return Tables(None).build(Wanted("demo", dialect, "America/Los_Angeles"))


def variations(table: str, row: Row) -> Iterator[Row]:
    """The row with every codec, beside its own companions and beside others."""
    for name, spec in CODECS.items():
        calls = [CodecCall(name)] if not spec.arguments or spec.optional else []
        calls += [CodecCall(name, (each,)) for kind in spec.arguments for each in ARGUMENTS[kind]]
        least, most = spec.companions
        beside = {row.with_, ()}
        beside |= {each[:count] for each in COMPANIONS[table] for count in range(least, most + 1)}
        for call in calls:
            for with_ in sorted(beside):
                yield replace(row, codec=call, with_=with_, examples=(), loses=None)


def _own(table: Table, dialect: str) -> list[Row]:
    """The rows that a dialect has otherwise than base; of one that changes nothing all."""
    rows = [*(row for row in table.rows if not row.ignore), *ADDED.get(table.name, ())]
    changed = [row for row in rows if any(cell.layer == dialect for cell in row.cells.values())]
    return changed or rows


@pytest.mark.parametrize(
    ("dialect", "table"),
    [
        *(("fhir-r4", name) for name in (ANSWER, DIRECTORY, QUERY)),
        *((dialect, QUERY) for dialect in ("canvas", "oracle-millennium", "redox")),
    ],
)
def test_every_codec_on_every_row_is_refused_or_works(dialect: str, table: str) -> None:
    site = built(dialect)
    whole = site.tables[table]
    refused = worked = 0
    for row in _own(whole, dialect):
        for tried in variations(table, row):
            others = [tried if each is row else each for each in whole.rows]
            changed = replace(whole, rows=tuple(others if tried in others else [*others, tried]))
            if found := faults(site, changed, tried):
                assert all(fault.line > 0 and fault.column > 0 for fault in found)
                refused += 1
                continue
            try:
                work(remade(site, changed), table, tried)
            except Exception as wrong:
                raise AssertionError(f"{tried.key}: {tried.codec} with {tried.with_}") from wrong
            worked += 1
    assert worked and refused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # what the sides hold
        (
            QUERY_OVER + "  - row: Visit.Locations.Room\n    codec: lines",
            '4:12: "Visit.Locations.Room" holds text, but the codec "lines" has a list on this side',
        ),
        (
            QUERY_OVER + "  - {redox: Meta.Test, param: test, way: to-fhir, because: x}",
            '3:13: "Meta.Test" holds true or false, but the codec "text" has text on this side',
        ),
        (
            QUERY_OVER + "  - row: the schedule asked\n    codec: joined-bars",
            '4:12: the param "schedule" holds text, but the codec "joined-bars" has a list on this side',
        ),
        (
            QUERY_OVER + "  - row: Visit.Locations.Facility\n    codec: joined-words",
            '4:12: the select "facility" holds text, but the codec "joined-words" has a list on this side',
        ),
        (
            DIRECTORY_OVER + "  - row: first_name\n    codec: words",
            '4:12: the column "first_name" holds text, but the codec "words" has a list on this side',
        ),
        (
            ANSWER_OVER + "  - {redox: Provider.Extensions, directory: room}",
            '3:13: "Provider.Extensions" may hold anything, and no codec reads that; name another field',
        ),
        (
            DIRECTORY_OVER + "  - directory: nick\n    fhir: [Practitioner.name.text, Location.name]",
            '4:11: "Location.name" is of another resource than "Practitioner.name.text"; '
            "a row reads one: make it two rows",
        ),
        (
            QUERY_OVER + "  - {key: a, param: b}",
            '3:21: has nothing that would fill it; add "redox", "directory" or "value"',
        ),
        (
            DIRECTORY_OVER + "  - {fhir: Location.status, value: active}",
            "3:36: says nothing in the directory, whose columns are of the EHR or of schedules.csv",
        ),
        # what the codecs have beside the value
        (
            QUERY_OVER + "  - row: Meta.FacilityCode\n    with: Meta.Test",
            '4:11: "Meta.Test" holds true or false, but the codec "code" has text beside it',
        ),
        (
            QUERY_OVER + "  - row: Visit.AttendingProviders.ID\n    with: Visit.Locations.ID",
            '4:11: "Visit.Locations.ID" is no part of Visit.AttendingProviders, where this row reads; '
            "name a field that stands beside it",
        ),
        (
            QUERY_OVER + "  - row: Visit.VisitType.Code\n    with: directory.room",
            '4:11: "directory.room" is a column of the directory, which is not read beside a message; '
            "name a field of the message",
        ),
        (
            QUERY_OVER + "  - row: Visit.Locations.Room\n    codec: minutes-until\n    with: StartDateTime",
            '4:12: "Visit.Locations.Room" holds text, but the codec "minutes-until" has a number on this side',
        ),
        (
            DIRECTORY_OVER + "  - row: room\n    codec: minutes\n    with: directory.alias",
            '5:11: "with" says nothing here, where a column is all that is read; delete it',
        ),
        (
            ANSWER_OVER + "  - row: ID\n    with: [directory.room, DateTime, Duration]",
            '4:11: "directory.room" may be empty, and the codec slot-id cannot do without; '
            "only directory.schedule is always there",
        ),
        (
            ANSWER_OVER + "  - row: ID\n    with: [directory.schedule, DateTime, DateTime]",
            '4:11: "DateTime" holds text, but the codec "slot-id" has a number beside it',
        ),
        # what the flow itself reads
        (
            QUERY_OVER + "  - row: StartDateTime\n    codec: minutes",
            '4:12: "StartDateTime" can only have a codec of at-or-after, day-before, instant',
        ),
        (
            QUERY_OVER + "  - row: Visit.VisitPreference.Duration\n    select: room",
            '4:13: "Visit.VisitPreference.Duration" is preferred, not sought; '
            'the row can only have "filter" or "param"',
        ),
        (
            QUERY_OVER + "  - {key: b, param: b, value: x, codec: words}",
            '3:41: "value" is written as it stands; delete this',
        ),
        (
            ANSWER_OVER + "  - {fhir: Slot.comment, way: to-fhir, because: x}",
            '3:12: has no other side; add "redox", "directory" or "value" (the codec slot-name alone needs none)',
        ),
        (
            ANSWER_OVER + "  - {redox: Provider.EmailAddresses, param: email, codec: words}",
            '3:45: says nothing in the table available-slots.answer; "param" is for rows of a query',
        ),
    ],
)
def test_what_is_said_of_a_row_that_some_value_would_break(tmp_path: Path, text: str, said: str) -> None:
    assert f"x.yaml:{said}" in told(tmp_path, {"x.yaml": text}, "fhir-r4")
