"""Everything that is wrong with a configuration and the tables of all its sites, found in one go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os.path import isdir
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway import config
from gateway.assemble.disk import Disk, hash_of
from gateway.assemble.site_tables import Asked, Sited, asked_by, built_of, sites_of
from gateway.assemble.verdicts import FaultySites, Wrong, verdicts
from gateway.config import Settings
from gateway.config.shared import shared, told_once
from gateway.core.told import MOST_TOLD
from gateway.files import marked
from gateway.files.marked import Fault, Faults, MarkedList, MarkedMap, Node, find
from gateway.files.regular import read_file
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables, Wanted
from gateway.tables.read.folders import Kept
from gateway.tables.read.layers import shown

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class CheckedConfiguration:
    """A configuration that can be served: the tables are those of ``settings.sites``, in their order;
    ``fhir_servers`` are what FHIR clients of a site see, None where it has none. ``files`` are those of which
    the tables were built. ``remarks`` are what can be served all the same, but is hardly meant: files that
    nothing reads, a directory without lines."""

    settings: Settings
    tables: tuple[SiteTables, ...]
    fhir_servers: tuple[FhirServerTables | None, ...]
    files: Kept
    remarks: tuple[Fault, ...] = ()

    @property
    def sites(self) -> tuple[Sited | None, ...]:
        """The same, site by site."""
        return tuple(map(Sited, self.tables, self.fhir_servers))


@dataclass(frozen=True, slots=True)
class ReadConfiguration:
    """A configuration whose sites are in order, each for itself: None for one whose tables have faults, which
    are in ``wrong`` by its position. ``files`` are those of which the others were built, ``built`` what has
    built them; ``remarks`` as of :class:`CheckedConfiguration`; ``disk`` tells whether files change later."""

    settings: Settings
    sites: tuple[Sited | None, ...]
    wrong: Wrong
    files: Kept
    built: Tables = field(repr=False)
    remarks: tuple[Fault, ...] = ()
    disk: Disk | None = None

    def faults(self, position: int) -> tuple[Fault, ...]:
        """What is wrong with the tables of a site, or keeps its settings from fitting them."""
        wrong = self.wrong
        return tuple(sorted({*wrong.of_tables.get(position, ()), *wrong.of_settings.get(position, ())}))

    @property
    def left_out(self) -> Mapping[str, tuple[Fault, ...]]:
        """What is wrong with the sites that have no tables."""
        sites = enumerate(zip(self.settings.sites, self.sites, strict=True))
        return {site.id: self.faults(position) for position, (site, sited) in sites if sited is None}


class UnknownSite(Exception):
    """A site was asked for that the configuration does not have; ``names`` are those that it has."""

    def __init__(self, wanted: str | None, names: Sequence[str]) -> None:
        super().__init__(wanted)
        self.names = tuple(names)


def check_configuration(
    path: Path, environ: Mapping[str, str], only: str | None = None, *, mappings: Path | None = None
) -> CheckedConfiguration:
    """Read the configuration and build the tables of every site, or of the one whose id is ``only``;
    ``mappings``: of that folder, in place of the configuration's own.

    Raises :class:`FaultySites` with everything that is wrong in any file. Where the configuration itself is
    faulty the tables are still looked at, as far as it can be told which ones are meant. UnknownSite: there
    is no such one. With ``only`` nothing is told of others but that there is something to tell.
    """
    settings = _settings(path, environ, only)
    if mappings is not None:
        settings = settings.model_copy(update={"mappings": mappings.absolute()})
    return check_settings(settings, only)


def check_settings(settings: Settings, only: str | None = None) -> CheckedConfiguration:
    """As :func:`check_configuration`, of a configuration that was read already."""
    everyone = asked_by(settings)
    asked = [each for each in everyone if only in (None, each.wanted.site)]
    if not asked:
        raise UnknownSite(only, [site.id for site in settings.sites])
    wrong = Wrong()
    remarks = [each for each in settings.remarks if only is None or _is_of(each, asked[0].position)]
    source = Tables(settings.mappings)
    sites = sites_of(settings, asked, source, wrong, remarks)
    strays = _unread(settings, everyone, [each.tables for each in sites.values()])
    folder = f"{shown(settings.mappings / 'sites' / str(only))}/" if settings.mappings is not None else ""
    remarks.extend(each for each in strays if only is None or each.file.startswith(folder))
    if wrong.faults:
        names = {each.position: each.wanted.site for each in asked}
        raise FaultySites(told_once(wrong.faults), verdicts(names, wrong.faults, wrong.of_tables))
    if only is not None:
        settings = settings.model_copy(update={"sites": (settings.sites[asked[0].position],)})
    return CheckedConfiguration(
        settings,
        tuple(each.tables for each in sites.values()),
        tuple(each.fhir_server for each in sites.values()),
        source.kept(),
        _first(told_once(remarks)),
    )


def _first(remarks: Sequence[Fault]) -> tuple[Fault, ...]:
    """As many as a person reads: a folder named by mistake may hold any number of other files."""
    if len(remarks) <= MOST_TOLD:
        return tuple(remarks)
    beyond = remarks[MOST_TOLD]
    text = f"and {len(remarks) - MOST_TOLD:,} more remarks; only the first {MOST_TOLD} are told"
    return (*remarks[:MOST_TOLD], replace(beyond, text=text))


def read_configuration(path: Path, environ: Mapping[str, str]) -> ReadConfiguration:
    """Read the configuration and the tables of every site; those whose tables have faults are left out.

    Raises :class:`FaultySites` where the configuration itself has faults, where no site is left, and with
    ``mappings_faults: refuse`` where any has faults.
    """
    configuration = hash_of(path)
    settings = _settings(path, environ, None)
    disk = Disk(path, settings.mappings, configuration)
    found = replace(read_tables(settings), disk=disk)
    names = {position: site.id for position, site in enumerate(settings.sites)}
    wrong = found.wrong
    alone = not any(found.sites) or settings.mappings_faults == "refuse"
    if wrong.of_settings or (wrong.faults and alone):
        raise FaultySites(told_once(wrong.faults), verdicts(names, wrong.faults, wrong.of_tables))
    return found


def read_tables(settings: Settings, former: ReadConfiguration | None = None) -> ReadConfiguration:
    """The tables of every site as they are on the disk now. What was ``former`` built of the same files is
    taken over, and not remarked again."""
    everyone = asked_by(settings)
    wrong = Wrong()
    remarks = [*settings.remarks]
    source = Tables(settings.mappings, former=former.built if former is not None else None)
    before = former.sites if former is not None else ()
    sites = sites_of(settings, everyone, source, wrong, remarks, before)
    remarks.extend(_unread(settings, everyone, [each.tables for each in sites.values()]))
    source.settle()
    there = {settings.sites[position].id for position in sites}
    return ReadConfiguration(
        settings,
        tuple(sites.get(position) for position in range(len(settings.sites))),
        wrong,
        source.kept().of(there),
        source,
        _first(told_once(remarks)),
    )


def _settings(path: Path, environ: Mapping[str, str], only: str | None) -> Settings:
    try:
        return config.load(path, environ)
    except Faults as broken:
        raise _with_tables(path, broken.faults, only) from None


def _with_tables(path: Path, faults: Sequence[Fault], only: str | None) -> FaultySites:
    """The faults of a configuration, and those of the tables that are meant there."""
    root = _read(path)
    asked, own = _guessed(path, root)
    wrong = Wrong([*faults])
    if only is not None and root is not None:
        asked = [each for each in asked if each.wanted.site == only]
        wrong = Wrong(_of_one_site(root, only, faults))
    built_of(asked, Tables(own), own, wrong)
    names = {position: name for position, name in _names(root).items() if only in (None, name)}
    return FaultySites(told_once(wrong.faults), verdicts(names, wrong.faults, wrong.of_tables))


def _of_one_site(root: MarkedMap, only: str, faults: Sequence[Fault]) -> list[Fault]:
    """The faults of a configuration that are not of another site, and whether there are such."""
    sites = root.get("sites")
    ids = [marked.plain(each) for each in map(_id, sites)] if isinstance(sites, MarkedList) else None
    if ids is None:
        return list(faults)
    if only not in ids:
        raise UnknownSite(only, [name for name in ids if isinstance(name, str)])
    kept = [each for each in faults if _is_of(each, ids.index(only))]
    if len(told_once(faults)) > len(told_once(kept)):
        kept.append(root.mark.fault("there are faults of other sites, which are told without --site"))
    return kept


def _names(root: MarkedMap | None) -> dict[int, str]:
    """The sites of a configuration with faults by their positions: their ids, else where they stand."""
    sites = root.get("sites") if root is not None else None
    ids = [marked.plain(_id(each)) for each in sites.items] if isinstance(sites, MarkedList) else []
    return {
        position: name if isinstance(name, str) and _NAME.fullmatch(name) else f"sites[{position}]"
        for position, name in enumerate(ids)
    }


def _id(site: Node) -> Node:
    found = site.get("id") if isinstance(site, MarkedMap) else None
    return found if found is not None else site


def _is_of(fault: Fault, position: int) -> bool:
    """Whether a fault of the configuration is of the site at that position, or of none alone."""
    return not fault.text.startswith("sites[") or fault.text.startswith(f"sites[{position}]")


def rebuilt(settings: Settings, files: Kept, former: ReadConfiguration | None = None) -> ReadConfiguration:
    """What was read, of ``settings`` and ``files``, without the remarks: a site of which there are no files
    is left out. Looks at no folder. What was ``former`` built of the same files is taken over.

    Raises Faults where another version of the program finds some.
    """
    source = Tables(settings.mappings, files, former.built if former is not None else None)
    there = {site for _, site in files.sites}
    asked = [each for each in asked_by(settings) if each.wanted.site in there]
    wrong = Wrong()
    found = sites_of(settings, asked, source, wrong, former=former.sites if former is not None else ())
    if wrong.faults:
        raise Faults(wrong.faults)
    source.settle()
    return ReadConfiguration(
        settings, tuple(found.get(position) for position in range(len(settings.sites))), wrong, files, source
    )


def _unread(settings: Settings, asked: Sequence[Asked], built: list[SiteTables]) -> list[Fault]:
    own = settings.mappings
    if own is None:
        return []
    if not own.is_dir():
        text = "mappings: there is no such folder yet; only the tables of the package are used"
        return [settings.where(("mappings",)).fault(text)]
    return Tables(own).unread([each.wanted for each in asked], built)


def _read(path: Path) -> MarkedMap | None:
    """The tree of a configuration that may have faults, with what sites share laid under them."""
    try:
        root, _ = marked.read(read_file(path, config.FILE_LIMIT), str(path))
    except (OSError, ValueError):
        return None
    return shared(root).root if root is not None else None


def _guessed(path: Path, root: MarkedMap | None) -> tuple[list[Asked], Path | None]:
    """From a configuration with faults: the sites whose id, dialect and zone can be read all the same."""
    value: Any = marked.plain(root) if root is not None else None
    if root is None or not isinstance(value, dict):
        return [], None
    named = value.get("mappings")
    own = path.absolute().parent / named if isinstance(named, str) else None
    sites = value.get("sites")
    found = [
        _guess(root, position, site) for position, site in enumerate(sites if isinstance(sites, list) else [])
    ]
    return [each for each in found if each is not None], own if own is not None and isdir(own) else None


def _guess(root: MarkedMap, position: int, site: Any) -> Asked | None:
    upstream = site.get("upstream") if isinstance(site, dict) else None
    dialect = upstream.get("dialect") if isinstance(upstream, dict) else None
    name = site.get("id") if isinstance(site, dict) else None
    if not (isinstance(dialect, str) and isinstance(name, str)):
        return None
    if not (_NAME.fullmatch(dialect) and _NAME.fullmatch(name)):
        return None  # the configuration's own faults tell it; such a text is to be no part of a path
    like = site.get("like")
    like = like if isinstance(like, str) and _NAME.fullmatch(like) else None
    try:
        wanted = Wanted(name, dialect, ZoneInfo(str(site.get("timezone"))).key, like)
    except (KeyError, ValueError, OSError):
        wanted = Wanted(name, dialect, "UTC", like)
    mark = find(root, ("sites", position, "upstream", "dialect"))
    return Asked(wanted, mark, position)
