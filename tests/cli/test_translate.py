"""``gateway translate``: the sample of the Redox document, and the Bundle of Canvas's, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import BUNDLE, SAMPLE

SCHEDULE = "Location.2-Staff.3640cd20de8a470aa570a852859ac87e"
USING = "Using the demo configuration, site demo\n"
PLACE = {"Facility": "RES General Hospital", "Department": "3N", "Room": "136"}
SEARCHES = {
    "site": "demo",
    "window": {
        "start": "2025-10-21T19:00:27.415Z",
        "end": "2025-10-28T19:00:27.415Z",
        "timezone": "America/Los_Angeles",
    },
    "selects": [[{"facility": "RES General Hospital", "department": "3N", "room": "136"}]],
    "filters": [{"minutes": 30, "days": ["Tue", "Fri"], "times": ["10:00"]}],
    "ignored": [
        {
            "fields": ["Patient"],
            "because": "an open time does not depend on who asks; "
            "nothing of a patient is ever sent upstream or logged",
        },
        {
            "fields": ["Visit.Reasons"],
            "because": "free text about the patient; not needed to find open times",
        },
        {
            "fields": [
                *("Meta.DataModel", "Meta.EventType", "Meta.EventDateTime", "Meta.Test", "Meta.Source"),
                *("Meta.Destinations", "Meta.Logs"),
            ],
            "because": "the envelope; the gateway routes by it and echoes it",
        },
        {
            "fields": ["Visit.Locations.Type"],
            "because": "the directory knows places by name, id and room",
        },
        {
            "fields": ["Visit.VisitType.Description"],
            "because": "the code says it; the text is for people",
        },
    ],
    "directory": 1,
    "searches": [
        {
            "method": "GET",
            "url": "http://127.0.0.1:8081/Slot?schedule=Schedule/" + SCHEDULE + "&start=2025-10-20"
            "&end=2025-10-29&_count=100&appointment-type=http://snomed.info/sct%7C308335008&duration=30",
            "params": {
                "schedule": "Schedule/" + SCHEDULE,
                "start": "2025-10-20",
                "end": "2025-10-29",
                "_count": "100",
                "appointment-type": "http://snomed.info/sct|308335008",
                "duration": "30",
            },
        }
    ],
    "issues": [],
}


def query(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(SAMPLE.read_bytes())
    return value | changes


def slot(start: str) -> dict[str, Any]:
    return {"DateTime": start, "Duration": 20, "ID": f"{SCHEDULE}~{start}~20", "Location": PLACE}


def test_the_searches_that_the_sample_means(gateway: Any) -> None:
    done = gateway("translate", SAMPLE)
    assert (done.returncode, done.stderr) == (0, USING)
    assert json.loads(done.stdout) == SEARCHES


def test_fields_that_no_schema_has_are_named(gateway: Any, tmp_path: Path) -> None:
    value = query()
    value["Meta"]["Message"] = {"ID": 5}
    value["Visit"] |= {"Location": [], **{f"x{number}": 1 for number in range(25)}}
    message = tmp_path / "message.json"
    message.write_text("\ufeff" + json.dumps(value))
    done = gateway("translate", message)
    assert (done.returncode, json.loads(done.stdout)) == (0, SEARCHES)
    said = "passed over, as Redox's schema does not have them: in"
    first, second, third = done.stderr.splitlines()
    assert f"{first}\n" == USING
    assert second == f'{said} Meta "Message"'
    assert third.startswith(f'{said} Visit "Location", "x0", "x1", ')
    assert third.endswith('"x18" and 6 more')


def test_a_configuration_and_a_site(inside: Any, configured: Any) -> None:
    done = inside("translate", SAMPLE, "--config", configured(upstream=9999), "--site", "demo")
    url = json.loads(done.stdout)["searches"][0]["url"]
    assert url == SEARCHES["searches"][0]["url"].replace(":8081", ":9999")  # type: ignore[index]


def test_the_answer_that_canvas_s_bundle_means(gateway: Any) -> None:
    asked = query(StartDateTime="2023-09-21")
    asked["Visit"]["VisitPreference"] = []
    done = gateway(
        "translate", "-", "--bundle", BUNDLE, "--now", "2023-09-20T10:00:00Z", stdin=json.dumps(asked)
    )
    assert (done.returncode, done.stderr) == (0, USING)
    answer = json.loads(done.stdout)
    assert answer["Meta"] == asked["Meta"] | {
        "EventType": "AvailableSlotsResponse",
        "EventDateTime": "2023-09-20T10:00:00.000Z",
    }
    assert answer["AvailableSlots"] == [
        slot("2023-09-21T15:45:00.000Z"),
        slot("2023-09-21T20:45:00.000Z"),
        slot("2023-09-22T16:15:00.000Z"),
    ]


def test_who_is_in_the_bundles_is_in_the_answer(inside: Any, tmp_path: Any) -> None:
    people = [
        {"resourceType": "Schedule", "id": SCHEDULE, "actor": [{"reference": "Practitioner/p1"}]},
        {"resourceType": "Practitioner", "id": "p1", "name": [{"family": "Granite", "given": ["Pat"]}]},
    ]
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in people]}
    (tmp_path / "people.json").write_text(json.dumps(bundle))
    asked = query(StartDateTime="2023-09-21")
    asked["Visit"]["VisitPreference"] = []
    done = inside("translate", "-", "-b", BUNDLE, "-b", "people.json", stdin=json.dumps(asked))
    slots = json.loads(done.stdout)["AvailableSlots"]
    assert [each["Provider"] for each in slots] == [{"FirstName": "Pat", "LastName": "Granite"}] * 3


def test_a_schedule_that_only_a_slot_names(inside: Any, tmp_path: Any) -> None:
    text = BUNDLE.read_text().replace(SCHEDULE, "Location.9-Staff.unheard")
    (tmp_path / "slots.json").write_text(text)
    asked = query(StartDateTime="2023-09-21", Visit={})
    done = inside("translate", "-", "-b", "slots.json", stdin=json.dumps(asked))
    ids = [each["ID"] for each in json.loads(done.stdout)["AvailableSlots"]]
    assert [each.partition("~")[0] for each in ids] == ["Location.9-Staff.unheard"] * 3


def test_every_fault_of_a_message(inside: Any) -> None:
    asked = query(StartDateTime="soonish")
    asked["Visit"]["VisitPreference"][0] |= {"Duration": "soon", "Day": ["Tues", "Someday"]}
    done = inside("translate", "-", stdin=json.dumps(asked))
    errors = json.loads(done.stdout)["Meta"]["Errors"]
    assert done.returncode == 1
    assert [each["Text"].partition(":")[0] for each in errors] == [
        "Visit.VisitPreference[0].Duration",
        "Visit.VisitPreference[0].Day[1]",
        "StartDateTime",
    ]
    assert [f"error: {each['Text']}" for each in errors] == done.stderr.splitlines()[1:]


def test_a_destination_of_no_site(inside: Any) -> None:
    asked = query()
    asked["Meta"]["Destinations"][0]["ID"] = "elsewhere"
    done = inside("translate", "-", stdin=json.dumps(asked))
    assert done.returncode == 1
    assert 'no site of this configuration has the destination "elsewhere"' in done.stderr
    assert inside("translate", "-", "--site", "demo", stdin=json.dumps(asked)).returncode == 0


def test_usage(inside: Any) -> None:
    for arguments, text in (
        (("translate", SAMPLE, "--site", "nowhere"), 'There is no site "nowhere"'),
        (("translate", SAMPLE, "--bundle", SAMPLE), "is not a FHIR Bundle"),
        (("translate", "-", "--bundle", "-"), "Only one of the files can be stdin"),
        (("translate", SAMPLE, "--now", "today"), '"today" is not a date and time'),
    ):
        done = inside(*arguments, stdin="{}")
        assert (done.returncode, done.stdout) == (2, "")
        assert text in done.stderr


def test_the_configuration_of_this_folder_is_used_and_told(inside: Any, configured: Any) -> None:
    configured(upstream=9999).rename(configured().with_name("gateway.yaml"))
    done = inside("translate", SAMPLE)
    assert done.stderr == "Using gateway.yaml, site demo\n"
    assert json.loads(done.stdout)["searches"][0]["url"].startswith("http://127.0.0.1:9")
    done = inside("translate", SAMPLE, "--site", "nowhere")
    assert 'There is no site "nowhere" in gateway.yaml; there are: demo.' in done.stderr


@pytest.mark.parametrize(
    ("changes", "preference", "text"),
    [
        (
            {},
            {},
            "3 slots in the Bundle, 0 answered: "
            "3 outside 2025-10-21T19:00:27.415Z to 2025-10-28T19:00:27.415Z",
        ),
        (
            {"StartDateTime": "2023-09-21"},
            {"Day": ["Thu"]},
            "3 slots in the Bundle, 2 answered: 1 not of the preferred days and times, or too short",
        ),
        (
            {"StartDateTime": "2023-09-22"},
            {"Duration": "30"},
            "3 slots in the Bundle, 0 answered: "
            "2 outside 2023-09-22T07:00:00.000Z to 2023-09-29T07:00:00.000Z, "
            "1 not of the preferred days and times, or too short",
        ),
    ],
)
def test_slots_that_are_left_out_are_told(
    inside: Any, changes: dict[str, Any], preference: dict[str, Any], text: str
) -> None:
    asked = query(**changes)
    asked["Visit"]["VisitPreference"] = [preference] if preference else []
    done = inside("translate", "-", "--bundle", BUNDLE, stdin=json.dumps(asked))
    assert (done.returncode, done.stderr) == (0, f"{USING}{text}\n")


def test_two_lengths_read_the_bundle_twice(inside: Any) -> None:
    asked = query(StartDateTime="2023-09-21")
    asked["Visit"]["VisitPreference"] = [{"Duration": "20"}, {"Duration": "10"}]
    done = inside("translate", "-", "--bundle", BUNDLE, stdin=json.dumps(asked))
    text = "6 slots in the Bundle, read for each of 2 kinds of search, 3 answered: 3 there twice"
    assert done.stderr == f"{USING}{text}\n"


NOBODY = (
    "no schedule is known offline: the EHR is not asked here; give --bundle with its Schedules, "
    "or write sites/fresh/schedules.csv"
)


def test_without_any_schedule_it_is_said_what_to_give(inside: Any, configured: Any) -> None:
    path = configured()
    path.write_text(path.read_text().replace("id: demo", "id: fresh"))
    done = inside("translate", SAMPLE, "--config", path)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert [told[name] for name in ("selects", "filters")] == [SEARCHES["selects"], SEARCHES["filters"]]
    assert (told["directory"], told["searches"]) == (0, [])
    assert [(each["severity"], each["text"]) for each in told["issues"]] == [("warning", NOBODY)]
    asked = json.dumps(query(StartDateTime="soon"))
    assert inside("translate", "-", "--config", path, stdin=asked).returncode == 1


def test_with_nothing_but_an_empty_bundle_it_is_refused(inside: Any, configured: Any) -> None:
    path = configured()
    path.write_text(path.read_text().replace("id: demo", "id: fresh"))
    empty = '{"resourceType": "Bundle", "type": "searchset"}'
    done = inside("translate", SAMPLE, "--config", path, "-b", "-", stdin=empty)
    assert (done.returncode, done.stderr) == (1, f"error: {NOBODY}\n")


def test_what_only_the_ehr_knows_is_no_fault_of_the_message(inside: Any, configured: Any) -> None:
    asked = query()
    who = {"ID": "4356789876", "IDType": "NPI", "FirstName": "Pat", "LastName": "Granite"}
    asked["Visit"] |= {"AttendingProviders": [who], "Locations": []}
    done = inside("translate", "-", "--config", configured(), stdin=json.dumps(asked))
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["selects"] == [[{"provider_id": "4356789876"}]]
    assert (told["directory"], told["searches"]) == (0, [])
    assert {each["severity"] for each in told["issues"]} == {"warning"}
    assert "may know; give --bundle with its Schedules" in told["issues"][-1]["text"]
    asked["Visit"] |= {"AttendingProviders": [], "Locations": [{"Facility": "Elsewhere"}]}
    assert inside("translate", "-", "--config", configured(), stdin=json.dumps(asked)).returncode == 1


# --- to and from Redox ------------------------------------------------------------------------------

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
EVERY = SAMPLES / "every-dialect" / "gateway.yaml"
NOW = ("--now", "2025-10-21T10:00:00Z")
SEARCH = "Slot?schedule=Schedule/granite&start=ge2025-10-21&start=lt2025-10-24&status=free"
POSTED = {
    "Meta": {
        "DataModel": "Scheduling",
        "EventType": "AvailableSlots",
        "EventDateTime": "2025-10-21T10:00:00.000Z",
        "Test": False,
        "Destinations": [{"ID": "af394f14-b34a-464f-8d24-895f370af4c9"}],
    },
    "StartDateTime": "2025-10-21T07:00:00.000Z",
    "EndDateTime": "2025-10-24T07:00:00.000Z",
    "Visit": {
        "AttendingProviders": [
            {"ID": "4356789876", "IDType": "NPI", "FirstName": "Pat", "LastName": "Granite"}
        ],
        "Locations": [PLACE],
    },
}
ANSWER = {
    "Meta": {"DataModel": "Scheduling", "EventType": "AvailableSlotsResponse"},
    "AvailableSlots": [
        {
            "DateTime": f"2025-10-{day}T16:00:00.000Z",
            "Duration": 20,
            "Provider": {"ID": "4356789876", "IDType": "NPI"},
            "Location": PLACE,
        }
        for day in (22, 23, 30)
    ],
}


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    path = tmp_path / "answer.json"
    path.write_text("\ufeff" + json.dumps(ANSWER))
    return path


def test_the_query_that_a_fhir_search_becomes(inside: Any) -> None:
    done = inside("translate", SEARCH, "--config", EVERY, "--site", "partner", *NOW)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "site": "partner",
        "queries": [{"method": "POST", "url": "http://127.0.0.1:8082/endpoint", "body": POSTED}],
        "issues": [],
    }


def test_the_searchset_that_redox_s_answer_becomes(inside: Any, answer: Path) -> None:
    done = inside("translate", SEARCH, "-c", EVERY, "-s", "partner", "--answer", answer, *NOW)
    assert (done.returncode, done.stderr) == (0, "")
    bundle = json.loads(done.stdout)
    assert (bundle["type"], bundle["total"]) == ("searchset", 2)
    assert [each["resource"]["start"] for each in bundle["entry"]] == [
        "2025-10-22T09:00:00-07:00",
        "2025-10-23T09:00:00-07:00",
    ]
    assert bundle["entry"][0]["fullUrl"].startswith("http://127.0.0.1:8080/fhir/partner/Slot/")


def test_a_search_of_a_site_whose_upstream_is_an_ehr(inside: Any) -> None:
    schedule = f"Slot?schedule=Schedule/{SCHEDULE}"
    people = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Schedule", "id": SCHEDULE}}]}
    asked = f"{schedule}&start=2023-09-21&end=2023-09-23"
    shown = ("--config", EVERY, "--site", "canvas", "--now", "2023-09-20T10:00:00Z")
    done = inside("translate", asked, "-b", BUNDLE, *shown)
    assert [each["resource"]["start"] for each in json.loads(done.stdout)["entry"]] == [
        "2023-09-21T08:45:00-07:00",
        "2023-09-21T13:45:00-07:00",
        "2023-09-22T09:15:00-07:00",
    ]
    done = inside("translate", "Schedule", "-b", "-", *shown, stdin=json.dumps(people))
    assert [each["resource"]["id"] for each in json.loads(done.stdout)["entry"]] == [SCHEDULE]
    done = inside("translate", asked, *shown)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["queries"], told["searches"]) == ([], [])
    assert told["issues"][0]["text"].startswith("no schedule is known offline")


def test_the_query_and_the_searches_of_an_ehr(inside: Any, configured: Any) -> None:
    path = configured()
    clients = f"    fhir: {{clients: [{{id: app, token_sha256: {'0' * 64}}}]}}"
    path.write_text(path.read_text().replace("    upstream:", f"{clients}\n    upstream:"))
    asked = f"Slot?schedule=Schedule/{SCHEDULE}&start=2023-09-21&end=2023-09-23"
    done = inside("translate", asked, "-c", path, "--now", "2023-09-20T10:00:00Z")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    bounds = {"StartDateTime": "2023-09-21T07:00:00.000Z", "EndDateTime": "2023-09-23T07:00:00.000Z"}
    assert told["queries"] == [{"body": bounds}]
    assert [each["params"]["schedule"] for each in told["searches"]] == [f"Schedule/{SCHEDULE}"]
    assert told["searches"][0]["params"]["start"] == "2023-09-20"


def test_a_search_that_cannot_be_answered(inside: Any) -> None:
    done = inside("translate", "Slot?start=soon", "-c", EVERY, "-s", "partner")
    assert done.returncode == 1
    outcome = json.loads(done.stdout)
    assert outcome["resourceType"] == "OperationOutcome"
    assert done.stderr.splitlines() == [f"error: {each['details']['text']}" for each in outcome["issue"]]


def test_a_message_for_redox(inside: Any, answer: Path) -> None:
    done = inside("translate", SAMPLE, "-c", EVERY, "-s", "partner", *NOW)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert list(told) == ["site", "queries", "ignored", "issues"]
    assert told["ignored"] == SEARCHES["ignored"]
    assert told["queries"][0]["method"] == "POST"
    assert "Patient" not in told["queries"][0]["body"]
    assert told["queries"][0]["body"]["Meta"] == POSTED["Meta"]
    done = inside("translate", SAMPLE, "-c", EVERY, "-s", "partner", "-a", answer, *NOW)
    starts = [each["DateTime"] for each in json.loads(done.stdout)["AvailableSlots"]]
    assert starts == ["2025-10-22T16:00:00.000Z", "2025-10-23T16:00:00.000Z"]


def test_what_cannot_be_meant(inside: Any, answer: Path) -> None:
    for arguments, text in (
        ((SEARCH, "-c", EVERY), "Say which --site: canvas, partner."),
        ((SEARCH, "-c", EVERY, "-s", "r4"), 'Site "r4" answers no FHIR clients: it has no "fhir:".'),
        ((SEARCH,), "No site of the demo configuration answers FHIR clients: none has"),
        ((SEARCH, "-c", EVERY, "-s", "partner", "-b", BUNDLE), "is Redox, which answers no Bundles; give"),
        ((SEARCH, "-c", EVERY, "-s", "canvas", "-a", answer), "is an EHR, which answers Bundles; give"),
        (("Slot/a/b", "-c", EVERY, "-s", "partner"), "'Slot/a/b' does not exist, and it is no search: Slot,"),
        (
            ("https://ehr.example/Appointment", "-c", EVERY),
            "A link is no file, and it is no search",
        ),
        (("nowhere.json",), "'nowhere.json' does not exist"),
    ):
        done = inside("translate", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert text in " ".join(done.stderr.split())


def test_fields_of_redox_s_answer_that_no_schema_has_are_named(inside: Any, tmp_path: Path) -> None:
    plain, changed = tmp_path / "plain.json", tmp_path / "changed.json"
    slots = [{**each, "Canary": 1} for each in ANSWER["AvailableSlots"]]
    plain.write_text(json.dumps(ANSWER))
    changed.write_text(json.dumps({**ANSWER, "AvailableSlots": slots}))
    first, second = (
        inside("translate", SEARCH, "--config", EVERY, "--site", "partner", *NOW, "--answer", each)
        for each in (plain, changed)
    )
    assert (first.returncode, first.stdout) == (second.returncode, second.stdout)
    said = "passed over, as Redox's schema does not have them: in AvailableSlotsResponse.AvailableSlots"
    assert second.stderr == f'{said} "Canary"\n{first.stderr}'
