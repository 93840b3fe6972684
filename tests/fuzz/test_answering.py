"""While any body up to the limit is being answered, the health check of the same process is answered, too."""

from __future__ import annotations

import http.client
import json
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

import pytest

from tests.cli.conftest import CONFIG, command, environment
from tests.fuzz.hostile import BODIES
from tests.fuzz.scale import TIMES

LONG = TIMES > 1
LIMIT = 41_943_040 if LONG else 10_485_760
# What is promised on a machine of one's own; in the suite others may be at work on the same processors.
SECONDS = 0.1 if LONG else 1.0
HEADERS = {"verification-token": environment()["TOKEN"], "Content-Type": "application/json"}
_ATTEMPTS = 4


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


def _said(process: subprocess.Popen[str], stream: str, pattern: str) -> int:
    for line in getattr(process, stream):
        if found := re.search(pattern, line):
            return int(found[1])
    raise AssertionError(f"it ended without saying {pattern}")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("answering")
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, **streams: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(*map(str, arguments)),
            cwd=folder,
            env={**environment(), "PYTHONUNBUFFERED": "1"},
            text=True,
            **streams,  # type: ignore[call-overload]
        )
        started.append(process)
        return process

    try:
        canvas = start("sandbox", "--port", "0", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        port = _said(canvas, "stdout", r":(\d+)$")
        text = CONFIG % {"port": 0, "admin": 0, "upstream": port}
        text = text.replace("server: {", f"server: {{body_limit_bytes: {LIMIT}, ")
        config = Path(folder, "gateway.yaml")
        config.write_text(text)
        served = start("serve", "--config", config, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        public = _said(served, "stderr", r"^public  http://127\.0\.0\.1:(\d+)")
        admin = _said(served, "stderr", r"^admin   http://127\.0\.0\.1:(\d+)")
        yield Watched(public, admin)
    finally:
        for process in started:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)


def _told(name: str, seconds: float, more: str) -> None:
    if LONG:
        sys.stderr.write(f"{name:40} {seconds * 1000:7.1f} ms  {more}\n")


@pytest.mark.parametrize("name", BODIES)
def test_the_health_check_is_answered_while_a_body_is(gateway: Watched, name: str) -> None:
    body = BODIES[name](LIMIT)
    assert len(body) <= LIMIT
    longest: list[float] = []
    for _ in range(_ATTEMPTS):  # what blocks does so every time; what other processes take, not
        with gateway.watching() as taken:
            began = time.perf_counter()
            status, answer = gateway.post(body)
            answered = time.perf_counter() - began
        longest.append(max(taken))
        if longest[-1] < SECONDS:
            break
    _told(name, min(longest), f"{status} in {answered:.2f} s, {len(answer)} bytes")
    assert min(longest) < SECONDS
    assert status in (200, 400, 422)
    if status != 200:
        assert len(answer) <= 64 * 1024
        told = json.loads(answer)["Meta"]["Errors"]
        assert 1 <= len(told) <= 101


def test_the_health_check_is_answered_while_many_bodies_are(gateway: Watched) -> None:
    """Several of each kind at once, with the token of the site, another one, and none."""
    size = LIMIT // 4
    bodies = [make(size) for make in BODIES.values()]
    tokens = [HEADERS, HEADERS, {**HEADERS, "verification-token": "wrong"}, {"Content-Type": "text/plain"}]
    posts = [(body, tokens[number % 4]) for number, body in enumerate(bodies * 2)]
    statuses: list[int] = []

    def send(mine: list[tuple[bytes, dict[str, str]]]) -> None:
        statuses.extend(gateway.post(*each)[0] for each in mine)

    longest: list[float] = []
    for _ in range(_ATTEMPTS):
        threads = [threading.Thread(target=send, args=(posts[start::8],)) for start in range(8)]
        with gateway.watching() as taken:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        longest.append(max(taken))
        if longest[-1] < SECONDS:
            break
    _told("all of them, eight at a time", min(longest), f"{len(taken)} health checks")
    assert min(longest) < SECONDS
    assert {200, 400, 422} & set(statuses)
    assert not {status for status in statuses if status >= 500}
