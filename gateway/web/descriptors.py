"""How many connections the open files of this process allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_USUAL: Final = 8192
"""More are seldom meant, and each takes some ten KB."""

_ENOUGH: Final = 65_536
_UPSTREAM: Final = 512  # those of `upstream.common`, which are opened as they are needed
_REST: Final = 64  # the listeners, the loop, the log, name look-ups, files of tables
_ADMIN: Final = 64


@dataclass(frozen=True, slots=True)
class ConnectionRoom:
    """How many connections each listener may have; ``open_files`` is the limit from which that follows."""

    public: int
    admin: int
    open_files: int | None = None


def room(wanted: int | None = None, open_files: int | None = None) -> ConnectionRoom:
    """``wanted`` connections on the public listener (None: as many as make sense), or what there is.

    At most half of the files are left for what is opened otherwise: calls upstream, the admin listener,
    the log. ``open_files`` None: no limit.
    """
    most = wanted or _USUAL
    admin = _ADMIN
    if open_files is not None:
        most = max(1, min(most, open_files - min(_UPSTREAM + _ADMIN + _REST, open_files // 2)))
        admin = max(2, min(_ADMIN, open_files // 8))
    return ConnectionRoom(most, admin, open_files)


def open_files() -> int | None:
    """The limit of this process (RLIMIT_NOFILE); None: there is none, or this system has no such limit."""
    try:
        import resource
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def raise_open_files() -> None:
    """Take as many as we are allowed to, up to 65,536: the usual limit is made for ``select``."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    goal = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < goal:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (goal, hard))
        except (OSError, ValueError):  # a system with a limit of its own: the usual one will do
            return
