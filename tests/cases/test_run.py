"""Cases: read from their folder, run by the tables, and held against what is expected."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.assemble import check_configuration
from gateway.cases.case import USUAL_NOW, cases
from gateway.cases.run import Ran, bless, run
from gateway.files.marked import Faults

CHANGES = """\
over: available-slots.answer
rows:
  - row: Location.Room
    drop: true
    because: rooms change daily
  - ignore: Location.Room
    because: rooms change daily
"""


def _ran(desk: Path) -> list[Ran]:
    found = check_configuration(desk / "gateway.yaml", {})
    return [run(found, each) for each in cases(desk / "tables" / "cases")]


def _change(desk: Path, text: str) -> None:
    site = desk / "tables" / "sites" / "demo"
    site.mkdir(parents=True, exist_ok=True)
    (site / "changes.yaml").write_text(text)


def test_a_case_without_an_expectation_says_so_and_is_written_as_it_comes_out(desk: Path) -> None:
    first = _ran(desk)[0]
    assert first.unwritten == ("searches.json", "answer.json")
    assert {each.of for each in first.differences} == {"searches", "answer"}
    assert {each.expected for each in first.differences} == {None}
    bless(first)
    again = _ran(desk)[0]
    assert not again.unwritten
    assert again.differences == ()
    folder = desk / "tables" / "cases" / "granite"
    searches = json.loads((folder / "searches.json").read_text())
    assert searches[0].startswith("Slot?schedule=Schedule/")
    answer = json.loads((folder / "answer.json").read_text())
    assert answer["status"] == 200
    assert len(answer["body"]["AvailableSlots"]) == 3


def test_a_dropped_row_is_named_at_the_line_that_drops_it(desk: Path) -> None:
    bless(_ran(desk)[0])
    _change(desk, CHANGES)
    differences = _ran(desk)[0].differences
    assert {each.path.rpartition("]")[2] for each in differences} == {".Location.Room"}
    assert {each.of for each in differences} == {"answer"}
    assert len(differences) == 3
    row = differences[0].row
    assert row is not None
    assert row.place.endswith("changes.yaml:3")
    assert (differences[0].expected, differences[0].got) == ("136", None)


def test_a_changed_codec_is_told_by_the_parameter_and_its_row(desk: Path) -> None:
    bless(_ran(desk)[0])
    example = '{redox: "2025-10-21T19:00:27.415Z", param: "ge2025-10-21T19:00:27.415Z"}'
    _change(
        desk,
        "over: available-slots.query\nrows:\n  - row: StartDateTime\n"
        f"    codec: at-or-after\n    example: {example}\n",
    )
    (difference,) = _ran(desk)[0].differences
    assert (difference.of, difference.path) == ("searches", "search 1: start")
    assert difference.expected == "2023-09-20"
    assert difference.got == "ge2023-09-21T07:00:00.000Z"
    assert difference.row is not None
    cell = next(each for each in difference.row.cells if each.name == "codec")
    assert cell.place.endswith("changes.yaml:4")


def test_a_slot_that_is_gone_does_not_make_those_behind_it_differ(desk: Path) -> None:
    bless(_ran(desk)[0])
    path = desk / "tables" / "cases" / "granite" / "upstream" / "Slot.json"
    bundle = json.loads(path.read_text())
    bundle["entry"].pop(0)
    bundle["total"] -= 1
    path.write_text(json.dumps(bundle))
    differences = _ran(desk)[0].differences
    assert {each.path.partition("]")[0] for each in differences} == {
        "AvailableSlots[2023-09-21T15:45:00.000Z"
    }
    assert all(each.got is None for each in differences)


def test_two_slots_at_one_time_are_told_apart(desk: Path) -> None:
    path = desk / "tables" / "cases" / "granite" / "upstream" / "Slot.json"
    bundle = json.loads(path.read_text())
    twice = json.loads(json.dumps(bundle["entry"][0]))
    twice["resource"]["end"] = "2023-09-21T09:25:00-07:00"
    bundle["entry"].append(twice)
    path.write_text(json.dumps(bundle))
    bless(_ran(desk)[0])
    assert _ran(desk)[0].differences == ()


def test_a_search_is_a_case_too(desk: Path) -> None:
    folder = desk / "tables" / "cases" / "search"
    folder.mkdir()
    text = "https://gateway.example/fhir/demo/Slot?start=ge2023-09-21&start=lt2023-09-23"
    (folder / "search.txt").write_text(f"{text}\n")
    (folder / "case.yaml").write_text("site: demo\nnow: 2023-09-20T12:00:00Z\nnote: as the app asks\n")
    other = desk / "tables" / "cases" / "granite" / "upstream"
    (folder / "upstream").mkdir()
    for each in other.iterdir():
        (folder / "upstream" / each.name).write_bytes(each.read_bytes())
    ran = {each.case.name: each for each in _ran(desk)}["search"]
    assert ran.case.now == datetime(2023, 9, 20, 12, tzinfo=UTC)
    assert ran.answer["status"] == 200
    assert ran.answer["body"]["resourceType"] == "Bundle"
    bless(ran)
    assert {each.case.name: each for each in _ran(desk)}["search"].differences == ()


def test_the_time_of_a_case_is_its_own_or_its_message_s(desk: Path) -> None:
    folder = desk / "tables" / "cases" / "granite"
    message = json.loads((folder / "request.json").read_text())
    (case,) = cases(folder.parent)
    assert case.now.isoformat().startswith(message["Meta"]["EventDateTime"][:16])
    del message["Meta"]["EventDateTime"]
    (folder / "request.json").write_text(json.dumps(message))
    assert cases(folder.parent)[0].now == USUAL_NOW


def test_a_message_that_cannot_be_read_has_its_answer_too(desk: Path) -> None:
    folder = desk / "tables" / "cases" / "granite"
    message = json.loads((folder / "request.json").read_text())
    message["Visit"] = "soon"
    (folder / "request.json").write_text(json.dumps(message))
    ran = _ran(desk)[0]
    assert ran.answer["status"] == 400
    assert ran.searches == []


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("case.yaml", "sight: demo\n", '"sight" is not a key of a case'),
        ("case.yaml", "now: soon\n", '"now": '),
        ("case.yaml", "site: [demo]\n", '"site" must be a text'),
        ("answer.json", "{", "is not JSON"),
        ("search.txt", "Slot?start=2025", "a case has either"),
        ("upstream/x.json", '{"to": "Slot", "stat": 1}', 'has the key "stat"'),
        ("upstream/x.json", '{"to": "Slot", "status": 9}', '"status" must be an HTTP status'),
        ("upstream/x.json", '{"to": "Slot", "failure": "later"}', '"failure" must be one of'),
        ("upstream/x.json", '{"to": "Slot", "with": {"a": 1}}', '"with" must name'),
        ("upstream/x.json", "[]", "must be an object"),
    ],
)
def test_what_is_no_case_is_a_fault_with_its_place(desk: Path, name: str, text: str, fault: str) -> None:
    path = desk / "tables" / "cases" / "granite" / name
    path.write_text(text)
    with pytest.raises(Faults) as wrong:
        cases(desk / "tables" / "cases")
    assert len(wrong.value.faults) == 1
    assert fault in str(wrong.value.faults[0])
    assert "granite" in wrong.value.faults[0].file
