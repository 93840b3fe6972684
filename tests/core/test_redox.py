"""The envelope: which messages are read, what is echoed, and the shape of an error body."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redox.scheduling import AvailableSlotsResponse

from gateway.core import redox
from gateway.core.errors import GatewayError, InvalidMessage, Issue, NotKnownHere, UpstreamFailed
from tests import clinic

CANARY = "Canary-Bixby"


def faults(body: bytes) -> list[str]:
    with pytest.raises(InvalidMessage) as caught:
        clinic.reader().read(body)
    return [str(issue) for issue in caught.value.issues]


def test_the_sample_is_read() -> None:
    message = clinic.read(clinic.sample())
    assert message.event == "AvailableSlots"
    assert message.meta == clinic.sample()["Meta"]
    assert message.destinations == ("af394f14-b34a-464f-8d24-895f370af4c9",)
    assert message.body.StartDateTime == "2025-10-21T19:00:27.415Z"


@pytest.mark.parametrize("sent", ["12345", " 12345 ", 12345, 12345.0])
def test_a_destination_is_read_as_any_other_id(sent: Any) -> None:
    message = clinic.sample()
    message["Meta"]["Destinations"] = [None, {"ID": None}, {"ID": sent}]
    message["Meta"]["Logs"] = [{"ID": sent}]
    assert clinic.read(message).destinations == ("12345",)
    assert redox.request_id(json.dumps(message).encode()) == "12345"


@pytest.mark.parametrize("sent", [1.5, True, [], {}])
def test_a_destination_that_is_no_text_is_told(sent: Any) -> None:
    message = clinic.sample()
    message["Meta"]["Destinations"] = [{"ID": sent}]
    (said,) = faults(json.dumps(message).encode())
    assert said.startswith("Meta.Destinations[0].ID: must be text or null, not ")


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (b"", ["the body is not JSON in UTF-8"]),
        (b'{"Meta": Canary-Bixby}', ["the body is not JSON in UTF-8 at byte 9"]),
        (b'{"Meta": "\xff"}', ["the body is not JSON in UTF-8"]),
        (b"[]", ["the body must be one JSON object, a Redox message"]),
        (b'"x"', ["the body must be one JSON object, a Redox message"]),
        (b"{}", ["Meta: is missing; a Redox message has an object Meta"]),
        (b'{"Meta": []}', ["Meta: must be an object with DataModel, EventType and Destinations"]),
        (
            b'{"Meta": {}}',
            [
                "Meta.DataModel: is missing; understood: Scheduling.AvailableSlots",
                "Meta.EventType: is missing; understood: Scheduling.AvailableSlots",
            ],
        ),
        (
            b'{"Meta": {"DataModel": "Scheduling", "EventType": "os.system"}}',
            ["Meta.EventType: this event is not understood here; understood: Scheduling.AvailableSlots"],
        ),
        (
            b'{"Meta": {"DataModel": "Scheduling", "EventType": "AvailableSlots", "Logs": 3, "Test": "x"}}',
            [
                "Meta.Logs: must be a list, not a number",
                "Meta.Test: must be true or false or null, not text",
                "StartDateTime: is missing",
            ],
        ),
        (b'{"Meta": {"DataModel": 1}}', ["Meta: cannot be read as the Meta of a Redox message"]),
    ],
)
def test_what_is_no_message_is_refused_with_every_fault(body: bytes, texts: list[str]) -> None:
    assert faults(body) == texts


def test_a_body_that_is_nested_deeper_than_can_be_read_is_refused() -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)  # as it is where nobody sets it; a library of the tests does
    try:
        assert faults(b"[" * 5_000) == ["the body is nested too deeply"]
    finally:
        sys.setrecursionlimit(before)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_and_nothing_else_is_raised(body: bytes) -> None:
    assert faults(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["Meta", "DataModel", "EventType", "Logs", "ID", "x"]), inner, max_size=3
            )
        ),
    )
)
def test_any_json_is_refused_and_nothing_else_is_raised(value: Any) -> None:
    body = msgspec.json.encode(value)
    assert faults(body)
    assert redox.request_id(body) is None or isinstance(redox.request_id(body), str)
    assert b"Errors" in redox.error_reply(NotKnownHere(), body)


def test_every_fault_below_patient_is_named_and_nothing_of_it_quoted() -> None:
    message = clinic.sample()
    message["Patient"]["Demographics"]["DOB"] = {CANARY: CANARY}
    message["Patient"]["Identifiers"][1]["ID"] = [CANARY]
    message["Patient"]["Demographics"]["Address"] = CANARY
    message["Patient"]["Notes"] = [CANARY, True]
    message["Visit"]["Reasons"] = CANARY
    texts = faults(json.dumps(message).encode())
    assert [text.partition(": ")[0] for text in texts] == [
        "Patient.Demographics.Address",
        "Patient.Demographics.DOB",
        "Patient.Identifiers[1].ID",
        "Patient.Notes[1]",
        "Visit.Reasons",
    ]
    assert CANARY not in "".join(texts)


@pytest.mark.parametrize(
    ("logs", "found"),
    [
        ([{"ID": "d9f5d293-7110-461e-a875-3beb089e79f3"}], "d9f5d293-7110-461e-a875-3beb089e79f3"),
        ([{"ID": "one"}, {"ID": "two"}], "one"),
        ([{"ID": "a b"}], None),
        ([{"ID": "x" * 65}], None),
        ([{"ID": "a\nb"}], None),
        ([{"ID": ""}], None),
        ([{"ID": None}], None),
        ([], None),
        (None, None),
        ([{"ID": 7}], "7"),
        ([None, {"ID": "two"}], "two"),
        ([{"ID": []}], None),
    ],
)
def test_the_request_id_is_the_first_log_id_if_it_is_plain(logs: Any, found: str | None) -> None:
    assert redox.request_id(json.dumps({"Meta": {"Logs": logs}, "rest": 1}).encode()) == found


def test_the_reply_echoes_the_envelope_unswapped() -> None:
    meta = clinic.sample()["Meta"]
    slot = '{"DateTime":"2025-10-28T17:00:00.000Z","Duration":30}'
    body = json.loads(
        redox.reply(meta, "AvailableSlotsResponse", "2025-10-21T19:00:28.000Z", [slot, slot], incomplete=True)
    )
    AvailableSlotsResponse.model_validate(body, strict=True)
    assert body["Meta"] == meta | {
        "EventType": "AvailableSlotsResponse",
        "EventDateTime": "2025-10-21T19:00:28.000Z",
        "IsIncomplete": True,
    }
    assert body["AvailableSlots"] == [json.loads(slot)] * 2
    whole = json.loads(redox.reply({**meta, "IsIncomplete": True}, "E", "now", [], incomplete=False))
    assert "IsIncomplete" not in whole["Meta"]
    assert whole["AvailableSlots"] == []


def test_an_error_body_has_every_fault_and_the_plain_envelope_only() -> None:
    body = json.dumps(clinic.sample() | {"Extra": CANARY}).encode()
    error = NotKnownHere(Issue("not-found", "Visit.Locations[0].Room", "no"), Issue("not-found", "", "all"))
    assert json.loads(redox.error_reply(error, body)) == {
        "Meta": {
            **{name: value for name, value in clinic.sample()["Meta"].items() if name != "EventDateTime"},
            "Errors": [
                {"ID": 1, "Text": "Visit.Locations[0].Room: no", "Type": "query", "Module": "DataModels"},
                {"ID": 2, "Text": "all", "Type": "query", "Module": "DataModels"},
            ],
        }
    }


@pytest.mark.parametrize(
    ("error", "kind", "module"),
    [
        (InvalidMessage(), "message", "DataModels"),
        (NotKnownHere(), "query", "DataModels"),
        (UpstreamFailed(), "transmission", "Send"),
        (UpstreamFailed(redox_type="query"), "query", "DataModels"),
    ],
)
def test_an_error_says_of_which_type_it_is(error: GatewayError, kind: str, module: str) -> None:
    (told,) = json.loads(redox.error_reply(error, None))["Meta"]["Errors"]
    assert (told["Type"], told["Module"], told["ID"]) == (kind, module, 1)
    assert told["Text"]


def test_what_is_unset_is_not_echoed_in_an_error() -> None:
    meta = {"DataModel": "Scheduling", "EventType": "AvailableSlots", "Source": None, "Logs": None}
    echoed = json.loads(redox.error_reply(NotKnownHere(), json.dumps({"Meta": meta}).encode()))["Meta"]
    assert list(echoed) == ["DataModel", "EventType", "Errors"]


@pytest.mark.parametrize("body", [b"", None, b"not json", b"[1]", b'{"Meta": {"Logs": 1}}', b"[" * 5000])
def test_what_cannot_be_read_is_not_echoed(body: bytes | None) -> None:
    assert list(json.loads(redox.error_reply(NotKnownHere(), body))["Meta"]) == ["Errors"]
