"""The searches that the shipped dialects put to their EHRs, and what they cannot ask for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.core import flows
from gateway.core.errors import NotKnownHere, UpstreamFailed
from gateway.core.plan import Answer, Call, Reply
from gateway.shipped import folder
from gateway.tables.answer.site import SiteTables
from tests import clinic
from tests.clinic import DIRECTORY, GRANITE_HOSPITAL, GRANITE_JUNIPER, NOW, SLATE_HOSPITAL, Json, Transcript

WINDOW = (("start", "ge2025-10-22T07:00:00.000Z"), ("start", "lt2025-10-23T07:00:00.000Z"))
COUNT = ("_count", "100")
FREE = ("status", "free")
NINE, TWENTY_PAST = "2025-10-22T09:00:00-07:00", "2025-10-22T09:20:00-07:00"
ORACLE_CSV = """\
schedule,practitioner,provider_id,provider_id_type,last_name
s-1,2578010,1,NPI,Granite
s-2,2578011,2,NPI,Slate
s-3,,3,NPI,Marsh
"""


def played(
    mapping: SiteTables, answer: Any, *, start: str = "2025-10-22", **visit: Any
) -> tuple[tuple[Call, ...], Reply]:
    message = clinic.read(clinic.query(start=start, end="2025-10-22", **visit))
    transcript = Transcript(flows.available_slots(message, clinic.rules(), mapping, NOW), answer)
    reply = transcript.play()
    return transcript.asked["slots"], reply


def answering(*slots: Json) -> Any:
    """Every Slot search brings these slots, whatever it asked for."""

    def answer(call: Call) -> Answer:
        return clinic.directory(call) if call.target in DIRECTORY else Answer(call, (clinic.bundle(*slots),))

    return answer


# --- fhir-r4 ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def r4(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return clinic.tables(tmp_path_factory.mktemp("r4"), "fhir-r4")


def test_r4_asks_with_both_bounds_on_start_and_for_free_slots(r4: SiteTables) -> None:
    (call,), _ = played(r4, answering(), Locations=[{"Room": "138"}])
    sorting = ("_sort", "start")
    first, (name, last) = WINDOW
    assert last == "lt2025-10-23T07:00:00.000Z"
    # A time of 20 minutes that begins in the window may be made of slots that begin after it.
    bounds = (first, (name, "lt2025-10-23T07:20:00.000Z"))
    assert call.params == (("schedule", f"Schedule/{SLATE_HOSPITAL}"), FREE, sorting, *bounds, COUNT)


def test_r4_asks_for_several_schedules_in_one_search(r4: SiteTables) -> None:
    slots = [
        clinic.slot(NINE, TWENTY_PAST, of=each)
        for each in (GRANITE_HOSPITAL, GRANITE_JUNIPER, SLATE_HOSPITAL)
    ]
    (call,), reply = played(r4, answering(*slots, clinic.slot(NINE, TWENTY_PAST, of="another")))
    asked = dict(call.params)["schedule"].split(",")
    assert sorted(asked) == sorted(
        f"Schedule/{each}" for each in (GRANITE_HOSPITAL, GRANITE_JUNIPER, SLATE_HOSPITAL)
    )
    assert reply.counts["slots"] == 3
    assert reply.counts["stray"] == 1


def test_r4_puts_at_most_twenty_schedules_into_a_search(r4: SiteTables, tmp_path: Path) -> None:
    many = [clinic.schedule(f"s-{each:02}", "") for each in range(45)]

    def answer(call: Call) -> Answer:
        return Answer(call, (clinic.bundle(*(many if call.target == "Schedule" else ())),))

    bare = clinic.tables(tmp_path, "fhir-r4", csv="schedule\n")
    calls, _ = played(bare, answer)
    sizes = [len(dict(call.params)["schedule"].split(",")) for call in calls]
    assert sizes == [20, 20, 5]
    assert len({each for call in calls for each in dict(call.params)["schedule"].split(",")}) == 45


def test_r4_asks_for_one_length_only_by_leaving_out_what_is_shorter(r4: SiteTables) -> None:
    short, long = (
        clinic.slot(NINE, "2025-10-22T09:15:00-07:00"),
        clinic.slot(NINE, "2025-10-22T09:30:00-07:00"),
    )
    calls, reply = played(
        r4, answering(short, long), VisitPreference=[{"Duration": "30", "DurationUnit": "minutes"}]
    )
    assert [name for name, _ in calls[0].params].count("duration") == 0
    assert (reply.counts["slots"], reply.counts["unfit"]) == (1, 1)


def test_r4_leaves_out_what_is_not_free_whatever_the_server_makes_of_status(r4: SiteTables) -> None:
    _, reply = played(r4, answering(clinic.slot(NINE, TWENTY_PAST, status="busy")))
    assert (reply.counts["slots"], reply.counts["occupied"]) == (0, 1)


def test_r4_entries_of_other_types_are_passed_over(tmp_path: Path) -> None:
    """What an `_include` brings along does no harm, so that a fixed row may ask for it."""
    site = tmp_path / "sites" / "clinic"
    site.mkdir(parents=True)
    row = "  - key: schedules come along\n    param: _include\n    value: Slot:schedule\n"
    (site / "query.yaml").write_text(f"over: available-slots.query\nrows:\n{row}", "utf-8")
    mapping = clinic.tables(tmp_path, "fhir-r4")
    included = clinic.schedule(GRANITE_HOSPITAL, "")
    (call,), reply = played(mapping, answering(clinic.slot(NINE, TWENTY_PAST), included))
    assert ("_include", "Slot:schedule") in call.params
    assert (reply.counts["slots"], reply.counts["incomplete"]) == (1, 0)


# --- oracle-millennium (its answers: tests/test_oracle_health.py) -------------------------------------


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    folder = tmp_path_factory.mktemp("oracle")
    (folder / "codes").mkdir()
    (folder / "codes" / "visit-types.csv").write_text("redox_code,fhir_code\nOFFICE,4047611\n", "utf-8")
    return clinic.tables(folder, "oracle-millennium", ORACLE_CSV)


def test_oracle_schedules_without_a_practitioner_make_the_answer_incomplete(oracle: SiteTables) -> None:
    (call,), reply = played(oracle, answering(clinic.slot(NINE, TWENTY_PAST, of="s-1")))
    assert dict(call.params)["schedule.actor"] == "Practitioner/2578010,Practitioner/2578011"
    assert json.loads(reply.body)["Meta"]["IsIncomplete"] is True
    issue = next(each for each in reply.issues if each.path == "schedules.csv")
    assert issue.severity == "warning"
    assert issue.text == (
        '"s-3" cannot be asked for: a search needs "practitioner" or "location_id" of the directory, '
        "empty there; fill it in schedules.csv"
    )


def test_oracle_asked_only_for_what_cannot_be_asked_is_an_error(oracle: SiteTables) -> None:
    with pytest.raises(NotKnownHere, match='"s-3" cannot be asked for'):
        played(oracle, answering(), AttendingProviders=[{"ID": "3", "IDType": "NPI"}])


def test_what_is_missing_may_be_in_the_part_of_the_directory_that_failed(tmp_path: Path) -> None:
    layer = """\
