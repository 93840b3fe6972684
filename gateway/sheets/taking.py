"""A workbook taken back: its edits put into a copy of the tables, which is checked whole, and compared."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.assemble.check import CheckedConfiguration, check_settings
from gateway.files.marked import Fault, Faults
from gateway.files.written import write_whole
from gateway.offline import origins
from gateway.sheets.book import Book, Files, book
from gateway.sheets.changes import Change, changes
from gateway.sheets.layer import LayerFolder
from gateway.sheets.outcome import located, overruled
from gateway.sheets.reading import TypedSheet
from gateway.shipped import folder
from gateway.tables.build import field_tables_of
from gateway.tables.read.code_tables import code_tables
from gateway.tables.read.layers import Source, files, shown, stack

_CASES = "cases"  # beside the tables, and none


class Changed(Exception):
    """Somebody else has written a file meanwhile: which."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a workbook changes: edits, and of each file what it was (None: there was none) and is to be."""

    changes: tuple[Change, ...] = ()
    files: dict[Path, tuple[bytes | None, bytes | None]] = field(default_factory=dict)

    def write(self) -> None:
        """Each file whole; if one cannot be, those before it are put back. Raises Changed, OSError."""
        for path, (before, _) in self.files.items():
            if _content(path) != before:
                raise Changed(str(path))
        done: list[Path] = []
        try:
            for path, (_, content) in self.files.items():
                _put(path, content)
                done.append(path)
        except OSError:
            for path in done:
                _put(path, self.files[path][0])
            raise


def book_of(checked: CheckedConfiguration, position: int, own: Path | None) -> Book:
    """The book of a site of a configuration, with the folder ``own`` over the shipped one."""
    site = checked.settings.sites[position]
    layer = (own, site.upstream.dialect, site.id, site.like)
    csv = tuple(origins.code_files(*layer))
    found = Files(tuple(origins.yaml_files(*layer)), csv, tuple(origins.schedule_files(*layer)))
    return book(site.id, checked.tables[position], code_tables(csv, []), found)


def folder_of(checked: CheckedConfiguration, position: int, layer: str) -> Path | None:
    """Where a layer of a site (``site``, ``like``, ``dialect``, ``base``) is, below the folder of tables.
    None where the site is like no other."""
    site = checked.settings.sites[position]
    like = Path("like", site.like) if site.like is not None else None
    places = {
        "site": Path("sites", site.id),
        "like": like,
        "dialect": Path(site.upstream.dialect),
        "base": Path("base"),
    }
    return places[layer]


def take(checked: CheckedConfiguration, position: int, sheets: tuple[TypedSheet, ...], below: Path) -> Taken:
    """What the sheets change, put into the layer whose folder is ``below`` that of the tables.

    Writes nothing there. Raises Faults: by sheet, row and column for what an edit brings about.
    """
    own = checked.settings.mappings
    assert own is not None
    before = book_of(checked, position, own)
    faults: list[Fault] = []
    found = changes(before, sheets, faults)
    if faults:
        raise Faults(faults)
    if not found:
        return Taken()
    with tempfile.TemporaryDirectory(prefix="gateway-import-") as place:
        copy = Path(place).resolve() / "tables"
        if own.is_dir():
            shutil.copytree(own, copy, ignore=lambda folder, names: _no_tables(Path(folder) == own, names))
        there = _files(copy)
        (copy / below).mkdir(parents=True, exist_ok=True)
        _layer(checked, position, own, copy, below).apply(found, faults)
        if faults:
            raise Faults(faults)
        _remove_empty(copy, own)
        names = {shown(path): path for path in copy.rglob("*") if path.is_file()}
        try:
            after = check_settings(checked.settings.model_copy(update={"mappings": copy}))
        except Faults as wrong:
            told = located(wrong.faults, names, found)
            raise Faults(_real(each, copy, own) for each in told) from None
        faults += overruled(found, book_of(after, position, copy))
        if faults:
            raise Faults(_real(each, copy, own) for each in faults)
        return Taken(tuple(found), dict(_differing(there | _files(copy), copy, own)))


def _layer(checked: CheckedConfiguration, position: int, own: Path, copy: Path, below: Path) -> LayerFolder:
    site = checked.settings.sites[position]
    layers = stack([folder("mappings"), copy], site.upstream.dialect, site.id, site.like)
    under: list[Source] = []
    for layer in layers:
        if layer.folder == copy / below:
            break
        under += files([layer], ".yaml", [])
    there = {shown(own / path.relative_to(copy)): path for path in copy.rglob("*") if path.is_file()}
    kinds = {(each.kind, each.content) for each in under}
    mine = copy / below
    copies = frozenset(each for each in mine.glob("*.yaml") if (each.stem, each.read_bytes()) in kinds)
    return LayerFolder(copy, mine, field_tables_of(under), there, copies)


def _remove_empty(copy: Path, own: Path) -> None:
    """Folders that were made for nothing."""
    for path in sorted((each for each in copy.rglob("*") if each.is_dir()), reverse=True):
        if not any(path.iterdir()) and not (own / path.relative_to(copy)).exists():
            path.rmdir()


def _no_tables(top: bool, names: Sequence[str]) -> set[str]:
    return {name for name in names if name.startswith(".") or (top and name == _CASES)}


def _files(place: Path) -> set[Path]:
    return {path.relative_to(place) for path in place.rglob("*") if path.is_file()}


def _differing(
    both: set[Path], copy: Path, own: Path
) -> Iterator[tuple[Path, tuple[bytes | None, bytes | None]]]:
    for path in sorted(both):
        before, after = _content(own / path), _content(copy / path)
        if before != after:
            yield own / path, (before, after)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _put(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, content)


def _real(fault: Fault, copy: Path, own: Path) -> Fault:
    """A fault that names a file of the copy, by the name of the real one."""
    names = str(copy), shown(own)
    return Fault(fault.file.replace(*names), fault.line, fault.column, fault.text.replace(*names))
