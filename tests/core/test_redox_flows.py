"""Asking Redox on behalf of Redox, asking an EHR on behalf of a FHIR client, and how both can fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from redox.scheduling.availableslotsresponse import AvailableSlotsResponse

from gateway.core import fhir, fhir_flows, redox_flows
from gateway.core.errors import GatewayError, InvalidMessage, UpstreamFailed
from gateway.core.plan import Answer, Call, Failure, Reply
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables, Wanted
from gateway.tables.codecs.names import slot_name
from tests import clinic, partner
from tests.clinic import GRANITE_HOSPITAL, GRANITE_JUNIPER, SLATE_HOSPITAL, Transcript, changed
from tests.partner import ADDRESS, NOW, Json, Search, slot

AT = "2025-10-22T16:00:00.000Z"
CANARY = "canary-7f3a"


@pytest.fixture(scope="session")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return partner.tables(tmp_path_factory.mktemp("partner"))


# --- Redox in, Redox asked --------------------------------------------------------------------------


def relayed(mapping: SiteTables, message: Json, body: bytes, **rules: Any) -> tuple[Json, Json, Reply]:
    """What Redox is asked, what it says to the asker, and the reply."""
    flow = redox_flows.relay(
        clinic.read(message),
        partner.flow_rules(**rules),
        partner.fhir_server(mapping).relayed,
        ADDRESS,
        mapping,
        NOW,
    )
    transcript = Transcript(flow, partner.saying(body))
    reply = transcript.play()
    (call,) = transcript.asked["redox"]
    query = json.loads(call.body or b"")
    partner.check_query(query)
    answer = json.loads(reply.body)
    AvailableSlotsResponse.model_validate(answer, strict=True)
    return query, answer, reply


def test_a_query_goes_on_with_what_rows_carry_and_nothing_of_a_patient(mapping: SiteTables) -> None:
    message = clinic.sample()
    message["Patient"]["Demographics"]["FirstName"] = CANARY
    message["Patient"]["Notes"] = [CANARY]
    message["Visit"]["Reasons"] = [CANARY]
    message["Visit"]["AttendingProviders"] = [{"ID": "1", "IDType": "NPI", "Credentials": [CANARY]}]
    message["Meta"]["FacilityCode"] = "RES"
    query, answer, _ = relayed(mapping, message, partner.answered(slot(AT)))
    assert CANARY not in json.dumps(query)
    assert "Patient" not in query
    assert query["Meta"] == {**ADDRESS.meta(NOW), "FacilityCode": "RES"}
    assert (query["StartDateTime"], query["EndDateTime"]) == (
        "2025-10-21T19:00:27.415Z",
        "2025-10-28T19:00:27.415Z",
    )
    told = message["Visit"]
    assert query["Visit"]["VisitPreference"] == told["VisitPreference"]
    assert query["Visit"]["AttendingProviders"] == [{"ID": "1", "IDType": "NPI"}]
    assert answer["Meta"]["Source"] == message["Meta"]["Source"]
    assert answer["Meta"]["Destinations"] == message["Meta"]["Destinations"]
    assert answer["Meta"]["EventType"] == "AvailableSlotsResponse"


def test_an_answer_is_trimmed_sorted_and_spelt_in_utc(mapping: SiteTables) -> None:
    told = [
        slot("2025-10-23T09:00:00.000-0700", 30, ID="b"),
        slot("2025-10-22 09:00:00-07:00", ID="a"),
        slot(AT, ID="a"),
        slot("2025-10-28T19:00:27.415Z"),
        slot("2025-10-21T19:00:27.414Z"),
    ]
    _, answer, reply = relayed(mapping, clinic.query(), partner.answered(*told))
    found = answer["AvailableSlots"]
    assert [(each["DateTime"], each["ID"]) for each in found] == [
        (AT, "a"),
        ("2025-10-23T16:00:00.000Z", "b"),
    ]
    assert found[0] == slot(AT, ID="a")
    assert "IsIncomplete" not in answer["Meta"]
    assert reply.counts == {"slots": 2, "incomplete": 0, "received": 5}


LENIENT: list[tuple[Json, Json]] = [
    ({"Provider": None}, {}),
    ({"Location": None, "Notes": None}, {}),
    ({"Provider": {"ID": 7, "IDType": "NPI", "New": {"a": 1}}}, {"Provider": {"ID": "7", "IDType": "NPI"}}),
    ({"Provider": {"ID": "7", "PhoneNumber": None, "EmailAddresses": [None]}}, {"Provider": {"ID": "7"}}),
    ({"Duration": "20", "Retired": [1]}, {}),
]


@pytest.mark.parametrize(("told", "passed_on"), LENIENT)
def test_slots_are_relayed_as_the_schema_has_them(mapping: SiteTables, told: Json, passed_on: Json) -> None:
    bare = {"DateTime": AT, "Duration": 20, "ID": "a"}
    other = {"DateTime": "2025-10-23T16:00:00.000Z", "Duration": 20, "ID": "b"}
    _, answer, _ = relayed(mapping, clinic.query(), partner.answered({**bare, **told}, None, other))
    found = answer["AvailableSlots"][0]
    assert {name: found[name] for name in (*bare, *passed_on)}.items() >= bare.items()
    assert all(found["Provider"][name] == value for name, value in passed_on.get("Provider", {}).items())
    assert not {"New", "Retired"} & {*found, *found.get("Provider", {})}
    assert len(answer["AvailableSlots"]) == 2
    assert "IsIncomplete" not in answer["Meta"]


PRIVATE: Json = {
    "ID": "7",
    "IDType": "NPI",
    "PhoneNumber": {"Office": "+15550100", "Home": CANARY, "Mobile": CANARY},
    "Address": {"StreetAddress": CANARY, "City": CANARY, "County": CANARY},
    "EmailAddresses": [CANARY],
}


def test_only_what_is_for_work_goes_on_of_a_provider(mapping: SiteTables) -> None:
    told = slot(AT, Provider=PRIVATE)
    _, answer, _ = relayed(mapping, clinic.query(), partner.answered(told))
    assert answer["AvailableSlots"][0]["Provider"] == {
        "ID": "7",
        "IDType": "NPI",
        "PhoneNumber": {"Office": "+15550100"},
    }
    for kind in ("Slot", "Practitioner", "Location", "Schedule"):
        text = f"{kind}?schedule={partner.NORTH_GRANITE}" if kind == "Slot" else kind
        search = Search(partner.site(mapping), text, partner.saying(partner.answered(told)))
        assert CANARY not in search.reply.body.decode()


def test_a_site_says_what_does_not_go_on(tmp_path: Path) -> None:
    partner.tables(tmp_path)
    (dialect,) = {path.parent for path in tmp_path.rglob("schedules.csv")}
    (dialect / "dialect.yaml").write_text("dialect:\n  withheld: [Location.Type, Provider]\n")
    told = slot(AT, Provider=PRIVATE, Location={"Type": CANARY, "Facility": "RES"})
    _, answer, _ = relayed(partner.tables(tmp_path), clinic.query(), partner.answered(told))
    found = answer["AvailableSlots"][0]
    assert (found.get("Provider"), found["Location"]) == (None, {"Facility": "RES"})


@pytest.mark.parametrize(("told", "_passed_on"), LENIENT)
def test_fhir_clients_get_the_same_slots(mapping: SiteTables, told: Json, _passed_on: Json) -> None:
    one = "Slot?start=2025-10-22&schedule=" + partner.NORTH_GRANITE
    search = Search(partner.site(mapping), one, partner.saying(partner.answered({**slot(AT), **told}, None)))
    received = search.reply.counts
    assert (received["received"], received.get("malformed", 0)) == (1, 0)


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        (partner.answered(slot(AT), IsIncomplete=True), {}),
        (partner.answered(slot(AT), slot("soon")), {}),
        (partner.answered(slot(AT), slot(AT, "20 min")), {}),
        (partner.answered(slot(AT), 5), {}),
        (partner.answered(slot(AT), slot(AT, 40)), {"max_slots": 1}),
    ],
)
def test_an_answer_of_which_a_part_is_missing(
    mapping: SiteTables, body: bytes, rules: dict[str, Any]
) -> None:
    _, answer, _ = relayed(mapping, clinic.query(), body, **rules)
    assert answer["Meta"]["IsIncomplete"] is True
    assert len(answer["AvailableSlots"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"Meta":{}}',
        b'{"Meta":{},"AvailableSlots":null}',
        b'{"Meta":{"Errors":[{"Text":"secret"}]},"AvailableSlots":[]}',
        b'{"Meta":{"Errors":[{"Text":"secret"}]}}',
    ],
)
def test_an_answer_that_is_none_is_a_failure(mapping: SiteTables, body: bytes) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        relayed(mapping, clinic.query(), body)
    assert "secret" not in str(caught.value)


def test_nothing_beside_redoxs_own_fields_comes_back(mapping: SiteTables) -> None:
    good = {"DateTime": "2025-10-28T17:00:00Z", "Duration": 30, "Notes": ["a"], "Reason": None}
    strange = {**good, "Patient": {"LastName": CANARY}, "Provider": {"ID": "1", "SSN": CANARY}}
    wrong = [{**good, "Duration": minutes} for minutes in (-5, 0, 1e300)] + [{**good, "Provider": 5}]
    body = json.dumps({"AvailableSlots": [strange, *wrong]}).encode()
    _, answer, reply = relayed(mapping, clinic.query(), body)
    assert CANARY not in reply.body.decode()
    assert answer["Meta"]["IsIncomplete"] is True
    assert answer["AvailableSlots"] == [
        {
            "DateTime": "2025-10-28T17:00:00.000Z",
            "Duration": 30,
            "Notes": ["a"],
            "Provider": {"ID": "1"},
        }
    ]
    with pytest.raises(UpstreamFailed):
        relayed(mapping, clinic.query(), json.dumps({"AvailableSlots": wrong}).encode())


def test_a_query_that_cannot_be_read_is_refused_with_every_fault(mapping: SiteTables) -> None:
    message = clinic.query(VisitPreference=[{"Duration": "soon", "Day": ["Someday"]}], start="now")
    with pytest.raises(InvalidMessage) as caught:
        relayed(mapping, message, b"")
    assert sorted(issue.path for issue in caught.value.issues) == [
        "StartDateTime",
        "Visit.VisitPreference[0].Day[0]",
        "Visit.VisitPreference[0].Duration",
    ]


def test_who_is_not_known_here_may_be_known_there(mapping: SiteTables) -> None:
    nobody = {"ID": "999", "IDType": "Their own"}
    message = clinic.query(AttendingProviders=[nobody], VisitType=[{"Code": "nowhere"}])
    query, _, _ = relayed(mapping, message, partner.answered())
    assert query["Visit"] == {"AttendingProviders": [nobody], "VisitType": [{"Code": "nowhere"}]}


# --- failures, by the error table -------------------------------------------------------------------

FAILURES = [
    ("deadline", {}, 504, "timeout"),
    ("breaker", {"retry_after": 3.0}, 503, "transient"),
    ("overloaded", {"status": 429, "retry_after": 7.0}, 503, "throttled"),
    ("unauthorized", {"status": 401}, 502, "security"),
    ("connect", {}, 502, "transient"),
    ("protocol", {}, 502, "exception"),
    ("status", {"status": 404}, 502, "not-found"),
    ("status", {"status": 500, "code": "transmission"}, 502, "exception"),
    ("status", {"status": 400, "code": "message"}, 502, "exception"),
]


@pytest.mark.parametrize(("kind", "more", "status", "code"), FAILURES)
@pytest.mark.parametrize("asked", ["Slot", "Slot/{slot}", "Slot?_id={slot}"])
def test_a_failure_of_redox_is_told_by_the_error_table(
    mapping: SiteTables, kind: Any, more: dict[str, Any], status: int, code: str, asked: str
) -> None:
    name = slot_name(partner.NORTH_GRANITE, AT, 20)
    with pytest.raises(GatewayError) as caught:
        Search(partner.site(mapping), asked.format(slot=name), clinic.failing(kind, **more))
    assert (caught.value.status, caught.value.issues[0].code) == (status, code)
    assert caught.value.retry_after == more.get("retry_after")
    partner.check_fhir(json.loads(fhir.error_outcome(caught.value)))


@pytest.mark.parametrize(("kind", "more", "status", "code"), FAILURES)
def test_and_so_it_is_to_redox(
    mapping: SiteTables, kind: Any, more: dict[str, Any], status: int, code: str
) -> None:
    limits = partner.fhir_server(mapping).relayed
    flow = redox_flows.relay(clinic.read(clinic.query()), partner.flow_rules(), limits, ADDRESS, mapping, NOW)
    with pytest.raises(GatewayError) as caught:
        Transcript(flow, clinic.failing(kind, **more)).play()
    assert (caught.value.status, caught.value.issues[0].code) == (status, code)


# --- FHIR in, an EHR asked --------------------------------------------------------------------------


class Clinic:
    """The clinic of :mod:`tests.clinic` as FHIR clients see it."""

    def __init__(self, folder: Path, dialect: str, csv: str = clinic.SCHEDULES_CSV) -> None:
        self.mapping = clinic.tables(folder, dialect, csv)
        self.fhir_server: FhirServerTables = Tables(folder).fhir_server(
            Wanted("clinic", dialect, clinic.ZONE.key)
        )
        self.calls: list[Call] = []

    def search(self, url: str, *slots: Json, **rules: Any) -> Search:
        known = clinic.answering(*slots)

        def answer(call: Call) -> Any:
            if call.target not in clinic.DIRECTORY:
                self.calls.append(call)
                if "," in dict(call.params)["schedule"]:
                    return Answer(call, (clinic.bundle(*slots),))
            return known(call)

        site_rules = clinic.rules(**rules)
        site = fhir_flows.FhirSite(
            site_rules,
            self.fhir_server,
            self.mapping,
            lambda query, positions, _shares: redox_flows.ask_ehr(
                query, positions, clinic.reader(), site_rules, self.mapping, NOW
            ),
        )
        return Search(site, url, answer)


NINE, TWENTY_PAST, QUARTER = (
    "2025-10-22T09:00:00-07:00",
    "2025-10-22T09:20:00-07:00",
    "2025-10-22T09:15:00-07:00",
)


@pytest.mark.parametrize("dialect", ["canvas", "fhir-r4"])
def test_an_ehrs_slots_too_are_told_in_the_zone_of_their_schedule(tmp_path: Path, dialect: str) -> None:
    csv = f"schedule,timezone\n{GRANITE_HOSPITAL},America/New_York\n{SLATE_HOSPITAL},\n"
    site = Clinic(tmp_path, dialect, csv)
    slots = [clinic.slot(NINE, TWENTY_PAST), clinic.slot(NINE, TWENTY_PAST, of=SLATE_HOSPITAL)]
    asked = f"Slot?schedule={GRANITE_HOSPITAL},{SLATE_HOSPITAL}&start=2025-10-22"
    found = {each["schedule"]["reference"]: each for each in site.search(asked, *slots).resources()}
    east, own = (found[f"Schedule/{each}"] for each in (GRANITE_HOSPITAL, SLATE_HOSPITAL))
    assert (east["start"], east["end"]) == ("2025-10-22T12:00:00-04:00", "2025-10-22T12:20:00-04:00")
    assert (own["start"], own["end"]) == (NINE, TWENTY_PAST)


def test_a_fhir_search_asks_canvas_in_its_own_words(tmp_path: Path) -> None:
    site = Clinic(tmp_path, "canvas")
    slots = [clinic.slot(NINE, TWENTY_PAST), clinic.slot(NINE, TWENTY_PAST, of=SLATE_HOSPITAL)]
    url = f"Slot?schedule={GRANITE_HOSPITAL}&start=ge2025-10-22&start=lt2025-10-23&status=free&duration=20"
    found = site.search(f"{url}&_include=Slot:schedule&_include:iterate=Schedule:actor", *slots)
    (call,) = site.calls
    assert call.params == (
        ("schedule", f"Schedule/{GRANITE_HOSPITAL}"),
        ("start", "2025-10-21"),
        ("end", "2025-10-24"),
        ("_count", "100"),
        ("duration", "20"),
    )
    (resource,) = found.resources()
    assert (resource["start"], resource["end"]) == (NINE, TWENTY_PAST)
    assert resource["schedule"] == {"reference": f"Schedule/{GRANITE_HOSPITAL}"}
    kinds = [each["resourceType"] for each in found.resources("include")]
    assert kinds == ["Schedule", "Practitioner", "Location"]


def test_no_length_asked_for_does_not_trim_the_slots_of_an_ehr_that_has_no_such_search(
    tmp_path: Path,
) -> None:
    site = Clinic(tmp_path, "fhir-r4")
    short = clinic.slot(NINE, QUARTER)
    assert len(site.search("Slot?start=2025-10-22&end=2025-10-23", short).resources()) == 1
    assert site.search("Slot?start=2025-10-22&end=2025-10-23&duration=20", short).resources() == []


def test_schedules_that_redox_could_not_tell_apart_can_still_be_asked_of_an_ehr(tmp_path: Path) -> None:
    site = Clinic(tmp_path, "fhir-r4")
    found = site.search(
        f"Slot?schedule={GRANITE_JUNIPER},{SLATE_HOSPITAL}&start=2025-10-22",
        clinic.slot(NINE, TWENTY_PAST, of=SLATE_HOSPITAL),
    )
    assert dict(site.calls[0].params)["schedule"] == f"Schedule/{GRANITE_JUNIPER},Schedule/{SLATE_HOSPITAL}"
    assert [each["schedule"]["reference"] for each in found.resources()] == [f"Schedule/{SLATE_HOSPITAL}"]


def test_a_part_that_an_ehr_cannot_tell_makes_the_bundle_incomplete(tmp_path: Path) -> None:
    site = Clinic(tmp_path, "canvas")
    broken = clinic.slot("nine", TWENTY_PAST)
    found = site.search(
        f"Slot?schedule={GRANITE_HOSPITAL}&start=2025-10-22", clinic.slot(NINE, TWENTY_PAST), broken
    )
    assert len(found.resources()) == 1
    assert any(each.startswith("not all open slots") for each in found.warnings)
    several = [clinic.slot(NINE, TWENTY_PAST, each) for each in (GRANITE_HOSPITAL, SLATE_HOSPITAL)]
    cut = site.search("Slot?start=2025-10-22", *several, max_schedules=1)
    assert len(cut.resources()) == 1
    assert any(each.startswith("not all open slots") for each in cut.warnings)


def test_a_slot_of_an_ehr_is_read_by_its_id(tmp_path: Path) -> None:
    site = Clinic(tmp_path, "canvas")
    own = clinic.slot(NINE, TWENTY_PAST, id="slot-7")
    (listed,) = site.search("Slot?start=2025-10-22", own).resources()
    assert listed["identifier"] == [{"system": "urn:redox:slot", "value": "slot-7"}]
    assert site.search(f"Slot/{listed['id']}", own).body == listed


def test_an_ehr_that_fails_is_no_empty_bundle(tmp_path: Path) -> None:
    site = Clinic(tmp_path, "canvas")
    site_rules = clinic.rules()
    where = fhir_flows.FhirSite(
        site_rules,
        site.fhir_server,
        site.mapping,
        lambda query, positions, _shares: redox_flows.ask_ehr(
            query, positions, clinic.reader(), site_rules, site.mapping, NOW
        ),
    )

    def answer(call: Call) -> Any:
        return clinic.directory(call) if call.target in clinic.DIRECTORY else Failure(call, "overloaded")

    with pytest.raises(GatewayError) as caught:
        Search(where, "Slot", answer)
    assert caught.value.status == 503


def test_the_query_that_goes_on_does_not_depend_on_the_patient(mapping: SiteTables) -> None:
    """Whatever stands below Patient, the query that goes on is the same."""
    one, _, _ = relayed(mapping, clinic.sample(), partner.answered())
    other, _, _ = relayed(mapping, changed(clinic.sample(), "Patient.Identifiers", []), partner.answered())
    assert one == other
