"""A wish that no row reads narrows nothing: that is told by its path, never by what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.core import redox_flows
from gateway.core.choosing import UNCHECKED
from gateway.tables.answer.site import SiteTables
from tests import clinic, partner
from tests.clinic import HOSPITAL, Json, Transcript

SECRET = "canary"
PROVIDER, TYPE = "Visit.AttendingProviders", "Visit.VisitType"
PLACE, THEIRS = "Visit.Locations", "Visit.AttendingProviders.Location"
GRANITE = {"ID": "4356789876", "IDType": "NPI"}
IDENTIFIERS = [{"ID": SECRET, "IDType": SECRET}]


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return made(tmp_path_factory.mktemp("typed"))


def made(folder: Path, layer: str = "", csv: str = clinic.SCHEDULES_CSV) -> SiteTables:
    site = folder / "sites" / "clinic"
    (site / "codes").mkdir(parents=True)
    (site / "codes" / "visit-types.csv").write_text("redox_code,fhir_code\n210,office\n", "utf-8")
    if layer:
        (site / "own.yaml").write_text(f"over: available-slots.query\nrows:\n{layer}", "utf-8")
    return clinic.tables(folder, csv=csv)


def told(mapping: SiteTables, message: Json, **rules: Any) -> tuple[str, ...]:
    body, reply, _ = clinic.ask(mapping, message, clinic.answering(), **rules)
    found = [each for each in reply.issues if each.code == UNCHECKED]
    assert not any(SECRET in str(each) for each in reply.issues)
    assert {each.severity for each in found} <= {"warning"}
    assert "IsIncomplete" not in body["Meta"]
    assert set(reply.unchecked) == {redox_flows.flows.without_positions(each.path) for each in found}
    return reply.unchecked


@pytest.mark.parametrize(
    ("visit", "paths"),
    [
        ({"VisitType": [{"Description": SECRET}]}, [f"{TYPE}.Description"]),
        ({"VisitType": [{"Codeset": SECRET, "Code": " "}]}, [f"{TYPE}.Codeset"]),
        ({"VisitType": [{"Code": "210", "Description": SECRET}]}, []),
        ({"VisitType": [{"Code": "210"}, {"Description": SECRET}]}, [f"{TYPE}.Description"]),
        ({"VisitType": [{"Code": None, "Codeset": "", "Description": " "}]}, []),
        ({"AttendingProviders": [{"Credentials": [SECRET]}]}, [f"{PROVIDER}.Credentials"]),
        ({"AttendingProviders": [{"IDType": SECRET}]}, [f"{PROVIDER}.IDType"]),
        ({"AttendingProviders": [{"Address": {"City": SECRET}}]}, [f"{PROVIDER}.Address.City"]),
        ({"AttendingProviders": [{"EmailAddresses": [SECRET]}]}, [f"{PROVIDER}.EmailAddresses"]),
        ({"AttendingProviders": [{**GRANITE, "Credentials": [SECRET], "Address": {"City": SECRET}}]}, []),
        ({"AttendingProviders": [{"Location": {"Type": SECRET}}]}, [f"{THEIRS}.Type"]),
        (
            {"AttendingProviders": [{**GRANITE, "Location": {"FacilityIdentifiers": IDENTIFIERS}}]},
            [f"{THEIRS}.FacilityIdentifiers.ID", f"{THEIRS}.FacilityIdentifiers.IDType"],
        ),
        (
            {"AttendingProviders": [{"Location": {"Department": "3N", "FacilityIdentifiers": IDENTIFIERS}}]},
            [f"{THEIRS}.FacilityIdentifiers.ID", f"{THEIRS}.FacilityIdentifiers.IDType"],
        ),
        (
            {
                "AttendingProviders": [
                    {"Location": {"Facility": HOSPITAL, "FacilityIdentifiers": IDENTIFIERS}},
                ]
            },
            [],
        ),
        ({"Locations": [{"Type": SECRET}]}, [f"{PLACE}.Type"]),
        ({"Locations": [{"Type": SECRET, "Room": "136"}]}, []),
        (
            {"Locations": [{"Facility": HOSPITAL, "SpecialtyDepartment": {"Description": SECRET}}]},
            [f"{PLACE}.SpecialtyDepartment.Description"],
        ),
        (
            {"Locations": [{"SpecialtyDepartment": {"Codeset": SECRET}}]},
            [f"{PLACE}.SpecialtyDepartment.Codeset"],
        ),
        ({"Reasons": [SECRET], "Extensions": {"x": SECRET}}, []),
        ({"VisitPreference": [{"DurationUnit": "hours"}]}, []),
    ],
)
def test_what_says_something_only_beside_another_is_told_without_it(
    typed: SiteTables, visit: Json, paths: list[str]
) -> None:
    assert sorted(told(typed, clinic.query(**visit))) == sorted(paths)


def test_the_document_s_own_query_has_no_such_wish(typed: SiteTables) -> None:
    assert told(typed, clinic.sample()) == ()


def test_preferred_days_and_times_that_a_site_ignores(typed: SiteTables) -> None:
    wished = clinic.query(VisitPreference=[{"Day": ["Tues"], "Time": ["1000"], "Duration": "30"}])
    paths = ("Visit.VisitPreference.Day", "Visit.VisitPreference.Time")
    assert told(typed, wished, preferences="ignore") == paths
    assert told(typed, wished, preferences="order") == told(typed, wished) == ()


def test_what_a_clinic_s_own_table_ignores_is_told(tmp_path: Path) -> None:
    layer = """\
  - row: Visit.Locations.Room
    drop: true
  - ignore: Visit.Locations.Room
    because: rooms change daily
  - row: ignore Visit.Locations.Type
    wish: false
