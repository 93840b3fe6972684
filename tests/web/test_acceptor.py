"""What becomes of connections where there is no room for more, and of listeners without descriptors."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme

from gateway.core.plan import Reply
from gateway.web.connection import ConnectionLimits
from gateway.web.descriptors import room
from gateway.web.exchange import Exchange

ASK = b"GET /redox HTTP/1.1\r\nHost: x\r\n\r\n"
LONG = 10.0

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(served: Any, **how: Any) -> Pair:
    pair = await asyncio.open_connection("127.0.0.1", served.bound.public[0][1], **how)
    await asyncio.sleep(0.02)
    return pair


async def ask(pair: Pair, sent: bytes = ASK) -> int | None:
    """The status; None if it is closed."""
    reader, writer = pair
    try:
        writer.write(sent)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LONG)
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    except (ConnectionError, asyncio.IncompleteReadError):
        return None
    return int(head.split(b" ")[1])


async def closed(pair: Pair) -> bool:
    """Whether it is closed by now."""
    try:
        return await asyncio.wait_for(pair[0].read(1), 0.1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def said(served: Any) -> list[dict[str, Any]]:
    lines = [line for line in served.lines() if line["event"] == "connections"]
    return [{key: value for key, value in line.items() if key != "ts"} for line in lines]


async def test_who_was_idle_for_longest_goes(serve: Any) -> None:
    served = await serve(max_connections=3)
    pairs = [await connect(served) for _ in range(3)]
    for each in (pairs[1], pairs[0], pairs[2]):
        assert await ask(each) == 401
    late = await connect(served)
    assert [await closed(each) for each in pairs] == [False, True, False]
    for each in (pairs[0], pairs[2], late):
        assert await ask(each) == 401
    assert served.metrics.connections.open == 3
    for each in (*pairs, late):
        each[1].close()
    await asyncio.sleep(0.05)
    assert served.metrics.connections.open == 0


async def test_who_never_asked_goes_first(serve: Any) -> None:
    served = await serve(max_connections=3)
    asked, silent, half = [await connect(served) for _ in range(3)]
    half[1].write(ASK[:-2])
    assert await ask(asked) == 401
    others = [await connect(served) for _ in range(2)]
    for each in others:
        assert await ask(each) == 401
    assert [await closed(each) for each in (asked, silent, half)] == [False, True, True]
    for each in (asked, silent, half, *others):
        each[1].close()


async def test_nobody_who_is_being_answered_goes(serve: Any, headers: dict[str, str]) -> None:
    go = asyncio.Event()

    async def answers(_body: bytes, _exchange: Exchange) -> Reply:
        await go.wait()
        return Reply(200, b"{}", "application/json")

    served = await serve(answers, max_connections=2)
    posted = b"POST /redox HTTP/1.1\r\nHost: x\r\nverification-token: secret\r\nContent-Length: 2\r\n\r\n{}"
    busy = [await connect(served) for _ in range(2)]
    waiting = [asyncio.ensure_future(ask(each, posted)) for each in busy]
    await asyncio.sleep(0.05)
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.bound.public[0][1])
        got = await asyncio.wait_for(reader.read(), LONG)
        assert got.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: 1\r\n" in got
        assert got.endswith(
            b"\r\n\r\nAll connections that this gateway can have are in use. Try again in a moment.\n"
        )
        writer.close()
    async with served.client.get(served.admin("/healthz")) as response:
        assert response.status == 200
    go.set()
    assert await asyncio.gather(*waiting) == [200, 200]
    late = await connect(served)
    assert await ask(late) == 401
    page = served.metrics.exposition()
    assert b"\ngateway_connections 2.0\n" in page
    assert b'\ngateway_connections_turned_away_total{how="refused"} 5.0\n' in page
    assert b'\ngateway_connections_turned_away_total{how="closed_idle"} 1.0\n' in page
    assert said(served) == [  # once, and then no more for a while
        {
            "level": "warning",
            "event": "connections",
            "listener": "public",
            "open": 2,
            "most": 2,
            "refused": 1,
            "said": "all connections that there may be (server.max_connections) are open",
        }
    ]
    for each in (*busy, late):
        each[1].close()


async def test_many_who_never_ask_keep_nobody_out(serve: Any) -> None:
    served = await serve(max_connections=64)
    silent = [await asyncio.open_connection("127.0.0.1", served.bound.public[0][1]) for _ in range(300)]
    for _ in range(10):
        pair = await connect(served)
        assert await ask(pair) == 401
        pair[1].close()
    assert served.metrics.connections.open <= 64
    for each in silent:
        each[1].close()


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Whoever needs one inside gets EMFILE."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")
async def test_without_descriptors_health_answers_and_the_rest_comes_back(serve: Any) -> None:
    served = await serve()
    loop = asyncio.get_running_loop()
    clients = [socket.socket() for _ in range(4)]
    for each in clients:
        each.setblocking(False)
    health, again, waits, _ = clients
    with no_descriptors():
        await loop.sock_connect(waits, served.bound.public[0])
        await loop.sock_sendall(waits, ASK)
        for each in (health, again):
            await loop.sock_connect(each, served.bound.admin[0])
            await loop.sock_sendall(each, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            got = await asyncio.wait_for(loop.sock_recv(each, 65_536), LONG)
            assert got.startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.05)
        assert [(line["listener"], line["exhausted"], line["said"]) for line in said(served)] == [
            ("public", 1, "Too many open files")
        ]
    got = await asyncio.wait_for(loop.sock_recv(waits, 65_536), LONG)
    assert got.startswith(b"HTTP/1.1 401 ")
    for each in clients:
        each.close()


async def test_a_handshake_that_does_not_come_holds_nobody_up(serve: Any) -> None:
    authority = trustme.CA()
    there, here = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(there)
    authority.configure_trust(here)
    limits = ConnectionLimits(head_seconds=0.3)
    served = await serve(max_connections=2, tls=there, limits=limits)
    silent = [await connect(served) for _ in range(2)]
    pair = await connect(served, ssl=here)
    assert await ask(pair) == 401
    assert [await closed(each) for each in silent] == [True, False]
    garbage = await connect(served)
    garbage[1].write(b"GET / HTTP/1.1\r\n\r\n")
    assert await asyncio.wait_for(garbage[0].read(), LONG) is not None
    assert await asyncio.wait_for(silent[1][0].read(), LONG) == b""
    pair[1].close()
    await asyncio.sleep(0.1)
    assert served.metrics.connections.open == 0
    for each in (*silent, garbage):
        each[1].close()


async def test_a_limit_of_files_that_allows_less_is_told(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.server.open_files", lambda: 64)
    served = await serve(max_connections=100)
    (line,) = said(served)
    assert (line["most"], line["wanted"]) == (32, 100)
    assert line["said"] == "the limit of open files (64) does not allow server.max_connections"


@pytest.mark.parametrize(
    ("wanted", "open_files", "public", "admin"),
    [
        (None, None, 8192, 64),
        (None, 1_048_576, 8192, 64),
        (None, 1024, 512, 64),
        (None, 4096, 3456, 64),
        (None, 64, 32, 8),
        (None, 1, 1, 2),
        (20, 1024, 20, 64),
        (20_000, 65_536, 20_000, 64),
        (20_000, 1024, 512, 64),
    ],
)
def test_room(wanted: int | None, open_files: int | None, public: int, admin: int) -> None:
    found = room(wanted, open_files)
    assert (found.public, found.admin) == (public, admin)
    assert open_files is None or open_files < 16 or found.public + found.admin < open_files
