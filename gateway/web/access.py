"""Who may ask a site as a FHIR server, as values; and what a SMART scope allows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import urlsplit

Letter = Literal["r", "s"]
"""Of SMART's ``cruds``, the two that exist here: read and search."""

SLOT_SCOPE: Final = "system/Slot.read"

# SMART App Launch 2, section "Scopes for requesting FHIR resources"; 1.0 knew read, write and *.
_SYSTEM_SCOPE: Final = re.compile(r"system/(\*|[A-Z][A-Za-z]*)\.(read|\*|c?r?u?d?s?)")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class JwtRules:
    """Whose signed tokens are taken. ``token_endpoint`` is only told on, to clients that look for it.

    Raises ValueError for a ``jwks_url`` that is neither https nor on this machine: whoever can change
    the keys on their way can sign tokens.
    """

    issuer: str
    audience: str
    jwks_url: str
    token_endpoint: str | None = None

    def __post_init__(self) -> None:
        if not self.issuer or not self.audience:
            raise ValueError("issuer and audience must not be empty")
        if not safe_to_fetch(self.jwks_url):
            raise ValueError("jwks_url must be an https URL (http is allowed on the loopback interface only)")


@dataclass(frozen=True, slots=True)
class Access:
    """What opens a site: the tokens of ``clients`` (id, SHA-256 of the token in hex), those of ``jwt``.

    With neither nothing opens. A client's own token opens all that the site answers. A JWT needs
    ``scope``, or a SMART scope that covers what it asks for: see :func:`allows`. Raises ValueError for
    what is no SHA-256.
    """

    clients: tuple[tuple[str, str], ...] = ()
    jwt: JwtRules | None = None
    scope: str = SLOT_SCOPE

    def __post_init__(self) -> None:
        for client, digest in self.clients:
            if not _SHA256.fullmatch(digest):
                raise ValueError(f"the token_sha256 of client {client!r} is not 64 small hexadecimal digits")


def allows(access: Access, scopes: Iterable[str], resource: str, letter: Letter) -> bool:
    """Whether these scopes let a token read (``r``) or search (``s``) this type of resource.

    ``access.scope`` opens everything, and so does a SMART scope for Slot: the answer to a Slot search
    holds Schedules and Practitioners anyway, by ``_include``. A scope for another type opens that type.
    A scope that is narrowed (``system/Slot.rs?status=free``) opens nothing, as nothing here would
    hold to its condition; neither does one for a user or a patient.
    """
    held = tuple(scopes)
    return access.scope in held or any(_covers(each, resource, letter) for each in held)


def _covers(scope: str, resource: str, letter: Letter) -> bool:
    parsed = _SYSTEM_SCOPE.fullmatch(scope)
    if parsed is None or parsed[1] not in ("*", "Slot", resource):
        return False
    return parsed[2] in ("read", "*") or letter in parsed[2]


def safe_to_fetch(url: str) -> bool:
    """Whether nobody between here and there can change what this URL brings: https, or this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
