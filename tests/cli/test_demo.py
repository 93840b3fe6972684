"""``gateway demo``: real sockets, the sample query, a right answer; and a curl line that works."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.cli import demo_page, output
from gateway.cli.demo_run import Asked

from .conftest import SAMPLE, TOP

FREE = ("--port", 0, "--admin-port", 0, "--sandbox-port", 0)


def test_once(gateway: Any) -> None:
    done = gateway("demo", "--once", *FREE)
    assert (done.returncode, done.stderr) == (0, "")
    for shown in (
        "Scheduling.AvailableSlots",
        "RES General Hospital, department 3N, room 136",
        "200  GET   /Schedule?_count=100",
        "?schedule=Schedule/Location.2-Staff.3640cd20de8a470aa570a852859ac87e",
        "&start=2025-10-20",
        "The answer: HTTP 200, 6 open times",
        "Fri 24 Oct 2025  10:00  30 min  Pat Granite MD  RES General Hospital, 3N, 136",
        '"DateTime": "2025-10-24T17:00:00.000Z"',
        "ms  Slot searches",
        "ok     a valid AvailableSlotsResponse",
    ):
        assert shown in done.stdout
    assert "WRONG" not in done.stdout


def test_a_port_that_is_taken_is_replaced_and_told(gateway: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        done = gateway("demo", "--once", "--port", taken, "--admin-port", 0, "--sandbox-port", 0)
    assert done.returncode == 0
    found = re.search(rf"^Port {taken} is taken; the gateway takes (\d+)\.$", done.stdout, re.MULTILINE)
    assert found is not None and f"http://127.0.0.1:{found[1]}/redox" in done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_it_stays_up_and_the_lines_it_shows_work(start: Any) -> None:
    process = start("demo", *FREE)
    lines = []
    while not lines or "gateway's log" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], "it ended"
    ask, fail = (line.strip() for line in lines if line.strip().startswith("curl "))
    answer = json.loads(subprocess.run(shlex.split(ask), capture_output=True, check=True).stdout)
    assert len(answer["AvailableSlots"]) == 6
    process.stdout.readline()
    assert json.loads(process.stdout.readline())["status"] == 200
    subprocess.run(shlex.split(fail), capture_output=True, check=True)
    failed = json.loads(subprocess.run(shlex.split(ask), capture_output=True, check=True).stdout)
    assert failed["Meta"]["Errors"][0]["Type"] == "transmission"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_the_shipped_sample_is_the_vendor_s() -> None:
    assert output.SAMPLE_QUERY.read_bytes() == SAMPLE.read_bytes()
    assert Path(output.SAMPLE_QUERY).is_relative_to(TOP / "gateway")


@pytest.mark.parametrize(
    ("body", "status", "wrong"),
    [
        (b"{}", 502, [0, 1, 3]),
        (b"no JSON", 200, [1, 3]),
        (
            b'{"Meta":{"DataModel":"Scheduling","EventType":"x","IsIncomplete":true},"AvailableSlots":[]}',
            200,
            [1],
        ),
        (
            b'{"Meta":{"DataModel":"Scheduling","EventType":"x"},'
            b'"AvailableSlots":[{"DateTime":"2025-10-23T17:00:00Z","Duration":30}]}',
            200,
            [2],
        ),
        (
            b'{"Meta":{"DataModel":"S","EventType":"x"},"AvailableSlots":[{"DateTime":"2025-10-24T17:00:00Z"}]}',
            200,
            [3],
        ),
    ],
)
def test_a_wrong_answer_is_seen(body: bytes, status: int, wrong: list[int]) -> None:
    checks = demo_page.checks(Asked(status, body, 0.1, {}, ()), ZoneInfo("America/Los_Angeles"))
    assert [number for number, (right, _) in enumerate(checks) if not right] == wrong
