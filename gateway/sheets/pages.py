"""A book as text: Markdown, HTML, CSV, JSON."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

from gateway.files.cells import csv_text
from gateway.sheets.book import ORIGIN_COLUMNS, Book, Line, Sheet

_STYLE = (
    ":root{color-scheme:light dark}body{font:14px/1.4 system-ui,sans-serif;margin:2rem}"
    "table{border-collapse:collapse;margin-bottom:2rem}th,td{border:1px solid #8888;padding:.2rem .5rem;"
    "text-align:left;vertical-align:top}td.origin{opacity:.75;white-space:nowrap}"
)


def as_json(book: Book) -> dict[str, Any]:
    """The book as JSON has it."""
    return {
        "site": book.site,
        "hash": book.hash,
        "tables": [
            {
                "table": sheet.name,
                "kind": sheet.kind,
                "lines": [_json_line(sheet, each) for each in sheet.lines],
            }
            for sheet in book.sheets
        ],
    }


def _json_line(sheet: Sheet, line: Line) -> dict[str, Any]:
    cells = dict(zip(sheet.columns, line.cells, strict=True))
    return {"layer": line.layer, "origin": line.origin, "cells": cells}


def as_csv(book: Book) -> str:
    """One line for each cell that says something, since the tables have columns of their own."""
    lines = [["table", "row", "cell", "value", *ORIGIN_COLUMNS]]
    for sheet in book.sheets:
        for line in sheet.lines:
            for row, cell, value in _cells(sheet, line):
                lines.append([sheet.name, row, cell, value, line.layer, line.origin])
    return csv_text(lines)


def _cells(sheet: Sheet, line: Line) -> Iterator[tuple[str, str, str]]:
    if sheet.kind == "fields":
        row, cell, value = line.cells
        yield row, cell, value
    elif sheet.kind == "dialect":
        yield line.cells[0], "", line.cells[1]
    else:
        for name, value in zip(sheet.columns, line.cells, strict=True):
            if value:
                yield line.cells[0], name, value


def as_markdown(book: Book) -> str:
    """A heading and a table for each, for a person."""
    text = [f"# Tables of {book.site}\n", f"Hash: `{book.hash}`\n"]
    for sheet in book.sheets:
        columns = _used(sheet)
        text.append(f"## {sheet.name}\n")
        text.append(_markdown_line([*(sheet.columns[each] for each in columns), *ORIGIN_COLUMNS]))
        text.append("|" + "---|" * (len(columns) + len(ORIGIN_COLUMNS)))
        for line in sheet.lines:
            text.append(_markdown_line([*(line.cells[each] for each in columns), line.layer, line.origin]))
        text.append("")
    return "\n".join(text)


def _markdown_line(cells: list[str]) -> str:
    return "| " + " | ".join(map(_markdown, cells)) + " |"


def _markdown(text: str) -> str:
    """A text as it is, in a cell: nothing of it is taken for a bar, a tag, a link or an emphasis."""
    escaped = "".join(f"\\{sign}" if sign in "\\`*_[]|~" else sign for sign in html.escape(text, quote=False))
    return escaped.replace("\n", "<br>")


def as_html(book: Book) -> str:
    """The same as a page that needs nothing else."""
    title = html.escape(f"Tables of {book.site}")
    text = [
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>",
        f"<p>Hash: <code>{html.escape(book.hash)}</code></p>",
    ]
    for sheet in book.sheets:
        columns = _used(sheet)
        names = [*(sheet.columns[each] for each in columns), *ORIGIN_COLUMNS]
        text.append(f"<h2>{html.escape(sheet.name)}</h2>\n<table><thead><tr>")
        text.append("".join(f'<th scope="col">{html.escape(name)}</th>' for name in names))
        text.append("</tr></thead><tbody>")
        for line in sheet.lines:
            cells = "".join(f"<td>{html.escape(line.cells[each])}</td>" for each in columns)
            place = "".join(
                f'<td class="origin">{html.escape(each)}</td>' for each in (line.layer, line.origin)
            )
            text.append(f"<tr>{cells}{place}</tr>")
        text.append("</tbody></table>")
    return "\n".join([*text, "</body></html>", ""])


def _used(sheet: Sheet) -> list[int]:
    """The columns in which something stands; all where nothing does."""
    used = [n for n in range(len(sheet.columns)) if any(line.cells[n] for line in sheet.lines)]
    return used or list(range(len(sheet.columns)))
