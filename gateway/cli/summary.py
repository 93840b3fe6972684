"""The numbers that ``gateway check`` tells of tables without faults."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.assemble import CheckedConfiguration
from gateway.cli.origins import code_files
from gateway.cli.output import address, known_by
from gateway.config import Settings, Site
from gateway.files.characters import plain_line
from gateway.shipped import folder
from gateway.tables.answer.site import SiteTables
from gateway.tables.read.code_tables import code_tables
from gateway.tables.read.unread_files import LEVELS
from gateway.tables.rows.model import CodeTable, Row, Table

_SITES_NAMED = 3


def summary(found: CheckedConfiguration) -> dict[str, Any]:
    """``sites`` one by one, and ``tables``: the compiled sets of them, which several sites may share."""
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
            }
            for site, tables in pairs
        ],
        "tables": [_tables(found.settings, members) for members in distinct.values()],
        "dialects_not_in_use": _unused(found),
    }


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


def _tables(settings: Settings, members: list[tuple[Site, SiteTables]]) -> dict[str, Any]:
    site, tables = members[0]
    names = [each.id for each, _ in members]
    rows = [(table.name, row) for table in tables.tables.values() for row in table.rows]
    codes = codes_of(settings.mappings, site.upstream.dialect, site.id)
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
        "unchecked": [
            {"row": row.key, "code_table": row.codec.arguments[0]}
            for _, row in rows
            if row.unmapped == "unchecked" and not counts.get(row.codec.arguments[0])
        ],
    }


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


def codes_of(own: Path | None, dialect: str, site: str) -> dict[str, CodeTable]:
    """The effective code tables of a site; ``own`` is the folder that stands over the shipped one."""
    return code_tables(code_files(own, dialect, site), [])
