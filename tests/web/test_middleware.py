"""What every request gets, whatever happens: an id, an answer of the one shape, one line."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from gateway.core.errors import (
    DeadlineExceeded,
    GatewayError,
    InvalidMessage,
    Issue,
    NotKnownHere,
    UnknownDestination,
    UpstreamFailed,
    UpstreamUnavailable,
)
from gateway.core.plan import Reply
from gateway.web.bearer import Bearer
from gateway.web.exchange import Exchange
from gateway.web.fhir_routes import FhirRoutes
from tests.clock import seconds
from tests.web.fhir_side import SINCE, FakeFhir, nothing_to_fetch, site

CANARY = "Canary-7c1f"


def failing(fault: Exception) -> Any:
    async def answers(_body: bytes, _exchange: Exchange) -> Reply:
        raise fault

    return answers


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (InvalidMessage(Issue("value", "A", "one"), Issue("value", "B", "two")), 400, None),
        (UnknownDestination(Issue("not-found", "Meta", "no")), 404, None),
        (NotKnownHere(Issue("not-found", "Visit", "no")), 422, None),
        (UpstreamFailed(Issue("transient", "", "no")), 502, None),
        (UpstreamUnavailable(Issue("throttled", "", "no")), 503, "1"),
        (UpstreamUnavailable(Issue("throttled", "", "no"), retry_after=2.1), 503, "3"),
        (DeadlineExceeded(Issue("timeout", "", "no")), 504, None),
    ],
)
async def test_errors_have_one_shape(
    serve: Any, headers: dict[str, str], error: GatewayError, status: int, retry_after: str | None
) -> None:
    served = await serve(failing(error))
    async with served.client.post(served.url(), json={}, headers=headers) as response:
        assert response.status == status
        assert response.headers.get("Retry-After") == retry_after
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["Cache-Control"] == "no-store"
        request_id = response.headers["X-Request-Id"]
        errors = [{"Text": str(issue), "Type": error.kind} for issue in error.issues]
        assert await response.json() == {"Meta": {"Errors": errors, "Echo": True}}
    line = await served.line()
    assert (line["request_id"], line["status"], line["error"]) == (request_id, status, error.kind)
    assert line["issues"] == [f"{issue.code} {issue.path}".strip() for issue in error.issues]
    assert line["level"] == "warning"


async def test_an_unforeseen_exception_tells_where_but_not_what(serve: Any, headers: dict[str, str]) -> None:
    async def answers(body: bytes, _exchange: Exchange) -> Reply:
        try:
            raise KeyError(body)
        except KeyError as cause:
            raise ValueError(f"cannot read {body!r}") from cause

    served = await serve(answers)
    async with served.client.post(served.url(), json={"x": CANARY}, headers=headers) as response:
        assert response.status == 500
        text = (await response.json())["Meta"]["Errors"][0]["Text"]
        assert text.endswith(f"Quote request id {response.headers['X-Request-Id']} when you report this.")
    line = await served.line()
    assert line["level"] == "error"
    assert line["fault"] == ["builtins.ValueError", "builtins.KeyError"]
    assert re.search(r"test_middleware\.py:\d+:answers$", line["frames"][-1])
    assert CANARY not in served.log.getvalue().decode()


async def test_an_error_body_that_cannot_be_made_from_the_message_is_made_without(
    serve: Any, headers: dict[str, str]
) -> None:
    served = await serve(failing(InvalidMessage(Issue("value", "", "no"))))
    async with served.client.post(served.url(), json={"unrenderable": CANARY}, headers=headers) as response:
        assert response.status == 400
        assert (await response.json())["Meta"]["Echo"] is False
    assert (await served.line())["fault"] == ["builtins.ValueError", "gateway.core.errors.InvalidMessage"]
    assert CANARY not in served.log.getvalue().decode()


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/", 404, None),
        ("POST", "/redox/one/two", 404, None),
        ("POST", "/redox/", 404, None),
        ("GET", "/metrics", 404, None),
        ("DELETE", "/redox", 405, "GET, POST"),
        ("HEAD", "/redox", 405, "GET, POST"),
        ("OPTIONS", "/redox/one", 405, "GET, POST"),
        ("PROPFIND", "/redox", 405, "GET, POST"),
    ],
)
async def test_unknown_paths_and_methods(
    served: Any, method: str, path: str, status: int, allow: str | None
) -> None:
    async with served.client.request(method, served.url(path)) as response:
        assert response.status == status
        assert response.headers.get("Allow") == allow
        if method != "HEAD":
            assert list((await response.json())["Meta"]) == ["Errors", "Echo"]
    line = await served.line()
    assert line["route"] is None
    assert line["method"] == ("other" if method == "PROPFIND" else method)


async def test_a_caller_that_hangs_up_cancels_the_gateway_and_is_logged(
    serve: Any, headers: dict[str, str]
) -> None:
    async def answers(_body: bytes, _exchange: Exchange) -> Reply:
        await asyncio.sleep(30)
        raise AssertionError

    served = await serve(answers)
    with pytest.raises(asyncio.TimeoutError):
        async with asyncio.timeout(0.1):
            await served.client.post(served.url(), json={}, headers=headers)
    await asyncio.wait_for(served.gateway.gone.wait(), 1)
    await asyncio.sleep(0.01)
    line = await served.line()
    assert (line["status"], line["bytes_out"], line["level"]) == (499, 0, "warning")
    assert served.metrics.in_flight == 0


@pytest.mark.parametrize(
    ("sent", "status", "text"),
    [
        (b"garbage " + CANARY.encode() + b"\r\n\r\n", 400, b"not valid HTTP"),
        (b"\x16\x03\x01\x02\x00" + CANARY.encode() + b"\r\n\r\n", 400, b"not valid HTTP"),
        (
            b"GET /redox HTTP/1.1\r\nHost: x\r\nX: " + CANARY.encode() + b"\x00\r\n\r\n",
            400,
            b"not valid HTTP",
        ),
        (b"GET /redox HTTP/1.1\r\nHost: x\r\nX: " + CANARY.encode() * 1000 + b"\r\n\r\n", 431, b"too long"),
        (b"GET /" + CANARY.encode() * 1000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, b"too long"),
        (b"GET http://x/" + CANARY.encode() * 1000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, b"too long"),
        (
            b"POST /redox HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
            b"not valid",
        ),
        (b"POST /redox HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, b"not valid"),
    ],
    ids=[
        "garbage",
        "tls",
        "header",
        "long-header",
        "long-line",
        "long-url",
        "two-lengths",
        "negative-length",
    ],
)
async def test_what_is_not_http_is_answered_in_the_same_shape(
    served: Any, sent: bytes, status: int, text: bytes
) -> None:
    got = await served.raw(sent)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 %d " % status)
    assert text in body
    assert list(json.loads(body)["Meta"]) == ["Errors", "Echo"]
    assert CANARY.encode() not in got
    assert CANARY not in served.log.getvalue().decode()
    line = await served.line()
    assert (line["method"], line["status"], line["route"]) == ("", status, None)


_LONG = b"a" * 9000


@pytest.mark.parametrize(
    ("sent", "then", "status"),
    [
        (b"GET /fhir/partner/Slot?schedule=" + _LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"", 414),
        (b"GET /fhir/partner/Slot?schedule=" + _LONG[:5000], _LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET http://x/fhir/partner/Slot?schedule=" + _LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"", 414),
        (
            b"GET /fhir/partner/Slot HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + _LONG + b"\r\n\r\n",
            b"",
            431,
        ),
        (b"GET /fhir/partner/Slot HTTP/1.1\r\nHost: x\r\nX: a\x00\r\n\r\n", b"", 400),
    ],
    ids=["line", "line-in-pieces", "url", "header", "not-http"],
)
@pytest.mark.parametrize("first", [False, True], ids=["first", "second"])
async def test_what_cannot_be_read_is_refused_in_the_words_of_who_is_asked(
    serve: Any, sent: bytes, then: bytes, status: int, first: bool
) -> None:
    bearer = Bearer(nothing_to_fetch, seconds)
    routes = FhirRoutes(FakeFhir({"partner": site()}), bearer, version="1.2.3", since=SINCE)
    served = await serve(beside=(routes,))
    good = b"POST /redox HTTP/1.1\r\nHost: x\r\nverification-token: secret\r\nContent-Length: 2\r\n\r\n{}"
    got = await (served.raw(good, then=sent + then) if first else served.raw(sent, then=then))
    assert re.findall(rb"HTTP/1\.\d (\d+)", got) == [*([b"200"] if first else []), b"%d" % status]
    told = json.loads(got.rpartition(b"\r\n\r\n")[2])
    assert told["resourceType"] == "OperationOutcome"
    assert (await served.line())["surface"] == "fhir"
    await bearer.close()


async def test_garbage_after_a_good_request_does_not_spoil_it(served: Any) -> None:
    good = b"POST /redox HTTP/1.1\r\nHost: x\r\nverification-token: secret\r\nContent-Length: 2\r\n\r\n{}"
    got = await served.raw(good, then=b"garbage\r\n\r\n" + good)
    assert re.findall(rb"HTTP/1\.\d (\d+)", got) == [b"200", b"400"]


async def test_nothing_of_a_header_can_become_a_header_of_the_answer(served: Any) -> None:
    got = await served.raw(
        b"GET /redox HTTP/1.1\r\nHost: x\r\nX-Request-Id: a%0d%0aInjected: b\r\nConnection: close\r\n\r\n"
    )
    assert got.startswith(b"HTTP/1.1 401 ")
    assert b"njected" not in got


async def test_a_canary_is_nowhere_in_the_log(serve: Any, headers: dict[str, str]) -> None:
    served = await serve()
    sent = headers | {"X-Canary": CANARY, "User-Agent": CANARY, "Cookie": CANARY}
    query = {"q": CANARY, "challenge": CANARY, "verification-token": CANARY}
    for path in ("/redox", "/redox/one", f"/redox/{CANARY}", f"/{CANARY}"):
        for method in ("POST", "GET", "PUT"):
            for token in ("secret", CANARY, ""):
                for body in (b"{}", json.dumps({"p": CANARY, "id": "{" + CANARY}).encode(), CANARY.encode()):
                    async with served.client.request(
                        method,
                        served.url(path),
                        params=query,
                        headers=sent | {"verification-token": token},
                        data=body,
                    ) as response:
                        await response.read()
    assert len(served.lines()) == 4 * 3 * 3 * 3
    assert {line["status"] for line in served.lines()} == {200, 400, 401, 404, 405}
    assert CANARY not in served.log.getvalue().decode()
    assert CANARY not in served.metrics.exposition().decode()
