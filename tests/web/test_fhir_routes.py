"""The FHIR surface over real HTTP: what gets through to the gateway, and what every refusal looks like."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from gateway.core.errors import (
    DeadlineExceeded,
    GatewayError,
    InvalidMessage,
    Issue,
    NotFound,
    NotKnownHere,
    UpstreamFailed,
    UpstreamUnavailable,
)
from gateway.core.fhir import JSON, TYPES, Interaction
from gateway.core.plan import Reply
from gateway.web.exchange import Exchange
from gateway.web.forwarded import TrustedProxies
from tests.web.fhir_side import BEARER, OTHER, access, fhir_side

CANARY = "Canary-7c1f"
FORM = BEARER | {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_search_goes_through() -> None:
    async with fhir_side() as side:
        told, response = await side.ask("/Slot?schedule=Schedule/x&start=ge2025-10-21&start=lt2025-10-22")
        assert (told["type"], told["total"]) == ("searchset", 1)
        assert side.asked == Interaction(
            base=side.base,
            resource="Slot",
            params=(("schedule", "Schedule/x"), ("start", "ge2025-10-21"), ("start", "lt2025-10-22")),
        )
        assert response.headers["Content-Type"] == JSON
        assert response.headers["Cache-Control"] == "no-store"
        assert "ETag" not in response.headers
        (line,) = side.lines()
        assert line["request_id"] == response.headers["X-Request-Id"]
        assert (line["surface"], line["route"], line["site"]) == ("fhir", "/fhir/{site}/Slot", "partner")
        assert (line["client"], line["from"], line["peer"]) == ("scheduler-app", "127.0.0.1", "127.0.0.1")
        assert (line["redox_event"], line["counts"], line["tables"]) == ("Slot.search", {"slots": 1}, "abc")
        assert b'event="Slot.search"' in side.metrics.exposition()


@pytest.mark.parametrize("name", TYPES[:3])
async def test_every_type_is_searched_and_read(name: str) -> None:
    async with fhir_side() as side:
        await side.ask(f"/{name}")
        await side.ask(f"/{name}/Ab-1.z?_summary=false")
        await side.ask(f"/{name}/_search?a=1", method="POST", headers=FORM, body=b"b=2")
        search = Interaction(side.base, name)
        read = Interaction(side.base, name, "Ab-1.z", (("_summary", "false"),))
        form = Interaction(side.base, name, None, (("a", "1"), ("b", "2")))
        assert side.gateway.asked == [search, read, form]


async def test_head_is_get_without_its_body() -> None:
    async with fhir_side() as side:
        got, response = await side.ask("/Slot")
        none, head = await side.ask("/Slot", method="HEAD")
        assert none is None
        assert head.headers["Content-Length"] == str(response.content_length)
        assert got is not None and side.gateway.asked[0] == side.gateway.asked[1]


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/Patient", 404, None),
        ("POST", "/Patient/_search", 404, None),
        ("GET", "/slot", 404, None),
        ("GET", "/Slot/a_b", 404, None),
        ("GET", "/Slot/" + "a" * 65, 404, None),
        ("GET", "/Slot/%00", 404, None),
        ("GET", "/Slot/a/_history", 404, None),
        ("GET", "", 404, None),
        ("GET", "/Location", 404, None),  # this site has none
        ("POST", "/Slot", 405, "GET, HEAD"),
        ("GET", "/Slot/_search", 405, "POST"),
        ("DELETE", "/Slot/a", 405, "GET, HEAD"),
        ("PATCH", "/Slot/a", 405, "GET, HEAD"),
        ("POST", "/metadata", 405, "GET, HEAD"),
        ("OPTIONS", "/Slot", 405, "GET, HEAD"),
    ],
)
async def test_unknown_addresses_and_methods(method: str, path: str, status: int, allow: str | None) -> None:
    async with fhir_side() as side:
        _, response = await side.refused(path, status, method=method)
        assert response.headers.get("Allow") == allow
        assert side.gateway.asked == []


@pytest.mark.parametrize("path", ["/Slot/", "/Schedule/", "/Slot/?start=2025"])
async def test_a_slash_behind_the_type_means_the_type(path: str) -> None:
    async with fhir_side() as side:
        await side.ask(path)
        assert (side.asked.resource, side.asked.id) == (path.split("/")[1], None)


async def test_an_unknown_site_is_not_found_with_a_token_and_without() -> None:
    async with fhir_side() as side:
        for headers in (BEARER, {}):
            for path in ("/fhir/elsewhere/Slot", "/fhir/elsewhere/metadata", "/fhir/Partner/Slot"):
                async with side.client.get(path, headers=headers) as response:
                    assert response.status == 404
                    told = await response.json(content_type="application/fhir+json")
                    text = told["issue"][0]["details"]["text"]
                    assert text == "There is no FHIR endpoint at this address."


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("start=ge2025-10-21T08:00:00%2B02:00", (("start", "ge2025-10-21T08:00:00+02:00"),)),
        ("start=ge2025-10-21T08:00:00+02:00", (("start", "ge2025-10-21T08:00:00 02:00"),)),
        ("_include:iterate=Schedule%3Aactor", (("_include:iterate", "Schedule:actor"),)),
        ("&&a=&b&=c&d==e", (("a", ""), ("b", ""), ("", "c"), ("d", "=e"))),
        ("name=J%C3%BCrgen+M", (("name", "Jürgen M"),)),
        ("a=100%&b=%zz", (("a", "100%"), ("b", "%zz"))),
        ("a=1&_format=json&_pretty=true", (("a", "1"), ("_pretty", "true"))),
    ],
)
async def test_parameters_are_decoded_as_a_form_is(query: str, params: Any) -> None:
    async with fhir_side() as side:
        await side.ask(f"/Slot?{query}")
        await side.ask("/Slot/_search", method="POST", headers=FORM, body=query.encode())
        assert [each.params for each in side.gateway.asked] == [params, params]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("a=%ff", "A parameter is not percent-encoded UTF-8."),
        ("%c3%28=a", "A parameter is not percent-encoded UTF-8."),
        ("a=b%0d%0ac", "A parameter holds a control character."),
        ("&".join(["a=b"] * 101), "There are more than 100 parameters."),
        ("access_token=secret", "Send the token in the header Authorization, not as a parameter."),
    ],
)
async def test_parameters_that_are_refused(query: str, text: str) -> None:
    async with fhir_side() as side:
        assert (await side.refused(f"/Slot?{query}", 400))[0] == text
        posted = await side.refused("/Slot/_search", 400, method="POST", headers=FORM, body=query.encode())
        assert posted[0] == text
        assert side.gateway.asked == []


async def test_a_long_query_is_sent_as_a_form() -> None:
    long = "a=" + "b" * 9000
    async with fhir_side() as side:
        await side.ask("/Slot/_search", method="POST", headers=FORM, body=long.encode())
        over = b"a=" + b"b" * 65_536
        assert side.asked.params == (("a", "b" * 9000),)
        text, _ = await side.refused("/Slot/_search", 413, method="POST", headers=FORM, body=over)
        assert text == "The body is longer than the limit of 65536 bytes."


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}, 200),
        ({"Content-Type": 'Application/X-WWW-Form-Urlencoded;charset="utf-8"'}, 200),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=utf-8; fhirVersion=4.0"}, 200),
        ({"Content-Type": 'application/x-www-form-urlencoded;fhirversion="4.0.1"'}, 200),
        ({"Content-Type": "application/x-www-form-urlencoded; fhirVersion=3.0"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=latin-1"}, 415),
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}, 415),
    ],
)
async def test_a_search_is_posted_as_a_form(headers: dict[str, str], status: int) -> None:
    async with fhir_side() as side:
        how: Any = {"method": "POST", "headers": BEARER | headers, "body": b"a=b"}
        if status == 200:
            await side.ask("/Slot/_search", **how)
            assert side.asked.params == (("a", "b"),)
        else:
            await side.refused("/Slot/_search", status, **how)


@pytest.mark.parametrize(
    ("query", "accept", "taken"),
    [
        ("", None, True),
        ("", "application/fhir+json", True),
        ("", "application/fhir+json; fhirVersion=4.0", True),
        ("", "application/fhir+json;fhirVersion=4.0.1", True),
        ("", 'application/fhir+json; fhirVersion="4.0.1"', True),
        ("", "application/fhir+json; FHIRVERSION=4.0.0; charset=utf-8", True),
        ("", "application/fhir+json; fhirVersion=4.3", False),
        ("", "application/json+fhir", True),
        ("", "application/json+fhir; fhirVersion=4.0", True),
        ("", "application/json+fhir; fhirVersion=1.0", False),
        ("", "application/xml+fhir;q=1.0, application/json+fhir;q=0.9", True),
        ("", "application/xml+fhir", False),
        ("_format=application/json%2Bfhir", None, True),
        ("_format=application/json+fhir", None, True),
        ("_format=json;+fhirVersion=4.0", None, True),
        ("_format=json;+fhirVersion=3.0", None, False),
        ("", "application/json+fhir, application/json", True),
        ("", "application/json", True),
        ("", "text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("", "application/*", True),
        ("", "application/fhir+xml, application/fhir+json;q=0.1", True),
        ("", "application/fhir+xml", False),
        ("", "text/html", False),
        ("", "application/fhir+json;q=0", False),
        ("", "application/fhir+json; fhirVersion=3.0", False),
        ("_format=json", "application/fhir+xml", True),
        ("_format=application/fhir%2Bjson", None, True),
        ("_format=application/fhir+json", None, True),
        ("_format=application/json", "text/html", True),
        ("_format=xml", "application/fhir+json", False),
        ("_format=application/fhir%2Bxml", None, False),
        ("_format=html", None, False),
        ("_format=", None, True),
        ("_format=+", "application/fhir+xml", False),
        ("_format=json&_format=xml", None, False),
    ],
)
async def test_only_json_is_spoken(query: str, accept: str | None, taken: bool) -> None:
    headers = BEARER if accept is None else BEARER | {"Accept": accept}
    async with fhir_side() as side:
        for path in ("/Slot", "/Slot/a", "/metadata"):
            if taken:
                await side.ask(f"{path}?{query}", headers=headers)
            else:
                text, _ = await side.refused(f"{path}?{query}", 406, headers=headers)
                assert text == "Only FHIR R4 in JSON is spoken here; ask for application/fhir+json."


@pytest.mark.parametrize(
    ("prefer", "strict"),
    [
        ("handling=strict", True),
        ("return=representation; x, Handling = strict", True),
        ("handling=lenient", False),
        ("handling=stricter", False),
    ],
)
async def test_prefer(prefer: str, strict: bool) -> None:
    async with fhir_side() as side:
        await side.ask("/Slot", headers=BEARER | {"Prefer": prefer})
        assert side.asked.strict is strict


async def test_links_begin_with_the_address_that_clients_know() -> None:
    async with fhir_side(public_url="https://gateway.example/clinic") as side:
        await side.ask("/Slot", headers=BEARER | {"Host": "elsewhere"})
        assert side.asked.base == "https://gateway.example/clinic/fhir/partner"


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("gateway.example", "http://gateway.example/fhir/partner"),
        ("gateway.example:8443", "http://gateway.example:8443/fhir/partner"),
        ("[::1]:8080", "http://[::1]:8080/fhir/partner"),
        ('a"b', None),
        ("a/b", None),
        ("a@b", None),
        ("a:b", None),
        ("", None),
    ],
)
async def test_or_with_the_host_that_was_asked(host: str, base: str | None) -> None:
    headers = BEARER | {"Host": host, "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    async with fhir_side(trusted=TrustedProxies(())) as side:
        if base is None:
            await side.refused("/Slot", 400, headers=headers)
            await side.refused("/metadata", 400, headers=headers)
        else:
            await side.ask("/Slot", headers=headers)
            assert side.asked.base == base


async def test_but_not_with_what_stands_in_the_request_line() -> None:
    async with fhir_side() as side:
        for where, status in (("https://gateway.example", 200), ("https://evil.example", 400)):
            reader, writer = await asyncio.open_connection("127.0.0.1", side.client.port)
            head = f"GET {where}/fhir/partner/Slot HTTP/1.1\r\nHost: gateway.example\r\nConnection: close\r\n"
            sent = "".join(f"{name}: {value}\r\n" for name, value in BEARER.items())
            writer.write(f"{head}{sent}\r\n".encode())
            assert (await reader.read()).split(b" ")[1] == str(status).encode()
            writer.close()
        assert side.asked.base == "http://gateway.example/fhir/partner"


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, "Bearer"),
        ({"Authorization": "Basic YTpi"}, "Bearer"),
        ({"Authorization": "Bearer"}, "Bearer"),
        ({"Authorization": "Bearer "}, "Bearer"),
        ({"Authorization": "Bearer wrong"}, 'Bearer error="invalid_token"'),
        ({"Authorization": "Bearer correct-horse x"}, 'Bearer error="invalid_token"'),
        ({"Authorization": "Bearer a.b.c"}, 'Bearer error="invalid_token"'),
        ({"Authorization": "Bearer \xff"}, 'Bearer error="invalid_token"'),
    ],
)
async def test_no_way_in_without_a_token(headers: dict[str, str], challenge: str) -> None:
    async with fhir_side() as side:
        for method, path in (("GET", "/Slot"), ("GET", "/Slot/a"), ("POST", "/Slot/_search")):
            _, response = await side.refused(path, 401, method=method, headers=headers)
            assert response.headers["WWW-Authenticate"] == challenge
        assert side.gateway.asked == []


async def test_a_site_without_clients_lets_nobody_in() -> None:
    async with fhir_side(access(clients=())) as side:
        await side.refused("/Slot", 401)
        await side.ask("/metadata")


async def test_the_scheme_is_bearer_in_any_case_and_every_client_has_its_own_token() -> None:
    seen: list[str | None] = []

    async def answers(_interaction: Interaction, exchange: Exchange) -> Reply:
        seen.append(exchange.client)
        return Reply(200, b"{}", JSON)

    async with fhir_side(answers=answers) as side:
        await side.ask("/Slot", headers={"Authorization": "bearer correct-horse"})
        await side.ask("/Slot", headers={"Authorization": f"Bearer {OTHER}"})
    assert seen == ["scheduler-app", "viewer"]


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (InvalidMessage(Issue("value", "start", "one"), Issue("value", "end", "two")), 400, None),
        (NotFound(Issue("not-found", "", "no")), 404, None),
        (NotKnownHere(Issue("not-found", "schedule", "no")), 422, None),
        (GatewayError(), 500, None),
        (UpstreamFailed(Issue("transient", "", "no")), 502, None),
        (UpstreamUnavailable(Issue("throttled", "", "no"), retry_after=2.1), 503, "3"),
        (DeadlineExceeded(Issue("timeout", "", "no")), 504, None),
    ],
)
async def test_what_the_gateway_raises_is_an_operation_outcome(
    error: GatewayError, status: int, retry_after: str | None
) -> None:
    async def answers(_interaction: Interaction, _exchange: Exchange) -> Reply:
        raise error

    async with fhir_side(answers=answers) as side:
        told, response = await side.ask("/Slot", status)
        OperationOutcome.model_validate(told)
        assert len(told["issue"]) == max(1, len(error.issues))
        assert response.headers.get("Retry-After") == retry_after
        assert response.headers["Content-Type"] == JSON
        (line,) = side.lines()
        assert (line["status"], line["error"]) == (status, error.kind)


async def test_a_canary_is_nowhere_in_the_log() -> None:
    async with fhir_side() as side:
        for method in ("GET", "HEAD", "POST", "PUT"):
            for path in (f"/Slot?a={CANARY}", f"/Slot/{CANARY}", f"/Slot/_search?{CANARY}=1", f"/{CANARY}"):
                for token in ("correct-horse", CANARY):
                    headers = {
                        "Authorization": f"Bearer {token}",
                        "Content-Type": "application/x-www-form-urlencoded",
                        "Prefer": CANARY,
                        "Accept": f"application/json, {CANARY}",
                    }
                    async with side.client.request(
                        method, f"/fhir/partner{path}", headers=headers, data=f"p={CANARY}".encode()
                    ) as response:
                        await response.read()
        assert {line["status"] for line in side.lines()} == {200, 401, 404, 405}
        assert CANARY not in side.log.getvalue().decode()
        assert CANARY not in side.metrics.exposition().decode()
        assert json.loads(side.log.getvalue().splitlines()[0])["event"] == "request"
