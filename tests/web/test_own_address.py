"""Links begin with the address that was asked: as trusted proxies say, and nobody else."""

from __future__ import annotations

import pytest

from gateway.web.forwarded import TrustedProxies
from tests.web.fhir_side import BEARER, fhir_side

PROTO, HOST, PORT, PREFIX = (f"X-Forwarded-{each}" for each in ("Proto", "Host", "Port", "Prefix"))
FOR, RFC = "X-Forwarded-For", "Forwarded"
CHAIN = TrustedProxies(("127.0.0.0/8", "::1", "10.0.0.0/8"))
Headers = dict[str, str]


async def base(
    headers: Headers, trusted: TrustedProxies | None = CHAIN, public_url: str | None = None
) -> str:
    """The address before ``/fhir/partner``, of a request for ``gateway:8080``."""
    async with fhir_side(trusted=trusted, public_url=public_url) as side:
        await side.ask("/Slot", headers=BEARER | {"Host": "gateway:8080"} | headers)
        told = side.asked.base
        assert told.endswith("/fhir/partner")
        return told.removesuffix("/fhir/partner")


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "http://gateway:8080"),
        ({PROTO: "https"}, "https://gateway:8080"),
        ({PROTO: "HTTPS", HOST: "clinic.example"}, "https://clinic.example"),
        ({PROTO: "https", HOST: "clinic.example:8443"}, "https://clinic.example:8443"),
        ({PROTO: "https", HOST: "clinic.example:443"}, "https://clinic.example"),
        ({PROTO: "http", HOST: "clinic.example:443"}, "http://clinic.example:443"),
        ({PROTO: "https", HOST: "clinic.example", PORT: "8443"}, "https://clinic.example:8443"),
        ({PROTO: "https", HOST: "clinic.example", PORT: "443"}, "https://clinic.example"),
        ({PROTO: "https", HOST: "clinic.example:8443", PORT: "443"}, "https://clinic.example:8443"),
        ({PROTO: "https", HOST: "[2001:db8::1]", PORT: "8443"}, "https://[2001:db8::1]:8443"),
        ({HOST: "clinic.example", PREFIX: "/gateway"}, "http://clinic.example/gateway"),
        ({HOST: "clinic.example", PREFIX: "/a/b-1/"}, "http://clinic.example/a/b-1"),
        ({HOST: "clinic.example", PREFIX: "/"}, "http://clinic.example"),
        ({RFC: "for=192.0.2.1;proto=https;host=clinic.example"}, "https://clinic.example"),
        ({RFC: 'proto=https;host="clinic.example:8443"'}, "https://clinic.example:8443"),
        ({RFC: "for=192.0.2.1"}, "http://gateway:8080"),
        # What is no scheme, host, port or path is passed over.
        ({PROTO: "ftp"}, "http://gateway:8080"),
        ({PROTO: "https, "}, "http://gateway:8080"),
        ({HOST: "clinic.example/x"}, "http://gateway:8080"),
        ({HOST: "a@clinic.example"}, "http://gateway:8080"),
        ({HOST: 'clinic.example"'}, "http://gateway:8080"),
        ({HOST: "clinic.example", PORT: "0"}, "http://clinic.example"),
        ({HOST: "clinic.example", PORT: "65536"}, "http://clinic.example"),
        ({HOST: "clinic.example", PORT: "8443/x"}, "http://clinic.example"),
        ({PREFIX: "gateway"}, "http://gateway:8080"),
        ({PREFIX: "/.."}, "http://gateway:8080"),
        ({PREFIX: "/a/../b"}, "http://gateway:8080"),
        ({PREFIX: "//evil.example"}, "http://gateway:8080"),
        ({PREFIX: "/a?b"}, "http://gateway:8080"),
        ({PREFIX: "/a%2e"}, "http://gateway:8080"),
        ({HOST: "a," * 3000 + "clinic.example"}, "http://gateway:8080"),
        ({RFC: "host=clinic.example;proto"}, "http://gateway:8080"),
    ],
)
async def test_what_a_proxy_says(headers: Headers, address: str) -> None:
    assert await base(headers) == address


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        # One proxy, which adds its own at the end: what stands before it is the caller's.
        (
            {FOR: "192.0.2.1", PROTO: "http, https", HOST: "evil.example, clinic.example"},
            "https://clinic.example",
        ),
        # Two: the one that the caller reached was asked by the name that counts.
        (
            {FOR: "192.0.2.1, 10.0.0.1", PROTO: "https, http", HOST: "clinic.example, inner"},
            "https://clinic.example",
        ),
        (
            {FOR: "192.0.2.1, 10.0.0.1", PROTO: "http, https, http", HOST: "evil, clinic.example, inner"},
            "https://clinic.example",
        ),
        # Or it is handed on as it is.
        ({FOR: "192.0.2.1, 10.0.0.1", PROTO: "https", HOST: "clinic.example"}, "https://clinic.example"),
        # The caller's own chain ends where somebody is not trusted.
        (
            {
                FOR: "10.0.0.9, 192.0.2.1, 10.0.0.1",
                PROTO: "gopher, https, http",
                HOST: "evil, clinic.example, inner",
            },
            "https://clinic.example",
        ),
        (
            {RFC: "for=192.0.2.1;proto=https;host=clinic.example, for=10.0.0.1;proto=http;host=inner"},
            "https://clinic.example",
        ),
        (
            {RFC: "host=evil, for=192.0.2.1;proto=https;host=clinic.example, for=10.0.0.1;host=inner"},
            "https://clinic.example",
        ),
    ],
)
async def test_what_several_say_one_after_the_other(headers: Headers, address: str) -> None:
    assert await base(headers) == address


@pytest.mark.parametrize(
    "headers",
    [
        {FOR: "192.0.2.1", RFC: "for=198.51.100.7;host=evil.example;proto=https"},
        {HOST: "clinic.example", RFC: "host=evil.example"},
        {PROTO: "https", RFC: "host=evil.example;proto=http"},
    ],
)
async def test_two_kinds_of_headers_that_contradict_each_other_say_nothing(headers: Headers) -> None:
    assert await base(headers) == "http://gateway:8080"


async def test_two_that_agree_are_taken() -> None:
    both = {HOST: "clinic.example", PROTO: "https", RFC: "for=192.0.2.1;host=clinic.example;proto=https"}
    assert await base(both | {FOR: "192.0.2.1"}) == "https://clinic.example"


@pytest.mark.parametrize("headers", [{PROTO: "https", HOST: "evil.example"}, {RFC: "host=evil.example"}])
async def test_nobody_else_is_believed(headers: Headers) -> None:
    assert await base(headers, TrustedProxies(())) == "http://gateway:8080"
    assert await base(headers, TrustedProxies(("192.0.2.0/24",))) == "http://gateway:8080"


async def test_this_machine_is_believed_unless_told_otherwise() -> None:
    assert await base({PROTO: "https", HOST: "clinic.example"}, None) == "https://clinic.example"


async def test_a_configured_address_is_the_one() -> None:
    headers = {PROTO: "http", HOST: "evil.example", PREFIX: "/x"}
    assert await base(headers, public_url="https://gateway.example/a") == "https://gateway.example/a"
