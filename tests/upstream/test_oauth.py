from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import pytest

from gateway.upstream.client_secret import ClientCredentials
from gateway.upstream.exchange import Wire
from gateway.upstream.interface import UpstreamEvent
from gateway.upstream.oauth import SharedToken
from gateway.upstream.session import SharedSession
from gateway.upstream.surroundings import Surroundings
from gateway.upstream.token_answer import Grant, TokenError

from .conftest import Clock, Script, answer


class Source:
    """A SharedToken over the scripted endpoint, with a clock that stands still."""

    def __init__(self, script: Script, session: SharedSession, clock: Clock, *, seconds: float = 2.0) -> None:
        self.events: list[UpstreamEvent] = []
        self.tokens = SharedToken(
            ClientCredentials(token_url=f"{script.url}/token", client_id="id&1", client_secret="hush +hush"),
            Wire(True, 1.0, 100_000),
            seconds=seconds,
            around=Surroundings(
                session=session, observe=self.events.append, clock=clock, wall_clock=lambda: 1_761_073_200.0
            ),
        )

    async def error(self) -> tuple[str, int | None, str | None]:
        with pytest.raises(TokenError) as raised:
            await self.tokens.get()
        return raised.value.kind, raised.value.status, raised.value.code


@pytest.fixture
async def source(script: Script, session: SharedSession, clock: Clock) -> AsyncIterator[Source]:
    source = Source(script, session, clock)
    yield source
    await source.tokens.close()


async def test_many_at_once_make_one_request(script: Script, source: Source) -> None:
    tokens = await asyncio.gather(*(source.tokens.get() for _ in range(20)))
    assert set(tokens) == {"token-1"}
    assert script.tokens == 1
    assert parse_qs(script.bodies[0].decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["id&1"],
        "client_secret": ["hush +hush"],
    }
    assert [(e.target, e.outcome, e.status, e.attempt) for e in source.events] == [("token", "ok", 200, 1)]


@pytest.mark.parametrize(("lifetime", "margin"), [(36000, 60.0), (300, 30.0), (None, 30.0), ("300", 30.0)])
async def test_it_is_renewed_before_it_expires(
    script: Script, source: Source, clock: Clock, lifetime: object, margin: float
) -> None:
    script.token_steps = [answer({"access_token": "old", "token_type": "bearer", "expires_in": lifetime})]
    if lifetime is None:
        script.token_steps = [answer({"access_token": "old"})]
    assert await source.tokens.get() == "old"
    expires = clock.now + float(lifetime or 300)  # type: ignore[arg-type]
    clock.now = expires - margin - 0.1
    assert await source.tokens.get() == "old"
    assert script.tokens == 1
    clock.now = expires - margin
    assert await source.tokens.get() == "old", "it still serves while the new one is fetched"
    await asyncio.sleep(0.05)
    assert await source.tokens.get() == "token-2"
    assert script.tokens == 2


async def test_an_expired_one_is_not_used(script: Script, source: Source, clock: Clock) -> None:
    await source.tokens.get()
    clock.now += 36000
    assert await source.tokens.get() == "token-2"


async def test_only_the_current_token_can_be_invalidated(script: Script, source: Source) -> None:
    first = await source.tokens.get()
    source.tokens.invalidate(first)
    second = await source.tokens.get()
    source.tokens.invalidate(first)
    assert await source.tokens.get() == second
    assert script.tokens == 2


