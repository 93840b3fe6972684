"""``gateway serve`` as a process: ready, asked, ended."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.cli.ports import free_port

from .conftest import SAMPLE, ask, said, until


@pytest.fixture
def canvas(start: Any) -> Iterator[int]:
    """The port of a simulated Canvas."""
    process = start("sandbox", "--port", "0")
    assert process.stdout is not None
    found = re.search(r":(\d+)$", process.stdout.readline())
    assert found is not None
    yield int(found[1])
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def slots(body: bytes) -> int:
    return len(json.loads(body)["AvailableSlots"])


def test_one_process(start: Any, configured: Any, canvas: int) -> None:
    process = start("serve", "--config", configured(upstream=canvas))
    port = int(said(process, r"^public  http://127\.0\.0\.1:(\d+)  POST /redox; 1 site$")[1])
    admin = int(said(process, r"^admin   http://127\.0\.0\.1:(\d+)  /healthz /readyz /metrics$")[1])
    assert ask(admin, "GET", "/readyz")[0] == 200
    status, body = ask(port, "POST", "/redox", SAMPLE.read_bytes())
    assert (status, slots(body)) == (200, 6)
    assert (
        b'gateway_requests_total{event="AvailableSlots",site="demo",status="200"'
        in ask(admin, "GET", "/metrics")[1]
    )
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
    line = json.loads(out.splitlines()[0])
    assert (line["event"], line["site"], line["counts"]["slots"]) == ("request", "demo", 6)
    assert line["request_id"] == "d9f5d293-7110-461e-a875-3beb089e79f3"
    assert "canary-8d03b6f1e75a" not in out


def test_two_workers(start: Any, configured: Any, canvas: int) -> None:
    process = start("serve", "--config", configured(upstream=canvas), "--workers", 2)
    admin = int(said(process, r"^admin   http://127\.0\.0\.1:(\d+)")[1])
    port = int(said(process, r"^public  http://127\.0\.0\.1:(\d+)  POST /redox; 1 site, 2 workers$")[1])
    told = b'{"ready":true,"reasons":[],"workers":{"0":"ready","1":"ready"}}'
    assert ask(admin, "GET", "/readyz") == (200, told)

    def both_asked() -> bool:
        status, body = ask(port, "POST", "/redox", SAMPLE.read_bytes())
        assert (status, slots(body)) == (200, 6)
        counted = re.findall(
            rb'gateway_requests_total\{worker="(\d)".*status="200"', ask(admin, "GET", "/metrics")[1]
        )
        return set(counted) == {b"0", b"1"}

    until(both_asked)
    page = ask(admin, "GET", "/metrics")[1].decode()
    assert page.count("# TYPE gateway_requests_total counter") == 1

    children = _children(process.pid)
    assert len(children) == 2
    os.kill(children[0], signal.SIGKILL)
    until(lambda: ask(admin, "GET", "/readyz")[1] != told)
    until(lambda: ask(admin, "GET", "/readyz")[1] == told)
    assert len({*children, *_children(process.pid)}) == 3

    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    died = next(line for line in map(json.loads, out.splitlines()) if line["event"] == "worker")
    assert (died["code"], died["worker"] in ("0", "1")) == (-9, True)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_ctrl_c_ends_workers_without_the_grace(start: Any, configured: Any) -> None:
    path = configured()
    path.write_text(path.read_text().replace("shutdown_grace_seconds: 0.2", "shutdown_grace_seconds: 60"))
    process = start("serve", "--config", path, "--workers", 2)
    said(process, r"^public ")
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_workers_end_when_their_supervisor_is_gone(start: Any, configured: Any) -> None:
    process = start("serve", "--config", configured(), "--workers", 2)
    port = int(said(process, r"^public  http://127\.0\.0\.1:(\d+)")[1])
    process.kill()
    process.wait(10)

    def deaf() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return True
        return False

    until(deaf)


def test_faults_start_nothing(gateway: Any, configured: Any) -> None:
    path = configured()
    path.write_text(path.read_text().replace("canvas", "canvass"))
    for workers in (1, 2):
        done = gateway("serve", "--config", path, "--workers", workers)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.splitlines()[0].startswith(f"{path}:10:16: sites[0].upstream.dialect: there is no")
        assert done.stderr.splitlines()[1] == "1 fault; nothing was started"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("which", ["port", "admin"])
def test_an_address_that_is_taken(gateway: Any, configured: Any, which: str, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        path = configured(**{which: other.getsockname()[1]})
        done = gateway("serve", "--config", path, "--workers", workers)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        "cannot listen" in done.stderr and "Free the port, or change server.port or admin.port" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_free_ports() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert free_port(taken) > taken
        assert free_port(taken, [free_port(taken)]) > free_port(taken)
    assert free_port(0) > 0


def _children(parent: int) -> list[int]:
    told = subprocess.run(["ps", "-o", "pid=,ppid=", "-A"], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in told.splitlines()]
    return [pid for pid, ppid in pairs if ppid == parent]
