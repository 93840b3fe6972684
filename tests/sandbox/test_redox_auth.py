from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, RSAKey

from gateway.sandbox.redox_auth import ASSERTION_TYPE, KEY_NOT_FOUND, Assertions, ClientKeys, TokenRefused

NOW = 1_761_073_227.0
AUDIENCE = "http://127.0.0.1:8082/v2/auth/token"
CLAIMS = {"iss": "me", "sub": "me", "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300, "jti": "1"}
RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-384")
SECRET = "a secret that is long enough for HMAC with SHA-384"


def form(
    claims: Mapping[str, Any] = CLAIMS, key: Key = RSA, alg: str = "RS384", kid: str | None = "key-1"
) -> dict[str, str]:
    header = {"alg": alg} | ({} if kid is None else {"kid": kid})
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jwt.encode(header, dict(claims), key, algorithms=[alg]),
    }


def pem(key: RSAKey | ECKey) -> bytes:
    return key.as_pem(private=False)


@pytest.mark.parametrize(
    ("keys", "key", "alg"),
    [
        (ClientKeys(public_key=pem(RSA)), RSA, "RS384"),
        (ClientKeys(public_key=pem(EC).decode(), key_id="key-1"), EC, "ES384"),
        (ClientKeys(secret=SECRET), OctKey.import_key(SECRET), "HS384"),
        (ClientKeys(jwks={"keys": [RSA.as_dict(private=False) | {"kid": "key-1"}]}), RSA, "RS384"),
    ],
)
def test_a_signed_assertion_is_accepted_once(keys: ClientKeys, key: Key, alg: str) -> None:
    assertions = Assertions(keys, "me")
    assertions.check(form(key=key, alg=alg), AUDIENCE, NOW)
    with pytest.raises(TokenRefused, match=r"^jti must be there and new in each assertion$"):
        assertions.check(form(key=key, alg=alg), AUDIENCE, NOW)
    assertions.check(form(CLAIMS | {"jti": "2", "aud": ["x", AUDIENCE]}, key, alg), AUDIENCE, NOW)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"iss": "you"}, "iss and sub must both be the client id"),
        ({"iss": "you", "sub": "you"}, "iss and sub must both be the client id"),
        ({"iss": None, "sub": None}, "iss and sub must both be the client id"),
        ({"aud": AUDIENCE + "/"}, f"aud must be {AUDIENCE}"),
        ({"exp": NOW}, "exp must lie ahead, by five minutes at most"),
        ({"exp": NOW + 361}, "exp must lie ahead, by five minutes at most"),
        ({"exp": str(NOW + 60)}, "exp must be a number of seconds since 1970"),
        ({"exp": None}, "exp must be a number of seconds since 1970"),
        ({"jti": ""}, "jti must be there and new in each assertion"),
    ],
)
def test_claims_that_are_refused(change: dict[str, Any], text: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        Assertions(ClientKeys(public_key=pem(RSA)), "me").check(form(CLAIMS | change), AUDIENCE, NOW)
    assert (refused.value.status, refused.value.error, refused.value.description) == (
        401,
        "invalid_client",
        text,
    )


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (form(kid=None), "kid is missing from the header of the assertion"),
        (form(kid="key-2"), KEY_NOT_FOUND),
        (form(alg="RS256"), "alg must be one of RS384, ES384, HS384"),
        (form(key=RSAKey.generate_key(2048)), "the assertion is not a JWT signed by this key"),
        (form(key=OctKey.import_key(SECRET), alg="HS384"), KEY_NOT_FOUND),
        (form() | {"client_assertion": "a.b.c"}, "the assertion is not a JWT signed by this key"),
        (form() | {"client_assertion": "abc"}, "the assertion is not a JWT signed by this key"),
        (form() | {"client_assertion": "é"}, "the assertion is not a JWT signed by this key"),
        (form() | {"client_assertion": ""}, "client_assertion is missing"),
        (form() | {"grant_type": "password"}, "grant_type must be client_credentials"),
        (form() | {"client_assertion_type": "jwt"}, f"client_assertion_type must be {ASSERTION_TYPE}"),
    ],
)
def test_assertions_that_are_refused(sent: dict[str, str], text: str) -> None:
    keys = ClientKeys(public_key=pem(RSA), key_id="key-1")
    with pytest.raises(TokenRefused) as refused:
        Assertions(keys, None).check(sent, AUDIENCE, NOW)
    assert refused.value.description == text


def test_nobody_gets_in_without_a_key() -> None:
    with pytest.raises(TokenRefused, match=r"^Public key not found"):
        Assertions(ClientKeys(), None).check(form(), AUDIENCE, NOW)


def test_a_public_key_that_is_none() -> None:
    with pytest.raises(ValueError, match="neither an RSA nor an EC key"):
        ClientKeys(public_key="-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n")
