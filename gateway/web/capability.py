"""What a site's FHIR endpoint says of itself: the CapabilityStatement and the SMART configuration."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from gateway.core.fhir import TYPES
from gateway.web.access import JwtRules
from gateway.web.exchange import FhirSite, SearchParameter

_SECURITY_CODES: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_ABOUT: Final = {
    "Slot": "Open times, by start (_sort=start, or -start for the latest first). Only free ones are told.",
    "Schedule": "Whose time is told, and where.",
    "Practitioner": "Who works by the schedules, and how to reach them at work.",
    "Location": "Where they work.",
}
_INTERACTIONS: Final = ("read", "search-type")


def statement(site: FhirSite, base: str, *, routed: Collection[str], version: str, since: datetime) -> bytes:
    """A CapabilityStatement (FHIR R4) of the endpoint at ``base``, as JSON.

    It names the types that are both ``routed`` and had by the site, with the parameters the site reads.
    ``version`` is this software's; ``since`` is when what is said here began to hold (with its zone).
    """
    types = [name for name in TYPES if name in routed and name in site.searchable]
    told: dict[str, Any] = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": since.astimezone(UTC).isoformat(timespec="seconds"),
        "kind": "instance",
        "software": {"name": "redox-fhir-gateway", "version": version},
        "implementation": {"description": f"Open appointment times of the site {site.id}", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": (
                    "Parameters that are not listed are ignored, and named in an OperationOutcome of the "
                    "answer; those that would narrow the result are refused, and with Prefer: "
                    "handling=strict all of them. Searches may be sent by GET, or by POST to _search. Of the "
                    "result: _count, _summary (true, text, data, count), _elements, _total, _include where "
                    "it is listed; _format is JSON, and _pretty changes nothing. The self link says what was "
                    "used; follow the next link as it is."
                ),
                "security": _security(site),
                "resource": [_resource(name, site.searchable[name], site.includes) for name in types],
            }
        ],
    }
    return msgspec.json.encode(told)


def _security(site: FhirSite) -> dict[str, Any]:
    if site.access.jwt is None:
        return {"cors": False, "description": "A bearer token that was agreed upon, in Authorization."}
    text = f"A bearer token: agreed upon, or a JWT of the site's issuer with the scope {site.access.scope}."
    coding = {"system": _SECURITY_CODES, "code": "SMART-on-FHIR", "display": "SMART-on-FHIR"}
    return {"cors": False, "service": [{"coding": [coding]}], "description": text}


def _resource(name: str, searched: Sequence[SearchParameter], includes: Sequence[str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": name,
        "documentation": _ABOUT[name],
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "no-version",
        "readHistory": False,
        "conditionalCreate": False,
        "conditionalRead": "not-supported",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
    }
    # A Slot search follows all of them, those of other types by _include:iterate.
    followed = [each for each in includes if name == "Slot" or each.startswith(f"{name}:")]
    if followed:  # a list that is there must not be empty (FHIR, JSON representation)
        told["searchInclude"] = followed
    if searched:
        told["searchParam"] = [_parameter(each) for each in searched]
    return told


def _parameter(each: SearchParameter) -> dict[str, str]:
    told = {"name": each.name, "type": each.type}
    return told | ({"documentation": each.documentation} if each.documentation else {})


def smart_configuration(rules: JwtRules, scopes: Sequence[str]) -> bytes:
    """The document below ``.well-known/smart-configuration`` (SMART App Launch 2), as JSON.

    Only what is known to be so is in it: the issuer's ``token_endpoint`` is left out where it is not
    configured (a client then asks the issuer's own metadata), and so is what only the issuer can promise.
    """
    told: dict[str, Any] = {
        "issuer": rules.issuer,
        "jwks_uri": rules.jwks_url,
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": list(scopes),
        "capabilities": ["permission-v1", "permission-v2"],
    }
    if rules.token_endpoint is not None:
        told["token_endpoint"] = rules.token_endpoint
    return msgspec.json.encode(told)
