"""The probe as a whole, over upstreams that are functions: what it says, and advice that can be pasted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway.cli.summary import codes_of
from gateway.core.flows import SiteRules
from gateway.core.plan import Answer, Call, Failure, Outcome
from gateway.probe import Report, probe, samples, slots
from gateway.tables.build import Tables, Wanted
from tests import clinic
from tests.clinic import NOW, NPI, ZONE, Json, Transcript, bundle, failing

SITE = SiteRules("clinic", ZONE)
CANARY = "Canary"


def statement(**params: list[str]) -> bytes:
    resource = [
        {"type": kind, "searchParam": [{"name": name, "type": "date"} for name in names]}
        for kind, names in params.items()
    ]
    told = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"resource": resource}]}
    return json.dumps(told).encode()


def at(day: int, hour: int, zone: ZoneInfo = ZONE) -> datetime:
    return datetime(2025, 10, day, hour, tzinfo=zone).astimezone(UTC)


SLOT_PARAMS = ["start", "status", "schedule", "service-type"]
Upstream = Callable[[Call], Outcome]


def open_times(call: Call) -> list[Json]:
    """Of the schedule that is asked for: mornings and evenings of the six days after the query's moment."""
    of = dict(call.params)["schedule"].removeprefix("Schedule/")
    found = []
    for day in range(22, 28):
        for hour in (9, 18):
            start = at(day, hour)
            end = start + timedelta(minutes=20)
            found.append(
                clinic.slot(start.isoformat(), end.isoformat(), of, id=f"s-{day}-{hour}", comment=CANARY)
            )
    return found


def base_r4(call: Call) -> Outcome:
    """A server that does what R4 says, comparisons on start and nothing else of bounds."""
    if call.target == "metadata":
        return Answer(
            call, (statement(Slot=SLOT_PARAMS, Schedule=[], Practitioner=["identifier"], Location=[]),)
        )
    if call.target != "Slot":
        return clinic.directory(call)
    found = open_times(call)
    for name, value in call.params:
        if name == "start":
            found = [each for each in found if _keeps(value, datetime.fromisoformat(each["start"]))]
    size = int(dict(call.params)["_count"])
    return Answer(call, (bundle(*found[:size]),), complete=len(found) <= size)


def _keeps(bound: str, start: datetime) -> bool:
    compare, text = (bound[:2], bound[2:]) if bound[0].isalpha() else ("eq", bound)
    low = datetime.fromisoformat(text)
    low = low if low.tzinfo else low.replace(tzinfo=ZONE)
    if compare == "eq":
        return low <= start < low + timedelta(days=1)
    return start >= low if compare == "ge" else start < low


def probed(
    folder: Path, upstream: Upstream, dialect: str = "fhir-r4", **more: Any
) -> tuple[Report, Transcript]:
    tables = clinic.tables(folder, dialect, **more)
    codes = codes_of(folder, dialect, "clinic")
    play = Transcript(probe(SITE, tables, codes, NOW, dialect=dialect), upstream)
    return msgspec.json.decode(play.play().body, type=Report), play


def texts(report: Report, level: str = "fault") -> list[str]:
    return [each.text for each in report.findings if each.level == level]


def verdicts(report: Report) -> dict[str, str]:
    return {each.what: each.verdict for each in report.trials}


def by_reference(call: Call) -> Outcome:
    """The same, with schedules that name their place."""
    if call.target != "Schedule":
        return base_r4(call)
    places = {clinic.GRANITE_HOSPITAL: "l-2", clinic.SLATE_HOSPITAL: "l-2", clinic.GRANITE_JUNIPER: "l-1"}
    made = [
        {
            "resourceType": "Schedule",
            "id": name,
            "actor": [
                {"reference": f"Practitioner/{name.rpartition('.')[2]}"},
                {"reference": f"http://ehr.example/Location/{place}"},
            ],
        }
        for name, place in places.items()
    ]
    return Answer(call, (bundle(*made),))


