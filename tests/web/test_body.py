from __future__ import annotations

import json
from typing import Any

import pytest

HEAD = b"POST /redox HTTP/1.1\r\nHost: x\r\nverification-token: secret\r\n"


async def test_a_length_over_the_limit_is_refused_before_the_body(served: Any) -> None:
    got = await served.raw(HEAD + b"Content-Length: 20001\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 413 ")
    assert b"longer than the limit of 20000 bytes" in got


async def test_at_the_limit_is_still_read(served: Any, headers: dict[str, str]) -> None:
    body = json.dumps({"pad": ""})
    body = json.dumps({"pad": "x" * (20_000 - len(body))})
    async with served.client.post(served.url(), data=body, headers=headers) as response:
        assert response.status == 200
    async with served.client.post(served.url(), data=body + " ", headers=headers) as response:
        assert response.status == 413


async def test_a_chunked_body_over_the_limit_is_refused(served: Any) -> None:
    chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    got = await served.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 6)
    assert got.startswith(b"HTTP/1.1 413 ")
    assert served.gateway.asked == []


async def test_a_chunked_body_is_put_together(served: Any) -> None:
    got = await served.raw(
        HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        then=b"1\r\n}\r\n0\r\n\r\n",
    )
    assert got.startswith(b"HTTP/1.1 200 ")
    assert served.gateway.asked[0][0] == b"{}"


async def test_a_broken_chunked_body_is_given_up_and_the_connection_closed(served: Any) -> None:
    # aiohttp's parser does not tell the body's reader: the time for the body runs out.
    got = await served.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", then=b"zz\r\nSECRET\r\n")
    assert got.startswith(b"HTTP/1.1 408 ")
    assert b"SECRET" not in got
    assert served.gateway.asked == []


async def test_a_slow_body_is_a_408(served: Any) -> None:
    got = await served.raw(HEAD + b"Content-Length: 10\r\n\r\n{")
    assert got.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 0.3 seconds" in got
    assert (await served.line())["error"] == "request-timeout"


@pytest.mark.parametrize(("token", "status"), [(b"secret", b"200"), (b"wrong", b"401")])
async def test_the_go_ahead_is_given_only_to_who_was_let_in(served: Any, token: bytes, status: bytes) -> None:
    head = b"POST /redox HTTP/1.1\r\nHost: x\r\nverification-token: " + token
    head += b"\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
    got = await served.raw(head, then=b"{}")
    assert got.startswith(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200" if status == b"200" else b"HTTP/1.1 401"
    )


async def test_without_a_token_only_a_little_is_read(served: Any) -> None:
    head = b"POST /redox HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    got = await served.raw(head + b"1001\r\n" + b"x" * 0x1001 + b"\r\n")
    assert got.startswith(b"HTTP/1.1 401 ")


async def test_http_1_0_gets_no_interim_answer(served: Any) -> None:
    head = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    assert (await served.raw(head + b"{}")).startswith(b"HTTP/1.0 200 ")
