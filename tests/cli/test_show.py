"""``gateway show``: tables with the origin of their cells, generated code, schemas."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

CHANGE = """\
over: available-slots.query
rows:
  - row: Visit.VisitType.Code
    unmapped: error
"""


def test_each_cell_says_which_layer_and_line_it_is_from(inside: Any) -> None:
    table = json.loads(inside("show", "table", "available-slots.query", "--json").stdout)
    cells = {cell["cell"]: cell for cell in table["rows"][0]["cells"]}
    assert table["rows"][0]["key"] == "StartDateTime"
    assert (cells["param"]["layer"], cells["param"]["value"]) == ("base", "start")
    assert (cells["codec"]["layer"], cells["codec"]["value"]) == ("canvas", "day-before")
    assert "canvas/available-slots.query.yaml:" in cells["codec"]["origin"]


def test_columns_are_aligned(inside: Any) -> None:
    lines = inside("show", "table", "available-slots.query").stdout.splitlines()
    cells = [line for line in lines if line.startswith("  ")]
    assert (
        len({line.index(word) for line in cells for word in ("  base  ", "  canvas  ") if word in line}) == 1
    )


def test_the_site_of_a_configuration(inside: Any, configured: Any, tmp_path: Path) -> None:
    path = configured()
    path.write_text("mappings: own\n" + path.read_text())
    (tmp_path / "own" / "sites" / "demo").mkdir(parents=True)
    (tmp_path / "own" / "sites" / "demo" / "ours.yaml").write_text(CHANGE)
    done = inside("show", "table", "available-slots.query", "--config", path)
    line = next(line for line in done.stdout.splitlines() if line.split()[:3] == ["unmapped", "site", "demo"])
    assert line.split()[3:] == ["own/sites/demo/ours.yaml:4", "error"]


def test_the_list_and_the_other_tables(inside: Any) -> None:
    listed = [line.split()[0] for line in inside("show", "table").stdout.splitlines()]
    assert listed[:6] == [
        "available-slots.answer",
        "available-slots.query",
        "directory",
        "errors",
        "dialect",
        "schedules",
    ]
    codes = inside("show", "table", "visit-types").stdout.splitlines()
    assert codes[2].split()[:5] == ["210", "DNER15", "308335008", "http://snomed.info/sct", "both"]
    assert codes[2].endswith("  site demo  shipped:sites/demo/codes/visit-types.csv:2")
    errors = inside("show", "table", "errors").stdout
    assert "deadline" in errors and "base/errors.yaml:" in errors
    assert "RES General Hospital" in inside("show", "table", "schedules").stdout


def test_code_is_python(inside: Any) -> None:
    names = inside("show", "code").stdout.split()
    assert {"available-slots.answer", "available-slots.query", "directory"} <= set(names)
    done = inside("show", "code", "available-slots.answer")
    functions = [node.name for node in ast.parse(done.stdout).body if isinstance(node, ast.FunctionDef)]
    assert {"block", "convert"} <= set(functions)


def test_schemas(inside: Any) -> None:
    assert "fhir/Slot" in inside("show", "schema").stdout.split()
    for name in ("Slot", "fhir/Slot", "configuration"):
        assert json.loads(inside("show", "schema", name).stdout)["$schema"].startswith("https://json-schema")


def test_unknown_names_get_the_nearest(inside: Any) -> None:
    for arguments, near in (
        (("table", "dirctory"), "directory"),
        (("code", "directry"), "directory"),
        (("schema", "Slott"), "Slot"),
    ):
        done = inside("show", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert f'did you mean "{near}"?' in done.stderr
    done = inside("show", "table", "--dialect", "canvass")
    assert (done.returncode, 'did you mean "canvas"?' in done.stderr) == (3, True)


FHIR_R4 = """\
sites:
  - {id: north, timezone: America/Chicago,
     redox: {destination_ids: [n], verification_token: 8d03b6f1e75a40b7},
     upstream: {dialect: fhir-r4, base_url: "https://north.example"}}
  - {id: south, timezone: America/Chicago,
     redox: {destination_ids: [s], verification_token: 40b7e91d6c2f8d03},
     upstream: {dialect: canvas, base_url: "https://south.example"}}
mappings: own
"""
LAYER = """\
over: available-slots.answer
rows:
  - row: Notes
    drop: true
    because: nobody reads them
  - ignore: Notes
    because: nobody reads them
