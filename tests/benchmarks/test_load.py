"""The load generator counts what it should and times from when a request was due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from benchmarks import load, upstream
from benchmarks.bundles import sample_case

SLOW = 0.05


@pytest.fixture
async def port() -> AsyncIterator[int]:
    replies = upstream.replies()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: upstream.FixedAnswers(replies), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def request_to(port: int, path: str = "/Slot") -> load.Request:
    return load.Request(
        port, path, (("Content-Type", "application/json"),), (b'{"text": "a \\"quoted\\" line\\n"}', b"{}")
    )


async def test_sends_at_the_rate_and_times_every_request(port: int) -> None:
    begun = asyncio.get_running_loop().time()
    taken = await asyncio.to_thread(load.latencies, request_to(port), rate=200, seconds=0.5, connections=4)
    assert len(taken) == 100
    assert taken == sorted(taken)
    assert taken[0] > 0 and asyncio.get_running_loop().time() - begun >= 0.49


async def test_a_request_that_waits_for_a_connection_is_timed_from_when_it_was_due(
    aiohttp_server: AiohttpServer,
) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(SLOW)
        return web.Response(text="{}")

    app = web.Application()
    app.router.add_post("/redox", slow)
    server = await aiohttp_server(app)
    assert server.port
    request = request_to(server.port, "/redox")
    taken = await asyncio.to_thread(load.latencies, request, rate=1000, seconds=0.005, connections=1)
    assert len(taken) == 5
    assert taken[-1] > 4.5 * SLOW


@pytest.mark.parametrize("with_wrk", [True, False])
async def test_throughput_is_counted(port: int, with_wrk: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not with_wrk:
        monkeypatch.setattr("shutil.which", lambda _name: None)
    elif load.generator() != "wrk":
        pytest.skip("wrk is not installed here")
    rate = await asyncio.to_thread(load.throughput, request_to(port), connections=4, seconds=1)
    assert rate > 100


@pytest.mark.parametrize("with_wrk", [True, False])
async def test_a_server_that_refuses_is_no_result(
    port: int, with_wrk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not with_wrk:
        monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(load.LoadFailed):
        await asyncio.to_thread(load.throughput, request_to(port, "/nowhere"), connections=2, seconds=1)


async def test_answers_that_come_in_pieces_or_chunks_are_whole_at_their_end(
    aiohttp_server: AiohttpServer,
) -> None:
    body = sample_case().schedules[0].bundle * 300  # more than one read brings

    async def whole(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async def chunked(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        for part in (body[:100_000], body[100_000:]):
            await answer.write(part)
            await asyncio.sleep(SLOW)
        return answer

    app = web.Application()
    app.router.add_post("/whole", whole)
    app.router.add_post("/chunked", chunked)
    server = await aiohttp_server(app)
    assert server.port
    for path, least in (("/whole", 0.0), ("/chunked", 2 * SLOW)):
        request = request_to(server.port, path)
        taken = await asyncio.to_thread(load.latencies, request, rate=20, seconds=0.2, connections=2)
        assert len(taken) == 4
        assert taken[0] > least


def test_percentiles() -> None:
    ordered = [float(number) for number in range(1, 101)]
    assert [load.percentile(ordered, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert load.percentile([7.0], 0.99) == 7.0
