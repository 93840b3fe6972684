"""Why a Slot was left out: the slow, full validators, asked only about what the fast way refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from gateway.core.errors import Issue
from gateway.tables.answer.message_faults import dotted

# The rules that a refused slot breaks, as Issues at FHIR paths.
Explain = Callable[[Any], list[Issue]]


def explain_slot(value: Any, explain: Explain) -> Issue:
    """One Issue for one malformed slot. Only names and rules, nothing that stood in the slot."""
    if not isinstance(value, dict):
        return Issue(
            "structure", "Bundle.entry.resource", "an entry without a readable resource was left out", "error"
        )
    found = explain(value) or _by_model(value)
    if not found:
        return Issue("structure", "Slot", "a Slot that cannot be converted was left out", "error")
    rules = "; ".join(str(issue) for issue in found[:3])
    return Issue(found[0].code, found[0].path, f"a malformed Slot was left out ({rules})", "error")


def _by_model(value: dict[str, Any]) -> list[Issue]:
    """What fhir.resources says of a Slot that no row finds anything wrong with."""
    from fhir.resources.R4B.slot import Slot  # heavy, and only needed here

    try:
        Slot.model_validate(value)
    except ValidationError as error:
        return [
            Issue(
                "structure",
                _path(each),
                f"is not as FHIR has it ({each['type'].replace('_', ' ')})",
            )
            for each in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    except (KeyError, TypeError, ValueError):
        return []
    return []


def _path(error: Any) -> str:
    """Where it is; the names of fields that FHIR does not have are the upstream's own, and not told."""
    return "Slot" if error["type"] == "extra_forbidden" else dotted(("Slot", *error["loc"]))
