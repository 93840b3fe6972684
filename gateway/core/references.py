"""What a reference names (FHIR R4, references): a resource of a server that is known, or nothing here.

A relative reference is one of the server that is asked or has answered. An absolute one is that server's
only below one of its own addresses: ``Schedule/7`` of another server is another schedule. A version does not
matter, since there is only the present one. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.core.chained import alternatives, as_sent
from gateway.core.directory import shown
from gateway.core.errors import Issue
from gateway.core.fhir import Params

_ID = r"[^/?#\s]+"
_RELATIVE = re.compile(rf"([A-Z][A-Za-z]+)/({_ID}?)(?:/_history/{_ID})?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WEB = re.compile(r"https?:", re.IGNORECASE)
_SYSTEM = re.compile(r".*(?<!\\)\|", re.DOTALL)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_USUAL_PORTS = {"http": 80, "https": 443}


class Reference(NamedTuple):
    """A resource of the server: its type and its id."""

    kind: str
    id: str


def resolve(reference: str, bases: Collection[str]) -> Reference | None:
    """The resource of the server with these addresses (as of :func:`address`) that is meant; None for one
    of another server, and for what names no resource by type and id (``urn:``, ``#``)."""
    if (match := _RELATIVE.fullmatch(reference)) is not None:
        return Reference(match[1], match[2])
    server, path = split(reference)
    match = _RELATIVE.fullmatch(path) if server and server in bases else None
    return Reference(match[1], match[2]) if match is not None else None


@lru_cache(maxsize=4096)
def split(reference: str) -> tuple[str, str]:
    """The address of the server in an absolute reference to a resource (empty: it has none), and what stands
    behind it, as a relative reference."""
    steps = _decoded(reference).split("/")
    length = 4 if steps[-2:-1] == ["_history"] else 2
    return address("/".join(steps[:-length])), "/".join(steps[-length:])


@lru_cache(maxsize=4096)
def address(url: str) -> str:
    """The address of a server by which two spellings of it can be compared; empty for what is none.

    Letter case of the host, the usual port, a slash at the end and percent-encoding of plain letters do not
    tell two servers apart (RFC 3986, section 6), nor does http from https: behind a proxy both are used.
    """
    try:
        parts = urlsplit(_decoded(url))
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in _USUAL_PORTS or not host or "@" in parts.netloc or parts.query or parts.fragment:
        return ""
    own = "" if port in (None, _USUAL_PORTS[parts.scheme]) else f":{port}"
    return f"//{host.removesuffix('.')}{own}{parts.path.rstrip('/')}"


def _decoded(url: str) -> str:
    return _ESCAPE.sub(_plain, url) if "%" in url else url


def _plain(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char in _UNRESERVED else match[0].upper()


def localized(params: Params, names: Collection[str], base: str) -> tuple[Params, Sequence[tuple[str, str]]]:
    """The parameters of a search with the references in those of ``names`` as the server at ``base`` has
    them: its own absolute ones relative, and other servers' taken out. Those come second, with their
    parameter; a parameter that has no other is left out of the first."""
    own = frozenset({address(base)} - {""})
    found: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for name, text in params:
        if name not in names or ":" not in text:
            found.append((name, text))
            continue
        kept = []
        for value in alternatives(text):
            here = resolve(value, own) if _SCHEME.match(value) else None
            if here is not None:
                kept.append(f"{here.kind}/{here.id}")
            elif _SCHEME.match(value):
                others.append((name, value))
            else:
                kept.append(value)
        if kept:
            found.append((name, ",".join(map(_escaped, kept))))
    return tuple(found), others


def own_ids(kind: str, text: str, base: str) -> tuple[str, Issue | None]:
    """The values of `_id` in a search for that type at the server at ``base``, as its resources have them:
    who writes a reference of the type, or a system before the id, means that id. The Issue is about one that
    names something else."""
    own = frozenset({address(base)} - {""})
    found: list[str] = []
    for each in as_sent(text):
        value = _SYSTEM.sub("", each)
        named = resolve(value, own)
        if named.kind != kind if named is not None else _WEB.match(value):
            return text, Issue("value", "_id", f"names what is no {kind} of this server; write its id alone")
        found.append(named.id if named is not None else value)
    return ",".join(found), None


def _escaped(value: str) -> str:
    return re.sub(r"([\\,])", r"\\\1", value)


def unknown(other: tuple[str, str]) -> Issue:
    """What is said of a parameter's reference to a resource of another server: no resource here has it."""
    name, value = other
    return Issue(
        "not-found", name, f'"{shown(value)}" is of another server, so nothing here is meant', "warning"
    )
