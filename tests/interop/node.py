"""Peers that are written for Node: where they are, and how they are run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
_SECONDS = 60


def missing() -> str | None:
    """Why the peers cannot be run, None if they can. In CI nothing may be left out: there it fails."""
    if shutil.which("node") is None:
        reason = "Node 20.19 or newer is not installed"
    elif not (HERE / "node_modules").is_dir():
        reason = "the peers are not installed; `make test` does it where npm and Node 20.19 are there"
    else:
        return None
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and in CI nothing may be left out")
    return reason


def require() -> None:
    """Skips the test where Node or the peers are not installed."""
    if reason := missing():
        pytest.skip(reason)


def run(script: str, told: Any) -> Any:
    """What a script makes of a JSON value: it is given it on stdin and writes one to stdout."""
    sent = json.dumps(told).encode()
    done = subprocess.run(_command(script), input=sent, capture_output=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@contextmanager
def serving(script: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The URL that a server writes as its first line. It ends with its standard input."""
    with _talking(script, environ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the server did not start; what it says stands above"
        yield url


@contextmanager
def conversing(script: str) -> Iterator[Callable[[Any], Any]]:
    """A script that answers every line of JSON by one: what it answers to a value."""
    with _talking(script, {}) as process:

        def answer(value: Any) -> Any:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(value) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield answer


@contextmanager
def _talking(script: str, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    around = {**os.environ, **environ}
    pipe = subprocess.PIPE
    with subprocess.Popen(_command(script), stdin=pipe, stdout=pipe, env=around, text=True) as process:
        try:
            yield process
        finally:
            process.communicate(timeout=_SECONDS)


def _command(script: str) -> list[str]:
    return ["node", str(HERE / script)]
