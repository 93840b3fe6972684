"""The group itself: its help teaches, and it is quick."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli.main import COMMANDS, main

from .conftest import command, environment


def test_help_teaches_the_commands_and_the_exit_codes() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in result.output
    for line in (
        "gateway demo",
        "  1  the answer was wrong or refused",
        "  3  the configuration or the tables",
    ):
        assert line in result.output


@pytest.mark.parametrize(
    "arguments",
    [[name] for name in COMMANDS]
    + [["show", "table"], ["show", "code"], ["show", "schema"], ["directory", "pull"]],
    ids=" ".join,
)
def test_each_command_has_examples(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, [*arguments, "--help"])
    assert result.exit_code == 0
    if arguments not in (["show"], ["directory"]):
        assert f"    gateway {' '.join(arguments)}" in result.output


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from gateway.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(sorted({'aiohttp', 'msgspec', 'pydantic', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_is_there_at_once() -> None:
    def once() -> float:
        began = time.perf_counter()
        subprocess.run(command("--help"), env=environment(), capture_output=True, check=True)
        return time.perf_counter() - began

    assert min(once() for _ in range(3)) < 0.6  # usually 0.15; a laden machine is no fault of ours


def test_an_unknown_command_gets_the_nearest(gateway: Any) -> None:
    done = gateway("srve")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'There is no command "srve"; did you mean "serve"?' in done.stderr


def test_no_colour_in_a_pipe(gateway: Any) -> None:
    done = gateway("check")
    assert "\x1b[" not in done.stdout + done.stderr


def test_version(gateway: Any) -> None:
    done = gateway("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("gateway ")
