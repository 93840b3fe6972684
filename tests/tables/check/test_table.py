# ruff: noqa: E501 (tests as data: what is said stands unbroken beside what is wrong)
"""What is said of rows against each other, and of what a layer leaves without a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.layered import ANSWER, QUERY, faults

DURATION = "Visit.VisitPreference.Duration"
BASE_QUERY, CANVAS_QUERY = "base/available-slots.query.yaml", "canvas/available-slots.query.yaml"
BASE_ANSWER = "base/available-slots.answer.yaml"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        # the same row, twice in one layer
        (
            {"x.yaml": QUERY + f"  - {{row: {DURATION}, param: b}}\n  - {{row: {DURATION}, param: c}}"},
            [f'x.yaml:4:5: row "{DURATION}" is changed already at line 3; join the two'],
        ),
        (
            {
                "a.yaml": QUERY + f"  - {{row: {DURATION}, param: b}}",
                "z.yaml": QUERY + f"  - {{row: {DURATION}, note: c}}",
            },
            [f'z.yaml:3:5: row "{DURATION}" is changed already at a.yaml:3; join the two'],
        ),
        (
            {
                "a.yaml": ANSWER + "  - {row: Notes, drop: true}\n  - {ignore: Notes, because: x}",
                "z.yaml": ANSWER + "  - {row: Notes, note: x}",
            },
            ['z.yaml:3:11: row "Notes" is dropped at a.yaml:3; delete one of the two'],
        ),
        (
            {"a.yaml": "table: other\nrows: []", "z.yaml": "table: other\nabout: x\nrows: []"},
            ['z.yaml:1:8: the table "other" is given already at a.yaml:1; delete one of them'],
        ),
        # one parameter, twice
        (
            {
                "x.yaml": QUERY
                + "  - {param: appointment-type, value: busy}\n  - {key: a, param: duration, value: 20}\n  - {param: _count, value: 5}"
            },
            [
                f'x.yaml:3:13: "appointment-type" is sent already, by the row "Visit.VisitType.Code" ({CANVAS_QUERY}); drop one, or give it another parameter',
                f'x.yaml:4:21: "duration" is sent already, by the row "{DURATION}" ({CANVAS_QUERY}); drop one, or give it another parameter',
                'x.yaml:5:13: "_count" is sent already, by "page_size" at base/dialect.yaml; drop one',
            ],
        ),
        # what nothing can be asked or answered without
        (
            {"x.yaml": QUERY + "  - {row: the schedule asked, drop: true}"},
            [
                'x.yaml:3:5: the row "the schedule asked" cannot be dropped: no schedule can be asked for without a row that has "directory" and "param"; change its cells instead'
            ],
        ),
        (
            {"x.yaml": QUERY + "  - {row: the schedule asked, way: to-redox, because: x}"},
            [
                'x.yaml:3:36: no schedule can be asked for without a row that has "directory" and "param" and goes to FHIR; add one'
            ],
        ),
        (
            {"x.yaml": QUERY + "  - {row: StartDateTime, drop: true}"},
            [
                'x.yaml:3:5: the row "StartDateTime" cannot be dropped; nothing can be answered without it',
            ],
        ),
        # fields without a row
        (
            {"x.yaml": ANSWER + "  - {row: Notes, drop: true}"},
            [
                'x.yaml:3:5: with this row dropped nothing carries "Notes"; add "- ignore: Notes" with "because:"'
            ],
        ),
        (
            {
                "x.yaml": ANSWER
                + "  - row: ignore Provider.EmailAddresses\n    ignore: Provider.Address.County"
            },
            [
                'x.yaml:4:13: with this change no row carries or ignores "Provider.EmailAddresses" any more; add a row for it, or "- ignore: Provider.EmailAddresses" with "because:"'
            ],
        ),
        # fields both carried and ignored
        (
            {"x.yaml": ANSWER + "  - {ignore: Location.Room, because: x}"},
            [
                f'x.yaml:3:14: "Location.Room" is carried by the row "Location.Room" ({BASE_ANSWER}); drop that row, or do not ignore it here'
            ],
        ),
        (
            {"x.yaml": ANSWER + "  - {redox: Provider.EmailAddresses, directory: phone, codec: words}"},
            [
                f'x.yaml:3:13: "Provider.EmailAddresses" is carried by this row, but ignored by the row "ignore Provider.EmailAddresses" ({BASE_ANSWER}); add "- row: ignore Provider.EmailAddresses" with "ignore: [Provider.Address.County]"'
            ],
        ),
        (
            {"x.yaml": ANSWER + "  - {redox: Provider.Location.Room, directory: room}"},
            [
                f'x.yaml:3:13: "Provider.Location.Room" is carried by this row, but ignored by the row "ignore Provider.Location" ({BASE_ANSWER}); add "- row: ignore Provider.Location" with "drop: true"'
            ],
        ),
        # examples
        (
            {"x.yaml": ANSWER + "  - {row: ID, example: {fhir: a, redox: a}}"},
            [
                'x.yaml:3:24: "with" of this example has 0 values; write one for each of: directory.schedule, DateTime, Duration'
            ],
        ),
        (
            {
                "x.yaml": ANSWER
                + "  - {row: Provider.Credentials, example: {directory: MD PhD, redox: [MD, DO]}}\n  - {row: Notes, example: {fhir: a, redox: a}}"
            },
            [
                'x.yaml:3:42: "MD PhD" becomes "[MD, PhD]" on the way to redox, not "[MD, DO]"; mend the example or the codec, or say in "loses" what is lost',
                'x.yaml:4:27: "redox" of this example must be a list, such as [a, b]: so the codec "lines" has it',
            ],
        ),
        # parameters that are to go together
        (
            {"dialect.yaml": "dialect:\n  together: [scheduel, -location, service-type]"},
            ['dialect.yaml:2:14: no row sends the parameter "scheduel"; did you mean "schedule"?'],
        ),
        # what a slot tells of its line
        (
            {
                "dialect.yaml": "dialect:\n  slots:\n    - {column: rooms, reference: [Slot.schedule, Schedule.actor], of: Location}"
            },
            ['dialect.yaml:2:3: slots: "rooms" is not a column of the directory'],
        ),
        (
            {
                "dialect.yaml": "dialect:\n  slots:\n    - {column: room, reference: [Schedule.actor, Slot.start], of: Location}"
            },
            [
                'dialect.yaml:2:3: slots: "Schedule.actor" must begin with Slot.',
                'dialect.yaml:2:3: slots: "Slot.start" must begin with Schedule. or PractitionerRole. or HealthcareService. or Location.',
            ],
        ),
        (
            {"dialect.yaml": "dialect:\n  slots:\n    - {column: room, value: Slot.schedule}"},
            ['dialect.yaml:2:3: slots: "Slot.schedule" is not an element of Slot that holds text'],
        ),
        (
            {"dialect.yaml": "dialect:\n  joins: {Location: {reference: Slot.schedule.reference}}"},
            ['dialect.yaml:2:11: the join of Location: "Slot.schedule" must begin with Schedule.'],
        ),
        (
            {"dialect.yaml": "dialect:\n  joins: {Location: {reference: Schedule.comment}}"},
            [
                'dialect.yaml:2:11: the join of Location: "Schedule.comment" is not an element of Schedule that is a reference'
            ],
        ),
    ],
)
def test_what_is_said_of_a_layer(tmp_path: Path, files: dict[str, str], said: list[str]) -> None:
    assert faults(tmp_path, files) == said


def test_an_example_that_a_layer_overtook_is_told_at_the_layer(tmp_path: Path) -> None:
    row = QUERY + f"  - row: {DURATION}\n    param: slot-duration"
    assert faults(tmp_path, {"x.yaml": row}, "fhir-r4") == [
        f"x.yaml:4:12: with this the example at {BASE_QUERY} does not hold any more: "
        '"60" becomes "60" on the way to redox, not "1"; '
        'give the row an "example" of its own, and say in "loses" what does not come back'
    ]


def test_a_layer_of_the_clinics_over_the_shipped_dialect_may_change_what_that_changed(tmp_path: Path) -> None:
    change = QUERY + f"  - {{row: {DURATION}, param: slot-duration}}"
    assert faults(tmp_path, {"../../canvas/x.yaml": change, "x.yaml": change.replace("slot-", "my-")}) == []
