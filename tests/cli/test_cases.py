"""``gateway test`` as its users run it."""

from __future__ import annotations

import json
import re
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
    assert _run("test", "-c", tables, "--bless")[0] == 0
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


def test_a_case_that_is_not_there_is_said(tables: Path) -> None:
    code, _, stderr = _run("test", "-c", tables, "slate")
    assert code == 2
    assert 'There is no case "slate"' in stderr


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
