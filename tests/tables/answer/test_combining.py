"""Short free slots that touch make every longer time that is asked for."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.core.plan import Answer, Call, Outcome
from gateway.tables.answer.site import SiteTables
from tests import clinic

Json = dict[str, Any]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return clinic.tables(tmp_path_factory.mktemp("combining"), "fhir-r4", "schedule\ns\nt\n")


def slot(begin: str, end: str, of: str = "s", **more: Any) -> Json:
    return clinic.slot(f"2025-10-22T{begin}:00-07:00", f"2025-10-22T{end}:00-07:00", of, **more)


def told(
    tables: SiteTables, *slots: Json, minutes: int = 30, pages: int = 1, **visit: Any
) -> list[tuple[str, int, str]]:
    """When (in the clinic's own time), how long, and the ID."""
    schedules = [{"resourceType": "Schedule", "id": each, "actor": []} for each in ("s", "t")]

    def answer(call: Call) -> Outcome:
        if call.target == "Slot":
            size = -(-len(slots) // pages)
            cut = [slots[begin : begin + size] for begin in range(0, len(slots), size)]
            return Answer(call, tuple(clinic.bundle(*each) for each in cut))
        return Answer(call, (clinic.bundle(*schedules) if call.target == "Schedule" else clinic.bundle(),))

    wished = [{"Duration": str(minutes), "DurationUnit": "minutes", **visit}]
    body, _, _ = clinic.ask(tables, clinic.query(VisitPreference=wished), answer)
    return [
        (f"{int(each['DateTime'][11:13]) - 7:02}{each['DateTime'][13:16]}", each["Duration"], each["ID"])
        for each in body["AvailableSlots"]
    ]


QUARTERS = [slot(f"09:{at:02}", f"09:{at + 15:02}", id=f"q{at}") for at in (0, 15, 30)]


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_every_start_at_which_enough_of_them_touch(tables: SiteTables, pages: int) -> None:
    assert told(tables, *QUARTERS, pages=pages) == [("09:00", 30, "q0+q15"), ("09:15", 30, "q15+q30")]
    assert told(tables, *QUARTERS, minutes=45, pages=pages) == [("09:00", 45, "q0+q15+q30")]
    assert told(tables, *QUARTERS, minutes=40, pages=pages) == [("09:00", 45, "q0+q15+q30")]
    assert told(tables, *QUARTERS, minutes=60, pages=pages) == []
    assert told(tables, *QUARTERS, minutes=15, pages=pages) == [
        ("09:00", 15, "q0"),
        ("09:15", 15, "q15"),
        ("09:30", 15, "q30"),
    ]


def test_slots_without_ids_are_named_by_when_they_are(tables: SiteTables) -> None:
    found = told(tables, slot("09:00", "09:15"), slot("09:15", "09:30"))
    assert found == [("09:00", 30, "s~2025-10-22T16:00:00.000Z~30")]


def test_an_id_with_the_sign_between_ids_is_told_apart(tables: SiteTables) -> None:
    slots = [
        slot(begin, end, identifier=[{"system": "urn:redox:slot", "value": value}])
        for begin, end, value in (("09:00", "09:15", "a+b%"), ("09:15", "09:30", "c"))
    ]
    assert told(tables, *slots) == [("09:00", 30, "a%2Bb%25+c")]


@pytest.mark.parametrize(
    "second",
    [
        slot("09:20", "09:35", id="x"),  # a gap
        slot("09:10", "09:25", id="x"),  # they overlap
        slot("09:15", "09:30", "t", id="x"),
        slot("09:15", "09:30", id="x", status="busy"),
        slot("09:15", "09:30", id="x", serviceType=[{"coding": [{"code": "injection"}]}]),
        slot("09:15", "09:30", id="x", appointmentType={"text": "Follow Up"}),
    ],
)
def test_what_does_not_touch_or_is_of_another_kind_is_not_combined(tables: SiteTables, second: Json) -> None:
    assert told(tables, QUARTERS[0], second) == []


def test_those_of_one_kind_among_others(tables: SiteTables) -> None:
    kind = {"serviceType": [{"coding": [{"code": "injection"}]}]}
    slots = [
        slot(each["start"][11:16], each["end"][11:16], id=f"i{n}", **kind) for n, each in enumerate(QUARTERS)
    ]
    assert told(tables, *QUARTERS[:2], *slots[1:]) == [("09:00", 30, "q0+q15"), ("09:15", 30, "i1+i2")]


@pytest.mark.parametrize(
    "kinds",
    [
        [{"serviceType": [{"text": "MRI"}]}, {"serviceType": [{"text": "Injection"}]}],
        [{"serviceType": [{"coding": [{"system": s, "code": "1"}]}]} for s in ("urn:a", "urn:b")],
        [{"specialty": [{"coding": [{"code": code}]}]} for code in ("1", "2")],
        [{"serviceCategory": [{"coding": [{"code": code}]}]} for code in ("1", "2")],
    ],
)
def test_every_word_of_a_kind_counts(tables: SiteTables, kinds: list[Json]) -> None:
    first, second = (
        slot(f"09:{at:02}", f"09:{at + 15:02}", id=f"q{at}", **kind)
        for at, kind in zip((0, 15), kinds, strict=True)
    )
    assert told(tables, first, second) == []
    assert len(told(tables, first, slot("09:15", "09:30", id="x", **kinds[0]))) == 1


def test_of_several_ways_the_shortest_that_is_long_enough(tables: SiteTables) -> None:
    slots = [slot("09:00", "09:15", id="a"), slot("09:15", "09:45", id="b"), slot("09:15", "09:30", id="c")]
    assert ("09:00", 60, "a+c+d") in told(tables, *slots, slot("09:30", "10:00", id="d"), minutes=60)


def test_each_length_that_is_asked_for_is_made(tables: SiteTables) -> None:
    halves = [slot("09:00", "09:30", id="a"), slot("09:30", "10:00", id="b")]
    schedules = [{"resourceType": "Schedule", "id": each, "actor": []} for each in ("s", "t")]

    def answer(call: Call) -> Outcome:
        found = {"Slot": halves, "Schedule": schedules}.get(call.target, [])
        return Answer(call, (clinic.bundle(*found),))

    def asked(*wished: tuple[str, list[str]]) -> list[str]:
        wishes = [{"Duration": minutes, "DurationUnit": "minutes", "Day": days} for minutes, days in wished]
        body, _, _ = clinic.ask(tables, clinic.query(VisitPreference=wishes), answer)
        return [each["ID"] for each in body["AvailableSlots"]]

    assert asked(("30", ["Monday"]), ("60", ["Wednesday"])) == ["a+b"]
    assert sorted(asked(("30", []), ("60", []))) == ["a", "a+b", "b"]


def test_long_ones_stay_as_they_are_and_end_a_chain(tables: SiteTables) -> None:
    slots = [*QUARTERS[:2], slot("09:30", "10:30", id="hour")]
    assert told(tables, *slots) == [
        ("09:00", 30, "q0+q15"),
        ("09:15", 75, "q15+hour"),
        ("09:30", 60, "hour"),
    ]


def test_days_and_times_are_those_of_the_whole(tables: SiteTables) -> None:
    wished = {"Day": ["Wednesday"], "Time": ["0915"]}
    found = told(
        tables, *QUARTERS, slot("12:00", "12:15", id="n0"), slot("12:15", "12:30", id="n15"), **wished
    )
    assert found == [("09:00", 30, "q0+q15"), ("09:15", 30, "q15+q30")]
    assert told(tables, *QUARTERS, **{**wished, "Day": ["Thursday"]}) == []


@pytest.mark.parametrize(
    ("minutes", "end", "horizon", "found"),
    [
        # Whatever begins in the window counts, as of single slots, and may end after it.
        (30, "16:30", None, ["q0+q15", "q15+q30"]),
        (45, "16:30", None, ["q0+q15+q30", "q15+q30+q45"]),
        (60, "16:01", None, ["q0+q15+q30+q45"]),
        (15, "16:30", None, ["q0", "q15"]),
        (30, "16:15", None, ["q0+q15"]),
        # Nothing begins when its Schedule is no longer planned for, nor does a part of something.
        (30, "17:00", "09:20", ["q0+q15"]),
        (30, "17:00", "09:40", ["q0+q15", "q15+q30"]),
    ],
)
def test_a_time_that_begins_in_the_window_may_end_after_it(
    tables: SiteTables, minutes: int, end: str, horizon: str | None, found: list[str]
) -> None:
    quarters = [*QUARTERS, slot("09:45", "10:00", id="q45")]
    planned = {"planningHorizon": {"end": f"2025-10-22T{horizon}:00-07:00"}} if horizon else {}
    schedules = [{"resourceType": "Schedule", "id": each, "actor": [], **planned} for each in ("s", "t")]

    def answer(call: Call) -> Outcome:
        """As a server that keeps to the bounds it is asked for."""
        if call.target == "Slot":
            bounds = {value[:2]: value[2:] for name, value in call.params if name == "start"}
            low, high = (datetime.fromisoformat(bounds[each]) for each in ("ge", "lt"))
            mine = [each for each in quarters if low <= datetime.fromisoformat(each["start"]) < high]
            return Answer(call, (clinic.bundle(*mine),))
        return Answer(call, (clinic.bundle(*(schedules if call.target == "Schedule" else [])),))

    message = clinic.query(
        start="2025-10-22T16:00:00Z",
        end=f"2025-10-22T{end}:00Z",
        VisitPreference=[{"Duration": str(minutes), "DurationUnit": "minutes"}],
    )
    body, _, _ = clinic.ask(tables, message, answer)
    assert [each["ID"] for each in body["AvailableSlots"]] == found
    assert "IsIncomplete" not in body["Meta"]


def test_a_server_that_makes_its_slots_to_order_is_taken_at_its_word(tmp_path: Path) -> None:
    site = tmp_path / "sites" / "clinic"
    site.mkdir(parents=True)
    (site / "dialect.yaml").write_text("dialect: {combine_slots: false}\n", "utf-8")
    assert told(clinic.tables(tmp_path, "fhir-r4", "schedule\ns\nt\n"), *QUARTERS) == []
