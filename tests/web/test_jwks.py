"""The keys of an issuer: which are used, how long they are kept, and when they are fetched again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.core.errors import UpstreamUnavailable
from gateway.web.bearer import Bearer
from gateway.web.jwks import Fetched, FetchFailed
from tests.clock import seconds
from tests.web.fhir_side import access
from tests.web.issuer import KEYS, Issuer, Ticks, admit, checking, issuing, refusal


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


@pytest.mark.parametrize("members", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "RS512"}])
async def test_keys_that_are_for_something_else(
    bearer: Bearer, issuer: Issuer, members: dict[str, Any]
) -> None:
    issuer.publish("rsa-1", **members)
    text = "The token is signed with a key that its issuer does not publish."
    assert await refusal(bearer, issuer, issuer.token()) == text


async def test_one_bad_key_does_not_spoil_the_others(bearer: Bearer, issuer: Issuer) -> None:
    spoilt: list[Any] = [5, {}, {"kty": "RSA", "kid": 7}, {"kty": "RSA", "n": "!" * 400, "e": "AQAB"}]
    spoilt += [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}]
    issuer.published = [*spoilt, *issuer.published]
    assert await admit(bearer, issuer, issuer.token()) == "jwt"


async def test_a_token_without_kid_needs_a_single_key_that_fits(bearer: Bearer, issuer: Issuer) -> None:
    assert "does not publish" in await refusal(bearer, issuer, issuer.token(head={"kid": None}))
    assert await admit(bearer, issuer, issuer.token("p-384", "ES384", {"kid": None})) == "jwt"


async def test_a_symmetric_key_that_is_published_is_not_used(bearer: Bearer, issuer: Issuer) -> None:
    issuer.published = [{"kty": "oct", "kid": "rsa-1", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]
    text = "The token is signed with a key that its issuer does not publish."
    assert await refusal(bearer, issuer, issuer.token()) == text


async def test_many_requests_one_fetch(bearer: Bearer, issuer: Issuer) -> None:
    token = issuer.token()
    assert set(await asyncio.gather(*(admit(bearer, issuer, token) for _ in range(20)))) == {"jwt"}
    assert issuer.fetched == 1


async def test_a_waiter_that_goes_leaves_the_fetch_to_the_others() -> None:
    begun, go = asyncio.Event(), asyncio.Event()
    fetches = 0
    own = Issuer(KEYS, url="https://auth.example/jwks")
    own.publish("rsa-1")

    async def fetch(_url: str) -> Fetched:
        nonlocal fetches
        fetches += 1
        begun.set()
        await go.wait()
        return Fetched(json.dumps({"keys": own.published}).encode())

    bearer = Bearer(fetch, seconds)
    first, second = (asyncio.create_task(admit(bearer, own, own.token())) for _ in range(2))
    await begun.wait()
    first.cancel()
    await asyncio.sleep(0)
    go.set()
    assert await second == "jwt"
    assert (first.cancelled(), fetches) == (True, 1)
    await bearer.close()


async def test_rotation(bearer: Bearer, issuer: Issuer, ticks: Ticks) -> None:
    issuer.publish("rsa-1")
    assert await admit(bearer, issuer, issuer.token()) == "jwt"
    issuer.publish("rsa-2")
    ticks.now += 5
    # Too soon after the last fetch for another one.
    assert "does not publish" in await refusal(bearer, issuer, issuer.token("rsa-2"))
    assert issuer.fetched == 1
    ticks.now += 5
    assert await admit(bearer, issuer, issuer.token("rsa-2")) == "jwt"
    assert "does not publish" in await refusal(bearer, issuer, issuer.token("rsa-1"))
    assert issuer.fetched == 2


async def test_nobody_can_make_us_ask_the_issuer_all_the_time(
    bearer: Bearer, issuer: Issuer, ticks: Ticks
) -> None:
    for _ in range(50):
        await refusal(bearer, issuer, issuer.token(head={"kid": "unknown"}))
        ticks.now += 1
    assert issuer.fetched == 5


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", 900),
        ("public, max-age=300", 300),
        ("max-age=5", 60),
        ("max-age=999999999", 3600),
        ("no-store", 60),
        ("max-age=soon", 900),
        ("s-maxage=100", 900),
    ],
)
async def test_how_long_keys_are_fresh(
    bearer: Bearer, issuer: Issuer, ticks: Ticks, cache_control: str, seconds: float
) -> None:
    issuer.headers = {"Cache-Control": cache_control}
    await admit(bearer, issuer, issuer.token())
    ticks.now += seconds - 1
    await admit(bearer, issuer, issuer.token())
    assert issuer.fetched == 1
    ticks.now += 1
    issuer.publish("rsa-2")
    assert "does not publish" in await refusal(bearer, issuer, issuer.token())
    assert issuer.fetched == 2


async def test_old_keys_serve_while_the_issuer_is_down_for_a_day(
    bearer: Bearer, issuer: Issuer, ticks: Ticks
) -> None:
    await admit(bearer, issuer, issuer.token())
    issuer.down = True
    ticks.now += 23 * 3600
    assert await admit(bearer, issuer, issuer.token()) == "jwt"
    assert issuer.fetched == 2
    with pytest.raises(UpstreamUnavailable):  # whether the issuer has this key cannot be told
        await admit(bearer, issuer, issuer.token(head={"kid": "new"}))
    ticks.now += 3600
    with pytest.raises(UpstreamUnavailable) as refused:
        await admit(bearer, issuer, issuer.token())
    assert refused.value.retry_after == 10
    issuer.down = False
    ticks.now += 10
    assert await admit(bearer, issuer, issuer.token()) == "jwt"


async def test_while_the_issuer_hangs_only_the_first_request_waits(ticks: Ticks) -> None:
    own = Issuer(KEYS, url="https://auth.example/jwks")
    own.publish("rsa-1")
    hangs = asyncio.Event()

    async def fetch(_url: str) -> Fetched:
        if hangs.is_set():
            await asyncio.sleep(0.2)
            raise FetchFailed
        return Fetched(json.dumps({"keys": own.published}).encode())

    bearer = Bearer(fetch, seconds, ticks)
    took: list[float] = []
    for later in (0, 901, 11):
        ticks.now += later
        begun = time.monotonic()
        assert await admit(bearer, own, own.token()) == "jwt"
        took.append(time.monotonic() - begun)
        hangs.set()
    assert took[1] >= 0.2 > 0.1 > took[2]
    await bearer.close()


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"keys": 5}', b'{"keys": [' + b"{}," * 100 + b"{}]}", b" " * 262_145],
    ids=["empty", "html", "list", "nothing", "number", "many", "large"],
)
async def test_what_is_no_key_set(body: bytes) -> None:
    own = Issuer(KEYS, url="https://auth.example/jwks")

    async def fetch(_url: str) -> Fetched:
        return Fetched(body)

    with pytest.raises(UpstreamUnavailable):
        await admit(Bearer(fetch, seconds), own, own.token())


@pytest.mark.parametrize("path", ["/moved", "/nowhere"])
async def test_a_redirect_and_an_error_bring_no_keys(bearer: Bearer, issuer: Issuer, path: str) -> None:
    rules = issuer.rules(jwks_url=issuer.url + path)
    with pytest.raises(UpstreamUnavailable):
        await bearer.admit([f"Bearer {issuer.token()}"], access(jwt=rules), "Slot", "s")
    assert issuer.fetched == 0
