"""A FHIR search as a person has it at hand: a link, the line of a log, a ``curl`` command.

Only its path and its query are read. The host is not asked, headers are passed over.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from gateway.core.fhir import TYPES

_REQUEST_LINE = re.compile(r"(?:GET|POST|HEAD)\s+(\S+)(?:\s+HTTP/[0-9.]+)?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_QUOTES = {'"': '"', "'": "'", "<": ">", "`": "`"}
_DATA = ("-d", "--data", "--data-raw", "--data-ascii", "--data-binary", "--data-urlencode")


@dataclass(frozen=True, slots=True)
class Pasted:
    """A search (``id`` is None) or a read. ``query`` is still encoded; ``site`` is what the path names behind
    ``/fhir/``, empty if nothing."""

    kind: str
    id: str | None
    query: str
    site: str = ""


def pasted(text: str) -> Pasted | None:
    """What is meant by it; None for what is no search or read of a type of the FHIR side."""
    line = text.strip()
    if line.startswith("curl "):
        return _of_curl(line)
    while len(line) > 1 and _QUOTES.get(line[0]) == line[-1]:
        line = line[1:-1].strip()
    match = _REQUEST_LINE.fullmatch(line)
    return _of_url(match[1] if match is not None else line)


def _of_curl(text: str) -> Pasted | None:
    """The search of a curl command: its URL, and what ``-G`` or a form puts behind it."""
    try:
        words = shlex.split(text)[1:]
    except ValueError:
        return None
    found = next((each for word in words if (each := _of_url(word)) is not None), None)
    if found is None:
        return None
    data = (_encoded(option, value) for option, value in _data(words))
    return replace(found, query="&".join(part for part in (found.query, *data) if part))


def _data(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each piece of data, and by which option."""
    for word, following in zip(words, (*words[1:], ""), strict=True):
        name, equals, value = word.partition("=")
        if word in _DATA:
            yield word, following
        elif equals and name in _DATA:
            yield name, value


def _encoded(option: str, text: str) -> str:
    if option != "--data-urlencode":
        return text
    name, equals, value = text.partition("=")
    return f"{name}{equals}{quote(value)}" if equals else quote(name)


def _of_url(text: str) -> Pasted | None:
    scheme = _SCHEME.match(text)
    link = text.partition("#")[0] if scheme is not None else text
    path, _, query = link.partition("?")
    if any(sign.isspace() for sign in path):
        return None
    steps = [step for step in path[scheme.end() if scheme is not None else 0 :].split("/") if step]
    at = next((place for place in (-2, -1) if len(steps) >= -place and steps[place] in TYPES), 0)
    name = steps[-1] if at == -2 else "_search"
    if at == 0 or not (name == "_search" or _ID.fullmatch(name)):
        return None
    site = steps[at - 1] if len(steps) >= 2 - at and steps[at - 2] == "fhir" else ""
    return Pasted(steps[at], name if name != "_search" else None, query, site)
