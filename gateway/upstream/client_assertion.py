"""A client that signs what it is: a JWT in place of a secret (RFC 7523; SMART Backend Services; Redox)."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Collection
from dataclasses import InitVar, dataclass, field
from typing import Final, Literal

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.upstream.client_secret import Fields, form_request, grant_fields
from gateway.upstream.exchange import Request
from gateway.upstream.token_answer import Grant, oauth_grant

Algorithm = Literal["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "HS384"]

ASSERTION_SECONDS: Final = 180
SKEW_SECONDS: Final = 60
"""By how much the server's clock may be off. Within it, an assertion of ``ASSERTION_SECONDS`` has not
expired, was issued in the past, and ends less than five minutes ahead, which is what SMART allows at most."""

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_RSA: Final[tuple[Algorithm, ...]] = ("RS384", "RS256", "RS512")
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_BY_CURVE: Final[dict[str, Algorithm]] = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAssertion:
    """Client credentials with a JWT in place of a secret (RFC 7523, section 2.2), a new one each time.

    ``key`` is the private key as PEM bytes, or for HS384 the shared secret. ``audience`` is the ``aud`` of
    the JWT; None: the token URL. ``seconds``: how far ahead it expires. ``extra`` are further fields of the
    form. Raises ValueError if the key is not one for ``algorithm``; the text says nothing of the key itself.
    """

    token_url: str
    client_id: str
    key_id: str
    key: InitVar[bytes]
    algorithm: Algorithm = "RS384"
    scope: str | None = None
    audience: str | None = None
    seconds: int = ASSERTION_SECONDS
    extra: Fields = field(default=(), repr=False)
    _key: RSAKey | ECKey | OctKey = field(init=False, repr=False)

    def __post_init__(self, key: bytes) -> None:
        object.__setattr__(self, "_key", _signing_key(self.algorithm, key))
        self._assertion(now=0.0)

    def request(self, *, now: float) -> Request:
        grant, *rest = grant_fields(self.scope, self.extra)
        assertion = self._assertion(now=now)
        shown = (("client_assertion_type", _ASSERTION_TYPE), ("client_assertion", assertion))
        return form_request(self.token_url, (grant, *shown, *rest), assertion)

    def grant(self, body: bytes, *, now: float) -> Grant:
        del now
        return oauth_grant(body)

    def _assertion(self, *, now: float) -> str:
        header = {"alg": self.algorithm, "kid": self.key_id, "typ": "JWT"}
        issued = int(now) - SKEW_SECONDS
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience or self.token_url,
            "iat": issued,
            "nbf": issued,
            "exp": int(now) + self.seconds,
            "jti": secrets.token_urlsafe(24),
        }
        try:
            return jwt.encode(header, claims, self._key, algorithms=[self.algorithm])
        except JoseError:
            curve = _CURVES.get(self.algorithm, "")
            raise ValueError(
                f"the key cannot sign {self.algorithm}"
                + (f": {self.algorithm} needs curve {curve}" if curve else "")
            ) from None


def usual_algorithm(key: bytes, taken: Collection[str] = ()) -> Algorithm:
    """The algorithm that goes with a private key in PEM form: that of its curve; for RSA the first of RS384,
    RS256 and RS512 that the server takes (``taken``; empty: it says nothing), and RS384 if that has none."""
    try:
        curve = ECKey.import_key(key).curve_name
    except (JoseError, ValueError, TypeError):
        return next((each for each in _RSA if each in taken), "RS384")
    return _BY_CURVE.get(curve, "ES384")


def _signing_key(algorithm: Algorithm, key: bytes) -> RSAKey | ECKey | OctKey:
    try:
        match algorithm[:2]:
            case "RS":
                return RSAKey.import_key(key)
            case "ES":
                return ECKey.import_key(key)
        with warnings.catch_warnings():
            # Its length was Redox's choice, and cannot be mended here.
            warnings.simplefilter("ignore", SecurityWarning)
            return OctKey.import_key(key)
    except (JoseError, ValueError, TypeError):
        wanted = "RSA" if algorithm.startswith("RS") else f"EC ({_CURVES[algorithm]})"
        raise ValueError(
            f"the private key for {algorithm} must be an unencrypted {wanted} key in PEM form"
        ) from None