def test_the_schedules_that_are_named_are_tried_from_that_time_on(tmp_path: Path) -> None:
    asked: list[dict[str, str]] = []

    def upstream(call: Call) -> Outcome:
        if call.target != "Slot":
            return by_reference(call)
        asked.append(dict(call.params))
        mine = clinic.SLATE_HOSPITAL in asked[-1]["schedule"]
        return base_r4(call) if mine else Answer(call, (bundle(),))

    tables = clinic.tables(tmp_path, "fhir-r4")
    codes = codes_of(tmp_path, "fhir-r4", "clinic")
    named = ("Schedule/of-nobody", clinic.GRANITE_HOSPITAL, clinic.SLATE_HOSPITAL)
    start = NOW + timedelta(days=1)
    flow = probe(SITE, tables, codes, NOW, dialect="fhir-r4", schedules=named, start=start)
    report = msgspec.json.decode(Transcript(flow, upstream).play().body, type=Report)
    assert report.schedule == clinic.SLATE_HOSPITAL
    tried = [each["schedule"].removeprefix("Schedule/") for each in asked[:3]]
    assert tried == ["of-nobody", clinic.GRANITE_HOSPITAL, clinic.SLATE_HOSPITAL]
    assert report.slots.count > 0


def test_a_server_by_the_book_has_no_faults(tmp_path: Path) -> None:
    report, play = probed(tmp_path, by_reference)
    assert texts(report) == []
    assert not report.failed
    assert report.advice == ()
    assert [(each.kind, each.joined, each.schedules) for each in report.joins] == [
        ("Practitioner", 3, 3),
        ("Location", 3, 3),
    ]
    assert verdicts(report) == {
        "a parameter that nobody has": "ignored",
        "a small page size": "partial",  # this server names no next page
        slots.INSTANT_PREFIX: "works",
        slots.DAY_PREFIX: "works",
        slots.INSTANTS: "partial",  # equal to an instant, and `end` is ignored
        slots.DAYS: "partial",
    }
    assert [each.what for each in report.trials if each.own] == [slots.INSTANT_PREFIX]
    assert list(play.asked) == ["directory", "further directory", "slots", "trials"]
    assert sum(map(len, play.asked.values())) == 11
    assert all(call.body is None for calls in play.asked.values() for call in calls)


def test_no_value_of_a_resource_is_told(tmp_path: Path) -> None:
    report, _ = probed(tmp_path, by_reference)
    told = msgspec.json.encode(report).decode()
    assert "Slot.comment" in told
    for value in (CANARY, "Granite", "4356789876", "s-22-9"):
        assert value not in told


def test_bounds_that_are_ignored_are_a_fault(tmp_path: Path) -> None:
    def careless(call: Call) -> Outcome:
        if call.target != "Slot":
            return by_reference(call)
        return Answer(call, (bundle(*open_times(call)),))

    report, _ = probed(tmp_path, careless)
    assert verdicts(report)[slots.INSTANT_PREFIX] == "ignored"
    assert f"The tables bound searches by {slots.INSTANT_PREFIX}: slots outside came back as well." in texts(
        report
    )


def test_a_parameter_that_is_not_declared_and_the_one_that_is_meant(tmp_path: Path) -> None:
    own = tmp_path / "sites" / "clinic"
    own.mkdir(parents=True)
    (own / "dialect.yaml").write_text(
        'dialect:\n  searches:\n    Practitioner: {npiNumber: "1", active: "true"}\n'
    )

    def upstream(call: Call) -> Outcome:
        if call.target != "metadata":
            return by_reference(call)
        declared = statement(
            Slot=["start", "schedule", "Status", "service-category"], Practitioner=["npi-number", "active"]
        )
        return Answer(call, (declared,))

    report, _ = probed(tmp_path, upstream)
    found = texts(report)
    ignored = " It ignores what it does not know, so answers would not be narrowed by it."
    assert (
        'Row "searches.Practitioner" sends npiNumber to Practitioner, which does not declare it; '
        "the nearest it declares: npi-number." + ignored
    ) in found
    assert (
        'Row "only free slots" sends status to Slot, which does not declare it; '
        "the nearest it declares: Status." + ignored
    ) in found
    paste(tmp_path, report)
    tables = Tables(tmp_path).build(Wanted("clinic", "fhir-r4", ZONE.key))
    assert tables.dialect.searches["Practitioner"] == (("npi-number", "1"), ("active", "true"))
    row = tables.tables["available-slots.query"].row("only free slots")
    assert row is not None
    assert row.param == "Status"
    # Nothing looks like service-type but for its first word, so that it is not asked for any more.
    assert tables.tables["available-slots.query"].row("Visit.VisitType.Code") is None
    again, _ = probed(tmp_path, upstream)
    assert texts(again) == []


