from __future__ import annotations

import re

import pytest

from gateway.sandbox.faults import Fault, Faults


@pytest.fixture
def faults() -> Faults:
    return Faults({"slot": frozenset({"slow", "status", "expired-token"}), "token": frozenset({"status"})})


def test_a_fault_hits_as_often_as_it_says(faults: Faults) -> None:
    faults.set("slot", Fault("status", times=2))
    assert [faults.take("slot") is not None for _ in range(3)] == [True, True, False]
    assert faults.listing() == {}


def test_a_fault_without_times_stands_until_cleared(faults: Faults) -> None:
    faults.set("slot", Fault("slow"))
    assert all(faults.take("slot") for _ in range(5))
    faults.clear()
    assert faults.take("slot") is None


def test_an_expired_token_is_once_unless_told_otherwise(faults: Faults) -> None:
    faults.set("slot", Fault("expired-token"))
    assert faults.take("slot") is not None
    assert faults.take("slot") is None


def test_a_fault_of_one_schedule_leaves_the_others_alone(faults: Faults) -> None:
    faults.set("slot", Fault("slow", schedule="A"), Fault("status", schedule="B"))
    assert faults.take("slot", "C") is None
    hit = faults.take("slot", "B")
    assert hit is not None
    assert hit.kind == "status"


def test_the_listing_tells_what_is_left(faults: Faults) -> None:
    faults.set("slot", Fault("status", times=3, status=429, retry_after=1))
    faults.take("slot")
    assert faults.listing() == {"slot": [{"kind": "status", "times": 2, "status": 429, "retry_after": 1}]}


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"slots": {"kind": "slow"}}, '"slots" is not a target; the targets are slot, token'),
        ({"token": {"kind": "slow"}}, '"slow" is not a fault of "token"; it has status'),
        ({"slot": {"kind": "slwo"}}, "slot: Invalid enum value 'slwo' - at `$.kind`"),
        ({"slot": {"kind": "slow", "secs": 1}}, "slot: Object contains unknown field `secs`"),
        ({"slot": {"kind": "slow", "times": 0}}, "slot: times is the number of calls to hit: 1 or more"),
        ({"slot": {"kind": "status", "status": 200}}, "slot: status is an HTTP error status, 400 to 599"),
        ({"slot": {"kind": "slow", "seconds": -1}}, "slot: seconds is from 0 to 600"),
    ],
)
def test_a_wrong_switch_is_refused_and_changes_nothing(
    faults: Faults, wanted: dict[str, object], text: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}"):
        faults.set_all({"slot": {"kind": "status"}} | wanted)
    assert faults.listing() == {}
