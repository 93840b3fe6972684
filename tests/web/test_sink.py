from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from gateway.web.logging import configure, lost_lines
from gateway.web.sink import Reason, Sink

# Far above what is needed, for a machine that is busy: what these tests look for would never end.
LONG = 20.0


def told(lost: Mapping[Reason, int], _since: float) -> bytes:
    return b"lost %s\n" % json.dumps(lost).encode()


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.005)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError as error:  # the test closed it
            assert error.errno == errno.EBADF


def drained(end: int, size: int = 65_536) -> bytes:
    """What is in the pipe now, and what its writer adds until it rests."""
    os.set_blocking(end, False)
    got, rested = b"", 0
    while rested < 20:
        try:
            got += os.read(end, size)
            rested = 0
        except BlockingIOError:
            rested += 1
            time.sleep(0.01)
    return got


def test_lines_arrive_in_order_and_whole(pipe: tuple[int, int]) -> None:
    sink = Sink(pipe[1], told)
    lines = [b"%d %s\n" % (n, b"x" * (n % 900)) for n in range(100)]
    for line in lines:
        assert sink.write(line) == len(line)
    sink.finish()
    assert drained(pipe[0]) == b"".join(lines)
    assert sink.lost == {}


def test_nobody_waits_for_a_pipe_that_nobody_reads(pipe: tuple[int, int]) -> None:
    sink = Sink(pipe[1], told, max_lines=1000)
    line = b"x" * 999 + b"\n"
    for _ in range(5000):  # 5 MB: far more than the pipe and the queue hold
        sink.write(line)
    first = sink.lost["not-read"]
    assert 3000 <= first < 5000
    kept = drained(pipe[0])
    lines = kept.splitlines(keepends=True)
    assert lines.count(line) == 5000 - first
    assert [each for each in lines if each != line] == [b'lost {"not-read": %d}\n' % first]
    sink.write(b"again\n")
    sink.finish()
    assert drained(pipe[0]) == b"again\n"
    assert sink.lost == {"not-read": first}


def test_the_bytes_that_wait_are_bounded_too(pipe: tuple[int, int]) -> None:
    sink = Sink(pipe[1], told, max_bytes=100_000)
    for _ in range(100):
        sink.write(b"x" * 9_999 + b"\n")
    assert sink.lost["not-read"] >= 100 - 10 - 7  # the pipe holds 65,536
    sink.write(b"x" * 50_001)
    assert sink.lost["too-long"] == 1


def test_losses_come_in_stretches(pipe: tuple[int, int]) -> None:
    """A reader who is just too slow gets half a queue between two tellings, not one after each line."""
    sink = Sink(pipe[1], told, max_lines=100)
    got, tellings = b"", 0
    for _ in range(200):
        for _ in range(40):
            sink.write(b"x" * 999 + b"\n")
        os.set_blocking(pipe[0], False)
        try:
            got += os.read(pipe[0], 20_000)
        except BlockingIOError:
            continue
    got += drained(pipe[0])
    lines = got.splitlines()
    tellings = sum(line.startswith(b"lost") for line in lines)
    assert 0 < tellings <= (len(lines) - tellings) // 50 + 1


def test_a_full_disk_loses_and_counts_at_once() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    sink = Sink(full, told)
    for _ in range(50):
        sink.write(b"line\n")
    until(lambda: sink.lost == {"no-space": 50})
    sink.finish()
    os.close(full)


def test_what_was_lost_is_told_when_there_is_room_again(tmp_path: Path) -> None:
    full, later = os.open("/dev/full", os.O_WRONLY), os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY)
    sink = Sink(full, lost_lines())
    for _ in range(3):
        sink.write(b"line\n")
    until(lambda: sink.lost == {"no-space": 3})
    os.dup2(later, full)
    sink.write(b"after\n")
    sink.finish()
    after, telling = (tmp_path / "log").read_bytes().splitlines()
    assert after == b"after"
    line = json.loads(telling)
    assert line.pop("ts") >= line.pop("since")
    assert line == {"level": "warning", "event": "log", "lost": 3, "reasons": {"no-space": 3}}
    os.close(full)
    os.close(later)


