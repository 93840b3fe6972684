"""A clinic's folder, exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli.main import main

CONFIG = """\
sites:
  - {id: north, timezone: America/Chicago,
     redox: {destination_ids: [n], verification_token: 8d03b6f1e75a40b7},
     upstream: {dialect: fhir-r4, base_url: "https://north.example"}}
  - {id: south, timezone: America/Chicago,
     redox: {destination_ids: [s], verification_token: 40b7e91d6c2f8d03},
     upstream: {dialect: canvas, base_url: "https://south.example"}}
mappings: tables
"""
LAYER = """\
# What north has otherwise.
over: available-slots.answer
rows:
  - row: Notes
    drop: true
    because: nobody reads them
  # It is for the staff.
  - ignore: Notes
    because: nobody | <reads> them
  - row: Reason      # their own words
    note: "=first line\\nsecond"
"""
CODES = """\
redox_code,redox_system,fhir_code,fhir_system,way,note
007,Own,308335008,http://snomed.info/sct,,Check
'+1,Own,0042,http://snomed.info/sct,to-fhir,
Old,My Own,12345678901234567890,http://codes.example/kinds,to-redox,"a, b"
"""
SCHEDULES = """\
schedule,provider_id,provider_id_type,department,room
s1,0123456789,NPI,Sports,03-11
s2,4356789876,NPI,"'+Care",
"""


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A configuration of two sites, and tables of one of them."""
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    north = tmp_path / "tables" / "sites" / "north"
    (north / "codes").mkdir(parents=True)
    (north / "answer.yaml").write_text(LAYER)
    (north / "codes" / "visit-types.csv").write_text(CODES)
    (north / "schedules.csv").write_text(SCHEDULES)
    return tmp_path


Done = tuple[int, str, str]


@pytest.fixture
def gateway(clinic: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """A command in that folder: its exit code, stdout and stderr."""
    monkeypatch.chdir(clinic)

    def run(*arguments: Any) -> Done:
        done = CliRunner().invoke(main, [*map(str, arguments)], prog_name="gateway")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    return run
