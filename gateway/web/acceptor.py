"""Takes connections, as many as there is room for, and stays in command when there is none.

An event loop's own server does not: when descriptors run out asyncio's is deaf for a second, and uvloop's
resets whoever comes. Neither says so in our log.
"""

from __future__ import annotations

import asyncio
import errno
import heapq
import os
import select
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from structlog.typing import FilteringBoundLogger

from gateway.web.connection import Connection
from gateway.web.logging import describe_fault
from gateway.web.metrics import ConnectionCounts

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_AT_ONCE: Final = 64  # then the loop has its turn
_REST_SECONDS: Final = 0.2
_QUIET_SECONDS: Final = 10.0
_LEAVE_AT_ONCE: Final = 32  # one in so many of all connections: looking for the idlest looks at each

_TEXT: Final = b"All connections that this gateway can have are in use. Try again in a moment.\n"
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Cache-Control: no-store\r\nContent-Length: %d\r\n\r\n%s" % (len(_TEXT), _TEXT)
)


class Acceptor:
    """The connections of one listener: at most ``most``.

    Where one more comes, those that have been idle for longest are closed, first among those that never asked
    for anything. Where nobody is idle the new one is answered 503. ``spare``: a descriptor is kept for when
    the process has none left, so that this listener goes on (one connection at a time).
    """

    def __init__(
        self,
        name: str,
        listening: Sequence[socket.socket],
        make: Callable[[Callable[[Connection], None]], Connection],
        *,
        tls: ssl.SSLContext | None,
        handshake_seconds: float,
        most: int,
        counts: ConnectionCounts,
        log: FilteringBoundLogger,
        spare: bool,
    ) -> None:
        self._name = name
        self._listening = listening
        self._make = make
        self._tls = tls
        self._handshake_seconds = handshake_seconds if tls is not None else None
        self._most = most
        self._counts = counts
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._guests: dict[Connection, asyncio.Task[None]] = {}
        self._resting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._wants_spare = spare
        self._spare: int | None = None
        self._quiet_until = 0.0
        self._untold = {"closed_idle": 0, "refused": 0, "exhausted": 0}

    def start(self) -> None:
        self._keep_spare()
        for each in self._listening:
            self._loop.add_reader(each, self._ready, each)

    def stop(self) -> list[socket.socket]:
        """Listen no more; gives the connections that the kernel has made and nobody has accepted yet.

        Closing a listening socket resets those.
        """
        late: list[socket.socket] = []
        for listening in self._listening:
            self._loop.remove_reader(listening)
            if (rest := self._resting.pop(listening, None)) is not None:
                rest.cancel()
            with listening, suppress(OSError):  # none is left, or no descriptor
                while True:
                    late.append(listening.accept()[0])
        if self._spare is not None:
            os.close(self._spare)
            self._spare, self._wants_spare = None, False
        return late

    def take(self, came: socket.socket) -> asyncio.Task[None]:
        """Make a connection of what was accepted. The task ends when it is made, or will never be."""
        came.setblocking(False)
        connection = self._make(self._left)
        task = self._guests[connection] = self._loop.create_task(self._connect(connection, came))
        # Given up before its first turn nobody else has the socket; after it the transport closes it.
        task.add_done_callback(lambda done: came.close() if done.cancelled() else None)
        self._counts.open += 1
        return task

    def give_up(self) -> None:
        """Wait no longer for connections that are still to be made."""
        for task in tuple(self._guests.values()):
            task.cancel()

    @property
    def accepting(self) -> bool:
        """Whether the system takes connections for us. It is asked: others may have closed the sockets."""
        return all(map(_listens, self._listening))

    @property
    def unasked(self) -> bool:
        """Whether somebody is connected whose first request is still to come."""
        return any(each.unasked for each in self._guests)

    async def _connect(self, connection: Connection, came: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection, came, ssl=self._tls, ssl_handshake_timeout=self._handshake_seconds
            )
        except (OSError, asyncio.CancelledError):  # hung up meanwhile, or no TLS: that is the caller's affair
            self._left(connection)
        except Exception as fault:
            self._left(connection)
            self._log.error("connection", **describe_fault(fault))

    def _left(self, connection: Connection) -> None:
        if self._guests.pop(connection, None) is not None:
            self._counts.open -= 1
        self._keep_spare()

    def _ready(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                came = self._accept(listening)
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of descriptors, most likely; whatever it is, it is not over in this turn. A system
                # that has none says so before it looks whether anybody waits.
                if _somebody_waits(listening):
                    self._rest(listening, error)
                return
            if len(self._guests) < self._most or self._make_room():
                self.take(came)
            else:
                self._refuse(came)

    def _accept(self, listening: socket.socket) -> socket.socket:
        try:
            return listening.accept()[0]
        except OSError as error:
            if error.errno not in _EXHAUSTED or self._spare is None:
                raise
        os.close(self._spare)
        self._spare = None
        return listening.accept()[0]

    def _keep_spare(self) -> None:
        if self._wants_spare and self._spare is None:
            with suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY)

    def _rest(self, listening: socket.socket, error: OSError) -> None:
        self._untold["exhausted"] += 1
        self._make_room()
        self._tell(error.strerror)
        self._loop.remove_reader(listening)
        self._resting[listening] = self._loop.call_later(_REST_SECONDS, self._wake, listening)

    def _wake(self, listening: socket.socket) -> None:
        del self._resting[listening]
        self._keep_spare()
        self._loop.add_reader(listening, self._ready, listening)

    def _make_room(self) -> bool:
        """Close some of those that are idle, and say whether there were any."""
        idle = [
            (not each.unasked, since, number, each)
            for number, each in enumerate(self._guests)
            if (since := each.idle_since) is not None
        ]
        leaving = heapq.nsmallest(max(1, self._most // _LEAVE_AT_ONCE), idle)
        for *_, each in leaving:
            task = self._guests[each]
            self._left(each)
            task.cancel()  # a handshake that is not over
            each.abort()
        self._count("closed_idle", len(leaving))
        return bool(leaving)

    def _refuse(self, came: socket.socket) -> None:
        with came, suppress(OSError):
            if self._tls is None:
                came.setblocking(False)
                came.send(_FULL)
                with suppress(BlockingIOError):
                    came.recv(65_536)  # what is unread when a connection is closed would reset it
        self._count("refused", 1)

    def _count(self, what: str, number: int) -> None:
        if number:
            self._untold[what] += number
            self._counts.turned_away[what] += number
            self._tell(None)

    def _tell(self, reason: str | None) -> None:
        """One line, and then none for a while; the next has what came since."""
        now = self._loop.time()
        if now < self._quiet_until:
            return
        self._quiet_until = now + _QUIET_SECONDS
        fields = {key: number for key, number in self._untold.items() if number}
        self._untold = dict.fromkeys(self._untold, 0)
        said = (
            reason
            if reason is not None
            else "all connections that there may be (server.max_connections) are open"
        )
        self._log.warning(
            "connections", listener=self._name, open=len(self._guests), most=self._most, **fields, said=said
        )


def _listens(listening: socket.socket) -> bool:
    try:
        return bool(listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False


def _somebody_waits(listening: socket.socket) -> bool:
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    return bool(poll.poll(0))
