from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web

from gateway.core.plan import Answer, Call, Failure
from gateway.upstream.interface import Rebased

from .conftest import MakeBench, Script, Step, answer, broken, bundle


async def test_a_byte_order_mark_is_skipped(make: MakeBench, script: Script) -> None:
    script.always = answer(b"\xef\xbb\xbf" + json.dumps(bundle("1")).encode())
    found = await make().call()
    assert isinstance(found, Answer)
    assert json.loads(found.pages[0]) == bundle("1")


async def test_a_search_is_one_get_with_what_it_needs(script: Script, make: MakeBench) -> None:
    bench = make(path="/fhir/")
    params = (
        ("start", "ge2025-10-21T00:00:00+02:00"),
        ("start", "lt2025-10-22"),
        ("schedule", "Schedule/a|b"),
    )
    outcome = await bench.call("Slot", params)
    assert isinstance(outcome, Answer)
    assert outcome.call == Call("Slot", params)
    (request,) = script.seen
    assert request.method == "GET"
    assert request.raw_path == (
        "/fhir/Slot?start=ge2025-10-21T00:00:00%2B02:00&start=lt2025-10-22&schedule=Schedule/a%7Cb"
    )
    assert request.query.getall("start") == ["ge2025-10-21T00:00:00+02:00", "lt2025-10-22"]
    names = ("Accept", "Cache-Control", "X-Request-Id", "Authorization")
    assert {name: request.headers[name] for name in names} == {
        "Accept": "application/fhir+json",
        "Cache-Control": "no-cache",
        "X-Request-Id": "req-1",
        "Authorization": "Bearer token-1",
    }


async def test_pages_are_the_bytes_as_they_came(script: Script, make: MakeBench) -> None:
    raw = b'{ "resourceType":"Bundle" , "total": 8 }'
    script.steps = [answer(raw)]
    assert await make().call() == Answer(Call("Slot"), (raw,))


async def test_next_links_are_followed_relative_and_absolute(script: Script, make: MakeBench) -> None:
    script.steps = [
        answer(bundle("a", following="/Slot?_count=1&_offset=1")),
        answer(bundle("b", following=f"{script.url}/fhir/Slot?_offset=2%2C")),
        answer(bundle("c")),
    ]
    outcome = await make(path="/fhir").call("Slot", (("_count", "1"),))
    assert isinstance(outcome, Answer)
    assert outcome.complete
    assert [page.count(b'"id"') for page in outcome.pages] == [1, 1, 1]
    assert script.targets == [
        "/fhir/Slot?_count=1",
        "/fhir/Slot?_count=1&_offset=1",
        "/fhir/Slot?_offset=2%2C",
    ]
    assert script.bearers == ["Bearer token-1"] * 3


def incomplete(outcome: Answer | Failure) -> tuple[int, str, str]:
    assert isinstance(outcome, Answer)
    assert not outcome.complete
    (issue,) = outcome.issues
    assert issue.severity == "warning"
    assert issue.path == "Bundle.link"
    return len(outcome.pages), issue.code, issue.text


async def test_a_link_to_another_host_gets_no_request_and_no_token(
    script: Script, elsewhere: Script, make: MakeBench
) -> None:
    script.steps = [answer(bundle("a", following=f"{elsewhere.url}/Slot?patient=canary"))]
    pages, code, text = incomplete(await make().call())
    assert (pages, code) == (1, "security")
    assert text == (
        "the link to the next page points outside the base URL, so it was not followed; "
        "what stands on the pages from there is missing"
    )
    assert elsewhere.seen == []
    assert elsewhere.tokens == 0


async def test_a_redirect_gets_no_request_and_no_token(
    script: Script, elsewhere: Script, make: MakeBench
) -> None:
    script.steps = [answer(status=307, headers={"Location": f"{elsewhere.url}/Slot"})]
    assert await make().call() == Failure(Call("Slot"), "protocol", status=307)
    assert elsewhere.seen == []


