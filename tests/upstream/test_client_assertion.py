from __future__ import annotations

import warnings
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.upstream.client_assertion import Algorithm, SignedAssertion, usual_algorithm

NOW = 1_761_073_200.5
URL = "https://api.redoxengine.com/v2/auth/token"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


RSA_PEM = pem(rsa.generate_private_key(65537, 2048))
P256_PEM = pem(ec.generate_private_key(ec.SECP256R1()))
P384_PEM = pem(ec.generate_private_key(ec.SECP384R1()))
P521_PEM = pem(ec.generate_private_key(ec.SECP521R1()))


def signed(key: bytes, algorithm: Algorithm, **more: Any) -> SignedAssertion:
    return SignedAssertion(
        token_url=URL, client_id="client-1", key_id="key-1", key=key, algorithm=algorithm, **more
    )


def claims_of(assertion: SignedAssertion, key: Any, now: float = NOW) -> dict[str, Any]:
    form = parse_qs((assertion.request(now=now).body or b"").decode())
    return jwt.decode(form["client_assertion"][0], key, algorithms=[assertion.algorithm]).claims


@pytest.mark.parametrize(
    ("algorithm", "secret", "verifier"),
    [
        ("RS256", RSA_PEM, RSAKey.import_key),
        ("RS384", RSA_PEM, RSAKey.import_key),
        ("RS512", RSA_PEM, RSAKey.import_key),
        ("ES256", P256_PEM, ECKey.import_key),
        ("ES384", P384_PEM, ECKey.import_key),
        ("ES512", P521_PEM, ECKey.import_key),
        ("HS384", b"x" * 48, OctKey.import_key),
        ("HS384", b"short", OctKey.import_key),
    ],
)
def test_the_assertion_is_as_smart_and_redox_document_it(
    algorithm: Algorithm, secret: bytes, verifier: Any
) -> None:
    request = signed(secret, algorithm).request(now=NOW)
    assert (request.method, str(request.url)) == ("POST", URL)
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in request.headers
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
        "iat": 1_761_073_140,
        "nbf": 1_761_073_140,
        "exp": 1_761_073_380,
    }


KEY = signed(P384_PEM, "ES384")
PUBLIC = ECKey.import_key(P384_PEM)


@given(now=st.floats(1e9, 4e9), off=st.floats(-60, 60), travel=st.floats(0, 30))
def test_a_clock_that_is_off_by_a_minute_takes_it(now: float, off: float, travel: float) -> None:
    """SMART: exp no more than five minutes ahead; and neither a beginning that lies ahead nor an end that is
    past, by the clock of a server that is a minute behind or ahead of ours and reads it half a minute
    later."""
    claims = claims_of(KEY, PUBLIC, now)
    there = now + off + travel
    assert claims["iat"] <= there and claims["nbf"] <= there
    assert there < claims["exp"] <= there + 300
    assert claims["exp"] - claims["iat"] < 300


@pytest.mark.parametrize("seconds", [10, 230])
def test_the_shortest_and_the_longest_life_that_may_be_set(seconds: int) -> None:
    claims = claims_of(signed(P384_PEM, "ES384", seconds=seconds), PUBLIC)
    assert claims["exp"] == int(NOW) + seconds
    assert claims["exp"] - claims["iat"] < 300


def test_the_audience_can_be_another_than_the_address() -> None:
    assert claims_of(signed(P384_PEM, "ES384", audience="https://issuer.example/realm"), PUBLIC)["aud"] == (
        "https://issuer.example/realm"
    )


def test_further_fields_come_after_those_of_the_protocol() -> None:
    extra = (("resource", "https://a.example"), ("resource", "https://b.example"), ("tenant", "ü &="))
    body = signed(P384_PEM, "ES384", scope="system/*.rs", extra=extra).request(now=NOW).body or b""
    fields = parse_qsl(body.decode())
    assert [name for name, _ in fields[:4]] == [
        "grant_type",
        "client_assertion_type",
        "client_assertion",
        "scope",
    ]
    assert fields[4:] == list(extra)


def test_each_assertion_has_its_own_id() -> None:
    assert len({claims_of(KEY, PUBLIC)["jti"] for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("algorithm", "key", "text"),
    [
        ("RS384", P384_PEM, "the private key for RS384 must be an unencrypted RSA key in PEM form"),
        ("RS256", b"canary", "the private key for RS256 must be an unencrypted RSA key in PEM form"),
        ("ES384", RSA_PEM, "the private key for ES384 must be an unencrypted EC (P-384) key in PEM form"),
        ("ES384", P256_PEM, "the key cannot sign ES384: ES384 needs curve P-384"),
        ("ES256", P384_PEM, "the key cannot sign ES256: ES256 needs curve P-256"),
    ],
)
def test_a_key_of_another_kind_is_refused_at_once(algorithm: Algorithm, key: bytes, text: str) -> None:
    with pytest.raises(ValueError) as raised:
        signed(key, algorithm)
    assert str(raised.value) == text


@pytest.mark.parametrize(
    ("key", "taken", "algorithm"),
    [
        (RSA_PEM, (), "RS384"),
        (RSA_PEM, ("ES384", "RS384", "RS256"), "RS384"),
        (RSA_PEM, ("RS256",), "RS256"),
        (RSA_PEM, ("RS512", "none"), "RS512"),
        (RSA_PEM, ("none", "HS256"), "RS384"),
        (P256_PEM, ("RS384",), "ES256"),
        (P384_PEM, (), "ES384"),
        (P521_PEM, (), "ES512"),
        (b"no key at all", (), "RS384"),
    ],
)
def test_the_algorithm_goes_with_the_key(key: bytes, taken: tuple[str, ...], algorithm: str) -> None:
    assert usual_algorithm(key, taken) == algorithm


def test_no_secret_is_shown() -> None:
    shown = signed(b"hush" * 12, "HS384", extra=(("password", "hush"),))
    assert "hush" not in f"{shown!r} {shown} {shown.request(now=NOW)!r}"
