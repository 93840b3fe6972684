"""How an upstream knows us, as far as its keys say: there is one way at most, and it is whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Finding = tuple[tuple[str, ...], str]
"""A path below ``upstream``, and what is wrong there."""

_WAYS: Final = ("token", "client_secret", "private_key", "api_key")
_NEEDS: Final = {"token": (), "client_secret": ("client_id",), "api_key": ("secret",)}
_SIGNED: Final = ("private_key", "secret")
_OTHERS: Final = ("RS384", "ES384")
_OF_ASSERTIONS: Final = ("key_id", "algorithm", "assertion_audience", "assertion_seconds")
_OF_OAUTH: Final = ("token_url", "client_id", "token_auth", "scope", "audience", "resource", "token_fields")
_FIELD: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")  # RFC 6749, section 8.2
# The protocol's own fields, and where each is said (None: nowhere, it is made for each request).
OWN_FIELDS: Final = {
    "grant_type": None,
    "client_assertion": None,
    "client_assertion_type": None,
    "client_id": "client_id",
    "client_secret": "client_secret",
    "scope": "scope",
    "audience": "audience",
    "resource": "resource",
}


def auth_faults(upstream: Mapping[str, Any]) -> Iterator[Finding]:
    """Everything that is wrong with the keys by which an upstream knows us."""
    yield from _fields(upstream.get("token_fields"))
    ways = [key for key in _WAYS if key in upstream]
    if not ways and "secret" in upstream:
        ways = ["secret"]
    for key in ways[1:]:
        yield (key,), f"{ways[0]} is given too; keep the one by which this upstream knows us"
    if not ways:
        for key in (*_OF_OAUTH, *_OF_ASSERTIONS):
            if key in upstream:
                yield (key,), "needs client_secret, or private_key and key_id, beside it"
                return
        return
    yield from _whole(ways[0], upstream)
    yield from _method(ways[0], upstream)


def _whole(way: str, upstream: Mapping[str, Any]) -> Iterator[Finding]:
    """What the way needs is there, and nothing that it has no use for."""
    signed = way in _SIGNED
    for key in _NEEDS.get(way, ("client_id", "key_id")):
        if key not in upstream:
            yield (key,), f"is missing; {way} needs it"
    algorithm = upstream.get("algorithm")
    if way == "secret" and algorithm != "HS384":
        said = f"algorithm {algorithm} signs with private_key, not with secret"
        yield (
            (way,),
            said
            if algorithm in _OTHERS
            else "signs by algorithm: HS384 alone; write that, or give private_key",
        )
    elif signed and way != "secret" and algorithm == "HS384":
        yield (way,), f"algorithm HS384 signs with secret, not with {way}"
    useless = () if signed else _OF_ASSERTIONS
    if way in ("token", "api_key"):
        useless = (*useless, *(key for key in _OF_OAUTH if key not in ("token_url", "client_id", "scope")))
    for key in useless:
        if key in upstream:
            yield (key,), f"is of no use with {way}; remove it"
    if "secret" in upstream and way not in ("secret", "api_key"):
        yield ("secret",), f"is of no use with {way}; remove it"


def _method(way: str, upstream: Mapping[str, Any]) -> Iterator[Finding]:
    method = upstream.get("token_auth")
    if way == "client_secret" and method == "private_key_jwt":
        yield ("token_auth",), "private_key_jwt signs with private_key and key_id, not with client_secret"
    if way in _SIGNED and method in ("client_secret_post", "client_secret_basic"):
        yield ("token_auth",), f"{method} sends client_secret; what is signed with {way} is private_key_jwt"


def _fields(fields: Any) -> Iterator[Finding]:
    """Further fields may not stand for those of the protocol."""
    for name in fields if isinstance(fields, dict) else ():
        if name in OWN_FIELDS:
            key = OWN_FIELDS[name]
            instead = (
                f"write it as {key}, beside token_fields" if key else "the gateway writes it anew each time"
            )
            yield ("token_fields", name), f"is a field of the protocol's own; {instead}"
        elif not _FIELD.fullmatch(name):
            yield (
                ("token_fields",),
                'has a field whose name is not of letters, digits, ".", "_" and "-" alone',
            )
