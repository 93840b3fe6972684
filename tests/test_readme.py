"""README.md does what it says: its commands are run, in its order, in a folder of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.ports import free_port
from tests.clock import HANDED

TOP = Path(__file__).resolve().parents[1]
README = (TOP / "README.md").read_text("utf-8")
# What takes a container engine, root or a long time: the files and targets that these name are looked at.
NOT_RUN = ("make", "docker", "python3", "/opt/gateway", "install", "cp -r tables", "systemctl", "export PATH")
PORTS = ("8080", "8081", "8082", "9090")


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^ *```{kind}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """The commands of its console blocks, each with the lines that go on with it."""
    found: list[str] = []
    for block in blocks(text, "console"):
        for line in block.splitlines():
            if (bare := line.strip()).startswith("$ "):
                found.append(bare[2:])
            else:
                assert found and found[-1].endswith("\\"), f"what is shown is no command: {line}"
                found[-1] += f"\n{bare}"
    return found


def run(script: list[str], folder: Path) -> str:
    """What bash prints, with other ports than those of the text; everything started is ended."""
    ports = {number: str(free_port(0)) for number in PORTS}
    for file in folder.glob("*.yaml"):
        file.write_text(_moved(file.read_text("utf-8"), ports), "utf-8")
    program = f'gateway() {{ {sys.executable} -m tests.cli.launched "$@"; }}'
    lines = ["set -eu -o pipefail -m", program, "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        ["bash", "-c", _moved("\n".join([*lines, *script]), ports)],
        cwd=folder,
        env={**kept, **HANDED, "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _moved(text: str, ports: dict[str, str]) -> str:
    return re.sub(rf"\b(?:{'|'.join(PORTS)})\b", lambda found: ports[found[0]], text)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the commands read of a fresh clone."""
    for name in ("gateway.example.yaml", "tests/samples/redox-available-slots.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / name, tmp_path / name)
    return tmp_path


def asked_as_redox() -> list[str]:
    text = section("Configure").partition("A site that answers FHIR clients")[0]
    return [each for each in commands(text) if each not in ("gateway check --config gateway.yaml",)]


def test_the_example_is_checked_served_and_asked_as_redox_does(clone: Path) -> None:
    printed = run(asked_as_redox(), clone)
    assert '"EventType":"AvailableSlotsResponse"' in printed
    assert '"AvailableSlots":[{' in printed.replace(": ", ":")


def test_what_check_is_said_to_tell(clone: Path) -> None:
    (told,) = [each for each in blocks(section("Configure"), "text") if each.startswith("gateway.yaml:")]
    line = told.splitlines()[0]
    asked = "gateway check --config gateway.yaml 2>&1 || true"
    printed = run(
        ["cp gateway.example.yaml gateway.yaml; export CANVAS_CLIENT_ID=a CANVAS_CLIENT_SECRET=b", asked],
        clone,
    )
    assert line.split(" ", 1)[1] in printed


def test_the_example_of_the_text_is_the_file(clone: Path) -> None:
    shown = blocks(section("Configure"), "yaml")[0]
    file = re.sub(r" +#.*", "", (clone / "gateway.example.yaml").read_text("utf-8"))
    kept = [line for line in file.splitlines() if line and not line.startswith("#")]
    assert [line for line in shown.splitlines() if line not in kept] == []


def test_a_fhir_client_searches_by_a_token_of_which_only_the_hash_is_known(clone: Path) -> None:
    text = section("Configure").partition("A site that answers FHIR clients")[2]
    (clone / "partner.yaml").write_text(blocks(text, "yaml")[0], "utf-8")
    printed = run(commands(text), clone)
    assert '"type":"searchset"' in printed
    assert '"resourceType":"Slot"' in printed


def test_a_changed_table_is_shown_and_meant_and_nothing_shipped_is_touched(clone: Path) -> None:
    text = section("Change a table")
    file = clone / "tables/sites/demo/changes.yaml"
    assert f"`{file.relative_to(clone)}`" in text
    file.parent.mkdir(parents=True)
    file.write_text(blocks(text, "yaml")[0], "utf-8")
    printed = run([*asked_as_redox()[:2], *commands(text)], clone)
    shown, meant = (block.splitlines() for block in blocks(text, "text")[0].split("  ...\n"))
    assert [line for line in [*shown, *meant] if line.rstrip() not in printed] == []
    configured = re.search(r"(?m)^mappings: (\S+)", (clone / "gateway.example.yaml").read_text("utf-8"))
    assert configured is not None and not (TOP / configured[1]).exists()


def test_the_rest_is_what_cannot_be_run_here() -> None:
    ran = {*commands(section("Configure")), *commands(section("Change a table"))}
    rest = [each for each in commands(README) if each not in ran and each != "gateway --help"]
    assert [each for each in rest if not each.startswith(NOT_RUN)] == []
    targets = (TOP / "Makefile").read_text("utf-8")
    for each in (found for command in rest if (found := re.match(r"make (\w+)", command))):
        assert f"\n{each[1]}:" in targets
    named = {word for each in rest for word in each.split() if re.match(r"(?:requirements|deploy)/", word)}
    assert named and all((TOP / each).is_file() for each in named)
