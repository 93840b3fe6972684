"""The compiled answer table towards FHIR: it agrees with the plain reference on every slot, good and bad."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.directory import Cells
from gateway.core.mapping import Wanted
from gateway.core.values import at_once
from gateway.tables.answer import reference as trace
from gateway.tables.answer.site import SiteTables
from gateway.tables.codecs.names import slot_name
from tests import partner
from tests.partner import BASE, Json

TABLE = "available-slots.answer"
CELLS: Cells = {"schedule": partner.NORTH_GRANITE, "room": "136"}
GOOD: Json = {"DateTime": "2025-10-22T16:00:00.000Z", "Duration": 20}
# An analyst's rows: from inside a part that is kept as bytes, a required one, and one of the directory.
MORE = """\
over: available-slots.answer
rows:
  - redox: Location.Type
    fhir: Slot.serviceCategory.first().text
    way: to-fhir
    because: a test
  - redox: Provider.EmailAddresses
    fhir: Slot.serviceType.first().text
    codec: lines
    way: to-fhir
    because: a test
  - redox: Notes.first()
    fhir: Slot.schedule.display
    way: to-fhir
    because: a test
  - fhir: Slot.specialty.first().text
    directory: room
    way: to-fhir
    because: a test
  - fhir: Slot.specialty.first().coding.first().system
    value: urn:a
    way: to-fhir
    because: a test
  - row: Reason
    required: true
  - row: ignore Provider.EmailAddresses
    ignore: Provider.Address.County
  - row: ignore Location.Type
    ignore: [Location.FacilityIdentifiers, Location.DepartmentIdentifiers]
