# ruff: noqa: E501 (tests as data: what is said stands unbroken beside what is wrong)
"""Each thing that can be wrong with rows: a site's layer over the shipped tables, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from gateway.files.marked import Faults
from gateway.tables.build import Tables, Wanted


def faults(folder: Path, table: str, rows: str) -> list[str]:
    """The faults of a layer whose rows begin in line 3 and column 3."""
    path = folder / "sites" / "clinic" / "layer.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(f"over: {table}\nrows:\n{indent(rows.strip(), '  ')}\n", "utf-8")
    try:
        Tables(folder).build(Wanted("clinic", "canvas", "America/Los_Angeles"))
    except Faults as found:
        return [str(fault).rpartition("layer.yaml:")[2] for fault in found.faults]
    return []


DURATION = 'the codec "minutes-until" with "DateTime"; nothing can be answered without it'
ANSWER = [
    # paths
    (
        "- redox: Reasons\n  fhir: Slot.specialty.text",
        ['3:12: AvailableSlotsResponse has no field "Reasons"; did you mean "Reason"?'],
    ),
    (
        "- row: Reason\n  fhir: Slot.coment",
        ['4:11: Slot has no field "coment"; did you mean "comment" or "meta"?'],
    ),
    (
        "- row: Reason\n  fhir: Slot.schedule.referense",
        ['4:11: Slot.schedule has no field "referense"; did you mean "reference"?'],
    ),
    (
        "- row: Reason\n  fhir: Slot.identifier.where(sistem='x').value",
        ['4:11: Slot.identifier has no field "sistem"; did you mean "system"?'],
    ),
    (
        "- row: Reason\n  fhir: [Slot.specialty.text, Slott.id]",
        ['4:11: "Slott" is not a resource of this table; begin with one of: Slot'],
    ),
    ("- row: Reason\n  fhir: Slot", ["4:11: names a whole Slot; add the element"]),
    ("- row: Reason\n  fhir: Slot.period", ['4:11: Slot has no field "period"']),
    (
        "- row: Reason\n  fhir: Slot.schedule.identifier.period",
        ['4:11: "Slot.schedule.identifier.period" is not a plain value; name an element in it: '],
    ),
    (
        "- key: x\n  redox: Provider\n  fhir: Slot.specialty.text",
        ['4:12: "Provider" is an object; name a field in it: '],
    ),
    (
        "- redox: Location.Type\n  fhir: Slot.identifier[1].value\n- row: ignore Location.Type\n  drop: true\n- ignore: [Location.FacilityIdentifiers, Location.DepartmentIdentifiers]\n  because: x",
        [
            '4:11: "Slot.identifier[1].value" is written, but no row writes "Slot.identifier[0]" before it; use that one, or make this row one-way'
        ],
    ),
    # shape
    (
        "- row: Reason\n  way: to-redox",
        ['4:10: a one-way row needs "because": why it does not go back (to-redox)'],
    ),
    (
        "- ignore: Notes\n- row: Notes\n  drop: true",
        ['3:5: an ignore row needs "because": why these fields are not carried'],
    ),
    (
        "- key: x\n  note: y",
        ['3:5: this row relates nothing; give it "redox", "fhir", "param" or "directory"'],
    ),
    (
        "- key: x\n  redox: Location.Type",
        [
            '4:12: has no other side; add "fhir", "param", "select", "filter" or "directory", or ignore it',
            '4:12: "Location.Type" is carried by this row, but ignored by the row "ignore Location.Type" (',
        ],
    ),
    ("- row: Location.Room\n  fhir: Slot.specialty.text", ["has 2 other sides (fhir, directory); keep one"]),
    # codecs
    ("- row: Reason\n  codec: texts", ['4:12: there is no codec "texts"; did you mean "text"?']),
    ("- row: Reason\n  codec: text(en)", ['4:12: the codec "text" takes nothing in brackets; write text']),
    (
        "- row: Reason\n  codec: code",
        ['4:12: the codec "code" needs a code table in brackets; write code(visit-types)'],
    ),
    (
        "- row: Reason\n  codec: code(reasons)",
        ['4:12: there is no code table "reasons" (codes/reasons.csv); write one of: '],
    ),
    (
        "- row: Reason\n  codec: minutes-until",
        [
            '4:12: the codec "minutes-until" takes exactly 1 in "with", not 0; these are: the Redox start',
            '"Reason" holds text, but the codec "minutes-until" has a number on this side',
        ],
    ),
    ("- row: Reason\n  with: DateTime", ['4:11: the codec "text" takes no "with"; delete it']),
    # what fields hold
    (
        "- row: Reason\n  fhir: Slot.overbooked",
        ['4:11: "Slot.overbooked" holds true or false, but the codec "text" has text on this side'],
    ),
    ("- row: Notes\n  codec: text", ['"Notes" holds a list, but the codec "text" has text on this side']),
    ("- row: Reason\n  codec: lines", ['"Reason" holds text, but the codec "lines" has a list on this side']),
    (
        "- row: Reason\n  fhir: Slot.meta.profile",
        [
            '4:11: "Slot.meta.profile" holds a list, but the codec "text" has text on this side; narrow it to one item, such as with .first()'
        ],
    ),
    # companions
    (
        "- row: Duration\n  with: Start",
        ['4:11: "Start" is no row above this one; write one of: DateTime', DURATION],
    ),
    ("- row: Duration\n  with: Notes", ['4:11: "Notes" is no row above this one', DURATION]),
    (
        "- row: ID\n  with: [directory.shedule, DateTime, Duration]",
        ['4:11: "shedule" is not a column of the directory; did you mean "schedule"?'],
    ),
    # columns
    (
        "- row: Location.Room\n  directory: rooms",
        ['4:16: "rooms" is not a column of the directory; did you mean "room" or "room_alias"?'],
    ),
    (
        "- row: Location.Room\n  default: x",
        ['4:14: stands beside "redox" and "param" only: what a search says without that field'],
    ),
    # rows against each other
    (
        "- key: again\n  redox: Reason\n  fhir: Slot.comment\n  way: to-redox\n  because: x",
        ['4:12: "Reason" is already written by the row at '],
    ),
    (
        "- key: again\n  redox: Reason\n  fhir: Slot.comment\n  way: to-fhir\n  because: x",
        ['5:11: "Slot.comment" is already written by the row at '],
    ),
    ("- ignore: Reason\n  because: x", ['3:13: "Reason" is carried by the row "Reason" (']),
    (
        "- ignore: Reasn\n  because: x",
        ['3:13: "Reasn" is not a field of AvailableSlotsResponse; did you mean "Reason"?'],
    ),
    # what must be there
    (
        "- row: Reason\n  drop: true",
        ['3:5: with this row dropped nothing carries "Reason"; add "- ignore: Reason" with "because:"'],
    ),
    (
        '- row: DateTime\n  required: "false"',
        [
            'the row "DateTime" must stay "required: true", go both ways, have a "fhir" side and the codec "instant"'
        ],
    ),
    # examples
    (
        "- row: Reason\n  example: {fhir: Follow Up, redox: Followup}",
        [
            '4:14: "Follow Up" becomes "Follow Up" on the way to redox, not "Followup"; mend the example',
        ],
    ),
    (
        "- row: Reason\n  example: {fhir: Follow Up, zone: UTC}",
        ['4:14: an example needs two sides, such as {redox: "...", fhir: "..."}'],
    ),
    (
        '- row: DateTime\n  example: {fhir: "2023-09-21", redox: "2023-09-21T00:00:00.000Z"}',
        ["4:14: this example fails on the way to redox: not a FHIR instant: "],
    ),
    (
        '- row: DateTime\n  example: {fhir: "2023-09-21T08:45:00Z", redox: "2023-09-21T08:45:00.000Z", zone: Mars/Olympus}',
        ['4:14: "Mars/Olympus" is not a time zone; write an IANA name such as America/Chicago'],
    ),
]
QUERY = [
    (
        "- redox: Visit.Resons\n  param: reason",
        ['3:12: AvailableSlots.Visit has no field "Resons"; did you mean "Reasons"'],
    ),
    (
        "- row: Visit.Locations.Room\n  select: rooms",
        ['4:13: "rooms" is not a column of the directory; did you mean "room" or "room_alias"?'],
    ),
    (
        "- row: ignore Visit.Locations.Type\n  unless: Visit.Locations.Rom",
        ['4:13: "Visit.Locations.Rom" is not a field of AvailableSlots; did you mean "Visit.Locations.Room"'],
    ),
    (
        "- row: ignore Visit.Locations.Type\n  unless: Visit.Locations",
        ['4:13: "Visit.Locations" is not a field of AvailableSlots; '],
    ),
    (
        "- row: Visit.Locations.Room\n  wish: false",
        ['4:11: "wish" says something of fields that are ignored; this row ignores none'],
    ),
    (
        "- row: Visit.VisitPreference.Duration\n  with: Visit.VisitPreference.Unit",
        [
            '4:11: "Visit.VisitPreference.Unit" is not a field of AvailableSlots; did you mean "Visit.VisitPreference'
        ],
    ),
    (
        "- row: StartDateTime\n  drop: true",
        ['3:5: the row "StartDateTime" cannot be dropped; nothing can be answered without it'],
    ),
    (
        '- row: EndDateTime\n  example: {redox: "2025-10-28T19:00:27.415Z", param: "2025-10-28"}',
        [
            '"2025-10-28T19:00:27.415Z" becomes "2025-10-29" on the way to fhir, not "2025-10-28"; mend the example'
        ],
    ),
    (
        '- row: Visit.VisitPreference.Time\n  example: {redox: "noonish", filter: "12:00"}',
        ['4:14: this example fails on the way to fhir: "noonish" is not a time of day'],
    ),
]
DIRECTORY = [
    (
        "- row: first_name\n  fhir: Practitioner.name.first().given",
        [
            '4:11: "Practitioner.name.first().given" holds a list, but the codec "text" has text on this side; narrow it to one item'
        ],
    ),
    (
        "- row: first_name\n  fhir: Practitioner.name.first().givven.first()",
        ['4:11: Practitioner.name has no field "givven"; did you mean "given"?'],
    ),
    (
        "- directory: nick_name\n  fhir: Person.name.text",
        [
            '4:11: "Person" is not a resource of this table; begin with one of: Schedule, Practitioner, PractitionerRole, Location, HealthcareService, Organization'
        ],
    ),
    (
        "- key: other\n  directory: last_name\n  fhir: Practitioner.name.text",
        ['"last_name" is already written by the row at '],
    ),
    (
        "- redox: Provider.ID\n  directory: provider_id",
        [
            '3:12: this table has no Redox side; its head has no "redox"',
            '"provider_id" is already written by the row at ',
        ],
    ),
    (
        "- row: schedule\n  drop: true",
        ['3:5: the row "schedule" cannot be dropped; nothing can be answered without it'],
    ),
]
CASES = [
    *(("available-slots.answer", *case) for case in ANSWER),
    *(("available-slots.query", *case) for case in QUERY),
    *(("directory", *case) for case in DIRECTORY),
]


@pytest.mark.parametrize(
    ("table", "rows", "said"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)]
)
def test_each_fault_is_told_at_its_place(tmp_path: Path, table: str, rows: str, said: list[str]) -> None:
    found = faults(tmp_path, table, rows)
    for text in said:
        assert any(text in fault if not text[0].isdigit() else fault.startswith(text) for fault in found), (
            found
        )
    assert len(found) == len(said), found


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (
            "available-slots.answer",
            "- row: Reason\n  fhir: Slot.serviceType.first().coding.where(system='urn:x').display",
        ),
        (
            "available-slots.answer",
            "- row: Location.Room\n  drop: true\n- ignore: Location.Room\n  because: not told to strangers",
        ),
        ("available-slots.answer", "- redox: Extensions\n  directory: timezone"),
        (
            "available-slots.query",
            "- row: Visit.Locations.Room\n  drop: true\n- ignore: Visit.Locations.Room\n  because: x",
        ),
        ("directory", "- directory: nick_name\n  fhir: Practitioner.name.where(use='nickname').text"),
    ],
)
def test_what_is_right_is_left_alone(tmp_path: Path, table: str, rows: str) -> None:
    found = faults(tmp_path, table, rows)
    assert [text for text in found if "Extensions" not in text] == []


def test_several_faults_come_together(tmp_path: Path) -> None:
    rows = "- row: Reason\n  fhir: Slot.coment\n  codec: texts\n- row: Notes\n  way: to-fhir"
    found = faults(tmp_path, "available-slots.answer", rows)
    assert [text.split(": ")[0] for text in found] == ["4:11", "5:12", "7:10"]


@pytest.mark.parametrize(
    ("withheld", "said"),
    [
        (
            "Provider.Adress",
            '2:14: withheld: a slot of AvailableSlotsResponse has no field "Provider.Adress"; did you mean "Address" or',
        ),
        ("Provider.ID.X", "2:14: withheld: a slot of AvailableSlotsResponse has no field"),
        ("DateTime", '2:14: withheld: a slot without "DateTime" is none; delete it here'),
        (
            "provider",
            '2:14: this cannot be "provider"; write a field of a slot by its name in Redox\'s schema',
        ),
    ],
)
def test_what_cannot_be_withheld(tmp_path: Path, withheld: str, said: str) -> None:
    path = tmp_path / "sites" / "clinic" / "dialect.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(f"dialect:\n  withheld: [{withheld}]\n", "utf-8")
    with pytest.raises(Faults) as found:
        Tables(tmp_path).build(Wanted("clinic", "redox", "America/Los_Angeles"))
    (fault,) = found.value.faults
    assert str(fault).rpartition("dialect.yaml:")[2].startswith(said)
