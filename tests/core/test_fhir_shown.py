"""What is shown of what was found: `_summary` and `_elements`, and the zones in which times are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fhir.resources.R4B.location import Location
from fhir.resources.R4B.practitioner import Practitioner
from fhir.resources.R4B.schedule import Schedule
from fhir.resources.R4B.slot import Slot

from gateway.core import fhir, subset
from gateway.core.errors import InvalidMessage
from gateway.core.fhir_flows import FhirSite
from gateway.tables.answer.site import SiteTables
from tests import partner
from tests.partner import NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE, Json, Search, network, slot

WINDOW = "start=2025-10-22&end=2025-10-23"
NINE = "2025-10-22T16:00:00.000Z"
SLOTS = [slot(NINE, of=each, Notes=["Bring your card"], ID=each) for each in (NORTH_GRANITE, SOUTH_GRANITE)]
MODELS: dict[str, Any] = {each.__name__: each for each in (Slot, Schedule, Practitioner, Location)}
ALWAYS = {"resourceType", "id", "meta", "implicitRules", "modifierExtension"}


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> FhirSite:
    return partner.site(partner.tables(tmp_path_factory.mktemp("partner")))


def search(where: FhirSite, more: str) -> Search:
    return Search(where, f"Slot?{WINDOW}&{more}", network(SLOTS))


def members(found: list[Json]) -> set[str]:
    return {name for each in found for name in each}


@pytest.mark.parametrize("kind", MODELS)
def test_a_summary_is_what_r4_says(kind: str) -> None:
    whole = {"resourceType": kind, **dict.fromkeys(MODELS[kind].model_fields, "x"), "meta": {}}
    for summary, elements in (
        ("true", set(MODELS[kind].summary_elements_sequence())),
        ("text", {"text"}),
    ):
        text = subset.Subset(summary).of(kind, json.dumps(whole))
        kept = set(json.loads(text)) - ALWAYS
        required = {
            name
            for name, field in MODELS[kind].model_fields.items()
            if field.is_required() or (field.json_schema_extra or {}).get("element_required")
        }
        modifiers = {"status"} if kind == "Location" else set()
        assert kept == (elements | required | modifiers) - ALWAYS
        assert json.loads(text)["meta"] == {"tag": [fhir.SUBSETTED]}


@pytest.mark.parametrize("kind", MODELS)
def test_the_elements_that_may_be_named_are_those_of_r4(kind: str) -> None:
    assert set(MODELS[kind].elements_sequence()) == subset.ELEMENTS[kind]


def test_a_summary_leaves_out_what_is_none_of_it(where: FhirSite) -> None:
    plain = search(where, "_summary=false")
    assert "comment" in members(plain.resources()) and "meta" not in members(plain.resources())
    short = search(where, "_summary=true&_include=Slot:schedule&_include:iterate=Schedule:actor")
    assert members(short.resources()) == members(plain.resources()) - {"comment"} | {"meta"}
    assert all(each["meta"]["tag"] == [fhir.SUBSETTED] for each in short.resources("include"))
    assert members(search(where, "_summary=data").resources()) == members(plain.resources())


def test_elements_are_those_asked_for_and_those_that_must_be_there(where: FhirSite) -> None:
    for asked in ("_elements=comment", "_elements=Slot.comment,id", "_elements=comment,none"):
        found = search(where, f"{asked}&_include=Slot:schedule")
        must = {"resourceType", "id", "meta", "schedule", "status", "start", "end"}
        assert members(found.resources()) == must | {"comment"}
        assert "meta" not in members(found.resources("include")), "they are of what is searched for"
        assert asked.partition(",")[0].replace("Slot.", "") in (found.link("self") or "")
    plain = search(where, "_count=1&_elements=start")
    following = Search(where, plain.link("next") or "", network(SLOTS))
    assert members(following.resources()) == members(plain.resources())


@pytest.mark.parametrize("kind", ["Schedule", "Practitioner", "Location"])
def test_so_of_the_directory(where: FhirSite, kind: str) -> None:
    (whole, *_) = Search(where, f"{kind}?_count=1").resources()
    (named,) = Search(where, f"{kind}?_count=1&_elements=identifier,none").resources()
    mandatory = {"Schedule": {"actor"}}.get(kind, set())
    assert set(named) == {"resourceType", "id", "meta", *mandatory} | ({"identifier"} & set(whole))
    assert Search(where, f"{kind}/{whole['id']}?_elements=identifier").body == named
    assert Search(where, f"{kind}/{whole['id']}?_elements=none").body == whole
    assert Search(where, f"{kind}/{whole['id']}?_summary=true").body["meta"]["tag"] == [fhir.SUBSETTED]


def test_so_of_one_slot(where: FhirSite) -> None:
    (one, _) = search(where, "_summary=true").resources()
    read = Search(where, f"Slot/{one['id']}?_summary=true", network(SLOTS))
    assert read.body == one
    assert "meta" not in Search(where, f"Slot/{one['id']}?_summary=all", network(SLOTS)).body


@pytest.mark.parametrize(
    "asked", ["_elements=bogus", "_elements=id,bogus", "_summary=bogus", "_pretty=1", "_count=2", "colour=x"]
)
def test_a_read_is_strict_where_that_is_wanted(where: FhirSite, asked: str) -> None:
    read = f"Schedule/{NORTH_GRANITE}"
    assert Search(where, f"{read}?{asked}").body["id"] == NORTH_GRANITE
    with pytest.raises(InvalidMessage):
        Search(where, f"{read}?{asked}", strict=True)
    fine = Search(where, f"{read}?_elements=id&_elements=comment&_pretty=true&_format=json", strict=True)
    assert fine.body["meta"] == {"tag": [fhir.SUBSETTED]}


# --- zones ------------------------------------------------------------------------------------------

ZONES = {NORTH_GRANITE: "", NORTH_SLATE: "America/Los_Angeles", SOUTH_GRANITE: "America/Phoenix"}


@pytest.fixture(scope="module")
def zoned(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    head, *lines = partner.SCHEDULES_CSV.splitlines()
    csv = [f"{head},timezone", *(f"{line},{ZONES.get(line.partition(',')[0], '')}" for line in lines)]
    return partner.tables(tmp_path_factory.mktemp("zoned"), csv="\n".join(csv) + "\n")


def test_times_are_told_in_the_zone_of_the_schedule(zoned: SiteTables) -> None:
    """Interleaved, in the days around a change of clocks that one of the zones does not have."""
    told = [
        slot(f"2025-11-0{day}T{hour}:00:00.000Z", 30, of)
        for day in (1, 2, 3)
        for hour in ("09", "16")
        for of in (NORTH_GRANITE, SOUTH_GRANITE, NORTH_SLATE)
    ]
    found = Search(partner.site(zoned), "Slot?start=ge2025-11-01&end=2025-11-04", network(told)).resources()
    assert len(found) == len(told)
    offsets: dict[str, list[str]] = {}
    for each in found:
        of = each["schedule"]["reference"].removeprefix("Schedule/")
        offsets.setdefault(of, []).append(each["start"])
        assert each["start"][-6:] == each["end"][-6:]
    assert offsets[SOUTH_GRANITE] == [
        f"2025-11-0{day}T{hour}:00:00-07:00" for day in (1, 2, 3) for hour in ("02", "09")
    ]
    assert offsets[NORTH_GRANITE] == offsets[NORTH_SLATE]
    assert offsets[NORTH_SLATE][3:] == [
        "2025-11-02T08:00:00-08:00",
        "2025-11-03T01:00:00-08:00",
        "2025-11-03T08:00:00-08:00",
    ]


def test_one_slot_is_read_in_that_zone_too(zoned: SiteTables) -> None:
    told = network([slot("2025-11-03T16:00:00.000Z", 30, SOUTH_GRANITE)])
    where = partner.site(zoned)
    (one,) = Search(where, "Slot?start=2025-11-03", told).resources()
    assert one["end"] == "2025-11-03T09:30:00-07:00"
    assert Search(where, f"Slot/{one['id']}", told).body == one


def test_a_zone_that_nobody_knows_is_the_sites(zoned: SiteTables) -> None:
    to_fhir = partner.fhir_server(zoned).to_fhir
    own = to_fhir.block({"schedule": "a"})
    assert to_fhir.block({"schedule": "a", "timezone": "Nowhere/At/All"}) == own
    assert to_fhir.block({"schedule": "a", "timezone": "../../etc/passwd"}) == own
    assert to_fhir.block({"schedule": "a", "timezone": "Asia/Tokyo"}) != own
