"""Gets a JWK Set over HTTP: no redirects, only so long, only so much."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final

import aiohttp

from gateway.web.access import safe_to_fetch
from gateway.web.jwks import MAX_BYTES, Fetched, FetchFailed

_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_NOT_KEPT: Final = re.compile(r"(?:^|[,\s])no-(?:store|cache)\b", re.IGNORECASE)


class JwksFetch:
    """A :data:`gateway.web.jwks.Fetch` by aiohttp. ``session`` gives the open session of the process."""

    def __init__(self, session: Callable[[], aiohttp.ClientSession], seconds: float = 5.0) -> None:
        self._session = session
        self._seconds = seconds

    async def __call__(self, url: str) -> Fetched:
        """Raises FetchFailed for all but a 200 with a body of at most 256 KB within the time."""
        if not safe_to_fetch(url):
            raise FetchFailed
        try:
            async with asyncio.timeout(self._seconds):
                return await self._get(url)
        except (aiohttp.ClientError, OSError, ValueError):  # a TimeoutError is an OSError
            raise FetchFailed from None

    async def _get(self, url: str) -> Fetched:
        headers = {"Accept": "application/jwk-set+json, application/json"}
        async with self._session().get(url, headers=headers, allow_redirects=False) as response:
            if response.status != 200:
                raise FetchFailed
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise FetchFailed
            return Fetched(bytes(body), _max_age(response.headers.get("Cache-Control", "")))


def _max_age(cache_control: str) -> float | None:
    if _NOT_KEPT.search(cache_control):
        return 0.0
    told = _MAX_AGE.search(cache_control)
    return float(told[1]) if told else None
