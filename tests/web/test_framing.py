"""Bytes on a raw socket: what two readers could take in two ways is refused, and the connection closed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.web.framing import is_host

TOKEN = b"verification-token: secret\r\n"
HOST = b"Host: x\r\n"
LENGTH = b"Content-Length: 2\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"


def post(
    *headers: bytes, line: bytes = b"POST /redox HTTP/1.1", host: bytes = HOST, body: bytes = b"{}"
) -> bytes:
    return b"%s\r\n%s%s%s\r\n%s" % (line, host, TOKEN, b"".join(headers), body)


def target(text: bytes, host: bytes = HOST) -> bytes:
    return post(LENGTH, line=b"POST " + text + b" HTTP/1.1", host=host)


TAKEN = {
    "a length": post(LENGTH),
    "a length with space around": post(b"Content-Length:  2 \r\n"),
    "chunked": post(CHUNKED, body=CHUNKS),
    "Chunked": post(b"transfer-encoding: Chunked\r\n", body=CHUNKS),
    "chunk extension": post(CHUNKED, body=b'2;a=b;c="d"\r\n{}\r\n0\r\n\r\n'),
    "trailer": post(CHUNKED, body=b"2\r\n{}\r\n0\r\nX-T: y\r\n\r\n"),
    "HTTP/1.0": post(LENGTH, line=b"POST /redox HTTP/1.0"),
    "HTTP/1.0 without Host": post(LENGTH, line=b"POST /redox HTTP/1.0", host=b""),
    "absolute target": target(b"http://x/redox"),
    "absolute target, the port said once": target(b"http://X:80/redox"),
    "absolute target, both with a port": target(b"HTTP://x:8080/redox?a", b"Host: X:8080\r\n"),
    "an IPv6 host": target(b"/redox", b"Host: [::1]:8080\r\n"),
    "a header with an underscore that is another": post(b"Content_Length: 9\r\n", LENGTH),
    "an upgrade that is not wanted": post(LENGTH, b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
}

REFUSED = {
    # RFC 9112, 3.2 and 7.2: whom it is for.
    "no Host": post(LENGTH, host=b""),
    "two Hosts": post(LENGTH, host=HOST * 2),
    "two Hosts that differ": post(LENGTH, host=HOST + b"Host: evil\r\n"),
    "an empty Host": post(LENGTH, host=b"Host: \r\n"),
    "Host with a space": post(LENGTH, host=b"Host: a b\r\n"),
    "Host with markup": post(LENGTH, host=b"Host: a<b>\r\n"),
    "Host with a path": post(LENGTH, host=b"Host: evil/x\r\n"),
    "Host with a user": post(LENGTH, host=b"Host: a@b\r\n"),
    "a list of Hosts": post(LENGTH, host=b"Host: a, b\r\n"),
    "Host with no such port": post(LENGTH, host=b"Host: a:65536\r\n"),
    "Host that is no ASCII": post(LENGTH, host="Host: ä\r\n".encode()),
    "Host with Arabic digits": post(LENGTH, host="Host: a:\u0661\r\n".encode()),
    "another authority": target(b"http://evil/redox"),
    "another port": target(b"http://x:81/redox"),
    "another authority, HTTP/1.0": post(LENGTH, line=b"POST http://evil/redox HTTP/1.0"),
    "an authority with a user": target(b"http://u:p@x/redox"),
    "another scheme": target(b"ftp://x/redox"),
    "no slash": target(b"redox"),
    "an authority": target(b"x:80"),
    "a fragment": target(b"/redox#x"),
    "CONNECT": post(line=b"CONNECT x:80 HTTP/1.1"),
    "CONNECT with a path": post(line=b"CONNECT /redox HTTP/1.1"),
    "not ASCII": target("/redox?ü".encode()),
    "NUL": target(b"/redox\0"),
    # RFC 9112, 6: how long its body is.
    "gzip, chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", body=CHUNKS),
    "gzip": post(b"Transfer-Encoding: gzip\r\n", body=CHUNKS),
    "identity": post(b"Transfer-Encoding: identity\r\n", LENGTH),
    "chunked, chunked": post(b"Transfer-Encoding: chunked, chunked\r\n", body=CHUNKS),
    "chunked twice": post(CHUNKED * 2, body=CHUNKS),
    "gzip and chunked": post(b"Transfer-Encoding: gzip\r\n", CHUNKED, body=CHUNKS),
    ", chunked": post(b"Transfer-Encoding: , chunked\r\n", body=CHUNKS),
    "chunked with a parameter": post(b"Transfer-Encoding: chunked;q=1\r\n", body=CHUNKS),
    "xchunked": post(b"Transfer-Encoding: xchunked\r\n", body=CHUNKS),
    "a vertical tab": post(b"Transfer-Encoding: \x0bchunked\r\n", body=CHUNKS),
    "an empty coding": post(b"Transfer-Encoding: \r\n", LENGTH),
    "a coding in HTTP/1.0": post(CHUNKED, line=b"POST /redox HTTP/1.0", body=CHUNKS),
    "both": post(LENGTH, CHUNKED, body=CHUNKS),
    "two lengths": post(LENGTH, b"Content-Length: 3\r\n"),
    "a length twice": post(LENGTH * 2),
    "a list of lengths": post(b"Content-Length: 2, 2\r\n"),
    "+2": post(b"Content-Length: +2\r\n"),
    "0x2": post(b"Content-Length: 0x2\r\n"),
    "0_2": post(b"Content-Length: 0_2\r\n"),
    "no length": post(b"Content-Length: \r\n"),
    "Arabic digits": post("Content-Length: \u0662\r\n".encode()),
    # RFC 9112, 2.2 and 5: where its lines end.
    "a folded line": post(b"X: y\r\n z\r\n", LENGTH),
    "a folded coding": post(b"Transfer-Encoding:\r\n chunked\r\n", body=CHUNKS),
    "space before the first header": post(LENGTH, host=b" X: y\r\n" + HOST),
    "space before the colon": post(b"Content-Length : 2\r\n"),
    "tab before the colon": post(b"Content-Length\t: 2\r\n"),
    "no colon": post(b"X\r\n", LENGTH),
    "no name": post(b": x\r\n", LENGTH),
    "an odd name": post(b"X(y): x\r\n", LENGTH),
    "bare LF": post(LENGTH).replace(b"\r\n", b"\n"),
    "bare LF after a header": post(b"X: y\n", LENGTH),
    "bare CR in a header": post(b"X: y\rContent-Length: 7\r\n", LENGTH),
    "NUL in a header": post(b"X: y\0\r\n", LENGTH),
    "a control sign in a header": post(b"X: y\x01\r\n", LENGTH),
    # RFC 9112, 2.3: which HTTP it is.
    "HTTP/0.9": b"POST /redox\r\n\r\n",
    "HTTP/1.2": post(LENGTH, line=b"POST /redox HTTP/1.2"),
    "HTTP/2.0": post(LENGTH, line=b"POST /redox HTTP/2.0"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.10": post(LENGTH, line=b"POST /redox HTTP/1.10"),
}


async def heard(served: Any, sent: bytes) -> bytes:
    """All that comes back until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.bound.public[0][1])
    writer.write(sent)
    got = b""
    try:
        got = await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:  # closed with bytes of ours still unread
        pass
    finally:
        writer.close()
    return got