async def test_a_circle_of_links_is_left(script: Script, make: MakeBench) -> None:
    script.steps = [answer(bundle("a", following="/Slot?p=2")), answer(bundle("b", following="/Slot"))]
    assert incomplete(await make().call())[:2] == (2, "incomplete")
    assert len(script.seen) == 2


@pytest.mark.parametrize(
    ("pages", "whole"),
    [
        ([["a", "b"], ["a", "b"]], False),  # a server that does not look at its own _offset
        ([["a", "b"], ["c"], ["a", "b"]], False),
        ([["a", "b"], ["b"]], True),
        ([["a"], [], []], True),
    ],
)
async def test_a_page_that_holds_what_stands_on_another_is_no_further_page(
    script: Script, make: MakeBench, pages: list[list[str]], whole: bool
) -> None:
    following = [f"/Slot?_offset={number}" for number in range(1, len(pages))]
    script.steps = [
        answer(bundle(*names, following=link) if link else bundle(*names))
        for names, link in zip(pages, [*following, None], strict=True)
    ]
    outcome = await make().call()
    assert isinstance(outcome, Answer)
    assert outcome.complete is whole
    if not whole:
        number, code, text = incomplete(outcome)
        assert (number, code) == (len(pages), "incomplete")
        assert text.startswith("a page holds what stands on another one")


async def test_the_page_cap_holds(script: Script, make: MakeBench) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        number = int(request.query.get("p", "1"))
        return web.json_response(bundle("a", following=f"/Slot?p={number + 1}"))

    script.always = endless
    pages, code, text = incomplete(await make().call(pages=3))
    assert (pages, code) == (3, "too-costly")
    assert text.startswith("there are more pages than the limit of 3;")
    assert len(script.seen) == 3


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (answer(bundle(), status=403), "unauthorized (403)"),
        (answer(bundle(), status=404), "status (404)"),
        (answer(b"<html>"), "protocol (200)"),
        (answer(bundle(), delay=2.0), "deadline"),
    ],
)
async def test_a_later_page_that_fails_leaves_the_pages_so_far(
    script: Script, make: MakeBench, second: Step, why: str
) -> None:
    script.steps = [answer(bundle("a", following="/Slot?p=2")), second]
    pages, code, text = incomplete(await make().call(within=0.3))
    assert (pages, code) == (1, "incomplete")
    assert text == f"page 2 could not be read ({why}); what stands on the pages from there is missing"


