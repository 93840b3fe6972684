"""``gateway diff`` as its users run it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from tests.clock import clock

CASE = Path(__file__).resolve().parents[1] / "golden" / "available-slots" / "canvas-document"
CLINIC = CASE.parents[1] / "clinic"


def _run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["diff", *map(str, arguments)], obj=clock)
    return result.exit_code, click.unstyle(result.stdout), result.stderr


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """A configuration whose tables were edited; as they were they stand in ``before``."""
    case = tmp_path / "tables" / "cases" / "granite"
    (case / "upstream").mkdir(parents=True)
    (case / "request.json").write_bytes((CASE / "request.json").read_bytes())
    (case / "case.yaml").write_text("site: demo\n")
    for path in (*(CLINIC / "upstream").glob("*.json"), *(CASE / "upstream").glob("*.json")):
        (case / "upstream" / path.name).write_bytes(path.read_bytes())
    config = tmp_path / "gateway.yaml"
    config.write_text(
        "mappings: tables\nsites:\n  - id: demo\n    timezone: America/Los_Angeles\n"
        "    redox: {destination_ids: [d], verification_token: 8f1c2be07d5a4936b1e4c07a95d2f683}\n"
        '    upstream: {dialect: canvas, base_url: "http://127.0.0.1:8081"}\n'
    )
    shutil.copytree(tmp_path / "tables", tmp_path / "before")
    site = tmp_path / "tables" / "sites" / "demo"
    site.mkdir(parents=True)
    (site / "changes.yaml").write_text(
        "over: available-slots.answer\nrows:\n  - row: Location.Room\n    drop: true\n"
        "  - ignore: Location.Room\n    because: rooms change daily\n"
    )
    return config


def test_the_row_its_line_and_what_it_changed(edited: Path) -> None:
    before = edited.parent / "before"
    code, page, _ = _run("-c", edited, "--against", before)
    assert code == 0
    first, second, third, *_ = page.splitlines()
    assert first.startswith("Location.Room (")
    assert first.endswith("changes.yaml:3) changed 1 of 1")
    assert second == "    answer: AvailableSlots.Location.Room 136 -> nothing"
    assert third == "    in granite"
    assert page.splitlines()[-1].startswith("1 of 1 case comes out otherwise")


@pytest.mark.parametrize(("limit", "code"), [("0%", 1), ("99.5", 1), ("100%", 0)])
def test_more_than_may_change_ends_with_one(edited: Path, limit: str, code: int) -> None:
    assert _run("-c", edited, "--against", edited.parent / "before", "--fail-over", limit)[0] == code


@pytest.mark.parametrize("limit", ["many", "101%", "-1", "nan"])
def test_what_is_no_percentage_is_refused(edited: Path, limit: str) -> None:
    code, _, stderr = _run("-c", edited, "--against", edited.parent / "before", f"--fail-over={limit}")
    assert code == 2
    assert "write a percentage" in stderr


def test_the_same_as_json(edited: Path) -> None:
    code, text, _ = _run("-c", edited, "--against", edited.parent / "before", "--json")
    told = json.loads(text)
    assert code == 0
    assert (told["cases"], told["changed"]) == (1, 1)
    assert told["changes"][0]["fields"] == [
        {"field": "answer: AvailableSlots.Location.Room", "before": "136", "after": None}
    ]


def test_former_tables_with_faults_are_faults_of_theirs(edited: Path) -> None:
    (edited.parent / "before" / "base").mkdir()
    (edited.parent / "before" / "base" / "x.yaml").write_text("over: nothing\nrows: []\n")
    code, _, stderr = _run("-c", edited, "--against", edited.parent / "before")
    assert code == 3
    assert "nothing was compared: these are the tables of" in stderr


def test_without_tables_of_its_own_there_is_nothing_to_compare() -> None:
    code, _, stderr = _run()
    assert code == 2
    assert 'has no tables of its own: it has no "mappings:"' in stderr
