"""Why a Redox message was refused: jsonschema and the ``redox`` models, asked about as much as is to be told.

They look at every value, and write whatever they refuse into the text of an exception. So they are handed a
copy in which what can have no faults of its own is short: texts, and what stands in the place of something
else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from pydantic import ValidationError as ValidationFault

from gateway.core.errors import Issue
from gateway.core.told import MOST_FOUND
from gateway.tables.answer.bounds import most_characters, most_items
from gateway.tables.rows.schema import Schema, SchemaView, kind_of

_LONG_NAME = 64
_WORDS = {
    "string": "text",
    "object": "an object",
    "array": "a list",
    "boolean": "true or false",
    "number": "a number",
    "null": "null",
}


class Faults:
    """Explains what is wrong with the messages of one schema; ``module`` is where ``redox`` has its model."""

    def __init__(self, view: SchemaView, module: str, name: str) -> None:
        self._view = view
        self._validator = Draft202012Validator(view.root)
        self._module = module
        self._name = name

    def explained(self, value: Any) -> tuple[tuple[Issue, ...], bool, Any]:
        """What is wrong with a value that was read leniently: each fault with its path, and by that in order;
        whether there is more; and the value without all of it, None if there is more. Quotes no value, and
        nothing at all of what stands below ``Patient``."""
        shortened = _Shortened(self._view)
        short = shortened.of(value, self._view.root)
        errors = list(islice(self._validator.iter_errors(short), MOST_FOUND + 1))
        found = dict.fromkeys(shortened.issues)
        for issue in (each for error in errors for each in _issues(error)):
            if len(found) > MOST_FOUND:
                break
            found[issue] = None
        issues = list(found) or self._by_model(short)
        more = len(issues) > MOST_FOUND or len(errors) > MOST_FOUND
        ordered = tuple(sorted(issues[:MOST_FOUND], key=lambda issue: issue.path))
        return ordered, more, None if more else _without(short, errors)

    def _by_model(self, value: Any) -> list[Issue]:
        """What the ``redox`` package's model says of a message that the schema finds nothing wrong with."""
        model = getattr(import_module(self._module), self._name)
        try:
            model.model_validate(value)
        except ValidationFault as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            return [
                Issue(
                    "value",
                    dotted(each["loc"]),
                    f"does not fit Redox's model ({each['type'].replace('_', ' ')})",
                )
                for each in found[: MOST_FOUND + 1]
            ]
        return []


@dataclass(slots=True)
class _Shortened:
    """Makes the copy; ``issues`` are what was too long in the original."""

    view: SchemaView
    issues: list[Issue] = field(default_factory=list)

    def of(self, value: Any, schema: Schema, path: str = "", place: str = "") -> Any:
        """``path`` is the dotted name of the field, ``place`` the same with positions."""
        item = self.view.item(schema)
        if isinstance(value, list):
            return self._list(value, item, path, place) if item is not None else []
        children = self.view.children(schema)
        if isinstance(value, dict):
            return self._object(value, children, path, place) if children else {}
        if isinstance(value, str):
            wanted = item is None and not children and kind_of(self.view.resolve(schema)) == "string"
            return self._text(value, path, place) if wanted else ""
        return 0 if _is_number(value) else value

    def _list(self, value: list[Any], item: Schema, path: str, place: str) -> list[Any]:
        if len(value) > (most := most_items(path)):
            text = f"has {len(value):,} items; at most {most:,} can be sent"
            self.issues.append(Issue("too-long", place, text))
            return []
        return [self.of(each, item, path, f"{place}[{position}]") for position, each in enumerate(value)]

    def _object(
        self, value: dict[str, Any], children: dict[str, Schema], path: str, place: str
    ) -> dict[str, Any]:
        return {
            name: self.of(
                each,
                children[name],
                f"{path}.{name}" if path else name,
                f"{place}.{name}" if place else name,
            )
            for name, each in value.items()
        }

    def _text(self, value: str, path: str, place: str) -> str:
        most = most_characters(path)
        if most is None:
            return value[:_LONG_NAME]
        if len(value) > most:
            text = f"is {len(value):,} characters long; at most {most:,} can be sent"
            self.issues.append(Issue("too-long", place, text))
            return ""
        return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _without(kept: Any, errors: Iterable[ValidationError]) -> Any:
    """The value without what the schema refuses; a missing required text becomes an empty one."""
    for error in errors:
        steps = list(error.absolute_path)
        if error.validator == "required":
            parent = _at(kept, steps)
            wanted: Any = error.validator_value
            for name in wanted if isinstance(parent, dict) else ():
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


def _issues(error: ValidationError) -> Iterator[Issue]:
    path = dotted(error.absolute_path)
    instance: Any = error.instance
    wanted: Any = error.validator_value
    if error.validator == "required":
        for name in wanted:
            if name not in instance:
                yield Issue("required", f"{path}.{name}" if path else name, "is missing")
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
