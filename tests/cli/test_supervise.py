"""Workers and their supervisor as processes: whatever becomes of the workers, they are there again."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.cli.supervise import reserved

from .conftest import ask, said, until

pytestmark = pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="workers need SO_REUSEPORT")


def test_an_address_on_which_connections_were_just_closed_can_be_had() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            listening.accept()[0].close()  # who closes first has it in TIME_WAIT
            assert client.recv(1) == b""
    with reserved("127.0.0.1", port) as place:
        assert place.getsockname()[1] == port


@pytest.mark.parametrize("shared", [False, True])
def test_an_address_on_which_somebody_listens_cannot(shared: bool) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), reuse_port=shared) as listening,
        pytest.raises(OSError, match="in use"),
    ):
        reserved("127.0.0.1", listening.getsockname()[1])


class Served:
    """``gateway serve`` with workers, its output read as it comes."""

    def __init__(self, process: subprocess.Popen[str], count: int) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.stderr: list[str] = []
        self.admin = int(said(process, r"^admin   http://127\.0\.0\.1:(\d+)")[1])
        self.port = int(said(process, rf"^public  http://127\.0\.0\.1:(\d+)  .*{count} workers$")[1])
        for stream, take in (
            (process.stdout, lambda line: self.lines.append(json.loads(line))),
            (process.stderr, self.stderr.append),
        ):
            threading.Thread(target=lambda s=stream, t=take: [t(line) for line in s], daemon=True).start()

    def pids(self) -> list[int]:
        told = subprocess.run(["ps", "-o", "pid=,ppid=", "-A"], capture_output=True, text=True, check=True)
        pairs = [tuple(map(int, line.split())) for line in told.stdout.splitlines()]
        return [pid for pid, ppid in pairs if ppid == self.process.pid]

    def ready(self) -> tuple[bool, dict[str, str]]:
        """What ``/readyz`` says: whether, and the state of each worker."""
        status, body = ask(self.admin, "GET", "/readyz")
        told = json.loads(body)
        assert told["ready"] is (status == 200) is not bool(told["reasons"])
        return told["ready"], told["workers"]

    def all_ready(self) -> bool:
        ready, workers = self.ready()
        return ready and set(workers.values()) == {"ready"}

    def ends(self) -> list[tuple[str, int | None]]:
        events = [line for line in self.lines if line["event"] == "worker" and "reason" in line]
        return [(line["reason"], line["code"]) for line in events]

    def metrics(self) -> str:
        status, page = ask(self.admin, "GET", "/metrics")
        assert status == 200
        list(text_string_to_metric_families(page.decode()))  # it can be read whatever befell the workers
        return page.decode()

    def hashes(self) -> dict[str, str]:
        """Of the tables that each worker runs."""
        found = re.findall(r'gateway_tables_info\{worker="(\d)",hash="(\w+)"', self.metrics())
        return dict(found)


@pytest.fixture
def served(start: Any, configured: Any) -> Callable[..., Served]:
    def begin(count: int = 2, silence: float = 60.0, path: Path | None = None) -> Served:
        path = configured() if path is None else path
        more = f"shutdown_grace_seconds: 0.2, worker_silence_seconds: {silence}"
        path.write_text(path.read_text().replace("shutdown_grace_seconds: 0.2", more))
        return Served(start("serve", "--config", path, "--workers", count), count)

    return begin


def test_workers_that_are_killed_stopped_and_wedged_in_any_order(served: Any) -> None:
    gateway = served(2, silence=1.0)
    chosen = random.Random(5)
    blows = [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT]
    for number in range(6):
        several = chosen.sample(gateway.pids(), k=min(len(gateway.pids()), chosen.randint(1, 2)))
        for pid in several:
            with suppress(ProcessLookupError):
                os.kill(pid, chosen.choice(blows))
        if number % 3 == 2:
            until(gateway.all_ready)
        assert ask(gateway.admin, "GET", "/healthz")[0] == 200
        gateway.metrics()
    until(gateway.all_ready)
    assert len(gateway.pids()) == 2
    assert {"0", "1"} == set(gateway.hashes())
    for _ in range(6):
        assert ask(gateway.port, "GET", "/redox")[0] < 500
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(20) == 0


def test_a_silent_worker_is_not_ready_told_and_replaced(served: Any) -> None:
    gateway = served(silence=2.0)
    stopped = gateway.pids()[0]
    os.kill(stopped, signal.SIGSTOP)
    until(lambda: not gateway.ready()[0])
    assert sorted(gateway.ready()[1].values())[-1] in ("silent", "ready", "starting")
    until(gateway.all_ready)
    assert ("silent", -9) in gateway.ends()
    assert stopped not in gateway.pids()
    page = gateway.metrics()
    assert re.search(r'gateway_worker_restarts_total\{reason="silent",worker="\d"\} 1\.0', page)
    assert page.count("gateway_worker_ready{") == 2
    assert page.count("gateway_worker_heartbeat_age_seconds{") == 2
    assert page.count('process_resident_memory_bytes{worker="supervisor"}') == 1


def test_one_that_is_gone_leaves_the_others_ready_and_all_gone_is_not_ready(served: Any) -> None:
    gateway = served(silence=60.0)
    os.kill(gateway.pids()[0], signal.SIGKILL)
    until(lambda: set(gateway.ready()[1].values()) != {"ready"})
    while not gateway.all_ready():
        assert gateway.ready()[0]
        assert ask(gateway.port, "GET", "/redox")[0] < 500
    for pid in gateway.pids():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not gateway.ready()[0])
    until(gateway.all_ready)
    assert gateway.ends() == [("signal", -9)] * 3


def test_a_slow_scrape_loses_no_worker(served: Any) -> None:
    gateway = served(silence=60.0)
    stopped = gateway.pids()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(4) as scrapers:
        pages = list(scrapers.map(lambda _: gateway.metrics(), range(4)))
    assert not any('worker="0",' in page or 'worker="1",' in page for page in pages)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    until(lambda: set(gateway.hashes()) == {"0", "1"})
    assert (gateway.ends(), gateway.pids()) == ([], stopped)
    for pid in stopped:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(gateway.ends()) == 2 and gateway.all_ready())
    until(lambda: set(gateway.hashes()) == {"0", "1"})


def test_a_machine_that_was_suspended_kills_nobody(served: Any) -> None:
    gateway = served(silence=2.0)
    workers = gateway.pids()
    everybody = [gateway.process.pid, *workers]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3.0)
    for pid in reversed(everybody):
        os.kill(pid, signal.SIGCONT)
    until(gateway.all_ready)
    assert (gateway.ends(), gateway.pids()) == ([], workers)


def test_a_worker_tells_where_it_is_when_its_supervisor_asks(served: Any) -> None:
    gateway = served()
    workers = gateway.pids()
    os.kill(workers[0], signal.SIGUSR1)
    until(lambda: any("in work" in line or "in run" in line for line in gateway.stderr))
    assert gateway.pids() == workers


def test_it_ends_though_a_worker_is_stopped(served: Any) -> None:
    gateway = served(silence=1.0)
    workers = gateway.pids()
    os.kill(workers[1], signal.SIGSTOP)
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(20) == 1
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("after", [0.1, 0.6])
def test_it_ends_while_workers_are_being_started(start: Any, configured: Any, after: float) -> None:
    process = start("serve", "--config", configured(), "--workers", 2)
    said(process, r"^admin ")
    time.sleep(after)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_no_worker_outlives_a_supervisor_that_is_killed(served: Any) -> None:
    gateway = served()
    workers = gateway.pids()
    if sys.platform == "linux":  # elsewhere nothing wakes one that is stopped
        os.kill(workers[0], signal.SIGSTOP)
    gateway.process.kill()

    def gone() -> bool:
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, 0)
                return False
        return True

    until(gone)


def test_a_new_worker_runs_what_the_others_run(served: Any, configured: Any, tmp_path: Path) -> None:
    path: Path = configured()
    own = tmp_path / "own" / "sites" / "demo"
    own.mkdir(parents=True)
    (own / "schedules.csv").write_text("schedule,provider_id,provider_id_type\nSchedule/1,1234567893,NPI\n")
    (tmp_path / "secret").write_text("canary-8d03b6f1e75a\n")
    text = path.read_text().replace("verification_token: ${TOKEN}", "verification_token_file: secret")
    path.write_text("mappings: own\n" + text)
    gateway = served(path=path)
    before = gateway.hashes()
    assert len(set(before.values())) == 1

    def replaced(pids: list[int]) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        until(lambda: not set(pids) & set(gateway.pids()) and gateway.all_ready())
        until(lambda: set(gateway.hashes()) == {"0", "1"})
        assert gateway.hashes() == before
        assert ask(gateway.port, "POST", "/redox", b"{}")[0] == 400  # and not 401

    (own / "schedules.csv").write_text("schedule,provider_id,provider_id_type\nSchedule/2,1245319599,NPI\n")
    replaced(gateway.pids()[:1])
    path.write_text("sites: [}")
    (own / "changes.yaml").write_text("over: nothing\nrows: [[[\n")
    (tmp_path / "secret").write_text("another")
    replaced(gateway.pids()[1:])
    shutil.rmtree(tmp_path)  # the working folder, too
    replaced(gateway.pids())
    for pid in gateway.pids():
        line = Path(f"/proc/{pid}/cmdline")
        assert not line.exists() or b"canary" not in line.read_bytes()
    tmp_path.mkdir()
