"""What is left of an answer that is cut: the earliest, and that it was cut."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import Issue
from gateway.core.plan import Answer, Call, Failure, Outcome
from tests import clinic

BEGIN = datetime(2025, 10, 22, 7, tzinfo=UTC)
MORE = Issue("too-costly", "Bundle.link", "there are more pages than the limit of 3", "warning")
ROOM = 12  # slots in the pages that are read


class Ehr:
    """A slot every hour for ten days, which come in no order, and of which only so many are read. ``page`` is
    what the Bundle has beside its slots, ``beside`` an entry among them."""

    def __init__(
        self,
        *,
        failing_after: int = 1000,
        always: bool = False,
        sorts: bool = False,
        page: Any = None,
        beside: Any = None,
    ) -> None:
        self.asked: list[Call] = []
        self._failing_after = failing_after
        self._always = always
        self._sorts = sorts
        self._page = page or {}
        self._beside = [beside] if beside else []

    def __call__(self, call: Call) -> Outcome:
        if call.target != "Slot":
            return clinic.directory(call)
        self.asked.append(call)
        if len(self.asked) > self._failing_after:
            return Failure(call, "deadline")
        bounds = {
            value[:2]: datetime.fromisoformat(value[2:]) for name, value in call.params if name == "start"
        }
        every = [BEGIN + timedelta(hours=number) for number in range(240)]
        found = [each for each in every if bounds["ge"] <= each < bounds["lt"]]
        cut = self._always or len(found) > ROOM
        found = found[:ROOM] if self._sorts else found[::-1][:ROOM]
        slots = [
            clinic.slot(each.isoformat(), (each + timedelta(minutes=20)).isoformat(), clinic.GRANITE_HOSPITAL)
            for each in found
        ]
        page = {**json.loads(clinic.bundle(*slots, *self._beside)), **self._page}
        return Answer(call, (json.dumps(page).encode(),), not cut, (MORE,) if cut else ())


def tables(folder: Path, *, sorting: bool = False) -> Any:
    site = folder / "sites" / "clinic"
    site.mkdir(parents=True)
    if not sorting:
        row = "{row: the earliest first, drop: true, because: it cannot}"
        rows = f"over: available-slots.query\nrows:\n  - {row}\n"
        (site / "query.yaml").write_text(rows, "utf-8")
    return clinic.tables(folder, "fhir-r4", f"schedule\n{clinic.GRANITE_HOSPITAL}\n")


def asked(mapping: Any, ehr: Any) -> tuple[list[str], Any, Any]:
    message = clinic.query(start="2025-10-22T07:00:00Z", AttendingProviders=[], Locations=[])
    message["EndDateTime"] = "2025-11-01T07:00:00Z"
    body, reply, _ = clinic.ask(mapping, message, ehr, preferences="ignore")
    return clinic.starts(body), body["Meta"].get("IsIncomplete"), reply


def test_of_a_server_that_does_not_sort_a_shorter_time_is_asked_for(tmp_path: Path) -> None:
    ehr = Ehr()
    starts, incomplete, reply = asked(tables(tmp_path), ehr)
    assert starts[0] == "2025-10-22T07:00:00.000Z"
    assert starts == [f"{(BEGIN + timedelta(hours=n)).isoformat()[:19]}.000Z" for n in range(len(starts))]
    assert 0 < len(starts) <= ROOM
    assert incomplete is True
    assert [issue.text for issue in reply.issues if issue.code == "too-costly"] == [MORE.text]


@pytest.mark.parametrize("case", ["sorts", "fails", "always"])
def test_that_is_bounded(tmp_path: Path, case: str) -> None:
    sorts = case == "sorts"
    ehr = Ehr(failing_after=1 if case == "fails" else 1000, always=case == "always", sorts=sorts)
    starts, incomplete, reply = asked(tables(tmp_path, sorting=sorts), ehr)
    schedules = len({dict(call.params)["schedule"] for call in ehr.asked})
    assert len(ehr.asked) == schedules * {"sorts": 1, "fails": 2, "always": 7}[case]
    assert starts
    assert incomplete is True
    told = [each.text for each in reply.issues if each.path == "Slot.start"]
    assert [text.partition(",")[0] for text in told] == (
        [] if sorts else ["the EHR does not give slots by their start"]
    )


SELF = "http://ehr.example/Slot?schedule=Schedule/x&status=free&start=ge2025&start=lt2026&_count=100"


def outcome(severity: str, text: str) -> Any:
    issue = {"severity": severity, "code": "not-supported", "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


@pytest.mark.parametrize(
    ("page", "beside", "sorts", "trusted"),
    [
        ({"link": [{"relation": "self", "url": f"{SELF}&_sort=start"}]}, None, True, True),
        ({}, None, True, True),
        # What came is in order by chance: the server says that it did not sort.
        ({"link": [{"relation": "self", "url": SELF}]}, None, True, False),
        ({}, outcome("warning", "the parameter _sort is not supported"), True, False),
        ({}, outcome("information", "unknown parameters were ignored"), True, False),
        ({}, outcome("information", "the search took 12 ms"), True, True),
        # It says nothing, and what came is in no order.
        ({"link": [{"relation": "self", "url": f"{SELF}&_sort=start"}]}, None, False, False),
        ({}, None, False, False),
    ],
)
def test_a_server_that_was_asked_to_sort_and_did_not_is_one_that_does_not(
    tmp_path: Path, page: Any, beside: Any, sorts: bool, trusted: bool
) -> None:
    ehr = Ehr(sorts=sorts, page=page, beside=beside)
    starts, incomplete, _ = asked(tables(tmp_path, sorting=True), ehr)
    assert (len(ehr.asked) == 1) == trusted
    assert starts == [f"{(BEGIN + timedelta(hours=n)).isoformat()[:19]}.000Z" for n in range(len(starts))]
    assert incomplete is True


@pytest.mark.parametrize(
    ("most", "more", "sorting", "kept", "rounds"),
    [
        (9, 0, False, 8, 6),  # of 240 hours 9 come, and there is no further page: of the first 7.5 all do
        (9, 0, True, 9, 1),
        (240, 0, False, 240, 1),
        # It counts one too many of whatever it is asked for: a shorter time would be no better.
        (240, 1, False, 240, 2),
    ],
)
def test_a_server_that_gives_only_so_many_and_no_further_page(
    tmp_path: Path, most: int, more: int, sorting: bool, kept: int, rounds: int
) -> None:
    asked_for = []

    def answer(call: Call) -> Outcome:
        if call.target != "Slot":
            return clinic.directory(call)
        asked_for.append(call)
        bounds = {
            value[:2]: datetime.fromisoformat(value[2:]) for name, value in call.params if name == "start"
        }
        every = [BEGIN + timedelta(hours=number) for number in range(240)]
        found = [each for each in every if bounds["ge"] <= each < bounds["lt"]]
        some = (found if sorting else found[::-1])[:most]
        slots = [clinic.slot(each.isoformat(), (each + timedelta(minutes=20)).isoformat()) for each in some]
        page = json.loads(clinic.bundle(*slots)) | {"total": len(found) + more}
        return Answer(call, (json.dumps(page).encode(),))

    starts, incomplete, reply = asked(tables(tmp_path, sorting=sorting), answer)
    assert starts == [f"{(BEGIN + timedelta(hours=n)).isoformat()[:19]}.000Z" for n in range(len(starts))]
    assert (len(starts), len({call.params for call in asked_for})) == (kept, rounds)
    assert (incomplete or False) is (kept < 240 or bool(more))
    assert [each.path for each in reply.issues] == (["Bundle.total"] if incomplete else [])


def hour(number: int, of: str) -> Any:
    begin = BEGIN + timedelta(hours=number)
    return clinic.slot(begin.isoformat(), (begin + timedelta(minutes=20)).isoformat(), of)


SLOTS = [
    *[hour(number, clinic.GRANITE_JUNIPER) for number in (30, 31)],
    *[hour(number, clinic.GRANITE_HOSPITAL) for number in (20, 40)],
    *[hour(number, clinic.SLATE_HOSPITAL) for number in (10, 50)],
]


@pytest.mark.parametrize(
    ("most", "hours", "left_out"),
    [(1, [10, 50], 2), (2, [10, 20, 40, 50], 1), (3, [10, 20, 30, 31, 40, 50], 0)],
)
def test_of_more_schedules_than_may_be_those_are_kept_that_begin_first(
    mapping: Any, most: int, hours: list[int], left_out: int
) -> None:
    body, reply, played = clinic.ask(
        mapping,
        clinic.query(start="2025-10-22T07:00:00Z"),
        clinic.answering(*SLOTS),
        max_schedules=most,
        preferences="ignore",
    )
    assert clinic.starts(body) == [
        f"{(BEGIN + timedelta(hours=number)).isoformat()[:19]}.000Z" for number in hours
    ]
    assert body["Meta"].get("IsIncomplete", False) is bool(left_out)
    text = (
        f"an answer is of {most} schedules at most (max_schedules), so {left_out} were left out: those whose"
    )
    assert [each.text for each in reply.issues] == ([f"{text} times begin later"] if left_out else [])
    assert [call.max_pages for call in played.asked["slots"]] == [20 * most // 3] * 3


def test_a_schedule_with_nothing_open_is_none_that_was_left_out(mapping: Any) -> None:
    message = clinic.query(start="2025-10-22T07:00:00Z")
    body, reply, _ = clinic.ask(mapping, message, clinic.answering(SLOTS[0]), max_schedules=1)
    assert (len(body["AvailableSlots"]), reply.issues) == (1, ())
    assert "IsIncomplete" not in body["Meta"]


def test_where_preferred_ones_stand_first_they_are_kept_first(mapping: Any) -> None:
    message = clinic.query(start="2025-10-22T07:00:00Z", VisitPreference=[{"Time": ["07:00"]}])
    rules = {"max_schedules": 1, "preferences": "order", "time_tolerance_minutes": 0}
    body, _, _ = clinic.ask(mapping, message, clinic.answering(*SLOTS), **rules)
    assert clinic.starts(body) == ["2025-10-23T14:00:00.000Z", "2025-10-23T13:00:00.000Z"]


def test_what_is_whole_is_asked_once(tmp_path: Path) -> None:
    ehr = Ehr()
    message = clinic.query(start="2025-10-22T07:00:00Z", AttendingProviders=[], Locations=[])
    message["EndDateTime"] = "2025-10-22T12:00:00Z"
    body, _, played = clinic.ask(tables(tmp_path), message, ehr, preferences="ignore")
    assert "earliest" not in played.asked
    assert "IsIncomplete" not in body["Meta"]
