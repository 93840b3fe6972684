"""A gateway in a process of its own whose health checks are watched while it is given something to do."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cli.conftest import CONFIG, command, environment
from tests.fuzz.scale import TIMES

LONG = TIMES > 1
# What is promised on a machine of one's own; in the suite others may be at work on the same processors.
SECONDS = 0.1 if LONG else 1.0
HEADERS = {"verification-token": environment()["TOKEN"], "Content-Type": "application/json"}


@dataclass
class Watched:
    """A gateway with one site, in a process of its own, and how long its health checks took."""

    public: int
    admin: int

    @contextmanager
    def watching(self) -> Iterator[list[float]]:
        """Health checks, one after the other; the seconds that each took."""
        taken: list[float] = []
        done = threading.Event()

        def look() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=60)
            while not done.is_set():
                began = time.perf_counter()
                connection.request("GET", "/healthz")
                assert connection.getresponse().read()
                taken.append(time.perf_counter() - began)
                time.sleep(0.002)
            connection.close()

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield taken
        finally:
            done.set()
            thread.join()

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.public, timeout=60)
        try:
            connection.request("POST", "/redox", body, HEADERS if headers is None else headers)
            response = connection.getresponse()
            return response.status, response.read()
        except ConnectionError:  # it need not read to its end what it refuses
            return 0, b""
        finally:
            connection.close()


def told(name: str, seconds: float, more: str) -> None:
    """A line of figures, where they mean something."""
    if LONG:
        sys.stderr.write(f"{name:40} {seconds * 1000:7.1f} ms  {more}\n")


class Processes:
    """Commands of ours, run in a folder until :meth:`end`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: object, **streams: object) -> subprocess.Popen[str]:
        """A command, with its streams."""
        process = subprocess.Popen(
            command(*map(str, arguments)),
            cwd=self.folder,
            env={**environment(), "PYTHONUNBUFFERED": "1"},
            text=True,
            **streams,  # type: ignore[call-overload]
        )
        self._started.append(process)
        return process

    def serve(self, upstream: int, *changes: tuple[str, str]) -> Watched:
        """A gateway for the upstream at this port; ``changes`` are made in its configuration."""
        text = CONFIG % {"port": 0, "admin": 0, "upstream": upstream}
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        config = Path(self.folder, "gateway.yaml")
        config.write_text(text)
        served = self.start("serve", "--config", config, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        public = said(served, "stderr", r"^public  http://127\.0\.0\.1:(\d+)")
        admin = said(served, "stderr", r"^admin   http://127\.0\.0\.1:(\d+)")
        return Watched(public, admin)

    def end(self) -> None:
        """End them all."""
        for process in self._started:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)


def said(process: subprocess.Popen[str], stream: str, pattern: str) -> int:
    for line in getattr(process, stream):
        if found := re.search(pattern, line):
            return int(found[1])
    raise AssertionError(f"it ended without saying {pattern}")
