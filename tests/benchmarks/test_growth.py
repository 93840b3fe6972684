"""The sections on growth and start-up run, and say what they should."""

from __future__ import annotations

import json

import pytest

from benchmarks import ours, plain, rows, scaling, startup
from benchmarks.bundles import canvas_case
from benchmarks.load import LoadFailed
from benchmarks.timing import Effort


def test_growth_is_measured_for_all_that_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, sizes in (
        ("SLOTS", (3, 1, 30)),
        ("SCHEDULES", (1, 2, 4)),
        ("ROWS", (1, 2, 3)),
        ("SITES", (1, 2, 3)),
    ):
        monkeypatch.setattr(scaling, name, sizes)
    [table] = scaling.tables(Effort(2, 0.001), quick=True)
    assert len(table.rows) == 12
    assert [row[1] for row in table.rows[:4]] == ["3", "30", "1", "4"]
    assert all(row[3] == "1.00x" and row[4] == "-" for row in table.rows[::2])


def test_the_exponent_is_of_the_growth_from_the_size_before() -> None:
    lines = scaling._lines("x", (10, 100, 1000), (1.0, 10.0, 1000.0))
    assert [line[2:] for line in lines] == [
        ("1.00 s", "1.00x", "-"),
        ("10.0 s", "10x", "1.00"),
        ("1000 s", "1,000x", "2.00"),
    ]


def test_added_rows_are_in_the_table_and_change_nothing_where_they_have_no_value() -> None:
    case = canvas_case(100)
    assert len(rows.tables(7, scaling.UNUSED).answer_rows) == len(ours.tables().answer_rows) + 7
    assert json.loads(ours.prepare(case, rows.tables(7, scaling.UNUSED))()) == plain.answer(case)
    filled = ours.prepare(scaling._commented(case), rows.tables(7, scaling.USED))()
    assert filled.count(b'"IDType":"6"') == ours.prepare(case)().count(b'"DateTime"')


def test_a_command_that_fails_is_no_result(tmp_path: object) -> None:
    with pytest.raises(LoadFailed, match="gateway check --nothing ended with 2"):
        startup._ended(str(tmp_path), "check", "--nothing")


def test_start_up_is_timed() -> None:
    [table] = startup.tables(runs=1)
    assert [row[0] for row in table.rows][1:] == [
        "gateway check, shipped tables",
        "gateway serve, until /readyz says so",
    ]
