"""Tables as values that can be shown: rows and cells with their origin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gateway import config
from gateway.assemble import check_configuration
from gateway.cli import output
from gateway.offline import origins
from gateway.sheets.book import Book, Files, book
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables, Wanted
from gateway.tables.read.code_tables import code_tables
from gateway.tables.read.errors import ERROR_COLUMNS, ErrorRow
from gateway.tables.read.layers import Source
from gateway.tables.rows.model import CodeTable, Example, Row, Table

Json = dict[str, Any]


NO_SITE = "-"  # what no site can be called: so no site's layer

_ZONE = "America/Los_Angeles"  # of examples that name none


@dataclass(frozen=True, slots=True)
class View:
    """The tables of one site and its code tables, by name; and the files that they come from."""

    whose: str
    made: SiteTables
    code_tables: Mapping[str, CodeTable]
    yaml: tuple[Source, ...]
    csv: tuple[Source, ...]
    own: tuple[Source, ...]

    def tables(self) -> dict[str, Json]:
        """Every table's name, how many rows it has, and what it is."""
        known = {
            name: {"rows": len(table.rows), "about": _about(table)}
            for name, table in self.made.tables.items()
        }
        known["errors"] = {"rows": len(self.made.errors), "about": "what is said of an upstream's failures"}
        settings = len(origins.settings(self.yaml))
        known["dialect"] = {"rows": settings, "about": "paging, joins, which searches"}
        known["schedules"] = {"rows": len(self.made.schedules), "about": "the site's schedules.csv"}
        for name, codes in sorted(self.code_tables.items()):
            known[name] = {
                "rows": len(origins.code_lines(self.csv, codes)),
                "about": "code table, codes/" + name + ".csv",
            }
        return known

    def table(self, name: str) -> Json:
        """One of them: ``rows``, each with ``key``, ``origin`` and ``cells``."""
        if name in self.made.tables:
            table = self.made.tables[name]
            rows = [_row(row) for row in table.rows]
            return {"table": name, "about": _about(table), "rows": rows, "dropped": self._dropped(table)}
        if name == "errors":
            return {"table": name, "rows": [_error(row) for row in self.made.errors]}
        if name == "dialect":
            return {"table": name, "rows": [_setting(each) for each in origins.settings(self.yaml)]}
        if name == "schedules":
            lines = origins.schedule_lines(self.own, self.made.schedules)
            return {"table": name, "rows": [_line(each, "schedule") for each in lines]}
        lines = origins.code_lines(self.csv, self.code_tables[name])
        return {"table": name, "rows": [_line(each, "redox_code") for each in lines]}

    def book(self) -> Book:
        """All of them, with the origin of each cell."""
        return book(self.whose, self.made, self.code_tables, Files(self.yaml, self.csv, self.own))

    def _dropped(self, table: Table) -> list[Json]:
        return [
            {"key": each.key, "layer": each.layer, "origin": _place(each.mark), "because": each.because}
            for each in origins.dropped(self.yaml, table.name)
            if table.row(each.key) is None
        ]

    def codes(self) -> dict[str, str]:
        """The generated source by the name of its table."""
        return {
            "available-slots.answer": self.made.answer.code,
            "available-slots.query": self.made.query.code,
            "directory": self.made.resources.code,
        }


def of_dialect(own: Path | None, dialect: str, site: str = NO_SITE) -> View:
    """The tables of a dialect: the package's, and those of the folder ``own`` over them. Raises Faults for
    tables that are faulty, and for a dialect that there is not."""
    return _view(Tables(own).build(Wanted(site, dialect, "UTC")), own, dialect, site)


def configured(chosen: output.Chosen, wanted: str | None, dialect: str | None) -> tuple[View, str]:
    """The tables of a site of a configuration, the first one if none is wanted, and whose they are.

    With ``dialect``: those of that dialect, with the folder that the configuration names, and without the
    layer of any site. Raises Faults; UnknownSite.
    """
    if dialect is not None:
        own = config.load(chosen.path, chosen.environ).mappings
        return of_dialect(own, dialect), f"{chosen.name}, dialect {dialect} without a site"
    found = check_configuration(chosen.path, chosen.environ, wanted)
    site, others = found.settings.sites[0], len(found.settings.sites) - 1
    view = _view(found.tables[0], found.settings.mappings, site.upstream.dialect, site.id, site.like)
    more = f" (the first of {others + 1}; --site chooses)" if others and wanted is None else ""
    return view, f"{chosen.name}, site {site.id}{more}"


