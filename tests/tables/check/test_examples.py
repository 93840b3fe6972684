"""Examples are run: those of rows that search, choose schedules and filter, as well as those of fields."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.layered import QUERY, faults

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
