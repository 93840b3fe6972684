"""A client that shows its secret to the token endpoint, in the form or as HTTP Basic (RFC 6749, section
2.3.1)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote_plus, urlencode

from yarl import URL

from gateway.upstream.exchange import Request
from gateway.upstream.token_answer import Grant, oauth_grant

SecretMethod = Literal["client_secret_post", "client_secret_basic"]
"""As RFC 7591, section 2, calls them."""

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """Client id and secret. ``extra`` are further fields of the form, such as ``audience``; a name may
    repeat."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    method: SecretMethod = "client_secret_post"
    extra: Fields = field(default=(), repr=False)

    def request(self, *, now: float) -> Request:
        del now
        fields = grant_fields(self.scope, self.extra)
        if self.method == "client_secret_post":
            shown = (("client_id", self.client_id), ("client_secret", self.client_secret))
            return form_request(self.token_url, (*fields[:1], *shown, *fields[1:]), self.client_secret)
        return form_request(self.token_url, fields, self.client_secret, authorization=self._basic())

    def grant(self, body: bytes, *, now: float) -> Grant:
        del now
        return oauth_grant(body)

    def _basic(self) -> str:
        """Both halves are form-encoded before they are joined, so that a colon in the id does no harm."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        return f"Basic {b64encode(pair.encode()).decode()}"


def grant_fields(scope: str | None, extra: Fields) -> Fields:
    """What every request for a token has, whichever way the client is known (RFC 6749, section 4.4.2)."""
    scopes = (("scope", scope),) if scope else ()
    return (("grant_type", "client_credentials"), *scopes, *extra)


def form_request(url: str, fields: Fields, secret: str, *, authorization: str | None = None) -> Request:
    """A form POST to a token endpoint (RFC 6749, appendix B). ``secret`` is in it, or in the header."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if authorization is not None:
        headers["Authorization"] = authorization
    secrets = (secret, quote_plus(secret), *((authorization.partition(" ")[2],) if authorization else ()))
    return Request("POST", URL(url), "token", headers, urlencode(fields).encode(), secrets=secrets)
