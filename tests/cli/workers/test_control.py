"""What may be said on the line between a supervisor and its worker."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.cli.workers.control import Broken, Channel, Frame, Kind, receive


@asynccontextmanager
async def lined() -> AsyncIterator[tuple[Channel, socket.socket, asyncio.Task[None]]]:
    """The supervisor's end, listening, and the worker's."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    channel = Channel(*await asyncio.open_connection(sock=ours))
    listening = asyncio.create_task(channel.listen())
    try:
        yield channel, theirs, listening
    finally:
        theirs.close()
        with pytest.raises(Broken):
            await listening


def asked(line: socket.socket) -> tuple[Kind, int]:
    head = line.recv(13, socket.MSG_WAITALL)
    return Kind(head[:1]), int.from_bytes(head[1:9])


async def test_a_late_answer_is_of_its_question_and_shared_by_who_ask_meanwhile() -> None:
    async with lined() as (channel, theirs, _):
        first = channel.ask(Kind.METRICS)
        await asyncio.wait({first}, timeout=0.01)  # given up
        assert not first.done()
        ping, second = channel.ask(Kind.PING), channel.ask(Kind.METRICS)
        assert await asyncio.to_thread(asked, theirs) == (Kind.METRICS, 1)
        assert await asyncio.to_thread(asked, theirs) == (Kind.PING, 2)
        theirs.sendall(bytes(Frame(Kind.PING, b"{}", 2)) + bytes(Frame(Kind.METRICS, b"late", 1)))
        assert (await ping, await first, await second) == (b"{}", b"late", b"late")
        third = channel.ask(Kind.METRICS)
        assert await asyncio.to_thread(asked, theirs) == (Kind.METRICS, 3)
        theirs.sendall(bytes(Frame(Kind.METRICS, b"new", 3)))
        assert await third == b"new"


HEAD = b"P" + bytes(8)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not a frame"),
        (b"\0" * 13, "not a frame"),
        (HEAD + b"\xff\xff\xff\xff", "too long"),
        (b"R" + bytes(8) + b"\0\0\0\1x", "too long"),
        (b"M" + bytes(8) + b"\x10\0\0\0", "too long"),
        (bytes(Frame(Kind.METRICS, b"1", 9)), "nobody asked for"),
        (bytes(Frame(Kind.PING, b"{}", 2)), "nobody asked for"),
        (bytes(Frame(Kind.PING, b"{}", 0)), "nobody asked for"),
        (bytes(Frame(Kind.PING, b"{}", 1)) * 2, "nobody asked for"),
        (bytes(Frame(Kind.SNAPSHOT)), "nobody asked for"),
        (bytes(Frame(Kind.READY)), "out of turn"),
        (bytes(Frame(Kind.BUILT)) * 2, "out of turn"),
        (bytes(Frame(Kind.BUILT)) + bytes(Frame(Kind.READY)) * 2, "out of turn"),
        (HEAD + b"\0\0\0\5abc", "closed"),
        (b"P", "closed"),
        (b"", "closed"),
    ],
)
async def test_what_may_not_be_said_breaks_the_line_and_keeps_nobody_waiting(said: bytes, why: str) -> None:
    async with lined() as (channel, theirs, listening):
        ping, counted = channel.ask(Kind.PING), channel.ask(Kind.METRICS)
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(Broken, match=why):
            await listening
        assert counted.result() is None
        assert ping.done()
        assert await channel.ask(Kind.PING) is None
        channel.say(Kind.SERVE, b"8080")  # nothing happens
        channel.close()


async def test_text_without_end_is_not_collected() -> None:
    async with lined() as (_, theirs, listening):
        theirs.setblocking(False)
        sent = 0
        with pytest.raises(OSError):  # first full, then broken
            while True:
                sent += theirs.send(b"x" * 65_536)
        with pytest.raises(Broken, match="not a frame"):
            await listening
        assert sent < 16_000_000


def test_a_worker_waits_for_its_frame() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        content = b"a" * 3_000_000
        sending = threading.Thread(target=ours.sendall, args=(bytes(Frame(Kind.SNAPSHOT, content)),))
        sending.start()
        assert receive(theirs, Kind.SNAPSHOT).content == content
        sending.join()
        ours.sendall(bytes(Frame(Kind.PING)))
        with pytest.raises(Broken, match="out of turn"):
            receive(theirs, Kind.SERVE)
        ours.close()
        with pytest.raises(Broken, match="closed"):
            receive(theirs, Kind.SERVE)
