"""Standard output and error of a process that serves: whatever writes there, no request waits for it.

A ``click.echo``, a warning, the traceback of a finalizer: all of them go to ``sys.stdout`` or ``sys.stderr``,
and a pipe that nobody reads would stop the event loop right there.
"""

from __future__ import annotations

import atexit
import io
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.web.sink import Reason, Sink


@dataclass(frozen=True, slots=True)
class Streams:
    """What stands in for the standard streams of this process."""

    out: Sink
    err: Sink


_installed: list[Streams] = []


def unwaited() -> Streams:
    """Put the stand-ins in place, once a process; what they still hold is written at its end.

    To be called before anything else is opened: a standard descriptor that is closed is taken, so that no
    socket gets its number and, with it, what is written to the log.
    """
    if not _installed:
        for number in (0, 1, 2):
            _hold(number)
        made = Streams(_sink(1, sys.__stdout__), _sink(2, sys.__stderr__))
        # Where something else stands in already (a test that listens), it stays.
        if sys.stdout is sys.__stdout__:
            sys.stdout = _text(made.out, sys.__stdout__)
        if sys.stderr is sys.__stderr__:
            sys.stderr = _text(made.err, sys.__stderr__)
        atexit.register(_finish, made)
        _installed.append(made)
    return _installed[0]


def _finish(streams: Streams) -> None:
    streams.out.finish()
    streams.err.finish()


def _hold(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        # The lowest free number is taken. Open for reading only, so that writing fails as it did,
        # also in the workers that inherit it.
        os.open(os.devnull, os.O_RDONLY)


def _sink(number: int, stream: Any) -> Sink:
    """Python has no stream where the descriptor was closed at the start: then the number is another's."""
    return Sink(number if stream is not None else os.open(os.devnull, os.O_RDONLY), _told)


def _text(sink: Sink, former: Any) -> io.TextIOWrapper:
    encoding = former.encoding if former is not None else "utf-8"
    return io.TextIOWrapper(
        sink, encoding=encoding, errors="backslashreplace", newline="", write_through=True
    )


def _told(lost: Mapping[Reason, int], _since: float) -> bytes:
    return f"\n{sum(lost.values())} pieces of text could not be written here\n".encode()
