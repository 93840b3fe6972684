"""Values on one line, and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.files import marked
from gateway.files.characters import HIDDEN
from gateway.files.flow import block, flow, unflow

_TEXTS = st.text(max_size=12).filter(
    lambda text: not HIDDEN.search(text) and "\r" not in text and "\t" not in text
)
_KEYS = _TEXTS.filter(lambda text: text and text != "<<" and "\n" not in text)
_VALUES = st.recursive(
    _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(_VALUES)
def test_there_and_back(value: Any) -> None:
    assert unflow(flow(value)) == value


@given(_VALUES)
def test_a_file_has_it_as_it_is(value: Any) -> None:
    node, faults = marked.read(f"rows:\n  - key: {block(value)}\n    note: x\n", "")
    assert node is not None and not faults
    assert marked.plain(node) == {"rows": [{"key": value, "note": "x"}]}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("code(visit-types)", "code(visit-types)"),
        ("a: b", "a: b"),
        (["a", "b, c"], '[a, "b, c"]'),
        ({"redox": "1", "with": ["x: y"]}, '{redox: 1, with: ["x: y"]}'),
        ("[not a list", '"[not a list"'),
    ],
)
def test_nothing_is_quoted_that_need_not_be(value: Any, told: str) -> None:
    assert flow(value) == told


@pytest.mark.parametrize("text", ["[a", "{a", '"a', "[a] b", "{a: b}}"])
def test_what_does_not_end_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="brackets"):
        unflow(text)
