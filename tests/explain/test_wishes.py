"""What became of each field of a message, in the cases that are easily told wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.assemble import CheckedConfiguration, check_configuration
from gateway.explain.redox import Asked, explained
from gateway.explain.told import Explained
from gateway.offline.canned import Canned, CannedBundle
from gateway.offline.site import offline, reader

TOP = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENVELOPE = {"DataModel": "Scheduling", "EventType": "AvailableSlots", "Destinations": [{"ID": "canvas"}]}

Json = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> CheckedConfiguration:
    return check_configuration(TOP / "tests" / "samples" / "every-dialect" / "gateway.yaml", {})


def _directory() -> Canned:
    npi = [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "4356789876"}]
    resources = [
        {"resourceType": "Schedule", "id": "s1", "actor": [{"reference": "Practitioner/p1"}]},
        {
            "resourceType": "Practitioner",
            "id": "p1",
            "identifier": npi,
            "name": [{"family": "Granite", "given": ["Pat"]}],
        },
    ]
    entries = [{"resource": each} for each in resources]
    value = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    return Canned((CannedBundle(json.dumps(value).encode(), value),))


def _told(found: CheckedConfiguration, canned: Canned, **visit: Any) -> Explained:
    more = visit.pop("more", {})
    value = {"Meta": ENVELOPE, "StartDateTime": "2026-03-02T08:00:00-08:00", "Visit": visit, **more}
    message = reader().read(json.dumps(value).encode())
    return explained(Asked(value, message, offline(found, 0, canned), {}, NOW))


def _outcome(told: Explained, path: str) -> tuple[str, str]:
    (wish,) = [each for each in told.wishes if each.path == path]
    return wish.outcome, wish.because


def test_a_name_without_an_id_is_refused_with_what_is_said_of_the_id(found: CheckedConfiguration) -> None:
    told = _told(found, _directory(), AttendingProviders=[{"FirstName": "Pat", "LastName": "Granite"}])
    assert told.status == 422
    outcome, because = _outcome(told, "Visit.AttendingProviders[0].LastName")
    assert outcome == "refused"
    assert "this site does not look providers up by name" in because


def test_a_name_beside_an_id_is_passed_over(found: CheckedConfiguration) -> None:
    provider = {"ID": "4356789876", "IDType": "NPI", "LastName": "Somebody"}
    told = _told(found, _directory(), AttendingProviders=[provider])
    assert told.status == 200
    assert _outcome(told, "Visit.AttendingProviders[0].LastName")[0] == "passed over"
    assert _outcome(told, "Visit.AttendingProviders[0].IDType")[0] == "selects"


def test_an_alternative_that_nobody_has_is_refused_and_the_other_selects(found: CheckedConfiguration) -> None:
    providers = [{"ID": each, "IDType": "NPI"} for each in ("4356789876", "999")]
    told = _told(found, _directory(), AttendingProviders=providers)
    assert told.status == 200
    assert _outcome(told, "Visit.AttendingProviders[0].ID") == ("selects", "")
    outcome, because = _outcome(told, "Visit.AttendingProviders[1].ID")
    assert outcome == "passed over"
    assert "is not a provider id of this site" in because


def test_a_wish_in_a_field_that_is_not_looked_at_is_unchecked(found: CheckedConfiguration) -> None:
    told = _told(
        found,
        _directory(),
        VisitType=[{"Description": "Physical"}],
        AttendingProviders=[{"ID": "4356789876", "IDType": "NPI", "Credentials": ["MD"]}],
    )
    assert _outcome(told, "Visit.VisitType[0].Description")[0] == "unchecked"


def test_what_no_schema_has_is_unknown_and_extensions_are_ignored(found: CheckedConfiguration) -> None:
    more = {"Colour": {"Deep": ["blue"]}, "Extensions": {"x": {"string": "y"}}}
    told = _told(found, _directory(), more=more)
    assert _outcome(told, "Colour.Deep[0]")[0] == "unknown"
    assert _outcome(told, "Extensions.x.string")[0] == "ignored"


def test_what_only_the_ehr_could_tell_is_no_refusal_offline(found: CheckedConfiguration) -> None:
    told = _told(found, Canned(), AttendingProviders=[{"ID": "4356789876", "IDType": "NPI"}])
    assert told.status is None
    assert _outcome(told, "Visit.AttendingProviders[0].ID")[0] == "selects"
    assert told.issues
    assert {each.severity for each in told.issues} == {"warning"}
