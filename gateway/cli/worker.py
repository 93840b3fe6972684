"""One worker of several: serves the public port that they share, and answers its supervisor.

The two hold the ends of a socket pair; :mod:`gateway.cli.workers.control` is what they say. When the line
breaks the supervisor is gone, and the worker ends in order, or at least ends.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NoReturn

import msgspec
from structlog.typing import FilteringBoundLogger

from gateway.assemble import Application, ReadConfiguration, Snapshot, built
from gateway.assemble.application import shutdown_of
from gateway.assemble.prepared import Prepared
from gateway.assemble.reload import aside
from gateway.assemble.snapshot import Unpacked
from gateway.cli import output
from gateway.cli.serve import log_of, set_aside
from gateway.cli.streams import unwaited
from gateway.cli.workers.control import Broken, Frame, Kind, read, receive
from gateway.cli.workers.process import Pulse
from gateway.web.logging import describe_fault
from gateway.web.server import Bound
from gateway.web.server import run as listen

_STDERR = 2
_PR_SET_PDEATHSIG = 1
_MARGIN_SECONDS = 5.0


async def work(
    application: Application,
    tables: ReadConfiguration,
    log: FilteringBoundLogger,
    port: int,
    line: socket.socket,
) -> None:
    """Serve on ``port`` until a signal comes or the supervisor is gone. ``tables`` are those that answer.

    Raises OSError if ``port`` cannot be listened on.
    """
    reader, writer = await asyncio.open_connection(sock=line)
    stop = asyncio.Event()
    answers = _Answers(application, tables, writer, log)
    talk = asyncio.create_task(answers.talk(reader, stop))
    try:
        await listen(
            application.public(log),
            None,
            listen=application.listen(port, shared=True),
            admin_listen=None,
            readiness=application.readiness,
            log=log,
            on_bound=answers.ready,
            stop=stop,
            shutdown=shutdown_of(application.settings),
        )
    finally:
        await application.close()
        talk.cancel()  # the last, so that it is heard until then
        writer.close()


class _Answers:
    """What the worker says to its supervisor while it serves."""

    def __init__(
        self,
        application: Application,
        tables: ReadConfiguration,
        writer: asyncio.StreamWriter,
        log: FilteringBoundLogger,
    ) -> None:
        self._application = application
        self._tables = tables
        self._prepared: tuple[Prepared, ReadConfiguration] | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._writer = writer
        self._log = log
        self._accepting: Callable[[], bool] = lambda: True
        self._counting: set[asyncio.Task[None]] = set()

    def ready(self, bound: Bound) -> None:
        self._accepting = bound.accepting
        self._say(Frame(Kind.READY))

    async def talk(self, reader: asyncio.StreamReader, stop: asyncio.Event) -> None:
        """Answer until the line breaks; then nobody is there to serve for."""
        with suppress(Broken):
            while True:
                asked = await read(reader)
                if asked.kind is Kind.PING:
                    self._say(Frame(Kind.PING, msgspec.json.encode(self._pulse()), asked.number))
                elif asked.kind is Kind.METRICS:
                    task = asyncio.create_task(self._count(asked.number))
                    self._counting.add(task)
                    task.add_done_callback(self._counting.discard)
                elif asked.kind is Kind.PREPARE:
                    self._drop()
                    self._preparing = asyncio.create_task(self._prepare(asked))
                elif asked.kind is Kind.SWITCH:
                    self._switch()
                    self._say(Frame(Kind.SWITCH, number=asked.number))
                elif asked.kind is Kind.DROP:
                    self._drop()
        self._drop()
        stop.set()

    async def _prepare(self, asked: Frame) -> None:
        """Build what the snapshot holds beside what is served, and say its hash; empty: it cannot be."""
        said = b""
        try:
            snapshot, unpacked = await aside(partial(_unpacked, asked.content, self._tables))
            ready = unpacked.ready(self._application)
            if not ready.faults:
                said = built(snapshot, self._application, ready)
                self._prepared = ready, unpacked.found
        except Exception as fault:
            self._log.error("reload", said="this worker could not build it", **describe_fault(fault))
        finally:
            self._say(Frame(Kind.PREPARE, said, asked.number))

    def _switch(self) -> None:
        if self._prepared is not None:
            ready, self._tables = self._prepared
            self._application.swap(ready)
        self._prepared = None

    def _drop(self) -> None:
        """A thread that is at it goes on to its end, and nobody takes what it brings."""
        if self._preparing is not None:
            self._preparing.cancel()
        self._prepared = None

    def _pulse(self) -> Pulse:
        readiness = self._application.readiness
        return Pulse(readiness.reasons, self._accepting(), readiness.draining)

    async def _count(self, number: int) -> None:
        text = b""
        try:
            text = await asyncio.to_thread(self._application.metrics.exposition)
        except Exception as fault:
            self._log.error("metrics", **describe_fault(fault))
        self._say(Frame(Kind.METRICS, text, number))

    def _say(self, frame: Frame) -> None:
        with suppress(OSError, RuntimeError):  # closed meanwhile
            self._writer.write(bytes(frame))


def main(descriptor: str) -> None:
    """Entry of the process that the supervisor starts; ``descriptor`` is its end of the line."""
    unwaited()
    _tell_where_it_is()
    line = socket.socket(fileno=int(descriptor))
    bound = _Lifeline(line)
    try:
        told = receive(line, Kind.SNAPSHOT)
        while told.kind is Kind.SNAPSHOT:
            snapshot, unpacked = _unpacked(told.content, None)
            with output.faults_told("this worker was not started"):
                application = unpacked.assemble()
            line.sendall(bytes(Frame(Kind.BUILT, built(snapshot, application))))
            told = receive(line, Kind.SNAPSHOT, Kind.SERVE)
        port = int(told.content)
    except (Broken, OSError):
        line.close()
        sys.exit(output.WRONG)
    how = shutdown_of(application.settings)
    bound.seconds = how.grace_seconds + how.finish_seconds + _MARGIN_SECONDS
    set_aside()
    try:
        output.run(work(application, unpacked.found, log_of(application), port, line))
    except OSError as error:
        output.fail(output.WRONG, f"this worker cannot listen on port {port}: {error.strerror}")


def _unpacked(content: bytes, former: ReadConfiguration | None) -> tuple[Snapshot, Unpacked]:
    snapshot = Snapshot(content)
    return snapshot, snapshot.read(former)


class _Lifeline:
    """Ends the process some ``seconds`` after its supervisor is gone, if the event loop has not done so.

    A loop that is stuck never reads that the line has broken; a thread sees it.
    """

    def __init__(self, line: socket.socket) -> None:
        self.seconds = 0.0
        self._line = os.dup(line.fileno())  # stays open to the end, which Python would warn of for a socket
        threading.Thread(target=self._wait, name="lifeline", daemon=True).start()

        # One that is stopped sees nothing at all: the system is to continue it then (Linux alone can).
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGCONT))

    def _wait(self) -> NoReturn:
        poller = select.poll()
        poller.register(self._line, 0)  # hanging up is told unasked
        while not poller.poll():
            pass
        time.sleep(self.seconds)
        os._exit(output.WRONG)


def _tell_where_it_is() -> None:
    """Before this process dies of a fault in C, or when its supervisor asks (SIGUSR1, as it does not answer):
    the stack goes to stderr, names of files and functions alone."""
    with suppress(OSError, ValueError, RuntimeError):  # stderr may be closed
        faulthandler.enable(_STDERR)
        if hasattr(signal, "SIGUSR1"):
            faulthandler.register(signal.SIGUSR1, _STDERR)


if __name__ == "__main__":
    main(*sys.argv[1:])
