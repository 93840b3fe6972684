"""The shipped tables and schemas are found wherever the package is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import shipped

TOP = Path(__file__).resolve().parent.parent


def test_a_checkout_uses_its_own_files() -> None:
    assert shipped.folder("schemas") == TOP / "schemas"
    assert shipped.folder("mappings") == TOP / "mappings"


def test_a_wheel_carries_the_same_files(tmp_path: Path) -> None:
    build = "from hatchling.builders.wheel import WheelBuilder; import sys; print(*WheelBuilder('.').build())"
    source = tmp_path / "source"
    for name in ("gateway", "mappings", "schemas"):
        shutil.copytree(TOP / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(TOP / name, source / name)
    wheel = subprocess.run(
        [sys.executable, "-c", build], cwd=source, check=True, capture_output=True, text=True
    )
    shutil.unpack_archive(source / wheel.stdout.strip(), tmp_path / "installed", "zip")
    for name in ("schemas", "mappings"):
        carried = tmp_path / "installed" / "gateway" / "_shipped" / name
        assert _texts(carried) == _texts(TOP / name) != {}
    assert (tmp_path / "installed" / "gateway" / "py.typed").is_file()


def test_a_broken_installation_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "gateway")
    with pytest.raises(FileNotFoundError, match="the shipped schemas are missing"):
        shipped.folder("schemas")


def _texts(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
