"""Tables edited while the gateway serves, asked for by everything that can ask."""

from __future__ import annotations

import http.server
import json
import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import TOP, command, environment, until
from .edited import FAULTY, Folder, Served, request

WORKERS = pytest.mark.parametrize("workers", [1, 2])


@pytest.fixture
def serve(start: Any, tmp_path: Path) -> Callable[..., tuple[Folder, Served]]:
    def begin(workers: int = 1, more: str = "", faulty: str | None = None) -> tuple[Folder, Served]:
        folder = Folder(tmp_path, more)
        if faulty is not None:
            folder.spoil(faulty)
        return folder, Served(start("serve", "--config", folder.config, "--workers", workers))

    return begin


def post(gateway: Served, headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    status, _, body = request(gateway.admin, "POST", "/reload", b"", headers)
    told: dict[str, Any] = json.loads(body)
    return status, told


class Load:
    """Callers that ask both sites again and again, and what they were answered."""

    def __init__(self, gateway: Served, callers: int = 3) -> None:
        self.answers: list[tuple[str, int, int, str]] = []
        self._gateway = gateway
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(callers)]
        self.broken: list[BaseException] = []
        for each in self._threads:
            each.start()

    def _ask(self, number: int) -> None:
        try:
            while not self._over.is_set():
                site = ("north", "south")[number % 2]
                self.answers.append((site, *self._gateway.edition(site)))
                number += 1
        except BaseException as fault:
            self.broken.append(fault)

    def end(self) -> None:
        self._over.set()
        for each in self._threads:
            each.join(30)
        assert self.broken == []


@WORKERS
def test_edits_go_live_without_a_lost_or_mixed_request(serve: Any, workers: int) -> None:
    folder, gateway = serve(workers)
    hashes = {(site, 0): gateway.hashes(site) for site in ("north", "south")}
    load = Load(gateway)
    for number in (1, 2, 3):
        folder.edit("north", number)
        status, told = post(gateway)
        assert (status, told["ok"], list(told["sites"]), told["unchanged"]) == (200, True, ["north"], 1)
        assert {gateway.edition("north")[1] for _ in range(6)} == {number}
        hashes["north", number] = {told["sites"]["north"]}
        until(lambda number=number: gateway.hashes("north") == hashes["north", number])  # type: ignore[misc]
    until(lambda: len(load.answers) > 20)
    load.end()
    for site, status, number, told in load.answers:
        assert status in (502, 503)
        assert {told} == hashes[site, number]
    assert {number for site, _, number, _ in load.answers if site == "south"} == {0}
    lines = [line for line in gateway.told("tables") if "former" in line]
    assert [line["site"] for line in lines] == ["north"] * 3
    assert {lines[0]["former"]} == hashes["north", 0]
    assert gateway.metric("gateway_tables_faulty_sites")[0] == 0


@WORKERS
def test_a_faulty_site_keeps_its_tables_and_the_others_go_on(serve: Any, workers: int) -> None:
    folder, gateway = serve(workers)
    [former] = gateway.hashes("south")
    folder.edit("north", 1)
    folder.spoil("south")
    status, told = post(gateway)
    assert (status, told["ok"], list(told["sites"]), told["said"]) == (422, False, ["north"], None)
    assert told["faults"]["south"]["serves"] == former
    assert told["faults"]["south"]["faults"][0].startswith("own/sites/south/errors.yaml:2:5: ")
    assert (gateway.edition("north")[1], gateway.edition("south")[1]) == (1, 0)
    assert gateway.ready() == {**gateway.ready(), "ready": True, "tables": {"faulty": told["faults"]}}
    assert "gateway_tables_faults{" in gateway.metrics()
    [line] = [line for line in gateway.told("tables") if "faults" in line]
    assert (line["level"], line["site"], line["serves"]) == ("error", "south", former)
    post(gateway)
    assert len([line for line in gateway.told("tables") if "faults" in line]) == 1  # told once
    folder.edit("south", 2)
    folder.spoil("north")
    assert post(gateway)[0] == 422
    assert (gateway.edition("north")[1], gateway.edition("south")[1]) == (1, 2)
    folder.edit("north", 1)  # as before: nothing changes, and all is well
    status, told = post(gateway)
    assert (status, told["sites"], told["unchanged"]) == (200, {}, 2)
    assert "tables" not in gateway.ready()


@WORKERS
def test_a_site_that_was_left_out_is_mended(serve: Any, workers: int) -> None:
    folder, gateway = serve(workers, faulty="south")
    assert gateway.edition("south")[:2] == (503, -1)
    folder.edit("south", 4)
    status, told = post(gateway)
    assert (status, list(told["sites"])) == (200, ["south"])
    assert {gateway.edition("south")[1] for _ in range(6)} == {4}
    assert request(gateway.port, "GET", "/fhir/south/metadata")[0] == 200
    described = json.loads(request(gateway.admin, "GET", "/openapi.json")[2])
    assert "/fhir/{site}/Slot" in described["paths"]


