"""The Redox messages that are understood, with their fast check and their full explanation."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from pydantic import ValidationError as ValidationFault

from gateway.core.errors import Issue
from gateway.core.redox import Kind
from gateway.files.marked import did_you_mean
from gateway.tables.compile.structs import checked
from gateway.tables.rows.schema import Schema, SchemaView

# The allow-list: (DataModel, EventType) -> the schema of schemas/redox.
EVENTS: Mapping[tuple[str, str], str] = {("Scheduling", "AvailableSlots"): "AvailableSlots"}

# The module of the ``redox`` package that has a schema's model.
MODELS: Mapping[str, str] = {"AvailableSlots": "redox.scheduling.availableslots"}

_PRIVATE = "Patient"
_WORDS = {
    "string": "text",
    "object": "an object",
    "array": "a list",
    "boolean": "true or false",
    "number": "a number",
    "null": "null",
}


def kinds(views: Mapping[str, SchemaView]) -> dict[tuple[str, str], Kind]:
    """The fast and the full check of every event of the allow-list."""
    return {event: kind(name, views[name]) for event, name in EVENTS.items()}


def kind(name: str, view: SchemaView) -> Kind:
    """The checks for one message schema."""
    struct = checked(name, view)
    decode = msgspec.json.Decoder(struct).decode

    def complete(value: Any) -> Any:
        return msgspec.convert(without_unset(value, view.root, view), struct)

    def explain(value: Any) -> list[Issue]:
        filled = without_unset(value, view.root, view)
        return explain_message(filled, view) or _explain_by_model(name, filled)

    def remains(value: Any) -> Any:
        try:
            return msgspec.convert(_without_faults(without_unset(value, view.root, view), view), struct)
        except (msgspec.MsgspecError, RecursionError):
            return None

    return Kind(decode, complete, explain, remains)


def _explain_by_model(name: str, value: Any) -> list[Issue]:
    """What the ``redox`` package's model says of a message that the schema finds nothing wrong with."""
    model = getattr(import_module(MODELS[name]), name)
    try:
        model.model_validate(value)
    except ValidationFault as error:
        return [
            Issue(
                "value", dotted(each["loc"]), f"does not fit Redox's model ({each['type'].replace('_', ' ')})"
            )
            for each in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    return []


def _without_faults(value: Any, view: SchemaView) -> Any:
    """A copy without what the schema refuses; a missing required text becomes an empty one."""
    kept = copy.deepcopy(value)
    for error in Draft202012Validator(view.root).iter_errors(value):
        steps = list(error.absolute_path)
        schema: Any = error.schema
        if error.validator == "additionalProperties":
            parent = _at(kept, steps)
            for name in [name for name in parent or () if name not in schema.get("properties", {})]:
                del parent[name]
        elif error.validator == "required":
            parent = _at(kept, steps)
            for name in error.validator_value if isinstance(parent, dict) else ():
                parent.setdefault(name, "")
        else:
            # What stands in a list goes with its list: what is left must not stand at other positions.
            names = [place for place, step in enumerate(steps) if isinstance(step, str)]
            parent = _at(kept, steps[: names[-1]]) if names else None
            if isinstance(parent, dict):
                parent.pop(steps[names[-1]], None)
    return kept


def _at(value: Any, steps: list[Any]) -> Any:
    for step in steps:
        inside = (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and step < len(value)
        )
        if not inside:
            return None
        value = value[step]
    return value


def without_unset(value: Any, schema: Schema, view: SchemaView) -> Any:
    """The value without the nulls that Redox writes for lists and objects that are not set.

    The published schema allows null for plain fields only, the traffic has it for any.
    """
    item = view.item(schema)
    if isinstance(value, list) and item is not None:
        return [without_unset(each, item, view) for each in value]
    children = view.children(schema)
    if not isinstance(value, dict) or not children:
        return value
    required = view.resolve(schema).get("required", ())
    kept = {}
    for name, each in value.items():
        child = children.get(name)
        if each is None and child is not None and name not in required and _compound(child, view):
            continue
        kept[name] = without_unset(each, child, view) if child is not None else each
    return kept


def _compound(schema: Schema, view: SchemaView) -> bool:
    return view.item(schema) is not None or bool(view.children(schema))


def explain_message(value: Any, view: SchemaView) -> list[Issue]:
    """Everything that is wrong with a message, each with its path. Quotes no value, and nothing at all
    of what stands below ``Patient``."""
    errors = Draft202012Validator(view.root).iter_errors(value)
    issues = [issue for error in errors for issue in _issues(error)]
    return sorted(dict.fromkeys(issues), key=lambda issue: issue.path)


def _issues(error: ValidationError) -> Iterable[Issue]:
    path = dotted(error.absolute_path)
    schema: Any = error.schema
    instance: Any = error.instance
    wanted: Any = error.validator_value
    if error.validator == "required":
        for name in wanted:
            if name not in instance:
                yield Issue("required", f"{path}.{name}" if path else name, "is missing")
    elif error.validator == "additionalProperties":
        known = list(schema.get("properties", {}))
        unknown = [name for name in instance if name not in known]
        if path.split(".")[0] == _PRIVATE:
            number = f"{len(unknown)} field" + ("s" if len(unknown) > 1 else "")
            text = f"has {number} that Redox's schema does not have; write only: {', '.join(known)}"
            yield Issue("structure", path, text)
            return
        for name in unknown:
            text = f"{_quoted(name)} is not a field of Redox's schema; {did_you_mean(name, known)}"
            yield Issue("structure", path, text.rstrip("; "))
    elif error.validator == "type":
        kinds = wanted if isinstance(wanted, list) else [wanted]
        words = " or ".join(_WORDS.get(str(each), str(each)) for each in kinds)
        yield Issue("value", path, f"must be {words}, not {_kind(instance)}")
    else:
        yield Issue("value", path, "does not fit Redox's schema")


def dotted(path: Iterable[Any]) -> str:
    """``Visit.VisitPreference[0].Duration``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _quoted(name: str) -> str:
    clean = "".join(char if char.isprintable() else "?" for char in name)[:40]
    return f'"{clean}"'


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    names = {
        str: "text",
        dict: "an object",
        list: "a list",
        int: "a number",
        float: "a number",
        type(None): "null",
    }
    return names.get(type(value), "that")
