"""What FHIR clients see of a site: its directory as resources, and Redox's answers matched to it."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import UpstreamFailed
from gateway.core.fhir import resource_id
from gateway.core.mapping import Wanted
from gateway.core.values import at_once
from gateway.files.marked import Faults
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables
from gateway.tables.build import Wanted as WantedTables
from tests import clinic, partner
from tests.partner import (
    BASE,
    NORTH_GRANITE,
    NORTH_SLATE,
    SOUTH_GRANITE,
    VIRTUAL,
    WING,
    Json,
    Search,
    slot,
)

EVER = Wanted("", "~")
AT = "2025-10-22T16:00:00.000Z"


@pytest.fixture(scope="session")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return partner.tables(tmp_path_factory.mktemp("partner"))


def with_lines(mapping: SiteTables, *lines: dict[str, str]) -> SiteTables:
    return dataclasses.replace(mapping, schedules=tuple(lines))


# --- the answer -------------------------------------------------------------------------------------


def entries(mapping: SiteTables, *slots: Any, only: tuple[str, ...] | None = None, **meta: Any) -> Any:
    directory = mapping.own_directory
    positions = (
        None if only is None else [n for n, line in enumerate(directory.lines) if line["schedule"] in only]
    )
    return at_once(
        partner.fhir_server(mapping).slots(partner.answered(*slots, **meta), directory, positions, EVER, BASE)
    )


def schedules(found: Any) -> list[str]:
    return [
        json.loads(text)["resource"]["schedule"]["reference"].partition("/")[2] for _, _, text in found.slots
    ]


@pytest.mark.parametrize("of", [NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE, VIRTUAL, WING])
def test_a_slot_finds_its_schedule_by_provider_and_place(mapping: SiteTables, of: str) -> None:
    assert schedules(entries(mapping, slot(AT, of=of))) == [of]


@pytest.mark.parametrize(
    ("told", "of"),
    [
        ({"Provider": {"ID": partner.GRANITE_ID}, "Location": {"Room": "2"}}, SOUTH_GRANITE),
        (
            {"Provider": {"ID": partner.GRANITE_ID}, "Location": {"Facility": "res general  HOSPITAL"}},
            NORTH_GRANITE,
        ),
        ({"Provider": {"FirstName": "Sam", "LastName": "SLATE"}}, NORTH_SLATE),
        # The ID says who; a name may be spelt otherwise.
        ({"Provider": {"ID": "1987654321", "LastName": "Slate-Marsh"}}, NORTH_SLATE),
        ({"Location": {"Facility": "Lakeside"}}, WING),
        # Nobody: another's ID, the right ID of another type, the right person elsewhere.
        ({"Provider": {"ID": "999"}, "Location": {"Room": "136"}}, None),
        ({"Provider": {"ID": partner.GRANITE_ID, "IDType": "EHRID"}}, None),
        ({"Provider": {"ID": partner.GRANITE_ID}, "Location": {"Department": "Elsewhere"}}, None),
    ],
)
def test_a_slot_that_tells_only_some_of_it(mapping: SiteTables, told: Json, of: str | None) -> None:
    found = entries(mapping, {"DateTime": AT, "Duration": 20, **told})
    assert schedules(found) == ([of] if of is not None else [])
    assert found.counts.get("stray", 0) == (of is None)
    # Nothing but strays: the answer is to another question, so the entries are incomplete.
    assert [issue.severity for issue in found.issues] == (["error"] if of is None else [])


@pytest.mark.parametrize("told", [{"Provider": None, "Location": None}, {}])
def test_a_slot_that_tells_nothing_may_be_anybodys(mapping: SiteTables, told: Json) -> None:
    found = entries(mapping, {"DateTime": AT, "Duration": 20, **told})
    assert (found.slots, found.counts) == ((), {"received": 1, "ambiguous": 1})
    assert [(issue.severity, issue.code) for issue in found.issues] == [("error", "multiple-matches")]


def test_a_slot_that_tells_nothing_is_that_of_the_one_schedule_asked_for(mapping: SiteTables) -> None:
    bare = {"DateTime": AT, "Duration": 20}
    assert schedules(entries(mapping, bare, only=(WING,))) == [WING]
    assert schedules(entries(mapping, bare, only=(WING, VIRTUAL))) == []
    foreign = {**bare, "Provider": {"ID": "999"}}
    assert schedules(entries(mapping, foreign, only=(NORTH_SLATE,))) == []


def test_of_schedules_that_look_alike_the_one_that_the_id_names(mapping: SiteTables) -> None:
    alike = with_lines(
        mapping, *({"schedule": each, "provider_id": "1", "provider_id_type": "NPI"} for each in ("a", "b~c"))
    )
    told = {"DateTime": AT, "Duration": 20, "Provider": {"ID": "1"}}
    for only in (None, ("b~c",)):
        found = entries(alike, told, only=only)
        assert (found.slots, found.counts) == ((), {"received": 1, "ambiguous": 1})
        (issue,) = found.issues
        assert (issue.severity, issue.code) == ("error", "multiple-matches")
    named = [{**told, "ID": f"{each}~{AT}~20"} for each in ("b~c", "a", "nobody")]
    assert entries(alike, *named[:2], *named).counts == {"received": 5, "doubles": 2, "ambiguous": 1}
    assert sorted(set(schedules(entries(alike, *named)))) == sorted(["a", resource_id("b~c")])


def test_slots_of_schedules_not_asked_for_are_left_out(mapping: SiteTables) -> None:
    found = entries(mapping, slot(AT), slot(AT, of=NORTH_SLATE), only=(NORTH_SLATE,))
    assert schedules(found) == [NORTH_SLATE]
    (issue,) = found.issues
    assert issue.text.startswith("1 slots of schedules that are not in the directory, or were not asked for")


def test_two_ids_at_one_time_are_two_slots(mapping: SiteTables) -> None:
    long = "x" * 70
    same = [slot(AT, ID=each) for each in ("s1", "s9", "s1", long, long + "x", "a b", "")]
    found = entries(mapping, *same, slot(AT))
    names = [name for _, name, _ in found.slots]
    assert (len(names), len(set(names))) == (6, 6)
    assert all(re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", name) for name in names)
    assert found.counts == {"received": 8, "doubles": 2}
    assert all(partner.fhir_server(mapping).named(name, mapping.own_directory) is not None for name in names)


def test_doubles_are_left_out(mapping: SiteTables) -> None:
    same = [slot(AT), slot("2025-10-22T12:00:00-0400"), slot("2025-10-22 09:00:00-07:00"), slot(AT, 20.0)]
    found = entries(mapping, *same, slot(AT, 40))
    assert len(found.slots) == 2
    assert found.counts == {"received": 5, "doubles": 3}


@pytest.mark.parametrize(
    "bad",
    [
        {"DateTime": "around ten"},
        {"DateTime": None},
        {"Duration": "20 min"},
        {"Duration": 15.5},
        {"Duration": 0},
        {"ID": [7]},
        {"Notes": "text"},
        {"Provider": "Granite"},
        {"Provider": {"ID": [7]}},
        {"Location": []},
    ],
)
def test_a_malformed_slot_is_left_out_and_the_answer_is_incomplete(mapping: SiteTables, bad: Json) -> None:
    answer = partner.saying(partner.answered(slot(AT), {**slot(AT, 40), **bad}, slot(AT, of=NORTH_SLATE)))
    search = Search(partner.site(mapping), "Slot?start=2025-10-22", answer)
    assert len(search.resources()) == 2
    assert search.reply.counts["malformed"] == 1
    assert search.warnings == [
        "AvailableSlots: 1 slots of the answer cannot be read and were left out",
        "not all open slots could be told; ask for a shorter time",
    ]
    assert "total" not in search.body


def test_something_that_is_no_object_among_the_slots(mapping: SiteTables) -> None:
    found = entries(mapping, slot(AT), 5, None, [])
    assert (len(found.slots), found.counts["malformed"]) == (1, 2)


@pytest.mark.parametrize("event", ["AvailableSlots", "AvailableSlotsResponse", "Else"])
def test_the_reply_is_known_by_its_payload(mapping: SiteTables, event: str) -> None:
    assert len(entries(mapping, slot(AT), EventType=event).slots) == 1


def test_an_answer_that_redox_calls_incomplete(mapping: SiteTables) -> None:
    search = Search(
        partner.site(mapping),
        "Slot?start=2025-10-22",
        partner.saying(partner.answered(slot(AT), IsIncomplete=True)),
    )
    assert search.warnings == ["not all open slots could be told; ask for a shorter time"]
    assert search.reply.counts["incomplete"] == 1
    assert "total" not in search.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>no</html>",
        b"[]",
        b"null",
        b"\xff",
        b'{"Meta":{"EventType":"AvailableSlotsResponse"}}',
        b'{"Meta":{},"AvailableSlots":null}',
        b'{"Meta":{},"AvailableSlots":{}}',
        b'{"Meta":{},"Slots":[]}',
        b'{"Meta":5,"AvailableSlots":[]}',
        b'{"Meta":{"Errors":[{"ID":1,"Text":"secret","Type":"transmission"}]}}',
        b'{"Meta":{"Errors":[{"ID":1,"Text":"secret"}]},"AvailableSlots":[]}',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_none_is_a_failure_and_never_an_empty_list(
    mapping: SiteTables, body: bytes
) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        Search(partner.site(mapping), "Slot", partner.saying(body))
    assert "secret" not in str(caught.value)


# --- whose parameters -------------------------------------------------------------------------------


def test_clients_of_a_site_before_an_ehr_search_by_the_same_parameters(
    tmp_path: Path, mapping: SiteTables
) -> None:
    clinic.tables(tmp_path)
    (tmp_path / "sites" / "clinic" / "query.yaml").write_text(
        "over: available-slots.query\nrows:\n  - row: StartDateTime\n    note: this clinic's own\n", "utf-8"
    )
    known = Tables(tmp_path)
    wanted = WantedTables("clinic", "canvas", clinic.ZONE.key)
    assert known.build(wanted).fhir_server is None
    assert known.fhir_server(wanted).names == partner.fhir_server(mapping).names
    assert known.fhir_server(wanted) is known.fhir_server(wanted)


def test_faults_of_that_layer_are_found(tmp_path: Path) -> None:
    clinic.tables(tmp_path)
    (tmp_path / "redox").mkdir()
    layer = "over: available-slots.query\nrows:\n  - row: StartDateTime\n    codec: at-or-befor\n"
    (tmp_path / "redox" / "mine.yaml").write_text(layer, "utf-8")
    with pytest.raises(Faults, match=r'mine\.yaml:4:12: there is no codec "at-or-befor"'):
        Tables(tmp_path).fhir_server(WantedTables("clinic", "canvas", clinic.ZONE.key))


def test_a_layer_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    clinic.tables(tmp_path)
    (tmp_path / "sites" / "clinic" / "dialect.yaml").write_text("dialect:\n  clients: redux\n", "utf-8")
    with pytest.raises(Faults, match=r'"clients: redux" names no folder; .*redox'):
        Tables(tmp_path).fhir_server(WantedTables("clinic", "canvas", clinic.ZONE.key))
