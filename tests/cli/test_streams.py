"""Processes whose output nobody takes: they serve, are healthy, count what is true, and end."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.ports import free_port

from .conftest import ask, command, environment, until

ASKED = 40
# How the output is lost, what a shell says for it, and as what it is counted: a pipe just holds on to it.
WAYS = {
    "full disk": (">/dev/full 2>&1", "no-space"),
    "closed": (">&- 2>&-", "closed"),
    "all closed": ("<&- >&- 2>&-", "closed"),
    "reader gone": (">&{gone} 2>&1", "no-reader"),
    "never read": (">&{full} 2>&1", None),
}

Launch = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def pipes() -> Iterator[dict[str, int]]:
    """``full``: a pipe without room, whose reading end is ``reader``; ``gone``: one without a reader."""
    reader, full = os.pipe()
    os.set_blocking(full, False)
    for size in (65_536, 1):
        try:
            while True:
                os.write(full, b"\n" * size)
        except BlockingIOError:
            continue
    os.set_blocking(full, True)
    left, gone = os.pipe()
    os.close(left)
    yield {"reader": reader, "full": full, "gone": gone}
    for each in (reader, full, gone):
        os.close(each)


@pytest.fixture
def launch(tmp_path: Path, pipes: dict[str, int]) -> Iterator[Launch]:
    """Start a command with its output led elsewhere, as a shell would."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(output: str, *arguments: object) -> subprocess.Popen[bytes]:
        line = f"exec {shlex.join(command(*map(str, arguments)))} {output.format(**pipes)}"
        process = subprocess.Popen(
            ["/bin/bash", "-c", line],
            cwd=tmp_path,
            env=environment(),
            pass_fds=[pipes["full"], pipes["gone"]],
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()


def answers(port: int, path: str) -> bool:
    try:
        return ask(port, "GET", path)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def counted(page: str, name: str, **labels: str) -> int:
    """The sum of the samples of ``name`` that have these labels."""
    lines = [line for line in page.splitlines() if line.startswith(f"{name}{{")]
    assert lines, f"there is no {name}"
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(int(float(line.split()[-1])) for line in lines if all(each in line for each in wanted))


def served(launch: Launch, configured: Any, output: str, workers: int) -> tuple[Any, int, int]:
    port, admin = free_port(0), free_port(0)
    path = configured(port, admin)
    process = launch(output, "serve", "--config", path, "--workers", workers)
    until(lambda: answers(admin, "/readyz"))
    until(lambda: is_open(port))
    return process, port, admin


def is_open(port: int) -> bool:
    try:
        return ask(port, "GET", "/redox")[0] == 400  # no challenge
    except (OSError, http.client.HTTPException):
        return False


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_it_serves_and_ends_though_nothing_can_be_written(
    launch: Launch, configured: Any, way: str, workers: int
) -> None:
    output, reason = WAYS[way]
    process, port, admin = served(launch, configured, output, workers)
    for _ in range(ASKED):
        assert ask(port, "POST", "/redox/none", b"{}")[0] == 401
        assert ask(admin, "GET", "/healthz")[0] == 200
    # `served` has asked before, once at least.
    page = ask(admin, "GET", "/metrics")[1].decode()
    assert counted(page, "gateway_requests_total", status="401") == ASKED
    asked = counted(page, "gateway_requests_total")

    def lost() -> int:
        page = ask(admin, "GET", "/metrics")[1].decode()
        assert counted(page, "gateway_requests_total") == asked
        return counted(page, "gateway_log_lines_dropped_total", stream="stdout")

    if reason is None:
        assert lost() == 0  # they wait, and may still be read
    else:
        until(lambda: lost() == asked)
        page = ask(admin, "GET", "/metrics")[1].decode()
        assert counted(page, "gateway_log_lines_dropped_total", stream="stdout", reason=reason) == asked
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


def test_what_waited_is_read_later_and_what_was_lost_is_told(
    launch: Launch, configured: Any, pipes: dict[str, int]
) -> None:
    process, port, admin = served(launch, configured, WAYS["never read"][0], 1)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    asked = 12_000  # more lines than wait
    for _ in range(asked):
        connection.request("GET", "/redox")  # without a token
        response = connection.getresponse()
        assert (response.status, response.read() != b"") == (401, True)
    connection.close()
    page = ask(admin, "GET", "/metrics")[1].decode()
    lost = counted(page, "gateway_log_lines_dropped_total", reason="not-read")
    assert 0 < lost < asked
    asked = counted(page, "gateway_requests_total")

    os.set_blocking(pipes["reader"], False)
    got = b""

    def told() -> bool:
        nonlocal got
        try:
            while piece := os.read(pipes["reader"], 65_536):
                got += piece
        except BlockingIOError:
            pass
        return b'"event":"log"' in got and got.count(b'"event":"request"') >= asked - lost

    until(told)
    lines = [json.loads(line) for line in got.splitlines() if line.startswith(b"{")]
    telling = next(line for line in lines if line["event"] == "log")
    assert (telling["lost"], telling["reasons"]) == (lost, {"not-read": lost})
    assert [line["event"] for line in lines].count("request") == asked - lost
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


@pytest.mark.parametrize("way", WAYS)
def test_the_simulated_systems_too(launch: Launch, way: str) -> None:
    port = free_port(0)
    process = launch(WAYS[way][0], "sandbox", "--port", port)
    until(lambda: answers(port, "/sandbox/requests"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


@pytest.mark.parametrize("way", WAYS)
def test_the_demo_too(launch: Launch, way: str) -> None:
    port, admin, sandbox = free_port(0), free_port(0), free_port(0)
    ports = ("--port", port, "--admin-port", admin, "--sandbox-port", sandbox)
    assert launch(WAYS[way][0], "demo", "--once", *ports).wait(30) == 0
    process = launch(WAYS[way][0], "demo", *ports)
    until(lambda: answers(admin, "/readyz"))
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


def test_no_socket_gets_the_number_of_a_closed_stream(launch: Launch, configured: Any) -> None:
    """Otherwise a caller would be sent the log of the others."""
    process, *_ = served(launch, configured, "<&- >&- 2>&-", 1)
    held = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in (0, 1, 2)]
    assert held == ["/dev/null"] * 3
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


def test_a_whole_page_of_faults_is_told_through_a_slow_reader(launch: Launch, configured: Any) -> None:
    path = configured()
    site = path.read_text().partition("sites:\n")[2].replace("canvas", "canvass")
    path.write_text(path.read_text().partition("sites:\n")[0] + "sites:\n" + site * 300)
    process = subprocess.Popen(
        command("serve", "--config", str(path)), env=environment(), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    time.sleep(1.0)
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(15) == 3
    assert re.search(r"^\d+ faults; nothing was started$", told.splitlines()[-1])
    assert told.count("there is no such dialect") >= 300
