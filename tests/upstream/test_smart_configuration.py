"""What the server says of its tokens: what is made of it, how often it is asked, and whom we do not
believe."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.client_secret import ClientCredentials
from gateway.upstream.credentials import Credentials
from gateway.upstream.exchange import Wire
from gateway.upstream.interface import UpstreamEvent
from gateway.upstream.oauth import SharedToken
from gateway.upstream.session import SharedSession
from gateway.upstream.smart_configuration import Discovered, SmartConfiguration, read, same_origin
from gateway.upstream.surroundings import Surroundings
from gateway.upstream.token_answer import TokenError

from .conftest import Clock, Script, answer

DOCUMENT = "/fhir/.well-known/smart-configuration"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{}", SmartConfiguration()),
        (b"[]", None),
        (b"<html>", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (
            b'{"token_endpoint":7,"token_endpoint_auth_methods_supported":"client_secret_basic"}',
            SmartConfiguration(),
        ),
        (
            b'\xef\xbb\xbf{"token_endpoint":"https://h/t","token_endpoint_auth_methods_supported":["private_key_jwt",null],'
            b'"token_endpoint_auth_signing_alg_values_supported":["RS384",1]}',
            SmartConfiguration("https://h/t", frozenset({"private_key_jwt"}), frozenset({"RS384"})),
        ),
    ],
)
def test_the_document(body: bytes, said: SmartConfiguration | None) -> None:
    assert read(body) == said


@given(st.recursive(st.none() | st.booleans() | st.text() | st.integers(), st.lists))
def test_whatever_its_values_are(value: Any) -> None:
    names = ("token_endpoint", "token_endpoint_auth_methods_supported")
    assert read(json.dumps(dict.fromkeys(names, value)).encode()) is not None


@pytest.mark.parametrize(
    ("methods", "basic"),
    [
        ([], False),
        (["client_secret_basic"], True),
        (["private_key_jwt", "client_secret_basic"], True),
        (["client_secret_basic", "client_secret_post"], False),
        (["private_key_jwt"], False),
    ],
)
def test_basic_is_chosen_where_nothing_else_is_said_to_do(methods: list[str], basic: bool) -> None:
    assert SmartConfiguration(methods=frozenset(methods)).basic_only is basic


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://ehr.example/auth/token", True),
        ("https://ehr.example:443/token?tenant=1", True),
        ("https://EHR.example/token", True),
        ("https://ehr.example:8443/token", False),
        ("http://ehr.example/token", False),
        ("https://auth.ehr.example/token", False),
        ("https://ehr.example.evil.example/token", False),
        ("https://ehr.example@evil.example/token", False),
        ("https://user:pass@ehr.example/token", False),
        ("https://evil.example\\@ehr.example/token", False),
        ("https://ehr.example/token#x", False),
        ("//ehr.example/token", False),
        ("/token", False),
        ("", False),
        ("https://", False),
        ("https://[::1", False),
        ("file:///etc/passwd", False),
    ],
)
def test_a_token_endpoint_on_another_host_must_be_configured(url: str, same: bool) -> None:
    assert same_origin("https://ehr.example/fhir", url) is same


class Bench:
    def __init__(self, script: Script, session: SharedSession, clock: Clock) -> None:
        self.script, self.session, self.clock = script, session, clock
        self.events: list[UpstreamEvent] = []
        self.made: list[SharedToken] = []

    def tokens(self, *, token_url: str | None = None) -> SharedToken:
        def make(url: str, said: SmartConfiguration) -> Credentials:
            method: Any = "client_secret_basic" if said.basic_only else "client_secret_post"
            return ClientCredentials(token_url=url, client_id="id", client_secret="hush", method=method)

        credentials = Discovered(f"{self.script.url}/fhir", token_url, make)
        around = Surroundings(session=self.session, observe=self.events.append, clock=self.clock)
        self.made.append(SharedToken(credentials, Wire(True, 1.0, 10_000_000), seconds=2.0, around=around))
        return self.made[-1]

    def says(self, *steps: object, **document: Any) -> None:
        self.script.steps = [answer(document)] if not steps else list(steps)  # type: ignore[misc]


@pytest.fixture
async def bench(script: Script, session: SharedSession, clock: Clock) -> AsyncIterator[Bench]:
    bench = Bench(script, session, clock)
    yield bench
    for tokens in bench.made:
        await tokens.close()


async def test_it_is_asked_once_without_a_token_and_says_where_and_how(bench: Bench) -> None:
    script = bench.script
    bench.says(
        token_endpoint=f"{script.url}/token", token_endpoint_auth_methods_supported=["client_secret_basic"]
    )
    tokens = bench.tokens()
    assert await tokens.get() == "token-1"
    assert script.targets == [DOCUMENT] and script.bearers == [None]
    assert b"hush" not in script.bodies[-1]
    bench.clock.now += 1000
    tokens.invalidate("token-1")
    assert await tokens.get() == "token-2"
    assert script.targets == [DOCUMENT]
    assert [(event.target, event.outcome, event.status) for event in bench.events] == [
        ("smart-configuration", "ok", 200),
        ("token", "ok", 200),
        ("token", "ok", 200),
    ]


async def test_it_is_asked_again_after_an_hour(bench: Bench) -> None:
    script, there = bench.script, {"token_endpoint": f"{bench.script.url}/token"}
    bench.says(
        answer(there), answer(there | {"token_endpoint_auth_methods_supported": ["client_secret_basic"]})
    )
    tokens = bench.tokens()
    await tokens.get()
    assert b"hush" in script.bodies[-1]
    bench.clock.now += 3601
    tokens.invalidate("token-1")
    await tokens.get()
    assert script.targets == [DOCUMENT, DOCUMENT]
    assert b"hush" not in script.bodies[-1]


@pytest.mark.parametrize(
    ("status", "body", "pause"),
    [(404, {}, 3600), (401, {}, 3600), (302, {}, 3600), (200, b"<html>", 3600), (500, {}, 60), (429, {}, 60)],
)
async def test_without_the_document_the_configured_token_url_is_asked_in_the_usual_way(
    bench: Bench, status: int, body: object, pause: float
) -> None:
    script = bench.script
    step = answer(body, status=status, headers={"Location": f"{script.url}/elsewhere"})
    bench.says(step, step, step)
    tokens = bench.tokens(token_url=f"{script.url}/token")
    token = await tokens.get()
    assert b"client_secret=hush" in script.bodies[-1]
    bench.clock.now += pause - 1
    tokens.invalidate(token)
    token = await tokens.get()
    assert script.targets == [DOCUMENT]
    bench.clock.now += 2
    tokens.invalidate(token)
    await tokens.get()
    assert script.targets == [DOCUMENT, DOCUMENT], "and no redirect was followed"


async def test_a_document_that_does_not_come_leaves_time_to_ask_for_the_token(bench: Bench) -> None:
    bench.says(answer({}, delay=5.0))
    assert await bench.tokens(token_url=f"{bench.script.url}/token").get() == "token-1"


async def test_what_was_said_once_holds_while_it_cannot_be_read_again(bench: Bench) -> None:
    there = {"token_endpoint": f"{bench.script.url}/token"}
    bench.says(answer(there), answer(status=503))
    tokens = bench.tokens()
    await tokens.get()
    bench.clock.now += 3601
    tokens.invalidate("token-1")
    assert await tokens.get() == "token-2"


@pytest.mark.parametrize(
    ("status", "document", "why"),
    [
        (404, {}, "there is no token_url, and .well-known/smart-configuration was answered with status 404"),
        (200, b"[]", "there is no token_url, and .well-known/smart-configuration is not a JSON object"),
        (200, {}, "there is no token_url, and .well-known/smart-configuration names no token_endpoint"),
        (200, {"token_endpoint": ""},
         "there is no token_url, and .well-known/smart-configuration names no token_endpoint"),
        (200, {"token_endpoint": "https://evil.example/token"},
         "the token endpoint that .well-known/smart-configuration names is on another host than base_url,"
         " so it must be written as token_url"),
        (200, b"x" * 300_000,
         "there is no token_url, and .well-known/smart-configuration is not a JSON object"),
    ],
)  # fmt: skip
async def test_where_no_token_endpoint_is_known(
    bench: Bench, status: int, document: object, why: str
) -> None:
    bench.says(answer(document, status=status))
    tokens = bench.tokens()
    for _ in range(5):
        with pytest.raises(TokenError) as raised:
            await tokens.get()
        assert (raised.value.kind, raised.value.token) == ("protocol", why)
    assert bench.script.targets == [DOCUMENT] and bench.script.tokens == 0
    assert [(event.target, event.attempt) for event in bench.events] == [
        ("smart-configuration", 1),
        ("token", 0),
    ]


async def test_a_document_on_another_host_never_gets_the_secret(bench: Bench, elsewhere: Script) -> None:
    bench.says(token_endpoint=f"{elsewhere.url}/token")
    with pytest.raises(TokenError, match="on another host than base_url"):
        await bench.tokens().get()
    assert elsewhere.tokens == 0 and elsewhere.seen == []
