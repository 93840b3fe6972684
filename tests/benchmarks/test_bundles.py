"""The generated Bundles are what the measurements say they are."""

from __future__ import annotations

import json

from fhir.resources.R4B.bundle import Bundle

from benchmarks import plain
from benchmarks.bundles import canvas_case, sample_case


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert canvas_case(100, seed=3) == canvas_case(100, seed=3)
    assert canvas_case(100, seed=3).schedules != canvas_case(100, seed=4).schedules


def test_bundles_are_valid_and_of_the_size_asked_for() -> None:
    case = canvas_case(250, schedules=3)
    bundles = [Bundle.model_validate_json(searched.bundle) for searched in case.schedules]
    assert sum(len(bundle.entry or ()) for bundle in bundles) == case.slots == 250


def test_a_case_has_something_to_leave_out_and_both_offsets() -> None:
    case = canvas_case(1000)
    slots = [entry["resource"] for entry in json.loads(case.schedules[0].bundle)["entry"]]
    kept = plain.answer(case)["AvailableSlots"]
    assert {slot["start"][-6:] for slot in slots} == {"-07:00", "-08:00"}
    assert {slot["start"][14:16] for slot in slots} == {"00", "15", "30", "45"}
    free = [slot for slot in slots if slot["status"] == "free"]
    assert len(kept) < len(plain.answer(case, doubles=False)["AvailableSlots"]) < len(free) < len(slots)
    assert len(plain.answer(case, window=False)["AvailableSlots"]) > len(kept) > 900


def test_the_sample_is_the_documents_bundle() -> None:
    assert len(plain.answer(sample_case())["AvailableSlots"]) == 3
