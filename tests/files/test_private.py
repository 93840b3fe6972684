"""Files that only this process can open."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gateway.files.private import private_files


@pytest.mark.parametrize("memory", [True, False])
def test_what_is_put_in_can_be_read_by_path_and_is_gone_afterwards(
    memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    contents = {"/etc/a.pem": b"a" * 100_000, "b": b""}
    with private_files(contents) as paths:
        assert {name: Path(path).read_bytes() for name, path in paths.items()} == contents
        assert Path(paths["b"]).read_bytes() == b""  # again, from its beginning
        for path in paths.values():
            if path.startswith("/proc/"):
                assert not os.readlink(path).startswith("/") or "memfd" in os.readlink(path)
            else:
                assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert not any(Path(path).exists() for path in paths.values())
