"""Whatever an upstream answers: the asker gets a valid answer, or an error that says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from redox.scheduling import AvailableSlotsResponse

from gateway.assemble.fhir_side import asker
from gateway.core import fhir, fhir_flows, flows, redox, redox_flows
from gateway.core.errors import GatewayError
from gateway.core.plan import Answer, Call, Outcome, Reply
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables, Wanted
from tests import clinic, partner
from tests.fuzz.mangling import mangled
from tests.fuzz.scale import chance, inputs

Json = dict[str, Any]
DIALECTS = ("canvas", "fhir-r4", "oracle-millennium")


def _ended(flow: Any, answer: Callable[[Call], Outcome]) -> Reply | GatewayError:
    """What a flow ends in; anything else than these two would be a bare 500, and fails the test."""
    try:
        return clinic.Transcript(flow, answer).play()
    except GatewayError as error:
        assert type(error) is not GatewayError
        assert error.issues
        # What is told of it can be written, too.
        json.loads(redox.error_reply(error, None))
        partner.check_fhir(json.loads(fhir.error_outcome(error)))
        return error


def _entries(page: bytes) -> Json:
    found: Json = json.loads(page)
    return found


def _slots() -> Json:
    day = "2025-10-22T"
    free = [
        clinic.slot(f"{day}{hour:02}:00:00-07:00", f"{day}{hour:02}:20:00-07:00") for hour in range(8, 14)
    ]
    free[1]["id"] = "a-slot"
    free[2]["status"] = "busy"
    free[3]["serviceType"] = [{"coding": [{"system": "http://snomed.info/sct", "code": "308335008"}]}]
    free[4]["comment"] = "at the back"
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "warning", "code": "informational"}],
    }
    page = _entries(clinic.bundle(*free, outcome))
    for number, entry in enumerate(page["entry"]):
        entry["fullUrl"] = f"https://ehr.example/Slot/{number}"
        entry["search"] = {"mode": "match"}
    return page


_ADDRESS = {"line": ["1 Main St", "Floor 2"], "city": "Madison", "state": "WI", "postalCode": "53703"}
_MORE: dict[str, Json] = {
    "Schedule": {
        "active": True,
        "serviceType": [{"coding": [{"code": "1"}]}],
        "planningHorizon": {"start": "2025"},
    },
    "Practitioner": {
        "active": True,
        "telecom": [{"system": "phone", "use": "work", "value": "+1 608 555 0100"}],
        "address": [{"use": "work", **_ADDRESS}],
        "qualification": [{"code": {"text": "MD"}}],
    },
    "Location": {
        "status": "active",
        "identifier": [
            {"system": f"urn:redox:{name}", "value": name} for name in ("location", "department", "room")
        ],
        "address": {"country": "USA", **_ADDRESS},
        "partOf": {"reference": "Location/l-1"},
        "telecom": [{"system": "phone", "value": "1"}],
    },
    "Slot": {
        "identifier": [{"system": "urn:redox:slot", "value": "s"}],
        "appointmentType": {"text": "Follow Up", "coding": [{"code": "FU"}]},
        "specialty": [{"text": "x"}],
        "overbooked": False,
    },
}


class Clinic:
    """A clinic whose EHR mangles some of its answers, some of them on two pages."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.pages = {kind: _entries(page) for kind, page in clinic.DIRECTORY.items()} | {"Slot": _slots()}
        for kind, page in self.pages.items():
            for entry in page["entry"][::2]:
                entry["resource"].update(_MORE[kind])
        self._wrong = random.choice(
            (("Slot",), ("Schedule",), ("Practitioner", "Location"), tuple(self.pages))
        )

    def __call__(self, call: Call) -> Outcome:
        page = self.pages.get(call.target, _NOBODY)
        pages = [json.dumps(page).encode()]
        if call.target in self._wrong:
            pages = [mangled(page, self._random) for _ in range(self._random.randint(1, 2))]
        return Answer(call, tuple(pages))


_NOBODY: Json = {"resourceType": "Bundle", "type": "searchset"}
CSV = f"""\
schedule,practitioner,department,room
{clinic.GRANITE_HOSPITAL},{clinic.GRANITE},3N,136
{clinic.SLATE_HOSPITAL},{clinic.SLATE},3N,138
{clinic.GRANITE_JUNIPER},{clinic.GRANITE},Family Medicine,2
"""


