"""FHIR R4 as the gateway speaks it to its clients: interactions, Bundles, OperationOutcomes.

Resources and entries are JSON texts, put together by the compiled tables and joined here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any, Literal
from urllib.parse import quote, urlencode
from uuid import UUID

import msgspec

from gateway.core.errors import GatewayError, Issue
from gateway.core.told import MOST_BYTES, text_of, told

JSON = "application/fhir+json; charset=utf-8"
# What R4 wants a resource marked with that is not all of it.
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
TYPES = ("Slot", "Schedule", "Practitioner", "Location")

Mode = Literal["match", "include", "outcome"]
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
# What FHIR's `string` does not have: control characters, and white space beyond blank, tab and line ends.
_ODD = re.compile(r"[^\S \r\n\t]|[\x00-\x08\x0e-\x1f]")
Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Interaction:
    """One search or read, as the web side has read it.

    ``base`` is the absolute URL of the site's FHIR endpoint without a slash at its end; ``id`` is None
    for a search. ``params`` are in the order they were sent, those of a form after those of the URL.
    ``strict`` is ``Prefer: handling=strict``.
    """

    base: str
    resource: str
    id: str | None = None
    params: Params = ()
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a Bundle: ``self`` or ``next``."""

    relation: str
    url: str


def is_id(text: str) -> bool:
    """Whether FHIR allows this as an id: 1 to 64 letters, digits, ``-`` and ``.``."""
    return _ID.fullmatch(text) is not None


def resource_id(text: str) -> str:
    """The text as a resource's id: itself where FHIR allows that (1 to 64 letters, digits, ``-`` and ``.``),
    else one made of it, the same every time."""
    return text if is_id(text) else sha256(text.encode()).hexdigest()[:32]


def writable(value: Any) -> Any:
    """A value as FHIR may write it: characters that a `string` does not have become blanks, those at its ends
    are taken off (R4, datatypes: string), and None stands for what is not written at all (null, texts of
    nothing but blanks, empty lists)."""
    if isinstance(value, str):
        clean = _ODD.sub(" ", value) if _ODD.search(value) else value
        return clean.strip() or None
    if isinstance(value, list):
        return [each for item in value if (each := writable(item)) is not None] or None
    return value


def entry(base: str, resource: str, identifier: str, text: str, mode: Mode) -> str:
    """One entry of a searchset; ``text`` is the resource's JSON."""
    url = encode_basestring(f"{base}/{resource}/{identifier}")
    return f'{{"fullUrl":{url},"resource":{text},"search":{{"mode":"{mode}"}}}}'


def outcome_entry(issues: Sequence[Issue]) -> str:
    """The entry that tells a client what was ignored or left out (FHIR search, `outcome` mode).

    Every entry has a URL, and that of a resource without an id names nothing else; this one is the same for
    the same issues.
    """
    content = outcome(issues)
    url = UUID(bytes=sha256(content).digest()[:16], version=5).urn
    return f'{{"fullUrl":"{url}","resource":{content.decode()},"search":{{"mode":"outcome"}}}}'


def bundle(entries: Sequence[str], links: Sequence[Link], total: int | None) -> bytes:
    """A searchset. ``total`` counts the matches of the whole search, not of this page.

    The entries are encoded one by one: each copy of a long answer costs, and here it is there but once.
    """
    link = msgspec.json.encode([{"relation": each.relation, "url": each.url} for each in links]).decode()
    count = "" if total is None else f',"total":{total}'
    head = f'{{"resourceType":"Bundle","type":"searchset"{count},"link":{link}'
    if not entries:
        # A list that is there must not be empty (FHIR, JSON representation).
        return f"{head}}}".encode()
    parts = [each.encode() for each in entries]
    parts[0] = f'{head},"entry":['.encode() + parts[0]
    parts[-1] += b"]}"
    return b",".join(parts)


def outcome(issues: Sequence[Issue], *, more: bool = False) -> bytes:
    """An OperationOutcome of the first of the issues; there is always at least one in it. At most
    :data:`MOST_BYTES`."""
    all_of_them = issues or (Issue("exception", "", "the gateway failed; its log has the cause"),)
    head, tail = b'{"resourceType":"OperationOutcome","issue":[', b"]}"
    room = MOST_BYTES - len(head) - len(tail)
    return head + b",".join(told(all_of_them, _issue, room, more=more)) + tail


def error_outcome(error: GatewayError) -> bytes:
    """The OperationOutcome for an error."""
    return outcome(error.issues, more=error.more)


def _issue(_number: int, issue: Issue) -> bytes:
    text = writable(text_of(issue))
    details = {} if text is None else {"details": {"text": text}}
    return msgspec.json.encode({"severity": issue.severity, "code": issue.code, **details})


def search_url(base: str, resource: str, params: Params) -> str:
    """The absolute URL of a search. A bar in it is escaped: it is no letter of a URL (RFC 3986), and clients
    that read URLs strictly (those in Java, say) could not follow the link."""
    query = urlencode(params, quote_via=quote, safe=":/,")
    return f"{base}/{resource}?{query}" if query else f"{base}/{resource}"
