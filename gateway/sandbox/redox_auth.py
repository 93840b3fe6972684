"""Signed assertions as the simulated systems check them (RFC 7523, 3).

JOSE is joserfc's: typed, maintained by Authlib's author, no dependency but cryptography.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OctKey, RSAKey

GRANT_TYPE = "client_credentials"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS384", "ES384", "HS384")
ASSERTION_SECONDS = 300
SKEW_SECONDS = 60
KEY_NOT_FOUND = "Public key not found, check client_id, kid and Redox dashboard settings"


class TokenRefused(Exception):
    """An OAuth error (RFC 6749, 5.2): HTTP status, ``error`` and ``error_description``."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


class ClientKeys:
    """The keys by which assertions are checked: a PEM public key (RSA or EC), a JWK Set, or a secret.

    ``key_id`` is the ``kid`` of the PEM key or secret; absent, any will do. Without a key nobody
    gets in. Raises ValueError for a PEM that is neither an RSA nor an EC key.
    """

    def __init__(
        self,
        *,
        public_key: bytes | str | None = None,
        jwks: Mapping[str, Any] | None = None,
        secret: str | None = None,
        key_id: str | None = None,
    ) -> None:
        self._key_id = key_id
        self._single: list[Key] = []
        if public_key is not None:
            self._single.append(_pem_key(public_key))
        if secret is not None:
            self._single.append(OctKey.import_key(secret))
        # The set's own type is a TypedDict of the same shape; its import checks each key.
        self._set: list[Key] = KeySet.import_key_set(jwks).keys if jwks else []  # type: ignore[arg-type]

    def find(self, kid: str, alg: str) -> Key:
        """The key of this ``kid`` for this algorithm. Raises TokenRefused if there is none."""
        kind = {"RS": "RSA", "ES": "EC", "HS": "oct"}[alg[:2]]
        single = self._single if self._key_id in (None, kid) else []
        for key in [*single, *(key for key in self._set if key.kid == kid)]:
            if key.key_type == kind:
                return key
        raise TokenRefused(401, "invalid_client", KEY_NOT_FOUND)


class Assertions:
    """Checks client assertions (RFC 7523, 3). ``client_id``: the only client let in, any if absent.

    Stricter than is documented of Redox in three points, so that a careless client is found out:
    ``exp`` at most ``seconds_ahead``, neither ``iat`` nor ``nbf`` ahead, and no ``jti`` twice.
    """

    def __init__(
        self,
        keys: ClientKeys,
        client_id: str | None,
        *,
        algorithms: Collection[str] = ALGORITHMS,
        seconds_ahead: int = ASSERTION_SECONDS + SKEW_SECONDS,
    ) -> None:
        self._keys = keys
        self._client_id = client_id
        self._algorithms = tuple(algorithms)
        self._seconds_ahead = seconds_ahead
        self._used: dict[str, float] = {}

    def check(self, form: Mapping[str, Any], audience: str, now: float) -> None:
        """``audience`` is the token URL, ``now`` in seconds since 1970. Raises TokenRefused."""
        if form.get("grant_type") != GRANT_TYPE:
            raise TokenRefused(400, "unsupported_grant_type", f"grant_type must be {GRANT_TYPE}")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise TokenRefused(400, "invalid_request", f"client_assertion_type must be {ASSERTION_TYPE}")
        assertion = form.get("client_assertion")
        if not isinstance(assertion, str) or not assertion:
            raise TokenRefused(400, "invalid_request", "client_assertion is missing")
        self._check_claims(self._signed_claims(assertion), audience, now)

    def _signed_claims(self, assertion: str) -> Mapping[str, Any]:
        try:
            header = jws.extract_compact(assertion.encode()).headers()
            alg, kid = header.get("alg"), header.get("kid")
            if alg not in self._algorithms:
                raise TokenRefused(401, "invalid_client", f"alg must be one of {', '.join(self._algorithms)}")
            if not isinstance(kid, str) or not kid:
                raise TokenRefused(401, "invalid_client", "kid is missing from the header of the assertion")
            return jwt.decode(assertion, self._keys.find(kid, alg), algorithms=[alg]).claims
        except (JoseError, ValueError) as error:
            raise TokenRefused(
                401, "invalid_client", "the assertion is not a JWT signed by this key"
            ) from error

    def _check_claims(self, claims: Mapping[str, Any], audience: str, now: float) -> None:
        issuer, expiry, jti = claims.get("iss"), claims.get("exp"), claims.get("jti")
        if not issuer or issuer != claims.get("sub") or self._client_id not in (None, issuer):
            raise TokenRefused(401, "invalid_client", "iss and sub must both be the client id")
        audiences = claims.get("aud")
        if audience not in (audiences if isinstance(audiences, list) else [audiences]):
            raise TokenRefused(401, "invalid_client", f"aud must be {audience}")
        if isinstance(expiry, bool) or not isinstance(expiry, int | float):
            raise TokenRefused(401, "invalid_client", "exp must be a number of seconds since 1970")
        if not now < expiry <= now + self._seconds_ahead:
            raise TokenRefused(401, "invalid_client", "exp must lie ahead, by five minutes at most")
        if any(claims.get(each, 0) > now for each in ("iat", "nbf")):
            raise TokenRefused(401, "invalid_client", "iat and nbf must not lie ahead")
        if not isinstance(jti, str) or not jti or jti in self._used:
            raise TokenRefused(401, "invalid_client", "jti must be there and new in each assertion")
        self._used = {used: until for used, until in self._used.items() if until > now} | {jti: expiry}


def _pem_key(pem: bytes | str) -> Key:
    for kind in (RSAKey, ECKey):
        try:
            return kind.import_key(pem)
        except (JoseError, ValueError):
            continue
    raise ValueError("the public key is neither an RSA nor an EC key in PEM form")
