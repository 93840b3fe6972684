"""`python -m benchmarks` runs, and what it writes can be read."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from benchmarks import bundling, run, serving
from benchmarks.load import LoadFailed
from benchmarks.programs import Program
from benchmarks.report import Table, duration, ratio
from benchmarks.timing import Effort, interleaved


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # some of the other libraries lag behind Python
def test_a_quick_run_prints_and_writes_its_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "results.md"
    assert run.main(["bundles", "--quick", "--output", str(written)]) == 0
    text = written.read_text(encoding="utf-8")
    printed = capsys.readouterr()
    assert "## Bundle bytes to Redox bytes: 100 slots" in text
    assert "`python -m benchmarks bundles --quick`" in text
    assert str(tmp_path) not in text
    for program in bundling.PROGRAMS:
        assert text.count(f"| {program.name} ") == 2
    assert all(line in printed.out for line in text.splitlines())
    assert "100 slots" in printed.err


def test_a_wrong_program_stops_the_run_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Program("wrong", lambda _case: lambda: b'{"Meta": {}, "AvailableSlots": []}')
    monkeypatch.setattr(bundling, "tables", lambda *_: original(Effort(1, 0.001), (), [wrong]))
    assert run.main(["bundles", "--output", str(tmp_path / "results.md")]) == 1
    assert "wrong: Meta.DataModel is not as it should be." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


original = bundling.tables


def test_an_unknown_section_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["speed"])
    told = capsys.readouterr().err
    assert "no such section: speed; there are bundles, reverse, http, growth, start-up" in told


def test_servers_are_measured_side_by_side_and_a_missing_one_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = serving.Load(1.0, 1, 4, run.HEADERS, run.queries())
    servers = (serving.BARE, serving.NGINX, serving.Server("nowhere", lambda _ground: None))
    table = serving.table(servers, plan)
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["nowhere"][0] == "not installed"
    assert float(rows[serving.BARE.name][0].replace(",", "")) > 50
    assert rows[serving.BARE.name][1] == "1.00x"
    assert "throughput, round 1 of 1: bare aiohttp proxy" in capsys.readouterr().err


def test_a_server_that_ends_at_once_is_told() -> None:
    plan = serving.Load(0.1, 1, 2, run.HEADERS, run.queries())
    ending = serving.Server("ending", lambda _ground: [sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(LoadFailed, match="ending ended with 3 before it listened"):
        serving.table([ending], plan)


def test_slow_and_quick_calls_are_told_apart() -> None:
    calls = {"quick": lambda: time.sleep(0.001), "slow": lambda: time.sleep(0.004)}
    timings = interleaved(calls, Effort(rounds=4, seconds=0.002))
    assert 0.001 <= timings.median("quick") < timings.median("slow")
    assert timings.ratio("slow", "quick") > 1.5
    assert timings.ratio("quick", "quick") == 1.0


def test_tables_are_aligned_and_numbers_have_units() -> None:
    table = Table("T", ("name", "n", "why"), (("a", "10", "x"), ("bcd", "9", "-")), ("a note",), ("why",))
    assert table.markdown() == (
        "## T\n\n| name |  n | why |\n| ---- | -: | --- |\n| a    | 10 | x   |\n| bcd  |  9 | -   |\n"
        "\n- a note\n"
    )
    assert [duration(value) for value in (2.5, 0.0123, 0.000_004_56)] == ["2.50 s", "12.3 ms", "4.56 µs"]
    assert [ratio(value) for value in (1.0, 9.87, 123.4)] == ["1.00x", "9.87x", "123x"]