@pytest.mark.parametrize("name", TAKEN)
async def test_what_is_framed_in_one_way_is_answered(served: Any, name: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.bound.public[0][1])
    for _ in range(2):  # and the connection goes on
        writer.write(TAKEN[name])
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.split(b" ")[1] == b"200"
        if b"/1.0" in TAKEN[name]:
            break
        await reader.readexactly(len(b'{"ok":true}'))
    writer.close()
    assert {body for body, *_ in served.gateway.asked} == {b"{}"}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_could_be_framed_in_two_ways_is_refused(served: Any, name: str) -> None:
    got = await heard(served, REFUSED[name])
    if got:
        assert got.split(b" ")[1] == b"400"
        assert got.count(b"HTTP/1.") >= 1
    assert served.gateway.asked == []
    line = await served.line()
    assert (line["status"], line["error"], line["issues"]) == (400, "invalid-message", ["structure"])


@pytest.mark.parametrize("name", ["gzip, chunked", "a coding in HTTP/1.0", "an empty coding"])
async def test_what_follows_a_doubtful_body_is_no_request(served: Any, name: str) -> None:
    await heard(served, REFUSED[name] + post(LENGTH))
    assert served.gateway.asked == []


@pytest.mark.parametrize("method", [b"TRACE", b"OPTIONS", b"TRACK", b"get", b"POST\t"])
async def test_methods_that_are_not_ours_echo_nothing(served: Any, method: bytes) -> None:
    line = method + b" /redox HTTP/1.1\r\n"
    got = await heard(served, line + HOST + b"Connection: close\r\nX: canary\r\n\r\n")
    assert got.split(b" ")[1] in (b"400", b"401", b"405")
    assert b"canary" not in got and served.gateway.asked == []


async def test_a_trailer_is_no_header(served: Any) -> None:
    """Who is let in by a header is not let in by what comes after the body."""
    sent = b"POST /redox HTTP/1.1\r\n" + HOST + CHUNKED + b"Connection: close\r\n\r\n"
    got = await heard(served, sent + b"2\r\n{}\r\n0\r\n" + TOKEN + b"\r\n")
    assert got.split(b" ")[1] == b"401"


async def test_an_underscore_is_no_hyphen(served: Any) -> None:
    sent = b"POST /redox HTTP/1.1\r\n" + HOST + LENGTH + b"Connection: close\r\n"
    got = await heard(served, sent + b"verification_token: secret\r\n\r\n{}")
    assert got.split(b" ")[1] == b"401"


@pytest.mark.parametrize(
    "host", ["x", "gateway.example", "a_b-c.d:8080", "10.0.0.1:0", "[::1]", "[2001:db8::1]:443"]
)
def test_hosts(host: str) -> None:
    assert is_host(host)


@pytest.mark.parametrize(
    "host", ["", ":80", "x:", "x:123456", "x:-1", "[::1", "::1", "x\n", "x y", "é", "a/b", "a?b", "a#b"]
)
def test_no_hosts(host: str) -> None:
    assert not is_host(host)
