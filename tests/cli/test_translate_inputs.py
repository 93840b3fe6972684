"""What ``gateway translate`` takes as its files, and what it does not take for a file."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import BUNDLE, SAMPLE, TOP, command, environment

EVERY = TOP / "tests" / "samples" / "every-dialect" / "gateway.yaml"


@pytest.mark.parametrize("given", ["/dev/stdin", "-", "<(cat '{sample}')", "/dev/fd/0", "/proc/self/fd/0"])
def test_what_the_shell_has_opened_is_an_input(given: str, tmp_path: Path) -> None:
    line = " ".join([*command("translate"), given.format(sample=SAMPLE), "-b", f"<(cat '{BUNDLE}')"])
    done = subprocess.run(
        ["bash", "-c", line],
        check=False,
        input=SAMPLE.read_bytes(),
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert "AvailableSlots" in json.loads(done.stdout)


@pytest.mark.parametrize("option", [(), (SAMPLE, "-b"), (SAMPLE, "-c", EVERY, "-s", "partner", "-a")])
def test_a_pipe_or_a_device_is_refused_at_once(
    inside: Any, tmp_path: Path, option: tuple[object, ...]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, kind in (("pipe", "a pipe (FIFO)"), ("/dev/zero", "a device")):
        done = inside("translate", *option, name)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{name} cannot be read: it is {kind}, not a plain file" in " ".join(done.stderr.split())


@pytest.mark.parametrize("length", [200, 300, 5000, 100_000])
def test_a_long_search_is_no_name_of_a_file(inside: Any, length: int) -> None:
    text = "Slot?start=ge2025-10-21&schedule=Schedule/1&colour=" + "r" * length
    done = inside("translate", text, "-c", EVERY, "-s", "partner")
    assert done.returncode == 0
    assert json.loads(done.stdout)["resourceType"] == "Bundle"


def test_a_message_that_is_given_as_the_argument_is_not_repeated(inside: Any) -> None:
    done = inside("translate", SAMPLE.read_text("utf-8"))
    assert done.returncode == 2
    assert "There is no such file, and it is no search" in " ".join(done.stderr.split())
    assert "Bixby" not in done.stderr and "Meta" not in done.stderr


@pytest.mark.parametrize(
    ("base", "answered"), [("https://elsewhere.example/fhir", 0), ("http://127.0.0.1:8083", 1)]
)
def test_the_slots_of_another_servers_schedule_are_not_answered(
    inside: Any, tmp_path: Path, base: str, answered: int
) -> None:
    slot = {
        "resourceType": "Slot",
        "schedule": {"reference": f"{base}/Schedule/7"},
        "status": "free",
        "start": "2025-10-22T10:00:00-04:00",
        "end": "2025-10-22T10:20:00-04:00",
    }
    schedule = {"resourceType": "Schedule", "id": "7"}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": slot}, {"resource": schedule}]}
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    message = {
        "Meta": {"DataModel": "Scheduling", "EventType": "AvailableSlots", "Destinations": [{"ID": "r4"}]},
        "StartDateTime": "2025-10-22T00:00:00Z",
    }
    done = inside("translate", "-", "-c", EVERY, "-b", "bundle.json", stdin=json.dumps(message))
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["AvailableSlots"]) == answered
    assert ("1 of schedules that were not asked for" in done.stderr) == (answered == 0)
