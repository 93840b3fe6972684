"""What a supervisor and its worker say to each other over a socket pair: frames, each question with a number.

A frame is one letter, a number, a length, and so many bytes. The worker is handed what it is to serve
(``SNAPSHOT``, another one if there are other tables meanwhile), says what it has built (``BUILT``), is told
the port (``SERVE``) and says that it listens (``READY``). After that it only answers: ``PING`` from its event
loop, ``METRICS`` when a thread has written them, ``PREPARE`` (another snapshot) with the hash of what it has
built of that beside what it serves, ``SWITCH`` once it serves what it has prepared. ``DROP`` says that it
never will, and wants no answer. An answer bears the number of its question, so one that comes late is never
taken for another. What is said out of turn, is no frame, or is too long breaks the line for good.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

_HEAD: Final = struct.Struct("!cQI")


class Kind(Enum):
    """What a frame is for, by its letter."""

    SNAPSHOT = b"S"
    BUILT = b"B"
    SERVE = b"V"
    READY = b"R"
    PING = b"P"
    METRICS = b"M"
    PREPARE = b"N"
    SWITCH = b"W"
    DROP = b"D"


_LONGEST: Final = {
    Kind.SNAPSHOT: 1 << 30,
    Kind.BUILT: 1024,
    Kind.SERVE: 1024,
    Kind.READY: 0,
    Kind.PING: 65_536,
    Kind.METRICS: 1 << 26,
    Kind.PREPARE: 1 << 30,
    Kind.SWITCH: 0,
    Kind.DROP: 0,
}


class Broken(Exception):
    """The line cannot be used any more: what came is not what may be said."""


class Closed(Broken):
    """The line was closed, as it is when the process at its other end dies."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing said. ``number`` is that of the question, 0 for what is none and answers none."""

    kind: Kind
    content: bytes = b""
    number: int = 0

    def __bytes__(self) -> bytes:
        return _HEAD.pack(self.kind.value, self.number, len(self.content)) + self.content


async def read(reader: asyncio.StreamReader) -> Frame:
    """The next frame. Raises Broken."""
    try:
        kind, number, length = _head(await reader.readexactly(_HEAD.size))
        return Frame(kind, await reader.readexactly(length), number)
    except asyncio.IncompleteReadError:
        raise Closed("closed") from None
    except OSError as error:
        raise Closed("cannot be read") from error


def receive(line: socket.socket, *kinds: Kind) -> Frame:
    """The next frame, which has to be of one of the ``kinds``; waits for it. Raises Broken."""
    said, number, length = _head(_exactly(line, _HEAD.size))
    if said not in kinds:
        raise Broken("out of turn")
    return Frame(said, _exactly(line, length), number)


def _head(raw: bytes) -> tuple[Kind, int, int]:
    letter, number, length = _HEAD.unpack(raw)
    try:
        kind = Kind(letter)
    except ValueError:
        raise Broken("not a frame") from None
    if length > _LONGEST[kind]:
        raise Broken("too long")
    return kind, number, length


def _exactly(line: socket.socket, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        try:
            piece = line.recv(min(length - len(found), 1 << 20))
        except OSError as error:
            raise Closed("cannot be read") from error
        if not piece:
            raise Closed("closed")
        found += piece
    return bytes(found)


class Channel:
    """The supervisor's end of the line to one process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        self._reader, self._writer = reader, writer
        self._number = 0
        self._asked: dict[Kind, tuple[int, asyncio.Future[bytes | None]]] = {}
        self.built: asyncio.Future[bytes | None] = loop.create_future()
        self.ready: asyncio.Future[bytes | None] = loop.create_future()
        self._broken = False

    def say(self, kind: Kind, content: bytes = b"", number: int = 0) -> None:
        """Send without waiting. What cannot be sent shows in :meth:`listen`."""
        if not self._broken:
            with suppress(OSError, RuntimeError):  # closed meanwhile
                self._writer.write(bytes(Frame(kind, content, number)))

    def ask(self, kind: Kind, content: bytes = b"") -> asyncio.Future[bytes | None]:
        """The answer to come, or None once the line is broken. Shared, so wait for it by ``asyncio.wait``.

        One question of a kind is under way at a time: who asks meanwhile has the same answer, or, with a
        ``content`` of his own, None. So nothing piles up before a worker that does not read.
        """
        if self._broken:
            return _none()
        under_way = self._asked.get(kind)
        if under_way is not None and content:
            return _none()
        if under_way is None:
            self._number += 1
            under_way = self._asked[kind] = (self._number, asyncio.get_running_loop().create_future())
            self.say(kind, content, self._number)
        return under_way[1]

    def build_anew(self) -> None:
        """What was built is not what it is to serve: it will be handed something else."""
        self.built = asyncio.get_running_loop().create_future()

    async def listen(self) -> None:
        """Take what comes, until the line breaks: always ends by raising Broken."""
        try:
            while True:
                self._take(await read(self._reader))
        finally:
            self.close()

    def _take(self, frame: Frame) -> None:
        if frame.kind in (Kind.BUILT, Kind.READY):
            awaited = self.built if frame.kind is Kind.BUILT else self.ready
        else:
            number, awaited = self._asked.get(frame.kind, (0, self.built))
            if not number or number != frame.number:
                raise Broken("an answer that nobody asked for")
            del self._asked[frame.kind]
        if awaited.done() or (frame.kind is Kind.READY and not self.built.done()):
            raise Broken("out of turn")
        awaited.set_result(frame.content)

    def close(self) -> None:
        """Nothing is said or heard from now on; who waits for an answer gets None. May be called twice."""
        self._broken = True
        waiting = [future for _, future in self._asked.values()]
        self._asked.clear()
        for future in (*waiting, self.built, self.ready):
            if not future.done():
                future.set_result(None)
        self._writer.close()


def _none() -> asyncio.Future[bytes | None]:
    future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future