def _view(made: SiteTables, own: Path | None, dialect: str, site: str, like: str | None = None) -> View:
    csv = tuple(origins.code_files(own, dialect, site, like))
    beside = tuple(origins.schedule_files(own, dialect, site, like))
    yaml = tuple(origins.yaml_files(own, dialect, site, like))
    whose = site if site != NO_SITE else f"dialect {dialect}"
    return View(whose, made, code_tables(csv, []), yaml, csv, beside)


def _about(table: Table) -> str:
    sides = [
        f"Redox {table.redox}" if table.redox else "",
        f"FHIR {', '.join(table.fhir)}" if table.fhir else "",
    ]
    return " <-> ".join(filter(None, sides))


def _row(row: Row) -> Json:
    told = {
        "fhir": ", ".join(map(str, row.fhir)),
        "with": ", ".join(row.with_),
        "ignore": ", ".join(row.ignore),
        "unless": ", ".join(row.unless),
        "example": _examples(row),
        "examples": _examples(row),
    }
    cells = [
        {
            "cell": name,
            "layer": cell.layer,
            "origin": _place(cell.mark),
            "value": told.get(name, cell.text),
        }
        for name, cell in row.cells.items()
    ]
    return {"key": row.key, "layer": row.layer, "origin": _place(row.mark), "cells": cells}


def _examples(row: Row) -> str:
    """``redox: 1, with: hour, param: 60; ...``, as a row has them."""
    return "; ".join(map(_example, row.examples))


def _example(example: Example) -> str:
    told = [
        f"{side}: {value if isinstance(value, str) else '[' + ', '.join(value) + ']'}"
        for side, value in example.sides.items()
    ]
    if example.with_:
        told.insert(1, f"with: {', '.join(example.with_)}")
    if example.zone != _ZONE:
        told.append(f"zone: {example.zone}")
    return ", ".join(told)


def _setting(setting: origins.Setting) -> Json:
    values = {"key": setting.key, "value": setting.value}
    return {"key": setting.key, "layer": setting.layer, "origin": _place(setting.mark), "values": values}


def _error(row: ErrorRow) -> Json:
    values = {name: getattr(row, name) for name in ERROR_COLUMNS}
    key = " ".join(filter(None, (row.failure, row.at, row.http, row.code, row.reason)))
    return {"key": key, "layer": row.layer, "origin": _place(row.mark), "values": values}


def _line(line: origins.LineInForce, key: str) -> Json:
    place = {"layer": line.layer, "origin": _place(line.mark)}
    return {"key": line.cells[key], **place, "values": dict(line.cells)}


def _place(mark: Any) -> str:
    return origins.shown_place(f"{mark.file}:{mark.line}")


def lines_of(table: Json) -> Iterator[str]:
    """The table for a terminal: aligned, long texts last."""
    rows = table["rows"]
    yield click.style(table["table"], bold=True) + (f"  {table['about']}" if table.get("about") else "")
    if rows and "cells" in rows[0]:
        rows = [*rows, *map(_as_row, table["dropped"])]
        cells = [cell for row in rows for cell in row["cells"]]
        widths = [max((len(cell[name]) for cell in cells), default=0) for name in ("cell", "layer", "origin")]
        for row in rows:
            yield ""
            yield click.style(row["key"], bold=True)
            for cell in row["cells"]:
                place = click.style(f"{cell['layer']:<{widths[1]}}  {cell['origin']:<{widths[2]}}", dim=True)
                yield f"  {cell['cell']:<{widths[0]}}  {place}  {cell['value']}".rstrip()
        return
    yield from _columns(rows)


def _as_row(dropped: Json) -> Json:
    cell = {"cell": "dropped", "value": dropped["because"], **dropped}
    return {"key": dropped["key"], "cells": [cell]}


def _columns(rows: list[Json]) -> Iterator[str]:
    every = dict.fromkeys(name for row in rows for name in row["values"])
    names = [name for name in every if any(row["values"].get(name) for row in rows)]
    origins = [f"{row['layer']}  {row['origin']}" if "origin" in row else "" for row in rows]
    widths = {name: max(len(name), *(len(row["values"].get(name) or "") for row in rows)) for name in names}
    if names:
        yield click.style("  ".join(f"{name:<{widths[name]}}" for name in names).rstrip(), bold=True)
    for row, origin in zip(rows, origins, strict=True):
        cells = "  ".join(f"{row['values'].get(name) or '':<{widths[name]}}" for name in names)
        yield (cells + ("  " + click.style(origin, dim=True) if origin else "")).rstrip()
