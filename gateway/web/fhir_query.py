"""What a FHIR request says beside its path: its parameters, and the format it takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from aiohttp import hdrs, web

from gateway.core.errors import InvalidMessage, Issue, UnsupportedMediaType
from gateway.core.fhir import Params
from gateway.web.exchange import NotAcceptable

MAX_PARAMETERS: Final = 100

# FHIR R4, http.html#mime-type: what a client may ask for and mean JSON. The last is DSTU2's name for it,
# which servers are encouraged to understand.
_FHIR_JSON: Final = frozenset({"application/json", "application/fhir+json", "application/json+fhir"})
_JSON_FORMATS: Final = _FHIR_JSON | {"json", "text/json"}
_JSON_RANGES: Final = _FHIR_JSON | {"*/*", "application/*"}
# Sent unescaped, the + of application/fhir+json comes as a space.
_UNESCAPED: Final = re.compile(r"(?<=/fhir) (?=json)|(?<=/json) (?=fhir)", re.IGNORECASE)
# FHIR R4, http.html#version-parameter has the version without its technical correction; many write that, too.
_VERSIONS: Final = frozenset({"4.0", "4.0.0", "4.0.1"})
_FORM: Final = "application/x-www-form-urlencoded"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def parameters(*encoded: bytes) -> Params:
    """The parameters of a query and of a form, in their order, decoded as a form is (WHATWG URL, 5.1).

    A ``+`` is a space: where a client meant an offset, who reads the value knows it. Raises InvalidMessage
    for what is not UTF-8, holds control characters, or is more than :data:`MAX_PARAMETERS`, and for a
    token among the parameters (RFC 6750, section 2.3, advises against it: URLs are logged on the way).
    """
    pieces = [piece for text in encoded for piece in text.split(b"&") if piece]
    if len(pieces) > MAX_PARAMETERS:
        raise _invalid("too-costly", f"There are more than {MAX_PARAMETERS} parameters.")
    decoded = tuple((_decode(name), _decode(value)) for name, _, value in (p.partition(b"=") for p in pieces))
    if any(name == "access_token" for name, _ in decoded):
        raise _invalid("invalid", "Send the token in the header Authorization, not as a parameter.")
    return decoded


def query(request: web.Request) -> bytes:
    """The query of the URL as it came. The server refuses a request line of more than 8 KB."""
    return request.rel_url.raw_query_string.encode("utf-8", "surrogateescape")


def _decode(raw: bytes) -> str:
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise _invalid("structure", "A parameter is not percent-encoded UTF-8.") from None
    if _CONTROL.search(text):
        raise _invalid("value", "A parameter holds a control character.")
    return text


def require_form(request: web.Request) -> None:
    """Raise UnsupportedMediaType unless the body is a plain form (FHIR R4, http.html#search)."""
    media_type, *rest = (
        part.strip().lower() for part in request.headers.get(hdrs.CONTENT_TYPE, "").split(";")
    )
    if media_type != _FORM or not all(_plain(each) for each in rest if each):
        text = f"A search is posted as a form in UTF-8; send Content-Type: {_FORM}."
        raise UnsupportedMediaType(Issue("structure", "", text))
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        text = "The body must not be compressed; leave Content-Encoding out."
        raise UnsupportedMediaType(Issue("structure", "", text))


def _plain(parameter: str) -> bool:
    """Whether a parameter of a form's media type is of no harm: its charset, or the version of FHIR."""
    name, _, value = parameter.replace('"', "").partition("=")
    return (name.strip() == "charset" and value.strip() == "utf-8") or (
        name.strip() == "fhirversion" and value.strip() in _VERSIONS
    )


def without_format(request: web.Request, params: Params) -> Params:
    """``params`` less ``_format``, which concerns only the shape of the answer.

    Raises NotAcceptable unless the caller takes FHIR R4 as JSON. ``_format`` overrules ``Accept``, as FHIR
    has it.
    """
    formats = [value.strip() for name, value in params if name == "_format" and value.strip()]
    if formats:
        taken = all(_is_json(_UNESCAPED.sub("+", value), _JSON_FORMATS) for value in formats)
    else:
        taken = _accepted(request.headers.getall(hdrs.ACCEPT, []))
    if not taken:
        text = "Only FHIR R4 in JSON is spoken here; ask for application/fhir+json."
        raise NotAcceptable(Issue("not-supported", "", text))
    return tuple(each for each in params if each[0] != "_format")


def _accepted(headers: Sequence[str]) -> bool:
    ranges = [each.strip() for header in headers for each in header.split(",") if each.strip()]
    return not ranges or any(_is_json(each, _JSON_RANGES) for each in ranges)


def _is_json(media_range: str, known: Iterable[str]) -> bool:
    media_type, *rest = (part.strip().lower() for part in media_range.split(";"))
    for each in rest:
        name, _, value = each.partition("=")
        refused = name.strip() == "q" and not value.strip("0. ")
        other = name.strip() == "fhirversion" and value.strip().strip('"') not in _VERSIONS
        if refused or other:
            return False
    return media_type in known


def is_strict(request: web.Request) -> bool:
    """Whether the caller wants unknown parameters refused: ``Prefer: handling=strict`` (RFC 7240)."""
    told = (each for header in request.headers.getall("Prefer", []) for each in re.split(r"[,;]", header))
    return any(each.replace(" ", "").replace('"', "").lower() == "handling=strict" for each in told)


def _invalid(code: str, text: str) -> InvalidMessage:
    return InvalidMessage(Issue(code, "", text))
