"""``gateway test`` as its users run it."""

from __future__ import annotations

import json
import re
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
    result = CliRunner().invoke(main, [*map(str, arguments)], obj=clock)
    return result.exit_code, click.unstyle(result.stdout), result.stderr


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    case = tmp_path / "tables" / "cases" / "granite"
    (case / "upstream").mkdir(parents=True)
    (case / "request.json").write_bytes((CASE / "request.json").read_bytes())
    for path in (*(CLINIC / "upstream").glob("*.json"), *(CASE / "upstream").glob("*.json")):
        (case / "upstream" / path.name).write_bytes(path.read_bytes())
    config = tmp_path / "gateway.yaml"
    config.write_text(
        "mappings: tables\nsites:\n  - id: demo\n    timezone: America/Los_Angeles\n"
        "    redox: {destination_ids: [d], verification_token: 8f1c2be07d5a4936b1e4c07a95d2f683}\n"
        '    upstream: {dialect: canvas, base_url: "http://127.0.0.1:8081"}\n'
    )
    (case / "case.yaml").write_text("site: demo\n")
    return config


def test_cases_are_tried_blessed_and_told(tables: Path) -> None:
    code, page, _ = _run("test", "-c", tables)
    assert code == 1
    assert "new    granite: has no searches.json and answer.json" in page
    assert "      + Slot?schedule=" in page
    assert "      + 200" in page
    assert "answer: AvailableSlots[2023-09-21T15:45:00.000Z].Location.Room, and in 2 more" in page
    code, page, _ = _run("test", "-c", tables, "--bless")
    assert code == 0
    assert "answer: AvailableSlots[2023-09-21T15:45:00.000Z].Location.Room, and in 2 more" in page
    assert "1 case written as it came out now" in page
    code, page, _ = _run("test", "-c", tables)
    assert (code, page.splitlines()[0]) == (0, "ok     granite")
    site = tables.parent / "tables" / "sites" / "demo"
    site.mkdir(parents=True)
    (site / "changes.yaml").write_text(
        "over: available-slots.answer\nrows:\n  - row: Location.Room\n    drop: true\n"
        "  - ignore: Location.Room\n    because: rooms change daily\n"
    )
    code, page, _ = _run("test", "-c", tables)
    assert code == 1
    assert "answer: AvailableSlots[2023-09-21T15:45:00.000Z].Location.Room, and in 2 more" in page
    assert "      - 136" in page
    assert "changes.yaml:3" in page
    code, text, _ = _run("test", "-c", tables, "--json")
    assert json.loads(text)["cases"][0]["differences"][0]["expected"] == "136"
    assert code == 1


def test_a_new_case_says_why_its_answer_is_as_it_is(tables: Path) -> None:
    case = tables.parent / "tables" / "cases" / "granite"
    for path in (case / "upstream").iterdir():
        path.unlink()
    code, page, _ = _run("test", "-c", tables)
    assert code == 1
    assert re.search(r"^    (error|warning): ", page, re.MULTILINE)


def test_a_case_that_cannot_be_run_is_not_blessed(tables: Path) -> None:
    other = tables.parent / "tables" / "cases" / "elsewhere"
    other.mkdir()
    (other / "request.json").write_bytes((CASE / "request.json").read_bytes())
    (other / "case.yaml").write_text("site: nowhere\n")
    code, page, _ = _run("test", "-c", tables, "--bless")
    assert code == 1
    assert "wrong  elsewhere: " in page
    assert "1 case written as it came out now; 1 of 2 cases came out otherwise" in page
    code, text, _ = _run("test", "-c", tables, "--json")
    told = {each["case"]: each for each in json.loads(text)["cases"]}
    assert (told["elsewhere"]["passed"], told["granite"]["passed"]) == (False, True)
    assert 'the site "nowhere"' in told["elsewhere"]["error"]


def test_a_case_that_is_not_there_is_said(tables: Path) -> None:
    code, _, stderr = _run("test", "-c", tables, "slate")
    assert code == 2
    assert 'There is no case "slate"' in stderr
    assert 'did you mean "granite"?' in _run("test", "-c", tables, "Granit")[2]


def test_a_folder_of_cases_that_is_not_there_is_no_success(tables: Path) -> None:
    code, _, stderr = _run("test", "-c", tables, "--cases", tables.parent / "csaes")
    assert code == 2
    assert "does not exist" in stderr


def test_without_cases_it_says_where_they_would_be(tables: Path) -> None:
    code, page, _ = _run("test")
    assert code == 0
    assert "there are no cases yet" in page
    assert re.search(r"^\d+ examples of rows held", page)


def test_the_folder_of_cases_is_no_stray_and_a_file_in_it_is(tables: Path) -> None:
    code, page, stderr = _run("check", "-c", tables)
    assert code == 0
    assert "is not read" not in page + stderr
    (tables.parent / "tables" / "cases" / "loose.json").write_text("{}")
    _, page, stderr = _run("check", "-c", tables)
    assert "a case is a folder" in page + stderr


def test_a_new_query_to_redox_is_told_by_its_fields_and_rows(tmp_path: Path) -> None:
    samples = Path(__file__).resolve().parents[1] / "samples" / "every-dialect"
    shutil.copytree(samples, tmp_path, dirs_exist_ok=True)
    case = tmp_path / "mappings" / "cases" / "week"
    (case / "upstream").mkdir(parents=True)
    (case / "search.txt").write_text("Slot?start=ge2026-11-30\n")
    (case / "case.yaml").write_text("site: partner\n")
    given = {"Meta": {}, "AvailableSlots": [{"DateTime": "2026-12-01T16:00:00.000Z", "Duration": 20}]}
    (case / "upstream" / "AvailableSlots.json").write_text(json.dumps(given))
    code, page, _ = _run("test", "-c", tmp_path / "gateway.yaml")
    assert code == 1
    lines = page.splitlines()
    at = lines.index("    searches: search 1: StartDateTime")
    assert lines[at + 1].startswith("      + 2026-11-30T")
    assert re.match(r" +row StartDateTime \(\S+available-slots\.query\.yaml:\d+\)", lines[at + 2])
    assert [line for line in lines if len(line) > 100 and " " in line.strip()[2:]] == []
    assert _run("test", "-c", tmp_path / "gateway.yaml", "--bless")[0] == 0
    assert _run("test", "-c", tmp_path / "gateway.yaml")[0] == 0
