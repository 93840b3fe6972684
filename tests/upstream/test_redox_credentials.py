from __future__ import annotations

import json

import pytest

from gateway.upstream.redox_credentials import LegacyKey
from gateway.upstream.token_answer import DEFAULT_LIFETIME_SECONDS, TokenError

NOW = 1_761_073_200.5


def legacy() -> LegacyKey:
    return LegacyKey(base_url="http://h/", api_key="k", secret="s")


def test_the_legacy_key_is_sent_as_json() -> None:
    request = legacy().request(now=NOW)
    assert str(request.url) == "http://h/auth/authenticate"
    assert json.loads(request.body or b"") == {"apiKey": "k", "secret": "s"}


@pytest.mark.parametrize(
    ("expires", "lifetime"),
    [
        ("2025-10-21T20:00:00.500Z", 3600.0),
        ("2025-10-21T20:00:00.500", 3600.0),
        ("2025-10-21T13:00:00.500-07:00", 3600.0),
        ("2025-10-21T18:00:00Z", DEFAULT_LIFETIME_SECONDS),
        ("tomorrow", DEFAULT_LIFETIME_SECONDS),
        (None, DEFAULT_LIFETIME_SECONDS),
    ],
)
def test_the_end_of_a_legacy_token_is_a_time_of_day(expires: str | None, lifetime: float) -> None:
    body = json.dumps({"accessToken": "a", "expires": expires, "refreshToken": "r"}).encode()
    grant = legacy().grant(body, now=NOW)
    assert (grant.token, grant.lifetime) == ("a", lifetime)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"accessToken": ""}', b'{"accessToken": "a b"}'])
def test_an_answer_without_a_token(body: bytes) -> None:
    with pytest.raises(TokenError, match="the token endpoint answered, but its"):
        legacy().grant(body, now=NOW)


def test_no_secret_is_shown() -> None:
    assert "hush" not in f"{LegacyKey(base_url='http://h', api_key='hush', secret='hush')!r}"