async def test_a_cancelled_waiter_takes_nothing_from_the_others(script: Script, source: Source) -> None:
    script.token_steps = [answer({"access_token": "slow"}, delay=0.1)]
    first, second = (asyncio.create_task(source.tokens.get()) for _ in range(2))
    await asyncio.sleep(0.02)
    first.cancel()
    assert await second == "slow"
    assert first.cancelled()
    assert script.tokens == 1


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (
            400,
            {"error": "invalid_client", "error_description": "no"},
            ("unauthorized", 400, "invalid_client"),
        ),
        (401, b"<html>no</html>", ("unauthorized", 401, None)),
        (401, {"error": "Pat Granite is unknown"}, ("unauthorized", 401, None)),
        (429, {}, ("overloaded", 429, None)),
        (503, {}, ("overloaded", 503, None)),
        (500, {}, ("status", 500, None)),
        (302, {}, ("protocol", 302, None)),
        (200, b"<html>", ("protocol", 200, None)),
        (200, {"token": "x"}, ("protocol", 200, None)),
        (200, {"access_token": ""}, ("protocol", 200, None)),
        (200, {"access_token": "a\r\nX: y"}, ("protocol", 200, None)),
        (200, {"access_token": "a", "token_type": "mac"}, ("protocol", 200, None)),
    ],
)
async def test_a_refusal_is_ours_and_stands_for_a_second(
    script: Script,
    source: Source,
    clock: Clock,
    status: int,
    body: object,
    error: tuple[str, int | None, str | None],
) -> None:
    script.token_steps = [answer(body, status=status)]
    assert await source.error() == error
    clock.now += 0.9
    assert await source.error() == error
    assert script.tokens == 1
    clock.now += 0.2
    assert await source.tokens.get() == "token-2"


async def test_a_refused_renewal_leaves_the_old_token_in_use(
    script: Script, source: Source, clock: Clock
) -> None:
    await source.tokens.get()
    script.token_steps = [answer(status=503), answer(status=503)]
    clock.now += 36000 - 30
    for _ in range(3):
        assert await source.tokens.get() == "token-1"
        await asyncio.sleep(0.02)
    assert script.tokens == 2, "the refusal holds back the next renewal"


async def test_an_endpoint_that_does_not_answer(script: Script, session: SharedSession, clock: Clock) -> None:
    source = Source(script, session, clock, seconds=0.05)
    script.token_steps = [answer(delay=1.0)]
    assert await source.error() == ("deadline", None, None)
    assert [(event.outcome, event.attempt) for event in source.events] == [("deadline", 1)]


async def test_who_waits_is_told_before_its_own_deadline(script: Script, source: Source) -> None:
    script.token_steps = [answer({"access_token": "late"}, delay=0.5)]
    with pytest.raises(TokenError) as raised:
        await source.tokens.get(deadline=asyncio.get_running_loop().time() + 0.1)
    assert (raised.value.kind, raised.value.token) == (
        "deadline",
        "the token endpoint has not answered in time",
    )
    assert await source.tokens.get() == "late", "the renewal went on for the others"
    assert script.tokens == 1


@pytest.mark.parametrize("lifetime", [1e-9, 0.5, 0, -5, "soon"])
async def test_a_short_life_does_not_make_a_request_for_each_request(
    script: Script, source: Source, clock: Clock, lifetime: object
) -> None:
    script.token_steps = [answer({"access_token": "short", "expires_in": lifetime})]
    for _ in range(20):
        assert await source.tokens.get() == "short"
        clock.now += 0.04
    assert script.tokens == 1


async def test_a_life_shorter_than_the_margin_of_renewal_is_used_up(
    script: Script, source: Source, clock: Clock
) -> None:
    script.token_steps = [answer({"access_token": "short", "expires_in": 5})]
    assert await source.tokens.get() == "short"
    clock.now += 4.4
    assert await source.tokens.get() == "short"
    assert script.tokens == 1
    clock.now += 0.6
    assert await source.tokens.get() == "token-2"


async def test_an_upstream_that_refuses_whatever_it_is_shown_brings_no_storm_of_tokens(
    script: Script, source: Source, clock: Clock
) -> None:
    for _ in range(50):
        source.tokens.invalidate(await source.tokens.get())
    assert await source.tokens.get() == "token-6"
    assert script.tokens == 6
    clock.now += 10.1
    source.tokens.invalidate(await source.tokens.get())
    assert await source.tokens.get() == "token-7"


async def test_closing_ends_the_renewal_and_frees_who_waits(script: Script, source: Source) -> None:
    script.token_steps = [answer(delay=5.0)]
    waiting = asyncio.create_task(source.error())
    await asyncio.sleep(0.02)
    await source.tokens.close()
    assert await waiting == ("connect", None, None)
    assert source.events[-1].outcome == "cancelled"


def test_no_token_is_shown() -> None:
    assert "hush" not in f"{Grant('hush', 1.0)!r}"
