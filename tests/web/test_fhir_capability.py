"""What an endpoint says of itself is valid, and true."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from gateway.web.access import JwtRules
from tests.partner import nothing_empty
from tests.web.fhir_side import BEARER, SEARCHABLE, access, fhir_side

RULES = JwtRules("https://auth.example", "https://gateway.example/fhir", "https://auth.example/jwks")


def of(statement: Any, name: str) -> Any:
    return next(each for each in statement["rest"][0]["resource"] if each["type"] == name)


@pytest.mark.parametrize("rules", [None, RULES])
async def test_the_statement_is_valid_and_needs_no_token(rules: JwtRules | None) -> None:
    async with fhir_side(access(jwt=rules)) as side:
        told, response = await side.ask("/metadata?mode=full", headers={})
        CapabilityStatement.model_validate(told)
        assert told["fhirVersion"] == "4.0.1"
        assert told["date"] == "2026-01-02T03:04:05+00:00"
        assert told["software"] == {"name": "redox-fhir-gateway", "version": "1.2.3"}
        assert told["implementation"]["url"] == side.base
        assert response.headers["Content-Type"] == "application/fhir+json; charset=utf-8"
        assert ("service" in told["rest"][0]["security"]) is (rules is not None)
        (line,) = side.lines()
        assert (line["route"], line["redox_event"]) == ("/fhir/{site}/metadata", "metadata")


async def test_the_statement_names_what_the_site_has_and_no_more() -> None:
    async with fhir_side() as side:
        told, _ = await side.ask("/metadata")
        rest = told["rest"][0]
        assert [each["type"] for each in rest["resource"]] == list(SEARCHABLE)
        slot, schedule = of(told, "Slot"), of(told, "Schedule")
        assert [each["name"] for each in slot["searchParam"]] == ["schedule", "start", "status"]
        assert slot["searchParam"][2] == {"name": "status", "type": "token"}
        assert slot["searchInclude"] == ["Slot:schedule", "Schedule:actor"]
        assert schedule["searchInclude"] == ["Schedule:actor"]
        assert "searchInclude" not in of(told, "Practitioner")


async def test_the_rules_that_r4_has_for_it_hold() -> None:
    async with fhir_side() as side:
        told, _ = await side.ask("/metadata")
        assert told["rest"] and told["implementation"]["description"] and told["software"]["name"]  # cpb-1, 2
        assert (told["kind"], "messaging" in told, "document" in told) == (
            "instance",
            False,
            False,
        )  # 3, 7, 14
        resources = told["rest"][0]["resource"]
        assert len({each["type"] for each in resources}) == len(resources)  # cpb-9
        for each in resources:
            names = [one["name"] for one in each["searchParam"]]
            assert len(set(names)) == len(names)  # cpb-12
            assert each["documentation"]
        assert nothing_empty(told)


async def test_each_interaction_of_the_statement_works_and_the_others_do_not() -> None:
    async with fhir_side() as side:
        told, _ = await side.ask("/metadata")
        for each in told["rest"][0]["resource"]:
            assert {one["code"] for one in each["interaction"]} == {"read", "search-type"}
            await side.ask(f"/{each['type']}")
            await side.ask(f"/{each['type']}/a")
            for method, path in (("POST", ""), ("PUT", "/a"), ("PATCH", "/a"), ("DELETE", "/a")):
                await side.refused(f"/{each['type']}{path}", 405, method=method)
            await side.refused(f"/{each['type']}/a/_history", 404)


async def test_the_smart_configuration_tells_what_is_known() -> None:
    async with fhir_side(access(jwt=RULES)) as side:
        told, response = await side.ask("/.well-known/smart-configuration", headers={"Accept": "text/html"})
        assert response.headers["Content-Type"] == "application/json"
        assert told == {
            "issuer": RULES.issuer,
            "jwks_uri": RULES.jwks_url,
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": ["system/Slot.read"],
            "capabilities": ["permission-v1", "permission-v2"],
        }


async def test_the_smart_configuration_names_a_token_endpoint_that_is_configured() -> None:
    rules = JwtRules(RULES.issuer, RULES.audience, RULES.jwks_url, "https://auth.example/token")
    async with fhir_side(access(jwt=rules)) as side:
        told, _ = await side.ask("/.well-known/smart-configuration", headers={})
        assert told["token_endpoint"] == "https://auth.example/token"


async def test_there_is_no_smart_configuration_without_an_issuer() -> None:
    async with fhir_side() as side:
        text, _ = await side.refused("/.well-known/smart-configuration", 404, headers=BEARER)
        assert text == "This site has no issuer of tokens; its tokens are agreed upon."
