"""A worker whose supervisor is gone ends, in whatever state it is."""

from __future__ import annotations

import socket
import subprocess
import sys

from .conftest import environment

STUCK = """
import socket, sys
from gateway.cli.worker import _Lifeline
line = _Lifeline(socket.socket(fileno=int(sys.argv[1])))
line.seconds = 0.1
print("stuck", flush=True)
while True:
    pass
"""


def test_an_event_loop_that_is_stuck_does_not_outlive_the_supervisor() -> None:
    ours, theirs = socket.socketpair()
    with subprocess.Popen(
        [sys.executable, "-c", STUCK, str(theirs.fileno())],
        pass_fds=(theirs.fileno(),),
        env=environment(),
        stdout=subprocess.PIPE,
    ) as process:
        theirs.close()
        assert process.stdout is not None
        assert process.stdout.readline() == b"stuck\n"
        assert process.poll() is None
        ours.close()
        assert process.wait(20) == 1


def test_without_its_order_a_worker_ends_at_once() -> None:
    for said in (b"", b"GET / HTTP/1.1\r\n\r\n"):
        ours, theirs = socket.socketpair()
        with subprocess.Popen(
            [sys.executable, "-m", "gateway.cli.worker", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            env=environment(),
            stderr=subprocess.PIPE,
        ) as process:
            theirs.close()
            ours.sendall(said)
            ours.close()
            _, err = process.communicate(timeout=20)
            assert (process.returncode, err) == (1, b"")
