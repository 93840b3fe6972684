"""The numbers that ``gateway check`` tells of tables without faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from gateway.assemble import CheckedConfiguration
from gateway.cli.output import address, known_by
from gateway.config import Settings, Site
from gateway.config.cross import is_loopback
from gateway.files.characters import plain_line
from gateway.offline.origins import as_shipped, code_files, examples_in_force
from gateway.shipped import folder
from gateway.tables.answer.passed_over import WISHES
from gateway.tables.answer.site import SiteTables
from gateway.tables.check.table import DIRECTORY, QUERY
from gateway.tables.read.code_tables import code_tables
from gateway.tables.read.folders import Sources
from gateway.tables.read.unread_files import LEVELS
from gateway.tables.rows.model import CodeTable, Row, Table
from gateway.web.forwarded import UNIX

_SITES_NAMED = 3


def summary(found: CheckedConfiguration, *, whole: bool = True) -> dict[str, Any]:
    """``sites`` one by one, and ``tables``: the compiled sets of them, which several sites may share.
    ``whole``: the sites are all that there are."""
    pairs = list(zip(found.settings.sites, found.tables, strict=True))
    distinct: dict[tuple[Any, ...], list[tuple[Site, SiteTables]]] = {}
    for site, tables in pairs:
        distinct.setdefault((id(tables.query), site.timezone), []).append((site, tables))
    return {
        "sites": [
            {
                "id": site.id,
                "dialect": site.upstream.dialect,
                "upstream": tables.dialect.upstream,
                "address": address(site.upstream),
                "known_by": known_by(site.upstream),
                "answers": _answers(site),
                "timezone": site.timezone,
                "schedules": len(tables.schedules),
                "tables": tables.hash,
                "examples_in_force": examples_in_force(_sources(found, site)),
                "unchecked_columns": _unchecked_columns(tables),
            }
            for site, tables in pairs
        ],
        "tables": [_tables(_sources(found, members[0][0]), members) for members in distinct.values()],
        "dialects_not_in_use": _unused(found) if whole else [],
        "need_public_url": _need_public_url(found.settings),
    }


def _need_public_url(settings: Settings) -> list[str]:
    """The sites whose FHIR clients may be given links that do not lead back: behind a proxy the Host header
    has how that calls us, and what it says of the address that was asked is believed if it is trusted."""
    server = settings.server
    here = is_loopback(server.host)
    direct = server.tls is not None and not here
    # Who can be in front of a listener on this machine alone is on this machine; of any other, elsewhere.
    believed = any(_on_this_machine(each) == here for each in server.trusted_proxies)
    needless = server.public_url is not None or direct or believed
    return [site.id for site in settings.sites if site.fhir is not None and not needless]


def _on_this_machine(proxy: str) -> bool:
    return proxy == UNIX or ip_network(proxy).is_loopback


def _unused(found: CheckedConfiguration) -> list[str]:
    """The folders of dialects of the clinic's own that no site speaks: one in the making, or a slip."""
    own = found.settings.mappings
    if own is None or not own.is_dir() or own.resolve() == folder("mappings"):
        return []
    used = {site.upstream.dialect for site in found.settings.sites}
    used |= {tables.dialect.clients for tables in found.tables}
    names = (each.name for each in own.iterdir() if each.is_dir())
    return sorted(plain_line(name) for name in names if name not in used.union(LEVELS))


def _answers(site: Site) -> list[str]:
    """Who may ask the site."""
    return [name for name, side in (("redox", site.redox), ("fhir", site.fhir)) if side is not None]


def _sources(found: CheckedConfiguration, site: Site) -> Sources:
    return found.files.site(site.upstream.dialect, site.id, site.like, [])


def _tables(sources: Sources, members: list[tuple[Site, SiteTables]]) -> dict[str, Any]:
    tables = members[0][1]
    names = [each.id for each, _ in members]
    rows = [(table.name, row) for table in tables.tables.values() for row in table.rows]
    codes = tables.context.codes
    counts = {name: len(table.to_fhir) or len(table.to_redox) for name, table in sorted(codes.items())}
    return {
        "hash": tables.hash,
        "sites": [*names[:_SITES_NAMED], *(["..."] if len(names) > _SITES_NAMED else [])],
        "field_tables": [_table(table) for table in tables.tables.values()],
        "examples": sum(len(row.examples) for _, row in rows),
        "lossless": sum(1 for _, row in rows if row.examples and row.loses is None),
        "without_example": sum(1 for _, row in rows if not (row.examples or row.ignore)),
        "lossy": [_lossy(name, row) for name, row in rows if row.loses is not None and row.examples],
        "lossy_without_example": [
            _lossy(name, row) for name, row in rows if row.loses is not None and not row.examples
        ],
        "code_tables": counts,
        "as_shipped": as_shipped(sources.csv),
        "unchecked": [
            {"row": row.key, "code_table": row.codec.arguments[0]}
            for _, row in rows
            if row.unmapped == "unchecked" and not counts.get(row.codec.arguments[0])
        ],
        "not_looked_at": [
            field
            for name, row in rows
            for field in row.ignore
            if name == QUERY and row.wish and not row.unless and field.startswith(WISHES)
        ],
        "untranslated": [
            {"row": row.key, "code_table": row.codec.arguments[0], "unmapped": row.unmapped}
            for _, row in rows
            if row.select is not None and _empty(row, counts)
        ],
    }


def _empty(row: Row, counts: Mapping[str, int]) -> bool:
    """Whether a row looks codes up in a table without lines, and does not say that it then is unchecked."""
    return (
        row.codec.name in ("code", "token")
        and row.unmapped != "unchecked"
        and not counts.get(row.codec.arguments[0])
    )


def _unchecked_columns(tables: SiteTables) -> list[dict[str, Any]]:
    """Rows that choose schedules by a column of which the site's own lines say nothing, so that such a wish
    is left unchecked; ``ehr``: unless the EHR says something there."""
    filled = {column for line in tables.schedules for column, cell in line.items() if cell}
    upstream = tables.dialect.directory == "upstream"
    told = {row.directory for row in tables.tables[DIRECTORY].rows if upstream and row.fhir and row.to_redox}
    return [
        {"row": row.key, "column": row.select, "ehr": row.select in told}
        for row in tables.tables[QUERY].rows
        if row.others and row.to_fhir and row.select not in filled
    ]


def _lossy(table: str, row: Row) -> dict[str, Any]:
    return {"table": table, "row": row.key, "loses": row.loses}


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "rows": len(table.rows),
        "both": _count(table.rows, lambda row: row.way == "both" and not row.ignore),
        "one_way": _count(table.rows, lambda row: row.way != "both" and not row.ignore),
        "ignore": _count(table.rows, lambda row: bool(row.ignore)),
    }


def _count(rows: Iterable[Row], wanted: Any) -> int:
    return sum(1 for row in rows if wanted(row))


def codes_of(own: Path | None, dialect: str, site: str, like: str | None = None) -> dict[str, CodeTable]:
    """The effective code tables of a site; ``own`` is the folder that stands over the shipped one."""
    return code_tables(code_files(own, dialect, site, like), [])
