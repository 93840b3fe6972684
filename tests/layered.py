"""A clinic's own folder over the shipped tables, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gateway.files.marked import Faults
from gateway.shipped import folder as shipped
from gateway.tables.build import Tables, Wanted

QUERY = "over: available-slots.query\nrows:\n"
ANSWER = "over: available-slots.answer\nrows:\n"
DIRECTORY = "over: directory\nrows:\n"


def put(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def faults(folder: Path, files: Mapping[str, str], dialect: str = "canvas") -> list[str]:
    """The faults of the site ``clinic``, whose files may be named without its folder. Places in shipped
    files are told without their line, so that a comment there moves none."""
    put(folder / "sites" / "clinic", files)
    try:
        Tables(folder).build(Wanted("clinic", dialect, "America/Los_Angeles"))
    except Faults as wrong:
        return [_short(str(fault), folder) for fault in wrong.faults]
    return []


def _short(text: str, folder: Path) -> str:
    text = text.replace(f"{folder}/sites/clinic/", "").replace(f"{folder}/", "")
    text = text.replace(str(shipped("mappings")), "mappings")
    return re.sub(r"mappings/(\S+?\.yaml):\d+:\d+", r"\1", text)
