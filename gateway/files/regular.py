"""Files that people name, read so that none of them can make us wait, or fill the memory.

Only plain files are read (a symbolic link to one is one): a pipe has no end that is ours to wait for, and a
device may have none at all.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

_KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a pipe (FIFO), not a plain file"),
    (stat.S_ISSOCK, "it is a socket, not a plain file"),
    (stat.S_ISCHR, "it is a device, not a plain file"),
    (stat.S_ISBLK, "it is a device, not a plain file"),
)
_OPENED = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,9})")
_CHUNK = 1_048_576


def read_file(path: Path, most: int) -> bytes:
    """The content of a plain file of at most ``most`` bytes.

    Raises OSError, whose ``strerror`` is for people, for one that cannot be opened, is no plain file, or is
    longer; ValueError for what can be no path. Never waits for a writer.
    """
    _refuse(os.stat(path).st_mode)  # before it is opened: opening a device may do something
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _refuse(os.fstat(opened).st_mode)  # and again: it may have been exchanged
        return bounded(partial(os.read, opened), most)
    finally:
        os.close(opened)


def read_input(path: Path, most: int) -> bytes:
    """As :func:`read_file`, for what a person hands over at the command line: also what the shell has opened
    already (``/dev/stdin``, ``<(...)``), which is read until it ends or grows above ``most``."""
    number = _OPENED.fullmatch(str(path))
    if number is None and str(path) != "/dev/stdin":
        return read_file(path, most)
    opened = os.dup(int(number[1]) if number is not None else 0)
    try:
        return bounded(partial(os.read, opened), most)
    finally:
        os.close(opened)


def bounded(read: Callable[[int], bytes], most: int) -> bytes:
    """All that ``read`` (a number in, at most so many bytes out, none at the end) gives, within ``most``."""
    found = bytearray()
    while piece := read(min(_CHUNK, most + 1 - len(found))):
        found += piece
        if len(found) > most:
            raise OSError(errno.EFBIG, f"it is longer than {_size(most)}")
    return bytes(found)


def reason_of(error: OSError | ValueError) -> str:
    """Why a file could not be read, without its name."""
    if isinstance(error, OSError):
        return error.strerror or "it cannot be read"
    return "this is not a path"


def _refuse(mode: int) -> None:
    for is_kind, text in _KINDS:
        if is_kind(mode):
            raise OSError(errno.EINVAL, text)


def _size(count: int) -> str:
    return f"{count // 1_048_576} MB" if count >= 1_048_576 else f"{count // 1024} KB"
