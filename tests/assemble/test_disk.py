"""What counts as a change of the files, and when it is told or acted upon."""

from __future__ import annotations

import asyncio
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.assemble.disk import Disk, hash_of
from gateway.assemble.disk_watch import DiskWatch
from gateway.web.logging import configure
from gateway.web.tables_told import Reloaded, TablesTold


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    for name in ("base", "sites/north/codes", "cases/one", ".git"):
        (folder / name).mkdir(parents=True)
    (folder / "sites" / "north" / "errors.yaml").write_text("one")
    (tmp_path / "gateway.yaml").write_text("sites: []")
    return folder


def disk(own: Path) -> Disk:
    path = own.parent / "gateway.yaml"
    return Disk(path, own, hash_of(path))


@pytest.mark.parametrize(
    ("name", "differs"),
    [
        ("sites/north/errors.yaml", True),
        ("sites/north/codes/more.csv", True),
        ("base/new.yml", True),
        ("base/notes.txt", False),
        ("base/.changes.yaml.swp", False),
        ("base/.changes.yaml", False),
        ("cases/one/case.yaml", False),
        (".git/x.yaml", False),
    ],
)
def test_what_is_a_table(own: Path, name: str, differs: bool) -> None:
    looked = disk(own)
    before = looked.stamp()
    (own / name).write_text("two")
    assert (looked.tables_differ(), looked.stamp() != before) == (differs, differs)
    looked.reading()
    assert not looked.tables_differ()


def test_what_is_gone_or_written_anew_as_it_was(own: Path) -> None:
    looked = disk(own)
    path = own / "sites" / "north" / "errors.yaml"
    before = looked.stamp()
    draft = path.with_suffix(".draft")
    draft.write_text("one")
    os.replace(draft, path)
    assert looked.stamp() != before
    assert not looked.tables_differ()
    path.unlink()
    assert looked.tables_differ()
    (own.parent / "gateway.yaml").write_text("sites: [1]")
    assert looked.configuration_differs()


def test_links_that_go_round_end(own: Path) -> None:
    (own / "sites" / "round").symlink_to(own)
    (own / "data").symlink_to(own / "sites" / "north")
    looked = disk(own)
    assert len(looked.stamp()) < 40
    (own / "data" / "errors.yaml").write_text("two")
    assert looked.tables_differ()


def test_no_folder(tmp_path: Path) -> None:
    for own in (None, tmp_path / "not-there"):
        looked = Disk(tmp_path / "none.yaml", own, b"")
        assert not looked.tables_differ()
        assert not looked.configuration_differs()
        assert len(looked.stamp()) == 1


class Watched:
    def __init__(self, own: Path, *, by_itself: bool) -> None:
        self.disk = disk(own)
        self.told = TablesTold({}, 0.0)
        self.asked: list[str] = []
        self.done = asyncio.Event()
        self._log = io.BytesIO()
        reload = self.reload if by_itself else None
        self.watch = DiskWatch(self.disk, self.told, configure(self._log), reload, 0.01)

    async def reload(self, why: str) -> Reloaded:
        self.asked.append(why)
        self.done.set()
        self.disk.reading()
        return Reloaded({}, 0, {}, 0.0)

    async def look(self, times: int = 3) -> None:
        for _ in range(times):
            await self.watch._look()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.getvalue().splitlines()]


async def test_a_change_is_told_once_until_it_is_read(own: Path) -> None:
    watched = Watched(own, by_itself=False)
    await watched.look()
    assert (watched.told.more(), watched.lines()) == ({}, [])
    path = own / "sites" / "north" / "errors.yaml"
    path.write_text("two")
    await watched.look(1)
    assert watched.told.more() == {}  # somebody may still be at it
    await watched.look()
    path.write_text("three")
    await watched.look()
    assert watched.told.disk_differs
    assert len(watched.lines()) == 1
    assert "disk" in watched.told.more()["tables"]
    path.write_text("one")  # as it was
    await watched.look()
    assert watched.told.more() == {}
    (own.parent / "gateway.yaml").write_text("sites: [1]")
    await watched.look()
    assert list(watched.told.more()["tables"]) == ["configuration"]
    assert len(watched.lines()) == 2


async def test_it_is_read_anew_once_files_are_still(own: Path) -> None:
    watched = Watched(own, by_itself=True)
    await watched.look()
    path = own / "sites" / "north" / "errors.yaml"
    for number in range(5):
        path.write_text("x" * number)
        await watched.look(1)
    assert watched.asked == []
    await watched.look()
    assert watched.asked == ["file"]
    os.utime(path, (1, 1))  # touched, but the same
    await watched.look()
    assert watched.asked == ["file"]


async def test_what_goes_wrong_ends_no_watch(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(own, by_itself=True)
    stamp = watched.disk.stamp
    left = [OSError("canary"), None]

    def broken() -> Any:
        if left and isinstance(fault := left.pop(0), OSError):
            raise fault
        return stamp()

    monkeypatch.setattr(watched.disk, "stamp", broken)
    (own / "base" / "new.yaml").write_text("x")
    running = asyncio.create_task(watched.watch.run())
    async with asyncio.timeout(20):
        await watched.done.wait()
    running.cancel()
    assert [line["event"] for line in watched.lines()] == ["disk"]
    assert "canary" not in json.dumps(watched.lines())
