"""What one start has read, whole, so that the same can be built of it later: whatever the files say then.

The parent of several workers takes it once and hands it to each of them. It holds secrets: it goes through
pipes alone, and nothing shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from gateway.assemble.application import Application, assemble
from gateway.assemble.check import CheckedConfiguration, ReadConfiguration, rebuilt
from gateway.assemble.prepared import Prepared
from gateway.config import Settings
from gateway.config.handover import pem_files, revealed, settled
from gateway.files.private import private_files
from gateway.tables.read.folders import Kept, Sources
from gateway.tables.read.layers import Source

_Numbers = tuple[int, ...]


class _Packed(msgspec.Struct, frozen=True):
    """Each file and each content once: files are numbers into ``sources``, whose contents are numbers into
    ``contents``. ``sites`` are dialect, id, and the files as in :class:`Sources`, ``layers``
    dialect, id, and its files."""

    configuration: str
    settings: dict[str, Any]
    pem: dict[str, bytes]
    dialects: tuple[str, ...]
    contents: tuple[bytes, ...]
    sources: tuple[tuple[str, str, str, int, int], ...]
    sites: tuple[tuple[str, str, _Numbers, _Numbers, _Numbers], ...]
    layers: tuple[tuple[str, str, _Numbers], ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings with their secrets, the files of the tables, and the PEM files, as bytes."""

    content: bytes = field(repr=False)
    hash: str = field(init=False)
    """The same for two that are the same."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "hash", hashlib.sha256(self.content).hexdigest())

    @classmethod
    def of(cls, found: CheckedConfiguration | ReadConfiguration) -> Snapshot:
        """All of which ``found`` was made. Raises Faults if a PEM file cannot be read any more."""
        file = found.settings.where(()).file
        return cls._of(file, revealed(found.settings), pem_files(found.settings), found.files)

    def having(self, files: Kept) -> Snapshot:
        """The same settings and PEM files, and these files of tables."""
        packed = self._decoded()
        return self._of(packed.configuration, packed.settings, packed.pem, files)

    @classmethod
    def _of(cls, file: str, settings: dict[str, Any], pem: dict[str, bytes], files: Kept) -> Snapshot:
        pool = _Pool()
        sites = tuple(
            (*key, pool.add(each.yaml), pool.add(each.csv), pool.add(each.own))
            for key, each in sorted(files.sites.items())
        )
        layers = tuple((*key, pool.add(each)) for key, each in sorted(files.layers.items()))
        packed = _Packed(
            configuration=file,
            settings=settings,
            pem=pem,
            dialects=files.names,
            contents=tuple(pool.contents),
            sources=tuple(
                (each.name, each.layer, each.kind, each.rank, at) for each, (_, at) in pool.sources.items()
            ),
            sites=sites,
            layers=layers,
        )
        return cls(msgspec.msgpack.encode(packed))

    def assemble(self, found: CheckedConfiguration | ReadConfiguration | None = None) -> Application:
        """The gateway of which this is the snapshot; ``found`` is what was checked, where it is there.

        Reads no file but those of the package. Raises Faults as :func:`gateway.assemble.assemble`.
        """
        packed = self._decoded()
        if found is None:
            return self.read().assemble()
        with private_files(packed.pem) as paths:
            settings = settled(packed.settings, paths, file=packed.configuration, like=found.settings)
            return assemble(replace(found, settings=settings))

    def read(self, former: ReadConfiguration | None = None) -> Unpacked:
        """What is in it. What was ``former`` built of the same files is taken over.

        Raises Faults where another version of the program finds some.
        """
        packed = self._decoded()
        settings = settled(packed.settings, {}, file=packed.configuration)
        return Unpacked(packed, rebuilt(settings, _unpacked(packed), former))

    def _decoded(self) -> _Packed:
        return msgspec.msgpack.decode(self.content, type=_Packed)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A snapshot whose tables are built. PEM files are there only while something is made of them."""

    _packed: _Packed = field(repr=False)
    found: ReadConfiguration

    def assemble(self) -> Application:
        """The gateway of it. Raises Faults as :func:`gateway.assemble.assemble`."""
        with private_files(self._packed.pem) as paths:
            return assemble(replace(self.found, settings=self._settings(paths)))

    def ready(self, application: Application) -> Prepared:
        """Those of its sites ready that have other tables than in ``application``."""
        with private_files(self._packed.pem) as paths:
            return application.ready(self._settings(paths), self.found.sites)

    def _settings(self, paths: Mapping[str, str]) -> Settings:
        return settled(self._packed.settings, paths, file=self._packed.configuration)


def built(snapshot: Snapshot, application: Application, ready: Prepared | None = None) -> bytes:
    """A hash of what will answer (once these are ``ready``): the same in all workers, or one of them is of
    another version."""
    return hashlib.sha256(f"{snapshot.hash} {application.built(ready)}".encode()).hexdigest().encode()


class _Pool:
    """Files as numbers: sites share most of theirs."""

    def __init__(self) -> None:
        self.contents: dict[bytes, int] = {}
        self.sources: dict[Source, tuple[int, int]] = {}

    def add(self, files: Iterable[Source]) -> _Numbers:
        return tuple(self._number(each) for each in files)

    def _number(self, source: Source) -> int:
        if source not in self.sources:
            at = self.contents.setdefault(source.content, len(self.contents))
            self.sources[source] = (len(self.sources), at)
        return self.sources[source][0]


def _unpacked(packed: _Packed) -> Kept:
    sources = [
        Source(name, layer, kind, packed.contents[at], rank) for name, layer, kind, rank, at in packed.sources
    ]

    def of(numbers: _Numbers) -> tuple[Source, ...]:
        return tuple(sources[each] for each in numbers)

    return Kept(
        packed.dialects,
        {
            (dialect, site): Sources(of(yaml), of(csv), of(own))
            for dialect, site, yaml, csv, own in packed.sites
        },
        {(name, site): of(numbers) for name, site, numbers in packed.layers},
    )
