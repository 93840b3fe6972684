"""Sites whose tables have faults when the gateway starts: they alone do not answer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .edited import TOKEN, Folder, Served, request

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("workers", [1, 2])
def test_one_faulty_site_is_left_out(start: Any, tmp_path: Path, workers: int) -> None:
    folder = Folder(tmp_path)
    folder.spoil("south")
    gateway = Served(start("serve", "--config", folder.config, "--workers", workers))
    assert gateway.edition("north")[1] == 0
    status, sent, body = request(gateway.port, "GET", "/fhir/south/Slot?schedule=Schedule/1", None, BEARER)
    [issue] = json.loads(body)["issue"]
    assert (status, sent["Retry-After"], issue["code"]) == (503, "60", "exception")
    assert "mapping tables of this site have faults" in issue["details"]["text"]
    assert request(gateway.port, "GET", "/fhir/south/metadata")[0] == 503
    assert request(gateway.port, "GET", "/fhir/south/Slot?schedule=Schedule/1")[0] == 401
    assert request(gateway.port, "GET", "/fhir/north/metadata")[0] == 200
    assert gateway.edition("south") == (503, -1, "")
    told = gateway.ready()
    place = f"{folder.file('south').relative_to(tmp_path)}:2:5"
    assert told["ready"] is True
    [(name, faulty)] = told["tables"]["faulty"].items()
    assert (name, faulty["serves"]) == ("south", None)
    assert faulty["faults"][0].startswith(place)
    assert faulty["count"] == len(faulty["faults"])
    assert gateway.metric("gateway_tables_faulty_sites")[0] == 1
    assert len(gateway.hashes("north")) == 1
    assert gateway.hashes("south") == set()
    [line] = gateway.told("tables")
    assert (line["level"], line["site"], line["faults"][0][: len(place)]) == ("error", "south", place)
    gateway.process.terminate()
    assert gateway.process.wait(20) == 0
    requests = [line for line in gateway.told("request") if line["status"] == 503 and line["site"] == "south"]
    assert {line["error"] for line in requests} == {"left-out"}
    assert {line["surface"] for line in requests} == {"redox", "fhir"}


def test_an_invalid_message_to_a_site_that_is_left_out(start: Any, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.spoil("south")
    gateway = Served(start("serve", "--config", folder.config))
    body = json.dumps({"Meta": {"Destinations": [{"ID": "south-redox"}]}, "Visit": 1}).encode()
    headers = {"verification-token": TOKEN, "Content-Type": "application/json"}
    assert request(gateway.port, "POST", "/redox", body, headers)[0] == 400


@pytest.mark.parametrize(
    ("more", "sites"), [("", ("south",)), ("mappings_faults: refuse\n", ("north", "south"))]
)
def test_none_left_or_all_or_nothing(gateway: Any, tmp_path: Path, more: str, sites: tuple[str, ...]) -> None:
    folder = Folder(tmp_path, more, sites)
    folder.spoil("south")
    done: subprocess.CompletedProcess[str] = gateway("serve", "--config", folder.config)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("own/sites/south/errors.yaml:2:5: ")
    assert done.stderr.splitlines()[-1].endswith("nothing was started")


def test_faults_of_the_configuration_start_nothing(gateway: Any, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.spoil("south")
    text = folder.config.read_text()
    for former, wrong in (("dialect: canvas", "dialect: canvass"), ("dialect: canvas", "dialect: redox")):
        folder.config.write_text(text.replace(former, wrong, 1))
        done = gateway("serve", "--config", folder.config)
        assert (done.returncode, done.stdout) == (3, "")
        assert "sites[0].upstream" in done.stderr
        assert "own/sites/south/errors.yaml:2:5: " in done.stderr


def test_only_who_is_let_in_is_told_which_tables_answer(start: Any, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    gateway = Served(start("serve", "--config", folder.config))
    [known] = gateway.hashes("north")
    assert gateway.edition("north")[2] == known
    asked = {"X-Gateway-Explain": "shadow, Tables"}
    path = "/fhir/north/Slot?schedule=Schedule/1"
    assert request(gateway.port, "GET", path, None, {**BEARER, **asked})[1]["X-Gateway-Tables"] == known
    for headers in (BEARER, asked, {**BEARER, "X-Gateway-Explain": "tablets"}):
        assert "X-Gateway-Tables" not in request(gateway.port, "GET", path, None, headers)[1]
