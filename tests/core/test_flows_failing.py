"""What becomes of a query when a part of its answers, or all of them, do not come or cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.errors import (
    DeadlineExceeded,
    GatewayError,
    Issue,
    NotKnownHere,
    UpstreamFailed,
    UpstreamUnavailable,
)
from gateway.core.plan import Answer, Call, Failure, Outcome
from gateway.tables.answer.site import SiteTables
from tests import clinic
from tests.clinic import (
    GRANITE_JUNIPER,
    SLATE_HOSPITAL,
    ask,
    refused,
    slot,
    starts,
)

TUESDAY = slot("2025-10-28T10:00:00-07:00", "2025-10-28T10:30:00-07:00")


def texts(error: GatewayError) -> list[str]:
    return [str(issue) for issue in error.issues]


def test_one_schedule_failing_leaves_the_answer_incomplete(mapping: SiteTables) -> None:
    def answer(call: Call) -> Outcome:
        if dict(call.params).get("schedule") == f"Schedule/{SLATE_HOSPITAL}":
            return Failure(call, "status", 500)
        return clinic.answering(TUESDAY)(call)

    body, reply, _ = ask(mapping, clinic.query(), answer)
    assert starts(body) == ["2025-10-28T17:00:00.000Z"]
    assert body["Meta"]["IsIncomplete"] is True
    assert reply.counts["failed"] == 1


def test_missing_pages_leave_the_answer_incomplete(mapping: SiteTables) -> None:
    def answer(call: Call) -> Outcome:
        found = clinic.answering(TUESDAY)(call)
        if call.target == "Slot" and isinstance(found, Answer):
            return Answer(
                call, found.pages, complete=False, issues=(Issue("incomplete", "Slot", "page cap"),)
            )
        return found

    body, _, _ = ask(mapping, clinic.query(), answer)
    assert body["Meta"]["IsIncomplete"] is True
    assert len(body["AvailableSlots"]) == 1


@pytest.mark.parametrize(
    ("failure", "status", "error"),
    [
        (("connect",), 502, UpstreamFailed),
        (("protocol",), 502, UpstreamFailed),
        (("unauthorized", 401), 502, UpstreamFailed),
        (("status", 400, "invalid"), 502, UpstreamFailed),
        (("status", 500), 502, UpstreamFailed),
        (("overloaded", 429, None, 7.0), 503, UpstreamUnavailable),
        (("breaker", None, None, 3.0), 503, UpstreamUnavailable),
        (("deadline",), 504, DeadlineExceeded),
    ],
)
def test_all_searches_failing_is_an_error_by_the_table(
    mapping: SiteTables, failure: tuple[Any, ...], status: int, error: type[GatewayError]
) -> None:
    def answer(call: Call) -> Outcome:
        return clinic.directory(call) if call.target != "Slot" else Failure(call, *failure)

    caught = refused(mapping, clinic.query(), answer)
    assert type(caught) is error
    assert caught.status == status
    assert caught.retry_after == (failure[3] if len(failure) > 3 else None)
    assert len(caught.issues) == 1


def test_of_several_failures_the_telling_one_is_told(mapping: SiteTables) -> None:
    def answer(call: Call) -> Outcome:
        if call.target != "Slot":
            return clinic.directory(call)
        late = dict(call.params)["schedule"].endswith(GRANITE_JUNIPER)
        return Failure(call, "deadline") if late else Failure(call, "unauthorized", 403)

    assert isinstance(refused(mapping, clinic.query(), answer), UpstreamFailed)


def test_no_directory_and_no_csv_is_an_error(mapping: SiteTables) -> None:
    caught = refused(replace(mapping, schedules=()), clinic.query(), clinic.failing("deadline"))
    assert isinstance(caught, DeadlineExceeded)


def test_answers_that_are_no_bundles_are_failures(mapping: SiteTables) -> None:
    def answer(call: Call) -> Outcome:
        outcome = b'{"resourceType":"OperationOutcome","issue":[{"code":"canary"}]}'
        return clinic.directory(call) if call.target != "Slot" else Answer(call, (outcome,))

    caught = refused(mapping, clinic.query(), answer)
    assert isinstance(caught, UpstreamFailed)
    assert "canary" not in "".join(texts(caught))

    def mixed(call: Call) -> Outcome:
        return clinic.answering(TUESDAY)(call) if SLATE_HOSPITAL not in str(call) else answer(call)

    body, reply, _ = ask(mapping, clinic.query(), mixed)
    assert (starts(body), body["Meta"]["IsIncomplete"], reply.counts["failed"]) == (
        ["2025-10-28T17:00:00.000Z"],
        True,
        1,
    )


def test_slots_of_other_schedules_only_are_not_taken_for_nothing_open(mapping: SiteTables) -> None:
    other = clinic.bundle(slot("2025-10-28T12:00:00-07:00", "2025-10-28T12:30:00-07:00", "someone-elses"))

    def answer(call: Call) -> Outcome:
        return clinic.directory(call) if call.target != "Slot" else Answer(call, (other,))

    body, _, _ = ask(mapping, clinic.query(), answer)
    assert body["AvailableSlots"] == []
    assert body["Meta"]["IsIncomplete"] is True


def test_a_site_without_schedules_is_an_error_not_an_empty_list(mapping: SiteTables) -> None:
    bare = replace(mapping, schedules=())

    def empty(call: Call) -> Outcome:
        return Answer(call, (clinic.bundle(),))

    def unreadable(call: Call) -> Outcome:
        return Answer(call, (b"[]",))

    assert isinstance(refused(bare, clinic.query(), empty), NotKnownHere)
    assert isinstance(refused(bare, clinic.query(), unreadable), UpstreamFailed)


OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}


@pytest.mark.parametrize(
    "page",
    [
        b"{}",
        b'{"message": "Forbidden"}',
        b'{"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": "exception"}]}',
        clinic.bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "ERROR", "code": "x"}]}),
        clinic.bundle(OUTCOME),
        b'{"resourceType": "Bundle", "entry": [1, null]}',
        clinic.bundle({"resourceType": "Slot", "status": "free"}),
    ],
)
def test_an_answer_of_which_nothing_can_be_used_is_never_an_empty_list(
    mapping: SiteTables, page: bytes
) -> None:
    def slots(call: Call) -> Outcome:
        return Answer(call, (page,)) if call.target == "Slot" else clinic.answering()(call)

    def schedules(call: Call) -> Outcome:
        return Answer(call, (page,)) if call.target == "Schedule" else clinic.answering()(call)

    assert type(refused(mapping, clinic.query(), slots)) is UpstreamFailed
    bare = replace(mapping, schedules=())
    assert type(refused(bare, clinic.query(), schedules)) is UpstreamFailed


def test_an_error_told_beside_slots_makes_the_answer_incomplete(mapping: SiteTables) -> None:
    def answer(call: Call) -> Outcome:
        if dict(call.params).get("schedule") == f"Schedule/{SLATE_HOSPITAL}":
            return Answer(
                call,
                (
                    clinic.bundle(
                        slot("2025-10-28T10:00:00-07:00", "2025-10-28T10:30:00-07:00", SLATE_HOSPITAL),
                        OUTCOME,
                    ),
                ),
            )
        return clinic.answering()(call)

    body, _, _ = ask(mapping, clinic.query(), answer)
    assert starts(body) == ["2025-10-28T17:00:00.000Z"]
    assert body["Meta"]["IsIncomplete"] is True
