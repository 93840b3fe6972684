"""Signed access tokens: what they say, whether it holds, and who signed it (RFC 7519, 8725, 9068)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from gateway.core.errors import Issue, Unauthorized
from gateway.web.access import JwtRules
from gateway.web.jwks import PublicKey

MAX_BYTES: Final = 8192
LEEWAY_SECONDS: Final = 30.0
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}
)

_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_CLIENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:/-]{0,99}")
# RFC 8725, section 3.11: a token that says it is for something else (an ID of a logout, of a proof) is.
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})


class InvalidToken(Unauthorized):
    """A token was given, and it opens nothing."""


class _Head(msgspec.Struct):
    alg: str
    kid: str | None = None
    typ: str = "JWT"
    crit: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Claims(msgspec.Struct):
    iss: str
    aud: str | list[str]
    exp: float
    nbf: float | None = None
    iat: float | None = None
    scope: Any = None
    scp: Any = None
    roles: Any = None
    permissions: Any = None
    cnf: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    # Who asks, as RFC 9068 and as the usual issuers call it. Of no weight here, so of any type.
    client_id: Any = None
    azp: Any = None
    cid: Any = None
    appid: Any = None


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was read, and not yet believed. ``kid`` and ``alg`` are those of its head."""

    text: str
    alg: str
    kid: str | None
    claims: _Claims

    @property
    def scopes(self) -> tuple[str, ...]:
        """Those of ``scope`` (RFC 8693, section 4.2) and of ``scp``, as some issuers call it.

        Where neither says any: ``roles`` and ``permissions`` (RFC 9068, section 2.2.3.1; Entra ID, Auth0),
        whose items must be scopes to open anything. Raises InvalidToken for a claim of a wrong type.
        """
        claims = self.claims
        said = (*_words("scope", claims.scope), *_words("scp", claims.scp))
        return said or (*_items("roles", claims.roles), *_items("permissions", claims.permissions))

    @property
    def client(self) -> str | None:
        """The id of the client that it was issued to, if it is one that may stand in a log."""
        claims = self.claims
        given = (claims.client_id, claims.azp, claims.cid, claims.appid)
        return next((each for each in given if isinstance(each, str) and _CLIENT.fullmatch(each)), None)


def read(text: str) -> Token:
    """Take a token apart. Raises InvalidToken for what is none, or is signed in a way that we refuse.

    ``none`` and the symmetric algorithms are not among :data:`ALGORITHMS`: our keys are public, and
    nothing signed with a public key as its secret may pass. Keys that a token brings along (``jwk``,
    ``jku``, ``x5c``) are not looked at.
    """
    if len(text) > MAX_BYTES or not _SHAPE.fullmatch(text):
        raise _invalid("The bearer token is not one that this site knows.")
    head_text, claims_text, _ = text.split(".")
    try:
        head = msgspec.json.decode(urlsafe_b64decode(head_text.encode()), type=_Head)
        claims = msgspec.json.decode(urlsafe_b64decode(claims_text.encode()), type=_Claims)
    except (ValueError, RecursionError):  # msgspec's errors, and those of Base64, are ValueErrors
        raise _invalid("The token is not a JWT with the claims iss, aud and exp.") from None
    if head.alg not in ALGORITHMS:
        raise _invalid("The token is signed with an algorithm that is not accepted; use RS256 or ES256.")
    if head.crit is not msgspec.UNSET or head.typ.lower() not in _TYPES:
        raise _invalid("The token's head says that it is something else than a plain access token.")
    return Token(text, head.alg, head.kid, claims)


def check_claims(token: Token, rules: JwtRules, now: float) -> None:
    """Raise InvalidToken unless it is from this issuer, for this audience, and for now (epoch seconds).

    This comes before the signature: for what would be refused anyway, no key is fetched.
    """
    claims = token.claims
    audiences = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
    if claims.iss != rules.issuer:
        raise _invalid("The token is from another issuer than the one that this site trusts.")
    if rules.audience not in audiences:
        raise _invalid("The token is for another audience than this gateway.")
    if now >= claims.exp + LEEWAY_SECONDS:
        raise _invalid("The token has expired.", code="expired")
    if any(begin is not None and begin > now + LEEWAY_SECONDS for begin in (claims.nbf, claims.iat)):
        raise _invalid("The token is not valid yet; compare the clocks.")
    if claims.cnf is not msgspec.UNSET:
        # RFC 7800: whoever sends it must prove that it is theirs; as a plain bearer token it is stolen.
        raise _invalid("The token is bound to a key; send one that is not.")


def check_signature(token: Token, key: PublicKey | None) -> None:
    """Raise InvalidToken unless ``key`` (None: the issuer has none such) signed the token."""
    if key is None:
        raise _invalid("The token is signed with a key that its issuer does not publish.")
    registry = jws.JWSRegistry(algorithms=[token.alg], strict_check_header=False)
    registry.max_header_length = MAX_BYTES
    try:
        jws.deserialize_compact(token.text, key.key, registry=registry)
    except (JoseError, ValueError):
        raise _invalid("The token's signature is not valid.") from None


def _words(name: str, claim: Any) -> list[str]:
    """A text of words, or a list; null is as good as absent."""
    return claim.split() if isinstance(claim, str) else _items(name, claim)


def _items(name: str, claim: Any) -> list[str]:
    if claim is None:
        return []
    if not (isinstance(claim, list) and all(isinstance(each, str) for each in claim)):
        raise _invalid(f"The token's claim {name} is not a list of texts.")
    return claim


def _invalid(text: str, code: str = "login") -> InvalidToken:
    return InvalidToken(Issue(code, "", text))
