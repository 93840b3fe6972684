"""What is left of an answer that is cut: the earliest, and that it was cut."""

from __future__ import annotations

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
    """A slot every hour for ten days, which come in no order, and of which only so many are read."""

    def __init__(self, *, failing_after: int = 1000, always: bool = False) -> None:
        self.asked: list[Call] = []
        self._failing_after = failing_after
        self._always = always

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
        found = sorted(found, key=lambda each: -each.timestamp())[:ROOM]
        slots = [
            clinic.slot(each.isoformat(), (each + timedelta(minutes=20)).isoformat(), clinic.GRANITE_HOSPITAL)
            for each in found
        ]
        return Answer(call, (clinic.bundle(*slots),), not cut, (MORE,) if cut else ())


def tables(folder: Path, *, sorting: bool = False) -> Any:
    site = folder / "sites" / "clinic"
    site.mkdir(parents=True)
    if not sorting:
        row = "{row: the earliest first, drop: true, because: it cannot}"
        rows = f"over: available-slots.query\nrows:\n  - {row}\n"
        (site / "query.yaml").write_text(rows, "utf-8")
    return clinic.tables(folder, "fhir-r4", f"schedule\n{clinic.GRANITE_HOSPITAL}\n")


def asked(mapping: Any, ehr: Ehr) -> tuple[list[str], Any, Any]:
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
    ehr = Ehr(failing_after=1 if case == "fails" else 1000, always=case == "always")
    starts, incomplete, _ = asked(tables(tmp_path, sorting=case == "sorts"), ehr)
    schedules = len({dict(call.params)["schedule"] for call in ehr.asked})
    assert len(ehr.asked) == schedules * {"sorts": 1, "fails": 2, "always": 7}[case]
    assert starts
    assert incomplete is True


def test_what_is_whole_is_asked_once(tmp_path: Path) -> None:
    ehr = Ehr()
    message = clinic.query(start="2025-10-22T07:00:00Z", AttendingProviders=[], Locations=[])
    message["EndDateTime"] = "2025-10-22T12:00:00Z"
    body, _, played = clinic.ask(tables(tmp_path), message, ehr, preferences="ignore")
    assert "earliest" not in played.asked
    assert "IsIncomplete" not in body["Meta"]