"""
CODES = """\
redox_code,redox_system,fhir_code,fhir_system,way
Chk,MySystem,Check,http://Codes.example/Kinds,to-fhir
Old,MySystem,Former,http://Codes.example/Kinds,to-redox
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a ``gateway.yaml`` of two sites and tables of its own."""
    (tmp_path / "gateway.yaml").write_text(FHIR_R4)
    site = tmp_path / "own" / "sites" / "north"
    (site / "codes").mkdir(parents=True)
    (site / "layer.yaml").write_text(LAYER)
    (site / "dialect.yaml").write_text('dialect:\n  page_size: {param: _count, value: "20"}\n')
    (site / "codes" / "visit-types.csv").write_text(CODES)
    (tmp_path / "own" / "acme").mkdir()
    (tmp_path / "own" / "acme" / "dialect.yaml").write_text("dialect:\n  together: [actor]\n")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_configuration_of_this_folder_is_used_and_told(inside: Any) -> None:
    done = inside("show", "table", "dialect")
    assert done.stderr == "Using gateway.yaml, site north (the first of 2; --site chooses)\n"
    assert inside("show", "table", "-s", "south").stderr == "Using gateway.yaml, site south\n"
    assert inside("show", "table", "-s", "south", "-c", "gateway.yaml").stderr == ""


@pytest.mark.usefixtures("folder")
def test_the_effective_dialect_with_origins(inside: Any) -> None:
    lines = inside("show", "table", "dialect").stdout.splitlines()
    assert lines[:2] == ["dialect", "key                 value"]
    found = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[2:]}
    assert found["page_size"].split("  ")[0] == "{param: _count, value: 20}"
    assert found["page_size"].endswith("  site north  own/sites/north/dialect.yaml:2")
    assert found["joins.Organization"].split("  ")[0] == "{reference: Location.managingOrganization}"
    assert found["joins.Organization"].endswith("  base  shipped:base/dialect.yaml:24")
    told = json.loads(inside("show", "table", "dialect", "--dialect", "canvas", "--json").stdout)
    values = {row["key"]: row["values"]["value"] for row in told["rows"]}
    assert values["joins.Location"] == (
        '{text: Schedule.comment, after: " at ", names: [Location.name, Location.alias]}'
    )
    assert values["together"] == "[]"


@pytest.mark.usefixtures("folder")
def test_a_dialect_of_ones_own_without_a_site(inside: Any) -> None:
    done = inside("show", "table", "dialect", "--dialect", "acme", "-c", "gateway.yaml")
    line = next(line for line in done.stdout.splitlines() if line.startswith("together "))
    assert line.split()[-2:] == ["acme", "own/acme/dialect.yaml:2"]
    assert "site north" not in done.stdout
    done = inside("show", "table", "--dialect", "acme", "--site", "north")
    assert (done.returncode, done.stdout) == (2, "")
    assert "A site has its dialect: give --site or --dialect, not both." in done.stderr


@pytest.mark.usefixtures("folder")
def test_a_dropped_row_is_told_with_who_dropped_it(inside: Any) -> None:
    done = inside("show", "table", "available-slots.answer")
    assert done.stdout.splitlines()[-2] == "Notes"
    assert done.stdout.splitlines()[-1].split() == [
        *("dropped", "site", "north", "own/sites/north/layer.yaml:3", "nobody", "reads", "them")
    ]
    told = json.loads(inside("show", "table", "available-slots.answer", "--json").stdout)
    assert told["dropped"] == [
        {
            "key": "Notes",
            "layer": "site north",
            "origin": "own/sites/north/layer.yaml:3",
            "because": "nobody reads them",
        }
    ]
    assert json.loads(inside("show", "table", "directory", "--json").stdout)["dropped"] == []


@pytest.mark.usefixtures("folder")
def test_codes_and_systems_are_told_as_they_are_spelt(inside: Any) -> None:
    lines = [line.split()[:5] for line in inside("show", "table", "visit-types").stdout.splitlines()]
    assert ["Chk", "MySystem", "Check", "http://Codes.example/Kinds", "to-fhir"] in lines
    assert ["Old", "MySystem", "Former", "http://Codes.example/Kinds", "to-redox"] in lines


def test_a_site_needs_a_configuration(inside: Any) -> None:
    done = inside("show", "table", "directory", "--site", "nosuch")
    assert (done.returncode, done.stdout) == (2, "")
    text = "--site needs a configuration: there is no gateway.yaml here, so name one with --config."
    assert text in done.stderr
    done = inside("show", "table")
    assert done.stderr == "Using the shipped tables, dialect canvas, site demo\n"


def test_an_example_is_told_whole(inside: Any) -> None:
    told = json.loads(inside("show", "table", "available-slots.query", "--json").stdout)
    values = {(row["key"], cell["cell"]): cell["value"] for row in told["rows"] for cell in row["cells"]}
    assert values["Visit.VisitPreference.Duration", "example"] == "redox: 1, with: hour, param: 60"
    assert values["Visit.VisitPreference.Duration", "with"] == "Visit.VisitPreference.DurationUnit"
    told = json.loads(inside("show", "table", "directory", "--json").stdout)
    values = {(row["key"], cell["cell"]): cell["value"] for row in told["rows"] for cell in row["cells"]}
    assert values["credentials", "example"] == "fhir: [MD, PhD], directory: MD PhD"
    assert values["location_id", "fhir"] == (
        "Location.identifier.where(system='urn:redox:location').value, Location.id"
    )


def test_a_level_that_a_site_changes_leaves_the_others_shown(inside: Any, folder: Path) -> None:
    (folder / "own" / "sites" / "north" / "dialect.yaml").write_text(
        "dialect:\n  levels: {room: {types: [x]}}\n"
    )
    lines = inside("show", "table", "dialect").stdout.splitlines()
    origins = {line.split()[0]: line.split("  ")[-1] for line in lines if line.startswith("levels.")}
    assert origins.keys() == {"levels.site", "levels.department", "levels.room"}
    assert origins["levels.room"] == "own/sites/north/dialect.yaml:2"
    assert origins["levels.site"].startswith("shipped:base/dialect.yaml:")


def test_what_an_error_is_told_by_is_shown_whole(inside: Any) -> None:
    told = json.loads(inside("show", "table", "errors", "--json").stdout)
    assert "certificate" in {row["values"]["reason"] for row in told["rows"]}
    assert all(row["values"]["reason"] in (None, row["key"].split()[-1]) for row in told["rows"])
