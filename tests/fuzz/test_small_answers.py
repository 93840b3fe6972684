"""The small bodies that come from outside: of token endpoints, key sets, tokens, refusals and links."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from random import Random
from typing import Any

import pytest
from yarl import URL

from gateway.core.errors import GatewayError
from gateway.upstream.backoff import retry_after_seconds
from gateway.upstream.client_secret import ClientCredentials
from gateway.upstream.fhir_client import issue_code
from gateway.upstream.paging import BaseUrl, next_link
from gateway.upstream.redox_client import error_type
from gateway.upstream.redox_credentials import LegacyKey
from gateway.upstream.smart_configuration import SmartConfiguration, read
from gateway.upstream.token_answer import Grant, TokenError, token_refused
from gateway.upstream.trouble import Trouble, refused
from gateway.web import jwt
from gateway.web.access import JwtRules
from gateway.web.jwks import FetchFailed, PublicKey, read_keys
from tests.fuzz.mangling import mangled
from tests.fuzz.scale import chance, inputs
from tests.web.issuer import KEYS

Json = dict[str, Any]

GRANT: Json = {"access_token": "abc", "token_type": "Bearer", "expires_in": 3600, "scope": "system/*.read"}
LEGACY: Json = {"accessToken": "abc", "expires": "2025-10-22T00:00:00.000Z", "refreshToken": "x"}
REFUSAL: Json = {"error": "invalid_client", "error_description": "no"}
OUTCOME: Json = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "not-found", "details": {"text": "no"}}, {"code": "x"}],
}
REDOX_ERROR: Json = {"Meta": {"Errors": [{"ID": 1, "Text": "no", "Type": "query", "Module": "Send"}]}}
PAGE: Json = {
    "resourceType": "Bundle",
    "link": [
        {"relation": "self", "url": "https://ehr.example/fhir/Slot?a=1"},
        {"relation": "next", "url": "https://ehr.example/fhir/Slot?a=1&page=2"},
    ],
    "entry": [{"resource": {"resourceType": "Slot"}}],
}
HEADERS = (
    "",
    "1",
    "-1",
    "999999999999",
    "1e9",
    "nan",
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "Thu, 32 Foo 99999999 99:99:99 +9999",
)


def test_a_token_endpoint_gives_a_token_or_is_told_of() -> None:
    random = chance("token answers")
    oauth = ClientCredentials(token_url="https://ehr.example/token", client_id="a", client_secret="b")
    legacy = LegacyKey(base_url="https://redox.example", api_key="a", secret="b")
    given = 0
    for _ in range(inputs(300)):
        credentials, answer = random.choice(((oauth, GRANT), (legacy, LEGACY)))
        try:
            grant = credentials.grant(mangled(answer, random), now=1.7e9)
        except TokenError as error:
            assert error.kind in ("protocol", "unauthorized")
            continue
        assert isinstance(grant, Grant) and grant.lifetime > 0
        given += 1
        status = random.choice((400, 401, 429, 500, 503, 302))
        error = token_refused(status, mangled(REFUSAL, random), None)
        assert error.code is None or len(error.code) <= 40
    assert given


def test_a_smart_configuration_is_read_for_what_can_be_read() -> None:
    random = chance("smart configurations")
    told = {
        "token_endpoint": "https://ehr.example/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
    }
    for _ in range(inputs(200)):
        found = read(mangled(told, random))
        assert found is None or isinstance(found, SmartConfiguration)
        assert found is None or found.basic_only in (True, False)


def test_a_key_set_is_read_for_what_can_be_read() -> None:
    random = chance("key sets")
    keys = [dict(key.as_dict(private=False)) | {"kid": kid, "use": "sig"} for kid, key in KEYS.items()]
    told = 0
    for _ in range(inputs(100)):
        try:
            found = read_keys(mangled({"keys": keys}, random))
        except FetchFailed:
            continue
        told += len(found)
        for key in found:
            for alg in ("RS256", "ES256", "ES512"):
                if key.fits(alg):
                    with pytest.raises(GatewayError):
                        jwt.check_signature(_token({"alg": alg}, {}), key)
    assert told


def _token(head: Json, claims: Json, random: Random | None = None) -> jwt.Token:
    head, claims = {"alg": "RS256", **head}, {"iss": "a", "aud": "b", "exp": 2e9, **claims}
    parts = [json.dumps(each).encode() for each in (head, claims)]
    if random is not None:
        parts = [mangled(each, random) for each in (head, claims)]
    text = [urlsafe_b64encode(each).rstrip(b"=").decode() for each in (*parts, b"s" * 64)]
    return jwt.read(".".join(text))


def test_a_token_is_read_or_refused() -> None:
    random = chance("tokens")
    head: Json = {
        "kid": "rsa-1",
        "typ": "JWT",
        "jku": "https://x",
        "x5c": ["a"],
        "jwk": {"kty": "RSA"},
        "b64": True,
    }
    claims: Json = {"aud": ["b", "c"], "nbf": 1.0, "iat": 1, "scope": "x", "scp": ["y"]}
    key = PublicKey("rsa-1", None, None, KEYS["rsa-1"])
    read = refusals = 0
    for _ in range(inputs(300)):
        try:
            token = _token(head, claims, random)
            assert all(isinstance(each, str) for each in token.scopes)
        except GatewayError as error:
            assert error.status == 401
            refusals += 1
            continue
        read += 1
        with pytest.raises(GatewayError):
            jwt.check_claims(token, JwtRules("a", "b", "https://issuer.example/keys"), 1.7e9)
            jwt.check_signature(token, key)
    assert read and refusals


def test_a_refusal_is_told_by_its_code_alone() -> None:
    random = chance("refusals")
    for _ in range(inputs(300)):
        outcome, redox = mangled(OUTCOME, random), mangled(REDOX_ERROR, random)
        after = retry_after_seconds(random.choice(HEADERS), now=1.7e9)
        assert after is None or 0 <= after <= 3600
        for code in (issue_code(outcome), error_type(redox)):
            trouble = refused(random.choice((302, 400, 404, 429, 500, 503)), code, after)
            assert trouble.code is None or len(trouble.code) <= 40


def test_a_link_is_followed_below_the_base_or_not_at_all() -> None:
    random = chance("links")
    base = BaseUrl("https://ehr.example/fhir")
    page = URL("https://ehr.example/fhir/Slot?a=1")
    followed = 0
    for _ in range(inputs(300)):
        try:
            link = next_link(mangled(PAGE, random))
        except Trouble as trouble:
            assert trouble.kind == "protocol"
            continue
        onward = base.follow(page, link) if link is not None else None
        if onward is not None:
            assert str(onward).startswith("https://ehr.example/fhir")
            followed += 1
    assert followed
