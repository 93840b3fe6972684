from __future__ import annotations

from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.client_secret import ClientCredentials
from gateway.upstream.exchange import Request


def credentials(**more: Any) -> ClientCredentials:
    return ClientCredentials(
        **({"token_url": "https://h/token", "client_id": "id", "client_secret": "hush"} | more)
    )


def form(request: Request) -> list[tuple[str, str]]:
    return parse_qsl((request.body or b"").decode(), keep_blank_values=True)


def test_the_secret_in_the_form() -> None:
    request = credentials(scope="a b", extra=(("audience", "https://ehr.example/api"),)).request(now=0.0)
    assert form(request) == [
        ("grant_type", "client_credentials"),
        ("client_id", "id"),
        ("client_secret", "hush"),
        ("scope", "a b"),
        ("audience", "https://ehr.example/api"),
    ]
    assert "Authorization" not in request.headers


def test_the_secret_as_basic_is_nowhere_else() -> None:
    request = credentials(method="client_secret_basic", scope="s").request(now=0.0)
    assert form(request) == [("grant_type", "client_credentials"), ("scope", "s")]
    assert request.headers["Authorization"] == "Basic aWQ6aHVzaA=="


def test_both_halves_of_basic_are_form_encoded() -> None:
    """RFC 6749, section 2.3.1: a colon in the id would else end it, and a letter outside ASCII would be a
    guess."""
    request = credentials(method="client_secret_basic", client_id="a:b", client_secret="p+ w%ü/~").request(
        now=0.0
    )
    decoded = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode("ascii")
    assert decoded == "a%3Ab:p%2B+w%25%C3%BC%2F~"


@given(st.text(min_size=1).filter(lambda text: text.isprintable()), st.text(min_size=1))
def test_what_a_server_reads_out_of_basic(client_id: str, secret: str) -> None:
    secret = secret.encode("utf-8", "replace").decode()
    request = credentials(method="client_secret_basic", client_id=client_id, client_secret=secret).request(
        now=0.0
    )
    header = request.headers["Authorization"]
    assert header.isascii() and header.isprintable()
    name, _, rest = b64decode(header.removeprefix("Basic ")).decode().partition(":")
    assert (unquote_plus(name), unquote_plus(rest)) == (client_id, secret)


def test_resources_repeat() -> None:
    extra = (("resource", "urn:a"), ("resource", "urn:b"))
    assert form(credentials(extra=extra).request(now=0.0))[-2:] == list(extra)


def test_no_secret_is_shown() -> None:
    for method in ("client_secret_post", "client_secret_basic"):
        shown = credentials(method=method, scope="s", extra=(("password", "hush"),))
        assert "hush" not in f"{shown!r} {shown} {shown.request(now=0.0)!r}"
        assert "aHVzaA" not in f"{shown.request(now=0.0)!r}"
