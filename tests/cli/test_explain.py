"""``gateway explain`` as its users run it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
from click.testing import CliRunner

from gateway.cli.main import main
from tests.clock import clock

from .conftest import BUNDLE, SAMPLE

CASE = Path(__file__).resolve().parents[1] / "golden" / "available-slots" / "canvas-document"
CLINIC = CASE.parents[1] / "clinic"


def _run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [*map(str, arguments)], obj=clock)
    return result.exit_code, click.unstyle(result.stdout), result.stderr


def _answered() -> list[str | Path]:
    bundles = [*sorted((CLINIC / "upstream").glob("*.json")), *sorted((CASE / "upstream").glob("*.json"))]
    return [each for path in bundles for each in ("--bundle", path)]


def test_every_field_with_its_row_and_where_it_was_read() -> None:
    code, page, _ = _run("explain", CASE / "request.json", *_answered())
    assert code == 0
    assert "Patient.* (25 fields)" in page
    assert "an open time does not depend on who asks" in page
    line = next(line for line in page.splitlines() if line.strip().startswith("from Slot.start"))
    assert "of the Slot of 2023-09-21T08:45:00-07:00" in line
    assert re.search(r"row DateTime \(\S+available-slots\.answer\.yaml:\d+\)  codec instant", page)
    assert "AvailableSlots[1] to AvailableSlots[2]: by the same rows as AvailableSlots[0]" in page
    assert "codec set by canvas" in page


def test_one_field_alone() -> None:
    code, page, _ = _run("explain", CASE / "request.json", *_answered(), "--field", "Provider.ID")
    assert code == 0
    fields = [line.split()[0] for line in page.splitlines() if line.startswith("  A")]
    assert fields == ["AvailableSlots[0].Provider.ID", "AvailableSlots[1]"]
    assert "StartDateTime" not in page


def test_a_wish_that_leaves_out_everybody_says_whom(tmp_path: Path) -> None:
    message = json.loads(SAMPLE.read_bytes())
    message["Visit"]["Locations"] = [{"Facility": "Nowhere"}]
    request = tmp_path / "request.json"
    request.write_text(json.dumps(message))
    code, page, _ = _run("explain", request, "--bundle", BUNDLE)
    assert code == 1
    assert "Visit.Locations[0].Facility Nowhere  leaves out 7 of 7" in page
    assert "The answer: 422" in page


def test_the_same_as_json() -> None:
    code, text, _ = _run("explain", CASE / "request.json", *_answered(), "--json")
    told = json.loads(text)
    assert code == 0
    assert told["status"] == 200
    outcomes = {each["path"]: each["outcome"] for each in told["message"]}
    assert outcomes["Visit.AttendingProviders[0].ID"] == "selects"
    assert outcomes["Patient.Demographics.SSN"] == "ignored"
    assert told["sent"][0]["fields"][0]["row"]["cells"]


def test_a_search_is_explained_too() -> None:
    config = Path(__file__).resolve().parents[1] / "samples" / "every-dialect" / "gateway.yaml"
    code, page, _ = _run("explain", "Slot?start=ge2025-10-21&colour=blue", "--site", "partner", "-c", config)
    assert code == 0
    assert "row StartDateTime" in page
    assert "unknown" in page


def test_a_line_is_no_longer_than_a_terminal_where_it_can_be_parted() -> None:
    _, page, _ = _run("explain", CASE / "request.json", *_answered())
    long = [line for line in page.splitlines() if len(line) > 100 and "  " in line.strip()]
    assert [line for line in long if not line.startswith(("GET", "  A", "  schedule", "      from"))] == []
