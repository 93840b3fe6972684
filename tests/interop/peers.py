"""Peers that are written for Node or for Java: where they are, and how they are run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
_SECONDS = 60


@dataclass(frozen=True)
class Peers:
    """Those written for one runtime. ``command`` is what runs a script, ``installed`` is there once ``make
    peers`` has been, and ``least`` says to a person which runtime that takes."""

    command: tuple[str, ...]
    installed: Path
    least: str

    def missing(self) -> str | None:
        """Why they cannot be run, None if they can. In CI nothing may be left out: there it fails."""
        if shutil.which(self.command[0]) is None:
            reason = f"{self.least} is not installed"
        elif not self.installed.exists():
            reason = f"the peers are not installed; `make test` does it where {self.least} is there"
        else:
            return None
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}, and in CI nothing may be left out")
        return reason

    def require(self) -> None:
        """Skips the test where the runtime or the peers are not installed."""
        if reason := self.missing():
            pytest.skip(reason)

    def run(self, script: str, told: Any) -> Any:
        """What a script makes of a JSON value: it is given it on stdin and writes one to stdout."""
        sent = json.dumps(told).encode()
        done = subprocess.run(
            self._command(script), input=sent, capture_output=True, timeout=_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    @contextmanager
    def serving(self, script: str, environ: Mapping[str, str]) -> Iterator[str]:
        """The URL that a server writes as its first line. It ends with its standard input."""
        with self._talking(script, environ) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, "the server did not start; what it says stands above"
            yield url

    @contextmanager
    def conversing(self, script: str) -> Iterator[Callable[[Any], Any]]:
        """A script that answers every line of JSON by one: what it answers to a value."""
        with self._talking(script, {}) as process:

            def answer(value: Any) -> Any:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(json.dumps(value) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
                assert line, f"{script} ended; what it says stands above"
                return json.loads(line)

            yield answer

    @contextmanager
    def _talking(self, script: str, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        around = {**os.environ, **environ}
        pipe = subprocess.PIPE
        with subprocess.Popen(
            self._command(script), stdin=pipe, stdout=pipe, env=around, text=True
        ) as process:
            try:
                yield process
            finally:
                process.communicate(timeout=_SECONDS)

    def _command(self, script: str) -> list[str]:
        return [*self.command, str(HERE / script)]


node = Peers(("node",), HERE / "node_modules", "Node 20.19 or newer with npm")
# Source files are compiled as they are run. These run for seconds: what takes long to compile well is not.
java = Peers(
    ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1g", "-cp", str(HERE / "hapi/jars/*")),
    HERE / "hapi/jars/.ready",
    "a JDK of Java 17 or newer with Maven",
)
