"""Who asked, by the words of proxies: each of them is trusted by itself, or its word is not taken."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.web.forwarded import LOOPBACK, UNIX, UNKNOWN, Origin, TrustedProxies

FOR, RFC = "X-Forwarded-For", "Forwarded"


def origin(peer: str | None, *headers: tuple[str, str], trusted: tuple[str, ...] = LOOPBACK) -> Origin:
    return TrustedProxies(trusted).origin(peer, CIMultiDictProxy(CIMultiDict(headers)))


def address(*headers: tuple[str, str], trusted: tuple[str, ...] = (*LOOPBACK, "10.0.0.0/8")) -> str | None:
    """Who asked through a proxy on this machine."""
    found = origin("127.0.0.1", *headers, trusted=trusted)
    assert (found.peer, found.believed) == ("127.0.0.1", True)
    return found.address


def test_without_proxies_it_is_whoever_is_connected() -> None:
    assert origin("203.0.113.9") == Origin("203.0.113.9", "203.0.113.9")
    assert origin("127.0.0.1") == Origin("127.0.0.1", "127.0.0.1", believed=True)
    assert origin("::1") == Origin("::1", "::1", believed=True)
    assert origin("") == Origin(UNIX, UNIX, believed=True)
    assert origin(None) == UNKNOWN


@pytest.mark.parametrize("name", [FOR, RFC])
def test_the_word_of_a_stranger_is_not_taken(name: str) -> None:
    header = (name, "192.0.2.1" if name == FOR else "for=192.0.2.1")
    for trusted in (LOOPBACK, ("203.0.113.8", "203.0.114.0/24"), ()):
        assert origin("203.0.113.9", header, trusted=trusted) == Origin("203.0.113.9", "203.0.113.9")
    assert origin("127.0.0.1", header, trusted=()) == Origin("127.0.0.1", "127.0.0.1")
    assert origin("", header, trusted=("127.0.0.1",)) == Origin(UNIX, UNIX)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1\t", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8:0::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        # From the right, past those that are trusted, and no further.
        ("192.0.2.1, 10.1.2.3", "192.0.2.1"),
        ("192.0.2.1, 10.1.2.3, 10.0.0.1, 127.0.0.1", "192.0.2.1"),
        ("198.51.100.7, 192.0.2.1, 10.1.2.3", "192.0.2.1"),
        ("10.1.2.3, 10.0.0.1", "10.1.2.3"),  # all are ours: the farthest
        # What is no address ends the way; whoever wrote it is all we know.
        ("unknown", "127.0.0.1"),
        ("", "127.0.0.1"),
        (",", "127.0.0.1"),
        ("192.0.2.1, unknown, 10.0.0.1", "10.0.0.1"),
        ("192.0.2.1,", "127.0.0.1"),
        ("300.1.1.1", "127.0.0.1"),
        ("192.0.2.01", "127.0.0.1"),
        ("192.0.2.1:port", "127.0.0.1"),
        ("fe80::1%eth0", "127.0.0.1"),
        ('192.0.2.1","status":200,"x":"', "127.0.0.1"),
        ("gateway.example", "127.0.0.1"),
        ("\u0661.1.1.1", "127.0.0.1"),
        ("1" * 100_000, "127.0.0.1"),
        ("192.0.2.1, " + "10.0.0.1," * 10_000 + "10.0.0.1", "10.0.0.1"),
    ],
)
def test_x_forwarded_for(text: str, asked: str) -> None:
    assert address((FOR, text)) == asked


def test_the_header_may_come_in_pieces() -> None:
    assert address((FOR, "198.51.100.7"), (FOR, "192.0.2.1, 10.0.0.1"), (FOR, "10.0.0.2")) == "192.0.2.1"
    assert address((RFC, "for=198.51.100.7"), (RFC, "for=192.0.2.1, for=10.0.0.2")) == "192.0.2.1"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("for=192.0.2.1", "192.0.2.1"),
        ("For=192.0.2.1;proto=https;by=203.0.113.43", "192.0.2.1"),
        ('proto=https; for="192.0.2.1:4711" ; host=x', "192.0.2.1"),
        ('for="[2001:db8::1]:4711"', "2001:db8::1"),
        ('for="192\\.0.2.1"', "192.0.2.1"),
        ("for=198.51.100.7, for=192.0.2.1;by=10.0.0.1,for=10.0.0.2", "192.0.2.1"),
        ('host="a,for=198.51.100.7;", for=192.0.2.1', "192.0.2.1"),
        ("for=_hidden", "127.0.0.1"),
        ("for=unknown, for=10.0.0.1", "10.0.0.1"),
        ("proto=https", "127.0.0.1"),
        ("for=192.0.2.1, proto=https", "127.0.0.1"),  # the nearest proxy does not say for whom
        # What is not well-formed is not taken in part either.
        ("192.0.2.1", "127.0.0.1"),
        ('for="192.0.2.1', "127.0.0.1"),
        ('for=198.51.100.7, x="y, for=192.0.2.1', "127.0.0.1"),
        ("for=192.0.2.1 for=192.0.2.1", "127.0.0.1"),
        ("for=" + "1" * 100_000, "127.0.0.1"),
        ("for=192.0.2.1," * 10_000, "127.0.0.1"),
    ],
)
def test_forwarded(text: str, asked: str) -> None:
    assert address((RFC, text)) == asked


def test_two_headers_that_name_two_callers_name_none() -> None:
    """A proxy writes one of them; the other may be the caller's own."""
    assert address((FOR, "192.0.2.1"), (RFC, "for=192.0.2.1;proto=https")) == "192.0.2.1"
    assert address((FOR, "192.0.2.1"), (RFC, "for=198.51.100.7")) == "127.0.0.1"
    assert address((FOR, "192.0.2.1"), (RFC, "nonsense")) == "127.0.0.1"


@pytest.mark.parametrize("name", ["10.0.0.1/8", "somewhere", "", "10.0.0.0/33", "2001:db8::/129"])
def test_what_is_no_proxy(name: str) -> None:
    with pytest.raises(ValueError):
        TrustedProxies([name])


def test_what_is_remembered_of_peers_is_bounded() -> None:
    trusted, headers = TrustedProxies(), CIMultiDictProxy(CIMultiDict[str]())
    for n in range(10_000):
        trusted.origin(f"10.0.{n // 256}.{n % 256}", headers)
    assert len(trusted._peers) <= 4096


async def test_a_requests_line_says_who_asked_and_from_where(served: Any, headers: dict[str, str]) -> None:
    forwarded = headers | {FOR: "203.0.113.9, 192.0.2.1"}
    async with served.client.post(served.url("/redox/one"), json={}, headers=forwarded) as response:
        assert response.status == 200
    line = await served.line()
    assert (line["client"], line["from"], line["peer"]) == ("one,two", "192.0.2.1", "127.0.0.1")
    async with served.client.post(served.url(), json={}, headers={FOR: "x" * 99}) as response:
        assert response.status == 401
    line = await served.line()
    assert (line["client"], line["from"], line["peer"]) == (None, "127.0.0.1", "127.0.0.1")
    await served.raw(b"garbage\r\n\r\n")
    line = await served.line()
    assert (line["client"], line["from"], line["peer"]) == (None, "127.0.0.1", "127.0.0.1")
