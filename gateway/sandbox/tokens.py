"""Bearer tokens as the simulated systems hand them out."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from aiohttp import web

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Tokens:
    """Tokens that live for ``seconds``; ``clock`` gives the time with its zone."""

    def __init__(self, seconds: int, clock: Clock) -> None:
        self.seconds = seconds
        self._clock = clock
        self._expiry: dict[str, datetime] = {}

    def issue(self, seconds: int | None = None) -> str:
        """A new token, for ``seconds`` if they differ from the usual; forgets the expired ones."""
        now = self._clock()
        self._expiry = {token: expiry for token, expiry in self._expiry.items() if expiry > now}
        token = secrets.token_urlsafe(24)
        self._expiry[token] = now + timedelta(seconds=self.seconds if seconds is None else seconds)
        return token

    def revoke_all(self) -> None:
        self._expiry.clear()

    def opens(self, request: web.Request) -> bool:
        """Whether the request has ``Authorization: Bearer`` with a token that is known and not expired."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        expiry = self._expiry.get(token.strip())
        return scheme.lower() == "bearer" and expiry is not None and expiry > self._clock()
