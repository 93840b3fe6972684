"""The schemas for editors: what we ship fits them, every mistake is underlined, and each key explained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from gateway import shipped
from gateway.editors.loosened import loosened, span_of
from gateway.editors.names import Names, names_in
from gateway.editors.schemas import editor_schemas, line_for
from gateway.tables.codecs.registry import CODECS

TOP = Path(__file__).parent.parent.parent
MAPPINGS = shipped.folder("mappings")
LINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")
SHIPPED = [
    *sorted(MAPPINGS.rglob("*.yaml")),
    TOP / "gateway" / "cli" / "samples" / "demo.yaml",
    TOP / "gateway.example.yaml",
]


class Loader(yaml.SafeLoader):
    """YAML as editors read it: numbers and booleans, and no dates."""


Loader.yaml_implicit_resolvers = {
    first: [each for each in known if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@lru_cache
def _schemas() -> dict[str, Any]:
    return editor_schemas(names_in([MAPPINGS]))


def _faults(name: str, text: str) -> list[str]:
    value = yaml.load(text, Loader)
    return [each.message for each in Draft7Validator(_schemas()[name]).iter_errors(value)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(TOP)))
def test_each_shipped_file_fits_the_schema_that_its_first_line_names(path: Path) -> None:
    text = path.read_text("utf-8")
    named = LINE.fullmatch(text.split("\n", 1)[0])
    assert named is not None
    schema = (path.parent / named[1]).resolve()
    assert schema.parent == TOP / "schemas" / "editor"
    validator = Draft7Validator(json.loads(schema.read_bytes()))
    assert [each.message for each in validator.iter_errors(yaml.load(text, Loader))] == []
    if path.is_relative_to(MAPPINGS):
        assert named[0] == line_for(path.relative_to(MAPPINGS))


@pytest.mark.parametrize("name", ["mapping-table", "dialect", "error-table", "configuration"])
def test_each_schema_is_one_of_draft_7(name: str) -> None:
    schema = _schemas()[name]
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(schema)
    assert "$defs" not in json.dumps(schema)


def _properties(schema: Any) -> Iterator[tuple[str, Any]]:
    for key, part in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if key == "properties":
            yield from part.items()
        if isinstance(part, dict | list):
            yield from _properties(part)


@pytest.mark.parametrize("name", ["mapping-table", "dialect", "error-table", "configuration"])
def test_every_key_is_explained(name: str) -> None:
    told = list(_properties(_schemas()[name]))
    assert told
    assert [key for key, part in told if not (part.get("title") and part.get("description"))] == []


ROW = "over: available-slots.query\nrows:\n  - row: StartDateTime\n    {0}\n"
FAILURE = "errors:\n  - {{failure: connect, status: 502, type: query, issue: {0}, text: Closed.}}\n"
SITE = "sites:\n  - id: north\n    upstream: {{dialect: canvas}}\n    {0}\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mapping-table", ROW.format("required: true")),
        ("mapping-table", ROW.format('required: "true"')),
        ("mapping-table", ROW.format("value: 1000")),
        ("mapping-table", ROW.format("value: yes")),
        ("mapping-table", ROW.format("value: 2025-10-21")),
        ("mapping-table", ROW.format("with: [1, true, x]")),
        ("mapping-table", ROW.format("example: {redox: 1, with: hour, param: 60}")),
        ("mapping-table", ROW.format("wish: false")),
        ("mapping-table", ROW.format("codec: code(our-own)")),
        ("mapping-table", ROW.format("codec: at-or-after(end, duration)")),
        ("mapping-table", ROW.format("directory: a_column_of_ours")),
        ("mapping-table", "table: ours.query\nrows: []\n"),
        (
            "dialect",
            "dialect: {named_at_most: 50, combine_slots: true, page_size: {param: _count, value: 20}}",
        ),
        ("dialect", 'dialect: {page_size: {param: _count, value: "", of: {Slot: 7}}}'),
        ("error-table", FAILURE.format("transient")),
        (
            "error-table",
            "errors:\n  - {failure: status, http: 404, status: 502, type: query, issue: value, text: 1}",
        ),
        ("configuration", SITE.format("max_slots: 20")),
        ("configuration", SITE.format('max_slots: "20"')),
        ("configuration", SITE.format("max_slots: ${MOST}")),
        ("configuration", SITE.format("providers_by_name: ${BY_NAME}")),
        ("configuration", SITE.format("preferences: ${PREFERENCES}")),
        ("configuration", SITE.format("like: ${GROUP}")),
        ("configuration", "defaults: {upstream: {dialect: canvas}, timezone: UTC}\nsites: [{id: 12}]"),
        ("configuration", "like: {big: {max_slots: 20}}\nsites: [{id: north, like: big}]"),
    ],
)
def test_what_the_gateway_reads_is_not_underlined(name: str, text: str) -> None:
    assert _faults(name, text) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mapping-table", ROW.format("codecs: text")),  # an unknown key
        ("mapping-table", "over: directory\nrow: []\nrows: []"),
        ("mapping-table", ROW.format("example: {redocs: a}")),
        ("mapping-table", ROW.format("codec: instnat")),  # an unknown codec
        ("mapping-table", ROW.format("codec: code")),  # one without its argument
        ("mapping-table", ROW.format("codec: instant(x)")),  # one with an argument that it has not
        ("mapping-table", ROW.format("codec: code(a, b)")),
        ("mapping-table", ROW.format("way: to-fihr")),
        ("mapping-table", ROW.format("unmapped: warn")),
        ("mapping-table", ROW.format("filter: hour")),
        ("mapping-table", ROW.format("required: 1")),
        ("mapping-table", ROW.format("param: a b")),
        ("mapping-table", ROW.format("with: {a: b}")),
        ("mapping-table", ROW.format("because:")),
        ("mapping-table", "rows: []"),
        ("mapping-table", "table: a\nover: a\nrows: []"),
        ("dialect", "dialect: {upstraem: fhir}"),
        ("dialect", "dialect: {upstream: hl7}"),
        ("dialect", "dialect: {combine_slots: maybe}"),
        ("dialect", "dialect: {named_at_most: 0}"),
        ("dialect", "dialect: {named_at_most: 1000}"),
        ("dialect", "dialect: {searches: {Slots: {}}}"),
        ("dialect", "dialect: {}"),
        ("error-table", FAILURE.format("tired")),
        (
            "error-table",
            "errors:\n  - {failure: status, http: 200, status: 502, type: query, issue: value, text: x}",
        ),
        ("error-table", "errors:\n  - {failure: status}"),
        ("configuration", SITE.format("max_slot: 20")),
        ("configuration", SITE.format("max_slots: many")),
        ("configuration", SITE.format("max_slots: 0")),
        ("configuration", SITE.format("preferences: sort")),
        ("configuration", "defaults: {id: a}\nsites: [{id: north}]"),
        ("configuration", "like: {big: {max_slot: 20}}\nsites: [{id: north, like: big}]"),
        ("configuration", "sites: [{timezone: UTC}]"),
        ("configuration", "servers: {}\nsites: [{id: north}]"),
    ],
)
def test_each_kind_of_mistake_is_underlined(name: str, text: str) -> None:
    assert _faults(name, text) != []


def test_there_is_everything_to_choose_from() -> None:
    row = _schemas()["mapping-table"]["properties"]["rows"]["items"]["properties"]
    calls = row["codec"]["anyOf"][0]
    assert {each.partition("(")[0] for each in calls["enum"]} == set(CODECS)
    assert {"code(visit-types)", "reference(Practitioner)", "weekday", "weekday(preferred-days)"} <= {
        *calls["enum"]
    }
    assert len(calls["enumDescriptions"]) == len(calls["enum"])
    known = _schemas()["mapping-table"]["definitions"]
    assert known["tables"]["enum"] == ["available-slots.answer", "available-slots.query", "directory"]
    assert {"timezone", "place"} <= {*known["columns"]["enum"]}
    assert {"StartDateTime", "only free slots"} <= {*known["rows"]["enum"]}
    assert {"Visit.VisitType.Code", "Provider.ID"} <= {*known["fields"]["enum"]}
    assert "directory.schedule" in known["companions"]["enum"]
    assert _schemas()["configuration"]["definitions"]["dialects"]["enum"] == [
        *("canvas", "fhir-r4", "oracle-millennium", "redox")
    ]
    assert row["required"]["enum"][:2] == [True, False]


def test_the_names_of_ones_own_folder_are_among_them(tmp_path: Path) -> None:
    north = tmp_path / "sites" / "north"
    (north / "codes").mkdir(parents=True)
    (tmp_path / "acme").mkdir()
    (north / "codes" / "reasons.csv").write_text("")
    (north / "own.yaml").write_text("over: directory\nrows:\n  - {directory: email, codec: tetx}\n  - 3\n")
    (north / "torn.yaml").write_text("rows: [")
    (north / "flat.yaml").write_text("rows: 7\ndialect: 8\n")
    (north / "gone.yaml").symlink_to(tmp_path / "nowhere")
    found = names_in([MAPPINGS, tmp_path])
    assert "email" in found.columns and "email" in found.rows
    assert "reasons" in found.code_tables and "acme" in found.dialects
    assert found.tables == names_in([MAPPINGS]).tables


def test_a_folder_without_names_has_still_schemas() -> None:
    for schema in editor_schemas(Names()).values():
        Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("pattern", ["^[1-9][0-9]{0,2}$", "^([1-9][0-9]{0,4})?$", "^[45][0-9][0-9]$"])
def test_numbers_are_bounded_as_their_pattern_says(pattern: str) -> None:
    span = span_of(pattern)
    assert span is not None
    assert all(re.search(pattern, str(number)) for number in range(span[0], span[1] + 1))


def test_a_pattern_that_no_number_fits_lets_none_stand() -> None:
    assert loosened({"type": "string", "pattern": "^[a-z]$"})["type"] == "string"
    assert loosened({"type": "string", "pattern": "^[a-z]+$"})["type"] == ["string", "boolean"]
    assert loosened({"type": "string"})["type"] == ["string", "number", "boolean"]
