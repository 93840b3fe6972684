"""Pieces that the descriptions of all surfaces are put together from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Json = dict[str, Any]
Operations = Mapping[tuple[str, str], Json]
"""What an OpenAPI operation object says, by method and path."""

_TEXTS: Final = {
    400: "The request is not valid; every fault is told.",
    401: "No token, or none that opens this.",
    403: "The token does not allow this.",
    404: "There is no such site, resource or destination.",
    406: "Only FHIR R4 in JSON is spoken.",
    408: "The body did not arrive in time.",
    413: "The body is too long.",
    414: "The address is too long; a search can be sent as a form instead.",
    415: "The body is of a media type that is not read here.",
    422: "Something that is named is not known at this site.",
    500: "The gateway failed; its log has the cause, under the request id.",
    502: "The upstream failed or refused the gateway.",
    503: "The upstream is overloaded, or is not asked for the moment.",
    504: "There was no answer within the deadline.",
}


def error_answers(media_type: str, schema: str, *statuses: int) -> dict[str, Json]:
    """The responses for these statuses, all with a body of the one schema."""
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {str(status): _error(status, content) for status in statuses}


def _error(status: int, content: Json) -> Json:
    headers = answer_headers()
    if status == 401:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWW-Authenticate"}
    if status == 503:
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    return {"description": _TEXTS[status], "headers": headers, "content": content}


def answer_headers() -> Json:
    """The headers that every answer has, or can have."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", "X-Gateway-Tables")}


def header_schemas() -> Json:
    """What the headers are that responses refer to."""
    request_id = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}
    return {
        "X-Request-Id": {
            "description": "The id under which the log has this request.",
            "required": True,
            "schema": request_id,
        },
        "X-Gateway-Tables": {
            "description": "The hash of the tables that answered, if X-Gateway-Explain: tables asked for it.",
            "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
        },
        "WWW-Authenticate": {
            "description": "RFC 6750.",
            "required": True,
            "schema": {"type": "string", "pattern": "^Bearer"},
        },
        "Retry-After": {
            "description": "Seconds.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        },
    }


def without_body(responses: Mapping[str, Json]) -> dict[str, Json]:
    """The same responses, to HEAD."""
    return {
        status: {name: part for name, part in response.items() if name != "content"}
        for status, response in responses.items()
    }
