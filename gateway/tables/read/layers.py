"""Which folders stand over which, and the files of each: the only reader of the tables' files.

``base`` -> the site's dialect -> what it is like -> the site; at each level the shipped folder first and the
clinic's own over it. A file that is the same byte for byte as the one below it counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.files.characters import plain_line
from gateway.files.marked import Fault, Mark
from gateway.files.regular import read_file, reason_of

FILE_LIMIT = 8_388_608


@dataclass(frozen=True, slots=True)
class Source:
    """One file: how faults and origins name it, the layer it belongs to, and its bytes. ``rank`` is that of
    its layer, the same for code tables and field tables."""

    name: str
    layer: str
    kind: str
    content: bytes
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Layer:
    """One level of one folder: ``base``, a dialect's, one that sites share, or a site's. One of a higher
    ``rank`` stands over it."""

    name: str
    folder: Path
    rank: int = 0


def stack(roots: list[Path], dialect: str, site: str | None, like: str | None = None) -> list[Layer]:
    """The layers of a site, lowest first. ``roots``: the shipped folder, then the clinic's own; ``like``: the
    layers that it shares with other sites."""
    unique = _once(roots)
    levels = [
        ("base", Path("base")),
        (dialect, Path(dialect)),
        *([(f"like {like}", Path("like") / like)] if like is not None else []),
        *([(f"site {site}", Path("sites") / site)] if site is not None else []),
    ]
    places = [(name, root / below) for name, below in levels for root in unique]
    return [Layer(name, place, rank) for rank, (name, place) in enumerate(places) if place.is_dir()]


def code_folders(roots: list[Path], dialect: str, site: str | None, like: str | None = None) -> list[Layer]:
    """The folders of code tables: ``codes/`` beside the layers, then each layer's own ``codes/``."""
    unique = _once(roots)
    shared = [Layer("base", root / "codes", rank) for rank, root in enumerate(unique)]
    layers = stack(roots, dialect, site, like)
    own = [Layer(layer.name, layer.folder / "codes", layer.rank) for layer in layers]
    return [layer for layer in shared + own if layer.folder.is_dir()]


def files(layers: list[Layer], suffix: str, faults: list[Fault]) -> list[Source]:
    """The files with that suffix, lowest layer first, each byte-for-byte copy of a lower one left out."""
    found: list[Source] = []
    for layer in layers:
        for path in _listed(layer.folder, suffix, faults):
            name = shown(path)
            if not path.name.isprintable():
                text = "has a sign in its name that cannot be shown; give it a name of letters and digits"
                faults.append(Mark(name, 1, 1).fault(text))
                continue
            try:
                content = read_file(path, FILE_LIMIT)
            except (OSError, ValueError) as error:
                faults.append(Mark(name, 1, 1).fault(f"cannot be read: {reason_of(error)}"))
                continue
            source = Source(name, layer.name, path.name.removesuffix(suffix), content, layer.rank)
            found += without_copies([source], found)
    return found


def without_copies(sources: Iterable[Source], below: Sequence[Source]) -> list[Source]:
    """Those of the files that are none of ``below`` byte for byte."""
    return [
        source
        for source in sources
        if not any(each.kind == source.kind and each.content == source.content for each in below)
    ]


def _listed(folder: Path, suffix: str, faults: list[Fault]) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.name.endswith(suffix))
    except OSError as error:
        faults.append(Mark(shown(folder), 1, 1).fault(f"cannot be read: {reason_of(error)}"))
        return []


def _once(roots: list[Path]) -> list[Path]:
    """A clinic whose folder is the shipped one has it once."""
    return list({root.resolve(): root for root in reversed(roots)}.values())[::-1]


def shown(path: Path) -> str:
    """A path as faults name it: from here, if it is below."""
    try:
        return plain_line(str(path.relative_to(Path.cwd())))
    except ValueError:
        return plain_line(str(path))
