from __future__ import annotations

import pytest

from benchmarks import overload


async def test_goodput_is_told_for_each_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "OFFERED", (0.2,))
    table = await overload.goodput(1)
    [row] = table.rows
    assert len(row) == len(table.columns)
    assert (row[0], row[-1]) == ("0.2 x 40/s", "0")
    assert float(row[1]) > 0


async def test_a_calm_site_is_measured_alone_and_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "NOISY", 2)
    table = await overload.beside_noise(1)
    assert [row[0] for row in table.rows] == ["alone", "beside 2 that hang"]
    for row in table.rows:
        assert len(row) == len(table.columns)
        assert row[1] == row[2] != "0", "all were answered"
