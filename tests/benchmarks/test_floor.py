"""The floor and ours give what the plain program gives, on Bundles good and bad."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import floor, ours, plain
from benchmarks.bundles import META, Case, Searched, canvas_case, sample_case

SCHEDULES = ("Location.2-Staff.aa", 'odd "schedule" \u00e9')
EDGES = ("0000", "0001", "9999")  # the years that plain and floor do not read

days = st.sampled_from(
    [
        "2025-11-01",
        "2025-11-02",
        "2024-02-29",
        "2025-02-29",
        "2025-12-31",
        "0000-01-01",
        "0001-01-01",
        "9999-12-31",
    ]
)
clocks = st.sampled_from(
    ["T08:45:00", "T23:50:00", "T00:00:00", "T24:00:00", "T08:45:60", "T8:45:00", "T08:45", ""]
)
fractions = st.sampled_from(["", "", "", ".5", ".9999", ".000", ".", ".123456789"])
zones = st.sampled_from(["Z", "-07:00", "-08:00", "+05:30", "+14:00", "-14:00", "+14:30", "-0700", "", "z"])
instants = st.builds("".join, st.tuples(days, clocks, fractions, zones))
likely = st.builds(
    "2025-11-{:02}T{:02}:{:02}:00{}".format,
    st.integers(1, 4),
    st.integers(0, 23),
    st.sampled_from([0, 15, 30, 45]),
    st.sampled_from(["-07:00", "-08:00", "Z", "+05:30"]),
)
junk = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.just("2025-11-02/T08:45:00Z"))
references = st.sampled_from(
    ["Schedule/Location.2-Staff.aa", "Location.2-Staff.aa", f"Schedule/{SCHEDULES[1]}", "x"]
)
good = st.fixed_dictionaries(
    {
        "resourceType": st.just("Slot"),
        "schedule": st.builds(lambda text: {"reference": text}, references),
        "status": st.sampled_from(["free", "free", "free", "busy"]),
        "start": likely,
        "end": likely,
    },
    optional={
        "id": st.sampled_from(["slot-7", "", 'odd "id"\n', None]),
        "comment": st.sampled_from(["two\nlines", "", "\u00e9 {x}", None]),
        "appointmentType": st.sampled_from([{"text": "Follow Up"}, {"text": ""}, {"coding": []}, {}, None]),
        "identifier": st.lists(
            st.sampled_from(
                [
                    {"system": plain.SLOT_SYSTEM, "value": "given"},
                    {"system": plain.SLOT_SYSTEM, "value": ""},
                    {"system": plain.SLOT_SYSTEM},
                    {"system": "urn:other", "value": "other"},
                    None,
                ]
            ),
            max_size=3,
        ),
    },
)
strange = st.fixed_dictionaries(
    {},
    optional={
        "resourceType": st.one_of(st.sampled_from(["Slot", "Slot", "OperationOutcome"]), junk),
        "schedule": st.one_of(junk, st.builds(lambda text: {"reference": text}, st.one_of(references, junk))),
        "status": st.one_of(st.sampled_from(["free", "busy", "open"]), junk),
        "start": st.one_of(instants, likely, junk),
        "end": st.one_of(instants, likely, junk),
        "id": junk,
        "comment": junk,
        "appointmentType": st.one_of(junk, st.builds(lambda text: {"text": text}, junk)),
        "identifier": st.one_of(junk, st.lists(junk, max_size=1)),
    },
)
entries = st.lists(
    st.one_of(good, good, good, strange, junk).map(lambda resource: {"resource": resource}) | junk, max_size=8
)


def settled(answer: dict[str, Any]) -> dict[str, Any]:
    """Slots of one schedule that start together may stand in any order, but no others."""
    slots = answer["AvailableSlots"]
    places = [(slot["DateTime"], slot["Location"]["Room"]) for slot in slots]
    assert places == sorted(places)
    return {**answer, "AvailableSlots": sorted(slots, key=lambda slot: json.dumps(slot, sort_keys=True))}


def _apart(bundle: str, number: int) -> str:
    """No Slots of the case's other schedule: the programs would differ on whether they were asked for."""
    other = json.dumps(SCHEDULES[1 - number])[1:-1]
    return bundle.replace(f'"Schedule/{other}"', '"Schedule/y"').replace(f'"{other}"', '"y"')


