# ruff: noqa: E501 (tests as data: what is said stands unbroken beside what is wrong)
"""The lines of schedules.csv by what the rows of their site do with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.layered import QUERY, faults, put
from tests.tables.check.test_cells import remarks

APART = "slots of Redox's answer cannot be told apart; make one of the two, or fill what differs"


@pytest.mark.parametrize("dialect", ["redox", "fhir-r4"])
def test_an_id_that_stands_among_the_types(tmp_path: Path, dialect: str) -> None:
    lines = "schedule,provider_id,provider_id_type,room\na,npi,,1\nb,4356789876,NPI,2\n"
    assert remarks(tmp_path, dialect, schedules=lines) == [
        'schedules.csv:2:1: "npi" in "provider_id" is a type of IDs; are they swapped?'
    ]


def test_swapped_columns_of_ids(tmp_path: Path) -> None:
    lines = "schedule,provider_id,provider_id_type\na,NPI,4356789876\nb,MRN,77\nc,A-1,MRN\nd,NPI,A-2\n"
    assert remarks(tmp_path, schedules=lines) == [
        'schedules.csv:2:1: "NPI" in "provider_id" is a type of IDs, "4356789876" in "provider_id_type" is none; are they swapped?',
        'schedules.csv:3:1: "77" in "provider_id_type" is no type of IDs; are they swapped?',
        'schedules.csv:5:1: "NPI" in "provider_id" is a type of IDs, "A-2" in "provider_id_type" is none; are they swapped?',
    ]


def test_zones_that_are_hardly_meant(tmp_path: Path) -> None:
    lines = "schedule,room,timezone\na,1,Etc/GMT-6\nb,2,America/Chicago\nc,3,EST\nd,4,EST\ne,5,\n"
    told = remarks(tmp_path, "fhir-r4", schedules=lines)
    assert [each.partition(";")[0] for each in told] == [
        'schedules.csv:2:1: "Etc/GMT-6" in "timezone" is UTC+6 all year, east of Greenwich, and UTC-6 is Etc/GMT+6: its sign is reversed',
        'schedules.csv:4:1: "EST" in "timezone" is UTC-5 all year, without daylight saving time',
    ]


def test_schedules_of_one_provider_at_one_place(tmp_path: Path) -> None:
    """A name beside an ID makes no other provider, and what is not said of anyone is no likeness."""
    lines = (
        "schedule,provider_id,last_name,facility,room,phone\n"
        "a,1,Granite,Juniper,2,\nb,1,,juniper,2,555\nc,1,Granite,Juniper,3,\n"
        "d,,Slate,Juniper,2,\ne,,Slate,Juniper,2,\nf,,,Juniper,2,\n"
    )
    assert remarks(tmp_path / "redox", schedules=lines) == [
        f"schedules.csv:3:1: has the same provider and place as line 2: {APART}",
        f"schedules.csv:6:1: has the same provider and place as line 5: {APART}",
    ]
    assert remarks(tmp_path / "r4", "fhir-r4", schedules=lines) == []


def test_a_few_of_many_lines_are_told(tmp_path: Path) -> None:
    lines = "schedule,provider_id,provider_id_type\n" + "".join(f"{n},NPI,{n}\n" for n in range(50))
    assert len(remarks(tmp_path, schedules=lines)) == 5


DEPARTMENTS = "redox_code,redox_system,fhir_code,fhir_system,way,note\n3N,,Ward 3,,,\nX,,Ward X,,to-fhir,\n"
PLACES = "schedule,provider_id,department\na,1,Ward 3\nb,2,Ward 4\nc,3,Ward 4\nd,4,\ne,5,Ward X\n"
UNTOLD = 'schedules.csv:{}:1: "{}" in "department" is no "fhir_code" of codes/departments.csv, so that Redox {}; did you mean "Ward 3"?'


def coded(unmapped: str = "") -> dict[str, str]:
    row = "  - row: Visit.Locations.Department\n    codec: code(departments)\n"
    return {
        "codes/departments.csv": DEPARTMENTS,
        "schedules.csv": PLACES,
        "query.yaml": QUERY + row + (f"    unmapped: {unmapped}\n" if unmapped else ""),
    }


def test_a_cell_that_redox_cannot_be_told_is_a_fault(tmp_path: Path) -> None:
    told = "is not told it"
    found = [UNTOLD.format(3, "Ward 4", told), UNTOLD.format(6, "Ward X", told)]
    assert faults(tmp_path / "redox", coded(), "redox") == found
    assert faults(tmp_path / "r4", coded(), "fhir-r4") == []


@pytest.mark.parametrize(("unmapped", "told"), [("pass", "is told it as it is"), ("drop", "is not told it")])
def test_a_cell_of_a_row_that_says_what_then_is_remarked(tmp_path: Path, unmapped: str, told: str) -> None:
    put(tmp_path / "sites" / "north", coded(unmapped))
    lines = {"schedules": PLACES, "codes__departments": DEPARTMENTS}
    found = [each for each in remarks(tmp_path, **lines) if "fhir_code" in each]
    assert found[:1] == [UNTOLD.format(3, "Ward 4", told)]
    bare = {**lines, "codes__departments": DEPARTMENTS.partition("\n")[0]}
    assert remarks(tmp_path, **bare) == []


def test_a_cell_that_a_codec_cannot_read_is_a_fault(tmp_path: Path) -> None:
    row = "  - row: Visit.Locations.Room\n    codec: reference(Location)\n"
    files = {"query.yaml": QUERY + row, "schedules.csv": "schedule,provider_id,room\na,1,r1\nb,2,Room 2\n"}
    (found,) = faults(tmp_path, files, "redox")
    assert found.startswith(
        'schedules.csv:3:1: "Room 2" in "room" cannot be told to Redox by the row "Visit.Locations.Room": '
    )