"""
    mapping = made(tmp_path, layer)
    place = {"Facility": HOSPITAL, "Room": SECRET, "Type": SECRET}
    assert told(mapping, clinic.query(Locations=[place, {"Type": SECRET}])) == ("Visit.Locations.Room",)


@pytest.mark.parametrize(
    ("row", "message", "path"),
    [
        (
            "Meta.FacilityCode",
            clinic.changed(clinic.query(), "Meta.FacilityCode", "NOWHERE"),
            "Meta.FacilityCode",
        ),
        (f"{TYPE}.Code", clinic.query(VisitType=[{"Code": "NOWHERE"}]), f"{TYPE}.Code"),
        (
            f"{PROVIDER}.ID",
            clinic.query(AttendingProviders=[{"ID": "1", "IDType": "NOWHERE"}]),
            f"{PROVIDER}.IDType",
        ),
    ],
)
def test_a_wish_that_its_row_drops_is_as_if_it_were_not_uttered(
    tmp_path: Path, row: str, message: Json, path: str
) -> None:
    mapping = made(tmp_path, f"  - row: {row}\n    unmapped: drop\n")
    opened = clinic.slot("2025-10-22T17:00:00Z", "2025-10-22T18:00:00Z")
    body, reply, played = clinic.ask(mapping, message, clinic.answering(opened))
    assert len(played.asked["slots"]) == 3
    assert len(body["AvailableSlots"]) == 1
    assert reply.unchecked == (path,)


def test_what_does_not_go_on_to_redox_is_told(tmp_path: Path) -> None:
    mapping = partner.tables(tmp_path)
    visit = {
        "VisitType": [{"Description": SECRET}, {"Code": "nobody knows", "Description": SECRET}],
        "AttendingProviders": [{"Credentials": [SECRET]}],
    }
    flow = redox_flows.relay(
        clinic.read(clinic.query(**visit)),
        partner.flow_rules(),
        partner.fhir_server(mapping).relayed,
        redox_flows.Address(None, "there"),
        mapping,
        clinic.NOW,
    )
    reply = Transcript(flow, lambda call: redox_flows.Answer(call, (partner.answered(),))).play()
    assert reply.unchecked == (f"{PROVIDER}.Credentials", f"{TYPE}.Description")
    assert not any(SECRET in str(each) for each in reply.issues)
