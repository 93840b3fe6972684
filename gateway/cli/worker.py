"""One worker of several: serves the public port that they share, and talks to its supervisor.

The two hold the ends of a socket pair. The worker says ``ready`` once it listens; for every
``metrics`` line it sends ``metrics <length>`` and so many bytes. When the line breaks the supervisor is
gone, and the worker ends in order.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from gateway.assemble import House, assemble, survey
from gateway.assemble.application import shutdown_of
from gateway.cli import output
from gateway.cli.serve import log_of, set_aside
from gateway.cli.streams import unwaited
from gateway.web.server import run as listen

READY, METRICS = b"ready\n", b"metrics"


async def work(house: House, log: FilteringBoundLogger, port: int, line: socket.socket) -> None:
    """Serve on ``port`` until a signal comes or the supervisor is gone."""
    reader, writer = await asyncio.open_connection(sock=line)
    stop = asyncio.Event()
    talk = asyncio.create_task(_talk(house, reader, writer, stop))
    try:
        await listen(
            house.public(log),
            None,
            listen=house.listen(port, shared=True),
            admin_listen=None,
            readiness=house.readiness,
            log=log,
            on_bound=lambda _bound: writer.write(READY),
            stop=stop,
            shutdown=shutdown_of(house.settings),
        )
    finally:
        talk.cancel()
        writer.close()
        await house.close()


async def _talk(
    house: House, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event
) -> None:
    while (asked := await reader.readline()).endswith(b"\n"):
        if asked.strip() == METRICS:
            text = await asyncio.to_thread(house.metrics.exposition)
            writer.write(b"%s %d\n%s" % (METRICS, len(text), text))
            await writer.drain()
    stop.set()


def main(config: str, port: str, descriptor: str) -> None:
    """Entry of the process that the supervisor starts."""
    unwaited()
    with output.faults_told("this worker was not started"):
        found = survey(Path(config), os.environ)
        house = assemble(found)
    set_aside()
    output.run(work(house, log_of(house), int(port), socket.socket(fileno=int(descriptor))))


if __name__ == "__main__":
    main(*sys.argv[1:])
