"""The tables of the sites of a configuration, each for itself: built, or what is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.assemble.clients import Misfit, credentials_of
from gateway.assemble.verdicts import Wrong
from gateway.config import Settings
from gateway.config.settings import Site, Upstream
from gateway.files.marked import Fault, Faults, Mark, did_you_mean
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables, Wanted


@dataclass(frozen=True, slots=True)
class Sited:
    """The tables of a site, and what its FHIR clients see; None where it has none. ``built`` are the tables
    without what they know of the site's upstream."""

    tables: SiteTables
    fhir_server: FhirServerTables | None
    built: SiteTables | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which tables a site needs; ``mark`` is where the configuration names the dialect."""

    wanted: Wanted
    mark: Mark
    position: int


def wanted_by(site: Site) -> Wanted:
    """The tables that a site needs."""
    return Wanted(site.id, site.upstream.dialect, site.timezone, site.like)


def asked_by(settings: Settings) -> list[Asked]:
    """The tables of all sites, in their order."""
    return [
        Asked(wanted_by(site), settings.where(("sites", position, "upstream", "dialect")), position)
        for position, site in enumerate(settings.sites)
    ]


def sites_of(
    settings: Settings,
    asked: Sequence[Asked],
    source: Tables,
    wrong: Wrong,
    remarks: list[Fault] | None = None,
    former: Sequence[Sited | None] = (),
) -> dict[int, Sited]:
    """The tables of those of the ``asked`` sites, by their positions, that have nothing wrong; what is
    goes into ``wrong``. ``remarks`` of None: nobody wants them. What is as it was before (``former``) is that
    itself, and is not remarked again."""
    before = {position: each for position, each in enumerate(former) if each is not None}
    known = {position: each.built for position, each in before.items()}
    built = built_of(asked, source, settings.mappings, wrong, remarks, known)
    found: dict[int, Sited] = {}
    for position, tables in built.items():
        site = settings.sites[position]
        wrong.misfits(position, _misfits(settings, position, site.upstream, tables))
        fhir_server = None
        if site.fhir is not None:
            try:
                fhir_server = source.fhir_server(wanted_by(site))
            except Faults as faults:
                wrong.tables(position, faults.faults)
        if position in wrong.of_tables or position in wrong.of_settings:
            continue
        same = before.get(position)
        if same is not None and same.built is tables and same.fhir_server is fhir_server:
            found[position] = same
        else:
            found[position] = _of_upstream(site, tables, fhir_server)
    return found


def built_of(
    asked: Sequence[Asked],
    tables: Tables,
    own: Path | None,
    wrong: Wrong,
    remarks: list[Fault] | None = None,
    known: Mapping[int, SiteTables | None] | None = None,
) -> dict[int, SiteTables]:
    """The tables of the sites by their position; what is wrong with any of them goes into ``wrong``. Those
    that are ``known`` are not remarked."""
    dialects = tables.dialects()
    built: dict[int, SiteTables] = {}
    failed: dict[tuple[str, str, str | None], tuple[Fault, ...]] = {}
    for each in asked:
        wanted = each.wanted
        if wanted.dialect not in dialects:
            near = did_you_mean(wanted.dialect, dialects)
            text = f"sites[{each.position}].upstream.dialect: there is no such dialect; {near}"
            wrong.misfits(each.position, [each.mark.fault(text)])
            wrong.tables(each.position, tables.meant(wanted))
            continue
        same = (wanted.dialect, wanted.zone, wanted.like)
        alone = own is not None and (own / "sites" / wanted.site).is_dir()
        if same in failed and not alone:
            wrong.tables(each.position, failed[same])  # the same files again
            continue
        try:
            made = built[each.position] = tables.build(wanted)
            if remarks is not None and (known or {}).get(each.position) is not made:
                remarks.extend(tables.remarks(wanted, made))
        except Faults as found:
            wrong.tables(each.position, found.faults)
            if not alone:
                failed[same] = found.faults
    return built


def _of_upstream(site: Site, tables: SiteTables, fhir_server: FhirServerTables | None) -> Sited:
    """The tables with what they need to know of the upstream that the site speaks to, and with the hash of
    all that answers: the searches of FHIR clients may be of files that the rest is not of."""
    told = tables.hash
    if fhir_server is not None and fhir_server.layer:
        told = hashlib.sha256(f"{told} {fhir_server.layer}".encode()).hexdigest()[: len(told)]
    upstream = site.upstream
    whole = replace(tables, hash=told, max_pages=upstream.max_pages, base_url=upstream.base_url)
    return Sited(whole, fhir_server, tables)


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
