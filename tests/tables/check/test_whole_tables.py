"""A whole table that was meant as a layer: one fault at its own file, and what is wrong beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.layered import faults

EMAIL = "  - directory: email\n    fhir: Practitioner.telecom.where(system='email').value\n"
REASON = "  - redox: Reason\n    fhir: Slot.serviceType.first().text\n"
HEAD = "redox: AvailableSlotsResponse\nbelow: AvailableSlots\nfhir: Slot\n"


def _said(name: str, rows: str) -> str:
    return (
        "x.yaml:1:1: this whole table replaces the one below, and lacks rows of it that are needed, among "
        f'{rows} more; write "over: {name}" in place of "table: {name}" to keep them'
    )


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("directory", f"rows:\n{EMAIL}", '"schedule", "practitioner", "provider_id" and 33'),
        ("available-slots.answer", f"{HEAD}rows:\n{REASON}", '"DateTime", "Duration", "ID" and 22'),
        ("available-slots.answer", f"rows:\n{REASON}", '"DateTime", "Duration", "ID" and 22'),
    ],
)
def test_rows_that_are_gone_are_told_once(tmp_path: Path, name: str, text: str, rows: str) -> None:
    assert faults(tmp_path, {"x.yaml": f"table: {name}\n{text}"}) == [_said(name, rows)]


def test_what_is_wrong_beside_it_is_told_too(tmp_path: Path) -> None:
    wrong = REASON.replace("serviceType", "serviceTyp")
    found = faults(tmp_path, {"x.yaml": f"table: available-slots.answer\n{HEAD}rows:\n{wrong}"})
    assert len(found) == 2
    assert found[1].startswith('x.yaml:7:11: Slot has no field "serviceTyp"; did you mean "serviceType"')


def test_a_whole_table_with_all_that_is_needed_is_right(tmp_path: Path) -> None:
    from gateway.shipped import folder

    text = (folder("mappings") / "base" / "directory.yaml").read_text("utf-8")
    assert faults(tmp_path, {"x.yaml": f"{text}{EMAIL}"}) == []
