"""The tables as they were: a folder of another name, or a commit of the git checkout that they stand in."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_SECONDS = 60
_MOST_BYTES = 256 * 1024 * 1024


class NoSuchTables(ValueError):
    """There are no tables of that name; the text says why."""


@contextmanager
def former(tables: Path, against: str) -> Iterator[tuple[Path, str]]:
    """The folder of the tables to compare with, and what it is called: ``against`` itself where it is a
    folder, else the commit that it names, unpacked for as long as this lasts.

    Raises NoSuchTables.
    """
    if Path(against).is_dir():
        yield Path(against), against
        return
    top = Path(_git(tables, "rev-parse", "--show-toplevel").decode().strip())
    if against.startswith("-"):
        raise NoSuchTables(f'"{against}" is neither a folder nor a commit')
    commit = _git(tables, "rev-parse", "--verify", "--quiet", f"{against}^{{commit}}").decode().strip()
    inside = tables.resolve().relative_to(top.resolve()).as_posix()
    packed = _git(top, "archive", "--format=tar", commit, *([inside] if inside != "." else []))
    with TemporaryDirectory(prefix="gateway-tables-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            if sum(each.size for each in archive.getmembers()) > _MOST_BYTES:
                raise NoSuchTables(f"the tables of {against} are too large to be unpacked")
            archive.extractall(folder, filter="data")
        yield Path(folder) / inside, f"{against} ({commit[:10]})"


def _git(folder: Path, *arguments: str) -> bytes:
    """What git says. NoSuchTables where it says nothing, or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        raise NoSuchTables("git could not be run; name a folder with the former tables") from None
    if done.returncode:
        what = "names no commit here" if "rev-parse" in arguments and "--verify" in arguments else ""
        if what:
            raise NoSuchTables(f'"{arguments[-1].removesuffix("^{commit}")}" is no folder, and {what}')
        if "archive" in arguments:
            raise NoSuchTables("these tables were not there in that commit")
        raise NoSuchTables(f"{folder} is in no git checkout; name a folder with the former tables")
    return done.stdout
