"""A case as a folder has it: the message, what the upstream answers, the expected searches and answer.

::

    cases/<name>/
      request.json      a Redox message; or search.txt, a FHIR search ("Slot?start=...")
      case.yaml         site, now (the time of the answer), note; each may be left out
      upstream/*.json   what the upstream answers (gateway/offline/replayed.py)
      searches.json     expected: the searches, or the queries to Redox
      answer.json       expected: {"status": 200, "body": {...}}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.core.window import parse_instant
from gateway.files import marked
from gateway.files.marked import Fault, Faults, Mark, MarkedMap, MarkedText, did_you_mean
from gateway.files.regular import read_file
from gateway.offline.replayed import Recorded, read

REQUEST, SEARCH, ABOUT = "request.json", "search.txt", "case.yaml"
SEARCHES, ANSWER, UPSTREAM = "searches.json", "answer.json", "upstream"
USUAL_NOW: Final = datetime(2025, 1, 6, 12, tzinfo=UTC)
"""A Monday: the time of the answer of a case that names none, and whose message does not."""
_KEYS = ("site", "now", "note")
_MOST_BYTES = 16 * 1024 * 1024

Json = Any


@dataclass(frozen=True, slots=True)
class Case:
    """One case. Either ``message``, the bytes of a Redox message, or ``search``, the text of a FHIR search.
    ``site`` is empty where the message's destination says it; ``searches`` and ``answer`` are what is
    expected, None where nothing is written yet."""

    name: str
    folder: Path
    message: bytes | None
    search: str | None
    site: str
    now: datetime
    upstream: tuple[Recorded, ...]
    searches: Json
    answer: Json


def cases(folder: Path) -> list[Case]:
    """The cases below a folder ``cases/``, by name. :class:`Faults` with everything that is wrong in any."""
    found, faults = [], list[Fault]()
    names = sorted(each for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
    for each in names:
        if each.name.startswith((".", "_")):
            continue
        try:
            found.append(read_case(each))
        except Faults as wrong:
            faults.extend(wrong.faults)
    if faults:
        raise Faults(faults)
    return found


class NoSuchCase(ValueError):
    """There is no case of that name; the text says where none is."""


def chosen_cases(tables: Path | None, folder: Path | None, names: Sequence[str]) -> list[Case]:
    """The cases of ``folder``, else those that stand beside the ``tables``; of these the ones that are named,
    or all. :class:`Faults` as of :func:`cases`; NoSuchCase."""
    place = folder if folder is not None else (tables / "cases" if tables is not None else None)
    known = cases(place) if place is not None else []
    if missing := [name for name in names if name not in {each.name for each in known}]:
        text = f'There is no case "{missing[0]}" in {place or "the shipped tables"}'
        near = did_you_mean(missing[0], [each.name for each in known])
        raise NoSuchCase(f"{text}; {near}" if near else f"{text}.")
    return [each for each in known if not names or each.name in names]


def read_case(folder: Path) -> Case:
    """The case of a folder. :class:`Faults` for files that are not of this form."""
    faults: list[Fault] = []
    site, now = _about(folder / ABOUT, faults)
    message, search = _asked(folder, faults)
    upstream: tuple[Recorded, ...] = ()
    try:
        upstream = tuple(read(folder / UPSTREAM))
    except (OSError, ValueError) as error:
        faults.append(_at(folder / UPSTREAM, str(error)))
    searches, answer = (_expected(folder / name, faults) for name in (SEARCHES, ANSWER))
    if faults:
        raise Faults(faults)
    when = now or _sent(message) or USUAL_NOW
    return Case(folder.name, folder, message, search, site, when, upstream, searches, answer)


def _asked(folder: Path, faults: list[Fault]) -> tuple[bytes | None, str | None]:
    message, search = folder / REQUEST, folder / SEARCH
    if message.exists() == search.exists():
        text = f"a case has either {REQUEST}, a Redox message, or {SEARCH}, a FHIR search"
        faults.append(_at(folder, text))
        return None, None
    content = _content(message if message.exists() else search, faults)
    if message.exists():
        return content, None
    try:
        return None, (content or b"").decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        faults.append(_at(search, "is not UTF-8"))
        return None, None


def _about(path: Path, faults: list[Fault]) -> tuple[str, datetime | None]:
    if not path.exists():
        return "", None
    node, wrong = marked.read(_content(path, faults) or b"", str(path))
    faults.extend(wrong)
    if not isinstance(node, MarkedMap):
        return "", None
    texts: dict[str, MarkedText] = {}
    for key, value in node.items:
        if key.text not in _KEYS:
            near = did_you_mean(key.text, _KEYS)
            faults.append(key.mark.fault(f'"{key.text}" is not a key of a case; {near}'))
        elif isinstance(value, MarkedText):
            texts[key.text] = value
        else:
            faults.append(key.mark.fault(f'"{key.text}" must be a text'))
    site, now = texts.get("site"), texts.get("now")
    if now is None:
        return (site.text if site is not None else ""), None
    try:
        return (site.text if site is not None else ""), parse_instant(now.text, ZoneInfo("UTC"))
    except ValueError as error:
        faults.append(now.mark.fault(f'"now": {error}'))
        return "", None


def _expected(path: Path, faults: list[Fault]) -> Json:
    if not path.exists():
        return None
    content = _content(path, faults)
    try:
        return json.loads(content) if content is not None else None
    except (ValueError, RecursionError):
        faults.append(_at(path, "is not JSON"))
        return None


def _content(path: Path, faults: list[Fault]) -> bytes | None:
    try:
        return read_file(path, _MOST_BYTES)
    except (OSError, ValueError) as error:
        faults.append(_at(path, f"cannot be read: {error}"))
        return None


def _sent(message: bytes | None) -> datetime | None:
    """When a message says that it was sent."""
    try:
        meta = json.loads(message or b"")["Meta"]
        return parse_instant(meta["EventDateTime"], ZoneInfo("UTC"))
    except (ValueError, RecursionError, KeyError, TypeError):
        return None


def _at(path: Path, text: str) -> Fault:
    return Mark(str(path), 1, 1).fault(text)
