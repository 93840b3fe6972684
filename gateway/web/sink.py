"""Bytes for a file descriptor that nobody waits for: a bounded queue, and one thread that writes.

It may be a pipe that nobody reads, a full disk, or closed. Then what is handed in is lost and counted, and
once it can be written again one line tells how much is missing. The descriptor is shared with other
processes, so its flags are left as they are: it may block (then the thread does) or not (then it polls).
"""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any, Final, Literal

Reason = Literal["not-read", "no-space", "no-reader", "closed", "too-long", "failed"]

REASONS: Final[tuple[Reason, ...]] = ("not-read", "no-space", "no-reader", "closed", "too-long", "failed")

_BY_ERRNO: Final[Mapping[int, Reason]] = {
    errno.ENOSPC: "no-space",
    errno.EDQUOT: "no-space",
    errno.EFBIG: "no-space",
    errno.EPIPE: "no-reader",
    errno.EBADF: "closed",
}
_GATHER_SECONDS: Final = 0.005  # after a write: what comes meanwhile goes out together, with one waking
_POLL_SECONDS: Final = 0.25
_LEFT_SECONDS: Final = 1.0
_LEFT_AT_MOST: Final = 5.0
_BLOCK: Final = 65_536

Told = Callable[[Mapping[Reason, int], float], bytes]
"""Makes the line that tells of a loss: how many by reason, and since when (epoch seconds)."""


class Sink(io.RawIOBase):
    """Looks like a stream to whoever writes; each ``write`` is one line, taken or lost as a whole.

    ``write`` never blocks and never raises. At most ``max_lines`` and ``max_bytes`` wait; when either is
    reached nothing more is taken until half of the room is free, so that losses come in stretches.
    """

    def __init__(
        self, descriptor: int, told: Told, *, max_lines: int = 10_000, max_bytes: int = 4 * 1024 * 1024
    ) -> None:
        super().__init__()
        self.name = f"<descriptor {descriptor}>"
        self.told = told
        self._descriptor = descriptor
        self._max_lines, self._max_bytes = max_lines, max_bytes
        self._waiting: deque[bytes] = deque()
        self._held = 0  # bytes that wait or are being written
        self._full = self._idle = self._ending = self._ended = False
        self._cut = False  # the last that was written is half of something
        self._lost: Counter[Reason] = Counter()
        self._untold: Counter[Reason] = Counter()
        self._since = 0.0
        # Both may be entered again by the same thread: a finalizer that logs can run at any moment.
        self._lock = threading.RLock()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._atom = _atom(descriptor)
        self._writer = threading.Thread(target=self._run, name=f"writes to {descriptor}", daemon=True)
        self._writer.start()

    @property
    def lost(self) -> Mapping[Reason, int]:
        """How many lines were lost so far, by reason."""
        with self._lock:
            return dict(self._lost)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        try:
            return os.isatty(self._descriptor)
        except OSError:
            return False

    def flush(self) -> None:
        """Nothing: see :meth:`finish`."""

    def write(self, line: Any, /) -> int:
        taken = bytes(line)
        size = len(taken)
        with self._lock:
            if size > self._max_bytes // 2:
                self._lose("too-long", 1)
            elif self._full or self._ended:
                self._lose("not-read", 1)
            elif len(self._waiting) >= self._max_lines or self._held + size > self._max_bytes:
                self._full = True
                self._lose("not-read", 1)
            else:
                self._waiting.append(taken)
                self._held += size
                if self._idle:
                    self._idle = False
                    self._bell.put(None)
        return size

    def finish(self, seconds: float = _LEFT_SECONDS, at_most: float = _LEFT_AT_MOST) -> None:
        """Write what waits, then end: until nothing has got out for ``seconds``, ``at_most`` so long."""
        with self._lock:
            self._ending = True
            self._bell.put(None)
        until = time.monotonic() + at_most
        held = -1
        while self._writer.is_alive() and self._held != held and time.monotonic() < until:
            held = self._held
            self._writer.join(min(seconds, max(0.0, until - time.monotonic())))

    def _lose(self, reason: Reason, count: int) -> None:
        if not self._untold:
            self._since = time.time()
        self._lost[reason] += count
        self._untold[reason] += count

    def _run(self) -> None:
        while (block := self._next()) is not None:
            lines, size = block
            trouble = self._put(b"".join(lines))
            with self._lock:
                self._held -= size
                if trouble is not None:
                    self._lose(trouble, len(lines))
                roomy = self._held <= self._max_bytes // 2 and len(self._waiting) <= self._max_lines // 2
                if self._full and roomy:
                    self._full = False
                ready = trouble is None and not self._full
                untold, since = (self._untold, self._since) if ready else (None, 0.0)
                if untold:
                    self._untold = Counter()
            if untold:
                self._tell(untold, since)
            if not (self._waiting or self._ending):
                time.sleep(_GATHER_SECONDS)

    def _next(self) -> tuple[list[bytes], int] | None:
        """The lines that go out with the next write, and their bytes. Waits for one; None: it is over."""
        while True:
            with self._lock:
                lines: list[bytes] = []
                size = 0
                while self._waiting and (not lines or size + len(self._waiting[0]) <= self._atom):
                    lines.append(self._waiting.popleft())
                    size += len(lines[-1])
                if lines:
                    return lines, size
                if self._ending:
                    self._ended = True
                    return None
                self._idle = True
            self._bell.get()

    def _tell(self, untold: Counter[Reason], since: float) -> None:
        try:
            line = self.told(untold, since)
        except Exception:  # whatever is wrong with the telling, the thread goes on
            return
        if self._put(line) is not None:
            with self._lock:
                self._untold.update(untold)
                self._since = since

    def _put(self, block: bytes) -> Reason | None:
        """Write all of it; None, or why it could not be written."""
        left = memoryview(b"\n" + block if self._cut else block)
        whole = len(left)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                self._wait()
            except OSError as error:
                self._cut = self._cut if len(left) == whole else True
                return _BY_ERRNO.get(error.errno or 0, "failed")
        self._cut = False
        return None

    def _wait(self) -> None:
        """Until a descriptor that does not block may take more."""
        time.sleep(_GATHER_SECONDS)
        select.select([], [self._descriptor], [], _POLL_SECONDS)


def _atom(descriptor: int) -> int:
    """How much may go out with one write, so that the lines of other processes do not come in between."""
    try:
        piped = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        piped = False
    return getattr(select, "PIPE_BUF", 512) if piped else _BLOCK
