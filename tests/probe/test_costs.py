"""Sizes and limits by which a site could not answer in time."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.probe import Limits, Report, costs
from gateway.probe.report import Pages

LIMITS = Limits(max_concurrency=20, deadline_seconds=25, max_query_pages=500, max_schedules=50)


def told(
    sizes: tuple[int, ...] = (30,), asked: int | None = 100, seconds: float = 1.0, **more: Any
) -> list[str]:
    pages = (Pages("Slot", sizes, asked),)
    known: dict[str, Any] = {"schedules": 40, "searches": 40, "tried": 1, "pages": pages} | more
    report = Report("north", "canvas", "t", "fhir", False, **known)
    return [f"{each.level}: {each.text}" for each in costs(report, LIMITS, seconds)]


def test_nothing_where_all_is_well() -> None:
    assert told() == []
    assert told(seconds=25.0, tried=2) == []
    assert told((), pages=()) == told(searches=0) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"sizes": (10, 10, 3)},
            "note: Slots come 10 a page, though 100 are asked for: one search took",
        ),
        ({"sizes": (5, 5, 5, 5), "asked": 5}, "note: page_size is 5: one search took 4 requests"),
        (
            {"schedules": 400, "searches": 400},
            "note: The EHR lists 400 schedules; one answer is of 50 of them at most (max_schedules)",
        ),
        (
            {"schedules": 400, "searches": 400, "seconds": 2.6},
            "fault: A query for 200 schedules makes 200 searches, 20 at a time; by this one they take 26 s, ",
        ),
        (
            {"seconds": 13.0},
            "fault: A query for 40 schedules makes 40 searches, 20 at a time; by this one they take 26 s, "
            "more than deadline_seconds (25): raise upstream.max_concurrency",
        ),
        (
            {"sizes": (100,) * 13},
            "fault: A query for 40 schedules makes 40 searches; by this one they have 520 pages, "
            "more than upstream.max_query_pages (500)",
        ),
    ],
)
def test_what_is_too_much(given: dict[str, Any], said: str) -> None:
    assert any(each.startswith(said) for each in told(**given)), told(**given)
