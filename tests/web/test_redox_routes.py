from __future__ import annotations

import json
from typing import Any

import pytest
from yarl import URL

from gateway.core.plan import Reply
from gateway.web.exchange import Exchange

MESSAGE = {"Meta": {"DataModel": "Scheduling"}, "id": "abc.1"}
CHALLENGE = "0b2f8cb5-6a86-4d5c-9a1e-0f3d29aa7c11"


async def test_a_message_is_answered(served: Any, headers: dict[str, str]) -> None:
    async with served.client.post(served.url(), json=MESSAGE, headers=headers) as response:
        assert response.status == 200
        assert await response.json() == {"ok": True}
        assert response.headers["X-Request-Id"] == "abc.1"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Server"] == "gateway"
    assert served.gateway.asked == [(json.dumps(MESSAGE).encode(), {"one", "two"}, None)]


async def test_the_site_of_the_url_is_handed_on(served: Any, headers: dict[str, str]) -> None:
    async with served.client.post(served.url("/redox/two"), json=MESSAGE, headers=headers) as response:
        assert response.status == 200
    assert served.gateway.asked[0][2] == "two"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"verification-token": "secret"}, 200),
        ({"Authorization": "Bearer secret"}, 200),
        ({"Authorization": "bearer  secret "}, 200),
        ({"verification-token": "secret", "Authorization": "Bearer of-another-kind"}, 200),
        ({"verification-token": "wrong", "Authorization": "Bearer secret"}, 401),
        ({"verification-token": "", "Authorization": "Bearer secret"}, 401),
        ({"verification-token": "secret "}, 200),  # the field value of RFC 9110 has no outer spaces
        ({"verification-token": "Secret"}, 401),
        ({"verification-token": "s\u00e9cret"}, 401),
        ({"Authorization": "Basic secret"}, 401),
        ({"Authorization": "secret"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({}, 401),
    ],
)
async def test_who_is_let_in(served: Any, sent: dict[str, str], status: int) -> None:
    async with served.client.post(served.url(), json=MESSAGE, headers=sent) as response:
        assert response.status == status
        if status == 401:
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert (await response.json())["Meta"] == {
                "Errors": [
                    {
                        "Text": "Send the verification token of this destination in the header "
                        "verification-token.",
                        "Type": "unauthorized",
                    }
                ],
                "Echo": False,
            }
    assert len(served.gateway.asked) == (status == 200)


async def test_a_token_sent_twice_opens_nothing(served: Any) -> None:
    head = b"POST /redox HTTP/1.1\r\nHost: x\r\nverification-token: secret\r\nverification-token: secret\r\n"
    got = await served.raw(head + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")
    assert got.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("site", ["three", "nowhere"])
async def test_a_site_of_others_and_no_site_get_the_same_answer(
    served: Any, headers: dict[str, str], site: str
) -> None:
    async with served.client.post(served.url(f"/redox/{site}"), json=MESSAGE, headers=headers) as response:
        assert response.status == 401
        assert (await response.json())["Meta"]["Errors"][0]["Type"] == "unauthorized"
    assert (await served.line())["site"] is None


async def test_with_no_token_configured_nobody_gets_in(serve: Any, headers: dict[str, str]) -> None:
    served = await serve(tokens=())
    for sent in (headers, {"verification-token": ""}, {}):
        async with served.client.post(served.url(), json=MESSAGE, headers=sent) as response:
            assert response.status == 401
    async with served.client.get(served.url("/redox?challenge=x&verification-token=")) as response:
        assert response.status == 401


@pytest.mark.parametrize("path", ["/redox", "/redox/one"])
@pytest.mark.parametrize("place", ["body", "header", "both"])
async def test_the_handshake_by_post(served: Any, path: str, place: str) -> None:
    body = {"challenge": CHALLENGE} | ({"verification-token": "secret"} if place != "header" else {})
    sent = {"verification-token": "secret"} if place != "body" else {}
    async with served.client.post(served.url(path), json=body, headers=sent) as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        assert await response.text() == CHALLENGE
    assert served.gateway.asked == []
    assert (await served.line())["redox_event"] == "handshake"


@pytest.mark.parametrize("path", ["/redox", "/redox/one"])
@pytest.mark.parametrize("place", ["query", "header"])
async def test_the_handshake_by_get(served: Any, path: str, place: str) -> None:
    query = {"challenge": CHALLENGE} | ({"verification-token": "secret"} if place == "query" else {})
    sent = {"verification-token": "secret"} if place == "header" else {}
    async with served.client.get(served.url(path), params=query, headers=sent) as response:
        assert (response.status, await response.text()) == (200, CHALLENGE)


@pytest.mark.parametrize(
    ("body", "sent", "status"),
    [
        ({"challenge": CHALLENGE}, {}, 401),
        ({"challenge": CHALLENGE, "verification-token": "wrong"}, {}, 401),
        ({"challenge": CHALLENGE, "verification-token": ""}, {}, 401),
        ({"challenge": CHALLENGE, "verification-token": 7}, {}, 401),
        ({"challenge": CHALLENGE, "verification-token": "wrong"}, {"verification-token": "secret"}, 401),
        ({"challenge": CHALLENGE, "verification-token": "secret"}, {"verification-token": "wrong"}, 401),
        ({"challenge": CHALLENGE, "verification-token": "other"}, {"verification-token": "secret"}, 401),
        ({"verification-token": "secret"}, {}, 401),
        ({"challenge": CHALLENGE, "verification-token": "secret", "pad": "x" * 5000}, {}, 401),
        ({"challenge": "", "verification-token": "secret"}, {}, 400),
        ({"challenge": "x" * 513, "verification-token": "secret"}, {}, 400),
        ({"challenge": "a\r\nb", "verification-token": "secret"}, {}, 400),
        ({"challenge": "<\u00e9>", "verification-token": "secret"}, {}, 400),
    ],
)
async def test_what_is_no_handshake(served: Any, body: Any, sent: dict[str, str], status: int) -> None:
    async with served.client.post(served.url(), json=body, headers=sent) as response:
        assert response.status == status
        assert CHALLENGE not in await response.text()
    assert served.gateway.asked == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?challenge=x", 401),
        ("?challenge=x&verification-token=wrong", 401),
        ("?challenge=x&verification-token=secret&verification-token=wrong", 401),
        ("?verification-token=secret", 400),
        ("?challenge=x&challenge=y&verification-token=secret", 400),
        ("?challenge=%0d%0ax&verification-token=secret", 400),
        ("", 401),
    ],
)
async def test_what_is_no_handshake_by_get(served: Any, query: str, status: int) -> None:
    async with served.client.get(URL(served.url(f"/redox{query}"), encoded=True)) as response:
        assert response.status == status
        assert list((await response.json())["Meta"]) == ["Errors", "Echo"]


