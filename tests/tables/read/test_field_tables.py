"""Tables from files: layers over each other, the origin of every cell, and each fault at its place."""

from __future__ import annotations

from textwrap import dedent

import pytest

from gateway.files.marked import Fault
from gateway.tables.build import _validator
from gateway.tables.read import field_tables as load
from gateway.tables.read.layers import Source
from gateway.tables.rows.model import Table

BASE = """\
table: things
redox: AvailableSlotsResponse
below: AvailableSlots
fhir: Slot
rows:
  - redox: DateTime
    fhir: Slot.start
    codec: instant
    required: true
  - redox: Reason
    fhir: [Slot.comment, Slot.appointmentType.text]
    note: no why
  - key: only free
    fhir: Slot.status
    value: free
  - ignore: [Notes, ID]
    because: not needed
"""


def loaded(*texts: str) -> tuple[dict[str, Table], list[str]]:
    """The tables of a base file and of layers over it, and their faults."""
    layers = ("base", "canvas", "site one")
    sources = [
        Source(f"{layer.replace(' ', '-')}.yaml", layer, "things", dedent(text).encode())
        for layer, text in zip(layers, texts, strict=False)
    ]
    faults: list[Fault] = []
    tables = load.load(sources, _validator("mapping-table"), faults)
    return tables, [str(fault) for fault in sorted(faults)]


def faults(*texts: str) -> list[str]:
    return loaded(*texts)[1]


def test_a_table_is_read_in_order_with_its_keys() -> None:
    tables, found = loaded(BASE)
    assert found == []
    table = tables["things"]
    assert (table.redox, str(table.below), table.fhir) == (
        "AvailableSlotsResponse",
        "AvailableSlots",
        ("Slot",),
    )
    assert [row.key for row in table.rows] == ["DateTime", "Reason", "only free", "ignore Notes"]
    reason = table.row("Reason")
    assert reason is not None
    assert [str(path) for path in reason.fhir] == ["Slot.comment", "Slot.appointmentType.text"]
    assert (reason.required, reason.way, reason.codec.name, reason.note) == (False, "both", "text", "no why")


def test_a_layer_changes_drops_and_adds_and_every_cell_knows_its_origin() -> None:
    canvas = """\
    over: things
    rows:
      - row: Reason
        fhir: Slot.comment
        loses: the rest
      - row: only free
        drop: true
        because: there are no others
      - redox: Notes
        fhir: Slot.comment
        codec: lines
    """
    site = """\
    over: things
    rows:
      - row: Reason
        note: asked for by the clinic
    """
    tables, found = loaded(BASE, canvas, site)
    assert found == []
    table = tables["things"]
    assert [row.key for row in table.rows] == ["DateTime", "Reason", "ignore Notes", "Notes"]
    reason, notes = table.row("Reason"), table.row("Notes")
    assert reason is not None
    assert notes is not None
    assert {name: (cell.text, cell.layer, str(cell.mark)) for name, cell in reason.cells.items()} == {
        "redox": ("Reason", "base", "base.yaml:10:12"),
        "fhir": ("Slot.comment", "canvas", "canvas.yaml:4:11"),
        "note": ("asked for by the clinic", "site one", "site-one.yaml:4:11"),
        "loses": ("the rest", "canvas", "canvas.yaml:5:12"),
    }
    assert (reason.layer, notes.layer) == ("base", "canvas")
    assert str(reason.at("fhir")) == "canvas.yaml:4:11"
    assert str(reason.at("codec")) == str(reason.mark) == "base.yaml:10:5"


def test_another_counterpart_takes_the_old_one_away() -> None:
    base = """\
    table: things
    redox: AvailableSlots
    rows:
      - redox: Visit.VisitPreference.Duration
        filter: duration
        codec: minutes
    """
    tables, found = loaded(
        base, "over: things\nrows: [{row: Visit.VisitPreference.Duration, param: duration}]"
    )
    assert found == []
    (row,) = tables["things"].rows
    assert (row.param, row.filter, row.codec.name) == ("duration", None, "minutes")


