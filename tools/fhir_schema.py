"""A self-contained JSON Schema for a FHIR R4 resource, read off the models of fhir.resources (R4B).

The package's own ``model_json_schema`` leaves every complex type open; this walks the models instead. Each
property carries its FHIR type as ``x-fhir-type``, which is what mapping tables check their paths against.
"""

from __future__ import annotations

import importlib
import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from fhir.resources.R4B.backboneelement import BackboneElement
from fhir_core.fhirabstractmodel import FHIRAbstractModel
from fhir_core.types import FhirBase
from pydantic.fields import FieldInfo

Schema = dict[str, Any]
Model = type[FHIRAbstractModel]

_YEAR = r"([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_MONTH = r"(0[1-9]|1[0-2])"
_DAY = r"(0[1-9]|[1-2][0-9]|3[0-1])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_ZONE = r"(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_INT32 = 2**31 - 1


def _text(pattern: str) -> Schema:
    # "$" alone lets Python's `re` pass a final newline; with the look-ahead it is the end in every dialect.
    return {"type": "string", "pattern": f"^{pattern}$(?!\\n)"}


# https://hl7.org/fhir/R4/datatypes.html#primitive; base64Binary reworded so that no input makes it backtrack.
PRIMITIVES: dict[str, Schema] = {
    "base64Binary": _text(r"\s*([0-9a-zA-Z+/=]{4}\s*)+"),
    "boolean": {"type": "boolean"},
    "canonical": _text(r"\S*"),
    "code": _text(r"[^\s]+(\s[^\s]+)*"),
    "date": _text(f"{_YEAR}(-{_MONTH}(-{_DAY})?)?"),
    "dateTime": _text(f"{_YEAR}(-{_MONTH}(-{_DAY}(T{_TIME}{_ZONE})?)?)?"),
    "decimal": {"type": "number"},
    "id": _text(r"[A-Za-z0-9\-.]{1,64}"),
    "instant": _text(f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}{_ZONE}"),
    "integer": {"type": "integer", "minimum": -_INT32 - 1, "maximum": _INT32},
    "markdown": {"type": "string"},
    "oid": _text(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+"),
    "positiveInt": {"type": "integer", "minimum": 1, "maximum": _INT32},
    "string": _text(r"[ \r\n\t\S]+"),
    "time": _text(_TIME),
    "unsignedInt": {"type": "integer", "minimum": 0, "maximum": _INT32},
    "uri": _text(r"\S*"),
    "url": _text(r"\S*"),
    "uuid": _text(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    "xhtml": {"type": "string"},
}

_ANY_RESOURCE: Schema = {
    "type": "object",
    "required": ["resourceType"],
    "properties": {"resourceType": {"type": "string"}},
}

_DATA_BACKBONES = frozenset(
    {"Dosage", "Timing", "ElementDefinition"}
)  # data types that happen to derive from it


def resource_schema(name: str) -> Schema:
    """The schema of one resource, with the data types it reaches under ``$defs``.

    ``contained`` and ``Bundle.entry.resource`` are any object with a ``resourceType``. A ``value[x]`` of an
    Extension whose type is not reached otherwise is any object, or the schema would hold the whole of FHIR.
    """
    root = _model(name)
    reached: dict[str, Model] = {}
    _reach(root, reached)
    reached |= {"Extension": _model("Extension"), "Element": _model("FHIRPrimitiveExtension")}
    defs = {key: _object(model, reached) for key, model in sorted(reached.items())}
    body = _object(root, reached)
    body["properties"] = {"resourceType": {"const": name, "x-fhir-type": "code"}, **body["properties"]}
    body["required"] = ["resourceType", *body.get("required", [])]
    return {**body, "$defs": defs}


def _model(name: str) -> Model:
    model: Model = getattr(importlib.import_module(f"fhir.resources.R4B.{name.lower()}"), name)
    return model


def _reach(model: Model, reached: dict[str, Model]) -> None:
    """Add the data types that ``model`` holds, at any depth, without going through Extension."""
    for field in _fields(model):
        inner = _inner(field.annotation)
        if isinstance(inner, type) and issubclass(inner, FhirBase):
            child = inner.get_model_klass()
            name = _def_name(child)
            if name not in ("Extension", "Element", "Resource") and name not in reached:
                reached[name] = child
                _reach(child, reached)


def _fields(model: Model) -> Iterator[FieldInfo]:
    # `fhir_comments` is a leftover of DSTU2, which R4 does not have.
    return (field for field in model.model_fields.values() if field.alias != "fhir_comments")


def _object(model: Model, reached: dict[str, Model]) -> Schema:
    properties = {str(field.alias): _property(field, reached) for field in _fields(model)}
    required: list[str] = []
    either: list[Schema] = []
    for field in _fields(model):
        name = str(field.alias)
        needed = _extra(field).get("element_required")
        if field.is_required() or (needed and f"_{name}" not in properties):
            required.append(name)
        elif needed:
            either.append({"anyOf": [{"required": [key]} for key in (name, f"_{name}")]})
    shape: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        shape["required"] = required
    rules = either + _choices(model)
    return {**shape, "allOf": rules} if rules else shape


def _choices(model: Model) -> list[Schema]:
    """For each ``value[x]`` of the model: none of its properties, or exactly one."""
    groups: dict[str, list[str]] = {}
    for field in _fields(model):
        if group := _extra(field).get("one_of_many"):
            groups.setdefault(group, []).append(str(field.alias))
    rules = []
    for names in groups.values():
        each = [{"required": [name]} for name in names]
        rules.append({"oneOf": [{"not": {"anyOf": each}}, *each]})
    return rules


def _property(field: FieldInfo, reached: dict[str, Model]) -> Schema:
    inner = _inner(field.annotation)
    if isinstance(inner, type) and issubclass(inner, FhirBase):
        single = _complex(inner.get_model_klass(), reached)
    else:
        single = _primitive(inner, _extra(field).get("enum_values"))
    if not _is_list(field.annotation):
        return single
    item = {key: value for key, value in single.items() if key != "x-fhir-type"}
    if single["x-fhir-type"] in (*PRIMITIVES, "Element"):
        # The places of a repeating primitive and of its `_` sibling match: a null holds an empty place.
        item = _or_null(item)
    return {"type": "array", "items": item, "x-fhir-type": single["x-fhir-type"]}


def _or_null(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **enum}


def _complex(model: Model, reached: dict[str, Model]) -> Schema:
    name = _def_name(model)
    if name == "Resource":
        return {**_ANY_RESOURCE, "x-fhir-type": name}
    backbone = issubclass(model, BackboneElement) and name not in _DATA_BACKBONES
    kind = "BackboneElement" if backbone else name
    if name not in reached:
        return {"type": "object", "x-fhir-type": kind}
    return {"$ref": f"#/$defs/{name}", "x-fhir-type": kind}


def _def_name(model: Model) -> str:
    name = model.get_resource_type()
    return "Element" if name == "FHIRPrimitiveExtension" else name


def _primitive(annotation: object, codes: list[str] | None) -> Schema:
    name = _primitive_name(annotation)
    schema = {"type": "string", "enum": codes} if codes else PRIMITIVES[name]
    return {**schema, "x-fhir-type": name}


def _primitive_name(annotation: object) -> str:
    if annotation is bool:
        return "boolean"
    for mark in getattr(annotation, "__metadata__", ()):
        if name := getattr(mark, "__visit_name__", None):
            return str(name)
        if hasattr(mark, "uuid_version"):
            return "uuid"
    raise TypeError(f"no FHIR primitive known for {annotation!r}")


def _inner(annotation: object) -> object:
    """The type of one value: without Optional and List, at whatever depth."""
    if get_origin(annotation) is not Annotated and (parts := get_args(annotation)):
        return _inner(next(part for part in parts if part is not types.NoneType))
    return annotation


def _is_list(annotation: object) -> bool:
    if get_origin(annotation) is list:
        return True
    return get_origin(annotation) in (Union, types.UnionType) and any(map(_is_list, get_args(annotation)))


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
