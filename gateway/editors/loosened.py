"""Our schemas as an editor needs them: JSON Schema of draft 7, over values as YAML parsers read them.

The gateway reads every scalar as text; to an editor ``true`` is a boolean and ``20`` a number. So where a
text may stand, what is written as a number or a boolean may, too, as far as the text's pattern allows it. In
the configuration it is the other way round: where a number is wanted, ``${NAME}`` may stand for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
_NUMBERS = 100_000  # so far numbers are tried against a pattern
_LEFT_OUT = ("$schema", "$id", "$defs", "format", "writeOnly")
_VARIABLE = r"\$\{"
_AS_TEXT = {"integer": "^[-+]?[0-9]+$", "number": r"^[-+]?[0-9]+(\.[0-9]+)?$", "boolean": "^(true|false)$"}


def loosened(schema: Mapping[str, Any], *, variables: bool = False) -> Schema:
    """The schema of a file's texts as one of its values. ``variables``: in any of them ${NAME} may stand."""
    return {"$schema": DRAFT, **_loose(schema, schema.get("$defs", {}), variables)}


def _loose(schema: Mapping[str, Any], defs: Mapping[str, Any], variables: bool) -> Schema:
    if "$ref" in schema:  # beside which an editor of draft 7 reads nothing
        inner = defs[schema["$ref"].rsplit("/", 1)[-1]]
        return _loose(
            {**inner, **{key: part for key, part in schema.items() if key != "$ref"}}, defs, variables
        )
    found: Schema = {}
    for key, part in schema.items():
        if key in _LEFT_OUT or key.startswith("x-"):
            continue
        if key == "properties":
            found[key] = {
                name: {"title": name, **_loose(each, defs, variables)} for name, each in part.items()
            }
        elif key == "propertyNames":
            found[key] = _name(part, defs)
        elif key in ("items", "additionalProperties") and isinstance(part, dict):
            found[key] = _loose(part, defs, variables)
        elif key == "oneOf":
            choices = [_loose(each, defs, variables) for each in part]
            found["oneOf" if any("required" in each for each in part) else "anyOf"] = choices
        else:
            found[key] = part
    if "enum" in found:
        return _enumerated(found, variables)
    return _scalar(found, variables)


def _name(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Schema:
    """Of a key, which is text to an editor as well."""
    found = defs[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
    return {key: part for key, part in found.items() if key in ("enum", "pattern", "description")}


def _enumerated(schema: Schema, variables: bool) -> Schema:
    """First as an editor's parser reads them unquoted, which is how they are completed."""
    values = schema.pop("enum")
    typed = [each == "true" if each in ("true", "false") else int(each) for each in values if _typed(each)]
    if not variables:
        return {**schema, "enum": [*typed, *values]}
    return {**schema, "anyOf": [{"enum": [*typed, *values]}, {"type": "string", "pattern": _VARIABLE}]}


def _typed(text: str) -> bool:
    return text in ("true", "false") or text.isdigit()


def _scalar(schema: Schema, variables: bool) -> Schema:
    kind, pattern = schema.get("type"), schema.get("pattern")
    if kind in _AS_TEXT:  # only the configuration has such
        return {**schema, "type": [kind, "string"], "pattern": f"{_AS_TEXT[kind]}|{_VARIABLE}"}
    if kind != "string":
        return schema
    if pattern is None:
        return {**schema, "type": ["string", "number", "boolean"]}
    span = span_of(pattern)
    kinds = ["string", *(["number"] if span else []), *(["boolean"] if re.search(pattern, "true") else [])]
    bounds = {"minimum": span[0], "maximum": span[1]} if span and span[1] < _NUMBERS - 1 else {}
    whole = f"(?:{pattern})|{_VARIABLE}" if variables else pattern
    return {**schema, "type": kinds if len(kinds) > 1 else "string", "pattern": whole, **bounds}


@lru_cache
def span_of(pattern: str) -> tuple[int, int] | None:
    """The least and the greatest number that may be written where texts of that pattern may."""
    tried = re.compile(pattern)
    fitting = [number for number in range(_NUMBERS) if tried.search(str(number))]
    return (fitting[0], fitting[-1]) if fitting else None
