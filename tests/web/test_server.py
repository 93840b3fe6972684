from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
import trustme

from gateway.core.plan import Reply
from gateway.web.admin_routes import AdminRoutes
from gateway.web.app import admin_app
from gateway.web.connection import ConnectionLimits
from gateway.web.exchange import Exchange
from gateway.web.logging import configure
from gateway.web.metrics import Metrics
from gateway.web.readiness import Readiness
from gateway.web.server import Bound, Listen, Shutdown, run


def slowly(seconds: float) -> Any:
    async def answers(_body: bytes, _exchange: Exchange) -> Reply:
        await asyncio.sleep(seconds)
        return Reply(200, b"{}", "application/json")

    return answers


async def test_it_says_where_it_listens(served: Any) -> None:
    assert [host for host, _ in served.bound.public + served.bound.admin] == ["127.0.0.1"] * 2
    assert served.bound.public[0][1] != served.bound.admin[0][1] != 0


async def test_during_the_grace_it_serves_but_is_not_ready(serve: Any, headers: dict[str, str]) -> None:
    served = await serve(shutdown=Shutdown(0.3, 1, 0.1))
    async with served.client.post(served.url(), json={}, headers=headers) as response:
        assert "Connection" not in response.headers
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.05)
    async with served.client.get(served.admin("/readyz")) as response:
        assert response.status == 503
    async with served.client.post(served.url(), json={}, headers=headers) as response:
        assert (response.status, response.headers["Connection"]) == (200, "close")
    await asyncio.wait_for(served.task, 2)
    with pytest.raises(OSError):
        await asyncio.open_connection(*served.bound.public[0])


async def test_a_request_under_way_is_finished(serve: Any, headers: dict[str, str]) -> None:
    served = await serve(slowly(0.3))
    asked = asyncio.ensure_future(served.client.post(served.url(), json={}, headers=headers))
    await asyncio.sleep(0.1)
    served.stop.set()
    await asyncio.sleep(0.05)
    with pytest.raises(OSError):  # nobody new
        await asyncio.open_connection(*served.bound.public[0])
    response = await asked
    assert response.status == 200
    await asyncio.wait_for(served.task, 2)


async def test_who_came_before_the_end_may_still_ask(serve: Any) -> None:
    """Connections that wait to be accepted, and those on which nothing has come yet, are not reset."""
    served = await serve(shutdown=Shutdown(0, 1, 0.1))
    accepted = await asyncio.open_connection(*served.bound.public[0])
    await asyncio.sleep(0.01)
    waiting = [socket.create_connection(served.bound.public[0]) for _ in range(3)]
    served.stop.set()
    for each in waiting:
        each.sendall(b"GET /redox HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0.05)
    accepted[1].write(b"GET /redox HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await asyncio.wait_for(accepted[0].read(), 1)).startswith(b"HTTP/1.1 401 ")
    await asyncio.wait_for(served.task, 2)
    for each in waiting:
        assert each.recv(65536).startswith(b"HTTP/1.1 401 ")
        each.close()
    accepted[1].close()


async def test_who_never_asks_does_not_hold_up_the_end(serve: Any) -> None:
    served = await serve(shutdown=Shutdown(0, 1, 0.1))
    reader, writer = await asyncio.open_connection(*served.bound.public[0])
    served.stop.set()
    await asyncio.wait_for(served.task, 1.5)
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM)])
async def test_who_insists_gets_no_grace(
    serve: Any, headers: dict[str, str], signals: tuple[signal.Signals, ...]
) -> None:
    served = await serve(slowly(20), shutdown=Shutdown(20, 20, 0.1))
    asked = asyncio.ensure_future(served.client.post(served.url(), json={}, headers=headers))
    await asyncio.sleep(0.1)
    began = time.perf_counter()
    for number in signals:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.02)
    await asyncio.wait_for(served.task, 2)
    assert time.perf_counter() - began < 1
    assert served.gateway.gone.is_set()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await asked


async def test_a_hangup_is_an_end_in_order_and_says_so(serve: Any, headers: dict[str, str]) -> None:
    served = await serve(slowly(0.2), shutdown=Shutdown(0.1, 2, 0.05))
    asked = asyncio.ensure_future(served.client.post(served.url(), json={}, headers=headers))
    await asyncio.sleep(0.05)
    # When a terminal goes away a worker gets SIGHUP, and then the SIGTERM of its supervisor: no hurry.
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.sleep(0.02)
    os.kill(os.getpid(), signal.SIGTERM)
    assert (await asked).status == 200
    await asyncio.wait_for(served.task, 2)
    line = next(
        line for line in map(json.loads, served.log.getvalue().splitlines()) if line["event"] == "signal"
    )
    del line["ts"]
    assert line == {
        "level": "warning",
        "event": "signal",
        "signal": "SIGHUP",
        "said": "ends in order, as after SIGTERM",
    }


