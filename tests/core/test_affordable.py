"""How many searches one query may cause: whole schedules are left out, and told; lengths never are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.assemble.fhir_side import asker
from gateway.core import fhir_flows
from gateway.core.affordable import affordable
from gateway.core.directory import Directory
from gateway.core.errors import InvalidMessage, TooCostly
from gateway.core.plan import Call
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables, Wanted
from tests import clinic, partner
from tests.clinic import GRANITE_HOSPITAL, GRANITE_JUNIPER, SLATE_HOSPITAL, Transcript, ask, slot

TEN_LENGTHS = [{"Duration": str(5 * number), "DurationUnit": "minutes"} for number in range(1, 11)]
VISIT_TYPES = "redox_code,fhir_code,fhir_system\n" + "".join(f"{n},f{n},urn:types\n" for n in range(30))


def searched(played: Transcript) -> list[tuple[str, str]]:
    """(schedule, length) of every search."""
    params = [dict(call.params) for call in played.asked.get("slots", ())]
    return [(each["schedule"].rpartition("/")[2], each.get("duration", "")) for each in params]


def test_within_the_bound_everything_is_asked(mapping: SiteTables) -> None:
    body, reply, played = ask(mapping, clinic.query(VisitPreference=TEN_LENGTHS), clinic.answering())
    assert len(searched(played)) == reply.counts["searches"] == 30
    assert "IsIncomplete" not in body["Meta"]
    _, _, played = ask(
        mapping, clinic.query(VisitPreference=TEN_LENGTHS), clinic.answering(), max_searches=30
    )
    assert len(searched(played)) == 30


@pytest.mark.parametrize(("most", "schedules"), [(29, 2), (20, 2), (19, 1), (10, 1)])
def test_beyond_it_the_first_schedules_are_asked_for_every_length(
    mapping: SiteTables, most: int, schedules: int
) -> None:
    message = clinic.query(VisitPreference=TEN_LENGTHS)
    slots = [slot("2025-10-22T17:00:00Z", "2025-10-22T17:20:00Z", of) for of in (GRANITE_HOSPITAL,)]
    body, reply, played = ask(mapping, message, clinic.answering(*slots), max_searches=most)
    found = searched(played)
    assert len(found) == 10 * schedules <= most
    first = [GRANITE_JUNIPER, GRANITE_HOSPITAL, SLATE_HOSPITAL]
    kept = [schedule for schedule, _ in found]
    assert set(kept) <= set(first)
    assert {kept.count(schedule) for schedule in kept} == {10}
    assert body["Meta"]["IsIncomplete"] is True
    assert str(reply.issues[0]) == (
        f"only {schedules} of 3 schedules were asked: all of them take 30 searches, and this site makes at "
        f"most {most} for one query, so earlier times may be open at the others; ask for fewer providers, "
        "places or lengths"
    )
    assert reply.issues[0].severity == "warning"


def test_where_one_schedule_alone_takes_too_many_nobody_is_asked(mapping: SiteTables) -> None:
    error = clinic.refused(mapping, clinic.query(VisitPreference=TEN_LENGTHS), max_searches=9)
    assert isinstance(error, TooCostly)
    assert (error.status, error.redox_type) == (422, "query")
    assert str(error) == (
        "takes 10 searches for each schedule, one for every length with every visit type; this site makes at "
        "most 9 for one query, so ask for fewer lengths or visit types at a time"
    )


def test_schedules_of_several_zones_are_counted_together(mapping: SiteTables) -> None:
    east = replace(mapping, schedules=({"schedule": GRANITE_JUNIPER, "timezone": "America/New_York"},))
    message = clinic.query(VisitPreference=TEN_LENGTHS)
    _, _, played = ask(east, message, clinic.answering(), max_searches=25)
    assert len(searched(played)) == 20


@pytest.fixture
def typed(tmp_path: Path) -> SiteTables:
    """A clinic whose EHR is asked for visit types one by one."""
    codes = tmp_path / "sites" / "clinic" / "codes"
    codes.mkdir(parents=True)
    (codes / "visit-types.csv").write_text(VISIT_TYPES)
    return clinic.tables(tmp_path)


def test_visit_types_multiply_too(typed: SiteTables) -> None:
    types = [{"Code": str(number)} for number in range(30)]
    message = clinic.query(VisitPreference=TEN_LENGTHS, VisitType=types)
    params = typed.read_query(clinic.read(message).body).params
    each = 10 * len(params[0][1])
    assert each == 300
    assert isinstance(clinic.refused(typed, message), TooCostly)
    _, _, played = ask(typed, message, clinic.answering(), max_searches=700)
    assert len(searched(played)) == 600


def test_several_schedules_in_one_search_count_as_one(tmp_path: Path) -> None:
    together = clinic.tables(tmp_path, "fhir-r4")
    lines = [{"schedule": f"s{number}"} for number in range(50)]
    asked = together.read_query(clinic.read(clinic.query()).body)
    assert together.search_count((20,), asked, lines) == 3
    assert len(together.slot_searches("2025-10-21", "2025-10-28", (20,), asked, lines)) == 3


@pytest.mark.parametrize(
    ("schedules", "most", "asked"), [(1_900, 200, 1_900), (2_300, 200, 2_000), (1_900, 90, 1_800)]
)
def test_so_many_schedules_are_asked_and_no_more(
    tmp_path: Path, schedules: int, most: int, asked: int
) -> None:
    together = clinic.tables(tmp_path, "fhir-r4", "schedule\n")
    lines = tuple({"schedule": f"s{number}"} for number in range(schedules))
    directory = Directory(lines, False, (), tuple(("",) for _ in lines))
    nothing = together.read_query(clinic.read(clinic.query()).body)
    kept, told = affordable(directory, tuple(range(schedules)), (20,), nothing, most, together)
    assert kept == tuple(range(asked))
    assert bool(told) == (asked < schedules)
    for issue in told:
        assert issue.text.startswith(f"only {asked:,} of {schedules:,} schedules were asked: ")
        assert ("this site asks for at most 2,000 for one query" in issue.text) == (schedules > 2_000)


# --- FHIR clients -----------------------------------------------------------------------------------


class Clinic:
    """The clinic as FHIR clients see it, an EHR being asked."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        tables = clinic.tables(folder)
        rules = clinic.rules(**changed)
        fhir_server = Tables(folder).fhir_server(Wanted("clinic", "canvas", clinic.ZONE.key))
        self.site = fhir_flows.FhirSite(
            rules, fhir_server, tables, asker(rules, tables, None, clinic.reader(), clinic.NOW)
        )
        self.calls: list[Call] = []

    def search(self, url: str, *slots: Any) -> partner.Search:
        known = clinic.answering(*slots)

        def answer(call: Call) -> Any:
            if call.target == "Slot":
                self.calls.append(call)
            return known(call)

        return partner.Search(self.site, url, answer)


def test_a_fhir_client_is_told_too_that_schedules_were_left_out(tmp_path: Path) -> None:
    found = Clinic(tmp_path, max_searches=2)
    search = found.search("Slot?start=2025-10-22", slot("2025-10-22T17:00:00Z", "2025-10-22T17:20:00Z"))
    assert len(found.calls) == 2
    assert "total" not in search.body
    assert any(text.startswith("only 2 of 3 schedules were asked") for text in search.warnings)


def test_slots_by_their_ids_share_the_searches(tmp_path: Path) -> None:
    found = Clinic(tmp_path, max_searches=3)
    open_slot = slot("2025-10-22T17:00:00Z", "2025-10-22T17:20:00Z")
    (listed,) = found.search("Slot?start=2025-10-22", open_slot).resources()
    found.calls.clear()
    assert len(found.search(f"Slot?_id={listed['id']}", open_slot).resources()) == 1
    assert len(found.calls) == 1
    with pytest.raises(InvalidMessage, match="_id: ask for at most 3 slots by id at a time"):
        found.search("Slot?_id=a,b,c,d")
