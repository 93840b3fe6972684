"""At the limit of open files: health answers, the log says so, and it is over when they leave."""

from __future__ import annotations

import http.client
import json
import resource
import shlex
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.ports import free_port

from .conftest import command, environment
from .test_serve import ask, until


def answered(port: int, path: str) -> int | None:
    try:
        return ask(port, "GET", path)[0]
    except (OSError, http.client.HTTPException):
        return None


@pytest.mark.parametrize("workers", [1, 2])
def test_more_idle_connections_than_open_files(tmp_path: Path, configured: Any, workers: int) -> None:
    port, admin = free_port(0), free_port(0)
    line = shlex.join(command("serve", "--config", str(configured(port, admin)), "--workers", str(workers)))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            ["/bin/bash", "-c", f"ulimit -n 64 && exec {line}"], env=environment(), stdout=log, stderr=log
        )
    try:
        until(lambda: answered(admin, "/readyz") == 200 and answered(port, "/redox") == 400)
        idle = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(300)]
        for _ in range(5):
            assert answered(admin, "/healthz") == 200
            assert answered(port, "/redox") == 400
        page = ask(admin, "GET", "/metrics")[1].decode()
        counts = [row for row in page.splitlines() if row.startswith("gateway_connections_turned_away_total")]
        assert sum(float(row.split()[-1]) for row in counts if "closed_idle" in row) >= 300 - 2 * 32 - 1
        for each in idle:
            each.close()
        assert (answered(admin, "/healthz"), answered(port, "/redox")) == (200, 400)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    rows = [row for row in (tmp_path / "log").read_text().splitlines() if row.startswith("{")]
    told = [row for row in map(json.loads, rows) if row["event"] == "connections"]
    assert 1 <= len(told) <= 3 * workers  # not one for each of them
    assert {(each["listener"], each["most"]) for each in told} == {("public", 32)}
    assert {each["event"] for each in map(json.loads, rows)} == {"connections", "request"}


def test_it_takes_as_many_open_files_as_it_may(configured: Any) -> None:
    port, admin = free_port(0), free_port(0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    line = shlex.join(command("serve", "--config", str(configured(port, admin))))
    process = subprocess.Popen(
        ["/bin/bash", "-c", f"ulimit -S -n 64 && exec {line}"],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: answered(admin, "/healthz") == 200)
        page = ask(admin, "GET", "/metrics")[1].decode()
        (row,) = [row for row in page.splitlines() if row.startswith("process_max_fds")]
        assert float(row.split()[1]) == min(65_536, hard if hard != resource.RLIM_INFINITY else 65_536)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
