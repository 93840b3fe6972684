"""The Redox surface in OpenAPI."""

from __future__ import annotations

import json
from typing import Any, Final

from gateway import shipped
from gateway.web.openapi_parts import Json, answer_headers, error_answers

SECURITY: Final[dict[str, Json]] = {
    "verificationToken": {"type": "apiKey", "in": "header", "name": "verification-token"},
    "redoxBearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The verification token; counts only where the header verification-token is absent.",
    },
}

_EITHER: Final[list[Json]] = [{"verificationToken": []}, {"redoxBearer": []}]
_SITE: Final[Json] = {
    "name": "site",
    "in": "path",
    "required": True,
    "description": "The id of a site; the message's destination must be one of its own.",
    "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"},
}
_CHALLENGE: Final[Json] = {"type": "string", "pattern": "^[ -~]{1,512}$"}
_HANDSHAKE: Final[Json] = {
    "type": "object",
    "required": ["challenge"],
    "properties": {"challenge": _CHALLENGE, "verification-token": {"type": "string"}},
    "not": {"required": ["Meta"]},
}
_ERRORS: Final[Json] = {
    "type": "object",
    "required": ["Meta"],
    "properties": {
        "Meta": {
            "type": "object",
            "required": ["Errors"],
            "properties": {
                "Errors": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Text", "Type"],
                        "properties": {"Text": {"type": "string"}, "Type": {"type": "string"}},
                    },
                }
            },
        }
    },
}


def schemas() -> dict[str, Json]:
    """The schemas that the operations refer to: the shipped ones of the messages, and our errors'."""
    told = {"RedoxHandshake": _HANDSHAKE, "RedoxErrors": _ERRORS}
    for name in ("AvailableSlots", "AvailableSlotsResponse"):
        whole = json.loads((shipped.folder("schemas") / "redox" / f"{name}.json").read_text(encoding="utf-8"))
        parts = whole.pop("$defs")
        plain = {key: part for key, part in whole.items() if key not in ("$schema", "$id")}
        told |= {key: _moved(part) for key, part in (parts | {name: plain}).items()}
    return told


def _moved(part: Any) -> Any:
    """The same schema, its references leading to the components of the document."""
    if isinstance(part, list):
        return [_moved(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: each.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _moved(each)
        for key, each in part.items()
    }


def operations() -> dict[tuple[str, str], Json]:
    """By method and path."""
    told: dict[tuple[str, str], Json] = {}
    for path, parameters, suffix in (("/redox", [], ""), ("/redox/{site}", [_SITE], "-of-site")):
        told["POST", path] = _post(f"redox-message{suffix}", parameters)
        told["GET", path] = _get(f"redox-handshake{suffix}", parameters)
    return told


def _post(name: str, parameters: list[Json]) -> Json:
    answered = {
        "application/json": {"schema": {"$ref": "#/components/schemas/AvailableSlotsResponse"}},
        "text/plain": {"schema": _CHALLENGE},
    }
    asked = [{"$ref": f"#/components/schemas/{schema}"} for schema in ("AvailableSlots", "RedoxHandshake")]
    failed = (400, 401, 404, 408, 413, 415, 422, 500, 502, 503, 504)
    return {
        "operationId": name,
        "summary": "A query, or the destination handshake",
        "description": (
            "In a handshake the token may stand in the body instead of a header; the challenge comes back "
            "as plain text."
        ),
        "security": [*_EITHER, {}],
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"oneOf": asked}}}},
        "responses": {
            "200": {
                "description": "The open times; or the challenge.",
                "headers": answer_headers(),
                "content": answered,
            }
        }
        | error_answers("application/json", "RedoxErrors", *failed),
    }


def _get(name: str, parameters: list[Json]) -> Json:
    return {
        "operationId": name,
        "summary": "The destination handshake by GET",
        "security": [*_EITHER, {}],
        "parameters": [
            *parameters,
            {"name": "challenge", "in": "query", "required": True, "schema": _CHALLENGE},
            {
                "name": "verification-token",
                "in": "query",
                "description": "Needed where no header carries the token.",
                "schema": {"type": "string"},
            },
        ],
        "responses": {
            "200": {
                "description": "The challenge.",
                "headers": answer_headers(),
                "content": {"text/plain": {"schema": _CHALLENGE}},
            }
        }
        | error_answers("application/json", "RedoxErrors", 400, 401, 500),
    }