def with_front(below: Path, dialect: str) -> SiteTables:
    """The tables of a clinic with a FHIR EHR that FHIR clients may ask, too."""
    (below / "codes").mkdir()
    (below / "codes" / "visit-types.csv").write_text("redox_code,fhir_code\nOFFICE,4047611\n", "utf-8")
    made = clinic.tables(below, dialect, CSV)
    return replace(made, fhir_server=Tables(below).fhir_server(Wanted("clinic", dialect, clinic.ZONE.key)))


@pytest.fixture(scope="module", params=DIALECTS)
def ehr(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return with_front(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return partner.tables(tmp_path_factory.mktemp("network"))


def test_redox_is_answered_whatever_the_ehr_says(ehr: SiteTables) -> None:
    random = chance("an EHR's answers")
    message = clinic.read(clinic.query(start="2025-10-22T00:00:00.000Z"))
    replies = 0
    for number in range(inputs(400)):
        rules = clinic.rules(preferences="order" if number % 2 else "filter")
        flow = flows.available_slots(message, rules, ehr, clinic.NOW)
        ended = _ended(flow, Clinic(random))
        if isinstance(ended, GatewayError):
            continue
        replies += 1
        AvailableSlotsResponse.model_validate(json.loads(ended.body), strict=True)
    assert replies


def test_fhir_clients_are_answered_whatever_the_ehr_says(ehr: SiteTables) -> None:
    random = chance("an EHR's answers, for FHIR clients")
    site = _front_of_ehr(ehr)
    urls = ("Slot?start=2025-10-22&_include=Slot:schedule", "Schedule", "Practitioner?name=Pat", "Location")
    replies = 0
    for _ in range(inputs(100)):
        flow = fhir_flows.answer(partner.interaction(random.choice(urls)), site, clinic.NOW)
        ended = _ended(flow, Clinic(random))
        if isinstance(ended, Reply):
            replies += 1
            partner.check_fhir(json.loads(ended.body))
    assert replies


def _front_of_ehr(ehr: SiteTables) -> fhir_flows.FhirSite:
    ask = asker(clinic.rules(), ehr, None, clinic.reader(), clinic.NOW)
    return fhir_flows.FhirSite(clinic.rules(), partner.fhir_server(ehr), ehr, ask)


def _told() -> Json:
    slots = [
        partner.slot("2025-10-22T16:00:00.000Z"),
        partner.slot("2025-10-22T17:00:00.000Z", 30, partner.NORTH_SLATE, ID="one"),
        partner.slot("2025-10-22T18:00:00-0400", 15.0, partner.SOUTH_GRANITE, VisitType={"Code": "210"}),
        partner.slot("2025-10-23 18:00", "20", partner.VIRTUAL),
    ]
    return _entries(partner.answered(*slots, IsIncomplete=False))


def test_fhir_clients_are_answered_whatever_redox_says(network: SiteTables) -> None:
    random = chance("Redox's answers")
    site = partner.site(network)
    replies = refusals = 0
    for _ in range(inputs(300)):
        url = random.choice(("Slot?start=2025-10-22", "Slot?start=2025-10-22&_include=Slot:schedule"))
        body = mangled(_told(), random)
        flow = fhir_flows.answer(partner.interaction(url), site, partner.NOW)
        ended = _ended(flow, partner.saying(body))
        if isinstance(ended, GatewayError):
            refusals += 1
            continue
        replies += 1
        partner.check_fhir(json.loads(ended.body))
    assert replies and refusals


def test_redox_is_answered_whatever_redox_says(network: SiteTables) -> None:
    random = chance("Redox's answers, for Redox")
    message = clinic.read(clinic.query(start="2025-10-22T00:00:00.000Z"))
    replies = refusals = 0
    for _ in range(inputs(300)):
        body = mangled(_told(), random)
        limits = partner.fhir_server(network).relayed
        flow = redox_flows.relay(message, partner.flow_rules(), limits, partner.ADDRESS, network, partner.NOW)
        ended = _ended(flow, partner.saying(body))
        if isinstance(ended, GatewayError):
            refusals += 1
            continue
        replies += 1
        AvailableSlotsResponse.model_validate(json.loads(ended.body), strict=True)
    assert replies and refusals