@WORKERS
def test_a_hangup_and_the_command(serve: Any, gateway: Any, workers: int) -> None:
    folder, served = serve(workers)
    folder.edit("north", 1)
    served.process.send_signal(signal.SIGHUP)
    until(lambda: served.edition("north")[1] == 1)
    until(lambda: [line["why"] for line in served.told("reload")] == ["signal"])
    folder.edit("south", 2)
    done = gateway("reload", "--admin", f"127.0.0.1:{served.admin}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("changed  south  ")
    assert done.stdout.splitlines()[1].startswith("2 sites: 1 changed, 1 as before, 0 faulty; ")
    folder.spoil("south")
    text = folder.config.read_text().replace("admin: {port: 0}", f"admin: {{port: {served.admin}}}")
    folder.config.write_text(text)
    done = gateway("reload")
    assert done.returncode == 3
    assert done.stderr.splitlines()[0].startswith("own/sites/south/errors.yaml:2:5: ")
    assert "faulty   south" in done.stderr
    done = gateway("reload", "--json")
    assert (done.returncode, json.loads(done.stdout)["faulty"]) == (3, 1)
    served.process.terminate()
    assert served.process.wait(20) == 0
    done = gateway("reload")
    assert (done.returncode, "no gateway answers at" in done.stderr) == (1, True)


@WORKERS
def test_files_that_change_are_read_by_itself(serve: Any, workers: int) -> None:
    folder, gateway = serve(workers, "mappings_reload: watch\n")
    folder.edit("north", 1)
    until(lambda: gateway.edition("north")[1] == 1)
    folder.spoil("south")
    until(lambda: "south" in gateway.ready().get("tables", {}).get("faulty", {}))
    assert gateway.edition("south")[1] == 0
    folder.edit("south", 3)
    until(lambda: gateway.edition("south")[1] == 3)
    assert "tables" not in gateway.ready()
    assert {line["why"] for line in gateway.told("reload")} == {"file"}


def test_that_the_disk_differs_is_told(serve: Any) -> None:
    folder, gateway = serve()
    folder.edit("north", 1)
    folder.config.write_text(f"# edited\n{folder.config.read_text()}")
    until(lambda: {"disk", "configuration"} <= gateway.ready().get("tables", {}).keys(), 60)
    assert gateway.metric("gateway_tables_disk_differs") == [1]
    assert gateway.edition("north")[1] == 0
    status, told = post(gateway)
    assert (status, told["configuration_differs"]) == (200, True)
    assert list(gateway.ready()["tables"]) == ["configuration"]
    assert (gateway.metric("gateway_tables_disk_differs"), gateway.edition("north")[1]) == ([0], 1)


def test_with_refuse_it_is_all_or_nothing(serve: Any) -> None:
    folder, gateway = serve(more="mappings_faults: refuse\n")
    folder.edit("north", 1)
    folder.spoil("south")
    status, told = post(gateway)
    assert (status, told["sites"]) == (422, {})
    assert "nothing was changed" in told["said"]
    assert (gateway.edition("north")[1], gateway.edition("south")[1]) == (0, 0)
    folder.edit("south", 2)
    assert post(gateway)[0] == 200
    assert (gateway.edition("north")[1], gateway.edition("south")[1]) == (1, 2)


def test_a_request_under_way_ends_as_it_began(start: Any, tmp_path: Path) -> None:
    asked, answer = threading.Event(), threading.Event()

    class Slow(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            answer.wait(20)
            self.send_error(404)

        def log_message(self, *_given: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as upstream:
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        folder = Folder(tmp_path, upstream=upstream.server_address[1])
        gateway = Served(start("serve", "--config", folder.config))
        [former] = gateway.hashes("north")
        answers: list[tuple[int, int, str]] = []
        caller = threading.Thread(target=lambda: answers.append(gateway.edition("north")))
        caller.start()
        assert asked.wait(20)
        folder.edit("north", 1)
        [now] = post(gateway)[1]["sites"].values()
        answer.set()
        caller.join(30)
        assert answers == [(502, 0, former)]
        assert gateway.edition("north") == (502, 1, now)
        upstream.shutdown()


def test_a_page_in_a_browser_cannot_ask(serve: Any) -> None:
    folder, gateway = serve()
    folder.edit("north", 1)
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert post(gateway, headers)[0] == 403
    assert gateway.edition("north")[1] == 0
    assert request(gateway.admin, "GET", "/reload")[0] == 405
    described = json.loads(request(gateway.admin, "GET", "/openapi/admin.json")[2])
    assert list(described["paths"]["/reload"]) == ["post"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config", "gateway.yaml"], "say --admin HOST:PORT"),
        (["--admin", "9090"], "write HOST:PORT"),
        (["--admin", "127.0.0.1:x"], "write HOST:PORT"),
    ],
)
def test_a_command_that_says_nobody(inside: Any, tmp_path: Path, arguments: list[str], said: str) -> None:
    Folder(tmp_path)
    done = inside("reload", *arguments)
    assert (done.returncode, said in done.stderr) == (2, True)


def test_what_answers_is_no_gateway(inside: Any) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.handle_request, daemon=True).start()
        done = inside("reload", "--admin", f"127.0.0.1:{other.server_address[1]}")
    assert (done.returncode, "is no gateway" in done.stderr) == (1, True)


def test_many_who_ask_at_once_have_what_they_wrote(serve: Any) -> None:
    folder, gateway = serve()
    for number in range(20, 30):
        folder.edit("north", number)
        asked = [threading.Thread(target=post, args=(gateway,)) for _ in range(8)]
        for each in asked:
            each.start()
        folder.edit("south", number)
        assert post(gateway)[0] == 200
        assert (gateway.edition("north")[1], gateway.edition("south")[1]) == (number, number)
        for each in asked:
            each.join(30)


def test_a_worker_that_is_started_later_runs_what_is_in_force(serve: Any) -> None:
    folder, gateway = serve(2)
    folder.edit("north", 1)
    assert post(gateway)[0] == 200
    folder.write("north", FAULTY)  # what is on the disk does not count
    [hashed] = gateway.hashes("north")
    children = _children(gateway.process.pid)
    os.kill(children[0], signal.SIGKILL)
    until(
        lambda: len(_children(gateway.process.pid)) == 2 and children[0] not in _children(gateway.process.pid)
    )
    until(lambda: gateway.ready().get("workers") == {"0": "ready", "1": "ready"})
    assert {gateway.edition("north")[1] for _ in range(10)} == {1}
    until(lambda: gateway.hashes("north") == {hashed})
    assert not any(line.get("reason") == "tables" for line in gateway.told("worker"))


def test_one_worker_that_cannot_makes_all_stay(serve: Any) -> None:
    folder, gateway = serve(2)
    children = _children(gateway.process.pid)
    os.kill(children[0], signal.SIGSTOP)
    folder.edit("north", 1)
    answers: list[tuple[int, dict[str, Any]]] = []
    asked = threading.Thread(target=lambda: answers.append(post(gateway)))
    asked.start()
    time.sleep(1.0)
    os.kill(children[0], signal.SIGKILL)
    asked.join(30)
    [(status, told)] = answers
    assert (status, told["sites"]) == (503, {})
    assert "not all workers" in told["said"]
    until(lambda: gateway.ready().get("workers") == {"0": "ready", "1": "ready"})
    assert {gateway.edition("north")[1] for _ in range(10)} == {0}
    assert post(gateway)[0] == 200
    assert {gateway.edition("north")[1] for _ in range(10)} == {1}


def test_reloads_while_workers_die(serve: Any) -> None:
    folder, gateway = serve(2)
    for number in range(1, 6):
        folder.edit("north", number)
        os.kill(_children(gateway.process.pid)[number % 2], signal.SIGKILL)
        while post(gateway)[0] != 200:
            time.sleep(0.1)
        until(lambda: set(gateway.ready()["workers"].values()) == {"ready"})
        assert {gateway.edition("north")[1] for _ in range(8)} == {number}
    assert not any(line.get("reason") == "tables" for line in gateway.told("worker"))


def test_it_ends_when_its_terminal_goes_away(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(tmp_path)
        os.environ.update(environment())
        arguments = command("serve", "--config", str(folder.config))
        os.execve(arguments[0], arguments, {**os.environ, "PYTHONPATH": str(TOP)})
    told = b""
    while b"public" not in told:
        told += os.read(terminal, 4096)
    os.kill(pid, signal.SIGHUP)  # the terminal is there: this asks for a reload
    while b'"event":"reload"' not in told:
        told += os.read(terminal, 4096)
    os.close(terminal)
    ended = []

    def gone() -> bool:
        ended.append(os.waitpid(pid, os.WNOHANG))
        return ended[-1][0] == pid

    until(gone)
    assert os.waitstatus_to_exitcode(ended[-1][1]) == 0


def _children(parent: int) -> list[int]:
    told = subprocess.run(["ps", "-o", "pid=,ppid=", "-A"], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in told.stdout.splitlines()]
    return [pid for pid, ppid in pairs if ppid == parent]
