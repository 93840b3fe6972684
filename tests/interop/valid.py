"""What comes out of a gateway is held against models and validators that others wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from redox.scheduling import AvailableSlotsResponse

Json = dict[str, Any]
Valid = Callable[[Iterable[Json]], None]


def redox_answer(answer: Json) -> Json:
    """The answer, if the `redox` package takes it."""
    AvailableSlotsResponse.model_validate(answer)
    return answer


def by_models(resources: Iterable[Json]) -> None:
    """Fails unless fhir.resources (R4B) takes every one of the resources, and there is one."""
    found = list(resources)
    assert found
    for resource in found:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
