from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.core.plan import Answer, Call, Failure
from gateway.upstream.client_assertion import SignedAssertion
from gateway.upstream.interface import UpstreamEvent
from gateway.upstream.oauth import Credentials
from gateway.upstream.redox_client import RedoxClient, RedoxSettings
from gateway.upstream.redox_credentials import LegacyKey
from gateway.upstream.session import SharedSession
from gateway.upstream.surroundings import Surroundings

from .conftest import Script, Step, answer, broken

CALL = Call("Scheduling.AvailableSlots", body=b'{"Meta": {}}')
Make = Callable[..., "Redox"]


class Redox:
    def __init__(
        self, script: Script, session: SharedSession, credentials: Credentials | None, **settings: Any
    ) -> None:
        self.events: list[UpstreamEvent] = []
        self.client = RedoxClient(
            RedoxSettings(**({"base_url": script.url, "backoff_seconds": 0.01} | settings)),
            credentials=credentials
            or SignedAssertion(
                token_url=f"{script.url}/token", client_id="c", key_id="k", key=b"x" * 48, algorithm="HS384"
            ),
            around=Surroundings(session=session, observe=self.events.append),
        )

    async def call(self, call: Call = CALL, *, within: float = 5.0) -> Answer | Failure:
        deadline = asyncio.get_running_loop().time() + within
        return await self.client.call(call, deadline=deadline, request_id="req-1")


@pytest.fixture
async def make(script: Script, session: SharedSession) -> AsyncIterator[Make]:
    made: list[Redox] = []

    def build(credentials: Credentials | None = None, **settings: Any) -> Redox:
        made.append(Redox(script, session, credentials, **settings))
        return made[-1]

    yield build
    for redox in made:
        await redox.client.close()


async def test_a_query_is_one_post(script: Script, make: Make) -> None:
    script.steps = [answer(b'{"Meta": {"Errors": [{"Type": "query"}]}}')]
    redox = make(source_id="source-1")
    assert await redox.call() == Answer(CALL, (b'{"Meta": {"Errors": [{"Type": "query"}]}}',))
    (request,) = script.seen
    assert (request.method, request.path) == ("POST", "/endpoint")
    assert script.bodies[-1] == CALL.body
    names = ("Content-Type", "Authorization", "Redox-Source-Id", "X-Request-Id")
    assert [request.headers[name] for name in names] == [
        "application/json",
        "Bearer token-1",
        "source-1",
        "req-1",
    ]
    assert [(e.target, e.outcome) for e in redox.events] == [
        ("token", "ok"),
        ("Scheduling.AvailableSlots", "ok"),
    ]


async def test_the_source_id_is_sent_only_if_there_is_one(script: Script, make: Make) -> None:
    script.steps = [answer(b"anything")]
    assert await make().call() == Answer(CALL, (b"anything",))
    assert "Redox-Source-Id" not in script.seen[0].headers


@pytest.mark.parametrize(
    ("body", "status", "kind", "code"),
    [
        ({"Meta": {"Errors": [{"ID": 1, "Text": "canary", "Type": "query"}]}}, 400, "status", "query"),
        ({"Meta": {"Errors": [{"Type": "a sentence about someone"}]}}, 400, "status", None),
        ({"Meta": {"Errors": [None, {"Type": 5}, {"Type": "query"}]}}, 400, "status", None),
        ({"Meta": {"Errors": [None, {}, {"Type": "query"}]}}, 400, "status", "query"),
        ({"Meta": {"Errors": None}}, 403, "unauthorized", None),
        ({"Meta": {"Errors": []}}, 403, "unauthorized", None),
        ({}, 404, "status", None),
        (b"<html>", 500, "status", None),
        (b"<html>", 503, "overloaded", None),
        (b"", 302, "protocol", None),
    ],
)
async def test_a_refusal_is_not_repeated(
    script: Script, make: Make, body: object, status: int, kind: Any, code: str | None
) -> None:
    script.always = answer(body, status=status)
    assert await make().call() == Failure(CALL, kind, status=status, code=code)
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    ("step", "kind", "reason"),
    [
        (broken(abort=True), "connect", "broken-connection"),
        (broken(sent=b"{", abort=False), "protocol", None),
    ],
)
async def test_what_may_have_been_taken_is_not_sent_again(
    script: Script, make: Make, step: Step, kind: Any, reason: Any
) -> None:
    script.always = step
    assert await make().call() == Failure(CALL, kind, reason=reason)
    assert len(script.seen) == 1


async def test_what_was_never_sent_is_tried_again(make: Make, unused_tcp_port: int, script: Script) -> None:
    redox = make(base_url=f"http://127.0.0.1:{unused_tcp_port}")
    assert await redox.call() == Failure(CALL, "connect", reason="refused")
    assert [event.attempt for event in redox.events if event.target != "token"] == [1, 2, 3]


async def test_a_429_is_tried_again_and_a_401_with_a_new_token(script: Script, make: Make) -> None:
    script.steps = [answer(status=429), answer(b"<html>", status=401), answer(b"{}")]
    assert await make().call() == Answer(CALL, (b"{}",))
    assert script.bearers == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    script.always = answer(b"<html>", status=401)
    assert await make().call() == Failure(CALL, "unauthorized", status=401)


async def test_our_own_limit_is_held_before_anything_is_sent(script: Script, make: Make) -> None:
    redox = make(rate_limit=2, rate_seconds=60.0)
    script.always = answer(b"{}")
    await redox.call()
    await redox.call()
    failure = await redox.call()
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.status) == ("overloaded", None)
    assert failure.retry_after is not None
    assert 59.0 < failure.retry_after <= 60.0
    assert len(script.seen) == 2
    assert (redox.events[-1].outcome, redox.events[-1].attempt) == ("overloaded", 0)
    assert redox.client.state == "closed"


async def test_the_legacy_key(script: Script, make: Make) -> None:
    script.token_steps = [answer({"accessToken": "legacy", "expires": "2999-01-01T00:00:00.000Z"})]
    script.always = answer(b"{}")
    redox = make(LegacyKey(base_url=script.url, api_key="k", secret="s"))
    assert isinstance(await redox.call(), Answer)
    assert isinstance(await redox.call(), Answer)
    assert script.bearers == ["Bearer legacy"] * 2
    assert script.tokens == 1


async def test_a_legacy_key_that_is_refused_in_html(script: Script, make: Make) -> None:
    script.token_steps = [answer(b"<html>no</html>", status=401)]
    redox = make(LegacyKey(base_url=script.url, api_key="k", secret="s"))
    why = "the token endpoint answered with status 401"
    assert await redox.call() == Failure(CALL, "unauthorized", status=401, token=why)


async def test_concurrent_queries_share_one_assertion(script: Script, make: Make) -> None:
    script.always = answer(b"{}")
    redox = make()
    assert all(isinstance(got, Answer) for got in await asyncio.gather(*(redox.call() for _ in range(20))))
    assert script.tokens == 1


async def test_a_call_without_a_body_is_a_mistake_of_ours(make: Make) -> None:
    with pytest.raises(ValueError, match="needs a body"):
        await make().call(Call("Scheduling.AvailableSlots"))
