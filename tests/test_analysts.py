"""docs/analysts.md does what it says: its files are written and its commands run, in their order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.clock import HANDED

TOP = Path(__file__).resolve().parents[1]
PAGE = (TOP / "docs" / "analysts.md").read_text("utf-8")
_BLOCK = re.compile(r"(?:^`(?P<path>[^`\n]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```", re.M | re.S)

Shown = list[tuple[str, list[str]]]


def _steps() -> Iterator[tuple[str, str, str]]:
    """The blocks of the page: their path, kind and text."""
    for match in _BLOCK.finditer(PAGE):
        yield match["path"] or "", match["kind"], match["text"]


def _commands(text: str) -> Shown:
    """Each command of a console block, with the lines that it is said to print."""
    found: Shown = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def _script() -> tuple[str, Shown]:
    lines = ["set -eu -o pipefail", f'gateway() {{ {sys.executable} -m tests.cli.launched "$@"; }}']
    shown: Shown = []
    for path, kind, text in _steps():
        if kind != "console":
            assert path, f"a block of {kind} says no file: {text[:40]}"
            lines.append(f"mkdir -p {shlex.quote(str(Path(path).parent))}")
            lines.append(f"printf %s {shlex.quote(text)} > {shlex.quote(path)}")
            continue
        for command, told in _commands(text):
            lines += [f"echo '=== {len(shown)}'", f"{command} 2>&1"]
            shown.append((command, told))
    return "\n".join(lines), shown


def test_the_six_tasks_from_the_question_to_the_edit(tmp_path: Path) -> None:
    script, shown = _script()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    who = {"GIT_AUTHOR_NAME": "An analyst", "GIT_AUTHOR_EMAIL": "analyst@clinic.example"}
    who |= {"GIT_COMMITTER_NAME": "An analyst", "GIT_COMMITTER_EMAIL": "analyst@clinic.example"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**kept, **who, **HANDED, "HOME": str(tmp_path), "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = re.split(r"^=== \d+\n", done.stdout, flags=re.M)[1:]
    assert len(printed) == len(shown)
    for (command, told), output in zip(shown, printed, strict=True):
        for line in told:
            assert line in output, f"{command} does not print {line!r}, but:\n{output}"


def test_the_page_has_all_six() -> None:
    assert re.findall(r"^## (\d)\. ", PAGE, re.M) == ["1", "2", "3", "4", "5", "6"]
