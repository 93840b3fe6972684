"""The files of the tables of sites: read from folders once, or kept from when they were."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gateway.files.marked import Fault, Mark
from gateway.tables.read.layers import Layer, Source, code_folders, files, shown, stack, without_copies
from gateway.tables.read.unread_files import LEVELS


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of one site, lowest layer first: field tables and other YAML, code tables, and the CSV files
    that stand beside the field tables."""

    yaml: tuple[Source, ...]
    csv: tuple[Source, ...]
    own: tuple[Source, ...]


class Files(Protocol):
    """Where tables are built from."""

    def dialects(self) -> tuple[str, ...]:
        """The names of the dialects that there are."""

    def site(self, dialect: str, site: str, like: str | None, faults: list[Fault]) -> Sources:
        """The files of a site of that dialect, which is ``like`` others; what cannot be read goes into
        ``faults``."""

    def clients(self, layer: str, site: str, faults: list[Fault]) -> tuple[Source, ...]:
        """The YAML files of a dialect without any site's, by which the FHIR clients of that site search."""

    def kept(self) -> Kept:
        """What has been read until now."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Files as they were read; ``sites`` by dialect and site, ``layers`` by dialect and the site whose FHIR
    clients search by them. So the files of each site are its own, whenever they were read."""

    names: tuple[str, ...]
    sites: Mapping[tuple[str, str], Sources] = field(repr=False)
    layers: Mapping[tuple[str, str], tuple[Source, ...]] = field(repr=False)

    def dialects(self) -> tuple[str, ...]:
        return self.names

    def site(self, dialect: str, site: str, _like: str | None, _faults: list[Fault]) -> Sources:
        return self.sites[dialect, site]

    def clients(self, layer: str, site: str, _faults: list[Fault]) -> tuple[Source, ...]:
        return self.layers[layer, site]

    def kept(self) -> Kept:
        return self

    def of(self, sites: Collection[str]) -> Kept:
        """What there is of these sites alone."""
        return Kept(
            self.names,
            {key: each for key, each in self.sites.items() if key[1] in sites},
            {key: each for key, each in self.layers.items() if key[1] in sites},
        )

    def beside(self, others: Kept) -> Kept:
        """These files and those of other sites."""
        return Kept(
            tuple(sorted({*self.names, *others.names})),
            {**self.sites, **others.sites},
            {**self.layers, **others.layers},
        )


class Folders:
    """Files on the disk. Each is read once: whatever is built from one of these is of the same bytes."""

    def __init__(self, roots: list[Path]) -> None:
        self._roots = roots
        self._sites: dict[tuple[str, str], Sources] = {}
        self._layers: dict[str, tuple[Source, ...]] = {}
        self._clients: set[tuple[str, str]] = set()
        self._folders: dict[tuple[Layer, str], tuple[tuple[Source, ...], tuple[Fault, ...]]] = {}

    def dialects(self) -> tuple[str, ...]:
        names = {
            each.name for root in self._roots if root.is_dir() for each in root.iterdir() if each.is_dir()
        }
        return tuple(sorted(names.difference(LEVELS)))

    def site(self, dialect: str, site: str, like: str | None, faults: list[Fault]) -> Sources:
        if (dialect, site) not in self._sites:
            wrong: list[Fault] = []
            layers = stack(self._roots, dialect, site, like)
            code = code_folders(self._roots, dialect, site, like)
            found = Sources(
                self._files(layers, ".yaml", wrong),
                self._files(code, ".csv", wrong),
                self._files(layers, ".csv", wrong),
            )
            wrong.extend(_misnamed(layers))
            if wrong:
                faults.extend(wrong)
                return found
            self._sites[dialect, site] = found
        return self._sites[dialect, site]

    def _files(self, layers: list[Layer], suffix: str, faults: list[Fault]) -> tuple[Source, ...]:
        """As :func:`files`, each folder read once for all sites."""
        found: list[Source] = []
        for layer in layers:
            key = (layer, suffix)
            if key not in self._folders:
                wrong: list[Fault] = []
                self._folders[key] = tuple(files([layer], suffix, wrong)), tuple(wrong)
            read, told = self._folders[key]
            faults.extend(told)
            found += without_copies(read, found)
        return tuple(found)

    def clients(self, layer: str, site: str, faults: list[Fault]) -> tuple[Source, ...]:
        self._clients.add((layer, site))
        if layer not in self._layers:
            wrong: list[Fault] = []
            found = tuple(files(stack(self._roots, layer, None), ".yaml", wrong))
            if wrong:
                faults.extend(wrong)
                return found
            self._layers[layer] = found
        return self._layers[layer]

    def kept(self) -> Kept:
        layers = {key: self._layers[key[0]] for key in self._clients if key[0] in self._layers}
        return Kept(self.dialects(), dict(self._sites), layers)


def _misnamed(layers: list[Layer]) -> list[Fault]:
    stray = [each for layer in layers for each in sorted(layer.folder.glob("*.yml"))]
    return [Mark(shown(path), 1, 1).fault("name it .yaml; a .yml file is not read") for path in stray]
