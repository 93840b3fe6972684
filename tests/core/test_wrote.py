"""What the other side writes beside an error, as it is shown to a person."""

from __future__ import annotations

import json

import pytest

from gateway.core.wrote import MOST_WORDS, words_of

OUTCOME = {
    "resourceType": "OperationOutcome",
    "text": {"status": "generated", "div": "<div>twice</div>"},
    "issue": [
        {"code": "invalid", "details": {"text": "No such\nparameter"}, "diagnostics": "npiNumber"},
        {"code": "invalid", "diagnostics": "try npi-number"},
    ],
}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (json.dumps(OUTCOME).encode(), "No such parameter npiNumber try npi-number"),
        (b'{"Meta": {"Errors": [{"Type": "x", "Text": "No destination"}]}}', "No destination"),
        (b'{"error": "x", "error_description": "no scope"}', "no scope"),
        (b"<html><h1>502 Bad Gateway</h1><hr>nginx</html>", "502 Bad Gateway nginx"),
        (b'{"message": "\\u001b[31mred\\u0007\\u202e"}', "[31mred"),
        (b"\xff\x00plain \x1b]0;title\x07", "\ufffd plain ]0;title"),
        (b"", ""),
        (b'{"message": "access_token=abc12345678 was taken"}', "access_token=[hidden] was taken"),
        (b"access_token=gho_16C7e42F292c6912E7710c&scope=repo", "access_token=[hidden]&scope=repo"),
        (b'{"access_token": "abc123456789', '{"access_token": "[hidden]'),
        (b'{"message": "no eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln here"}', "no [hidden] here"),
        (
            b'{"message": "the token was not given, client_secret is wrong"}',
            "the token was not given, client_secret is wrong",
        ),
        (b"[" * 100_000, "[" * (MOST_WORDS - 3) + "..."),
        (json.dumps({"issue": [{"text": "a" * 1000}] * 1000}).encode(), "a" * (MOST_WORDS - 3) + "..."),
        (b"<" * 65_536, "<" * (MOST_WORDS - 3) + "..."),
    ],
)
def test_on_one_line_cut_short_with_nothing_that_a_terminal_acts_upon(body: bytes, words: str) -> None:
    assert words_of(body) == words


def test_what_was_sent_as_a_secret_is_hidden() -> None:
    body = b'{"error_description": "client me with p+w%FC:/ or p w is unknown; a"}'
    assert words_of(body, ("p w", "p+w%FC:/", "", "a")) == "client me with [hidden] or p w is unknown; a"