"""


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return partner.tables(tmp_path_factory.mktemp("shipped"))


@pytest.fixture(scope="module")
def further(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    """The shipped rows and those of an analyst."""
    return partner.tables(tmp_path_factory.mktemp("further"), answer=MORE)


def compiled(mapping: SiteTables, value: Any, cells: Cells = CELLS) -> Json | None:
    """The resource that the compiled functions make of one slot; None where they refuse it."""
    to_fhir = partner.fhir_server(mapping).to_fhir
    entries: dict[str, tuple[str, str, str]] = {}
    try:
        slots = to_fhir.answer(json.dumps({"AvailableSlots": [value]}).encode()).AvailableSlots
        group = (entries, to_fhir.block(cells))
    except (msgspec.MsgspecError, ValueError):
        return None
    malformed: list[Any] = []
    # Twice: what is learnt from a slot serves for those like it.
    for again in (False, True):
        entries.clear()
        numbers = to_fhir.convert(slots, lambda *_: (group, True), "", "~", 0, BASE, [], malformed)
        assert (numbers, len(entries) + len(malformed)) == ((0, 0, 0), 1 + (again and bool(malformed)))
    if malformed:
        return None
    ((key, (start, name, text)),) = entries.items()
    entry = json.loads(text)
    assert key == name == slot_name(cells["schedule"], start, int(value["Duration"]), value.get("ID"))
    assert entry["search"] == {"mode": "match"}
    assert entry["fullUrl"] == f"{BASE}/Slot/{name}"
    resource: Json = entry["resource"]
    assert entry["fullUrl"] == f"{BASE}/Slot/{resource['id']}"
    return resource


def plain(mapping: SiteTables, value: Json, cells: Cells = CELLS) -> Json | None:
    return trace.to_fhir(mapping.tables[TABLE], mapping.answer_rows, value, cells).result


DAYS = st.sampled_from(
    [
        "2025-10-22",
        "2025-11-02",
        "2025-03-09",
        "1900-01-01",
        "1899-12-31",
        "2200-12-31",
        "2201-01-01",
        "0001-01-01",
        "9999-12-31",
        "2025-02-30",
        "20251022",
    ]
)
CLOCKS = st.sampled_from(
    [
        "00:00",
        "01:30:00",
        "02:30:00.5",
        "16:00:00.000",
        "23:59:60",
        "24:00:00",
        "09:15:30.123456789",
        "9:15",
        "12:00:00.0004",
        "",
    ]
)
OFFSETS = st.sampled_from(
    ["Z", "z", "-0400", "-04:00", "+05:45", "+14:00", "+14:01", "-04", "", " +0200", "America"]
)
DATE_TIMES = (
    st.builds(
        lambda day, mark, clock, offset: f"{day}{mark}{clock}{offset}",
        DAYS,
        st.sampled_from(["T", " ", "t"]),
        CLOCKS,
        OFFSETS,
    )
    | DAYS
)
TEXTS = st.text(max_size=4) | st.sampled_from(
    ["", " ", "\u00a0", "a\x00b", "x\x85y", 'quo"te', "new\nline", "{brace}", "é"]
)
WRONG = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.just({})
    | st.just([])
    | st.just([None])
    | st.just(["x", 5])
)
SLOTS = st.fixed_dictionaries(
    {},
    optional={
        "DateTime": DATE_TIMES | WRONG,
        "Duration": st.sampled_from([20, 20.0, 15.5, 0, -5, 1, 1440, 1441, 1e9, 1e300, "20"]) | WRONG,
        "ID": TEXTS | WRONG,
        "Reason": TEXTS | WRONG,
        "Notes": st.lists(TEXTS | st.none(), max_size=3) | WRONG,
        "Surprise": WRONG,
    },
)


@given(
    changed=SLOTS,
    kept=st.sets(st.sampled_from(sorted(GOOD))),
    room=st.sampled_from(["", "136", "\u00a0", "a\x1fb"]),
    zone=st.sampled_from(["", "Asia/Kathmandu", "America/New_York", "nowhere"]),
)
def test_compiled_and_plain_agree(
    mapping: SiteTables, changed: Json, kept: set[str], room: str, zone: str
) -> None:
    value = {**changed, **{name: GOOD[name] for name in kept}}
    cells = {**CELLS, "room": room, "timezone": zone}
    found = compiled(mapping, value, cells)
    assert found == plain(mapping, value, cells)
    if found is not None:
        partner.check_fhir(found)


INSIDE = st.fixed_dictionaries(
    {},
    optional={
        "Location": st.fixed_dictionaries({}, optional={"Type": TEXTS | st.none()}) | st.none(),
        "Provider": st.fixed_dictionaries({}, optional={"EmailAddresses": st.lists(TEXTS, max_size=2)})
        | st.none(),
        "Reason": TEXTS | st.none(),
        "Notes": st.lists(TEXTS | st.none(), max_size=2) | WRONG,
    },
)


@given(value=INSIDE, room=st.sampled_from(["", "136"]))
def test_compiled_and_plain_agree_on_an_analysts_rows(further: SiteTables, value: Json, room: str) -> None:
    cells = {**CELLS, "room": room}
    found = compiled(further, {**GOOD, **value}, cells)
    assert found == plain(further, {**GOOD, **value}, cells)
    if found is not None:
        partner.check_fhir(found)
        assert found["appointmentType"]["text"]
        assert ("specialty" in found) == bool(room)


@pytest.mark.parametrize(
    ("changed", "path", "text"),
    [
        ({"DateTime": None}, "DateTime", "is missing"),
        ({"DateTime": ""}, "DateTime", "is missing"),
        ({"DateTime": "soon"}, "DateTime", '"soon" is not a date and time'),
        ({"DateTime": 5}, "DateTime", "is not of the type that Redox says"),
        ({"Duration": None}, "Duration", "is missing"),
        ({"Duration": "20"}, "Duration", "is not of the type that Redox says"),
        ({"Duration": True}, "Duration", "is not of the type that Redox says"),
        ({"Duration": 15.5}, "Duration", "a slot must last a number of whole minutes"),
        ({"Duration": 0}, "Duration", "a slot must last between 1 and 1440 minutes"),
        ({"Duration": 1e9}, "Duration", "a slot must last between 1 and 1440 minutes"),
        ({"ID": 5}, "ID", "is not of the type that Redox says"),
        ({"Notes": "x"}, "Notes", "is not of the type that Redox says"),
    ],
)
def test_a_refused_slot_is_explained(mapping: SiteTables, changed: Json, path: str, text: str) -> None:
    value = {**GOOD, **changed}
    assert compiled(mapping, value) is None
    traced = trace.to_fhir(mapping.tables[TABLE], mapping.answer_rows, value, CELLS)
    assert traced.result is None
    (issue,) = traced.issues
    assert issue.path == path
    assert issue.text.startswith(text)


@pytest.mark.parametrize(
    ("told", "start", "end"),
    [
        ("2025-10-22T16:00:00.000Z", "2025-10-22T09:00:00-07:00", "2025-10-22T09:20:00-07:00"),
        ("2025-10-22T12:00:00.000-0400", "2025-10-22T09:00:00-07:00", "2025-10-22T09:20:00-07:00"),
        ("2025-10-22 12:00:00-04:00", "2025-10-22T09:00:00-07:00", "2025-10-22T09:20:00-07:00"),
        ("2025-10-22T09:00", "2025-10-22T09:00:00-07:00", "2025-10-22T09:20:00-07:00"),
        ("2025-10-22", "2025-10-22T00:00:00-07:00", "2025-10-22T00:20:00-07:00"),
        ("2025-10-22T16:00:00.25Z", "2025-10-22T09:00:00.250-07:00", "2025-10-22T09:20:00.250-07:00"),
        # The clocks go back while the slot lasts.
        ("2025-11-02T08:50:00Z", "2025-11-02T01:50:00-07:00", "2025-11-02T01:10:00-08:00"),
    ],
)
def test_date_times_in_every_spelling(mapping: SiteTables, told: str, start: str, end: str) -> None:
    found = compiled(mapping, {**GOOD, "DateTime": told})
    assert found is not None
    assert (found["start"], found["end"]) == (start, end)


def test_the_trace_says_what_each_row_did(mapping: SiteTables) -> None:
    value = {**GOOD, "ID": "s-1"}
    steps = {
        step.row: (step.read, step.wrote)
        for step in trace.to_fhir(mapping.tables[TABLE], mapping.answer_rows, value, CELLS).steps
    }
    assert steps["DateTime"] == ("2025-10-22T16:00:00.000Z", "2025-10-22T09:00:00-07:00")
    assert steps["Duration"] == (20, "2025-10-22T09:20:00-07:00")
    assert steps["ID"] == ("s-1", "s-1")
    assert steps["schedule"] == (partner.NORTH_GRANITE, f"Schedule/{partner.NORTH_GRANITE}")
    assert steps["Reason"] == (None, None)


def test_the_source_can_be_read(mapping: SiteTables) -> None:
    code = partner.fhir_server(mapping).to_fhir.code
    assert "# rows DateTime and Duration" in code
    assert "# row 'Notes'" in code
    compile(code, "shown", "exec")


def test_a_site_that_drops_the_row_of_the_id_still_gives_addresses(tmp_path: Any) -> None:
    layer = "over: available-slots.answer\nrows:\n  - row: Slot.id\n    drop: true\n    because: a test\n"
    mapping = partner.tables(tmp_path, answer=layer)
    found = at_once(
        partner.fhir_server(mapping).slots(
            partner.answered({**partner.slot(GOOD["DateTime"])}),
            mapping.own_directory,
            None,
            Wanted("", "~"),
            BASE,
        )
    )
    ((_, name, text),) = found.slots
    entry = json.loads(text)
    assert entry["fullUrl"] == f"{BASE}/Slot/{name}"
    assert "id" not in entry["resource"]


STARTS = st.sampled_from(
    ["2025-11-02T08:50:00.000Z", "2025-11-02T09:10:00.000Z", "2025-10-22T16:00:00.000Z", "2025-10-22T09:00"]
)
WHOSE = st.sampled_from([partner.NORTH_GRANITE, partner.NORTH_SLATE, partner.WING, "unreadable", "nobody"])
OPEN = st.lists(st.tuples(STARTS, st.sampled_from([5, 20, 100, 1440]), WHOSE), max_size=12)


@given(told=OPEN)
def test_many_slots_of_many_schedules(mapping: SiteTables, told: list[tuple[str, int, str]]) -> None:
    """By start, then in the directory's order, then by length, each once, however they come."""
    parts: dict[str, Json] = {"unreadable": {"Provider": 5}, "nobody": {"Location": {"Department": "x"}}}
    slots = [
        {"DateTime": start, "Duration": minutes, **(parts[of] if of in parts else partner.parts(of))}
        for start, minutes, of in told
    ]
    directory = mapping.own_directory
    found = at_once(
        partner.fhir_server(mapping).slots(partner.answered(*slots), directory, None, Wanted("", "~"), BASE)
    )
    expected = {}
    for start, minutes, of in told:
        if of not in parts:
            at = "2025-10-22T16:00:00.000Z" if len(start) == 16 else start
            place = next(n for n, line in enumerate(directory.lines) if line["schedule"] == of)
            expected[at, place, minutes] = slot_name(of, at, minutes)
    assert [name for _, name, _ in found.slots] == [expected[key] for key in sorted(expected)]
    assert [start for start, _, _ in found.slots] == [start for start, _, _ in sorted(expected)]
    whose = [of for _, _, of in told]
    assert found.counts.get("stray", 0) == whose.count("nobody")
    assert found.counts.get("malformed", 0) == whose.count("unreadable")
    known = len(told) - whose.count("nobody") - whose.count("unreadable")
    assert found.counts.get("doubles", 0) == known - len(expected)


