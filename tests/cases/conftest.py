"""A folder of tables with a case, made of the golden ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
GOLDEN = TOP / "tests" / "golden"

CONFIG = """\
mappings: tables
sites:
  - id: demo
    timezone: America/Los_Angeles
    redox:
      destination_ids: [af394f14-b34a-464f-8d24-895f370af4c9]
      verification_token: 8f1c2be07d5a4936b1e4c07a95d2f683
    fhir:
      clients:
        - {id: app, token_sha256: 3b7e1d90c5a84f26e8b1047d9c3f5a62b0e4d7189f2c6a35d8e07b41c9f6a253}
    upstream: {dialect: canvas, base_url: "http://127.0.0.1:8081"}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A configuration, and its tables with one case that has no expectation yet."""
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    case = tmp_path / "tables" / "cases" / "granite"
    case.mkdir(parents=True)
    shutil.copy(GOLDEN / "available-slots" / "canvas-document" / "request.json", case)
    for folder in (GOLDEN / "clinic", GOLDEN / "available-slots" / "canvas-document"):
        shutil.copytree(folder / "upstream", case / "upstream", dirs_exist_ok=True)
    return tmp_path
