"""How many values a JSON text holds, and how long its texts are, without decoding it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import values
from gateway.core.values import at_once, ordered, parts

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a,[{"\\]:}é\n', max_size=8),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4)
        | st.dictionaries(st.text(alphabet='b,[{"\\', max_size=3), inner, min_size=1, max_size=4)
    ),
    max_leaves=30,
)


def counted(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(counted, inner))


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_PIECE", 7)
    monkeypatch.setattr(values, "_EXACT_PIECE", 5)


@given(JSON, st.booleans())
def test_what_stands_in_texts_does_not_count(value: Any, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped).encode()
    number = counted(value)
    assert at_once(values.values(text, number)) >= number
    assert at_once(values.values(text, number)) <= number
    assert at_once(values.values(text, number - 1)) > number - 1


@pytest.mark.parametrize("letter", ["," * 1000, "[{,\\" * 300, '"' * 1000, "\\" * 999, '\\",' * 400])
def test_a_long_letter_is_one_value(letter: str) -> None:
    text = json.dumps({"Notes": [letter], "More": 1}).encode()
    assert at_once(values.values(text, 10)) == 4


@given(st.binary(max_size=200))
def test_any_bytes_can_be_counted(text: bytes) -> None:
    assert at_once(values.values(text, 3)) >= 1
    assert at_once(values.has_longer(text, 8)) in (True, False)


@pytest.mark.parametrize("inside", ["a", '\\"', "\\\\", "é", ","])
def test_a_long_text_is_seen_whatever_is_in_it(inside: str) -> None:
    text = f'{{"a":"{inside * 60}","b":1}}'.encode()
    assert at_once(values.has_longer(text, 30))


@given(st.lists(st.text(alphabet='ab\\",é', max_size=10), max_size=30))
def test_many_short_texts_are_not_one_long(texts: list[str]) -> None:
    assert not at_once(values.has_longer(json.dumps(texts, ensure_ascii=False).encode(), 60))


def test_blanks_are_no_text() -> None:
    assert not at_once(values.has_longer(b" \n" * 100 + b"{}", 30))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers()), max_size=40))
def test_many_are_in_the_same_order_as_few(items: list[tuple[int, int]]) -> None:
    few = at_once(ordered(items, lambda each: each[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "_SORTED_AT_ONCE", 7)
        patch.setattr(values, "_MERGED_AT_ONCE", 3)
        work, pauses = ordered(items, lambda each: each[0]), 0
        while True:
            try:
                next(work)
            except StopIteration as end:
                many = end.value
                break
            pauses += 1
    assert few == many == sorted(items, key=lambda each: each[0])
    assert (pauses > 0) == (len(items) > 7)


@given(st.lists(st.integers(0, 12), max_size=30))
def test_parts_are_all_of_it_and_none_is_long(sizes: list[int]) -> None:
    texts = [msgspec.Raw(b"1" * size) for size in sizes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "_PART_BYTES", 10)
        patch.setattr(values, "_PART_TEXTS", 4)
        found = list(parts(texts))
    assert [each for part in found for each in part] == texts
    assert all(0 < len(part) <= 4 for part in found)
    assert all(len(part) == 1 or sum(len(bytes(each)) for each in part) <= 10 for part in found)
