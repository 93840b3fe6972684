"""What ``gateway translate`` says a message means, beside the searches that it becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.offline.meaning import ignored, meaning
from gateway.offline.site import reader
from gateway.tables.answer.site import SiteTables
from tests import clinic


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return clinic.tables(tmp_path_factory.mktemp("tables"))


def meant(tables: SiteTables, **changed: Any) -> dict[str, Any]:
    message = {**clinic.query(), **changed}
    return meaning(reader().read(json.dumps(message).encode()), clinic.rules(), tables)


WISHES = {"Duration": "1", "DurationUnit": "hour", "Day": ["Tues", "Mo"], "Time": ["0930"]}


def test_wishes_are_told_as_they_are_matched(tables: SiteTables) -> None:
    told = meant(tables, Visit={"VisitPreference": [WISHES, {"Time": ["08:00 to 12:00", "10:00-05:00"]}]})
    assert told["filters"] == [
        {"minutes": 60, "days": ["Mon", "Tue"], "times": ["09:30"]},
        {"minutes": 20, "times": ["08:00-12:00"], "utc_times": ["15:00"]},
    ]
    assert meant(tables, Visit={})["filters"] == [{"minutes": 20}]


def test_alternatives_stand_beside_each_other(tables: SiteTables) -> None:
    npi = {"ID": "1", "IDType": "NPI", "LastName": "Granite"}
    told = meant(
        tables, Visit={"AttendingProviders": [npi, {"LastName": "Slate"}], "Locations": [{"Room": "1"}]}
    )
    assert told["selects"] == [[{"provider_id": "1"}, {"last_name": "Slate"}], [{"room": "1"}]]


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({}, []),
        ({"Patient": {"Notes": []}}, []),
        ({"Patient": {"Notes": ["x"]}}, ["Patient"]),
        ({"Patient": {"Demographics": {"Sex": None}}}, []),
        ({"Visit": {"Reasons": [None, "x"]}}, ["Visit.Reasons"]),
        ({"Visit": {"Reasons": [""]}}, []),
        ({"Visit": {"VisitType": [{"Description": "x"}] * 2}}, ["Visit.VisitType.Description"]),
        ({"Visit": {"Extensions": {"a": 1}}}, ["Visit.Extensions"]),
        ({"Extensions": {"a": 1}}, ["Extensions"]),
    ],
)
def test_what_is_ignored_is_what_has_a_value(
    tables: SiteTables, changed: dict[str, Any], fields: list[str]
) -> None:
    message = {"Meta": clinic.query()["Meta"], "StartDateTime": "2025-10-21", **changed}
    found = ignored(reader().read(json.dumps(message).encode()), tables.tables["available-slots.query"])
    named = [name for row in found for name in row["fields"] if not name.startswith("Meta.")]
    assert named == fields
    assert all(row["because"] for row in found)
