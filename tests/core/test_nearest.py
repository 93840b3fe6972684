"""The nearest known values: found among few, and not looked for at any price."""

from __future__ import annotations

import pytest

from gateway.core import nearest
from gateway.core.nearest import Known

NAMES = Known.of(f"Dr. {letter * 3}{number:03}" for letter in "abcdefgh" for number in range(100))


def test_the_likest_come_first_as_they_are_spelt() -> None:
    assert Known.of(["Slate", "Granite", "GRANIT"]).nearest("granit") == ["GRANIT", "Granite"]


def test_case_and_spacing_do_not_count() -> None:
    known = Known.of(["Juniper  Street"])
    assert "juniper street " in known
    assert "juniper" not in known


def test_of_many_those_that_begin_alike_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    monkeypatch.setattr(
        nearest.difflib,  # type: ignore[attr-defined]
        "get_close_matches",
        lambda word, among, n, cutoff: compared.append(len(among)) or [among[len(among) // 2]],
    )
    for word in ("Dr. ccc05", "aaa", "zzz"):
        assert NAMES.nearest(word)
    assert compared == [200] * 3


def test_the_nearest_of_many_is_found_by_its_beginning() -> None:
    assert NAMES.nearest("Dr. ccc0500")[0] == "Dr. ccc050"


def test_a_long_value_is_like_no_other() -> None:
    assert Known.of(["x" * 70]).nearest("x" * 69) == []
