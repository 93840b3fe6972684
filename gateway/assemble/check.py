"""Everything that is wrong with a configuration and the tables of all its sites, found in one go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os.path import isdir
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway import config
from gateway.assemble.clients import Misfit, credentials_of
from gateway.assemble.verdicts import FaultySites, Wrong, verdicts
from gateway.config import Settings
from gateway.config.settings import Site, Upstream
from gateway.config.shared import shared, told_once
from gateway.core.told import MOST_TOLD
from gateway.files import marked
from gateway.files.marked import Fault, Faults, Mark, MarkedList, MarkedMap, Node, did_you_mean, find
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


class UnknownSite(Exception):
    """A site was asked for that the configuration does not have; ``names`` are those that it has."""

    def __init__(self, wanted: str | None, names: Sequence[str]) -> None:
        super().__init__(wanted)
        self.names = tuple(names)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which tables a site needs; ``mark`` is where the configuration names the dialect."""

    wanted: Wanted
    mark: Mark
    position: int


def check_configuration(
    path: Path, environ: Mapping[str, str], only: str | None = None, *, mappings: Path | None = None
) -> CheckedConfiguration:
    """Read the configuration and build the tables of every site, or of the one whose id is ``only``;
    ``mappings``: of that folder, in place of the configuration's own.

    Raises :class:`FaultySites` with everything that is wrong in any file. Where the configuration itself is
    faulty the tables are still looked at, as far as it can be told which ones are meant. UnknownSite: there
    is no such one. With ``only`` nothing is told of others but that there is something to tell.
    """
    try:
        settings = config.load(path, environ)
    except Faults as broken:
        raise _with_tables(path, broken.faults, only) from None
    if mappings is not None:
        settings = settings.model_copy(update={"mappings": mappings.absolute()})
    return check_settings(settings, only)


def check_settings(settings: Settings, only: str | None = None) -> CheckedConfiguration:
    """As :func:`check_configuration`, of a configuration that was read already."""
    everyone = [
        _Asked(_wanted(site), settings.where(("sites", position, "upstream", "dialect")), position)
        for position, site in enumerate(settings.sites)
    ]
    asked = [each for each in everyone if only in (None, each.wanted.site)]
    if not asked:
        raise UnknownSite(only, [site.id for site in settings.sites])
    wrong = Wrong()
    remarks = [each for each in settings.remarks if only is None or _is_of(each, asked[0].position)]
    source = Tables(settings.mappings)
    built = _tables(asked, source, settings.mappings, wrong, remarks)
    if settings.mappings is not None:
        strays = _unread(settings, settings.mappings, everyone, list(built.values()))
        folder = f"{shown(settings.mappings / 'sites' / str(only))}/"
        remarks.extend(each for each in strays if only is None or each.file.startswith(folder))
    for position, site in enumerate(settings.sites):
        if position in built:
            wrong.faults.extend(_misfits(settings, position, site.upstream, built[position]))
    names = {each.position: each.wanted.site for each in asked}
    if only is not None:
        settings = settings.model_copy(update={"sites": (settings.sites[asked[0].position],)})
        built = dict(enumerate(built.values()))
    fhir_servers = _fhir_servers(settings, source, built, wrong)
    if wrong.faults:
        raise FaultySites(told_once(wrong.faults), verdicts(names, wrong.faults, wrong.of_tables))
    return CheckedConfiguration(
        settings, _of_upstream(settings, built), fhir_servers, source.kept(), _first(told_once(remarks))
    )


def _first(remarks: Sequence[Fault]) -> tuple[Fault, ...]:
    """As many as a person reads: a folder named by mistake may hold any number of other files."""
    if len(remarks) <= MOST_TOLD:
        return tuple(remarks)
    beyond = remarks[MOST_TOLD]
    text = f"and {len(remarks) - MOST_TOLD:,} more remarks; only the first {MOST_TOLD} are told"
    return (*remarks[:MOST_TOLD], replace(beyond, text=text))


def _with_tables(path: Path, faults: Sequence[Fault], only: str | None) -> FaultySites:
    """The faults of a configuration, and those of the tables that are meant there."""
    root = _read(path)
    asked, own = _guessed(path, root)
    wrong = Wrong([*faults])
    if only is not None and root is not None:
        asked = [each for each in asked if each.wanted.site == only]
        wrong = Wrong(_of_one_site(root, only, faults))
    _tables(asked, Tables(own), own, wrong, [])
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


def rebuilt(settings: Settings, files: Kept) -> CheckedConfiguration:
    """What was checked, of ``settings`` and ``files``, without the remarks. Looks at no folder.

    Raises Faults where another version of the program finds some.
    """
    source = Tables(settings.mappings, files)
    built = {position: source.build(_wanted(site)) for position, site in enumerate(settings.sites)}
    wrong = Wrong()
    fhir_servers = _fhir_servers(settings, source, built, wrong)
    if wrong.faults:
        raise Faults(wrong.faults)
    return CheckedConfiguration(settings, _of_upstream(settings, built), fhir_servers, files)


