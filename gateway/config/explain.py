"""The findings of the JSON Schema, said in the words of a configuration."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from typing import Any

from jsonschema import Draft202012Validator

from gateway.config.resolve import Draft, KeyPath, Schema
from gateway.files.marked import did_you_mean, nearest
from gateway.shipped import folder

_KINDS = {
    "object": "a map (keys and values)",
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
}

_SURE = 0.65  # how alike a key of another part must be


@functools.cache
def schema() -> Schema:
    """The shipped schema of the configuration. Raises OSError when the installation is broken."""
    loaded: Schema = json.loads((folder("schemas") / "configuration.json").read_text("utf-8"))
    return loaded


@functools.cache
def places() -> dict[str, tuple[str, ...]]:
    """The names of all keys that the schema has, each with the parts of a configuration that it stands in."""

    def below(part: Any, path: str) -> Iterator[tuple[str, str]]:
        for name, each in part.get("properties", {}).items():
            yield name, path or "the file's first level"
            yield from below(each, f"{path}.{name}".removeprefix("."))
        if isinstance(items := part.get("items"), dict):
            yield from below(items, f"{path}[]")
        if isinstance(others := part.get("additionalProperties"), dict):
            yield from below(others, f"{path}.NAME")

    found: dict[str, list[str]] = {}
    for name, path in below(schema(), ""):
        if path not in found.setdefault(name, []):
            found[name].append(path)
    return {name: tuple(paths) for name, paths in found.items()}


@functools.cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def validate(draft: Draft, value: Any) -> None:
    """Check ``value`` by the schema; every finding becomes a fault of the draft."""
    for error in _validator().iter_errors(value):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            _unknown_keys(draft, error, path)
        elif error.validator in ("required", "anyOf"):
            _missing_keys(draft, error, path)
        else:
            draft.fault(path, _text(error, draft.typed(path), draft.variable(path)))


def _near(typed: str, known: Iterable[str]) -> str:
    near = did_you_mean(typed, known, 0) if typed else ""
    return f"; {near}" if near else ""


def _unknown_keys(draft: Draft, error: Any, path: KeyPath) -> None:
    known: Schema = error.schema["properties"]
    for key in error.instance:
        if key not in known:
            elsewhere = [] if nearest(key, known) else nearest(key, places(), 1, _SURE)
            near = did_you_mean(key, known)
            if elsewhere:
                near = f'"{elsewhere[0]}" stands in {" and ".join(places()[elsewhere[0]])}'
            draft.fault((*path, key), f"unknown key; {near}".removesuffix("; "), key=True)


def _missing_keys(draft: Draft, error: Any, path: KeyPath) -> None:
    """``required`` names one key at a time; ``anyOf`` holds alternatives: the key or its ``_file``."""
    if error.validator == "anyOf":
        names = [branch["required"][0] for branch in error.validator_value]
        key, other = names[0], f" (or {' or '.join(names[1:])})"
    else:
        key = next(k for k in error.validator_value if k not in error.instance and repr(k) in error.message)
        other = ""
    about = error.schema["properties"][key].get("description", "")
    draft.fault((*path, key), f"is missing{other}. {about}".rstrip(". ") + ("." if about else ""), key=True)


def _text(error: Any, typed: str, variable: str) -> str:
    """``typed`` is for finding what is nearest; it is not told (see :mod:`gateway.config.resolve`)."""
    rules: Schema = error.schema
    limit = error.validator_value
    shown = f" (the value of {variable} is not)" if variable else ""
    match error.validator:
        case "type":
            return f"must be {_KINDS[limit]}{shown}"
        case "enum":
            return f"must be one of {', '.join(limit)}{shown}{_near(typed, limit)}"
        case "pattern":
            return f"must be {rules['x-say']}{shown}{_near(typed, rules.get('x-near', ()))}"
        case "minLength":
            return "is empty; write a value, or leave the key out"
        case "minItems":
            return "the list is empty; write at least one item, or leave the key out"
        case "minimum" | "maximum" | "exclusiveMinimum":
            return f"must be {_range(rules)}{shown}"
    return f"does not satisfy {error.validator} {limit}"


def _range(rules: Schema) -> str:
    low = f"above {rules['exclusiveMinimum']}" if "exclusiveMinimum" in rules else f"{rules['minimum']}"
    word = "and at most" if "exclusiveMinimum" in rules else "to"
    return f"{low} {word} {rules['maximum']}"