async def test_a_message_that_speaks_of_a_challenge_is_a_message(
    served: Any, headers: dict[str, str]
) -> None:
    for body in ({"Meta": {}, "challenge": "x"}, {"challenge": 7}, {"x": {"challenge": "x"}}):
        async with served.client.post(served.url(), json=body, headers=headers) as response:
            assert await response.json() == {"ok": True}
    assert len(served.gateway.asked) == 3


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ('Application/JSON ; charset="UTF-8"', 200),
        ("application/fhir+json", 200),
        ("application/json; charset=iso-8859-1", 415),
        ("text/plain", 415),
        ("text/json", 415),
        ("application/jsonx", 415),
        ("", 415),
    ],
)
async def test_media_types(served: Any, headers: dict[str, str], kind: str, status: int) -> None:
    async with served.client.post(
        served.url(), data=b"{}", headers=headers | {"Content-Type": kind}
    ) as response:
        assert response.status == status


async def test_no_media_type_at_all_is_read_as_json(served: Any) -> None:
    got = await served.raw(
        b"POST /redox HTTP/1.1\r\nHost: x\r\nverification-token: secret\r\nContent-Length: 2\r\n"
        b"Connection: close\r\n\r\n{}"
    )
    assert got.startswith(b"HTTP/1.1 200 ")


async def test_compressed_bodies_are_refused(served: Any, headers: dict[str, str]) -> None:
    async with served.client.post(
        served.url(), data=b"\x1f\x8b", headers=headers | {"Content-Encoding": "gzip"}
    ) as response:
        assert response.status == 415
        assert "must not be compressed" in await response.text()


async def test_the_request_id_is_the_callers_only_if_it_is_plausible(
    served: Any, headers: dict[str, str]
) -> None:
    for given, message, expected in (
        ("mine-1", {}, "mine-1"),
        ("mine-1", {"id": "log-7"}, "log-7"),
        ("mine-1", {"id": "log 7\r\nX: y"}, "mine-1"),
        ("mine-1", {"id": 7}, "mine-1"),
        ("x" * 65, {}, None),
        ("a b", {}, None),
        ("caf\u00e9", {}, None),
    ):
        sent = headers | {"X-Request-Id": given}
        async with served.client.post(served.url(), json=message, headers=sent) as response:
            got = response.headers["X-Request-Id"]
        assert got == expected if expected else len(got) == 32
        assert (await served.line())["request_id"] == got


async def test_a_reply_says_its_own_status_and_type(serve: Any, headers: dict[str, str]) -> None:
    async def answers(_body: bytes, _exchange: Exchange) -> Reply:
        return Reply(207, b"<x/>", "text/xml")

    served = await serve(answers)
    async with served.client.post(served.url(), json={}, headers=headers) as response:
        assert (response.status, response.content_type, await response.text()) == (207, "text/xml", "<x/>")
