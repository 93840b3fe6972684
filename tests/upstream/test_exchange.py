from __future__ import annotations

import asyncio
import gzip

import pytest
from yarl import URL

from gateway.upstream.exchange import Request, Response, Wire, exchange
from gateway.upstream.session import SharedSession
from gateway.upstream.trouble import Trouble

from .conftest import Script, answer, broken

LIMIT = 100_000


async def get(session: SharedSession, url: str, *, limit: int = LIMIT, connect: float = 1.0) -> Response:
    request = Request("GET", URL(url), "Slot", {"Accept": "application/fhir+json"})
    return await exchange(session(), request, Wire(True, connect, limit))


async def trouble(session: SharedSession, url: str) -> tuple[str, str, bool | None]:
    with pytest.raises(Trouble) as raised:
        await get(session, url)
    return raised.value.kind, raised.value.repeat, raised.value.down


async def test_only_our_own_headers_go_out(script: Script, session: SharedSession) -> None:
    script.steps = [answer(b"ok", headers={"Set-Cookie": "a=b", "Retry-After": "3"})]
    # By name: a cookie jar keeps nothing for a bare address in any case.
    url = script.url.replace("127.0.0.1", "localhost")
    first = await get(session, url)
    await get(session, url)
    assert first == Response(200, b"ok", "3")
    assert [set(request.headers) for request in script.seen] == [
        {"Host", "Accept", "User-Agent", "Accept-Encoding"}
    ] * 2


@pytest.mark.parametrize("status", [200, 204, 302, 404, 500])
async def test_any_status_is_a_response(script: Script, session: SharedSession, status: int) -> None:
    script.steps = [answer(b"" if status == 204 else b"x", status=status, headers={"Location": "/other"})]
    assert (await get(session, script.url)).status == status
    assert len(script.seen) == 1, "a redirect is not followed"


@pytest.mark.parametrize("encoded", [False, True])
async def test_a_huge_body_is_cut_off_while_it_is_read(
    script: Script, session: SharedSession, encoded: bool
) -> None:
    huge = b"x" * (LIMIT + 1)
    headers = {"Content-Encoding": "gzip"} if encoded else None
    script.always = answer(gzip.compress(huge) if encoded else huge, headers=headers)
    assert await trouble(session, script.url) == ("protocol", "never", False)
    assert len((await get(session, script.url, limit=LIMIT + 1)).body) == LIMIT + 1


async def test_the_body_of_an_error_is_read_only_so_far(script: Script, session: SharedSession) -> None:
    script.steps = [answer(b"x" * 70_000, status=500), answer(b"short", status=500)]
    assert (await get(session, script.url)).body == b""
    assert (await get(session, script.url)).body == b"short"


async def test_an_answer_cut_short_is_a_breach_of_protocol(script: Script, session: SharedSession) -> None:
    script.steps = [broken(sent=b"{", abort=False), broken(sent=b"{", abort=True)]
    for _ in range(2):
        assert await trouble(session, script.url) == ("protocol", "idempotent", True)


async def test_no_answer_at_all_is_a_broken_connection(script: Script, session: SharedSession) -> None:
    script.steps = [broken(abort=False), broken(abort=True)]
    for _ in range(2):
        assert await trouble(session, script.url) == ("connect", "idempotent", True)
    assert len(script.seen) == 2, "nothing beneath us repeats a request"


@pytest.mark.parametrize(
    "reply",
    [
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 9000,
    ],
)
async def test_what_is_not_http_is_a_breach_of_protocol(session: SharedSession, reply: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await trouble(session, f"http://127.0.0.1:{port}/") == ("protocol", "never", False)


async def test_a_closed_port_may_always_be_tried_again(session: SharedSession, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/?patient=canary"
    assert await trouble(session, url) == ("connect", "always", True)


async def test_bad_compression_is_a_breach_of_protocol(script: Script, session: SharedSession) -> None:
    script.steps = [answer(b"not gzip", headers={"Content-Encoding": "gzip"})]
    assert (await trouble(session, script.url))[0] == "protocol"


async def test_neither_the_url_nor_a_header_is_in_what_is_raised_or_shown(
    session: SharedSession, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/?patient=canary"
    request = Request("GET", URL(url), "Slot", {"Authorization": "Bearer canary"}, b"canary")
    with pytest.raises(Trouble) as raised:
        await exchange(session(), request, Wire(True, 1.0, LIMIT))
    assert "canary" not in f"{request!r} {raised.value!r} {Response(200, b'canary', None)!r}"
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