def test_a_whole_table_above_replaces_the_one_below() -> None:
    tables, found = loaded(BASE, "table: things\nrows: [{redox: ID, fhir: Slot.id}]")
    assert found == []
    assert [row.key for row in tables["things"].rows] == ["ID"]


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (
            "over: thing\nrows: []",
            'canvas.yaml:1:7: there is no table "thing" below this layer; did you mean "things"?',
        ),
        (
            "over: things\nrows:\n  - row: Reasons\n    note: x",
            'canvas.yaml:3:10: there is no row "Reasons" below this layer; did you mean "Reason"?',
        ),
        (
            "over: things\nrows:\n  - row: Reasons\n    drop: true",
            'canvas.yaml:3:10: there is no row "Reasons" below this layer; did you mean "Reason"?',
        ),
        (
            "over: things\nrows:\n  - row: Reason",
            'canvas.yaml:3:5: this changes nothing of row "Reason"; write the cells to change, or drop: true',
        ),
        (
            "over: things\nrows:\n  - row: Reason\n    note: no why",
            'canvas.yaml:4:11: "note" says again what base.yaml:12:11 says (base); delete it here',
        ),
        (
            "over: things\nrows:\n  - redox: Reason\n    fhir: Slot.id",
            'canvas.yaml:3:5: a second row "Reason"; the first is at base.yaml:10:5. '
            'write "row: Reason" to change that one, or give this one a key',
        ),
        (
            "over: things\nrows:\n  - row: Reason\n    drop: true\n    note: x",
            'canvas.yaml:5:5: row "Reason" is dropped here; beside that "note" says nothing; delete it',
        ),
        (
            "over: things\nrows:\n  - row: Reason\n    key: other\n    note: x",
            'canvas.yaml:4:5: row "Reason" keeps its key; delete "key" here',
        ),
    ],
)
def test_each_fault_of_a_layer(layer: str, found: str) -> None:
    assert faults(BASE, layer) == [found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["base.yaml:1:1: the file is empty"]),
        ("table: things", ['base.yaml:1:1: the key "rows" is missing']),
        (
            "table: t\nover: t\nrows: []",
            ['base.yaml:1:1: this must be given either "table" or "over", one of them and not both'],
        ),
        (
            "rows: []",
            ['base.yaml:1:1: this must be given either "table" or "over", one of them and not both'],
        ),
        ("table: things\nrows: {}", ['base.yaml:2:7: "rows" must be a list']),
        (
            "table: things\nrow: []\nrows: []",
            ['base.yaml:2:1: "row" is not a key here; did you mean "rows"?'],
        ),
        (
            "table: things\nrows:\n  - redoxx: A\n    way: both ways\n    fhir: [a, [b]]",
            [
                'base.yaml:3:5: "redoxx" is not a key here; did you mean "redox"?',
                'base.yaml:4:10: "way" cannot be "both ways"; did you mean "both"?',
                "base.yaml:5:15: this must be text",
            ],
        ),
        ("table: things\nrows:\n  - redox:", ['base.yaml:3:11: "redox" has no value; write text']),
        (
            "table: things\nrows:\n  - redox: A..B\n    fhir: Slot.x(\n    codec: code visit",
            [
                "base.yaml:3:14: \"A..B\" is not a path: a field name is expected here, not '.B'",
                "base.yaml:4:17: \"Slot.x(\" is not a path: '(' is not part of a path; "
                "the language has a.b, a[0], a.first() and a.where(x='y')",
                'base.yaml:5:12: "code visit" is not a codec; write name or name(argument, argument)',
            ],
        ),
        (
            "table: things\nrows:\n  - redox: 'A B'\n    fhir: Slot.id",
            [
                "base.yaml:3:14: \"A B\" is not a path: ' B' is not part of a path; "
                "the language has a.b, a[0], a.first() and a.where(x='y')"
            ],
        ),
        (
            "table: things\nrows:\n  - redox: A\n    fhir: Slot.id\n  - redox: A\n    fhir: Slot.start",
            ['base.yaml:5:5: a second row "A"; the first is at base.yaml:3:5. give one of them a key'],
        ),
        (
            "table: things\nrows:\n  - row: A\n    note: x",
            [
                'base.yaml:3:5: "row" changes a row of a layer below, and this is a whole table; '
                'write "over: things" in place of "table: things", or "key" for a row of its own'
            ],
        ),
        ("table: things\nrows: [a]", ["base.yaml:2:8: this must be a map (key: value)"]),
        (
            "table: things\nrows:\n\t- redox: A",
            [r'base.yaml:3:1: a tab; write spaces (inside double quotes: "\t")'],
        ),
    ],
)
def test_each_fault_of_a_file(text: str, found: list[str]) -> None:
    assert faults(text) == found


def test_the_faults_of_all_files_come_together() -> None:
    found = faults(
        BASE.replace("fhir: Slot.start", "fhir: Slot..start"), "over: things\nrows:\n  - row: X\n    note: x"
    )
    assert [text.split(": ")[0] for text in found] == ["base.yaml:7:16", "canvas.yaml:3:10"]


def test_scalars_stay_what_was_typed() -> None:
    tables, _ = loaded(
        "table: things\nrows:\n  - redox: ID\n    value: 1000\n    note: no\n    loses: 2025-10-21"
    )
    (row,) = tables["things"].rows
    assert (row.value, row.note, row.loses) == ("1000", "no", "2025-10-21")
