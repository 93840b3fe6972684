"""The parts of the probe: odd CapabilityStatements, and what searches did with their bounds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given

from gateway.core.plan import Answer, Call
from gateway.probe import capability, samples, slots
from gateway.probe.slots import Span
from tests import clinic
from tests.clinic import ZONE, bundle
from tests.generated import ANYTHING

# --- what is declared ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is not JSON"),
        (b"<html>", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b'{"resourceType": "Conformance", "rest": []}', 'its resourceType is "Conformance"'),
        (b'{"resourceType": "CapabilityStatement"}', "it has no rest, so it says nothing of searches"),
        (b'{"resourceType": "CapabilityStatement", "rest": {}}', "rest is not a list"),
        (b'{"resourceType": "CapabilityStatement", "rest": [1]}', "rest holds what is not an object"),
        (
            b'{"resourceType": "CapabilityStatement", "rest": [{"resource": [{}]}]}',
            "rest.resource[0] has no type",
        ),
        (
            b'{"resourceType": "CapabilityStatement", '
            b'"rest": [{"resource": [{"type": "Slot", "searchParam": {"name": "start"}}]}]}',
            "Slot.searchParam is not a list",
        ),
        (
            b'{"resourceType": "CapabilityStatement", '
            b'"rest": [{"resource": [{"type": "Slot", "searchParam": [{"name": 7}]}]}]}',
            "Slot.searchParam: one of them has no name",
        ),
    ],
)
def test_an_odd_statement_says_what_is_odd(content: bytes, problem: str) -> None:
    declared = capability.read(content)
    assert not declared.told
    assert any(each.startswith(problem) for each in declared.problems), declared.problems


@given(ANYTHING)
def test_any_rest_is_read_somehow(rest: Any) -> None:
    resource = [{"type": "Slot", "searchParam": rest}, rest]
    for each in (rest, [rest], [{"resource": rest}], [{"resource": resource}]):
        content = json.dumps({"resourceType": "CapabilityStatement", "rest": each, "software": rest})
        assert msgspec.json.encode(capability.read(content.encode()))


def test_a_huge_statement_is_cut_short_where_it_is_told() -> None:
    params = [{"name": f"p{number}", "type": "token"} for number in range(20_000)]
    resource = [{"type": "Slot", "searchParam": params}, *({} for _ in range(500))]
    content = json.dumps({"resourceType": "CapabilityStatement", "rest": [{"resource": resource}]}).encode()
    declared = capability.read(content)
    assert len(declared.params["Slot"]) == 20_000
    assert declared.problems[-1] == "and 490 more of the kind"


def test_parameters_of_all_types_and_of_the_server_only() -> None:
    content = {
        "resourceType": "CapabilityStatement",
        "rest": [
            {"mode": "client", "resource": [{"type": "Slot", "searchParam": [{"name": "mine"}]}]},
            {
                "mode": "server",
                "searchParam": [{"name": "_id", "type": "token"}],
                "resource": [{"type": "Slot", "searchParam": [{"name": "sta\x1brt", "type": "date"}]}],
            },
        ],
    }
    assert capability.read(json.dumps(content).encode()).params == {
        "Slot": {"_id": "token", "sta?rt": "date"}
    }


# --- what a search did with its bounds ------------------------------------------------------------------


def at(day: int, hour: int, zone: ZoneInfo = ZONE) -> datetime:
    return datetime(2025, 10, day, hour, tzinfo=zone).astimezone(UTC)


# Four days, each with a slot in the morning and one in the evening, which is the next day in UTC.
BASE = frozenset(at(day, hour) for day in (21, 22, 23, 24) for hour in (9, 18))
SPAN = Span(datetime(2025, 10, 21).date(), datetime(2025, 10, 23).date(), ZONE)


def sample_of(starts: frozenset[datetime], **more: Any) -> samples.Sample:
    resources = [clinic.slot(each.isoformat(), (each + timedelta(minutes=20)).isoformat()) for each in starts]
    return samples.sample(Answer(Call("Slot"), (bundle(*resources),), **more), None)


def within(low: datetime, high: datetime) -> frozenset[datetime]:
    return frozenset(each for each in BASE if low <= each < high)


@pytest.mark.parametrize(
    ("found", "days", "verdict", "text"),
    [
        (within(at(21, 0), at(23, 0)), False, "works", "the end is not included"),
        (within(at(21, 0), at(23, 0)), True, "works", "the end is not included; days are the clinic's"),
        (
            within(at(21, 0), at(24, 0)),
            True,
            "end-included",
            "the end day is included; days are the clinic's",
        ),
        (
            within(at(21, 0, UTC), at(23, 0, UTC)),  # type: ignore[arg-type]
            True,
            "works",
            "the end is not included; days are UTC's",
        ),
        (within(at(21, 0), at(24, 0)), False, "ignored", "slots outside came back as well"),
        (BASE, True, "ignored", "slots outside came back as well"),
        (within(at(21, 0), at(22, 0)), True, "partial", "2 of 4 slots inside did not come back"),
        (within(at(22, 0), at(24, 0)), False, "unclear", "other slots came back than the wider search has"),
    ],
)
def test_bounds_are_judged_by_what_came_back(
    found: frozenset[datetime], days: bool, verdict: str, text: str
) -> None:
    assert slots.judged(sample_of(found), BASE, SPAN, days) == (verdict, text)


def test_without_slots_outside_nothing_is_claimed() -> None:
    one_day = within(at(21, 0), at(22, 0))
    span = slots.span_within(one_day, ZONE)
    assert span is not None
    assert slots.judged(sample_of(one_day), one_day, span, True)[0] == "unclear"
    assert slots.judged(sample_of(one_day, complete=False), BASE, SPAN, True)[0] == "unclear"
    assert slots.span_within(frozenset(), ZONE) is None


def test_the_span_leaves_slots_on_its_last_day_and_beyond() -> None:
    assert slots.span_within(BASE, ZONE) == SPAN


@pytest.mark.parametrize(
    ("bounds", "name"),
    [
        (
            (("start", "ge2025-10-21T07:00:00.000Z"), ("start", "lt2025-10-23T07:00:00.000Z")),
            slots.INSTANT_PREFIX,
        ),
        ((("start", "ge2025-10-21"), ("start", "lt2025-10-23")), slots.DAY_PREFIX),
        ((("start", "2025-10-21"), ("end", "2025-10-23")), slots.DAYS),
        ((("start", "2025-10-21T07:00:00.000Z"), ("end", "2025-10-23T07:00:00.000Z")), slots.INSTANTS),
        ((("start", "ge2025-10-21"), ("end", "2025-10-23")), ""),
        ((("start", "ge2025-10-21"),), ""),
    ],
)
def test_a_spelling_is_told_by_its_parameters(bounds: tuple[tuple[str, str], ...], name: str) -> None:
    assert slots.spelling(bounds) == name
