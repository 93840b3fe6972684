"""The schema that people see and the models that the program trusts have the same keys, limits, defaults."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator
from pydantic import BaseModel

from gateway.config import Settings
from gateway.config import settings as models
from gateway.config.explain import schema
from gateway.shipped import folder

RULES = ("type", "default", "minimum", "maximum", "exclusiveMinimum", "pattern", "enum")


def test_the_schema_is_a_schema_and_says_the_same_as_the_models() -> None:
    Draft202012Validator.check_schema(schema())
    root: Any = schema()
    site = root["properties"]["sites"]["items"]["properties"]
    pairs: list[tuple[Any, type[BaseModel]]] = [
        (root, Settings),
        (root["properties"]["server"], models.Server),
        (root["properties"]["server"]["properties"]["tls"], models.Tls),
        (root["properties"]["admin"], models.Admin),
        (root["properties"]["log"], models.Log),
        (root["properties"]["sites"]["items"], models.Site),
        (site["redox"], models.RedoxSide),
        (site["fhir"], models.FhirSide),
        (site["fhir"]["properties"]["jwt"], models.Jwt),
        (site["fhir"]["properties"]["clients"]["items"], models.FhirClient),
        (site["upstream"], models.Upstream),
    ]
    for said, model in pairs:
        names = {name for name in said["properties"] if name.removesuffix("_file") not in said["properties"]}
        names |= {name for name in said["properties"] if said["properties"][name].get("writeOnly")}
        names |= {name for name in said["properties"] if not name.endswith("_file")}
        # What sites share is laid under them before a model sees it.
        names -= {"defaults", "like"} if model is Settings else set()
        assert names == set(model.model_fields), model
        guaranteed = model.model_json_schema()["properties"]
        for name in names:
            ours = {rule: said["properties"][name].get(rule) for rule in RULES}
            # an optional key is "this or null" in the model's words
            theirs = guaranteed[name]
            theirs = theirs | next(
                (kind for kind in theirs.get("anyOf", ()) if kind.get("type") != "null"), {}
            )
            if "type" in ours and ours["default"] is not None:
                assert theirs["default"] == ours["default"], (model, name)
            for rule in ("minimum", "maximum", "exclusiveMinimum", "pattern", "enum"):
                assert theirs.get(rule) == ours[rule], (model, name, rule)


def test_the_dialects_that_a_typing_error_may_mean_are_those_shipped() -> None:
    dialect = schema()["properties"]["sites"]["items"]["properties"]["upstream"]["properties"]["dialect"]
    known = {each.parent.name for each in folder("mappings").glob("*/dialect.yaml")} - {"base"}
    assert set(dialect["x-near"]) == known
