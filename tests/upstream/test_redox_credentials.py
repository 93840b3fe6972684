from __future__ import annotations

import json
import warnings
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.upstream.oauth import DEFAULT_LIFETIME_SECONDS, TokenError
from gateway.upstream.redox_credentials import LegacyKey, SignedAssertion

NOW = 1_761_073_200.5
URL = "https://api.redoxengine.com/v2/auth/token"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


RSA_PEM = pem(rsa.generate_private_key(65537, 2048))
P384_PEM = pem(ec.generate_private_key(ec.SECP384R1()))
P256_PEM = pem(ec.generate_private_key(ec.SECP256R1()))


def signed(key: bytes, algorithm: Any) -> SignedAssertion:
    return SignedAssertion(token_url=URL, client_id="client-1", key_id="key-1", key=key, algorithm=algorithm)


@pytest.mark.parametrize(
    ("algorithm", "secret", "verifier"),
    [
        ("RS384", RSA_PEM, RSAKey.import_key),
        ("ES384", P384_PEM, ECKey.import_key),
        ("HS384", b"x" * 48, OctKey.import_key),
        ("HS384", b"short", OctKey.import_key),
    ],
)
def test_the_assertion_is_as_redox_documents_it(algorithm: str, secret: bytes, verifier: Any) -> None:
    request = signed(secret, algorithm).request(now=NOW)
    assert (request.method, str(request.url)) == ("POST", URL)
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    fields = {name: values[0] for name, values in parse_qs((request.body or b"").decode()).items()}
    assertion = fields.pop("client_assertion")
    assert fields == {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        token = jwt.decode(assertion, verifier(secret), algorithms=[algorithm])
    assert token.header == {"alg": algorithm, "kid": "key-1", "typ": "JWT"}
    assert len(token.claims.pop("jti")) >= 32
    assert token.claims == {
        "iss": "client-1",
        "sub": "client-1",
        "aud": URL,
        "iat": 1_761_073_200,
        "exp": 1_761_073_500,
    }


def test_each_assertion_has_its_own_id() -> None:
    credentials = signed(P384_PEM, "ES384")
    assert credentials.request(now=NOW).body != credentials.request(now=NOW).body


@pytest.mark.parametrize(
    ("algorithm", "key", "text"),
    [
        ("RS384", P384_PEM, "the private key for RS384 must be an unencrypted RSA key in PEM form"),
        ("RS384", b"canary", "the private key for RS384 must be an unencrypted RSA key in PEM form"),
        ("ES384", RSA_PEM, "the private key for ES384 must be an unencrypted EC (P-384) key in PEM form"),
        ("ES384", P256_PEM, "the key cannot sign ES384: ES384 needs curve P-384"),
    ],
)
def test_a_key_of_another_kind_is_refused_at_once(algorithm: str, key: bytes, text: str) -> None:
    with pytest.raises(ValueError) as raised:
        signed(key, algorithm)
    assert str(raised.value) == text


def test_no_secret_is_shown() -> None:
    shown = (
        f"{signed(b'hush' * 12, 'HS384')!r} {LegacyKey(base_url='http://h', api_key='hush', secret='hush')!r}"
    )
    assert "hush" not in shown


def legacy() -> LegacyKey:
    return LegacyKey(base_url="http://h/", api_key="k", secret="s")


def test_the_legacy_key_is_sent_as_json() -> None:
    request = legacy().request(now=NOW)
    assert str(request.url) == "http://h/auth/authenticate"
    assert json.loads(request.body or b"") == {"apiKey": "k", "secret": "s"}


@pytest.mark.parametrize(
    ("expires", "lifetime"),
    [
        ("2025-10-21T20:00:00.500Z", 3600.0),
        ("2025-10-21T20:00:00.500", 3600.0),
        ("2025-10-21T13:00:00.500-07:00", 3600.0),
        ("2025-10-21T18:00:00Z", DEFAULT_LIFETIME_SECONDS),
        ("tomorrow", DEFAULT_LIFETIME_SECONDS),
        (None, DEFAULT_LIFETIME_SECONDS),
    ],
)
def test_the_end_of_a_legacy_token_is_a_time_of_day(expires: str | None, lifetime: float) -> None:
    body = json.dumps({"accessToken": "a", "expires": expires, "refreshToken": "r"}).encode()
    grant = legacy().grant(body, now=NOW)
    assert (grant.token, grant.lifetime) == ("a", lifetime)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"accessToken": ""}', b'{"accessToken": "a b"}'])
def test_an_answer_without_a_token(body: bytes) -> None:
    with pytest.raises(TokenError, match="protocol"):
        legacy().grant(body, now=NOW)
