"""``gateway schemas``: the schemas for editors beside a folder of tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OWN = "over: directory\nrows:\n  - directory: email\n"


def test_they_are_written_beside_the_tables(inside: Any, tmp_path: Path) -> None:
    (tmp_path / "tables" / "sites" / "north").mkdir(parents=True)
    (tmp_path / "tables" / "sites" / "north" / "own.yaml").write_text(OWN)
    done = inside("schemas", "tables")
    place = tmp_path / "schemas" / "editor"
    names = ["configuration", "dialect", "error-table", "mapping-table"]
    assert sorted(path.stem for path in place.iterdir()) == names
    assert done.returncode == 0 and str(place / "dialect.json") in done.stdout
    assert "$schema=../../../schemas/editor/mapping-table.json" in done.stderr
    columns = json.loads((place / "mapping-table.json").read_bytes())["definitions"]["columns"]["enum"]
    assert "email" in columns and "schedule" in columns
    again = json.loads(inside("schemas", "tables", "--json").stdout)
    assert [Path(each).stem for each in again["written"]] == [
        *("mapping-table", "dialect", "error-table", "configuration")
    ]


def test_where_they_cannot_be_written_and_what_is_no_folder_is_told(inside: Any, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "schemas").write_text("a file")
    done = inside("schemas", "tables")
    assert done.returncode == 2 and "cannot write" in done.stderr
    done = inside("schemas", "tabels")
    assert done.returncode == 2 and "does not exist" in done.stderr
