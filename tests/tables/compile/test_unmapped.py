"""What a row says of codes that no code table has, in the answer table both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.core.plan import Answer, Call
from gateway.tables.answer import reference
from gateway.tables.answer.site import SiteTables
from tests import clinic

CODES = "redox_code,fhir_code\nFU,follow-up\n"


def tables(folder: Path, rule: str, *, required: bool = False) -> SiteTables:
    site = folder / "sites" / "clinic"
    (site / "codes").mkdir(parents=True)
    (site / "codes" / "reasons.csv").write_text(CODES, "utf-8")
    cells = f"codec: code(reasons), unmapped: {rule}{', required: true' if required else ''}"
    example = "example: {fhir: follow-up, redox: FU}"
    layer = f"over: available-slots.answer\nrows:\n  - {{row: Reason, {cells}, {example}}}\n"
    (site / "answer.yaml").write_text(layer, "utf-8")
    return clinic.tables(folder, "fhir-r4", f"schedule\n{clinic.GRANITE_HOSPITAL}\n")


def slot(reason: str) -> Any:
    return clinic.slot(
        "2025-10-22T09:00:00-07:00", "2025-10-22T09:30:00-07:00", appointmentType={"text": reason}
    )


@pytest.mark.parametrize(
    ("rule", "required", "told"),
    [
        ("pass", False, "odd"),
        ("drop", False, None),
        ("pass", True, "odd"),
        ("drop", True, False),
        ("error", False, False),
    ],
)
def test_a_code_that_no_line_has_is_dealt_with_as_the_row_says(
    tmp_path: Path, rule: str, required: bool, told: Any
) -> None:
    mapping = tables(tmp_path, rule, required=required)
    for reason, wanted in (("follow-up", "FU"), ("odd", told)):
        traced = reference.to_redox(
            mapping.tables["available-slots.answer"], mapping.answer_rows, slot(reason), {"schedule": "s"}
        )
        found = traced.result.get("Reason") if traced.result is not None else False
        assert found == wanted
    good, odd = (
        slot("follow-up"),
        {**slot("odd"), "start": "2025-10-22T10:00:00-07:00", "end": "2025-10-22T10:30:00-07:00"},
    )

    def answer(call: Call) -> Answer:
        return Answer(call, (clinic.bundle(good, odd),)) if call.target == "Slot" else clinic.directory(call)

    body, _, _ = clinic.ask(mapping, clinic.query(), answer, preferences="ignore")
    reasons = [each.get("Reason") for each in body["AvailableSlots"]]
    assert reasons == (["FU"] if told is False else ["FU", told])
    assert body["Meta"].get("IsIncomplete", False) is (told is False)