@pytest.mark.parametrize(
    ("body", "status", "failure"),
    [
        (
            {"resourceType": "OperationOutcome", "issue": [{"code": "required"}, {"code": "b"}]},
            400,
            "required",
        ),
        (
            {"issue": [None, 1, {"severity": "warning", "code": "informational"}, {"code": "a b"}]},
            404,
            "informational",
        ),
        (
            {"issue": [{"severity": "information", "code": "x"}, {"severity": "fatal", "code": "timeout"}]},
            422,
            "timeout",
        ),
        ({"issue": [{"code": 5}, {"code": "throttled"}]}, 404, "throttled"),
        ({"issue": [{"code": "Pat Granite, born 1970"}]}, 422, None),
        ({"issue": None}, 404, None),
        ({"issue": []}, 404, None),
        ({"issue": [{}]}, 404, None),
        (b"<html>Pat Granite</html>", 404, None),
        (b"\xff\xfe", 404, None),
        ([1], 404, None),
    ],
)
async def test_only_the_code_of_an_error_is_read(
    script: Script, make: MakeBench, body: object, status: int, failure: str | None
) -> None:
    script.steps = [answer(body, status=status)]
    assert await make().call() == Failure(Call("Slot"), "status", status=status, code=failure)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"entry": [', b'{"link": "x"}', b"[]"])
async def test_a_first_page_that_is_none_is_a_failure(script: Script, make: MakeBench, body: bytes) -> None:
    script.steps = [answer(body)]
    assert await make().call() == Failure(Call("Slot"), "protocol", status=200)


@pytest.mark.parametrize("abort", [True, False])
async def test_a_body_cut_short_is_asked_for_again(script: Script, make: MakeBench, abort: bool) -> None:
    script.steps = [broken(sent=b'{"entry"', abort=abort)]
    assert isinstance(await make().call(), Answer)
    assert len(script.seen) == 2
    script.always = broken(sent=b'{"entry"', abort=abort)
    assert await make().call() == Failure(Call("Slot"), "protocol")


async def test_a_page_above_the_limit_is_a_failure(script: Script, make: MakeBench) -> None:
    script.steps = [answer(bundle("x" * 5000))]
    assert await make(max_response_bytes=5000).call() == Failure(Call("Slot"), "protocol", status=200)


async def test_a_target_that_leaves_the_base_is_not_asked_for(script: Script, make: MakeBench) -> None:
    assert await make(path="/fhir").call("../admin") == Failure(Call("../admin"), "protocol")
    assert script.seen == []


async def test_an_open_server_needs_no_token(script: Script, make: MakeBench) -> None:
    assert isinstance(await make(credentials=False).call(), Answer)
    assert script.bearers == [None]
    script.steps = [answer(status=401)]
    assert await make(credentials=False).call() == Failure(Call("Slot"), "unauthorized", status=401)


async def test_events_name_the_resource_type_and_never_an_id(script: Script, make: MakeBench) -> None:
    script.steps = [answer({"resourceType": "Slot"}), answer(status=404)]
    bench = make()
    await bench.call("Slot/canary", (("q", "canary"),))
    await bench.call("Slot/canary")
    assert [(e.target, e.outcome, e.status, e.attempt) for e in bench.events] == [
        ("token", "ok", 200, 1),
        ("Slot", "ok", 200, 1),
        ("Slot", "status", 404, 1),
    ]
    assert all(event.seconds > 0 for event in bench.events)


async def test_concurrent_calls_share_one_token(script: Script, make: MakeBench) -> None:
    script.token_steps = [answer({"access_token": "shared"}, delay=0.02)]
    bench = make()
    outcomes = await asyncio.gather(*(bench.call() for _ in range(20)))
    assert all(isinstance(outcome, Answer) for outcome in outcomes)
    assert script.tokens == 1
    assert set(script.bearers) == {"Bearer shared"}


@pytest.mark.parametrize(("pages_below_base", "pages"), [(False, 1), (True, 2)])
async def test_links_of_a_server_behind_a_proxy_are_followed_where_that_is_said(
    script: Script, make: MakeBench, pages_below_base: bool, pages: int
) -> None:
    following = "http://internal:8080/base/Slot?page=2"
    script.steps = [answer(bundle("1", following=following)), answer(bundle("2"))]
    told: list[Rebased] = []
    bench = make(pages_below_base=pages_below_base, surroundings={"rebased": told.append})
    outcome = await bench.call()
    assert isinstance(outcome, Answer)
    assert (len(outcome.pages), outcome.complete) == (pages, pages_below_base)
    assert told == [Rebased("req-1", "Slot", "http://internal:8080")][: pages - 1]
    assert script.targets[1:] == ["/Slot?page=2"][: pages - 1]


async def test_a_query_tells_once_that_its_links_name_the_server_otherwise(
    script: Script, make: MakeBench
) -> None:
    told: list[Rebased] = []
    client = make(pages_below_base=True, surroundings={"rebased": told.append}).client
    deadline = asyncio.get_running_loop().time() + 5
    call = Call("Slot", (("q", "canary"),))
    for _ in range(2):  # queries
        turn = client.admit((call, call), deadline=deadline, since=0.0)
        assert not isinstance(turn, Failure)
        for number in range(2):
            pages = [f"http://internal/base/Slot?page={number}{each}" for each in range(2)]
            script.steps = [*(answer(bundle(following=each)) for each in pages), answer(bundle("1"))]
            outcome = await client.call(call, deadline=deadline, request_id="req-2", turn=turn)
            assert isinstance(outcome, Answer) and len(outcome.pages) == 3
        turn.close()
    assert told == [Rebased("req-2", "Slot", "http://internal")] * 2
