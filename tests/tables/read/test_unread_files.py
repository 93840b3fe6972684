"""What stands in the clinic's folder and nobody reads, and what a site lacks that is to be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.shipped import folder as shipped
from gateway.tables.build import Tables, Wanted
from tests.layered import ANSWER, put

NORTH = Wanted("north", "canvas", "UTC")


def unread(folder: Path, files: dict[str, str]) -> list[str]:
    put(folder, files)
    tables = Tables(folder)
    found = tables.unread([NORTH], [tables.build(NORTH)])
    return [str(fault).replace(f"{folder}/", "").replace(str(folder), "mappings") for fault in found]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sites/nroth/x.yaml", 'sites/nroth:1:1: no site has this id; did you mean "north"?'),
        (
            "canvsa/e.yaml",
            'canvsa:1:1: no site has this dialect; did you mean "canvas"? '
            "(a dialect of your own has a dialect.yaml)",
        ),
        (
            "top.yaml",
            "top.yaml:1:1: is not read; "
            "field tables stand in base/, in a dialect's folder or in sites/<site>/",
        ),
        ("sites/x.csv", "sites/x.csv:1:1: is not read; a site's files stand in sites/<site>/"),
        (
            "sites/north/sub/e.yaml",
            "sites/north/sub:1:1: is not read; the files of this level stand in sites/north itself",
        ),
        ("codes/old/x.csv", "codes/old:1:1: is not read; code tables stand in codes itself"),
        (
            "codes/visit-type.csv",
            'codes/visit-type.csv:1:1: no row uses this code table; did you mean "visit-types"?',
        ),
        (
            "sites/north/schedules.xlsx",
            "sites/north/schedules.xlsx:1:1: is not read; save it as CSV UTF-8 (.csv)",
        ),
        ("codes/facilities.tsv", "codes/facilities.tsv:1:1: is not read; save it as CSV UTF-8 (.csv)"),
        (
            "sites/north/schedules.csv.bak",
            "sites/north/schedules.csv.bak:1:1: is not read; tables are .yaml files, and .csv files",
        ),
        ("base/query", "base/query:1:1: is not read; tables are .yaml files, and .csv files"),
        ("canvas/X.YAML", "canvas/X.YAML:1:1: is not read; name it .yaml, in small letters"),
        (
            "rows.json",
            "rows.json:1:1: is not read; "
            "field tables stand in base/, in a dialect's folder or in sites/<site>/",
        ),
        (
            "sites/north/codes/x.yaml",
            "sites/north/codes/x.yaml:1:1: is not read; a code table is a .csv, "
            "field tables stand one folder higher",
        ),
    ],
)
def test_what_nobody_reads_is_told(tmp_path: Path, name: str, said: str) -> None:
    content = "redox_code,fhir_code\n" if name.endswith(".csv") else ANSWER + "  []\n"
    assert unread(tmp_path, {name: content}) == [said]


def test_what_may_stand_there(tmp_path: Path) -> None:
    files = {
        "README.md": "x",
        ".git/x.yaml": "x",
        "sites/demo/schedules.csv": "schedule\n",
        "sites/north/notes.md": "x",
        "sites/north/~$schedules.xlsx": "x",
        "canvas/README.txt": "x",
        "sites/north/schedules.csv": "schedule\n",
        "sites/north/codes/visit-types.csv": "redox_code,fhir_code\n",
        "acme/dialect.yaml": "dialect: {together: []}",
        "fhir-r4/x.yaml": ANSWER + "  - {row: Reason, note: x}",
        "base/codes/facilities.csv": "redox_code,fhir_code\n",
    }
    assert unread(tmp_path, files) == []


def test_the_shipped_folder_itself_has_no_strays() -> None:
    tables = Tables(shipped("mappings"))
    assert tables.unread([NORTH], [tables.build(NORTH)]) == []


@pytest.mark.parametrize(
    ("dialect", "csv", "said"),
    [
        ("canvas", None, None),
        (
            "redox",
            None,
            'the dialect "redox" lists schedules in schedules.csv; there is none, or no line in it',
        ),
        ("redox", "schedule\na\n", None),
        (
            "oracle-millennium",
            "schedule\na\n",
            'the rows ask by "practitioner" or "location_id"; add that column',
        ),
        (
            "oracle-millennium",
            "schedule,practitioner\na,\nb,2\nc,\n",
            'the rows ask by "practitioner" or "location_id", which is empty for the schedules "a", "c"; '
            "fill it",
        ),
        ("oracle-millennium", "schedule,practitioner\nb,2\n", None),
    ],
)
def test_what_a_site_lacks_whose_schedules_are_listed(
    tmp_path: Path, dialect: str, csv: str | None, said: str | None
) -> None:
    if csv is not None:
        put(tmp_path, {"sites/north/schedules.csv": csv})
    tables = Tables(tmp_path)
    wanted = Wanted("north", dialect, "UTC")
    found = [str(fault) for fault in tables.remarks(wanted, tables.build(wanted))]
    assert found == ([] if said is None else [f"{tmp_path}/sites/north/schedules.csv:1:1: {said}"])
