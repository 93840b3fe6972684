"""Examples are run: those of rows that search, choose schedules and filter, as well as those of fields."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.layered import DIRECTORY, QUERY, faults, put

CODES = "redox_code,redox_system,fhir_code,fhir_system,way,note\nJSC,,Juniper,,,\n"
ID = QUERY + "  - row: Visit.AttendingProviders.ID\n    example: "
FACILITY = QUERY + "  - row: Meta.FacilityCode\n    example: "
MENDED = 'mend the example or the codec, or say in "loses" what is lost'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (QUERY + "  - row: Visit.Locations.Room\n    example: {redox: a, select: a}", None),
        (
            QUERY + "  - row: Visit.Locations.Room\n    example: {redox: a, select: b}",
            f'4:14: "b" becomes "b" on the way to redox, not "a"; {MENDED}',
        ),
        (FACILITY + "{redox: JSC, select: Juniper}", None),
        (FACILITY + "{redox: Elsewhere, select: Elsewhere}", None),
        (
            FACILITY + "{redox: JSC, select: Elsewhere}",
            f'4:14: "JSC" becomes "Juniper" on the way to fhir, not "Elsewhere"; {MENDED}',
        ),
        (ID + '{redox: "1", with: NPI, select: "1"}', None),
        (ID + '{redox: "1", select: "1"}', None),
        (
            ID + '{redox: "1", with: NPI, select: "2"}',
            f'4:14: "1" becomes "1" on the way to fhir, not "2"; {MENDED}',
        ),
        (
            ID + '{redox: "1", with: NPP, select: "1"}',
            '4:14: this example fails on the way to fhir: "NPP" is not in the code table provider-id-types',
        ),
        (
            QUERY + "  - row: Visit.VisitPreference.Day\n    example: {redox: Tue, filter: Monday}",
            f'4:14: "Tue" becomes "Tuesday" on the way to fhir, not "Monday"; {MENDED}',
        ),
        (
            QUERY + "  - row: Visit.VisitPreference.Day\n    example: {redox: Tue, param: Tuesday}",
            '4:14: this row has no "param"; an example of it has redox and filter',
        ),
        (
            QUERY + "  - row: Visit.VisitPreference.Time\n    example: {redox: noonish, filter: '12:00'}",
            '4:14: this example fails on the way to fhir: "noonish" is not a time of day',
        ),
    ],
)
def test_an_example_of_a_query_is_run(tmp_path: Path, text: str, said: str | None) -> None:
    found = faults(tmp_path, {"x.yaml": text, "codes/facilities.csv": CODES}, "fhir-r4")
    assert [each.partition("; write")[0] for each in found] == ([f"x.yaml:{said}"] if said else [])


@pytest.mark.parametrize("folder", ["codes", "sites/clinic/codes", "canvas/codes"])
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("identifier-systems", "NPI,,urn:my:npi,,,"),
        ("provider-id-types", "NPI,,practitioner,,,"),
        ("preferred-days", "Tues,,Monday,,to-fhir,"),
        ("preferred-days", "Tuesday,,Monday,,to-fhir,"),
        ("preferred-times", "1000,,22:00,,,"),
    ],
)
def test_a_clinics_own_line_of_codes_makes_no_shipped_example_wrong(
    tmp_path: Path, folder: str, name: str, line: str
) -> None:
    put(tmp_path, {f"{folder}/{name}.csv": CODES.partition("\n")[0] + f"\n{line}\n"})
    assert faults(tmp_path, {}) == []


def test_a_clinics_own_example_is_run_by_its_own_codes(tmp_path: Path) -> None:
    codes = CODES.partition("\n")[0] + "\nNPI,,urn:my:npi,,,\n"
    row = DIRECTORY + "  - row: provider_id_type written to FHIR\n    example: "
    held = {"codes/identifier-systems.csv": codes, "x.yaml": row + "{directory: NPI, fhir: urn:my:npi}"}
    assert faults(tmp_path / "own", held) == []
    wrong = {**held, "x.yaml": row + "{directory: NPI, fhir: urn:your:npi}"}
    (found,) = faults(tmp_path / "shipped", wrong)
    assert found.startswith('x.yaml:4:14: "NPI" becomes "urn:my:npi" on the way to fhir')


def test_an_example_below_a_new_codec_is_run_by_the_codes_of_that_codec(tmp_path: Path) -> None:
    """It is the codec that the example does not fit, whatever lines stand over those it would find."""
    put(tmp_path, {"canvas/codes/days.csv": CODES.replace("JSC", "Tues").replace("Juniper", "Monday")})
    text = QUERY + "  - row: Visit.VisitPreference.Day\n    codec: weekday(days)"
    found = faults(tmp_path, {"x.yaml": text})
    assert found and all(each.startswith("x.yaml:4:12: with this the example at ") for each in found)
