"""Each program that is measured beside ours gives the right answer, as far as it says it does the job."""

from __future__ import annotations

import dataclasses
import json

import pytest

from benchmarks import floor
from benchmarks.bundles import canvas_case, sample_case
from benchmarks.others import OTHERS
from benchmarks.programs import Program, fault


@pytest.mark.parametrize("program", OTHERS, ids=lambda program: program.name)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # some of these libraries lag behind Python
def test_right_on_the_sample_and_on_a_generated_case(program: Program) -> None:
    if program.versions() is None:
        pytest.skip(f"not installed here: {' or '.join(program.packages)}")
    assert fault(program, sample_case()) is None
    assert fault(program, canvas_case(100)) is None


def test_a_wrong_answer_is_noticed() -> None:
    right = Program("right", floor.prepare)
    case = canvas_case(100)
    answer = json.loads(floor.prepare(case)())
    assert fault(right, case) is None

    def saying(**changed: object) -> Program:
        return Program("wrong", lambda _case: lambda: json.dumps({**answer, **changed}).encode())

    slots = answer["AvailableSlots"]
    later = [{**slots[0], "DateTime": "2025-10-31T15:00:00.001Z"}, *slots[1:]]
    assert (
        fault(saying(AvailableSlots=slots[1:]), case)
        == f"{len(slots) - 1} slots where {len(slots)} should be."
    )
    assert fault(saying(AvailableSlots=later), case) == "AvailableSlots[0] is not as it should be."
    assert fault(saying(AvailableSlots=slots[::-1]), case) == "AvailableSlots[0] is not as it should be."
    assert fault(saying(Meta={**answer["Meta"], "Test": False}), case) == "Meta.Test is not as it should be."


def test_what_a_program_skips_is_not_held_against_it() -> None:
    case = canvas_case(100)
    answer = json.loads(floor.prepare(case)())
    for slot in answer["AvailableSlots"]:
        del slot["Duration"]
    program = Program("no minutes", lambda _case: lambda: json.dumps(answer).encode())
    assert fault(program, case) == "AvailableSlots[0] is not as it should be."
    assert fault(dataclasses.replace(program, skips=("minutes",)), case) is None


def test_a_package_that_is_missing_is_told() -> None:
    assert Program("nothing", floor.prepare, ("no-such-distribution-here",)).versions() is None
