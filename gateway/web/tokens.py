"""Which sites a token opens, without telling by its timing how close a wrong token was."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

_PREFIX: Final = 8


class TokenIndex:
    """Verification tokens, kept as SHA-256 digests only.

    A token is found by the first bytes of its digest and then compared as a whole with
    :func:`hmac.compare_digest`. What the look-up's timing could tell is a piece of a digest, of which
    nobody can make a token. Several sites may share a token, and a site may have several (rotation).
    With no tokens at all nothing opens.
    """

    def __init__(self, tokens: Iterable[tuple[str, str]]) -> None:
        """``tokens`` are pairs of token and site id. An empty token is a ValueError, never a way in."""
        sites: dict[bytes, set[str]] = {}
        for token, site in tokens:
            if not token:
                raise ValueError(f"the verification token of site {site!r} is empty")
            sites.setdefault(_digest(token), set()).add(site)
        self._by_prefix: dict[bytes, list[tuple[bytes, frozenset[str]]]] = {}
        for digest, opened in sites.items():
            self._by_prefix.setdefault(digest[:_PREFIX], []).append((digest, frozenset(opened)))

    def opens(self, token: str) -> frozenset[str] | None:
        """The ids of the sites that ``token`` opens; None: no site has such a token."""
        asked = _digest(token)
        for digest, sites in self._by_prefix.get(asked[:_PREFIX], ()):
            if hmac.compare_digest(digest, asked):
                return sites
        return None

    def __repr__(self) -> str:
        return f"TokenIndex({sum(map(len, self._by_prefix.values()))} tokens)"


def _digest(token: str) -> bytes:
    # Header bytes that are not UTF-8 reach us as lone surrogates: they are hashed, not refused with a 500.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
