"""The token endpoint of a simulated FHIR server: client credentials, in the ways that its clients may be
known.

Ways are named as RFC 7591, section 2, names them. It is as strict as SMART Backend Services and RFC 6749
allow, so that a careless client is found out.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote_plus

from aiohttp import web

from gateway.sandbox.redox_auth import Assertions, ClientKeys, TokenRefused

POST: Final = "client_secret_post"
BASIC: Final = "client_secret_basic"
SIGNED: Final = "private_key_jwt"
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
SECONDS_AHEAD: Final = 300


@dataclass(frozen=True)
class Client:
    """The one client that is let in. ``secret`` of None: any that is not empty; ``id`` of None: any.

    ``methods``: how it may show who it is. ``keys`` are those that check its assertions, by one of
    ``algorithms``; their ``aud`` must be ``audience``, or the URL that was posted to if that is None.
    ``needs`` are further fields that must be in the form, each with one of these values.
    """

    id: str | None = None
    secret: str | None = None
    methods: Collection[str] = (POST, BASIC)
    keys: ClientKeys | None = None
    algorithms: Collection[str] = ALGORITHMS
    audience: str | None = None
    needs: Mapping[str, Collection[str]] | None = None


class TokenEndpoint:
    """Decides about a request for a token."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._assertions = Assertions(
            client.keys or ClientKeys(), client.id, algorithms=client.algorithms, seconds_ahead=SECONDS_AHEAD
        )

    async def check(self, request: web.Request, now: datetime) -> None:
        """Raises TokenRefused unless a token may be given."""
        form = await request.post()
        if form.get("grant_type") != "client_credentials":
            known = "grant_type" in form
            raise TokenRefused(400, "unsupported_grant_type" if known else "invalid_request", "grant_type")
        basic = _basic(request.headers.get("Authorization", ""))
        given = [BASIC] if basic is not None else []
        given += [POST] if "client_secret" in form else []
        given += [SIGNED] if "client_assertion" in form else []
        if len(given) > 1:
            raise TokenRefused(400, "invalid_request", "one way of authentication at a time (RFC 6749, 2.3)")
        if not given or given[0] not in self._client.methods:
            raise TokenRefused(401, "invalid_client", f"authenticate by {', '.join(self._client.methods)}")
        if given == [SIGNED]:
            url = self._client.audience or str(request.url.with_query(None))
            self._assertions.check(form, url, now.timestamp())
        else:
            self._secret(basic or (str(form.get("client_id", "")), str(form.get("client_secret", ""))))
        for name, values in (self._client.needs or {}).items():
            if not set(map(str, form.getall(name, ()))) & set(values):
                raise TokenRefused(400, "invalid_target", f"{name} is missing, or none that is known")

    def _secret(self, given: tuple[str, str]) -> None:
        wanted = (self._client.id, self._client.secret)
        if not all(given) or any(want not in (None, got) for want, got in zip(wanted, given, strict=True)):
            raise TokenRefused(401, "invalid_client", "the client id or its secret is wrong")

    def smart_configuration(self, token_url: str) -> dict[str, Any]:
        """What ``.well-known/smart-configuration`` says of it."""
        told: dict[str, Any] = {
            "token_endpoint": token_url,
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": list(self._client.methods),
            "capabilities": [],
        }
        if SIGNED in self._client.methods:
            told["token_endpoint_auth_signing_alg_values_supported"] = list(self._client.algorithms)
        return told


def refusal(request: web.Request, refused: TokenRefused) -> web.Response:
    """RFC 6749, 5.2: 401 to a client that used the header names the scheme; the text stays here."""
    headers = {"Cache-Control": "no-store"}
    if refused.status == web.HTTPUnauthorized.status_code and "Authorization" in request.headers:
        headers["WWW-Authenticate"] = 'Basic realm="sandbox"'
    return web.json_response({"error": refused.error}, status=refused.status, headers=headers)


def _basic(header: str) -> tuple[str, str] | None:
    """Id and secret of an ``Authorization: Basic`` header, both form-decoded (RFC 6749, 2.3.1); empty where
    it cannot be read, None if there is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(name), unquote_plus(secret)
