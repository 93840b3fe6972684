"""``gateway sandbox``: it says where it is, and the lines that it shows work."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
from typing import Any

import pytest


def lines_until_ready(process: Any) -> list[str]:
    lines = [process.stdout.readline()]
    while "Ctrl-C ends it." not in lines[-1]:
        assert lines[-1], "it ended"
        lines.append(process.stdout.readline())
    return [line.strip() for line in lines]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@pytest.mark.parametrize(
    ("arguments", "title", "key"),
    [((), "Simulated Canvas", "entry"), (("--redox",), "Simulated Redox network", "AvailableSlots")],
)
def test_the_lines_it_shows_work(start: Any, arguments: tuple[str, ...], title: str, key: str) -> None:
    process = start("sandbox", "--port", 0, *arguments)
    lines = lines_until_ready(process)
    assert lines[0].startswith(f"{title}  http://127.0.0.1:")
    fault, ask = (line for line in lines if line.startswith("curl "))
    done = subprocess.run(ask, shell=True, capture_output=True, check=True)
    assert len(json.loads(done.stdout)[key]) > 0
    done = subprocess.run(fault, shell=True, capture_output=True, check=True)
    assert list(json.loads(done.stdout)) in (["slot"], ["endpoint"])
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_a_port_that_is_taken(inside: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = inside("sandbox", "--port", other.getsockname()[1])
    assert done.returncode == 1
    assert "choose another --port" in done.stderr and "Traceback" not in done.stderr


def test_what_is_no_port(inside: Any) -> None:
    for command in (("sandbox", "--port"), ("demo", "--port"), ("demo", "--sandbox-port")):
        for port in ("65536", "99999", "-1"):
            done = inside(*command, port)
            assert (done.returncode, done.stdout) == (2, "")
            assert f"{port} is not in the range 0<=x<=65535" in " ".join(done.stderr.split())
