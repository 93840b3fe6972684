"""The FHIR surface in OpenAPI. What a single site understands is in its CapabilityStatement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.core.fhir import TYPES
from gateway.web.exchange import FhirSite, SearchParameter
from gateway.web.openapi_parts import Json, answer_headers, error_answers, without_body

SECURITY: Final[dict[str, Json]] = {
    "fhirBearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token that was agreed upon, or a JWT of the site's issuer; scope system/Slot.read.",
    }
}

_FHIR: Final = "application/fhir+json"
_FAILED: Final = (400, 401, 403, 404, 406, 422, 500, 502, 503, 504)
_FORM: Final = "application/x-www-form-urlencoded"
_PREFER: Final[Json] = {
    "name": "Prefer",
    "in": "header",
    "description": "handling=strict: parameters that are not known are refused, not ignored.",
    "schema": {"type": "string", "enum": ["handling=strict", "handling=lenient"]},
}
_FORMAT: Final[Json] = {
    "name": "_format",
    "in": "query",
    "description": "Overrules the header Accept.",
    "schema": {"type": "string", "enum": ["json", "application/json", "application/fhir+json"]},
}
# What is asked of the result, on every type but where it says so.
_RESULT: Final = {
    "_count": "How many at most on a page; 0 for their number alone.",
    "_include": "What comes along, as the site's CapabilityStatement lists it.",
    "_sort": "Slots only: start, or -start for the latest first.",
    "_summary": "true, text, data, count or false.",
    "_elements": "The names of the elements that are wanted, by commas; those that must be there come too.",
}
_ID: Final[Json] = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": r"^[A-Za-z0-9\-.]{1,64}$"},
}


def _resource(name: str) -> Json:
    return {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"const": name}, "id": {"type": "string"}},
    }


SCHEMAS: Final[dict[str, Json]] = {
    **{name: _resource(name) for name in TYPES},
    "CapabilityStatement": _resource("CapabilityStatement"),
    "SmartConfiguration": {
        "type": "object",
        "required": ["issuer", "jwks_uri", "grant_types_supported", "capabilities"],
    },
    "OperationOutcome": {
        "type": "object",
        "required": ["resourceType", "issue"],
        "properties": {
            "resourceType": {"const": "OperationOutcome"},
            "issue": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "required": ["severity", "code"]},
            },
        },
    },
    "Bundle": {
        "type": "object",
        "required": ["resourceType", "type", "link"],
        "properties": {
            "resourceType": {"const": "Bundle"},
            "type": {"const": "searchset"},
            "total": {"type": "integer", "minimum": 0},
            "link": {"type": "array", "items": {"type": "object", "required": ["relation", "url"]}},
            "entry": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "required": ["fullUrl", "resource", "search"]},
            },
        },
    },
}


def operations(sites: Sequence[FhirSite]) -> dict[tuple[str, str], Json]:
    """By method and path; the search parameters are those of all ``sites`` together."""
    told: dict[tuple[str, str], Json] = {}
    for name in TYPES:
        path = f"/fhir/{{site}}/{name}"
        searched = _searched(sites, name)
        told |= _both(path, _search(f"search-{name}", name, sites, searched))
        told["POST", f"{path}/_search"] = _post(name, sites, searched)
        told |= _both(f"{path}/{{id}}", _read(name, sites))
    told |= _both("/fhir/{site}/metadata", _open("metadata", "CapabilityStatement", _FHIR, sites, 400, 406))
    smart = _open("smart-configuration", "SmartConfiguration", "application/json", sites)
    told |= _both("/fhir/{site}/.well-known/smart-configuration", smart)
    return told


def _searched(sites: Sequence[FhirSite], name: str) -> list[SearchParameter]:
    found = {each.name: each for site in sites for each in site.searchable.get(name, ())}
    return [found[key] for key in sorted(found)]


def _both(path: str, operation: Json) -> dict[tuple[str, str], Json]:
    head = operation | {
        "operationId": f"head-{operation['operationId']}",
        "responses": without_body(operation["responses"]),
    }
    return {("GET", path): operation, ("HEAD", path): head}


def _search(name: str, resource: str, sites: Sequence[FhirSite], searched: list[SearchParameter]) -> Json:
    told = {each.name: each.documentation or each.name for each in searched} | _RESULT
    parameters = [
        {
            "name": each,
            "in": "query",
            "description": text,
            # A parameter may be there more than once: start=ge...&start=lt...
            "schema": {"type": "array", "items": {"type": "string"}},
        }
        for each, text in told.items()
        if each != "_format"
    ]
    return {
        "operationId": name,
        "summary": f"Search for {resource} resources",
        "security": [{"fhirBearer": []}],
        "parameters": [_site(sites), *parameters, _FORMAT, _PREFER],
        "responses": _responses("Bundle", *_FAILED, 414),
    }


def _post(resource: str, sites: Sequence[FhirSite], searched: list[SearchParameter]) -> Json:
    fields = {each: {"type": "string"} for each in (*(one.name for one in searched), *_RESULT)}
    form = {"schema": {"type": "object", "properties": fields}}
    return {
        "operationId": f"post-search-{resource}",
        "summary": f"Search for {resource} resources by a form",
        "security": [{"fhirBearer": []}],
        "parameters": [_site(sites), _FORMAT, _PREFER],
        "requestBody": {"required": True, "content": {_FORM: form}},
        "responses": _responses("Bundle", *_FAILED, 408, 413, 415),
    }


def _read(resource: str, sites: Sequence[FhirSite]) -> Json:
    return {
        "operationId": f"read-{resource}",
        "summary": f"Read a {resource}",
        "security": [{"fhirBearer": []}],
        "parameters": [_site(sites), _ID, _FORMAT, _PREFER],
        "responses": _responses(resource, *_FAILED),
    }


def _open(name: str, schema: str, media_type: str, sites: Sequence[FhirSite], *failed: int) -> Json:
    format_ = [_FORMAT] if media_type == _FHIR else []
    return {
        "operationId": name,
        "summary": f"The {schema} of a site; open to everybody",
        "security": [],
        "parameters": [_site(sites), *format_],
        "responses": _responses(schema, 404, 500, *failed, media_type=media_type),
    }


def _responses(schema: str, *failed: int, media_type: str = _FHIR) -> dict[str, Json]:
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    answered = {"description": f"The {schema}.", "headers": answer_headers(), "content": content}
    return {"200": answered} | error_answers(_FHIR, "OperationOutcome", *failed)


def _site(sites: Sequence[FhirSite]) -> Json:
    schema: Json = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"}
    if sites:
        schema |= {"examples": sorted(site.id for site in sites)}
    return {
        "name": "site",
        "in": "path",
        "required": True,
        "description": "The id of a site.",
        "schema": schema,
    }
