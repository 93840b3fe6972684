"""What an edit changes: cases under the tables as they were and as they are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.assemble import check_configuration
from gateway.cases.case import cases
from gateway.cases.diff import Compared, compared
from gateway.cases.former import NoSuchTables, former

DROPPED = (
    "over: available-slots.answer\nrows:\n  - row: Location.Room\n    drop: true\n"
    "  - ignore: Location.Room\n    because: rooms change daily\n"
)
PADDED = (
    "over: available-slots.query\nrows:\n  - row: StartDateTime\n    codec: at-or-after\n"
    '    example: {redox: "2025-10-21T19:00:27.415Z", param: "ge2025-10-21T19:00:27.415Z"}\n'
)
ANY_PLACE = (
    "over: available-slots.query\nrows:\n  - row: Visit.Locations.Facility\n    drop: true\n"
    "  - ignore: Visit.Locations.Facility\n    because: they send their own names\n"
)
RENAMED = "over: directory\nrows:\n  - row: credentials\n    fhir: Practitioner.name.first().prefix\n"


def _compared(desk: Path, name: str, text: str) -> Compared:
    old = check_configuration(desk / "gateway.yaml", {})
    site = desk / "tables" / "sites" / "demo"
    site.mkdir(parents=True, exist_ok=True)
    (site / name).write_text(text)
    new = check_configuration(desk / "gateway.yaml", {})
    return compared(old, new, cases(desk / "tables" / "cases"))


def test_an_edit_that_changes_nothing_is_none(desk: Path) -> None:
    found = _compared(desk, "changes.yaml", "over: directory\nrows:\n  - row: facility\n    note: as told\n")
    assert (found.count, found.changed, found.changes, found.failed) == (1, 0, (), ())


@pytest.mark.parametrize(
    ("text", "key", "line", "field"),
    [
        (DROPPED, "Location.Room", 3, "answer: AvailableSlots.Location.Room"),
        (PADDED, "StartDateTime", 4, "searches: start"),
        (ANY_PLACE, "Visit.Locations.Facility", 3, "searches: a search"),
        (RENAMED, "credentials", 4, "answer: AvailableSlots.Provider.Credentials"),
    ],
)
def test_what_changes_is_told_of_the_row_and_the_line_that_change_it(
    desk: Path, text: str, key: str, line: int, field: str
) -> None:
    site = desk / "tables" / "sites" / "demo"
    site.mkdir(parents=True)
    (site / "schedules.csv").write_text(
        "schedule,room\nLocation.2-Staff.3640cd20de8a470aa570a852859ac87e,136\n"
    )
    found = _compared(desk, "changes.yaml", text)
    assert found.changed == 1
    change = found.changes[0]
    assert change.row is not None
    assert change.row.key == key
    assert change.row.place.endswith(f"changes.yaml:{line}")
    assert list(change.cases) == ["granite"]
    assert field in change.fields


def test_slots_that_go_are_counted_and_an_answer_that_loses_all_of_them(desk: Path) -> None:
    path = desk / "tables" / "cases" / "granite" / "upstream" / "Slot.json"
    path.write_text(f'{{"to": "Slot", "with": {{"start": "2023-09-20"}}, "body": {path.read_text()}}}')
    empty = '{"to": "Slot", "body": {"resourceType": "Bundle", "type": "searchset"}}'
    (path.parent / "none.json").write_text(empty)
    change = _compared(desk, "changes.yaml", PADDED).changes[0]
    assert change.row is not None
    assert change.row.key == "StartDateTime"
    assert (change.lost, change.gained, change.emptied) == (3, 0, 1)


def test_a_line_of_the_directory_is_told_as_a_row(desk: Path) -> None:
    text = "schedule,room\nLocation.2-Staff.3640cd20de8a470aa570a852859ac87e,999\n"
    change = _compared(desk, "schedules.csv", text).changes[0]
    assert change.row is not None
    assert change.row.key == "schedules.csv"
    assert change.fields["answer: AvailableSlots.Location.Room"].got == "999"


def test_a_case_of_no_site_is_told_and_the_others_are_compared(desk: Path) -> None:
    shutil.copytree(desk / "tables" / "cases" / "granite", desk / "tables" / "cases" / "lost")
    (desk / "tables" / "cases" / "lost" / "case.yaml").write_text("site: elsewhere\n")
    found = _compared(desk, "changes.yaml", DROPPED)
    assert [name for name, _ in found.failed] == ["lost"]
    assert found.changed == 1


def _git(folder: Path, *arguments: str) -> None:
    settings = ("-c", "user.email=analyst@clinic.example", "-c", "user.name=An analyst")
    subprocess.run(["git", "-C", folder, *settings, *arguments], check=True, capture_output=True)


def test_the_tables_of_a_commit_are_those_that_stood_there(desk: Path) -> None:
    _git(desk, "init", "-q")
    (desk / "tables" / "base").mkdir()
    (desk / "tables" / "base" / "x.yaml").write_text("one\n")
    _git(desk, "add", "-A")
    _git(desk, "commit", "-qm", "As it was")
    (desk / "tables" / "base" / "x.yaml").write_text("two\n")
    with former(desk / "tables", "HEAD") as (folder, called):
        assert (folder / "base" / "x.yaml").read_text() == "one\n"
        assert called.startswith("HEAD (")
    assert not folder.exists()
    with former(desk / "tables", str(desk / "tables")) as (folder, called):
        assert folder == Path(called) == desk / "tables"


@pytest.mark.parametrize(("against", "text"), [("v9", "names no commit here"), ("--output=x", "neither")])
def test_what_is_no_commit_is_said(desk: Path, against: str, text: str) -> None:
    _git(desk, "init", "-q")
    with pytest.raises(NoSuchTables, match=text), former(desk / "tables", against):
        pass


def test_outside_of_a_checkout_a_folder_must_be_named(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(desk.parent))
    with pytest.raises(NoSuchTables, match="is in no git checkout"), former(desk / "tables", "HEAD"):
        pass
