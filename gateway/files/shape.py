"""Checks a marked file against a JSON Schema and says what is wrong in a person's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from gateway.files.marked import Fault, MarkedMap, did_you_mean, find, plain


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault, and the path of the value that it is about."""

    path: tuple[str | int, ...]
    fault: Fault


def check(node: MarkedMap, validator: Draft202012Validator) -> list[Fault]:
    """Every way in which ``node`` is not of the schema's shape, each at its place."""
    return [each.fault for each in wrong(node, validator)]


def wrong(node: MarkedMap, validator: Draft202012Validator) -> list[Wrong]:
    """As :func:`check`, with the paths, so that the rest of a file can be used."""
    errors = validator.iter_errors(plain(node))
    found = (Wrong(tuple(error.absolute_path), fault) for error in errors for fault in _faults(node, error))
    return list(dict.fromkeys(found))


def _faults(node: MarkedMap, error: ValidationError) -> Iterator[Fault]:
    path = list(error.absolute_path)
    schema: dict[str, Any] = error.schema  # type: ignore[assignment]
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        known = list(schema.get("properties", {}))
        for name in instance:
            if name not in known:
                place = find(node, [*path, name], key=True)
                yield place.fault(f'"{name}" is not a key here; {did_you_mean(name, known)}')
        return
    place = find(node, path)
    if error.validator == "required":
        for missing in (each for each in schema["required"] if each not in instance):
            yield place.fault(f'the key "{missing}" is missing')
        return
    if error.validator == "pattern" and "propertyNames" in error.schema_path:
        place = find(node, [*path, str(error.instance)], key=True)
        yield place.fault(f'"{error.instance}" cannot stand here; write {schema["description"]}')
        return
    if error.validator == "oneOf" and (meant := _meant(error)):
        for each in meant:
            yield from _faults(node, each)
        return
    name = f'"{path[-1]}"' if path and isinstance(path[-1], str) else "this"
    yield place.fault(f"{name} {_said(error, schema)}")


def _said(error: ValidationError, schema: dict[str, Any]) -> str:
    """What is wrong with one value, after its name."""
    wanted: Any = error.validator_value
    if error.instance is None and error.validator in ("enum", "type", "oneOf"):
        return f"has no value; {_remedy(error, wanted, schema)}"
    if error.validator == "enum":
        return f'cannot be "{error.instance}"; {did_you_mean(str(error.instance), wanted, 40)}'
    if error.validator == "type":
        return f"must be {_kind(wanted)}"
    if error.validator == "oneOf":
        return f"must be {_alternatives(error, schema)}"
    if error.validator == "pattern" and "description" in schema:
        return f'cannot be "{error.instance}"; write {schema["description"]}'
    if error.validator in ("minLength", "minItems"):
        return "is empty; write a value"
    if error.validator == "minProperties":
        return f"is empty; write one of: {', '.join(schema.get('properties', ()))}"
    return f"is not right: {error.message}"


def _remedy(error: ValidationError, wanted: Any, schema: dict[str, Any]) -> str:
    if error.validator == "enum":
        return did_you_mean("", wanted, 40)
    kind = _kind(wanted) if error.validator == "type" else _alternatives(error, schema)
    return f"write {kind}"


def _keys(schema: dict[str, Any]) -> list[str]:
    """The keys of which one and only one is to be there, where that is what tells the alternatives apart."""
    return [option["required"][0] for option in schema["oneOf"] if "required" in option]


def _alternatives(error: ValidationError, schema: dict[str, Any]) -> str:
    if keys := _keys(schema):
        return "given either " + " or ".join(f'"{key}"' for key in keys) + ", one of them and not both"
    return " or ".join(dict.fromkeys(_kind(each.validator_value) for each in _unlike(error)))


def _unlike(error: ValidationError) -> list[ValidationError]:
    """Of each alternative that is of another kind than the value, that it is."""
    return [each for each in error.context or () if each.validator == "type" and not each.relative_path]


def _meant(error: ValidationError) -> list[ValidationError]:
    """What is wrong by the one alternative that is of the value's kind; nothing if there is none such."""
    schema: dict[str, Any] = error.schema  # type: ignore[assignment]
    others = {each.schema_path[0] for each in _unlike(error)}
    left = [each for each in error.context or () if each.schema_path[0] not in others]
    one = len({each.schema_path[0] for each in left}) == 1
    return left if one and not _keys(schema) else []


def _kind(name: Any) -> str:
    return {"string": "text", "array": "a list", "object": "a map (key: value)"}.get(str(name), str(name))
