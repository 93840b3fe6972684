"""What Redox sends beside its schema: passed over, unset, or read where it can mean one thing only."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redox.scheduling import AvailableSlotsResponse

from gateway.core import redox
from gateway.core.errors import InvalidMessage
from gateway.tables.build import schemas
from gateway.tables.compile.lenient import converter, decoder, lenient
from gateway.tables.compile.structs import checked
from gateway.tables.rows.schema import SchemaView
from tests import clinic
from tests.generated import ANYTHING, fitting, spoilt

VIEW = schemas()["AvailableSlots"]
DOCUMENT = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "text": {"type": ["string", "null"]},
        "number": {"type": "number"},
        "whole": {"type": "integer"},
        "flag": {"type": ["boolean", "null"]},
        "list": {"type": "array", "items": {"type": "string"}},
        "part": {"type": "object", "additionalProperties": False, "properties": {"text": {"type": "string"}}},
        "parts": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"list": {"type": "array", "items": {"type": "number"}}},
            },
        },
    },
}
SMALL = SchemaView(DOCUMENT)


@pytest.mark.parametrize(
    ("name", "sent", "read"),
    [
        ("text", 210, "210"),
        ("text", -3, "-3"),
        ("text", 12345678901234567890, "12345678901234567890"),
        ("text", True, True),
        ("text", 1.5, 1.5),
        ("text", 30.0, "30"),
        ("text", 4356789876.0, "4356789876"),
        ("text", -0.0, "0"),
        ("text", 1e15, 1e15),
        ("text", 1e300, 1e300),
        ("text", {}, {}),
        ("text", None, None),
        ("name", None, None),
        ("number", "30", 30),
        ("number", " 30 ", 30),
        ("number", "030", 30),
        ("number", "-7", -7),
        ("number", "30.0", 30),
        ("number", "30.5", 30.5),
        ("number", "30,5", "30,5"),
        ("number", "1e3", "1e3"),
        ("number", "0x10", "0x10"),
        ("number", "30 min", "30 min"),
        ("number", "\u0663\u0660", "\u0663\u0660"),
        ("number", "9" * 400, "9" * 400),
        ("number", "NaN", "NaN"),
        ("number", "", ""),
        ("number", True, True),
        ("whole", "30", 30),
        ("flag", "true", True),
        ("flag", " False ", False),
        ("flag", "yes", "yes"),
        ("flag", 1, 1),
        ("list", ["a", None, 5, None], ["a", "5"]),
        ("list", "a", "a"),
        ("part", [], []),
        ("part", {"text": 5, "x": {"text": 5}}, {"text": "5"}),
        ("parts", [{"list": None}, None, {"list": [None, "4"]}], [{}, {"list": [4]}]),
    ],
)
def test_what_is_read(name: str, sent: Any, read: Any) -> None:
    found = lenient({name: sent}, SMALL).value[name]
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    ("sent", "read"),
    [(1.5, "1.5"), (-0.25, "-0.25"), (30.0, "30"), (2, "2"), (1e300, 1e300), (1e-7, 1e-7), (True, True)],
)
def test_a_number_in_the_place_of_a_measure(sent: Any, read: Any) -> None:
    measures = {"part.text", "list"}
    assert lenient({"part": {"text": sent}}, SMALL, measures=measures).value == {"part": {"text": read}}
    assert lenient({"list": [sent]}, SMALL, measures=measures).value == {"list": [read]}


@pytest.mark.parametrize("name", ["list", "part", "parts"])
def test_null_for_a_list_or_an_object_is_unset(name: str) -> None:
    assert lenient({name: None, "name": "a"}, SMALL).value == {"name": "a"}


def test_what_no_schema_has_is_told_by_where_it_stands() -> None:
    sent = {"name": "a", "b": 1, "c": {}, "part": {"text": "", "d": 1}, "parts": [None, {"e": 2}, {"f": 3}]}
    found = lenient(sent, SMALL)
    assert found.value == {"name": "a", "part": {"text": ""}, "parts": [{}, {}]}
    assert found.passed_over == {"": ("b", "c"), "part": ("d",), "parts[0]": ("e",), "parts[1]": ("f",)}
    assert [found.sent(path) for path in found.passed_over] == ["", "part", "parts[1]", "parts[2]"]


def test_positions_are_those_that_were_sent() -> None:
    found = lenient({"parts": [None, {"list": [None, None, 1, None, 2]}, None, {"list": [3]}]}, SMALL)
    assert found.sent("parts[0].list[0]") == "parts[1].list[2]"
    assert found.sent("parts[0].list[1].x") == "parts[1].list[4].x"
    assert found.sent("parts[1].list[0]") == "parts[3].list[0]"
    assert found.sent("parts[7]") == "parts[7]"
    assert found.sent("text") == "text"
    assert lenient({"list": ["a"]}, SMALL).sent("list[0]") == "list[0]"


@given(fitting(VIEW, rich=4))
def test_what_fits_is_what_was_sent(value: Any) -> None:
    found = lenient(value, VIEW)
    assert found.value == value
    assert not found.passed_over


@settings(max_examples=150)
@given(spoilt(fitting(VIEW, rich=4)) | ANYTHING)
def test_reading_what_was_read_changes_nothing_more(value: Any) -> None:
    before = copy.deepcopy(value)
    found = lenient(value, VIEW)
    again = lenient(found.value, VIEW)
    assert again.value == found.value
    assert not again.passed_over
    assert value == before


def test_types_that_hold_a_part_are_filled_the_same_way() -> None:
    kind = checked("Small", SMALL, strict=False)
    decode, convert = decoder(kind, SMALL, None), converter(kind, SMALL, None)
    sent = {"name": 5, "list": [None, 7], "number": "30", "other": 1}
    for found in (decode(json.dumps(sent).encode()), convert(sent)):
        assert (found.name, found.list, found.number) == ("5", ["7"], 30)  # type: ignore[attr-defined]
    for wrong in ({"name": {}}, {}, [], {"name": "a", "number": "x"}):
        with pytest.raises(msgspec.ValidationError):
            decode(json.dumps(wrong).encode())
        with pytest.raises(msgspec.ValidationError):
            convert(wrong)


# --- messages ----------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(spoilt(st.just(clinic.sample())))
def test_whatever_is_read_is_answered_by_what_the_strict_models_take(value: Any) -> None:
    try:
        message = clinic.reader().read(json.dumps(value).encode())
    except InvalidMessage:
        return
    body = redox.reply(
        message.meta, "AvailableSlotsResponse", "2025-10-21T19:00:28.000Z", [], incomplete=False
    )
    AvailableSlotsResponse.model_validate(json.loads(body), strict=True)


@pytest.mark.parametrize("byte_order_mark", [b"", b"\xef\xbb\xbf"])
def test_retired_fields_nulls_and_numbers_are_no_fault(byte_order_mark: bytes) -> None:
    value = clinic.sample()
    plain = clinic.read(value)
    value["Meta"] |= {"Message": {"ID": 5}, "Transmission": {"ID": 6}}
    value["Meta"]["Destinations"] = [None, {**value["Meta"]["Destinations"][0], "Kind": "x"}]
    value["Visit"] |= {"Reasons": [None], "AttendingProviders": [None], "Canary": {"a": [1]}}
    value["Visit"]["VisitPreference"][0]["Duration"] = 30
    value["Visit"]["VisitType"][0]["Code"] = 210
    value["Patient"]["Diagnoses"] = None
    message = clinic.reader().read(byte_order_mark + json.dumps(value).encode())
    assert message.destinations == plain.destinations
    assert message.meta == plain.meta
    assert message.body.Visit.VisitPreference == plain.body.Visit.VisitPreference
    assert message.body.Visit.VisitType == plain.body.Visit.VisitType
    assert message.body.Visit.Reasons == []
    assert dict(message.passed_over) == {
        "Meta": ("Message", "Transmission"),
        "Meta.Destinations[1]": ("Kind",),
        "Visit": ("Canary",),
    }


def test_faults_are_told_where_they_were_sent() -> None:
    value = clinic.sample()
    value["Visit"]["VisitPreference"] = [None, None, {"Duration": []}]
    with pytest.raises(InvalidMessage) as caught:
        clinic.read(value)
    assert [issue.path for issue in caught.value.issues] == ["Visit.VisitPreference[2].Duration"]


def test_ids_that_are_numbers_are_read() -> None:
    value = clinic.sample()
    value["Meta"]["Destinations"], value["Meta"]["Logs"] = [{"ID": 17}], [{"ID": 12}]
    message = clinic.read(value)
    assert message.destinations == ("17",)
    assert message.meta["Logs"] == [{"ID": "12"}]
    assert redox.request_id(json.dumps(value).encode()) == "12"