def test_a_slot_outside_the_window_is_not_looked_at_further(mapping: SiteTables) -> None:
    low, high = "2025-10-22T00:00:00.000Z", "2025-10-22T16:00:00.000Z"
    slots = [partner.slot("2025-10-22T16:00:00.000Z", minutes) for minutes in (20, 15.5, 0)]
    slots.append(partner.slot("2025-10-22T15:59:00.000Z", 15.5))
    found = at_once(
        partner.fhir_server(mapping).slots(
            partner.answered(*slots), mapping.own_directory, None, Wanted(low, high), BASE
        )
    )
    assert found.counts == {"received": 4, "outside": 3, "malformed": 1}


def test_constants_are_written_only_beside_values(tmp_path: Any) -> None:
    layer = """\
over: available-slots.answer
rows:
  - fhir: Slot.schedule.type
    value: Schedule
  - fhir: Slot.appointmentType.coding.first().system
    value: urn:never
"""
    mapping = partner.tables(tmp_path, answer=layer)
    for more in ({}, {"ID": "s-1"}, {"Reason": "x"}):
        found = compiled(mapping, {**GOOD, **more})
        assert found == plain(mapping, {**GOOD, **more})
        assert found is not None
        assert found["schedule"] == {"reference": "Schedule/north-granite", "type": "Schedule"}
        assert ("appointmentType" in found) == ("Reason" in more)
