from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.token_answer import (
    DEFAULT_LIFETIME_SECONDS,
    LONGEST_LIFETIME_SECONDS,
    Grant,
    TokenError,
    oauth_grant,
    token_refused,
)


def body(**fields: Any) -> bytes:
    return json.dumps({"access_token": "abc", **fields}).encode()


@pytest.mark.parametrize(
    "kind",
    ["Bearer", "bearer", "BEARER", "BearerToken", "bearertoken", "Bearer Token", "bearer_token",
     "Bearer-Token", " bearer ", "Bearer ", "", None],
)  # fmt: skip
def test_bearer_in_any_spelling(kind: object) -> None:
    assert oauth_grant(body(token_type=kind)).token == "abc"


def test_without_a_type_it_is_a_bearer_token() -> None:
    assert oauth_grant(body()).token == "abc"


@pytest.mark.parametrize(
    "kind", ["mac", "DPoP", "pop", "N_A", "JWT", "bearer mac", "bearers", "xbearer", 5, True, ["Bearer"], {}]
)
def test_other_types_are_refused_by_name_of_the_field(kind: object) -> None:
    assert trouble(body(token_type=kind)) == (
        "protocol",
        "the token endpoint answered, but its token_type is not Bearer, and no other is spoken here",
    )


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (3600, 3600),
        (3600.5, 3600.5),
        ("3600", 3600),
        ("3600.0", 3600),
        (" 3599 ", 3599),
        ("3.6e3", 3600),
        (0.25, 0.25),
        (1e99, LONGEST_LIFETIME_SECONDS),
        (10**400, LONGEST_LIFETIME_SECONDS),
        ("9" * 30, LONGEST_LIFETIME_SECONDS),
        ("1e999", LONGEST_LIFETIME_SECONDS),
        *(
            (each, DEFAULT_LIFETIME_SECONDS)
            for each in (None, 0, "0", -1, "-1", "", "nan", "NaN", "inf", "soon", "3_600", "٣٦٠٠", "1h", True)
        ),
        *((each, DEFAULT_LIFETIME_SECONDS) for each in ([3600], {"seconds": 3600}, "9" * 5000)),
    ],
)
def test_how_long_it_lives(told: object, seconds: float) -> None:
    assert oauth_grant(body(expires_in=told)).lifetime == seconds


def test_numbers_that_json_does_not_have() -> None:
    for told, seconds in (("NaN", DEFAULT_LIFETIME_SECONDS), ("1e999", LONGEST_LIFETIME_SECONDS)):
        assert oauth_grant(b'{"access_token":"a","expires_in":%s}' % told.encode()) == Grant("a", seconds)
    assert oauth_grant(b'\xef\xbb\xbf{"access_token":"a"}').token == "a"


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())))
def test_whatever_expires_in_is_the_token_is_used(told: object) -> None:
    lifetime = oauth_grant(body(expires_in=told)).lifetime
    assert 0 < lifetime <= LONGEST_LIFETIME_SECONDS and math.isfinite(lifetime)


def trouble(answer: bytes) -> tuple[str, str | None]:
    with pytest.raises(TokenError) as raised:
        oauth_grant(answer)
    return raised.value.kind, raised.value.token


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "its answer is not a JSON object"),
        (b"<html>token</html>", "its answer is not a JSON object"),
        (b'["access_token"]', "its answer is not a JSON object"),
        (b"\xff\xfe", "its answer is not a JSON object"),
        (b"[" * 100_000, "its answer is not a JSON object"),
        (b"access_token=abc&token_type=bearer", "its answer is not a JSON object"),
        (b'{"token":"abc"}', "its answer has no access_token"),
        (b'{"access_token":null}', "its answer has no access_token"),
        (b'{"access_token":123}', "its access_token is not a text"),
        (b'{"access_token":{"value":"abc"}}', "its access_token is not a text"),
        (b'{"access_token":""}', "its access token is empty"),
        *(
            (
                json.dumps({"access_token": token}).encode(),
                "its access token holds a space, a line break or a sign that no header has",
            )
            for token in ("a b", "Bearer abc", "abc\n", "a\r\nX-Evil: 1", "a\0", "tökén", "\ud800")
        ),
        (
            json.dumps({"access_token": "a" * 16_385}).encode(),
            "its access token is too long for a header (above 16 KB)",
        ),
    ],
)
def test_no_usable_token(answer: bytes, why: str) -> None:
    assert trouble(answer) == ("protocol", f"the token endpoint answered, but {why}")


def test_an_error_with_a_status_of_200() -> None:
    assert trouble(b'{"error":"invalid_client"}') == (
        "unauthorized",
        "the token endpoint answered with error invalid_client (in an answer with status 200)",
    )


@pytest.mark.parametrize(
    ("status", "answer", "kind", "code", "why"),
    [
        (400, b'{"error":"invalid_client"}', "unauthorized", "invalid_client", "400, error invalid_client"),
        (401, b'{"error":"invalid_client"}', "unauthorized", "invalid_client", "401, error invalid_client"),
        (400, b'{"error":"invalid_target"}', "unauthorized", "invalid_target", "400, error invalid_target"),
        (401, b"<html>no</html>", "unauthorized", None, "401"),
        (403, b"", "unauthorized", None, "403"),
        (400, b"<html>bad</html>", "status", None, "400"),
        (401, b'{"error":"Pat Granite is unknown"}', "unauthorized", None, "401"),
        (401, b'{"error":"patgranite@example.org"}', "unauthorized", None, "401"),
        (401, b'{"error":{"code":"invalid_client"}}', "unauthorized", None, "401"),
        (401, b'["invalid_client"]', "unauthorized", None, "401"),
        (404, b"", "status", None, "404 (is token_url right?)"),
        (405, b"", "status", None, "405 (is token_url right?)"),
        (500, b'{"error":"server_error"}', "status", "server_error", "500, error server_error"),
        (502, b"<html>", "status", None, "502"),
        (429, b"", "overloaded", None, "429"),
        (503, b"", "overloaded", None, "503"),
        (307, b"", "protocol", None,
         "307, a redirect, which is not followed; token_url must be the endpoint itself"),
    ],
)  # fmt: skip
def test_a_refusal(status: int, answer: bytes, kind: str, code: str | None, why: str) -> None:
    error = token_refused(status, answer, 7.0)
    assert (error.kind, error.status, error.code) == (kind, status, code)
    assert error.token == f"the token endpoint answered with status {why}"
    assert error.retry_after == (7.0 if kind == "overloaded" else None)
    assert str(error) == f"no access token: {error.token}"


def test_a_wish_for_basic_is_told() -> None:
    error = token_refused(401, b'{"error":"invalid_client"}', None, basic=True)
    assert error.token == (
        "the token endpoint answered with status 401, error invalid_client, and asks for HTTP Basic "
        "(token_auth: client_secret_basic)"
    )


def test_no_description_is_told() -> None:
    answer = b'{"error":"invalid_client","error_description":"Pat Granite","error_uri":"https://canary"}'
    error = token_refused(401, answer, None)
    assert "Granite" not in f"{error} {error!r} {error.token}" and "canary" not in f"{error} {error.token}"
