"""Files for what only takes a path, that nobody else can open."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def private_files(contents: Mapping[str, bytes]) -> Iterator[dict[str, str]]:
    """A path for each of ``contents``, by its name. Only this process should use them, and while inside.

    They are in memory where the system has such files (Linux), else on disk, for this user alone.
    """
    with ExitStack() as held:
        yield {name: held.enter_context(_private(content)) for name, content in contents.items()}


@contextmanager
def _private(content: bytes) -> Iterator[str]:
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        with os.fdopen(os.memfd_create("private", os.MFD_CLOEXEC), "wb") as opened:
            opened.write(content)
            opened.flush()
            yield f"/proc/self/fd/{opened.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as named:  # mode 0600
            named.write(content)
            named.flush()
            yield named.name
