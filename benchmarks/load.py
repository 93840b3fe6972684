"""Bounded load on a loopback port: as fast as it goes (closed loop), and at a fixed rate (open loop).

The open loop sends by the clock whether or not earlier answers are back, and counts a request's time from
when it was due, not from when a connection was free for it. It waits with ``select``, whose timeouts are
finer than the milliseconds of an event loop.
"""

from __future__ import annotations

import math
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

PATIENCE = 5.0  # seconds after the last request was due

WRK = """\
local requests, sent = {{}}, 0
function init(args)
  for number, body in ipairs({{{bodies}}}) do
    requests[number] = wrk.format("POST", {path}, {{{headers}}}, body)
  end
end
function request()
  sent = sent % #requests + 1
  return requests[sent]
end
"""


class LoadFailed(Exception):
    """The server refused, broke off or did not answer in time: there is nothing to report."""


@dataclass(frozen=True, slots=True)
class Request:
    """POSTs to ``http://127.0.0.1:{port}{path}``, of one body after the other and again from the first."""

    port: int
    path: str
    headers: tuple[tuple[str, str], ...]
    bodies: tuple[bytes, ...]

    def messages(self) -> list[bytes]:
        """The requests as they go over the wire."""
        lines = [f"POST {self.path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        head = "\r\n".join(lines)
        return [f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body for body in self.bodies]


def throughput(request: Request, *, connections: int, seconds: float) -> float:
    """Answers a second in a closed loop; by wrk where that is installed, as it costs the machine least."""
    wrk = shutil.which("wrk")
    return _by_wrk(wrk, request, connections, seconds) if wrk else _closed(request, connections, seconds)


def generator() -> str:
    """What :func:`throughput` uses on this machine."""
    return "wrk" if shutil.which("wrk") else "a Python client"


def latencies(request: Request, *, rate: float, seconds: float, connections: int = 64) -> list[float]:
    """Seconds from when each request was due until its answer was whole, sorted."""
    with Connections(request, connections) as pool:
        begun = time.perf_counter()
        due = deque(begun + number / rate for number in range(max(1, int(rate * seconds))))
        last, wanted = due[-1], len(due)
        taken: list[float] = []
        while len(taken) < wanted:
            now = time.perf_counter()
            while due and due[0] <= now and pool.idle:
                pool.send(due.popleft())
            if now > last + PATIENCE:
                raise LoadFailed(f"{wanted - len(taken)} of {wanted} requests had no answer.")
            wait = due[0] - time.perf_counter() if due and pool.idle else PATIENCE
            taken += pool.receive(max(0.0, wait))
    return sorted(taken)


def percentile(ordered: list[float], share: float) -> float:
    """The smallest value that ``share`` of them do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _closed(request: Request, connections: int, seconds: float) -> float:
    with Connections(request, connections) as pool:
        begun = time.perf_counter()
        count = 0
        while (now := time.perf_counter()) < begun + seconds:
            while pool.idle:
                pool.send(now)
            count += len(pool.receive(PATIENCE))
        return count / (now - begun)


def _by_wrk(wrk: str, request: Request, connections: int, seconds: float) -> float:
    headers = ", ".join(f"[{_lua(name)}] = {_lua(value)}" for name, value in request.headers)
    bodies = ", ".join(_lua(body.decode()) for body in request.bodies)
    script = WRK.format(headers=headers, bodies=bodies, path=_lua(request.path))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "post.lua")
        path.write_text(script)
        command = [wrk, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(path)]
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{request.port}{request.path}"],
            capture_output=True, text=True, timeout=seconds + 30, check=True,
        )  # fmt: skip
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise LoadFailed(f"wrk saw failures:\n{done.stdout}")
    found = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    if not found:
        raise LoadFailed(f"wrk said something else:\n{done.stdout}")
    return float(found[1])


def _lua(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


class Connections:
    """Kept connections with at most one request in flight on each. ``idle`` holds the free ones."""

    def __init__(self, request: Request, count: int) -> None:
        self._messages = cycle(request.messages())
        self._all = [
            socket.create_connection(("127.0.0.1", request.port), timeout=PATIENCE) for _ in range(count)
        ]
        for connection in self._all:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.idle = list(self._all)
        self._busy: dict[socket.socket, tuple[float, bytes]] = {}

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._all:
            connection.close()

    def send(self, due: float) -> None:
        connection = self.idle.pop()
        connection.sendall(next(self._messages))
        self._busy[connection] = due, b""

    def receive(self, wait: float) -> list[float]:
        """Waits at most so many seconds; for each answer that is now whole, its seconds since it was due."""
        ready, _, _ = select.select(list(self._busy), (), (), wait)
        taken = []
        for connection in ready:
            due, before = self._busy[connection]
            received = connection.recv(65536)
            if not received:
                raise LoadFailed("The server closed a connection.")
            answer = before + received
            if _whole(answer):
                taken.append(time.perf_counter() - due)
                del self._busy[connection]
                self.idle.append(connection)
            else:
                self._busy[connection] = due, answer
        return taken


def _whole(answer: bytes) -> bool:
    head, gap, body = answer.partition(b"\r\n\r\n")
    if not gap:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise LoadFailed(f"The server answered {head.partition(bytes([13]))[0].decode('latin-1')}.")
    length = re.search(rb"content-length: *([0-9]+)", head, re.IGNORECASE)
    if length is None:
        return body.endswith(b"0\r\n\r\n")  # chunked
    return len(body) >= int(length[1])
