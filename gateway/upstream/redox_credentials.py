"""The two ways in which Redox gives tokens: a signed assertion, and the legacy API key."""

from __future__ import annotations

import secrets
import warnings
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime
from typing import Literal

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey
from yarl import URL

from gateway.upstream.exchange import Request
from gateway.upstream.oauth import DEFAULT_LIFETIME_SECONDS, Grant, TokenError, form_request, oauth_grant

Algorithm = Literal["RS384", "ES384", "HS384"]

ASSERTION_SECONDS = 300
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAssertion:
    """Client credentials with a JWT in place of a secret (RFC 7523, section 2.2; SMART Backend Services).

    ``key`` is the private key as PEM bytes, or for HS384 the shared secret. Raises ValueError if it
    is not one for ``algorithm``; the text says nothing of the key itself.
    """

    token_url: str
    client_id: str
    key_id: str
    key: InitVar[bytes]
    algorithm: Algorithm = "RS384"
    scope: str | None = None
    _key: RSAKey | ECKey | OctKey = field(init=False, repr=False)

    def __post_init__(self, key: bytes) -> None:
        object.__setattr__(self, "_key", _signing_key(self.algorithm, key))
        self._assertion(now=0.0)

    def request(self, *, now: float) -> Request:
        fields = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._assertion(now=now),
        }
        return form_request(self.token_url, fields | ({"scope": self.scope} if self.scope else {}))

    def grant(self, body: bytes, *, now: float) -> Grant:
        del now
        return oauth_grant(body)

    def _assertion(self, *, now: float) -> str:
        header = {"alg": self.algorithm, "kid": self.key_id, "typ": "JWT"}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.token_url,
            "iat": int(now),
            "exp": int(now) + ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(24),
        }
        try:
            return jwt.encode(header, claims, self._key, algorithms=[self.algorithm])
        except JoseError:
            raise ValueError(f"the key cannot sign {self.algorithm}: ES384 needs curve P-384") from None


def _signing_key(algorithm: Algorithm, key: bytes) -> RSAKey | ECKey | OctKey:
    try:
        match algorithm:
            case "RS384":
                return RSAKey.import_key(key)
            case "ES384":
                return ECKey.import_key(key)
            case "HS384":
                with warnings.catch_warnings():
                    # Its length was Redox's choice, and cannot be mended here.
                    warnings.simplefilter("ignore", SecurityWarning)
                    return OctKey.import_key(key)
    except (JoseError, ValueError, TypeError):
        wanted = "RSA" if algorithm == "RS384" else "EC (P-384)"
        raise ValueError(
            f"the private key for {algorithm} must be an unencrypted {wanted} key in PEM form"
        ) from None


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
        return Request("POST", URL(f"{self.base_url.rstrip('/')}/auth/authenticate"), "token", headers, body)

    def grant(self, body: bytes, *, now: float) -> Grant:
        try:
            answer = msgspec.json.decode(body, type=_LegacyAnswer)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            raise TokenError("protocol") from None
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
