"""Pages of slots: each slot once, whatever comes and goes between them, and what is kept for the next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import fhir_flows, fhir_pages
from gateway.core.fhir_flows import FhirSite
from gateway.core.fhir_pages import Walk
from gateway.core.plan import Reply
from tests import partner
from tests.clinic import Transcript
from tests.partner import NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE, Json, Search, network, refused, slot

WINDOW = "start=2025-10-22&end=2025-10-23"
MANY = [
    slot(f"2025-10-22T{16 + hour:02}:{minute:02}:00.000Z", minutes, of)
    for hour in range(3)
    for minute in (0, 30)
    for minutes in (20, 40)
    for of in (SOUTH_GRANITE, NORTH_SLATE, NORTH_GRANITE)
]
SORTED = pytest.mark.parametrize("sort", ["", "&_sort=start", "&_sort=-start"])


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> FhirSite:
    return partner.site(partner.tables(tmp_path_factory.mktemp("partner")))


def names(search: Search) -> list[str]:
    return [each["id"] for each in search.resources()]


def walked(where: FhirSite, url: str, answers: Sequence[list[Json]]) -> list[str]:
    """The ids on all pages, Redox having each of these in turn, and the last for the rest of the way."""
    found: list[str] = []
    following: str | None = url
    turn = 0
    while following is not None:
        page = Search(where, following, network(answers[min(turn, len(answers) - 1)]))
        assert page.resources() or turn == 0 or not answers[-1]
        found += names(page)
        following = page.link("next")
        turn += 1
        assert turn < 100
    return found


def test_the_latest_first(where: FhirSite) -> None:
    first = names(Search(where, f"Slot?{WINDOW}", network(MANY)))
    search = Search(where, f"Slot?{WINDOW}&_sort=-start", network(MANY), strict=True)
    assert names(search) == first[::-1]
    assert "_sort=-start" in (search.link("self") or "")
    assert search.warnings == []
    more = Search(where, f"Slot?{WINDOW}&_sort=-start,status", network(MANY))
    assert names(more) == names(search)
    assert more.link("self") == search.link("self")
    assert more.warnings == [
        "_sort: only slots are sorted, by start or -start, and by nothing else; it was ignored"
    ]


@SORTED
@pytest.mark.parametrize("count", [1, 5, 6, 7, 35, 36, 37])
def test_paging_brings_every_slot_once(where: FhirSite, count: int, sort: str) -> None:
    whole = names(Search(where, f"Slot?{WINDOW}{sort}", network(MANY)))
    assert walked(where, f"Slot?{WINDOW}{sort}&_count={count}", [MANY]) == whole


@SORTED
@given(
    count=st.integers(1, 9),
    turns=st.lists(st.sets(st.integers(0, len(MANY) - 1)), min_size=1, max_size=8),
)
def test_what_stays_is_neither_lost_nor_doubled(
    where: FhirSite, sort: str, count: int, turns: list[set[int]]
) -> None:
    """Slots are taken and given back between the pages."""
    answers = [[each for number, each in enumerate(MANY) if number not in gone] for gone in turns]
    found = walked(where, f"Slot?{WINDOW}{sort}&_count={count}", answers)
    assert len(set(found)) == len(found)
    gone = set().union(*turns)
    stay = [each for number, each in enumerate(MANY) if number not in gone]
    kept = names(Search(where, f"Slot?{WINDOW}{sort}", network(stay)))
    assert [each for each in found if each in set(kept)] == kept
    order = names(Search(where, f"Slot?{WINDOW}{sort}", network(MANY)))
    assert found == sorted(found, key=order.index)


def test_a_page_asks_only_for_what_is_left(where: FhirSite) -> None:
    first = Search(where, f"Slot?{WINDOW}&_count=7", network(MANY))
    second = Search(where, first.link("next") or "", network(MANY))
    assert second.query["StartDateTime"] == "2025-10-22T16:30:00.000Z"
    first = Search(where, f"Slot?{WINDOW}&_count=7&_sort=-start", network(MANY))
    second = Search(where, first.link("next") or "", network(MANY))
    assert second.query["EndDateTime"] == "2025-10-22T18:00:00.001Z"
    assert second.body["total"] == first.body["total"] == len(MANY)


def test_a_cursor_that_leads_out_of_the_search_is_not_ours(where: FhirSite) -> None:
    for start in ("1999-01-01T00:00:00.000Z", "2025-10-23T07:00:00.000Z", "2025-99-99T00:00:00.000Z"):
        text = str(refused(where, f"Slot?{WINDOW}&_cursor=3~1~{start}~a").issues[0])
        assert text.startswith("_cursor: is not from a link of this server")


def test_pages_of_the_directory_go_on_behind_the_last(where: FhirSite) -> None:
    whole = names(Search(where, "Schedule"))
    first = Search(where, "Schedule?_count=2")
    second = Search(where, first.link("next") or "")
    assert names(first) + names(second) == whole[:4]
    # One that has gone meanwhile: what stood behind it moves up.
    gone = (first.link("next") or "").replace(whole[1], "gone")
    assert names(Search(where, gone))[0] == whole[1]


# --- what is kept -----------------------------------------------------------------------------------


def answered(
    where: FhirSite, url: str, walk: Walk | None, slots: list[Json] | None = None
) -> tuple[Reply, Any]:
    """The reply, and what Redox was asked; None: nothing may be asked."""
    interaction = partner.interaction(url)
    flow = fhir_flows.answer(interaction, where, partner.NOW, walk)
    transcript = Transcript(flow, network(slots or []))
    reply = transcript.play()
    partner.check_fhir(json.loads(reply.body))
    asked = transcript.asked.get("redox", ())
    assert slots is not None or not asked
    return reply, json.loads(reply.body)


def following(body: Json) -> str:
    return next(each["url"] for each in body["link"] if each["relation"] == "next")


@SORTED
def test_further_pages_come_out_of_what_the_first_has_kept(where: FhirSite, sort: str) -> None:
    url = f"Slot?{WINDOW}{sort}&_count=7&_include=Slot:schedule"
    reply, first = answered(where, url, None, MANY)
    walk = reply.kept
    assert isinstance(walk, Walk)
    body, found = first, [each["resource"]["id"] for each in first["entry"][:7]]
    while any(each["relation"] == "next" for each in body["link"]):
        link = following(body)
        assert fhir_pages.params_of(partner.interaction(link)) == walk.params
        assert fhir_pages.goes_on(partner.interaction(link))
        _, anew = answered(where, link, None, MANY)
        reply, body = answered(where, link, walk)
        assert body == anew
        assert reply.kept is None, "it is as old as it was"
        found += [each["resource"]["id"] for each in body["entry"] if each["search"]["mode"] == "match"]
    assert found == names(Search(where, f"Slot?{WINDOW}{sort}", network(MANY)))


def test_what_is_kept_is_bounded(where: FhirSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_pages, "_KEPT_BYTES", 10_000)
    reply, first = answered(where, f"Slot?{WINDOW}&_count=4", None, MANY)
    walk = reply.kept
    assert walk.size <= 11_000
    assert (len(walk.slots) + walk.more, 4 < len(walk.slots) < 20) == (len(MANY) - 4, True)
    seen, body, asked = 4, first, 0
    while any(each["relation"] == "next" for each in body["link"]):
        interaction = partner.interaction(following(body))
        transcript = Transcript(fhir_flows.answer(interaction, where, partner.NOW, walk), network(MANY))
        reply = transcript.play()
        body = json.loads(reply.body)
        assert body["total"] == len(MANY)
        seen += len(body["entry"])
        asked += len(transcript.asked.get("redox", ()))
        walk = reply.kept or walk
    assert (seen, 1 <= asked < 6) == (len(MANY), True)


def test_nothing_is_kept_of_what_is_incomplete_or_all_of_it(where: FhirSite) -> None:
    assert answered(where, f"Slot?{WINDOW}", None, MANY)[0].kept is None
    assert answered(where, f"Slot?{WINDOW}&_count=0", None, MANY)[0].kept is None
    stray = [*MANY, {**MANY[0], "DateTime": "soon"}]
    flow = fhir_flows.answer(partner.interaction(f"Slot?{WINDOW}&_count=4"), where, partner.NOW)
    reply = Transcript(flow, partner.saying(partner.answered(*stray))).play()
    assert (reply.counts["incomplete"], reply.kept) == (1, None)
