from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox.clinic import Clinic, OpenSlot, Schedule
from gateway.sandbox.seeded import seeded_clinic

SAMPLE = "Location.2-Staff.3640cd20de8a470aa570a852859ac87e"
CLINIC = seeded_clinic()
DATES = st.dates(date(2000, 1, 1), date(2100, 1, 1))


def sample_schedule(clinic: Clinic = CLINIC) -> Schedule:
    schedule = clinic.schedule(SAMPLE)
    assert schedule is not None
    return schedule


def slots_of(
    schedule: Schedule, first: date, days: int = 1, minutes: int = 20, clinic: Clinic = CLINIC
) -> list[OpenSlot]:
    return list(clinic.slots(schedule, first, first + timedelta(days=days), minutes))


def test_the_schedule_of_the_vendors_sample_is_pat_granite_at_res_general_hospital() -> None:
    schedule = sample_schedule()
    assert schedule.comment == "Schedule for Pat Granite MD at RES General Hospital"
    assert (schedule.person.npi, schedule.department, schedule.room) == ("4356789876", "3N", "136")
    assert len(CLINIC.schedules) == 7


def test_the_sample_query_finds_tuesday_and_friday_mornings() -> None:
    starts = {slot.start.isoformat() for slot in slots_of(sample_schedule(), date(2025, 10, 21), 8, 30)}
    assert {f"2025-10-{day}T10:00:00-07:00" for day in (21, 24, 28)} <= starts


def test_one_schedule_never_has_an_open_slot_and_every_other_has_some() -> None:
    without = [each for each in CLINIC.schedules if not slots_of(each, date(2025, 10, 20), 28, 15)]
    assert [each.comment for each in without] == ["Schedule for Sam Marble MD PhD at Juniper Street Clinic"]


def test_days_differ_and_seeds_differ() -> None:
    times = [
        tuple(
            slot.start.time()
            for slot in slots_of(sample_schedule(), date(2025, 10, 21) + timedelta(weeks=week))
        )
        for week in range(6)
    ]
    assert len(set(times)) == 6
    other = seeded_clinic(seed=2)
    assert slots_of(sample_schedule(other), date(2025, 10, 21), clinic=other) != slots_of(
        sample_schedule(), date(2025, 10, 21)
    )


@given(st.sampled_from(CLINIC.schedules), DATES, st.integers(1, 180))
def test_slots_begin_on_a_quarter_of_the_asked_day_and_are_as_long_as_asked(
    schedule: Schedule, day: date, minutes: int
) -> None:
    slots = slots_of(schedule, day, minutes=minutes)
    assert slots == slots_of(schedule, day, minutes=minutes)
    for slot in slots:
        assert slot.start.date() == day
        assert slot.start.minute % 15 == 0
        assert slot.end.astimezone(UTC) - slot.start.astimezone(UTC) == timedelta(minutes=minutes)


@given(st.sampled_from(CLINIC.schedules), DATES)
def test_a_longer_visit_fits_only_where_all_its_quarters_are_open(schedule: Schedule, day: date) -> None:
    quarters = {slot.start.astimezone(UTC) for slot in slots_of(schedule, day, minutes=15)}
    expected = [
        start
        for start in sorted(quarters)
        if {start + timedelta(minutes=step) for step in (15, 30)} <= quarters
    ]
    assert [slot.start.astimezone(UTC) for slot in slots_of(schedule, day, minutes=45)] == expected


def test_the_night_in_which_the_clock_goes_forward_has_no_slot_in_the_missing_hour() -> None:
    nights = [
        slot.start.isoformat()
        for year in range(2020, 2030)
        for day in range(8, 15)
        for slot in slots_of(CLINIC.schedules[-1], date(year, 3, day), minutes=15)
    ]
    assert any("T01:45:00-08:00" in start for start in nights)
    assert any("T03:00:00-07:00" in start for start in nights)
    assert not [start for start in nights if "T02:" in start]


def test_the_night_in_which_the_clock_goes_back_has_the_repeated_hour_twice() -> None:
    starts = [slot.start.isoformat() for slot in slots_of(CLINIC.schedules[-1], date(2025, 11, 2))]
    assert "2025-11-02T01:00:00-07:00" in starts
    assert "2025-11-02T01:00:00-08:00" in starts
    assert starts == sorted(starts, key=lambda text: datetime.fromisoformat(text).astimezone(UTC))


def test_the_shipped_schedules_csv_names_the_seven_schedules_and_their_places() -> None:
    path = Path(__file__).parents[2] / "mappings" / "sites" / "demo" / "schedules.csv"
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert ",".join(rows[0]) == (
        "schedule,provider_id,provider_id_type,first_name,last_name,credentials,"
        "facility,department,location_id,room,timezone"
    )
    told = [
        (row["schedule"], row["facility"], row["department"], row["room"], row["location_id"]) for row in rows
    ]
    assert told == [
        (each.id, each.place.name, each.department, each.room, each.place.id) for each in CLINIC.schedules
    ]
    filled = {row["schedule"]: row["credentials"].split() for row in rows if row["credentials"]}
    assert filled == {
        each.id: list(each.person.credentials)
        for each in CLINIC.schedules
        if not each.person.suffix_told or each.person.other_id
    }
