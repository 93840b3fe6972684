"""What stands in a clinic's folder and is read by nobody: folders and files under a wrong name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from gateway.files.marked import Fault, Mark, did_you_mean, nearest
from gateway.tables.read.layers import shown

LEVELS = ("base", "cases", "codes", "like", "sites")
_READ = (".yaml", ".yml", ".csv")
_SHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers", ".tsv", ".tab", ".txt")
# What people write for people beside tables.
_NOTES = re.compile(r".*\.(?:md|rst)|(?:readme|licen[cs]e|notice|makefile)(?:\..*)?", re.IGNORECASE)


def unread(
    own: Path,
    shipped: Path,
    sites: Collection[str],
    dialects: Collection[str],
    code_tables: Collection[str] | None,
    likes: Collection[str] = (),
) -> Iterator[Fault]:
    """A fault for each folder and file below ``own`` that none of the sites reads.

    ``likes`` are what sites are like, ``dialects`` those that they use: another dialect's folder may stay,
    unless it looks like one of these mistyped. ``code_tables`` are those that rows use; None where it is not
    known. What the package ships under the same name is no stray.
    """
    if own.resolve() == shipped.resolve():
        return
    yield from _loose(own, "field tables stand in base/, in a dialect's folder or in sites/<site>/")
    yield from _loose(own / "sites", "a site's files stand in sites/<site>/")
    for folder in _folders(own):
        if folder.name == "codes":
            yield from _codes(folder, code_tables)
        elif folder.name == "cases":
            yield from _loose(folder, "a case is a folder: cases/<name>/")
        elif folder.name not in ("sites", "like"):
            if folder.name not in LEVELS:
                yield from _mistyped(folder, shipped, dialects)
            yield from _level(folder, code_tables)
    yield from _loose(own / "like", "what sites share stands in like/<name>/")
    for folder in _folders(own / "like"):
        if folder.name not in likes:
            yield _at(folder, f"no site is like this; {did_you_mean(folder.name, sorted(likes))}")
        yield from _level(folder, code_tables)
    for folder in _folders(own / "sites"):
        if folder.name not in sites and not (shipped / "sites" / folder.name).is_dir():
            near = did_you_mean(folder.name, sorted(sites))
            yield _at(folder, f"no site has this id; {near}")
        yield from _level(folder, code_tables)


def _mistyped(folder: Path, shipped: Path, dialects: Collection[str]) -> Iterator[Fault]:
    known = {*dialects, *(each.name for each in _folders(shipped) if each.name not in LEVELS)}
    own = (shipped / folder.name).is_dir() or (folder / "dialect.yaml").is_file() or folder.name in dialects
    if not own and nearest(folder.name, [*known, *LEVELS]):
        near = did_you_mean(folder.name, sorted([*known, *LEVELS]))
        yield _at(folder, f"no site has this dialect; {near} (a dialect of your own has a dialect.yaml)")


def _level(folder: Path, code_tables: Collection[str] | None) -> Iterator[Fault]:
    for path in _files(folder):
        if path.suffix not in _READ:
            yield _at(path, _other_ending(path))
    for inner in _folders(folder):
        if inner.name == "codes":
            yield from _codes(inner, code_tables)
        else:
            yield _at(inner, f"is not read; the files of this level stand in {shown(folder)} itself")


def _codes(folder: Path, code_tables: Collection[str] | None) -> Iterator[Fault]:
    for inner in _folders(folder):
        yield _at(inner, f"is not read; code tables stand in {shown(folder)} itself")
    for path in _files(folder):
        if path.suffix not in _READ:
            yield _at(path, _other_ending(path))
        elif path.suffix != ".csv":
            yield _at(path, "is not read; a code table is a .csv, field tables stand one folder higher")
        elif code_tables is not None and path.stem not in code_tables:
            yield _at(path, f"no row uses this code table; {did_you_mean(path.stem, sorted(code_tables))}")


def _other_ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending in _SHEETS:
        return "is not read; save it as CSV UTF-8 (.csv)"
    if ending in _READ:
        return f"is not read; name it {ending}, in small letters"
    return "is not read; tables are .yaml files, and .csv files"


def _loose(folder: Path, where: str) -> Iterator[Fault]:
    for path in _files(folder):
        yield _at(path, f"is not read; {where}")


def _at(path: Path, text: str) -> Fault:
    return Mark(shown(path), 1, 1).fault(text)


def _folders(folder: Path) -> list[Path]:
    return [each for each in _inside(folder) if each.is_dir()]


def _files(folder: Path) -> list[Path]:
    """The files that may be meant to be read; a note for people beside them does no harm."""
    return [each for each in _inside(folder) if not each.is_dir() and not _NOTES.fullmatch(each.name)]


def _inside(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if not each.name.startswith((".", "_", "~$")))
