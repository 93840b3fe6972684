"""Which joins and levels are wanting, over upstreams whose schedules name roles, services and wards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.core.plan import Answer, Call, Failure, Outcome
from gateway.probe.report import Report
from gateway.tables.build import Tables, Wanted
from tests.clinic import NPI, ZONE, Json, bundle
from tests.probe.test_flow import SLOT_PARAMS, Upstream, base_r4, paste, probed, statement, texts

NARROW = """\
dialect:
  joins:
    Practitioner: {reference: Schedule.actor}
    Location: {reference: Schedule.actor}
"""


def serving(*resources: Json) -> Upstream:
    """An EHR with these resources, and a Schedule `a` that its tables ask for."""

    def upstream(call: Call) -> Outcome:
        if call.target == "metadata":
            return Answer(call, (statement(Slot=SLOT_PARAMS, Schedule=[]),))
        if call.target == "Slot":
            return base_r4(call)
        ids = dict(call.params).get("_id")
        found = [each for each in resources if each["resourceType"] == call.target]
        if ids is not None:
            found = [each for each in found if each["id"] in ids.split(",")]
        return Answer(call, (bundle(*found),))

    return upstream


def resource(kind: str, own_id: str, **more: Any) -> Json:
    return {"resourceType": kind, "id": own_id, **more}


def to(reference: str) -> Json:
    return {"reference": reference}


def schedule(*actors: str, name: str = "a") -> Json:
    return resource("Schedule", name, actor=[to(each) for each in actors])


def place(name: str, above: str | None = None, kind: str | None = None) -> Json:
    more: Json = {} if above is None else {"partOf": to(f"Location/{above}")}
    if kind is not None:
        more["physicalType"] = {"coding": [{"code": kind}]}
    return resource("Location", name, name=name.title(), **more)


GRANITE = resource(
    "Practitioner", "p", name=[{"family": "Granite"}], identifier=[{"system": NPI, "value": "4356789876"}]
)
ROLE = resource("PractitionerRole", "r", practitioner=to("Practitioner/p"), location=[to("Location/l")])
ROLE_OF_SERVICE = resource(
    "PractitionerRole", "r", practitioner=to("Practitioner/p"), healthcareService=[to("HealthcareService/s")]
)
SERVICE = resource("HealthcareService", "s", location=[to("Location/l")])


def dialect(folder: Path, text: str) -> None:
    file = folder / "sites" / "clinic" / "dialect.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    if text:
        file.write_text(text)


def advised(report: Report) -> Any:
    found = [each for each in report.advice if each.file.endswith("dialect.yaml")]
    return yaml.safe_load(found[0].text)["dialect"] if found else {}


THROUGH = {
    "Practitioner": ["Schedule.actor", "PractitionerRole.practitioner"],
    "role": ["Schedule.actor", "PractitionerRole.location"],
    "service": ["Schedule.actor", "HealthcareService.location"],
    "both": ["Schedule.actor", "PractitionerRole.healthcareService", "HealthcareService.location"],
}


@pytest.mark.parametrize(
    ("own", "resources", "joins"),
    [
        (
            NARROW,
            [schedule("PractitionerRole/r"), ROLE],
            {"Practitioner": THROUGH["Practitioner"], "Location": THROUGH["role"]},
        ),
        (
            NARROW,
            [schedule("Practitioner/p", "HealthcareService/s"), SERVICE],
            {"Location": THROUGH["service"]},
        ),
        (
            "",
            [schedule("PractitionerRole/r"), ROLE_OF_SERVICE, SERVICE],
            {"Location": THROUGH["both"]},
        ),
    ],
)
def test_a_way_that_the_tables_do_not_follow_is_found_and_mends_them(
    own: str, resources: list[Json], joins: dict[str, list[str]], tmp_path: Path
) -> None:
    dialect(tmp_path, own)
    upstream = serving(*resources, GRANITE, place("l"))
    report, _ = probed(tmp_path, upstream, csv="schedule\n")
    told = advised(report)["joins"]
    assert {kind: ways[-1]["reference"] for kind, ways in told.items()} == joins
    assert all(ways[0] == {"reference": "Schedule.actor"} for ways in told.values())
    paste(tmp_path, report)
    again, play = probed(tmp_path, upstream, csv="schedule\n")
    assert [each.joined for each in again.joins] == [1, 1]
    assert "joins" not in advised(again) and "other ways" not in play.asked
    assert not [each for each in texts(again) + texts(again, "note") if "joins" in each]


def test_what_is_not_answered_of_other_ways_is_no_failure(tmp_path: Path) -> None:
    dialect(tmp_path, NARROW)

    def upstream(call: Call) -> Outcome:
        if call.target == "PractitionerRole":
            return Failure(call, "unauthorized", status=403)
        return serving(schedule("PractitionerRole/r"), GRANITE)(call)

    report, _ = probed(tmp_path, upstream, csv="schedule\n")
    assert not report.failed and "joins" not in advised(report)
    said = "Their actors are also: PractitionerRole, which no join of Practitioner goes through."
    assert any(each.endswith(said) for each in texts(report))


@pytest.mark.parametrize(
    ("own", "places", "levels", "cells"),
    [
        # Types of the EHR's own: by where each stands.
        (
            "",
            [place("l", "w", "chair"), place("w", "h", "pod"), place("h", None, "campus")],
            {"site": "campus", "department": "pod", "room": "chair"},
            ("H", "W", "L"),
        ),
        # What is known stays; what would be passed over gets its level.
        (
            "",
            [place("l", "w", "ro"), place("w", "h", "pod"), place("h", None, "si")],
            {"department": "pod"},
            ("H", "W", "L"),
        ),
        # Levels of a dialect that know less than R4.
        (
            "dialect:\n  levels:\n    site: {types: [ve]}\n    department: {types: [wa]}\n",
            [place("l", "h", "wa"), place("h", None, "si")],
            {"site": "si"},
            ("H", "L", None),
        ),
        # Each place is told already.
        ("", [place("l", "h", "pod"), place("h", None, "campus")], {}, ("H", "L", None)),
        ("", [place("l", "w", "ro"), place("w", "h", "wa"), place("h", None, "si")], {}, ("H", "W", "L")),
        # Nothing says what the places are.
        ("", [place("l", "w"), place("w", "h"), place("h")], {}, ("H", "L", None)),
        # Of another level's type: a wing of a wing.
        ("", [place("l", "w", "wa"), place("w", "h", "wi"), place("h", None, "si")], {}, ("H", "L", None)),
        # What could not stand in a table.
        (
            "",
            [place("l", "w", "\u202e"), place("w", "h", "pod"), place("h", None, "si")],
            {"department": "pod"},
            ("H", "W", None),
        ),
    ],
)
def test_types_of_places_that_no_level_has(
    own: str,
    places: list[Json],
    levels: dict[str, str],
    cells: tuple[str | None, ...],
    tmp_path: Path,
) -> None:
    dialect(tmp_path, own)
    upstream = serving(schedule("Practitioner/p", "Location/l"), GRANITE, *places)
    report, _ = probed(tmp_path, upstream, csv="schedule\n")
    told = advised(report).get("levels", {})
    assert {name: level["types"][-1] for name, level in told.items()} == levels
    paste(tmp_path, report)
    (tmp_path / "sites" / "clinic" / "schedules.csv").unlink(missing_ok=True)
    again, _ = probed(tmp_path, upstream, csv="schedule\n")
    assert "levels" not in advised(again)
    tables = Tables(tmp_path).build(Wanted("clinic", "fhir-r4", ZONE.key))
    outcomes = [upstream(Call(kind)) for kind in ("Schedule", "Practitioner", "Location")]
    (line,) = tables.directory(outcomes).lines
    assert tuple(line.get(name) for name in ("facility", "department", "room")) == cells


@pytest.mark.parametrize(
    ("resources", "ways"),
    [
        (
            [schedule("PractitionerRole/r"), {**ROLE, "location": [], "organization": to("Organization/o")}],
            ["PractitionerRole.organization"],
        ),
        ([schedule("PractitionerRole/r"), {**ROLE, "organization": to("Organization/o")}, place("l")], []),
    ],
)
def test_who_runs_it_where_no_place_is_told(resources: list[Json], ways: list[str], tmp_path: Path) -> None:
    upstream = serving(*resources, GRANITE, resource("Organization", "o", name="Slate"))
    report, _ = probed(tmp_path, upstream, csv="schedule\n")
    told = advised(report).get("joins", {}).get("Organization", [])
    assert [each["reference"] for each in told[1:]] == ways
    paste(tmp_path, report)
    (tmp_path / "sites" / "clinic" / "schedules.csv").unlink(missing_ok=True)
    again, _ = probed(tmp_path, upstream, csv="schedule\n")
    assert {each.name: each.told for each in again.columns}["facility"] == 1
    assert "joins" not in advised(again)
