"""``gateway export``: the effective tables, each cell with its layer and its place, in each format."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gateway.files.cells import restored


def _lines(told: str, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(
        each["lines"] for each in json.loads(told)["tables"] if each["table"] == table
    )
    return found


def test_every_table_is_there_each_cell_with_its_origin(gateway: Any) -> None:
    code, told, _ = gateway("export", "--format", "json")
    assert code == 0
    assert [each["table"] for each in json.loads(told)["tables"]] == [
        *("available-slots.answer", "available-slots.query", "directory", "dialect", "errors", "schedules"),
        *(
            "facilities",
            "identifier-systems",
            "preferred-days",
            "preferred-times",
            "provider-id-types",
            "visit-types",
        ),
    ]
    answer = {
        (each["cells"]["row"], each["cells"]["cell"]): each for each in _lines(told, "available-slots.answer")
    }
    assert answer["Reason", "note"] == {
        "layer": "site north",
        "origin": "tables/sites/north/answer.yaml:11",
        "cells": {"row": "Reason", "cell": "note", "value": "=first line\nsecond"},
    }
    assert answer["Reason", "redox"]["layer"] == "base"
    assert answer["Reason", "redox"]["origin"].startswith("shipped:base/available-slots.answer.yaml:")
    assert answer["Notes", "dropped"]["cells"]["value"] == "nobody reads them"
    assert answer["Notes", "dropped"]["origin"] == "tables/sites/north/answer.yaml:4"


def test_lines_of_code_tables_and_schedules_have_theirs(gateway: Any) -> None:
    told = gateway("export", "--format", "json")[1]
    codes = [(*each["cells"].values(), each["layer"], each["origin"]) for each in _lines(told, "visit-types")]
    place = "tables/sites/north/codes/visit-types.csv"
    system = "http://snomed.info/sct"
    assert codes == [
        ("007", "Own", "308335008", system, "both", "Check", "site north", f"{place}:2"),
        ("+1", "Own", "0042", system, "to-fhir", "", "site north", f"{place}:3"),
        (
            "Old",
            "My Own",
            "12345678901234567890",
            "http://codes.example/kinds",
            "to-redox",
            "a, b",
            "site north",
            f"{place}:4",
        ),
    ]
    schedules = _lines(told, "schedules")
    assert [each["origin"] for each in schedules] == [f"tables/sites/north/schedules.csv:{n}" for n in (2, 3)]
    assert schedules[0]["cells"]["room"] == "03-11" and schedules[1]["cells"]["department"] == "+Care"
    assert {each["layer"] for each in _lines(told, "preferred-days")} == {"base"}


def test_an_overridden_line_serves_what_is_left_of_it(gateway: Any, clinic: Path) -> None:
    codes = clinic / "tables" / "codes"
    codes.mkdir()
    (codes / "visit-types.csv").write_text(
        "redox_code,redox_system,fhir_code,fhir_system\n007,Own,99,http://snomed.info/sct\nZ,Own,98,x:y\n"
    )
    found = {
        (each["cells"]["redox_code"], each["cells"]["fhir_code"]): (each["cells"]["way"], each["layer"])
        for each in _lines(gateway("export", "--format", "json")[1], "visit-types")
    }
    assert found["007", "308335008"] == ("both", "site north")
    assert ("007", "99") not in found
    assert found["Z", "98"] == ("both", "base")


def test_show_table_tells_the_same_origins(gateway: Any) -> None:
    place = "site north  tables/sites/north/codes/visit-types.csv:2"
    assert place in gateway("show", "table", "visit-types")[1]
    assert "site north  tables/sites/north/schedules.csv:3" in gateway("show", "table", "schedules")[1]
    told = json.loads(gateway("show", "table", "visit-types", "--json")[1])["rows"][0]
    assert (told["layer"], told["origin"]) == ("site north", "tables/sites/north/codes/visit-types.csv:2")


def test_as_csv_every_cell_is_guarded(gateway: Any) -> None:
    lines = list(csv.reader(io.StringIO(gateway("export", "--format", "csv")[1])))
    assert lines[0] == ["table", "row", "cell", "value", "layer", "origin"]
    assert {len(line) for line in lines} == {6}
    assert [
        "visit-types",
        "'+1",
        "redox_code",
        "'+1",
        "site north",
        "tables/sites/north/codes/visit-types.csv:3",
    ] in lines
    assert not any(cell[:1] in ("=", "+", "-", "@") for line in lines for cell in line)
    assert any(line[:2] == ["dialect", "combine_slots"] and line[3] == "true" for line in lines)


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag not in ("script", "img", "link", "iframe", "reads") and not dict(attrs).get("href")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_as_html_it_is_one_page_in_which_texts_stay_texts(gateway: Any) -> None:
    page = _Page()
    page.feed(gateway("export", "--format", "html")[1])
    assert page.open == []
    assert "nobody | <reads> them" in page.texts and "tables/sites/north/schedules.csv:2" in page.texts


def test_as_markdown_texts_stay_texts(gateway: Any) -> None:
    told = gateway("export", "available-slots.answer", "--format", "md")[1]
    assert "| nobody \\| &lt;reads&gt; them |" in told
    assert "| =first line<br>second |" in told
    rows = [line for line in told.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1
    assert "visit-types" not in told


def test_as_a_workbook_every_cell_is_text_and_none_a_formula(gateway: Any, clinic: Path) -> None:
    code, told, error = gateway("export", "--format", "xlsx", "--output", "north.xlsx")
    assert (code, told) == (0, "") and "Wrote 12 tables of gateway.yaml, site north" in error
    book = openpyxl.load_workbook(clinic / "north.xlsx")
    assert book.sheetnames[:3] == ["about", "available-slots.answer", "available-slots.query"]
    cells = [cell for sheet in book for line in sheet.iter_rows() for cell in line if cell.value is not None]
    assert {(cell.data_type, cell.number_format) for cell in cells} == {("s", "@")}
    assert [cell.value for cell in book["visit-types"][3]][:3] == ["'+1", "Own", "0042"]
    assert book["visit-types"]["A2"].value == "007"
    assert book["visit-types"]["C4"].value == "12345678901234567890"
    assert book["schedules"]["E2"].value == "03-11"
    note = next(line for line in book["available-slots.answer"].values if line[:2] == ("Reason", "note"))
    assert restored(note[2]) == "=first line\nsecond" and note[3:] == (
        "site north",
        "tables/sites/north/answer.yaml:11",
    )
    with zipfile.ZipFile(clinic / "north.xlsx") as packed:
        assert not any(b"<f>" in packed.read(name) for name in packed.namelist())


def test_what_a_file_may_be_called_is_looked_at_first(gateway: Any, clinic: Path) -> None:
    assert gateway("export", "--format", "xlsx")[0] == 2
    (clinic / "there.md").write_text("mine")
    code, _, error = gateway("export", "--output", "there.md")
    assert code == 2 and "overwrite it with --force" in error and (clinic / "there.md").read_text() == "mine"
    assert gateway("export", "--output", "there.md", "--force")[0] == 0
    assert (clinic / "there.md").read_text().startswith("# Tables of north")
    code, _, error = gateway("export", "visit-tipes")
    assert code == 2 and 'did you mean "visit-types"?' in error


def test_a_title_that_a_spreadsheet_cannot_have_is_cut(gateway: Any, clinic: Path) -> None:
    codes = clinic / "tables" / "sites" / "north" / "codes"
    names = ["a" * 40, "a" * 41, "about", "a'b[c]"]
    for name in names:
        (codes / f"{name}.csv").write_text("redox_code,fhir_code\nA,B\n")
    assert gateway("export", "--format", "xlsx", "--output", "north.xlsx")[0] == 0
    book = openpyxl.load_workbook(clinic / "north.xlsx")
    told = dict(line[:2] for line in book["about"].values if line[1] is not None)
    assert {told[name] for name in names} <= set(book.sheetnames)
    assert len({told[name] for name in names}) == 4


def test_a_concept_map_says_which_way_each_code_goes(gateway: Any) -> None:
    told = json.loads(gateway("export", "visit-types", "--format", "conceptmap")[1])
    assert (told["resourceType"], told["title"]) == ("ConceptMap", "visit-types")
    targets = {
        (group["source"], element["code"], target["code"]): target["equivalence"]
        for group in told["group"]
        for element in group["element"]
        for target in element["target"]
    }
    assert targets == {
        ("urn:redox:codeset:Own", "007", "308335008"): "equivalent",
        ("urn:redox:codeset:Own", "+1", "0042"): "wider",
        ("urn:redox:codeset:My%20Own", "Old", "12345678901234567890"): "narrower",
    }
    assert told["group"][0]["target"] == "http://snomed.info/sct"
    for names in ((), ("directory",), ("visit-types", "facilities")):
        assert gateway("export", *names, "--format", "conceptmap")[0] == 2


@pytest.mark.parametrize("name", ["visit-types", "facilities", "preferred-days"])
def test_a_concept_map_is_one_as_fhir_has_it(gateway: Any, name: str) -> None:
    from fhir.resources.R4B.conceptmap import ConceptMap

    told = gateway("export", name, "--format", "conceptmap")[1]
    assert ConceptMap.model_validate_json(told).title == name


def test_without_a_site_they_are_those_of_a_dialect(gateway: Any) -> None:
    told = gateway("export", "dialect", "--dialect", "canvas", "--config", "gateway.yaml")[1]
    assert told.startswith("# Tables of dialect canvas\n")
