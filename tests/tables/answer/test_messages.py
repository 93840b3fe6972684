"""Messages: the fast check, JSON Schema and the `redox` models are of one mind, and faults are explained."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from redox.scheduling import AvailableSlots

from gateway.core.errors import InvalidMessage
from gateway.tables.answer import messages
from gateway.tables.build import schemas
from gateway.tables.rows.paths import parse
from gateway.tables.rows.schema import Found, kind_of
from tests import clinic
from tests.clinic import changed
from tests.generated import ANYTHING, fitting, spoilt

VIEW = schemas()["AvailableSlots"]
KIND = messages.kind("AvailableSlots", VIEW)
VALIDATOR = Draft202012Validator(VIEW.root)
CANARY = "Bixby-canary"


def fast(value: Any) -> bool:
    try:
        KIND.check(json.dumps(value).encode())
    except msgspec.MsgspecError:
        return False
    return True


def read(value: Any) -> Any:
    return KIND.read(value).value


def lenient(value: Any) -> bool:
    try:
        KIND.complete(read(value))
    except msgspec.MsgspecError:
        return False
    return True


def redox_accepts(value: Any) -> bool:
    try:
        AvailableSlots.model_validate(value, strict=True)
    except ValidationError:
        return False
    return True


def same(value: Any) -> None:
    """What all of them must agree on for any value."""
    accepted = VALIDATOR.is_valid(value)
    assert fast(value) == accepted
    # What is read leniently fits the schema, or is refused by both the check and its explanation.
    issues = KIND.explain(read(value)).issues
    assert lenient(value) == VALIDATOR.is_valid(read(value)) == (issues == ())
    assert accepted <= lenient(value)
    if accepted:
        assert redox_accepts(value)


@given(fitting(VIEW, rich=4))
def test_good_messages_are_accepted_by_all(value: Any) -> None:
    assert VALIDATOR.is_valid(value)
    same(value)


@settings(max_examples=150)
@given(spoilt(fitting(VIEW, rich=4)))
def test_spoilt_messages_are_refused_by_all_or_by_none(value: Any) -> None:
    same(value)


@settings(max_examples=150)
@given(spoilt(st.just(clinic.sample())))
def test_the_sample_spoilt_is_refused_by_all_or_by_none(value: Any) -> None:
    same(value)


@given(ANYTHING)
def test_any_value_is_judged_alike(value: Any) -> None:
    same(value)


@settings(max_examples=150)
@given(spoilt(fitting(VIEW, rich=4)))
def test_the_models_refuse_what_we_refuse(value: Any) -> None:
    """As far as they say the same: the models take numbers for text.

    The package has ``coerce_numbers_to_str`` on, so that a Duration of 30 is the text "30" to it; the schema
    made from it, and so our check, wants text. Nothing else is known to differ.
    """
    if not VALIDATOR.is_valid(value):
        numbers = [e for e in VALIDATOR.iter_errors(value) if _is_number_for_text(e)]
        others = [e for e in VALIDATOR.iter_errors(value) if not _is_number_for_text(e)]
        assert numbers or not redox_accepts(value)
        if others:
            assert not redox_accepts(value)


def _is_number_for_text(error: Any) -> bool:
    number = isinstance(error.instance, int | float) and not isinstance(error.instance, bool)
    return error.validator == "type" and number and "string" in error.validator_value


@pytest.mark.parametrize(
    "path",
    [
        "Visit",
        "Patient",
        "Meta.Logs",
        "Visit.VisitPreference",
        "Patient.Demographics",
        "Visit.Locations.0.SpecialtyDepartment",
        "Visit.VisitPreference.0.Day",
        "Visit.VisitPreference.0",
        "Visit.Reasons.0",
    ],
)
def test_null_for_a_part_that_is_not_set_is_read_as_left_out(path: str) -> None:
    value = changed(clinic.sample(), path, None)
    assert not fast(value)
    assert lenient(value)
    assert KIND.explain(read(value)).issues == ()


@pytest.mark.parametrize("path", ["Meta", "StartDateTime", "Meta.DataModel"])
def test_null_for_what_must_be_there_is_refused(path: str) -> None:
    value = changed(clinic.sample(), path, None)
    assert not fast(value)
    assert not lenient(value)
    assert KIND.explain(read(value)).issues


FAULTS = {
    "StartDateTime": 5.5,
    "EndDateTime": True,
    "Visit.VisitPreference.0.Duration": False,
    "Visit.VisitPreference.0.Day": "Tues",
    "Visit.VisitPreference.0.Time": [{}, "1100"],
    "Visit.VisitType.0.Code": {},
    "Visit.Reasons": [[]],
    "Visit.AttendingProviders": {},
    "Meta.Test": "yes",
    "Patient.Demographics.IsDeceased": CANARY,
    "Patient.Identifiers.1.ID": False,
    "Patient.Notes": CANARY,
}


def test_an_explanation_names_every_fault_with_its_path_and_quotes_nothing() -> None:
    value = clinic.sample()
    for path, wrong in FAULTS.items():
        value = changed(value, path, wrong)
    del value["Meta"]["EventType"]
    issues = KIND.explain(read(value)).issues
    assert [str(issue) for issue in issues] == [
        "EndDateTime: must be text or null, not true or false",
        "Meta.EventType: is missing",
        "Meta.Test: must be true or false or null, not text",
        "Patient.Demographics.IsDeceased: must be true or false or null, not text",
        "Patient.Identifiers[1].ID: must be text or null, not true or false",
        "Patient.Notes: must be a list, not text",
        "StartDateTime: must be text, not a number",
        "Visit.AttendingProviders: must be a list, not an object",
        "Visit.Reasons[0]: must be text, not a list",
        "Visit.VisitPreference[0].Day: must be a list, not text",
        "Visit.VisitPreference[0].Duration: must be text or null, not true or false",
        "Visit.VisitPreference[0].Time[0]: must be text, not an object",
        "Visit.VisitType[0].Code: must be text or null, not an object",
    ]
    assert CANARY not in "".join(map(str, issues))


@settings(max_examples=200)
@given(st.data())
def test_nothing_of_a_patient_is_ever_in_an_explanation(data: st.DataObject) -> None:
    """Texts, names of unknown fields and numbers below Patient are all the canary."""
    value = clinic.sample()
    value["Patient"] = data.draw(spoilt(st.just(_poisoned(value["Patient"]))))
    value["Visit"]["Reasons"] = data.draw(st.sampled_from([[CANARY, {CANARY: CANARY}], CANARY, {CANARY: 1}]))
    for issue in KIND.explain(read(value)).issues:
        assert CANARY not in str(issue)


def _poisoned(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{name: _poisoned(child) for name, child in value.items()}, CANARY: {CANARY: [CANARY]}}
    return [*map(_poisoned, value), CANARY] if isinstance(value, list) else CANARY


def test_only_the_events_of_the_list_are_understood() -> None:
    assert set(messages.kinds(schemas())) == {("Scheduling", "AvailableSlots")}


def test_what_says_how_much_of_something_is_a_text_of_its_schema() -> None:
    assert messages.MEASURES.keys() == set(messages.EVENTS.values())
    for name, fields in messages.MEASURES.items():
        for each in fields:
            found = schemas()[name].find(parse(each))
            assert isinstance(found, Found)
            assert kind_of(found.schema) == "string"


def test_a_length_of_one_and_a_half_hours_may_be_a_number() -> None:
    for sent, told in ((1.5, "1.5"), (90, "90"), (90.0, "90")):
        message = clinic.query(VisitPreference=[{"Duration": sent, "DurationUnit": "hours"}])
        assert clinic.read(message).body.Visit.VisitPreference[0].Duration == told
    with pytest.raises(InvalidMessage):
        clinic.read(clinic.query(VisitType=[{"Code": 1.5}]))
