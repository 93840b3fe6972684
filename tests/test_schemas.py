"""The generated schemas: equal to the models they come from, valid, and of the same mind about messages."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.slot import Slot
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from redox.scheduling import AvailableSlots

from gateway import shipped
from tools import generate_schemas

SAMPLES = Path(__file__).parent / "samples"
SCHEMAS = shipped.folder("schemas")


def _sample(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return sample


def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))


def _faults(name: str, message: object) -> list[str]:
    return [error.message for error in _validator(name).iter_errors(message)]


def _with(message: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of the message with one place set: ``Visit.VisitPreference.0.Day``."""
    changed = copy.deepcopy(message)
    *way, last = path.split(".")
    place: Any = changed
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    return changed


def _properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        for key, part in schema.items():
            if key == "properties":
                yield from part.items()
            yield from _properties(part)


def test_the_files_are_what_the_models_say() -> None:
    rendered = generate_schemas.rendered()
    files = {
        str(path.relative_to(SCHEMAS)): path
        for room in ("redox", "fhir", "editor")
        for path in (SCHEMAS / room).iterdir()
    }
    assert files.keys() == rendered.keys()
    for name, path in files.items():
        assert path.read_text(encoding="utf-8") == rendered[name], (
            f"schemas/{name} is stale: run `make schemas`"
        )


@pytest.mark.parametrize(
    "path",
    sorted(path for path in SCHEMAS.rglob("*.json") if path.parent.name != "editor"),
    ids=lambda path: str(path.relative_to(SCHEMAS)),
)
def test_every_schema_is_valid(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", generate_schemas.FHIR_RESOURCES)
def test_every_fhir_property_names_its_type(name: str) -> None:
    schema = json.loads((SCHEMAS / "fhir" / f"{name}.json").read_text(encoding="utf-8"))
    properties = list(_properties({"properties": schema["properties"], "$defs": schema["$defs"]}))
    assert len(properties) > 50
    untyped = {key for key, part in properties if "x-fhir-type" not in part}
    assert untyped <= {"resourceType"}  # of a contained resource, which may be any


def test_the_samples_of_the_vendors_validate() -> None:
    bundle = _sample("canvas-slot-bundle")
    assert _faults("redox/AvailableSlots", _sample("redox-available-slots")) == []
    assert _faults("fhir/Bundle", bundle) == []
    assert [_faults("fhir/Slot", entry["resource"]) for entry in bundle["entry"]] == [[], [], []]


@pytest.mark.parametrize(
    ("path", "value", "valid"),
    [
        ("Extensions", {"anything": 1}, True),
        ("EndDateTime", None, True),
        ("Patient.Demographics.IsHispanic", None, True),
        ("Patient", None, False),  # an object or list may be absent, but not null
        ("Visit.VisitPreference", None, False),
        ("Visit.VisitPreference.0.Time", None, False),
        ("StartDateTime", None, False),
        ("Visit.VisitPreference.0.Day", "Tues", False),
        ("Visit.visitType", [], False),
        ("Meta.Destinations.0.ID", ["x"], False),
    ],
)
def test_schema_and_redox_model_agree(path: str, value: object, valid: bool) -> None:
    message = _with(_sample("redox-available-slots"), path, value)
    assert (_faults("redox/AvailableSlots", message) == []) is valid
    try:
        AvailableSlots.model_validate(message)
    except ValidationError:
        assert not valid
    else:
        assert valid


SLOT_CHANGES = [
    ("id", "Location.2-Staff.3640cd20de8a470aa570a852859ac87e", True),
    ("id", "under_score", False),
    ("id", "line\n", False),
    ("start", "2023-09-21T08:45:00.123456Z", True),
    ("start", "2023-09-21T08:45-07:00", False),  # an instant has seconds
    ("start", "2023-09-21T08:45:00", False),  # and a zone
    ("start", "2023-09-21", False),
    ("comment", "a\nb\n", True),
    ("comment", "", False),
    ("comment", 3, False),
    ("_start", {"id": "a"}, True),
    ("schedule", {"reference": "Schedule/1", "display": "One"}, True),
    ("serviceType", [{"coding": [{"system": "urn:x", "code": "a b"}]}], True),
    ("serviceType", [{"coding": [{"code": " a"}]}], False),
    ("serviceType", {}, False),
    ("extension", [{"url": "u", "valueString": "a"}], True),
    ("extension", [{"url": "u", "valueMoney": {"value": 1}}], True),
    ("extension", [{"url": "u", "valueString": "a", "valueCode": "b"}], False),
    ("extension", [{"valueString": "a"}], False),
    ("contained", [{"resourceType": "Patient"}], True),
    ("nope", 1, False),
]


@pytest.mark.parametrize(("path", "value", "valid"), SLOT_CHANGES)
def test_schema_and_fhir_model_agree(path: str, value: object, valid: bool) -> None:
    message = _with(_sample("canvas-slot-bundle")["entry"][0]["resource"], path, value)
    assert (_faults("fhir/Slot", message) == []) is valid
    try:
        Slot.model_validate(message)
    except ValidationError:
        assert not valid
    else:
        assert valid


def test_a_required_element_may_be_given_by_its_sibling() -> None:
    slot = _sample("canvas-slot-bundle")["entry"][0]["resource"]
    del slot["start"]
    assert len(_faults("fhir/Slot", slot)) == 1
    assert (
        _faults("fhir/Slot", {**slot, "_start": {"extension": [{"url": "u", "valueCode": "unknown"}]}}) == []
    )


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("status", "maybe", "'maybe' is not one of"),
        ("id", "x" * 65, "does not match"),
        ("schedule", None, "None is not of type 'object'"),
        ("comment", None, "None is not of type 'string'"),
        ("contained", [{"id": "a"}], "'resourceType' is a required property"),
    ],
)
def test_the_schema_holds_rules_of_r4_that_the_model_leaves_open(path: str, value: object, text: str) -> None:
    """Codes of a required binding, the length of an id, no nulls but in lists of primitives."""
    faults = _faults("fhir/Slot", _with(_sample("canvas-slot-bundle")["entry"][0]["resource"], path, value))
    assert len(faults) == 1
    assert text in faults[0]
