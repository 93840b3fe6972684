"""Whether the tables and the configuration on the disk are those that were read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.config import FILE_LIMIT
from gateway.files.regular import read_file

_SUFFIXES: Final = (".yaml", ".yml", ".csv")
_DEEPEST: Final = 4  # sites/<id>/codes/<name>.csv
_MOST_FILES: Final = 50_000
_NOT_TABLES: Final = "cases"

Stamp = tuple[tuple[str, int, int, int, int], ...]


class Disk:
    """The clinic's folder of tables (None: there is none), as it is when this is made, and the file of the
    configuration, of which ``configuration`` is the hash. The methods take their time: they are for a thread.
    """

    def __init__(self, config: Path, own: Path | None, configuration: bytes) -> None:
        self._config = config.absolute()
        self._own = own
        self._tables = self._digest()
        self._configuration = configuration

    def reading(self) -> None:
        """The tables are about to be read as they are now."""
        self._tables = self._digest()

    def stamp(self) -> Stamp:
        """What changes when a file does, without looking into any."""
        found: list[tuple[str, int, int, int, int]] = []
        for path in (self._config, *_files(self._own)):
            try:
                of = os.stat(path)
            except OSError:
                found.append((str(path), 0, 0, 0, 0))
            else:
                found.append((str(path), of.st_mtime_ns, of.st_ctime_ns, of.st_size, of.st_ino))
        return tuple(found)

    def tables_differ(self) -> bool:
        """Whether the tables are others than those last read."""
        return self._digest() != self._tables

    def configuration_differs(self) -> bool:
        """Whether the file of the configuration is another than at the start."""
        return hash_of(self._config) != self._configuration

    def _digest(self) -> bytes:
        digest = hashlib.sha256()
        for path in _files(self._own):
            digest.update(os.fsencode(path) + b"\0" + hash_of(path))
        return digest.digest()


def _files(own: Path | None) -> Iterator[Path]:
    """The files of tables below a folder, in one order, of a bounded number and depth: links may go round in
    circles. What begins with a dot is passed over, as where Kubernetes keeps what its links lead to."""
    left = _MOST_FILES
    if own is None:
        return
    for folder, folders, names in os.walk(own, followlinks=True):
        depth = len(Path(folder).relative_to(own).parts)
        known = {_NOT_TABLES} if not depth else set()
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in known)
        if depth >= _DEEPEST - 1:
            folders.clear()
        for name in sorted(each for each in names if each.endswith(_SUFFIXES) and not each.startswith(".")):
            if not left:
                return
            left -= 1
            yield Path(folder, name)


def hash_of(path: Path) -> bytes:
    """Of what is in a file; nothing for one that cannot be read."""
    try:
        return hashlib.sha256(read_file(path, FILE_LIMIT)).digest()
    except (OSError, ValueError):
        return b""
