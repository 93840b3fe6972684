"""``gateway coverage`` as its users run it."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from tests.clock import clock

CASE = Path(__file__).resolve().parents[1] / "golden" / "available-slots" / "canvas-document"
CLINIC = CASE.parents[1] / "clinic"
CODES = "redox_code,redox_system,fhir_code,fhir_system\n210,,308335008,http://snomed.info/sct\n"


def _run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["coverage", *map(str, arguments)], obj=clock)
    return result.exit_code, click.unstyle(result.stdout), result.stderr


def _case(folder: Path, name: str, **visit: object) -> None:
    case = folder / "cases" / name
    (case / "upstream").mkdir(parents=True)
    message = json.loads((CASE / "request.json").read_bytes())
    message["Visit"].update(visit)
    (case / "request.json").write_text(json.dumps(message))
    (case / "case.yaml").write_text("site: north\n")
    for path in (*(CLINIC / "upstream").glob("*.json"), *(CASE / "upstream").glob("*.json")):
        (case / "upstream" / path.name).write_bytes(path.read_bytes())


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    folder = tmp_path / "tables"
    (folder / "codes").mkdir(parents=True)
    (folder / "codes" / "visit-types.csv").write_text(CODES)
    _case(folder, "plain")
    for name in ("sick", "sick-again"):
        _case(folder, name, VisitType=[{"Code": "Sick", "Codeset": "Clinic"}], Reasons=["a cough"])
    config = tmp_path / "gateway.yaml"
    config.write_text(
        "mappings: tables\nsites:\n  - id: north\n    timezone: America/Los_Angeles\n"
        "    redox: {destination_ids: [d], verification_token: 8f1c2be07d5a4936b1e4c07a95d2f683}\n"
        '    upstream: {dialect: canvas, base_url: "http://127.0.0.1:8081"}\n'
    )
    return config


def test_codes_without_a_line_are_ready_to_be_pasted(tables: Path) -> None:
    code, page, _ = _run("-c", tables)
    assert code == 0
    lines = page.splitlines()
    at = lines.index("Codes without a line; for codes/visit-types.csv")
    assert lines[at + 1 : at + 3] == [
        "redox_code,redox_system,fhir_code,fhir_system,way,note",
        "Sick,Clinic,,,,seen in 2 cases",
    ]


def test_what_no_row_carries_and_rows_that_no_case_went_through(tables: Path) -> None:
    _, page, _ = _run("-c", tables)
    assert "  Visit.Reasons  in 2 of 3" in page
    assert "a cough" not in page
    never = page.partition("Rows that no case went through")[2]
    assert "  Meta.FacilityCode (" in never
    assert "  StartDateTime (" not in never
    assert "Patient" not in page


def test_the_same_as_json_and_of_one_case(tables: Path) -> None:
    code, text, _ = _run("-c", tables, "sick", "--json")
    told = json.loads(text)
    assert code == 0
    assert told["cases"] == 1
    assert told["unmapped"] == [{"table": "visit-types", "code": "Sick", "system": "Clinic", "count": 1}]
    assert told["carried_by_nobody"] == {"Visit.Reasons": 1}
    assert 0 < len(told["never_used"]) < told["rows"]


def test_a_wish_that_cannot_be_checked(tables: Path) -> None:
    (tables.parent / "tables" / "codes" / "visit-types.csv").write_text(
        "redox_code,redox_system,fhir_code,fhir_system\n"
    )
    _, page, _ = _run("-c", tables)
    assert "Wishes that nobody can check\n  Visit.VisitType.Code  in 2 of 3" in page
    assert "Codes without a line" not in page


def test_a_line_that_stands_over_another(tables: Path) -> None:
    site = tables.parent / "tables" / "sites" / "north" / "codes"
    site.mkdir(parents=True)
    (site / "visit-types.csv").write_text(
        "redox_code,redox_system,fhir_code,fhir_system\n210,,185349003,http://snomed.info/sct\n"
    )
    _, page, _ = _run("-c", tables)
    over = page.partition("Lines that stand over others\n")[2].splitlines()[0]
    assert over.startswith("  210 of visit-types: ")
    assert over.endswith("sites/north/codes/visit-types.csv:2")


def test_a_case_that_cannot_be_run_is_told(tables: Path) -> None:
    (tables.parent / "tables" / "cases" / "plain" / "case.yaml").write_text("site: elsewhere\n")
    code, page, _ = _run("-c", tables)
    assert code == 1
    assert "  plain: request.json: is of the site" in page
