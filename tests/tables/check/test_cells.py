# ruff: noqa: E501 (tests as data: what is said stands unbroken beside what is wrong)
"""What code tables and the schedule directory say of each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.files.marked import Faults
from gateway.tables.build import Tables, Wanted
from tests.layered import faults, put

HEAD = "redox_code,redox_system,fhir_code,fhir_system,way,note\n"
LINES = "schedule,facility,department,room,provider_id\na,Juniper,3N,007,0012\nb,Hospital,Ward 4,012,0013\n"
QUERY = (
    "over: available-slots.query\nrows:\n  - row: Visit.Locations.Department\n    codec: code(departments)\n"
)


def remarks(folder: Path, dialect: str = "redox", **files: str) -> list[str]:
    named = {f"sites/north/{name.replace('__', '/')}.csv": text for name, text in files.items()}
    put(folder, {"sites/north/schedules.csv": LINES, **named})
    tables = Tables(folder)
    wanted = Wanted("north", dialect, "UTC")
    return [
        str(each).replace(f"{folder}/sites/north/", "")
        for each in tables.remarks(wanted, tables.build(wanted))
    ]


SWAPPED = '"Juniper" in "redox_code" is a facility of the directory, "JSC" in "fhir_code" is none; are they swapped?'


@pytest.mark.parametrize("dialect", ["redox", "fhir-r4"])
def test_swapped_columns(tmp_path: Path, dialect: str) -> None:
    codes = HEAD + "Juniper,,JSC,,,\nH,,hospital,,,\n"
    assert remarks(tmp_path, dialect, codes__facilities=codes) == [f"codes/facilities.csv:2:1: {SWAPPED}"]


def test_codes_that_the_directory_does_not_have(tmp_path: Path) -> None:
    """Only where no EHR may know of others."""
    codes = HEAD + "J,,Juniper,,,\nX,,Junipar,,,\n"
    said = 'codes/facilities.csv:3:1: "Junipar" in "fhir_code" is no facility of the directory; did you mean "Juniper"?'
    assert remarks(tmp_path / "a", "redox", codes__facilities=codes) == [said]
    assert remarks(tmp_path / "b", "fhir-r4", codes__facilities=codes) == []


def test_zeros_that_a_spreadsheet_took_of_codes(tmp_path: Path) -> None:
    put(
        tmp_path,
        {"sites/north/query.yaml": QUERY.replace("Department", "Room").replace("departments", "rooms")},
    )
    assert remarks(tmp_path, "fhir-r4", codes__rooms=HEAD + "R7,,7,,,\nR12,,012,,,\n") == [
        'codes/rooms.csv:2:1: "7" in "fhir_code" is no room of the directory, but "007" is; '
        "has a spreadsheet taken its zeros?"
    ]


def test_zeros_that_a_spreadsheet_took_of_cells(tmp_path: Path) -> None:
    lines = "schedule,room\na,007\nb,012\nc,9\nd,1\n"
    assert remarks(tmp_path, schedules=lines) == [
        'schedules.csv:4:1: "9" in "room" (and 1 more) is shorter than those with zeros in front; is it "009"? '
        "Let the spreadsheet treat that column as text"
    ]


def test_systems_on_the_wrong_side(tmp_path: Path) -> None:
    codes = (
        HEAD
        + "210,http://snomed.info/sct,308335008,DNER15,,\n211,DNER15,308335009,http://snomed.info/sct,,\n"
    )
    (found,) = remarks(tmp_path, **{"codes__visit-types": codes})
    assert found.startswith('codes/visit-types.csv:2:1: "http://snomed.info/sct" in "redox_system" is a URI')
    assert found.endswith("are they swapped?")


def test_a_few_of_many_are_told(tmp_path: Path) -> None:
    codes = HEAD + "".join(f"c{number},,place {number},,,\n" for number in range(50))
    assert len(remarks(tmp_path, codes__facilities=codes)) == 5


def test_an_id_type_must_lead_to_a_column(tmp_path: Path) -> None:
    name = "codes/provider-id-types.csv"
    found = faults(tmp_path, {name: HEAD + "NPI,,provider_id,,,\nEHRID,,practitoner,,,\nroom,,MRN,,,\n"})
    said = 'IDs of the type "{}" are looked for in "{}", which is no column of the directory; {}'
    assert found == [
        f"{name}:3:1: " + said.format("EHRID", "practitoner", 'did you mean "practitioner"?'),
        f"{name}:4:1: " + said.format("room", "MRN", "are the two swapped?"),
    ]


def test_a_clinics_own_line_stands_over_the_shipped_one(tmp_path: Path) -> None:
    """Also in the folder of codes that is nobody's own level."""
    own = HEAD + "Morning,,07:00 to 11:00,,to-fhir,\nDawn,,05:00 to 07:00,,to-fhir,\n"
    put(tmp_path, {"codes/preferred-times.csv": own})
    made = Tables(tmp_path).build(Wanted("north", "canvas", "UTC"))
    table = made.context.codes["preferred-times"]
    assert table.forward("morning", "") == ("07:00 to 11:00", "")
    assert table.forward("Dawn", "") == ("05:00 to 07:00", "")
    assert table.forward("Noon", "") == ("12:00", "")
    put(tmp_path, {"codes/preferred-times.csv": own + "morning,,09:00,,to-fhir,\n"})
    with pytest.raises(Faults, match='"morning" already has an answer, at line 2'):
        Tables(tmp_path).build(Wanted("north", "canvas", "UTC"))


def test_what_another_code_becomes_stays_when_a_line_is_replaced(tmp_path: Path) -> None:
    put(tmp_path, {"codes/facilities.csv": HEAD + "1,,x,,,\n2,,x,,to-fhir,\n"})
    put(tmp_path, {"sites/north/codes/facilities.csv": HEAD + "2,,z,,,\n"})
    table = Tables(tmp_path).build(Wanted("north", "canvas", "UTC")).context.codes["facilities"]
    assert (table.backward("x", ""), table.backward("z", "")) == (("1", ""), ("2", ""))