def paste(folder: Path, report: Report) -> None:
    for each in report.advice:
        place = folder / each.file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(each.text, "utf-8")


def test_places_that_only_a_text_tells_are_joined_by_it(tmp_path: Path) -> None:
    report, _ = probed(tmp_path, base_r4, csv="schedule\n")
    first, *others = ("Schedule.actor", "PractitionerRole.location", "HealthcareService.location")
    ways = "; ".join([first, *(f"{first}, then {each}" for each in others)])
    assert f"3 of 3 schedules have no Location by {ways}: 3 name none." in texts(report)
    advised = next(each for each in report.advice if each.file.endswith("dialect.yaml"))
    assert advised.because == "Location: joins 3 of 3 schedules, now 0"
    paste(tmp_path, report)
    again, _ = probed(tmp_path, base_r4, csv="schedule\n")
    assert [each.joined for each in again.joins] == [3, 3]


def test_actors_that_are_not_read_are_named(tmp_path: Path) -> None:
    def roles(call: Call) -> Outcome:
        if call.target != "Schedule":
            return base_r4(call)
        schedule = {"resourceType": "Schedule", "id": "a", "actor": [{"reference": "Device/7"}]}
        return Answer(call, (bundle(schedule),))

    report, _ = probed(tmp_path, roles, csv="schedule\n")
    assert (
        "1 of 1 schedules have no Practitioner by Schedule.actor; Schedule.actor, then "
        "PractitionerRole.practitioner: 1 name none. Their actors are also: Device, which are not read: "
        "write provider_id, provider_id_type, first_name and last_name of these schedules into schedules.csv."
    ) in texts(report)


def test_systems_without_a_code_become_lines_of_a_code_table(tmp_path: Path) -> None:
    staff: Json = {"system": 'http://ehr.example/ids/staff,"x"', "value": "1"}
    other: Json = {"system": "urn:oid:1.2.3", "value": "2", "type": {"coding": [{"code": "EI"}]}}
    npi: Json = {"system": NPI, "value": "3"}
    held = ([staff, npi], [staff, other], [other, staff])

    def upstream(call: Call) -> Outcome:
        if call.target != "Practitioner":
            return by_reference(call)
        people = [
            {"resourceType": "Practitioner", "id": f"p{at}", "identifier": ids} for at, ids in enumerate(held)
        ]
        return Answer(call, (bundle(*people),))

    report, _ = probed(tmp_path, upstream)
    systems = [each for each in report.systems if each.resource == "Practitioner"]
    assert [(each.system, each.count, each.code, each.kind, each.needed) for each in systems] == [
        (staff["system"], 3, "", "", 1),
        (other["system"], 2, "", "EI", 1),
        (NPI, 1, "NPI", "", 0),
    ]
    advised = next(each for each in report.advice if each.file.endswith("codes/identifier-systems.csv"))
    assert advised.text.splitlines() == [
        "redox_code,redox_system,fhir_code,fhir_system,way,note",
        'STAFFX,,"http://ehr.example/ids/staff,""x""",,,the IDType for Redox: name it as your partners do',
        "EI,,urn:oid:1.2.3,,,the IDType for Redox: name it as your partners do",
    ]
    paste(tmp_path, report)
    again, _ = probed(tmp_path, upstream)
    assert [each.code for each in again.systems if each.resource == "Practitioner"] == ["STAFFX", "EI", "NPI"]
    assert not any(each.file.endswith("identifier-systems.csv") for each in again.advice)


def test_schedules_without_a_department_become_lines_to_fill_in(tmp_path: Path) -> None:
    csv = f"schedule,department,room\n{clinic.GRANITE_HOSPITAL},3N,136\n{clinic.SLATE_HOSPITAL},,138\n"
    report, _ = probed(tmp_path, by_reference, csv=csv)
    advised = next(each for each in report.advice if each.file.endswith("schedules.csv"))
    assert advised.because == (
        "put in place of the lines of these schedules; 1 of them have none yet; "
        "fill in department, an empty cell is left to the EHR"
    )
    assert advised.text.splitlines() == [
        "schedule,department,room",
        f"{clinic.GRANITE_JUNIPER},,",
        f"{clinic.SLATE_HOSPITAL},,138",
    ]
    assert "No department for 2 of 3 schedules: a query by it misses them." in texts(report, "note")
    column = next(each for each in report.columns if each.name == "department")
    assert (column.told, column.filled, column.of) == (0, 1, 3)