def _wanted(site: Site) -> Wanted:
    return Wanted(site.id, site.upstream.dialect, site.timezone, site.like)


def _unread(settings: Settings, own: Path, asked: Sequence[_Asked], built: list[SiteTables]) -> list[Fault]:
    if not own.is_dir():
        text = "mappings: there is no such folder yet; only the tables of the package are used"
        return [settings.where(("mappings",)).fault(text)]
    return Tables(own).unread([each.wanted for each in asked], built)


def _fhir_servers(
    settings: Settings, tables: Tables, built: Mapping[int, SiteTables], wrong: Wrong
) -> tuple[FhirServerTables | None, ...]:
    """The FHIR side of the sites that have one."""
    fhir_servers: list[FhirServerTables | None] = []
    for position, site in enumerate(settings.sites):
        fhir_server = None
        if site.fhir is not None and position in built:
            try:
                fhir_server = tables.fhir_server(_wanted(site))
            except Faults as found:
                wrong.tables(position, found.faults)
        fhir_servers.append(fhir_server)
    return tuple(fhir_servers)


def _tables(
    asked: Sequence[_Asked], tables: Tables, own: Path | None, wrong: Wrong, remarks: list[Fault]
) -> dict[int, SiteTables]:
    """The tables of the sites by their position; what is wrong with any of them goes into ``wrong``."""
    dialects = tables.dialects()
    built: dict[int, SiteTables] = {}
    failed: dict[tuple[str, str, str | None], tuple[Fault, ...]] = {}
    for each in asked:
        wanted = each.wanted
        if wanted.dialect not in dialects:
            near = did_you_mean(wanted.dialect, dialects)
            text = f"sites[{each.position}].upstream.dialect: there is no such dialect; {near}"
            wrong.tables(each.position, [each.mark.fault(text), *tables.meant(wanted)])
            continue
        same = (wanted.dialect, wanted.zone, wanted.like)
        alone = own is not None and (own / "sites" / wanted.site).is_dir()
        if same in failed and not alone:
            wrong.tables(each.position, failed[same])  # the same files again
            continue
        try:
            built[each.position] = tables.build(wanted)
            remarks.extend(tables.remarks(wanted, built[each.position]))
        except Faults as found:
            wrong.tables(each.position, found.faults)
            if not alone:
                failed[same] = found.faults
    return built


def _of_upstream(settings: Settings, built: Mapping[int, SiteTables]) -> tuple[SiteTables, ...]:
    """The tables with what they need to know of the upstream that each site speaks to."""
    return tuple(
        replace(built[position], max_pages=site.upstream.max_pages, base_url=site.upstream.base_url)
        for position, site in enumerate(settings.sites)
    )


def _misfits(settings: Settings, position: int, upstream: Upstream, tables: SiteTables) -> list[Fault]:
    """Keys of ``upstream`` that its dialect's kind of upstream needs and has not, or has no use for."""
    kind = tables.dialect.upstream
    wrong: list[tuple[str, str]] = []
    if kind == "redox":
        if upstream.destination_id is None:
            wrong.append(("destination_id", "is missing; a query to Redox names the destination it is for"))
        if upstream.auth not in ("signed-assertion", "api-key"):
            wrong.append(("dialect", "Redox wants client_id, token_url, key_id and private_key (or api_key)"))
        elif upstream.auth == "signed-assertion" and upstream.token_url is None:
            text = "is missing; Redox's is https://api.redoxengine.com/v2/auth/token"
            wrong.append(("token_url", text))
    else:
        for key in ("source_id", "destination_id", "requests_per_five_minutes", "api_key"):
            if getattr(upstream, key) is not None:
                text = f'is for Redox; the upstream of dialect "{upstream.dialect}" is a FHIR server'
                wrong.append((key, text))
    try:
        credentials_of(upstream, tables.dialect)
    except Misfit as misfit:
        wrong.append((misfit.key, str(misfit)))
    return [
        settings.where(("sites", position, "upstream", key)).fault(
            f"sites[{position}].upstream.{key}: {text}"
        )
        for key, text in wrong
    ]


def _read(path: Path) -> MarkedMap | None:
    """The tree of a configuration that may have faults, with what sites share laid under them."""
    try:
        root, _ = marked.read(read_file(path, config.FILE_LIMIT), str(path))
    except (OSError, ValueError):
        return None
    return shared(root).root if root is not None else None


def _guessed(path: Path, root: MarkedMap | None) -> tuple[list[_Asked], Path | None]:
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


def _guess(root: MarkedMap, position: int, site: Any) -> _Asked | None:
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
    return _Asked(wanted, mark, position)
