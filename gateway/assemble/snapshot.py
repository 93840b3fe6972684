"""What one start has read, whole, so that the same can be built of it later: whatever the files say then.

The parent of several workers takes it once and hands it to each of them. It holds secrets: it goes through
pipes alone, and nothing shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from gateway.assemble.application import Application, assemble
from gateway.assemble.check import CheckedConfiguration, ReadConfiguration, rebuilt
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

    @property
    def hash(self) -> str:
        """The same for two that are the same."""
        return hashlib.sha256(self.content).hexdigest()

    @classmethod
    def of(cls, found: CheckedConfiguration | ReadConfiguration) -> Snapshot:
        """All of which ``found`` was made. Raises Faults if a PEM file cannot be read any more."""
        pool = _Pool()
        sites = tuple(
            (*key, pool.add(each.yaml), pool.add(each.csv), pool.add(each.own))
            for key, each in sorted(found.files.sites.items())
        )
        layers = tuple((*key, pool.add(each)) for key, each in sorted(found.files.layers.items()))
        packed = _Packed(
            configuration=found.settings.where(()).file,
            settings=revealed(found.settings),
            pem=pem_files(found.settings),
            dialects=found.files.names,
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
        packed = msgspec.msgpack.decode(self.content, type=_Packed)
        with private_files(packed.pem) as paths:
            like = found.settings if found is not None else None
            settings = settled(packed.settings, paths, file=packed.configuration, like=like)
            if found is None:
                return assemble(rebuilt(settings, _unpacked(packed)))
            return assemble(replace(found, settings=settings))


def built(snapshot: Snapshot, application: Application) -> bytes:
    """A hash of what will answer: the same in all workers, or one of them is of another version."""
    return hashlib.sha256(f"{snapshot.hash} {application.built}".encode()).hexdigest().encode()


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
