"""All that is read for one query is counted together, and no further page is read when it is used up."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.plan import Answer, Call, Failure
from gateway.upstream.budget import Budget
from gateway.upstream.places import Turn
from gateway.upstream.trouble import Trouble

from .conftest import Bench, MakeBench, Script, answer, bundle


def page(size: int, following: str | None = None) -> bytes:
    link = b',"link":[{"relation":"next","url":"%b"}]' % following.encode() if following else b""
    head = b'{"resourceType":"Bundle"%b,"text":"' % link
    return head + b"x" * (size - len(head) - 2) + b'"}'


async def staged(
    bench: Bench, *targets: str, after: Turn | None = None
) -> tuple[Turn, list[Answer | Failure]]:
    """The calls of one stage of a query, one after the other."""
    now = asyncio.get_running_loop().time()
    calls = [Call("Slot", (("schedule", each),)) for each in targets]
    turn = bench.client.admit(calls, deadline=now + 5, since=now, after=after)
    assert isinstance(turn, Turn)
    found = [await bench.client.call(call, deadline=now + 5, request_id="req-1", turn=turn) for call in calls]
    turn.close()
    return turn, found


def test_a_budget_is_used_up_by_bytes_or_by_pages() -> None:
    budget = Budget(100, 2)
    budget.open_page()
    budget.take(100)
    with pytest.raises(Trouble, match="query-limit"):
        budget.open_page()
    with pytest.raises(Trouble, match="query-limit"):
        budget.take(1)
    budget = Budget(100, 1)
    budget.open_page()
    with pytest.raises(Trouble, match="query-limit"):
        budget.open_page()


async def test_the_searches_of_a_query_share_what_they_may_bring(make: MakeBench, script: Script) -> None:
    script.always = answer(page(4000))
    bench = make(max_query_bytes=10_000)
    _, found = await staged(bench, "a", "b", "c", "d")
    assert [isinstance(each, Answer) for each in found] == [True, True, False, False]
    assert {(each.kind, each.reason) for each in found if isinstance(each, Failure)} == {
        ("protocol", "query-limit")
    }
    assert len(script.seen) == 3  # nothing is asked for once it is used up
    assert bench.client.state == "closed"


async def test_stages_share_it_as_well_and_another_query_has_its_own(make: MakeBench, script: Script) -> None:
    script.always = answer(page(4000))
    bench = make(max_query_bytes=10_000)
    first, found = await staged(bench, "a", "b")
    _, later = await staged(bench, "c", after=first)
    _, others = await staged(bench, "c")
    assert all(isinstance(each, Answer) for each in (*found, *others))
    assert [isinstance(each, Answer) for each in later] == [False]


async def test_pages_of_a_search_beyond_it_leave_the_answer_incomplete(
    make: MakeBench, script: Script
) -> None:
    script.steps = [answer(page(1000, f"/Slot?page={number}")) for number in range(10)]
    bench = make(max_query_pages=3)
    _, (found,) = await staged(bench, "a")
    assert isinstance(found, Answer)
    assert (len(found.pages), found.complete) == (3, False)
    assert [(issue.code, issue.path) for issue in found.issues] == [("too-costly", "Bundle.link")]
    assert len(script.seen) == 3


async def test_links_longer_than_those_of_any_server_are_not_looked_at(
    make: MakeBench, script: Script
) -> None:
    script.always = answer({**bundle("1"), "link": [{"relation": "x" * 70_000}]})
    assert await make().call() == Failure(Call("Slot"), "protocol", status=200)
    script.always = answer({**bundle("1"), "link": [{"relation": "x" * 60_000}]})
    assert isinstance(await make().call(), Answer)