over: available-slots.query
rows:
  - row: the schedule asked
    directory: practitioner
    codec: reference(Practitioner)
    param: schedule.actor
    example: {directory: a, param: Practitioner/a}
"""
    site = tmp_path / "sites" / "clinic"
    site.mkdir(parents=True)
    (site / "query.yaml").write_text(layer, "utf-8")
    mapping = clinic.tables(tmp_path, "fhir-r4")

    def answer(call: Call) -> Any:
        return clinic.failing()(call) if call.target == "Practitioner" else clinic.directory(call)

    with pytest.raises(UpstreamFailed, match="cannot be asked for"):
        played(mapping, answer)


# --- whichever --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["canvas", "fhir-r4", "oracle-millennium"])
def test_a_schedule_that_no_ehr_can_have_is_a_fault_of_the_csv(tmp_path: Path, dialect: str) -> None:
    with pytest.raises(Exception, match=r'schedules\.csv:2:1: "Room 5" is no id that an EHR can have'):
        clinic.tables(tmp_path, dialect, "schedule\nRoom 5\n")


def test_and_none_where_redox_is_asked(tmp_path: Path) -> None:
    assert len(clinic.tables(tmp_path, "redox", "schedule,room\nRoom 5,5\n").own_directory.lines) == 1


# --- docs/dialects.md -------------------------------------------------------------------------------

PAGE = Path(__file__).parents[3] / "docs" / "dialects.md"


def test_the_dialect_that_the_page_shows_works_as_it_says(tmp_path: Path) -> None:
    for name, text in re.findall(r"```yaml\n# mappings/(\S+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    codes = "redox_code,redox_system,fhir_code,fhir_system\n210,DNER15,308335008,http://snomed.info/sct\n"
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "visit-types.csv").write_text(codes, "utf-8")
    mapping = clinic.tables(tmp_path, "example")
    assert ("active", "true") in next(
        c.params for c in mapping.directory_calls() if c.target == "Practitioner"
    )
    (call,), _ = played(
        mapping,
        answering(),
        VisitPreference=[{"Duration": "1", "DurationUnit": "hour"}],
        VisitType=[{"Code": "210", "Codeset": "DNER15"}],
    )
    assert call.params == (
        ("actor", f"Practitioner/{clinic.GRANITE},Practitioner/{clinic.SLATE}"),
        ("_include", "Slot:schedule"),
        *WINDOW,
        ("_count", "50"),
        ("appointment-type", "http://snomed.info/sct|308335008"),
        ("slot-length", "60"),
    )


def test_the_page_has_every_key_with_its_default() -> None:
    known = json.loads((folder("schemas") / "dialect.json").read_bytes())["properties"]["dialect"][
        "properties"
    ]
    told = re.findall(r"^\| `([a-z_]+)` \| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert [key for key, _ in told] == list(known)
    base = yaml.safe_load((folder("mappings") / "base" / "dialect.yaml").read_text("utf-8"))["dialect"]
    for key, default in told:
        if default.startswith("`"):
            assert yaml.safe_load(default.strip("`")) == base[key]


@pytest.mark.parametrize("identity", ["e" * 70, "a_b~c:d", "Location.1-Staff.2"])
def test_an_ehr_is_asked_by_its_own_ids_letter_by_letter(tmp_path: Path, identity: str) -> None:
    def answer(call: Call) -> Answer:
        found = {"Schedule": [clinic.schedule(identity, "")]}.get(call.target, [])
        slots = [clinic.slot(NINE, TWENTY_PAST, of=identity)] if call.target == "Slot" else []
        return Answer(call, (clinic.bundle(*found, *slots),))

    (call,), reply = played(clinic.tables(tmp_path, "fhir-r4", "schedule\n"), answer)
    assert dict(call.params)["schedule"] == f"Schedule/{identity}"
    assert reply.counts["slots"] == 1