def case_of(bundles: list[list[Any]], window: tuple[datetime, datetime], npis: str = "98") -> Case:
    searched = tuple(
        Searched(
            schedule,
            _apart(json.dumps({"resourceType": "Bundle", "entry": bundle}), number).encode(),
            {"ID": npis[number], "LastName": "Gr\u00e4nite"},
            {"Room": f"{number}"},
        )
        for number, (schedule, bundle) in enumerate(zip(SCHEDULES, bundles, strict=False))
    )
    now = datetime(2025, 10, 21, 19, tzinfo=UTC)
    return Case("generated", sum(map(len, bundles)), searched, *window, 20, now, META)


@settings(max_examples=400, deadline=None)
@given(
    bundles=st.lists(entries, min_size=1, max_size=2),
    window=st.sampled_from(
        [
            (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
            (datetime(2025, 11, 2, 8, 45, tzinfo=UTC), datetime(2025, 11, 3, 7, 15, tzinfo=UTC)),
        ]
    ),
    npis=st.sampled_from(["98", "89", "88"]),
)
def test_agrees_with_the_plain_program(
    bundles: list[list[Any]], window: tuple[datetime, datetime], npis: str
) -> None:
    case = case_of(bundles, window, npis)
    wanted = settled(plain.answer(case))
    for program in (floor.prepare(case), ours.prepare(case)):
        assert settled(json.loads(program())) == wanted
        assert settled(json.loads(program())) == wanted  # and again, with its tables filled


@settings(max_examples=300, deadline=None)
@given(start=instants, end=instants | likely)
def test_reads_and_refuses_the_same_instants(start: str, end: str) -> None:
    slot = {
        "resourceType": "Slot",
        "schedule": {"reference": SCHEDULES[0]},
        "status": "free",
        "start": start,
        "end": end,
    }
    whole = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    case = case_of([[{"resource": slot}]], whole)
    wanted = plain.answer(case)
    assert json.loads(floor.prepare(case)()) == wanted
    if start[:4] not in EDGES and end[:4] not in EDGES:
        assert json.loads(ours.prepare(case)()) == wanted


@pytest.mark.parametrize("schedules", [1, 7])
@pytest.mark.parametrize("slots", [3, 100, 1000])
def test_agrees_on_the_measured_cases(slots: int, schedules: int) -> None:
    case = canvas_case(slots, schedules=schedules)
    wanted = plain.answer(case)
    assert json.loads(floor.prepare(case)()) == wanted
    assert json.loads(ours.prepare(case)()) == wanted


def test_the_sample_means_three_slots_in_utc() -> None:
    answer = json.loads(floor.prepare(sample_case())())
    assert [(slot["DateTime"], slot["Duration"]) for slot in answer["AvailableSlots"]] == [
        ("2023-09-21T15:45:00.000Z", 20),
        ("2023-09-21T20:45:00.000Z", 20),
        ("2023-09-22T16:15:00.000Z", 20),
    ]
    assert answer["AvailableSlots"][0]["ID"] == (
        "Location.2-Staff.3640cd20de8a470aa570a852859ac87e~2023-09-21T15:45:00.000Z~20"
    )
    assert answer["Meta"]["EventType"] == "AvailableSlotsResponse"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"resourceType":"OperationOutcome"}', b'{"resourceType":"Bundle"']
)
def test_refuses_what_is_no_bundle(body: bytes) -> None:
    sample = sample_case()
    case = dataclasses.replace(sample, schedules=(dataclasses.replace(sample.schedules[0], bundle=body),))
    with pytest.raises(ValueError):
        floor.prepare(case)()


def test_a_bundle_without_entries_is_an_empty_answer() -> None:
    sample = sample_case()
    empty = dataclasses.replace(sample.schedules[0], bundle=b'{"resourceType":"Bundle","total":4}')
    case = dataclasses.replace(sample, schedules=(empty,))
    assert json.loads(floor.prepare(case)()) == plain.answer(case)
    assert plain.answer(case)["AvailableSlots"] == []


def test_the_tables_stay_bounded() -> None:
    table = floor.ShiftedDays(1)
    for year in range(1000, 1000 + floor.KEPT + 2):
        assert table[f"{year}-02-28"] in (f"{year}-03-01", f"{year}-02-29")
    assert len(table) <= floor.KEPT
