"""The schemas for editors: those of ``schemas/``, with what there is to choose from.

What must be one of a few (a key, a codec) is underlined where it is not; what only *may* be one of those that
there are (a column, the name of a table) is completed, and anything else is left to ``gateway check``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath

from gateway.editors.loosened import Schema, loosened
from gateway.editors.names import Names
from gateway.shipped import folder
from gateway.tables.codecs.codec import Spec
from gateway.tables.codecs.registry import CODECS

# Where the files stand, from the folder in which the folder of tables stands.
PLACE = "schemas/editor"
_ARGUMENT = "[^,()]+"
_OF_FILES = {"dialect.yaml": "dialect", "errors.yaml": "error-table"}


def line_for(path: PurePath) -> str:
    """The first line of a YAML file of tables, for editors; ``path`` is its own below their folder."""
    schema = _OF_FILES.get(path.name, "mapping-table")
    return f"# yaml-language-server: $schema={'../' * len(path.parts)}{PLACE}/{schema}.json"


def editor_schemas(names: Names) -> dict[str, Schema]:
    """Every schema, by the name of its file without the ending."""
    return {
        "mapping-table": _mapping_table(names),
        "dialect": _dialect(names),
        "error-table": loosened(_shipped("error-table")),
        "configuration": _configuration(names),
    }


def rendered(names: Names) -> dict[str, str]:
    """The text of every file, by its name."""
    return {
        f"{name}.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in editor_schemas(names).items()
    }


def _shipped(name: str) -> Schema:
    found: Schema = json.loads((folder("schemas") / f"{name}.json").read_bytes())
    return found


def _mapping_table(names: Names) -> Schema:
    schema = loosened(_shipped("mapping-table"))
    top, row = schema["properties"], schema["properties"]["rows"]["items"]["properties"]
    for where, key, kind in (
        *((top, key, "tables") for key in ("table", "over")),
        (row, "row", "rows"),
        (row, "param", "parameters"),
        (row, "level", "levels"),
        *((row, key, "columns") for key in ("directory", "select", "else")),
        *((row, key, "fields") for key in ("redox", "ignore", "unless")),
        (row, "with", "companions"),
    ):
        where[key] = _suggested(where[key], kind)
    row["codec"] = _codec(row["codec"], names)
    return _with_names(
        schema, names, "tables", "rows", "parameters", "levels", "columns", "fields", "companions"
    )


def _dialect(names: Names) -> Schema:
    schema = loosened(_shipped("dialect"))
    keys = schema["properties"]["dialect"]["properties"]
    slot = keys["slots"]["items"]["properties"]
    for where, key, kind in (
        (keys, "clients", "dialects"),
        (slot, "column", "columns"),
        *((keys[each], "items", "parameters") for each in ("together", "apart_by_system")),
    ):
        where[key] = _suggested(where[key], kind)
    return _with_names(schema, names, "dialects", "columns", "parameters")


def _configuration(names: Names) -> Schema:
    """A site needs what it shares with others in one place only: so nothing but its id is asked for here."""
    schema = loosened(_shipped("configuration"), variables=True)
    keys = schema["properties"]
    site = _without_required(keys["sites"]["items"])
    upstream = site["properties"]["upstream"]["properties"]
    upstream["dialect"] = _suggested(upstream["dialect"], "dialects")
    own = {name: part for name, part in site["properties"].items() if name not in ("id", "like")}
    keys["sites"]["items"] = {**site, "required": ["id"]}
    keys["defaults"]["allOf"] = [{"$ref": "#/definitions/shared"}]
    keys["like"]["additionalProperties"] = {"$ref": "#/definitions/shared"}
    whole = _with_names(schema, names, "dialects")
    whole["definitions"]["shared"] = {**site, "properties": own}
    return whole


def _without_required(schema: Schema) -> Schema:
    found = {key: part for key, part in schema.items() if key != "required"}
    if all(set(each) == {"required"} for each in found.get("anyOf", ())):
        found.pop("anyOf", None)
    if "properties" in found:
        found["properties"] = {name: _without_required(part) for name, part in found["properties"].items()}
    return found


def _with_names(schema: Schema, names: Names, *kinds: str) -> Schema:
    """The schema, with the names of these kinds to choose from."""
    known = {kind: getattr(names, kind) for kind in kinds if kind != "companions"}
    if "companions" in kinds:
        known["companions"] = [*names.fields, *(f"directory.{each}" for each in names.columns)]
    return {**schema, "definitions": {kind: {"enum": each} for kind, each in known.items()}}


def _suggested(schema: Schema, kind: str) -> Schema:
    """What the schema says, with names of that kind to choose from; of a list or a text, for each text."""
    told = _told(schema)
    rest = {key: part for key, part in schema.items() if key not in told}
    choices = [
        {**each, "items": _suggested(each["items"], kind)} if "items" in each else each
        for each in rest.get("anyOf", [rest])
    ]
    return {**told, "anyOf": [{"$ref": f"#/definitions/{kind}"}, *choices]}


def _told(schema: Schema) -> Schema:
    return {key: part for key, part in schema.items() if key in ("title", "description", "examples")}


def _codec(schema: Schema, names: Names) -> Schema:
    """A call of one of the codecs that there are; those with the arguments that there are to choose from."""
    arguments = {"code table": names.code_tables, "resource type": names.types}
    calls = [(call, spec.about) for spec in CODECS.values() for call in _calls(spec, arguments)]
    return {
        **_told(schema),
        "anyOf": [
            {"enum": [call for call, _ in calls], "enumDescriptions": [about for _, about in calls]},
            {"type": "string", "pattern": f"^({'|'.join(map(_pattern, CODECS.values()))})$"},
        ],
    }


def _calls(spec: Spec, arguments: Mapping[str, Iterable[str]]) -> Iterator[str]:
    if not spec.arguments or spec.optional:
        yield spec.name
    for argument in spec.arguments:
        yield from (f"{spec.name}({each})" for each in arguments.get(argument, ()))


def _pattern(spec: Spec) -> str:
    """Of the texts that call a codec: an argument is anything between commas."""
    if not spec.arguments:
        return spec.name
    more = "(,[^,()]+)*" if spec.several else ""
    given = rf"\({','.join([_ARGUMENT] * len(spec.arguments))}{more}\)"
    return f"{spec.name}({given})?" if spec.optional else spec.name + given
