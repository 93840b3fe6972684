"""The reverse direction is measured doing the whole job, beside the forward one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from benchmarks import reverse
from benchmarks.bundles import Case, canvas_case, sample_case
from benchmarks.bundling import WrongAnswer
from benchmarks.timing import Effort


@pytest.mark.parametrize("case", [sample_case(), canvas_case(300), canvas_case(300, schedules=4)])
def test_the_gateway_gives_the_plain_answer(case: Case) -> None:
    reverse.check(case, reverse.prepare)


def test_the_same_number_of_slots_goes_either_way() -> None:
    case = canvas_case(300)
    slots = json.loads(reverse.told(case))["AvailableSlots"]
    assert len(slots) == case.slots == len(json.loads(case.schedules[0].bundle)["entry"])
    assert all({"ID", "Provider", "Location"} <= set(slot) for slot in slots)
    assert not any("ID" in slot for slot in json.loads(reverse.told(case, ids=False))["AvailableSlots"])
    assert 0 < len(reverse.plain(case)["entry"]) < case.slots  # doubles and those out of the window


def test_a_wrong_answer_is_told_before_anything_is_timed() -> None:
    def wrong(case: Case, *, ids: bool) -> Callable[[], bytes]:
        right = json.loads(reverse.prepare(case, ids=ids)())
        right["entry"][-1]["resource"]["end"] = right["entry"][-1]["resource"]["start"]
        return lambda: json.dumps(right).encode()

    with pytest.raises(WrongAnswer, match="100 slots: the Bundle is not as it should be"):
        reverse.check(canvas_case(100), wrong)


def test_both_directions_stand_side_by_side() -> None:
    tables = reverse.sections(Effort(1, 0.001), quick=True)
    assert [table.title for table in tables] == [
        "Both directions: 3 slots (the Canvas sample)",
        "Both directions: 100 slots",
    ]
    for table in tables:
        assert [row[0] for row in table.rows] == [reverse.FORWARD, reverse.REVERSE, reverse.BARE]
        assert table.rows[0][3] == "1.00x"
