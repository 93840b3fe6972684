"""What a message may hold of everything, and that its faults are told within bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.core.errors import InvalidMessage
from gateway.core.redox import FaultyMessage
from gateway.core.told import MOST_FOUND
from gateway.tables.answer.bounds import most_characters, most_items
from gateway.tables.build import schemas
from gateway.tables.rows.schema import SchemaView
from tests import clinic

VIEW = schemas()["AvailableSlots"]


def lists(
    view: SchemaView, schema: Any = None, path: str = "", place: str = ""
) -> list[tuple[str, str, Any]]:
    """(dotted name, the same with an index in every list above, schema of the items) of every list."""
    found = []
    for name, child in view.children(view.root if schema is None else schema).items():
        inner = (f"{path}.{name}".lstrip("."), f"{place}.{name}".lstrip("."))
        item = view.item(child)
        if item is not None:
            found.append((*inner, item))
        below = item if item is not None else child
        found += lists(view, below, inner[0], inner[1] + (".0" if item is not None else ""))
    return found


def least(schema: Any) -> Any:
    """The smallest value that a schema takes."""
    target = VIEW.resolve(schema)
    if "properties" in target:
        return {name: least(target["properties"][name]) for name in target.get("required", ())}
    return ""


def put(place: str, value: Any) -> bytes:
    """The sample with a value at a dotted place; a list above it has that one item only."""
    message = clinic.sample()
    steps = place.split(".")
    here: Any = message
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        name: Any = 0 if step == "0" else step
        if step == "0":
            here[:] = here[:1] or [{}]
        if following is None:
            here[name] = value
        elif following == "0":
            here[name] = here.get(name) or [{}]
        elif not isinstance(here, dict) or not here.get(name):
            here[name] = here[0] if name == 0 else {}
        here = here[name]
    return json.dumps(message).encode()


def faults(body: bytes) -> list[str]:
    with pytest.raises(InvalidMessage) as caught:
        clinic.reader().read(body)
    return [str(issue) for issue in caught.value.issues]


@pytest.mark.parametrize(("path", "place", "item"), lists(VIEW), ids=lambda each: str(each)[:60])
def test_every_list_has_a_bound_and_one_fault_tells_it(path: str, place: str, item: Any) -> None:
    most = most_items(path)
    assert clinic.reader().read(put(place, [least(item)] * most))
    at = place.replace(".0", "[0]")
    expected = f"{at}: has {most + 1:,} items; at most {most:,} can be sent"
    assert faults(put(place, [least(item)] * (most + 1))) == [expected]
    # Wrong items add nothing to it.
    assert faults(put(place, [True] * (most + 1))) == [expected]


@pytest.mark.parametrize("path", [each for each in VIEW.leaves() if "." in each and "Extensions" not in each])
def test_every_text_has_a_bound_but_those_of_a_patient(path: str) -> None:
    place = path
    for dotted, inner, _ in lists(VIEW):
        if path == dotted:
            place = f"{inner}.0"
        elif path.startswith(f"{dotted}."):
            place = f"{inner}.0{path[len(dotted) :]}"
    if path in {"Meta.DataModel", "Meta.EventType"}:
        return  # what is no event that is understood is told as that
    try:
        clinic.reader().read(put(place, "a" * (most_characters(path) or 30_000)))
    except InvalidMessage as error:
        assert [issue.text for issue in error.issues] == ["must be true or false or null, not text"]
        return
    most = most_characters(path)
    assert (most is None) == path.startswith("Patient.")
    if most is not None:
        [text] = faults(put(place, "a" * (most + 1)))
        assert text.endswith(f": is {most + 1:,} characters long; at most {most:,} can be sent")


def test_a_message_with_all_the_lists_and_texts_that_it_may_have_is_read() -> None:
    message = clinic.sample()
    message["Visit"]["Reasons"] = ["r" * 20_000] * 100
    message["Patient"]["Notes"] = ["n" * 2_000] * 1_000
    assert clinic.read(message).body.Visit.Reasons[99]


def test_of_thousands_of_faults_a_thousand_are_looked_for() -> None:
    message = clinic.sample()
    message["Patient"]["Diagnoses"] = [{"Code": [], "Name": True, "Type": {}}] * 1_000
    with pytest.raises(FaultyMessage) as caught:
        clinic.read(message)
    assert len(caught.value.issues) == MOST_FOUND
    assert caught.value.more
    assert caught.value.rest is None


@pytest.mark.parametrize("value", [[[[]]] * 40, {"a": {"b": ["c"] * 500}}, "x" * 900_000, True, -1e300])
def test_what_stands_in_the_place_of_something_else_is_one_fault(value: Any) -> None:
    message = clinic.sample()
    message["StartDateTime"] = value
    message["Visit"]["VisitPreference"] = value if not isinstance(value, list) else {}
    assert [text.partition(": ")[0] for text in faults(json.dumps(message).encode())] == [
        "StartDateTime",
        "Visit.VisitPreference",
    ]
