"""Which files are read, and what is said of the others: at once, whatever stands at the other end."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gateway.files.regular import bounded, read_file, read_input, reason_of


def made(folder: Path, kind: str) -> Path:
    """Something of this kind that has a name."""
    path = folder / kind
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "link to nothing":
            path.symlink_to(folder / "absent")
        case "link to itself":
            path.symlink_to(path)
        case "link to a pipe":
            os.mkfifo(folder / "linked")
            path.symlink_to(folder / "linked")
        case "long":
            path.write_bytes(b"x" * 2049)
        case "long name":
            return folder / ("n" * 300)
        case "device":
            return Path("/dev/zero")
        case "below a file":
            path.write_bytes(b"")
            return path / "file"
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("pipe", "it is a pipe (FIFO), not a plain file"),
        ("link to a pipe", "it is a pipe (FIFO), not a plain file"),
        ("folder", "it is a folder"),
        ("device", "it is a device, not a plain file"),
        ("link to nothing", "No such file or directory"),
        ("link to itself", "Too many levels of symbolic links"),
        ("absent", "No such file or directory"),
        ("below a file", "Not a directory"),
        ("long", "it is longer than 2 KB"),
        ("long name", "File name too long"),
    ],
)
@pytest.mark.parametrize("read", [read_file, read_input])
def test_what_is_no_plain_file_is_refused_at_once(
    read: object, kind: str, reason: str, tmp_path: Path
) -> None:
    assert callable(read)
    with pytest.raises(OSError) as refused:
        read(made(tmp_path, kind), 2048)
    assert reason_of(refused.value) == reason


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket is bounded in length
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
        with pytest.raises(OSError) as refused:
            read_file(Path("socket"), 2048)
    assert reason_of(refused.value) == "it is a socket, not a plain file"


def test_a_text_that_is_no_path_is_told_without_itself() -> None:
    with pytest.raises(ValueError) as refused:
        read_file(Path("canary\0canary"), 10)
    assert reason_of(refused.value) == "this is not a path"


@pytest.mark.parametrize("size", [0, 1, 2047, 2048])
def test_a_plain_file_is_read_whole_also_by_a_link(size: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * size)
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_file(tmp_path / "link", 2048) == read_input(tmp_path / "file", 2048) == b"x" * size


def test_what_the_shell_has_opened_is_read_to_its_end() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"message")
    os.close(writing)
    try:
        assert read_input(Path(f"/dev/fd/{reading}"), 100) == b"message"
    finally:
        os.close(reading)


def test_what_has_no_end_is_read_no_further_than_it_may_be() -> None:
    taken = 0

    def endless(most: int) -> bytes:
        nonlocal taken
        taken += most
        return bytes(most)

    with pytest.raises(OSError) as refused:
        bounded(endless, 3 * 1_048_576)
    assert (reason_of(refused.value), taken) == ("it is longer than 3 MB", 3 * 1_048_576 + 1)
