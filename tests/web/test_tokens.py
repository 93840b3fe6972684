from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web import tokens
from gateway.web.tokens import TokenIndex


def test_with_no_tokens_nothing_opens() -> None:
    index = TokenIndex([])
    assert [index.opens(token) for token in ("", " ", "None", "secret")] == [None] * 4


def test_a_token_opens_the_sites_it_is_configured_for() -> None:
    index = TokenIndex([("shared", "one"), ("shared", "two"), ("old", "one"), ("new", "three")])
    assert index.opens("shared") == {"one", "two"}
    assert index.opens("old") == {"one"}
    assert index.opens("new") == {"three"}


def test_an_empty_token_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="site 'one' is empty"):
        TokenIndex([("", "one")])


@given(st.text(min_size=1), st.text())
def test_only_the_very_token_opens(token: str, other: str) -> None:
    assert (TokenIndex([(token, "one")]).opens(other) is not None) == (token == other)


def test_tokens_that_share_a_prefix_of_their_digest_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_PREFIX", 0)  # all in one bucket
    index = TokenIndex([("a", "one"), ("b", "two")])
    assert (index.opens("a"), index.opens("b"), index.opens("c")) == ({"one"}, {"two"}, None)


def test_whole_digests_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []
    truly = hmac.compare_digest

    def compare(one: bytes, two: bytes) -> bool:
        compared.append((len(one), len(two)))
        return truly(one, two)

    index = TokenIndex([("secret", "one")])
    monkeypatch.setattr(tokens.hmac, "compare_digest", compare)
    assert index.opens("secret") == {"one"}
    assert compared == [(32, 32)]


def test_neither_tokens_nor_digests_show() -> None:
    index = TokenIndex([("secret", "one")])
    assert repr(index) == "TokenIndex(1 tokens)"
    assert "secret" not in repr(vars(index))
