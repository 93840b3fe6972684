"""Lets FHIR clients in: by a fixed token of theirs, or by a signed one of an issuer. Deny by default."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from gateway.core.errors import Forbidden, Issue, Unauthorized
from gateway.web import jwt
from gateway.web.access import Access, Letter, allows
from gateway.web.jwks import Fetch, KeyCache

BY_JWT: Final = "jwt"

_CHALLENGE: Final = web.RequestKey("challenge", str)


class Bearer:
    """Checks the Authorization of requests. Keeps the keys of issuers, by their ``jwks_url``.

    ``clock`` gives epoch seconds, ``ticks`` seconds that only grow.
    """

    def __init__(
        self,
        fetch: Fetch,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._ticks = ticks
        self._keys: dict[str, KeyCache] = {}

    async def admit(self, given: Sequence[str], access: Access, resource: str, letter: Letter) -> str:
        """Who asks: the id of a configured client, or :data:`BY_JWT` and the client id in the token.

        ``given`` are the values of the Authorization headers. Raises Unauthorized (no token),
        InvalidToken (none that opens this site), Forbidden (one that is not for this), or
        UpstreamUnavailable if the keys to tell cannot be had.
        """
        token = _token(given)
        client = _client(token, access)
        if client is not None:
            return client
        if access.jwt is None:
            raise jwt.InvalidToken(Issue("login", "", "The bearer token is not one that this site knows."))
        signed = jwt.read(token)
        jwt.check_claims(signed, access.jwt, self._clock())
        key = await self._cache(access.jwt.jwks_url).find(signed.kid, signed.alg)
        jwt.check_signature(signed, key)
        if not allows(access, signed.scopes, resource, letter):
            raise Forbidden(Issue("forbidden", "", f"The token lacks the scope {access.scope}."))
        return BY_JWT if signed.client is None else f"{BY_JWT}:{signed.client}"

    async def close(self) -> None:
        """Give up what is being fetched."""
        for cache in self._keys.values():
            await cache.close()

    def _cache(self, url: str) -> KeyCache:
        if url not in self._keys:
            self._keys[url] = KeyCache(url, self._fetch, self._ticks)
        return self._keys[url]


def _token(given: Sequence[str]) -> str:
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized(Issue("login", "", "Send a token: Authorization: Bearer <token>."))
    return token


def _client(token: str, access: Access) -> str | None:
    """The client whose token this is. All are compared, so that the time tells nothing."""
    # Header bytes that are not UTF-8 reach us as lone surrogates.
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
    found = None
    for client, expected in access.clients:
        if hmac.compare_digest(digest, expected):
            found = client
    return found


def note_challenge(request: web.Request, error: Exception, scope: str) -> None:
    """Keep what RFC 6750, section 3.1, wants said of this error, for :func:`challenge`."""
    if isinstance(error, jwt.InvalidToken):
        request[_CHALLENGE] = 'Bearer error="invalid_token"'
    elif isinstance(error, Forbidden):
        request[_CHALLENGE] = f'Bearer error="insufficient_scope", scope="{scope}"'


async def challenge(request: web.Request, response: web.StreamResponse) -> None:
    """A signal (``on_response_prepare``): put in the header what :func:`note_challenge` kept."""
    kept = request.get(_CHALLENGE)
    if kept is not None:
        response.headers["WWW-Authenticate"] = kept
