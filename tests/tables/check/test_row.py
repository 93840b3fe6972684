# ruff: noqa: E501 (tests as data: what is said stands unbroken beside what is wrong)
"""What is said of single rows, word for word, at the cell that brought the fault about."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.files.marked import Faults
from gateway.tables.codecs import registry as codecs
from tests import clinic
from tests.layered import ANSWER, QUERY, faults

ONE = "the name of one search parameter (letters, digits, _ - . and :)"
CODECS = ", ".join(codecs.CODECS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # values that mean nothing
        (
            QUERY + "  - row: the schedule asked\n    codec: reference(Slott)",
            ['4:12: "Slott" is no resource type that can be referred to; did you mean "Slot"?'],
        ),
        (
            QUERY + "  - row: StartDateTime\n    codec: at-or-after(schedul, start)",
            ['4:12: no row of this table has the parameter "schedul"; did you mean "schedule"?'],
        ),
        (
            QUERY + "  - row: Visit.VisitPreference.Day\n    filter: duration",
            [
                '4:13: "filter: duration" is for Visit.VisitPreference.Duration alone; write "filter: day" here'
            ],
        ),
        (
            QUERY + "  - row: Visit.Locations.Room\n    filter: day",
            [
                '4:13: "filter: day" is for Visit.VisitPreference.Day alone; the filters are: duration, day, time'
            ],
        ),
        (
            QUERY + "  - row: Visit.VisitPreference.Day\n    way: both",
            [
                '4:10: FHIR has no search by day; this row can only go one way: write "way: to-fhir" and "because"'
            ],
        ),
        (
            QUERY + "  - row: Visit.VisitPreference.Time\n    param: time",
            [
                '4:12: no parameter is sent for a time, the gateway itself sees to it; write "filter: time" in place of it, or "way: to-redox" and "because"'
            ],
        ),
        (
            QUERY + "  - row: Visit.VisitPreference.Day\n    codec: text",
            ['4:12: "Visit.VisitPreference.Day" can only have the codec weekday'],
        ),
        (
            QUERY + "  - {key: a, param: slot duration, value: x}\n  - {key: b, param: a&b=c, value: x}",
            [
                f'3:21: "param" cannot be "slot duration"; write {ONE}',
                f'4:21: "param" cannot be "a&b=c"; write {ONE}',
            ],
        ),
        (
            QUERY + "  - row: Visit.VisitPreference.Day\n    filter:",
            ['4:12: "filter" has no value; write one of: duration, day, time'],
        ),
        (
            QUERY + "  - row: EndDateTime\n    fhir: Slot.end",
            [
                '4:11: this table has no FHIR elements; its other side is a search: write "param"',
                "4:11: with this the row has 2 other sides (fhir, param); keep one; to do so, drop the row and add it anew",
            ],
        ),
        # told where the layer changed something, with what to write
        (
            ANSWER + "  - row: Provider.FirstName\n    codec: words",
            [
                '4:12: "Provider.FirstName" holds text, but the codec "words" has a list on this side',
            ],
        ),
        (
            ANSWER + "  - row: Notes\n    codec: text",
            [
                '4:12: "Notes" holds a list, but the codec "text" has text on this side; write codec: lines, or codec: words'
            ],
        ),
        (
            ANSWER + "  - row: Location.Room\n    directory: email",
            [
                '4:16: "email" is not a column of the directory; to make it one, write "- directory: email" in a layer over the table directory'
            ],
        ),
        (
            ANSWER + "  - row: Reason\n    codec: foo",
            [f'4:12: there is no codec "foo"; write one of: {CODECS}'],
        ),
        (
            ANSWER + "  - row: Reason\n    fhir: Slot.schedule.xyz",
            [
                '4:11: Slot.schedule has no field "xyz"; write one of: extension, id, display, identifier, reference, type'
            ],
        ),
        (
            ANSWER + "  - row: ID\n    with: DateTime",
            [
                '4:11: the codec "slot-id" takes exactly 3 in "with", not 1; these are: schedule, start, minutes',
            ],
        ),
    ],
)
def test_what_is_said_of_a_row(tmp_path: Path, text: str, said: list[str]) -> None:
    assert faults(tmp_path, {"x.yaml": text}) == [f"x.yaml:{each}" for each in said]


def test_a_row_with_a_fault_of_its_own_hides_no_other_and_brings_no_false_one(tmp_path: Path) -> None:
    text = (
        ANSWER + "  - row: Duration\n    way: sideways\n  - row: DateTime\n    fhir: Slot..start\n"
        "  - row: Reason\n    example: {fhir: a, redox: b}\n  - row: Notes\n    fhir: Slot.coment\n"
        "  - row: Locatio.Room\n    note: x\n"
    )
    assert [each.partition(": ")[0] for each in faults(tmp_path, {"x.yaml": text})] == [
        "x.yaml:4:10",
        "x.yaml:6:16",
        "x.yaml:8:14",
        "x.yaml:10:11",
        "x.yaml:11:10",
    ]


def test_the_tables_are_looked_at_as_those_of_the_dialect_that_was_meant(tmp_path: Path) -> None:
    found = faults(tmp_path, {"x.yaml": ANSWER + "  - row: Notes\n    fhir: Slot.coment"}, "canvass")
    assert 'there is no dialect "canvass"; did you mean "canvas"?' in found[0]
    assert found[1:] == ['x.yaml:4:11: Slot has no field "coment"; did you mean "comment" or "meta"?']


def test_a_word_that_means_no_day_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "codes").mkdir()
    line = "redox_code,redox_system,fhir_code,fhir_system,way,note\nSchooldays,,Mon-Fri,,to-fhir,\n"
    (tmp_path / "codes" / "preferred-days.csv").write_text(line)
    with pytest.raises(Faults) as caught:
        clinic.tables(tmp_path)
    (fault,) = caught.value.faults
    assert str(fault).endswith(
        'codes/preferred-days.csv:2:1: the line of "Schooldays": "Mon-Fri" is not a day of the week; '
        'write it as "Tuesday" or "Tue"'
    )
