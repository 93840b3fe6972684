"""Secrets that are none: tokens that anybody guesses, that open several doors, or that stand in the open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from gateway.config.resolve import Draft, KeyPath, Schema, dotted
from gateway.config.weak import MAKE_ONE, is_placeholder, known_hashes, weakness

# A shorter secret may stand in another text by chance.
_TELLING = 12
_AT_REDOX = ", and give the same to the destination at Redox"
_UNSENDABLE = re.compile(r"[^\x21-\x7e]")


def check_tokens(draft: Draft, value: Mapping[str, Any], schema: Schema) -> None:
    """What is wrong with the tokens and secrets of a configuration, each alone and all together.

    Findings become faults of the draft; a token that opens several sites is remarked.
    """
    opens: dict[str, list[KeyPath]] = {}
    for index, site in enumerate(value.get("sites") or ()):
        if not isinstance(site, dict):
            continue
        at: KeyPath = ("sites", index)
        redox, fhir, upstream = (_map(site.get(key)) for key in ("redox", "fhir", "upstream"))
        path = (*at, "redox", "verification_token")
        if isinstance(token := redox.get("verification_token"), str) and not draft.is_broken(path):
            _verification(draft, path, token)
            opens.setdefault(token, []).append(path)
        _clients(draft, (*at, "fhir", "clients"), fhir.get("clients"))
        _upstream(draft, (*at, "upstream"), upstream)
    for paths in opens.values():
        if len(paths) > 1:
            text = f"is the token of {len(paths)} sites, the first {dotted(paths[0][:2])}: whoever has it"
            draft.remark(paths[1], f"{text} may ask them all; if that is not meant, give each its own")
    _in_the_open(draft, value, schema)


def _verification(draft: Draft, path: KeyPath, token: str) -> None:
    if _UNSENDABLE.search(token):
        draft.fault(path, "holds a space, line break or sign that an HTTP header cannot carry")
    elif token and (text := weakness(token)):
        draft.fault(path, text + (_AT_REDOX if MAKE_ONE in text else ""))
    elif is_placeholder(token):
        text = "is made of words that stand in every example, so that it can be guessed"
        draft.remark(path, f"{text}; {MAKE_ONE}{_AT_REDOX}")


def _clients(draft: Draft, path: KeyPath, clients: Any) -> None:
    known = [
        each for each in enumerate(clients if isinstance(clients, list) else ()) if isinstance(each[1], dict)
    ]
    hashes = {str(client.get("token_sha256")).lower() for _, client in known}
    for n, client in known:
        if str(client.get("token_sha256")).lower() in known_hashes():
            text = "is that of an empty text, or of a word that everybody tries"
            draft.fault((*path, n, "token_sha256"), f"{text}; {MAKE_ONE}, and write its SHA-256")
        if sha256(str(client.get("id")).encode("utf-8", "surrogatepass")).hexdigest() in hashes:
            draft.fault((*path, n, "id"), "is a client's token; the log tells ids, so give the client a name")


def _upstream(draft: Draft, path: KeyPath, upstream: Mapping[str, Any]) -> None:
    """Of secrets that others made: what copying them has added."""
    for key in ("token", "client_secret", "secret", "api_key"):
        held = upstream.get(key)
        if not isinstance(held, str) or not held:
            continue
        if re.search(r"[\r\n\0]", held):
            draft.fault((*path, key), "holds a line break; a secret is one line")
        elif held != held.strip():
            draft.fault((*path, key), "begins or ends with a blank; write it without")
        elif key == "token" and _UNSENDABLE.search(held):
            draft.fault((*path, key), "holds a space or sign that an HTTP header cannot carry")
        elif len(held) > 1 and held[0] == held[-1] and held[0] in "\"'`":
            draft.fault(
                (*path, key), "begins and ends with a quote that would be part of it; write it without"
            )


def _in_the_open(draft: Draft, value: Mapping[str, Any], schema: Schema) -> None:
    """Secrets that are repeated where the gateway shows what stands there: in an address, an id, a name."""
    secrets: dict[str, KeyPath] = {}
    shown: list[tuple[KeyPath, str]] = []
    for path, text, secret in _texts(value, schema, ()):
        if not secret:
            shown.append((path, text))
        elif len(text) >= _TELLING:
            secrets.setdefault(text, path)
    by_site: dict[KeyPath, list[str]] = {}
    for text, path in secrets.items():
        by_site.setdefault(path[:2], []).append(text)
    for path, text in shown:
        found = text if text in secrets else next((s for s in by_site.get(path[:2], ()) if s in text), None)
        if found is not None:
            told = f"holds the secret that is given at {dotted(secrets[found])}"
            draft.fault(path, f"{told}; what stands here is no secret to logs and answers")


def _texts(value: Any, schema: Schema, path: KeyPath) -> Iterator[tuple[KeyPath, str, bool]]:
    """Every text of the configuration, and whether its key is one of a secret."""
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, each in value.items():
            below = properties.get(name, others)
            yield from _texts(each, below if isinstance(below, dict) else {}, (*path, name))
    elif isinstance(value, list):
        for n, each in enumerate(value):
            yield from _texts(each, schema.get("items", {}), (*path, n))
    elif isinstance(value, str):
        yield path, value, bool(schema.get("writeOnly"))


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
