"""Code tables and schedules from CSV, as spreadsheets write them and as people get them wrong."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.files.characters import HIDDEN
from gateway.files.marked import Fault
from gateway.tables.read import code_tables as codes
from gateway.tables.read.layers import Source
from gateway.tables.read.spreadsheets import damage
from gateway.tables.rows.model import CodeTable

COLUMNS = "redox_code, redox_system, fhir_code, fhir_system, way, note"
HEAD = "redox_code,redox_system,fhir_code,fhir_system,way,note\n"


def table(*texts: str | bytes) -> tuple[CodeTable, list[str]]:
    """The table of a base file and of layers over it, and the faults."""
    faults: list[Fault] = []
    sources = [
        Source(f"{layer}.csv", layer, "types", text.encode() if isinstance(text, str) else text)
        for layer, text in zip(("base", "site"), texts, strict=False)
    ]
    made = codes.code_tables(sources, faults)
    return made["types"], [str(fault) for fault in faults]


def taken(line: int, code: str, way: str) -> str:
    """What is said of a code that the second line has already answered."""
    said = f'base.csv:{line}:1: "{code}" already has an answer, at line 2; '
    return said + f'write "{way}" under "way" in one of the two, or delete one'


def schedules(*texts: str) -> tuple[tuple[dict[str, str], ...], list[str]]:
    faults: list[Fault] = []
    sources = [Source(f"{n}.csv", "site", "schedules", text.encode()) for n, text in enumerate(texts)]
    return codes.schedules(sources, ["phone"], faults), [str(fault) for fault in faults]


@pytest.mark.parametrize(
    "text",
    [
        "redox_code,fhir_code\n210,OV\n",
        "\ufeffredox_code,fhir_code\r\n210,OV\r\n",
        "redox_code;fhir_code\n210;OV",
        'redox_code,fhir_code,note\n"210","OV","a, ""b""\nc"\n',
        " redox_code , fhir_code \n 210 , OV \n",
        "fhir_code,note,redox_code\nOV,,210\n\n , ,\n",
        "redox_code,fhir_code,note\n210,OV\n",
    ],
)
def test_what_spreadsheets_write_is_read(text: str) -> None:
    made, faults = table(text)
    assert faults == []
    assert made.forward("210", "") == ("OV", "")
    assert made.backward("ov ", "") == ("210", "")
    assert (made.known, made.known_to_fhir) == (("210",), ("OV",))


def test_systems_tell_codes_apart_and_an_empty_one_fits_any() -> None:
    made, faults = table(HEAD + "1,A,x,urn:s,,\n1,B,y,urn:s,,\n2,,z,,,\n")
    assert faults == []
    assert made.forward("1", "a") == ("x", "urn:s")
    assert made.forward("1", "B") == ("y", "urn:s")
    assert made.forward("1", "C") is None
    assert made.forward("2", "anything") == ("z", "")
    assert made.backward("X", "URN:S") == ("1", "A")
    assert made.backward("x", "") is None


def test_a_one_way_line_serves_one_way() -> None:
    made, faults = table(HEAD + "1,,x,,,\n2,,x,,to-fhir,\n3,,y,,to-redox,\n")
    assert faults == []
    assert made.forward("2", "") == ("x", "")
    assert made.backward("x", "") == ("1", "")
    assert made.forward("3", "") is None
    assert made.backward("y", "") == ("3", "")


def test_a_line_of_a_higher_layer_replaces_the_lower_one_both_ways() -> None:
    made, faults = table(HEAD + "1,,x,,,\n2,,y,,,\n", HEAD + "1,,z,,,\n")
    assert faults == []
    assert made.forward("1", "") == ("z", "")
    assert made.backward("z", "") == ("1", "")
    assert made.backward("x", "") is None
    assert made.forward("2", "") == ("y", "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "redox_code,fhir_code\n1,x\n1,y\n",
            [taken(3, "1", "to-redox")],
        ),
        (
            "redox_code,fhir_code\n1,x\n2,X\n",
            [taken(3, "X", "to-fhir")],
        ),
        (
            "redox_code,fhir_code\n1,x\n1,x\n",
            [
                taken(3, "1", "to-redox"),
                taken(3, "x", "to-fhir"),
            ],
        ),
        (
            "redox_code,fhir_code,way\n1,x,back\n",
            ['base.csv:2:1: "back" is not a way; write to-redox, to-fhir or leave it empty'],
        ),
        (
            "redox_code,fhir_code\n1,\n,x\n",
            [
                "base.csv:2:1: needs both a redox_code and a fhir_code",
                "base.csv:3:1: needs both a redox_code and a fhir_code",
            ],
        ),
        (
            "redox_code,fhir_code\n1,x,y,z\n2,x,y\n",
            [
                "base.csv:2:1: has 4 cells, the header has 2 columns; quote a cell with a comma",
                "base.csv:3:1: has 3 cells, the header has 2 columns; quote a cell with a comma",
            ],
        ),
        (
            "redox_code,fhir_cod\n",
            [
                'base.csv:1:1: "fhir_cod" is not a column of this file; did you mean "fhir_code"?',
                'base.csv:1:1: the column "fhir_code" is missing',
            ],
        ),
        ("redox_code,fhir_code,note,note\n", ['base.csv:1:1: the column "note" stands twice']),
        (
            "",
            [f"base.csv:1:1: is empty; the first line must name the columns: {COLUMNS}"],
        ),
        (
            'redox_code,fhir_code,note\n1,x,"a\nb"\n2,y,"open\n',
            ["base.csv:4:1: is not CSV: unexpected end of data"],
        ),
        (
            'redox_code,fhir_code,note\n1,x,"a\nb"\n1,y,\n',
            [taken(4, "1", "to-redox")],
        ),
        (b"redox_code,fhir_code\n\xe9,x\n", ["base.csv:2:1: is not UTF-8; save it as CSV UTF-8"]),
        ("210,OV\n211,XX\n", [f"base.csv:1:1: the first line must name the columns: {COLUMNS}"]),
        (
            "redox_code\tfhir_code\n210\tOV\n",
            ["base.csv:1:1: is separated by tabs; save it with commas (as CSV UTF-8)"],
        ),
        (
            "redox_code,fhir_code,note\n3.08335E+08,x,1.5E+08\ny,4E+9,\n",
            [
                'base.csv:2:1: "3.08335E+08" in "redox_code" looks like a number that a spreadsheet '
                "shortened; write it out, as text",
                'base.csv:3:1: "4E+9" in "fhir_code" looks like a number that a spreadsheet '
                "shortened; write it out, as text",
            ],
        ),
        (
            "redox_code,fhir_code,note\n1,OV,\n2,O\u202eV,z\x1b[0m\n",
            [
                "base.csv:3:4: a character that cannot be seen (U+202E); remove it",
                "base.csv:3:8: a character that cannot be seen (U+001B); remove it",
            ],
        ),
        (
            "redox_code,fhir_code,note\n1,OV,a,b\n2,O\u202eV,z\n",
            [
                "base.csv:2:1: has 4 cells, the header has 3 columns; quote a cell with a comma",
                "base.csv:3:4: a character that cannot be seen (U+202E); remove it",
            ],
        ),
        (
            "redox_code,fhir_code,note\r1,OV,\r2,O\u202eV,z\r",
            ["base.csv:3:4: a character that cannot be seen (U+202E); remove it"],
        ),
        (
            'redox_code,fhir_code,note\n1,"x\ny","two\nlines"\n',
            ['base.csv:2:1: "fhir_code" has a line break in it; write it on one line'],
        ),
    ],
)
def test_each_fault_of_a_code_table(text: str | bytes, found: list[str]) -> None:
    assert table(text)[1] == found


cells = st.text(st.characters(exclude_characters="\t\r\n\0", exclude_categories=["Cs"]), max_size=8).filter(
    lambda text: (
        not HIDDEN.search(text)
        and not text.lstrip().startswith("=")
        and damage(text.strip(), code=True) is None
    )
)


@given(st.lists(st.tuples(cells, cells), max_size=6), st.sampled_from(",;"), st.booleans())
def test_whatever_a_csv_writer_writes_is_read_back(
    lines: list[tuple[str, str]], delimiter: str, bom: bool
) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(["redox_code", "fhir_code"])
    writer.writerows(lines)
    faults: list[Fault] = []
    content = stream.getvalue().encode("utf-8-sig" if bom else "utf-8")
    found = codes.rows(Source("x.csv", "base", "x", content), codes.CODE_COLUMNS, (), faults)
    wanted = [(one.strip(), two.strip()) for one, two in lines if one.strip() or two.strip()]
    assert [(line["redox_code"], line["fhir_code"]) for _, line in found] == wanted
    assert faults == []


def test_schedules_are_read_with_the_columns_of_the_directory() -> None:
    lines, faults = schedules("schedule,room,phone\nSchedule/a,1,555\nb,,\n")
    assert faults == []
    assert lines == (
        {"schedule": "a", "room": "1", "phone": "555"},
        {"schedule": "b", "room": "", "phone": ""},
    )


def test_the_topmost_schedules_file_is_the_one() -> None:
    assert schedules("schedule\na\n", "schedule\nb\n") == (({"schedule": "b"},), [])
    assert schedules() == ((), [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("room\n1\n", ['0.csv:1:1: the column "schedule" is missing']),
        ("schedule,rooom\na,1\n", ['0.csv:1:1: "rooom" is not a column of this file; did you mean "room"?']),
        ("schedule,room\n,1\n", ['0.csv:2:1: the cell "schedule" is empty']),
        (
            "schedule,timezone\na,America/Los_Angelos\n",
            ['0.csv:2:1: "America/Los_Angelos" is not a time zone; did you mean "America/Los_Angeles"?'],
        ),
        ("schedule,timezone\na,PST\n", ['0.csv:2:1: "PST" is not a time zone; write America/Los_Angeles']),
        ("schedule\na\nSchedule/a\n", ['0.csv:3:1: schedule "a" stands twice; the first is at line 2']),
    ],
)
def test_each_fault_of_schedules(text: str, found: list[str]) -> None:
    assert schedules(text)[1] == found


def test_a_type_of_id_must_be_one_that_a_query_is_understood_by() -> None:
    types, _ = table("redox_code,fhir_code\nNPI,provider_id\nEHRID,practitioner\n")
    text = "schedule,provider_id,provider_id_type\na,1,NPX\nb,,npi\nc,2,NPI\nd,3,\n"
    source = Source("s.csv", "site", "schedules", text.encode())
    unknown = 's.csv:2:1: the provider_id_type "NPX" has no line in codes/types.csv; did you mean "NPI"?'
    unfilled = 's.csv:3:1: has the provider_id_type "npi", but no provider_id; fill both or neither'
    for of_ehr, alone, found in (
        (True, False, [unknown]),
        (True, True, [unknown, unfilled]),
        (False, True, [unfilled]),
        (False, False, []),
    ):
        faults: list[Fault] = []
        codes.schedules([source], [], faults, of_ehr=of_ehr, alone=alone, types=types)
        assert [str(fault) for fault in faults] == found
