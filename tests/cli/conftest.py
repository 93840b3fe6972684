"""The command line as a process of its own, and what it needs around it."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from tests.clock import HANDED, clock

TOP = Path(__file__).resolve().parents[2]
SAMPLE = TOP / "tests" / "samples" / "redox-available-slots.json"
BUNDLE = TOP / "tests" / "samples" / "canvas-slot-bundle.json"

CONFIG = """\
server: {host: 127.0.0.1, port: %(port)s, shutdown_grace_seconds: 0.2}
admin: {host: 127.0.0.1, port: %(admin)s}
sites:
  - id: demo
    timezone: America/Los_Angeles
    redox:
      destination_ids: [af394f14-b34a-464f-8d24-895f370af4c9]
      verification_token: ${TOKEN}
    upstream:
      dialect: canvas
      base_url: http://127.0.0.1:%(upstream)s
      token_url: http://127.0.0.1:%(upstream)s/auth/token/
      client_id: a
      client_secret: b
"""

HEADERS = {"verification-token": "canary-8d03b6f1e75a", "Content-Type": "application/json"}


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, HEADERS)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def until(what: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def said(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """The first line on stderr that matches."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"it ended without saying {pattern}")


Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]


def environment() -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    handed = {**HANDED, "TOKEN": "canary-8d03b6f1e75a", "PYTHONWARNINGS": "error"}
    return {**kept, "PYTHONPATH": str(TOP), **handed}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.cli.launched", *arguments]


@pytest.fixture
def gateway(tmp_path: Path) -> Run:
    """Run a command to its end, in an empty folder."""

    def run(*arguments: object, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*map(str, arguments)),
            cwd=tmp_path,
            env=environment(),
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The same in this process, without the half second that a new one takes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "canary-8d03b6f1e75a")

    def run(*arguments: object, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        shown = [*map(str, arguments)]
        done = CliRunner().invoke(main, shown, input=stdin, prog_name="gateway", obj=clock)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return subprocess.CompletedProcess(shown, done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command that stays; whatever is left of it is killed at the end."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(*map(str, arguments)),
            cwd=tmp_path,
            env={**environment(), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Path]:
    """Write a configuration."""

    def write(port: int = 0, admin: int = 0, upstream: int = 9) -> Path:
        path = tmp_path / "configured.yaml"
        path.write_text(CONFIG % {"port": port, "admin": admin, "upstream": upstream})
        return path

    return write