def test_a_telling_for_people() -> None:
    line = lost_lines(pretty=True)({"not-read": 3, "no-space": 1}, 0.0)
    assert line == b"4 lines could not be written here since 00:00:00Z (not-read 3, no-space 1)\n"


def test_a_reader_who_went_and_a_descriptor_that_is_closed(pipe: tuple[int, int]) -> None:
    sink = Sink(pipe[1], told)
    os.close(pipe[0])
    sink.write(b"line\n")
    until(lambda: sink.lost == {"no-reader": 1})
    reading_only = os.open(os.devnull, os.O_RDONLY)
    os.dup2(reading_only, pipe[1])
    sink.write(b"line\n")
    until(lambda: sink.lost == {"no-reader": 1, "closed": 1})
    sink.finish()
    os.close(reading_only)


def test_a_descriptor_that_others_set_not_to_block(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    sink = Sink(pipe[1], told)
    lines = [b"%d %s\n" % (n, b"x" * 500) for n in range(1000)]  # half a MB: the pipe is full on the way
    for line in lines:
        sink.write(line)
    got = b""
    while len(got) < sum(map(len, lines)):
        got += drained(pipe[0], 5000)
    assert got == b"".join(lines)
    assert not os.get_blocking(pipe[1])
    sink.finish()


def test_half_a_line_is_not_joined_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    answers: list[int | OSError] = [3, OSError(errno.ENOSPC, "full")]

    def write(_descriptor: int, block: memoryview) -> int:
        answer = answers.pop(0) if answers else len(block)
        if isinstance(answer, OSError):
            raise answer
        written.append(bytes(block[:answer]))
        return answer

    monkeypatch.setattr("gateway.web.sink.os.write", write)
    sink = Sink(1, told)
    sink.write(b"first\n")
    until(lambda: sink.lost == {"no-space": 1})
    sink.write(b"second\n")
    sink.finish()
    assert b"".join(written) == b'fir\nsecond\nlost {"no-space": 1}\n'


def test_the_end_waits_for_what_is_read_and_not_for_ever(pipe: tuple[int, int]) -> None:
    sink = Sink(pipe[1], told)
    for _ in range(3000):
        sink.write(b"x" * 999 + b"\n")
    began = time.monotonic()
    sink.finish(0.1, 1.0)  # nobody reads
    assert time.monotonic() - began < LONG
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(drained(pipe[0])))
    reader.start()
    sink.finish()
    reader.join()
    assert got[0] == (b"x" * 999 + b"\n") * 3000
    sink.write(b"too late\n")
    assert sink.lost == {"not-read": 1}


def test_writers_that_share_a_pipe_do_not_cut_each_others_lines(pipe: tuple[int, int]) -> None:
    sinks = [Sink(pipe[1], told) for _ in range(4)]
    lines = [bytes([65 + n]) * 700 + b"\n" for n in range(4)]
    reader = threading.Thread(target=lambda: got.append(drained(pipe[0], 3000)))
    got: list[bytes] = []
    for _ in range(500):
        for sink, line in zip(sinks, lines, strict=True):
            sink.write(line)
    reader.start()
    for sink in sinks:
        sink.finish(LONG, LONG)
    reader.join()
    assert sorted(got[0].splitlines(keepends=True)) == sorted(lines * 500)


def test_who_logs_while_a_line_is_handed_in_does_not_lock_himself_out() -> None:
    """A finalizer may run at any moment, in the same thread, and log."""
    sink = Sink(os.open(os.devnull, os.O_WRONLY), told)

    with sink._lock:
        configure(sink).warning("from inside")
    sink.finish()
    assert sink.lost == {}
    os.close(sink.fileno())


def test_a_telling_that_fails_does_not_end_the_writing(pipe: tuple[int, int]) -> None:
    def broken(_lost: Mapping[Reason, int], _since: float) -> bytes:
        raise ValueError

    sink = Sink(pipe[1], broken)
    sink.write(b"x" * 3_000_000)
    for line in (b"one\n", b"two\n"):
        sink.write(line)
        until(lambda: sink._held == 0)
    sink.finish()
    assert drained(pipe[0]) == b"one\ntwo\n"
