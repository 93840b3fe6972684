"""The shipped unit of systemd: it is one, and what it starts is a command of ours."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import main

TOP = Path(__file__).parents[2]
SHIPPED = TOP / "deploy" / "gateway.service"


def unit() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read_string(SHIPPED.read_text("utf-8"))
    return found


def test_it_starts_a_command_of_ours(tmp_path: Path) -> None:
    program, *arguments = shlex.split(unit()["Service"]["ExecStart"])
    assert program == "/opt/gateway/bin/gateway"
    file = arguments[arguments.index("--config") + 1]
    assert Path(file).parent == Path(unit()["Service"]["EnvironmentFile"]).parent
    nowhere = [str(tmp_path / "gateway.yaml") if each == file else each for each in arguments]
    done = CliRunner().invoke(main, nowhere)
    assert (done.exit_code, "cannot read this file" in done.stderr) == (3, True)
    assert str(done.exit_code) in unit()["Service"]["RestartPreventExitStatus"].split()


def test_readme_installs_what_it_names() -> None:
    readme = (TOP / "README.md").read_text("utf-8")
    for key in ("ExecStart", "EnvironmentFile"):
        for each in shlex.split(unit()["Service"][key]):
            if each.startswith("/etc/"):
                assert f" {each}\n" in readme
    assert "python3 -m venv /opt/gateway\n" in readme


def test_systemd_takes_it(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed")
    text = SHIPPED.read_text("utf-8").replace("/opt/gateway/bin/gateway", sys.executable)
    (tmp_path / "gateway.service").write_text(text, "utf-8")
    command = [program, "verify", "--man=no", str(tmp_path / "gateway.service")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
