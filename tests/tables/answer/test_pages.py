"""Pages of a searchset, of which some entries are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import clinic

ODD: list[Any] = [
    {"resourceType": ["Slot"]},
    {"resourceType": {"Slot": 1}},
    {"resourceType": None},
    {"resourceType": 5},
    ["Slot"],
    "Slot",
    None,
    17,
    [],
]


@pytest.mark.parametrize("odd", ODD, ids=json.dumps)
def test_one_odd_entry_is_left_out_and_told_and_the_others_stay(tmp_path: Path, odd: Any) -> None:
    good = clinic.slot("2023-09-21T08:45:00-07:00", "2023-09-21T09:05:00-07:00")

    def answer(call: Any) -> Any:
        if call.target != "Slot" or clinic.GRANITE_HOSPITAL not in dict(call.params)["schedule"]:
            return clinic.answering()(call)
        return clinic.Answer(call, (clinic.bundle(odd, good),))

    message = clinic.query(start="2023-09-21T00:00:00.000Z")
    body, reply, _ = clinic.ask(clinic.tables(tmp_path), message, answer)
    assert clinic.starts(body) == ["2023-09-21T15:45:00.000Z"]
    assert body["Meta"]["IsIncomplete"] is True
    assert reply.counts["malformed"] == 1
    assert [issue.severity for issue in reply.issues] == ["error"]