@pytest.mark.parametrize(
    ("csv", "text"),
    [
        ("schedule\n", "one line for each schedule"),
        (
            f"schedule,facility,department\n{clinic.SLATE_HOSPITAL},A,B\n",
            "add these lines to those that are there",
        ),
        (
            f"schedule,room\n{clinic.SLATE_HOSPITAL},1\n{clinic.GRANITE_JUNIPER},2\n{clinic.GRANITE_HOSPITAL},3\n",
            "put in place of the lines of these schedules",
        ),
    ],
)
def test_it_is_said_where_lines_to_fill_in_go(csv: str, text: str, tmp_path: Path) -> None:
    report, _ = probed(tmp_path, by_reference, csv=csv)
    advised = next(each for each in report.advice if each.file.endswith("schedules.csv"))
    assert advised.because == f"{text}; fill in department, an empty cell is left to the EHR"


def test_a_key_of_the_dialect_has_its_place(tmp_path: Path) -> None:
    tables = clinic.tables(tmp_path, "canvas")
    origins = {"searches.Practitioner": "mappings/canvas/dialect.yaml:4:5 (canvas)"}
    flow = probe(SITE, tables, {}, NOW, dialect="canvas", address="http://ehr", origins=origins)
    report = msgspec.json.decode(Transcript(flow, failing("connect")).play().body, type=Report)
    aim = next(each for each in report.aims if each.resource == "Practitioner")
    assert (aim.row, aim.origin) == ("searches.Practitioner", "mappings/canvas/dialect.yaml:4:5 (canvas)")
    assert texts(report) == ["http://ehr answered none of the searches: no connection, or it broke."]


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (failing("connect"), "no connection, or it broke"),
        (
            failing("unauthorized", status=403, code="forbidden"),
            "our credentials were refused (status 403, issue code forbidden)",
        ),
        (failing("status", status=500), "refused or failed (status 500)"),
    ],
)
def test_an_upstream_that_fails_is_told_not_raised(
    failure: Callable[[Call], Failure], text: str, tmp_path: Path
) -> None:
    report, play = probed(tmp_path, failure, csv="schedule\n")
    assert report.failed
    assert texts(report) == [f"The upstream answered none of the searches: {text}."]
    assert (texts(report, "note"), report.advice) == ([], ())
    assert report.metadata == text
    assert list(play.asked) == ["directory"]


def test_pages_are_told_as_they_are(tmp_path: Path) -> None:
    first = json.loads(clinic.DIRECTORY["Practitioner"]) | {
        "type": "practitioner-list",
        "total": 9,
        "link": [{"relation": "next", "url": "/Practitioner?_offset=5"}],
    }
    last = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": {"resourceType": "OperationOutcome"}}],
    }
    call = Call("Practitioner")
    told = samples.sample(Answer(call, (json.dumps(first).encode(), json.dumps(last).encode())), 1).pages
    assert (told.sizes, told.total, told.next, told.links) == ((2, 0), 9, "relative", ("next",))
    assert told.notes == (
        'Bundle.type is "practitioner-list", not searchset',
        "it holds an OperationOutcome",
        "total says 9, found were 2",
        "the page size is not kept: 1 asked for, 2 on the first page",
    )
    empty = samples.sample(
        Answer(call, (b'{"resourceType": "Bundle", "type": "searchset", "total": 0}', b"[]")), None
    )
    assert empty.pages.notes == ("entry is absent where nothing was found", "a page is not a Bundle")


def test_what_the_upstream_writes_of_a_refusal_is_told(tmp_path: Path) -> None:
    def refusing(call: Call) -> Outcome:
        if call.target == "Slot":
            return Failure(call, "status", 400, words="no status here" if call.words else "")
        return base_r4(call)

    report, _ = probed(tmp_path, refusing)
    (fault,) = [each.text for each in report.findings if "Slot was not answered" in each.text]
    assert fault.endswith(' It wrote: "no status here"')


def test_how_many_searches_a_query_for_everybody_makes(tmp_path: Path) -> None:
    report, _ = probed(tmp_path, base_r4)
    assert (report.schedules > 0, report.searches > 0, report.tried) == (True, True, 1)
