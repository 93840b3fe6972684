# ruff: noqa: E501 (tests as data: what is said stands unbroken beside what is wrong)
"""Cells that a spreadsheet changed, and such as only look a little like it."""

from __future__ import annotations

import pytest

from gateway.files.marked import Fault
from gateway.tables.read import code_tables as codes
from gateway.tables.read.layers import Source
from gateway.tables.read.spreadsheets import damage, without_zeros


@pytest.mark.parametrize(
    "cell",
    [
        *("3.08E+08", "4,5E+12", "4356789876.0", "4356789876,00", "136.0"),
        *("03-Nov", "3-nov", "Nov-03", "11-Mar-25", "11-Mar-2025", "3. Okt", "11/3/2025", "1/2/25"),
        *("2025-11-03 00:00:00", "2025-11-03 00:00", "2025-11-03 00:00:00.000", "11/3/2025 0:00"),
        *("#N/A", "#REF!", "#NAME?", "#####"),
    ],
)
def test_what_a_spreadsheet_made(cell: str) -> None:
    assert damage(cell, code=False) is not None


@pytest.mark.parametrize(
    "cell",
    [
        *("308335008", "007", "3N", "1E50", "3-11", "3.5", "136.5", "", "Nov", "May", "March-Street", "#3"),
        *("TRUE", "FALSE", "=A1", "2025-11-03T00:00:00Z", "2025-11-03 to 2025-11-04"),
        *("2025-11-03", "1.0.0", "urn:oid:1.2.0", "a/b", "12:00", "08:00 to 12:00", "x" * 5000 + ".0"),
    ],
)
def test_what_may_stand_in_a_cell(cell: str) -> None:
    assert damage(cell, code=False) is None


def test_a_code_may_have_decimals() -> None:
    assert damage("250.0", code=True) is None
    assert damage("4356789876.0", code=True) is not None


def test_a_code_is_no_truth() -> None:
    assert damage("TRUE", code=True) is not None
    assert damage("FALSCH", code=True) is not None
    assert damage("true", code=True) is None
    assert damage("TRUEBLOOD", code=True) is None


def test_damaged_ids_are_faults_at_their_line() -> None:
    text = "schedule,provider_id,room,last_name\na,4356789876.0,03-Nov,O'Hara\nb,#N/A,3-11,Nov\n"
    faults: list[Fault] = []
    codes.schedules([Source("s.csv", "site", "schedules", text.encode())], [], faults)
    assert [str(fault) for fault in faults] == [
        's.csv:2:1: "4356789876.0" in "provider_id" looks like a number to which a spreadsheet added decimals; '
        "write it out, as text",
        's.csv:2:1: "03-Nov" in "room" looks like a date that a spreadsheet made of something else; '
        "write it out, as text",
        's.csv:3:1: "#N/A" in "provider_id" looks like an error that a spreadsheet shows; write it out, as text',
    ]


def test_zeros_that_are_gone() -> None:
    assert without_zeros(["0012", "0456", "789", "1234", "x1"]) == {"789": "0789"}
    assert without_zeros(["12", "345", "0", "x", ""]) == {}
    assert without_zeros(["007", "0012", "5"]) == {}


def test_damaged_codes_are_faults_at_their_line() -> None:
    lines = [
        *("2025-11-03 00:00:00,,a,", "b,,TRUE,", "=A1,,c,", 'd,,"  =1+1",', "'=A2,,e,", "f,=B2,g,"),
        *("h,,i,=note", "h2,,-5,", "=" + "9" * 5000 + ",,j,"),
    ]
    text = "redox_code,redox_system,fhir_code,note\n" + "\n".join(lines)
    faults: list[Fault] = []
    made = codes.code_tables([Source("c.csv", "site", "c", text.encode())], faults)["c"]
    assert [(each.line, each.text.partition(";")[0][:60]) for each in faults] == [
        (2, '"2025-11-03 00:00:00" in "redox_code" looks like a date that'),
        (3, '"TRUE" in "fhir_code" looks like what a spreadsheet makes of'),
        (4, '"=A1" in "redox_code" looks like a formula'),
        (5, '"=1+1" in "fhir_code" looks like a formula'),
        (7, '"=B2" in "redox_system" looks like a formula'),
        (10, '"=' + "9" * 58),
    ]
    assert made.forward("=A2", "") == ("e", "")
