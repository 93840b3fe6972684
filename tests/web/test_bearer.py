"""Who gets in: real keys, real signatures, and a real issuer over HTTP."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from gateway.core.errors import Forbidden, Unauthorized
from gateway.web.access import Access
from gateway.web.bearer import Bearer
from gateway.web.jwt import InvalidToken
from tests.clock import seconds
from tests.web.fhir_side import TOKEN, access, fhir_side
from tests.web.issuer import AUDIENCE, KEYS, NULL, Issuer, Ticks, admit, checking, issuing, refusal


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing(KEYS) as issuer:
        yield issuer


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
async def bearer(ticks: Ticks) -> AsyncIterator[Bearer]:
    async with checking(ticks) as bearer:
        yield bearer


@pytest.mark.parametrize(
    ("kid", "alg"),
    [
        *(("rsa-1", alg) for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        ("p-256", "ES256"),
        ("p-384", "ES384"),
        ("p-521", "ES512"),
    ],
)
async def test_good_tokens(bearer: Bearer, issuer: Issuer, kid: str, alg: str) -> None:
    assert await admit(bearer, issuer, issuer.token(kid, alg)) == "jwt"


@pytest.mark.parametrize(
    ("claims", "client"),
    [
        ({"client_id": "scheduler-1"}, "jwt:scheduler-1"),
        ({"azp": "1-a.apps.example", "cid": "other"}, "jwt:1-a.apps.example"),
        ({"client_id": 7, "azp": None, "appid": "https://app.example/x"}, "jwt:https://app.example/x"),
        # What would not look like a client id is none, and no reason to refuse the token.
        ({"client_id": "jane@clinic.example"}, "jwt"),
        ({"client_id": "a b"}, "jwt"),
        ({"client_id": "x" * 101}, "jwt"),
        ({"client_id": {"a": ["b"]}}, "jwt"),
        ({"sub": "jane"}, "jwt"),
    ],
)
async def test_the_client_that_the_issuer_names(
    bearer: Bearer, issuer: Issuer, claims: dict[str, Any], client: str
) -> None:
    assert await admit(bearer, issuer, issuer.token(**claims)) == client


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["https://other.example", AUDIENCE]},
        {"exp": seconds() + 1e9},
        {"iat": None, "nbf": 0},
        {"scope": "openid system/Slot.read"},
        {"scope": ["system/Slot.read"]},
        {"scope": None, "scp": ["system/Slot.rs"]},
        {"scope": None, "scp": "openid system/Slot.read"},
        {"scope": NULL, "scp": "system/Slot.read"},
        {"scope": "system/Slot.read", "scp": NULL, "roles": NULL, "permissions": NULL},
        {"scope": None, "roles": ["admin", "system/Slot.read"]},
        {"scope": None, "roles": ["system/Slot.rs"]},
        {"scope": None, "permissions": ["system/*.read"]},
        {"scope": NULL, "scp": NULL, "roles": ["clerk"], "permissions": ["system/Slot.rs"]},
        {"scope": "", "scp": [], "roles": ["system/Slot.read"]},
        {"scope": "system/Slot.read", "roles": [{"name": "clerk"}, 5], "permissions": "none"},
        {"sub": "x", "client_id": 5, "other": {"deep": []}},
    ],
)
async def test_claims_that_are_well(bearer: Bearer, issuer: Issuer, claims: dict[str, Any]) -> None:
    assert await admit(bearer, issuer, issuer.token(**claims)) == "jwt"


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        (
            {"iss": "https://auth.example/"},
            "The token is from another issuer than the one that this site trusts.",
        ),
        ({"iss": None}, "The token is not a JWT with the claims iss, aud and exp."),
        (
            {"aud": "https://gateway.example/fhir/partner"},
            "The token is for another audience than this gateway.",
        ),
        ({"aud": []}, "The token is for another audience than this gateway."),
        ({"aud": None}, "The token is not a JWT with the claims iss, aud and exp."),
        ({"exp": None}, "The token is not a JWT with the claims iss, aud and exp."),
        ({"exp": "tomorrow"}, "The token is not a JWT with the claims iss, aud and exp."),
        ({"exp": seconds() - 31}, "The token has expired."),
        ({"nbf": seconds() + 1e9}, "The token is not valid yet; compare the clocks."),
        ({"iat": seconds() + 1e9}, "The token is not valid yet; compare the clocks."),
        ({"cnf": {"jkt": "x"}}, "The token is bound to a key; send one that is not."),
    ],
)
async def test_claims_that_are_not(bearer: Bearer, issuer: Issuer, claims: dict[str, Any], text: str) -> None:
    assert await refusal(bearer, issuer, issuer.token(**claims)) == text
    assert issuer.fetched == 0  # what is refused anyway asks nothing of the issuer


@pytest.mark.parametrize(("claim", "off"), [("exp", -25), ("nbf", 25), ("iat", 25)])
async def test_clocks_may_differ_a_little(issuer: Issuer, bearer: Bearer, claim: str, off: float) -> None:
    assert await admit(bearer, issuer, issuer.token(**{claim: seconds() + off})) == "jwt"


@pytest.mark.parametrize(
    "head",
    [{"crit": ["exp"]}, {"typ": "dpop+jwt"}, {"typ": "logout+jwt"}, {"b64": False, "crit": ["b64"]}],
)
async def test_heads_that_say_it_is_something_else(bearer: Bearer, issuer: Issuer, head: Any) -> None:
    told = {"alg": "RS256", "kid": "rsa-1"} | head
    forged = _raw(told, issuer.token().split(".")[1], "AAAA")
    text = "The token's head says that it is something else than a plain access token."
    assert await refusal(bearer, issuer, forged) == text


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+JWT", None])
async def test_heads_that_say_it_is_a_token(bearer: Bearer, issuer: Issuer, typ: str | None) -> None:
    assert await admit(bearer, issuer, issuer.token(head={"typ": typ, "nonce": "x" * 600})) == "jwt"


def _raw(head: dict[str, Any], claims: str, signature: str) -> str:
    told = base64.urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode()
    return f"{told}.{claims}.{signature}"


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "HS512", "EdDSA", "RS1", ""])
async def test_other_algorithms(bearer: Bearer, issuer: Issuer, alg: str) -> None:
    forged = _raw({"alg": alg, "kid": "rsa-1"}, issuer.token().split(".")[1], "AAAA")
    text = "The token is signed with an algorithm that is not accepted; use RS256 or ES256."
    assert await refusal(bearer, issuer, forged) == text


async def test_an_unsigned_token(bearer: Bearer, issuer: Issuer) -> None:
    for alg in ("none", "RS256"):
        forged = _raw({"alg": alg, "kid": "rsa-1"}, issuer.token().split(".")[1], "")
        assert await refusal(bearer, issuer, forged) == "The bearer token is not one that this site knows."


@pytest.mark.parametrize("hidden", [False, True], ids=["alg-told", "alg-hidden"])
async def test_the_public_key_is_no_secret_to_sign_with(bearer: Bearer, issuer: Issuer, hidden: bool) -> None:
    claims = issuer.token().split(".")[1]
    for secret in (KEYS["rsa-1"].as_pem(private=False), json.dumps(issuer.published[0]).encode()):
        signed = _raw({"alg": "RS256" if hidden else "HS256", "kid": "rsa-1"}, claims, "")[:-1]
        digest = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).rstrip(b"=")
        text = await refusal(bearer, issuer, f"{signed}.{digest.decode()}")
        assert text == (
            "The token's signature is not valid."
            if hidden
            else "The token is signed with an algorithm that is not accepted; use RS256 or ES256."
        )


@pytest.mark.parametrize(
    ("kid", "alg", "said", "text"),
    [
        ("rsa-2", "RS256", "rsa-1", "The token's signature is not valid."),
        ("p-256", "ES256", "rsa-1", "The token is signed with a key that its issuer does not publish."),
        ("p-256", "ES256", "p-384", "The token is signed with a key that its issuer does not publish."),
    ],
)
async def test_a_token_signed_with_another_key_than_it_says(
    bearer: Bearer, issuer: Issuer, kid: str, alg: str, said: str, text: str
) -> None:
    assert await refusal(bearer, issuer, issuer.token(kid, alg, {"kid": said})) == text


async def test_a_key_that_the_token_brings_along_is_not_looked_at(bearer: Bearer, issuer: Issuer) -> None:
    own = RSAKey.generate_key(2048)
    issuer.keys = KEYS | {"own": own}
    head = {"kid": "rsa-1", "jwk": dict(own.as_dict(private=False)), "jku": "https://evil.example/jwks"}
    forged = issuer.token("own", head=head)
    assert await refusal(bearer, issuer, forged) == "The token's signature is not valid."


async def test_changed_tokens(bearer: Bearer, issuer: Issuer) -> None:
    head, claims, signature = issuer.token().split(".")
    more = json.dumps(json.loads(base64.urlsafe_b64decode(claims + "==")) | {"scope": "system/*.*"}).encode()
    changed = base64.urlsafe_b64encode(more).rstrip(b"=").decode()
    assert (
        await refusal(bearer, issuer, f"{head}.{changed}.{signature}")
        == "The token's signature is not valid."
    )
    for forged in (
        "a.b.c",
        f"{head}.{claims}",
        f"{head}.{claims}.{signature}.x",
        "é.b.c",
        f"{head}=.{claims}.x",
    ):
        assert await refusal(bearer, issuer, forged)
    too_long = issuer.token(padding="x" * 8192)
    assert await refusal(bearer, issuer, too_long) == "The bearer token is not one that this site knows."


async def test_a_token_without_the_scope_is_forbidden(bearer: Bearer, issuer: Issuer) -> None:
    for scope in (None, "", "openid", 'x"y'):
        with pytest.raises(Forbidden) as refused:
            await admit(bearer, issuer, issuer.token(scope=scope))
        assert str(refused.value) == "The token lacks the scope system/Slot.read."


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": "openid", "roles": ["system/Slot.read"]},
        {"scope": None, "scp": "openid", "permissions": ["system/Slot.read"]},
        {"scope": None, "roles": ["system/Slot.read openid"]},
        {"scope": None, "roles": ["Slot.read", "slots", "system/slot.read", "user/Slot.read"]},
        {"scope": None, "roles": ["system/Slot.write"], "permissions": []},
        {"scope": NULL, "scp": NULL},
    ],
)
async def test_roles_and_permissions_that_are_no_scope_for_it(
    bearer: Bearer, issuer: Issuer, claims: dict[str, Any]
) -> None:
    with pytest.raises(Forbidden):
        await admit(bearer, issuer, issuer.token(**claims))


@pytest.mark.parametrize("claim", ["scope", "scp", "roles", "permissions"])
@pytest.mark.parametrize(
    "value",
    [5, True, {}, {"system/Slot.read": 1}, ["system/Slot.read", 5], ["system/Slot.read", ["x"]], [None]],
)
async def test_claims_of_a_wrong_type_open_nothing(
    bearer: Bearer, issuer: Issuer, claim: str, value: object
) -> None:
    token = issuer.token(**({"scope": None} | {claim: value}))
    assert await refusal(bearer, issuer, token) == f"The token's claim {claim} is not a list of texts."


async def test_roles_as_a_text_are_no_list(bearer: Bearer, issuer: Issuer) -> None:
    token = issuer.token(scope=None, roles="system/Slot.read")
    assert await refusal(bearer, issuer, token) == "The token's claim roles is not a list of texts."


async def test_over_http(bearer: Bearer, issuer: Issuer) -> None:
    async with fhir_side(access(jwt=issuer.rules()), bearer=bearer) as side:
        good = {"Authorization": f"Bearer {issuer.token()}"}
        await side.ask("/Slot", headers=good)
        await side.ask("/Slot", headers={"Authorization": f"Bearer {TOKEN}"})
        _, late = await side.refused("/Slot", 401, headers={"Authorization": f"Bearer {issuer.token(exp=1)}"})
        assert late.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
        narrow = {"Authorization": f"Bearer {issuer.token(scope='system/Schedule.rs')}"}
        _, lacking = await side.refused("/Slot", 403, headers=narrow)
        assert (
            lacking.headers["WWW-Authenticate"]
            == 'Bearer error="insufficient_scope", scope="system/Slot.read"'
        )
        await side.ask("/Schedule", headers=narrow)
        text = side.log.getvalue().decode()
        assert not any(part in text for part in good["Authorization"].split(".")[1:])


@pytest.mark.parametrize("given", [[], ["Bearer a", "Bearer a"], ["Basic a"], ["Bearer"], [""], ["Bearer  "]])
async def test_no_token(bearer: Bearer, given: list[str]) -> None:
    with pytest.raises(Unauthorized) as refused:
        await bearer.admit(given, access(), "Slot", "s")
    assert not isinstance(refused.value, InvalidToken)


async def test_without_anything_configured_nothing_opens(bearer: Bearer, issuer: Issuer) -> None:
    for token in (TOKEN, issuer.token(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"):
        with pytest.raises(InvalidToken):
            await bearer.admit([f"Bearer {token}"], Access(), "Slot", "s")
