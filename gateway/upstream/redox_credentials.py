"""The legacy API key of Redox. What is newer signs assertions: :mod:`gateway.upstream.client_assertion`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from yarl import URL

from gateway.upstream.exchange import Request
from gateway.upstream.token_answer import DEFAULT_LIFETIME_SECONDS, Grant, unusable


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyKey:
    """The legacy API key: ``POST {base_url}/auth/authenticate``, tokens of 24 hours.

    The refresh token that comes along is not used: asking with the key again does the same, and
    there is one secret less to keep.
    """

    base_url: str
    api_key: str = field(repr=False)
    secret: str = field(repr=False)

    def request(self, *, now: float) -> Request:
        del now
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        body = msgspec.json.encode({"apiKey": self.api_key, "secret": self.secret})
        url = URL(f"{self.base_url.rstrip('/')}/auth/authenticate")
        return Request("POST", url, "token", headers, body, secrets=(self.api_key, self.secret))

    def grant(self, body: bytes, *, now: float) -> Grant:
        try:
            answer = msgspec.json.decode(body, type=_LegacyAnswer)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            raise unusable("its answer is not JSON with an accessToken", "no-token") from None
        return Grant(answer.access_token, _lifetime(answer.expires, now))


class _LegacyAnswer(msgspec.Struct, rename="camel"):
    access_token: str
    expires: str | None = None


def _lifetime(expires: str | None, now: float) -> float:
    """Seconds until ``expires`` (UTC unless it says otherwise); 300 if it cannot be read or is past."""
    try:
        moment = datetime.fromisoformat(expires or "")
        left = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return DEFAULT_LIFETIME_SECONDS
    # An end that is past already speaks of clocks that disagree, not of a token that is useless.
    return left if left > 0 else DEFAULT_LIFETIME_SECONDS