async def test_a_hangup_that_is_ignored_stays_so(serve: Any, headers: dict[str, str]) -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        served = await serve()
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)
        async with served.client.post(served.url(), json={}, headers=headers) as response:
            assert response.status == 200
    finally:
        signal.signal(signal.SIGHUP, former)


async def test_an_address_in_use_leaves_nothing_open(served: Any) -> None:
    log, metrics, readiness = configure(served.log), Metrics(), Readiness()

    def app() -> Any:
        return admin_app([AdminRoutes(metrics, readiness)], log=log, readiness=readiness)

    before = len(asyncio.all_tasks())
    with pytest.raises(OSError):
        await run(
            app(),
            app(),
            listen=Listen(*served.bound.public[0]),
            admin_listen=Listen("127.0.0.1", 0),
            readiness=readiness,
            log=log,
            on_bound=lambda _bound: pytest.fail("nothing is bound"),
        )
    assert len(asyncio.all_tasks()) == before


@pytest.mark.parametrize("sent", [b"", b"POST /redox HTTP/1.1\r\nHos"])
async def test_a_connection_on_which_nothing_comes_is_closed(serve: Any, sent: bytes) -> None:
    served = await serve(limits=ConnectionLimits(head_seconds=0.1))
    reader, writer = await asyncio.open_connection(*served.bound.public[0])
    writer.write(sent)
    assert await asyncio.wait_for(reader.read(), 1) == b""
    writer.close()


async def test_an_idle_connection_is_kept_and_then_closed(serve: Any) -> None:
    served = await serve(limits=ConnectionLimits(keepalive_seconds=0.3, head_seconds=0.1))
    reader, writer = await asyncio.open_connection(*served.bound.public[0])
    began = time.perf_counter()
    writer.write(b"GET /redox HTTP/1.1\r\nHost: x\r\n\r\n")
    got = await asyncio.wait_for(reader.read(), 2)
    assert got.startswith(b"HTTP/1.1 401 ")
    assert time.perf_counter() - began > 0.2
    writer.close()


async def test_a_fault_that_nobody_takes_is_logged_without_what_it_says(served: Any) -> None:
    async def broken() -> None:
        raise ValueError("secret")

    task = asyncio.ensure_future(broken())
    await asyncio.sleep(0.01)
    del task
    line = served.lines()[-1]
    assert (line["event"], line["level"], line["fault"]) == ("loop", "error", ["builtins.ValueError"])
    assert b"secret" not in served.log.getvalue()


async def test_tls() -> None:
    authority = trustme.CA()
    there = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(there)
    here = ssl.create_default_context()
    authority.configure_trust(here)
    readiness, stop = Readiness(), asyncio.Event()
    app = admin_app([AdminRoutes(Metrics(), readiness)], log=configure(io.BytesIO()), readiness=readiness)
    bound: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        run(
            app,
            None,
            listen=Listen("127.0.0.1", 0, tls=there),
            admin_listen=None,
            readiness=readiness,
            log=configure(io.BytesIO()),
            on_bound=bound.set_result,
            stop=stop,
            shutdown=Shutdown(0, 1, 0.1),
        )
    )
    host, port = (await bound).public[0]
    reader, writer = await asyncio.open_connection(host, port, ssl=here)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), 2)).startswith(b"HTTP/1.1 200 ")
    writer.close()
    stop.set()
    await asyncio.wait_for(task, 2)


async def test_a_listener_that_was_closed_is_not_ready(serve: Any) -> None:
    served = await serve()
    assert served.bound.accepting()
    for found in _sockets():
        if found.getsockname() == served.bound.public[0] and not _connected(found):
            found.shutdown(socket.SHUT_RDWR)  # behind the server's back
        found.close()
    assert not served.bound.accepting()
    async with served.client.get(served.admin("/readyz")) as response:
        told = await response.json()
    assert (response.status, told["reasons"]) == (503, ["the public listener is closed"])


def _sockets() -> Iterator[socket.socket]:
    """A second descriptor of each socket of this process."""
    for number in map(int, os.listdir("/dev/fd")):
        with suppress(OSError):  # that of the list itself is closed by now
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                yield socket.socket(fileno=os.dup(number))


def _connected(found: socket.socket) -> bool:
    try:
        found.getpeername()
    except OSError:
        return False
    return True
