"""``gateway explain`` as its users run it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from gateway.cli.main import main
from tests.clock import clock

from .conftest import BUNDLE, SAMPLE, ask
from .test_probe import port_of

CASE = Path(__file__).resolve().parents[1] / "golden" / "available-slots" / "canvas-document"
CLINIC = CASE.parents[1] / "clinic"
NOBODY = 9  # the port of a service that nobody runs
EVERY_DIALECT = Path(__file__).resolve().parents[1] / "samples" / "every-dialect" / "gateway.yaml"


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
    search = "Slot?start=ge2025-10-21&colour=blue"
    code, page, _ = _run("explain", search, "--site", "partner", "-c", EVERY_DIALECT)
    assert code == 0
    assert "row StartDateTime" in page
    assert "unknown" in page


def test_a_line_is_no_longer_than_a_terminal_where_it_can_be_parted() -> None:
    _, page, _ = _run("explain", CASE / "request.json", *_answered())
    assert [line for line in page.splitlines() if len(line) > 100 and " " in line.strip()] == []
    parts = iter(page.splitlines())
    assert next(line for line in parts if line.startswith("GET ")).endswith("/Slot")
    assert next(parts).startswith("    ?schedule=")
    assert next(parts).startswith("    &start=")


def test_a_field_that_is_not_there_is_told() -> None:
    code, page, told = _run("explain", CASE / "request.json", *_answered(), "--field", "Provider.Idd")
    assert code == 0
    assert "Provider" not in page
    assert 'no field is called "Provider.Idd" here; did you mean Provider.ID' in told
    _, _, told = _run("explain", SAMPLE, "--field", "Provider.NPI", "--json")
    assert 'no field is called "Provider.NPI" here' in told
    assert "no answer to look in without --bundle, --answer or --live" in told
    _, _, told = _run("explain", CASE / "request.json", "--field", "StartDateTime")
    assert "is called" not in told


def _outcomes(tmp_path: Path, change: Any, *more: str | Path) -> tuple[int, dict[str, str], dict[str, Any]]:
    message = json.loads(SAMPLE.read_bytes())
    change(message)
    (request := tmp_path / "request.json").write_text(json.dumps(message))
    code, text, _ = _run("explain", request, *more, "--json")
    told = json.loads(text)
    return code, {each["path"]: each["outcome"] for each in told["message"]}, told


def test_a_field_of_the_envelope_that_is_refused_is_not_ignored(tmp_path: Path) -> None:
    code, outcomes, told = _outcomes(tmp_path, lambda message: message["Meta"].update(EventType="New"))
    assert (code, told["status"], outcomes["Meta.EventType"]) == (1, 400, "refused")
    assert outcomes["Meta.DataModel"] == "ignored"


def test_what_the_schema_does_not_have_below_a_list_is_unknown(tmp_path: Path) -> None:
    def change(message: Any) -> None:
        message["Visit"]["VisitType"][0]["Colour"] = {"names": ["blue"]}

    assert _outcomes(tmp_path, change)[1]["Visit.VisitType[0].Colour.names[0]"] == "unknown"


def test_what_only_the_ehr_may_know_is_left_open_without_an_answer(tmp_path: Path) -> None:
    def change(message: Any) -> None:
        message["Visit"]["AttendingProviders"] = [{"ID": "1", "IDType": "NPI"}]

    code, outcomes, told = _outcomes(tmp_path, change)
    assert (code, told["status"], outcomes["Visit.AttendingProviders[0].ID"]) == (0, None, "unchecked")
    assert [each["severity"] for each in told["issues"]] == ["warning"]
    assert "the EHR, which was not asked, may know" in told["issues"][0]["text"]
    code, outcomes, told = _outcomes(tmp_path, change, *_answered())
    assert (code, told["status"], outcomes["Visit.AttendingProviders[0].ID"]) == (1, 422, "refused")


def test_without_a_directory_it_says_so() -> None:
    code, text, _ = _run("explain", SAMPLE, "-c", EVERY_DIALECT, "-s", "r4", "--json")
    told = json.loads(text)
    assert "no schedule is known offline" in told["issues"][0]["text"]
    assert (code, told["status"]) == (0, None)
    _, page, _ = _run("explain", SAMPLE, "-c", EVERY_DIALECT, "-s", "r4")
    assert "Visit.Locations[0].Room 136: no schedule is known" in page


def test_a_name_that_nobody_looks_up_does_not_select(tmp_path: Path) -> None:
    def change(message: Any) -> None:
        message["Visit"]["AttendingProviders"] = [{"FirstName": "Pat", "LastName": "Nobody"}]

    code, outcomes, _ = _outcomes(tmp_path, change, *_answered())
    assert (code, outcomes["Visit.AttendingProviders[0].LastName"]) == (1, "refused")


def _asked_of(port: int) -> list[str]:
    seen = json.loads(ask(port, "GET", "/sandbox/requests")[1])
    return [each["path"] for each in seen]


def test_a_live_upstream_is_asked_once(inside: Any, start: Any, configured: Any) -> None:
    port = port_of(start("sandbox", "--port", "0"))
    config = configured(upstream=port)
    done = inside("explain", SAMPLE, "--live", "--config", config, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"]) == (0, 200)
    phone = next(each for each in told["answer"] if each["path"].endswith("PhoneNumber.Office"))
    assert phone["read"][0]["of"].startswith("Practitioner/")
    asked = _asked_of(port)
    assert asked.count("/Slot") == 1
    assert len([each for each in asked if each.startswith("/auth")]) == 1


def test_a_live_upstream_that_does_not_answer_is_explained(inside: Any, configured: Any) -> None:
    done = inside("explain", SAMPLE, "--live", "--config", configured(upstream=NOBODY))
    assert done.returncode == 4
    assert "The answer: 502" in done.stdout
    assert "row StartDateTime" in done.stdout


def test_a_search_that_a_live_redox_does_not_answer_is_explained(inside: Any, tmp_path: Path) -> None:
    text = EVERY_DIALECT.read_text().replace("127.0.0.1:8082", f"127.0.0.1:{NOBODY}")
    (config := tmp_path / "gateway.yaml").write_text(text)
    shutil.copytree(EVERY_DIALECT.parent / "mappings", tmp_path / "mappings")
    done = inside("explain", "Slot?start=ge2025-10-21", "-s", "partner", "-c", config, "--live")
    assert done.returncode == 4
    assert "POST http://" in done.stdout
    assert "No schedule chosen" not in done.stdout


def test_what_is_live_needs_no_answer_of_ours() -> None:
    code, _, told = _run("explain", SAMPLE, "--live", "--bundle", BUNDLE)
    assert code == 2
    assert "leave out --bundle" in told
