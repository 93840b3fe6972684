"""``gateway translate --bundle``: each search gets what a live EHR would answer to it, in its own bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.assemble import CheckedConfiguration, check_configuration
from gateway.core.errors import UpstreamFailed
from gateway.core.plan import Reply
from gateway.offline.canned import Canned, CannedBundle
from gateway.offline.site import Offline, offline, reader

TOP = Path(__file__).resolve().parents[2]

NOW = datetime(2025, 10, 20, 12, tzinfo=UTC)
R4 = 1
DAY = "2025-10-22"


@pytest.fixture(scope="module")
def every() -> CheckedConfiguration:
    return check_configuration(TOP / "tests" / "samples" / "every-dialect" / "gateway.yaml", {})


def slot(schedule: str, time: str, zone: str = "-04:00", **changed: Any) -> dict[str, Any]:
    bounds = {"start": f"{DAY}T{time}:00{zone}", "end": f"{DAY}T{time[:3]}20:00{zone}"}
    named = {"reference": f"Schedule/{schedule}"}
    return {
        "resourceType": "Slot",
        "id": f"s{time[:2]}",
        "schedule": named,
        "status": "free",
        **bounds,
    } | changed


def schedule(name: str, **changed: Any) -> dict[str, Any]:
    return {"resourceType": "Schedule", "id": name, **changed}


def text_of(*resources: dict[str, Any], **changed: Any) -> bytes:
    entries = [{"resource": each} for each in resources]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries, **changed}).encode()


def canned(*texts: bytes) -> Canned:
    return Canned(tuple(CannedBundle(text, json.loads(text)) for text in texts))


def asked(every: CheckedConfiguration, *texts: bytes, **visit: Any) -> tuple[Offline, Reply]:
    message = {
        "Meta": {"DataModel": "Scheduling", "EventType": "AvailableSlots", "Destinations": [{"ID": "r4"}]},
        "StartDateTime": f"{DAY}T00:00:00Z",
        "Visit": visit,
    }
    here = offline(every, R4, canned(*texts))
    return here, here.answer(reader().read(json.dumps(message).encode()), NOW)


def times(reply: Reply) -> list[str]:
    return [each["DateTime"][11:16] for each in json.loads(reply.body)["AvailableSlots"]]


def incomplete(reply: Reply) -> bool:
    return json.loads(reply.body)["Meta"].get("IsIncomplete", False) is True


def test_slots_that_nobody_can_read_are_no_answer(every: CheckedConfiguration) -> None:
    broken = [text_of(slot("7", "09:00", "")), text_of(schedule("7"))]
    with pytest.raises(UpstreamFailed, match="cannot be read"):
        asked(every, *broken)
    here = offline(every, R4, canned(*broken))
    assert here.unread() == ()  # no directory was asked for yet
    with pytest.raises(UpstreamFailed):
        here.answer(reader().read(query_of({})), NOW)
    assert [(each.severity, each.path) for each in here.unread()] == [("warning", "Slot.start")]


def query_of(visit: dict[str, Any]) -> bytes:
    meta = {"DataModel": "Scheduling", "EventType": "AvailableSlots", "Destinations": [{"ID": "r4"}]}
    return json.dumps({"Meta": meta, "StartDateTime": f"{DAY}T00:00:00Z", "Visit": visit}).encode()


def test_a_schedule_that_can_be_read_makes_an_answer_that_is_incomplete(every: CheckedConfiguration) -> None:
    _, reply = asked(every, text_of(slot("7", "09:00", ""), slot("8", "10:00")))
    assert (times(reply), incomplete(reply)) == (["14:00"], True)


def test_each_search_gets_the_slots_of_its_schedules(every: CheckedConfiguration) -> None:
    here, reply = asked(every, text_of(slot("7", "09:00"), slot("8", "10:00"), slot("7", "11:00")))
    assert (times(reply), incomplete(reply)) == (["13:00", "14:00", "15:00"], False)
    assert reply.counts["received"] == 3
    assert all(call.subject for call in here.calls)


def test_slots_are_read_in_the_zone_of_their_own_schedule(every: CheckedConfiguration) -> None:
    zone = [{"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": "America/Denver"}]
    texts = (
        text_of(schedule("7"), schedule("8", extension=zone)),
        text_of(slot("7", "12:00"), slot("8", "12:00")),
    )
    _, reply = asked(every, *texts)
    assert len(times(reply)) == 2


@pytest.mark.parametrize(
    ("texts", "more"),
    [
        ([text_of(slot("7", "09:00"))], False),
        ([text_of(slot("7", "09:00"), link=[{"relation": "self", "url": "a"}])], False),
        ([text_of(slot("7", "09:00"), link=[{"relation": "next", "url": "a"}])], True),
        (
            [
                text_of(slot("7", "09:00"), link=[{"relation": "next", "url": "a"}]),
                text_of(slot("7", "10:00")),
            ],
            False,
        ),
    ],
)
def test_a_page_that_was_not_given_is_missing(
    every: CheckedConfiguration, texts: list[bytes], more: bool
) -> None:
    _, reply = asked(every, *texts)
    assert incomplete(reply) == more
    assert [each.text for each in reply.issues] == ["there is a next page, which was not given"] * more


def test_an_error_of_the_ehrs_beside_its_slots_is_told(every: CheckedConfiguration) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    _, reply = asked(every, text_of(slot("7", "09:00"), outcome))
    assert (times(reply), incomplete(reply)) == (["13:00"], True)


def test_what_a_decoder_refuses_is_not_made_good(every: CheckedConfiguration) -> None:
    """NaN is no JSON (RFC 8259, section 6), though Python reads and writes it."""
    text = text_of(slot("7", "09:00")).replace(b'"free"', b'"free", "comment": NaN')
    with pytest.raises(UpstreamFailed):
        asked(every, text, text_of(schedule("7")))


def test_bundles_of_the_directory_are_no_pages_of_slots(every: CheckedConfiguration, tmp_path: Path) -> None:
    people = {"resourceType": "Practitioner", "id": "p", "name": [{"family": "Granite", "given": ["Pat"]}]}
    actor = [{"reference": "Practitioner/p"}]
    _, reply = asked(every, text_of(people), text_of(schedule("7", actor=actor), slot("7", "09:00")))
    assert json.loads(reply.body)["AvailableSlots"][0]["Provider"]["LastName"] == "Granite"
    assert not incomplete(reply)
