"""The public keys of a token issuer: fetched when needed, kept, and fetched again when they change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from gateway.core.errors import Issue, UpstreamUnavailable

USUAL_SECONDS: Final = 15 * 60.0
LEAST_SECONDS: Final = 60.0
MOST_SECONDS: Final = 60 * 60.0
PAUSE_SECONDS: Final = 10.0
KEPT_SECONDS: Final = 24 * 60 * 60.0
MAX_BYTES: Final = 256 * 1024
MAX_KEYS: Final = 100

# Bytes of an RSA modulus: 2048 bits by NIST SP 800-131A; above 8192 checking a signature takes too long.
_RSA_BYTES: Final = range(256, 1025)
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a URL brought: its body, and how many seconds its Cache-Control lets it be kept, if it says."""

    body: bytes
    max_age: float | None = None


class FetchFailed(Exception):
    """Nothing usable was brought."""


Fetch = Callable[[str], Awaitable[Fetched]]
"""Gets a URL, within some seconds of its own. Raises FetchFailed."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that may check signatures. ``curve`` is None for RSA."""

    kid: str | None
    alg: str | None
    curve: str | None
    key: RSAKey | ECKey

    def fits(self, alg: str) -> bool:
        """Whether signatures by this algorithm may be checked with it (RFC 8725, section 3.1)."""
        return self.alg in (None, alg) and self.curve == _CURVES.get(alg)


class _Jwk(msgspec.Struct):
    """The members of a JWK that concern us (RFC 7517, section 4); private parts are never read."""

    kty: str
    kid: str | None = None
    alg: str | None = None
    use: str | None = None
    key_ops: list[str] | None = None
    n: str = ""
    e: str = ""
    crv: str = ""
    x: str = ""
    y: str = ""


class _JwkSet(msgspec.Struct):
    keys: list[msgspec.Raw]


def read_keys(body: bytes) -> tuple[PublicKey, ...]:
    """The keys of a JWK Set that may check signatures; those of no use here are passed over.

    Raises FetchFailed for what is not a JWK Set, or is above :data:`MAX_BYTES` or :data:`MAX_KEYS`.
    """
    if len(body) > MAX_BYTES:
        raise FetchFailed
    try:
        listed = msgspec.json.decode(body, type=_JwkSet).keys
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise FetchFailed from None
    if len(listed) > MAX_KEYS:
        raise FetchFailed
    return tuple(key for key in map(_read_key, listed) if key is not None)


def _read_key(raw: msgspec.Raw) -> PublicKey | None:
    try:
        jwk = msgspec.json.decode(raw, type=_Jwk)
        if jwk.use not in (None, "sig") or (jwk.key_ops is not None and "verify" not in jwk.key_ops):
            return None
        if jwk.kty == "RSA" and len(jwk.n) * 6 // 8 in _RSA_BYTES:
            rsa = RSAKey.import_key({"kty": "RSA", "n": jwk.n, "e": jwk.e})
            return PublicKey(jwk.kid, jwk.alg, None, rsa)
        if jwk.kty == "EC" and jwk.crv in _CURVES.values():
            ec = ECKey.import_key({"kty": "EC", "crv": jwk.crv, "x": jwk.x, "y": jwk.y})
            return PublicKey(jwk.kid, jwk.alg, jwk.crv, ec)
    except (msgspec.MsgspecError, JoseError, ValueError, RecursionError):
        return None
    return None


class KeyCache:
    """The keys behind one ``jwks_url``, for all requests at once.

    They are fresh for the ``max-age`` that came with them (1 minute to 1 hour; 15 minutes without).
    After that they are fetched again, and once more when a token names a key that is not among them:
    never more often than every 10 seconds, one fetch at a time. While the issuer cannot be reached the
    old ones serve on, for 24 hours.
    """

    def __init__(self, url: str, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: tuple[PublicKey, ...] = ()
        self._fresh_until = self._kept_until = self._not_before = float("-inf")
        self._failing = False
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, alg: str) -> PublicKey | None:
        """The key that a token with this head was signed with; None: the issuer has no such key.

        A token that names no key is checked only where exactly one fits. Raises UpstreamUnavailable
        if that cannot be told, because the issuer cannot be reached.
        """
        if self._clock() >= self._fresh_until:
            refreshing = self._refresh()
            # While the issuer is down, a request waits for it only where nothing else would help it.
            if refreshing is not None and not (self._failing and self._usable()):
                await _finished(refreshing)
        found = self._choose(kid, alg)
        if found is None:
            refreshing = self._refresh()
            if refreshing is not None:
                await _finished(refreshing)
                found = self._choose(kid, alg)
        if found is None and self._failing:
            text = "The keys of the token's issuer cannot be had at the moment."
            raise UpstreamUnavailable(Issue("transient", "", text), retry_after=PAUSE_SECONDS)
        return found

    async def close(self) -> None:
        """Give up a fetch in flight."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait({self._fetching})

    def _usable(self) -> tuple[PublicKey, ...]:
        return self._keys if self._clock() < self._kept_until else ()

    def _choose(self, kid: str | None, alg: str) -> PublicKey | None:
        fitting = [key for key in self._usable() if key.fits(alg)]
        if kid is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.kid == kid), None)

    def _refresh(self) -> asyncio.Task[None] | None:
        """The fetch in flight, or a new one; None: it is too soon for another."""
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        now = self._clock()
        if now < self._not_before:
            return None
        self._not_before = now + PAUSE_SECONDS
        self._fetching = asyncio.get_running_loop().create_task(self._update())
        return self._fetching

    async def _update(self) -> None:
        try:
            fetched = await self._fetch(self._url)
            keys = read_keys(fetched.body)
        except FetchFailed:
            self._failing = True
            return
        now = self._clock()
        kept = USUAL_SECONDS if fetched.max_age is None else fetched.max_age
        self._keys, self._failing = keys, False
        self._fresh_until = now + min(max(kept, LEAST_SECONDS), MOST_SECONDS)
        self._kept_until = now + KEPT_SECONDS


async def _finished(task: asyncio.Task[None]) -> None:
    """Wait without owning: a waiter that is cancelled takes nothing from the others."""
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()
