"""The part of a resource that a client wants: `_summary` and `_elements` (FHIR R4, search). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.core.fhir import SUBSETTED

SUMMARIES = ("true", "text", "data")
_OF_ALL = "id meta implicitRules language text contained extension modifierExtension identifier"
_OF_BOTH = "serviceCategory serviceType specialty comment"  # Slot and Schedule
# The elements that R4 has for each type, which a client may name whether ours have them or not.
ELEMENTS: Mapping[str, frozenset[str]] = {
    kind: frozenset(f"{_OF_ALL} {names}".split())
    for kind, names in {
        "Slot": f"{_OF_BOTH} appointmentType schedule status start end overbooked",
        "Schedule": f"{_OF_BOTH} active actor planningHorizon",
        "Practitioner": "active name telecom address gender birthDate photo qualification communication",
        "Location": (
            "status operationalStatus name alias description mode type telecom address physicalType position "
            "managingOrganization partOf hoursOfOperation availabilityExceptions endpoint"
        ),
    }.items()
}
# Of each type what R4 marks as part of its summary, of the elements that may be in ours.
_SUMMARY: Mapping[str, frozenset[str]] = {
    "Slot": frozenset(
        [
            "identifier",
            "serviceCategory",
            "serviceType",
            "specialty",
            "appointmentType",
            "schedule",
            "status",
            "start",
            "end",
        ]
    ),
    "Schedule": frozenset(
        ["identifier", "active", "serviceCategory", "serviceType", "specialty", "actor", "planningHorizon"]
    ),
    "Practitioner": frozenset(["identifier", "active", "name", "telecom", "address", "gender", "birthDate"]),
    "Location": frozenset(
        [
            "identifier",
            "status",
            "operationalStatus",
            "name",
            "description",
            "mode",
            "type",
            "physicalType",
            "managingOrganization",
        ]
    ),
}
# What is never left out: elements that must be there, and those that change what the others mean.
_ALWAYS = frozenset({"resourceType", "id", "meta", "implicitRules", "modifierExtension"})
_MANDATORY: Mapping[str, frozenset[str]] = {
    "Slot": frozenset({"schedule", "status", "start", "end"}),
    "Schedule": frozenset({"actor"}),
    "Practitioner": frozenset(),
    "Location": frozenset({"status"}),
}


@dataclass(frozen=True, slots=True)
class Subset:
    """``summary`` is one of :data:`SUMMARIES` or empty; ``elements`` are names of elements, none for all."""

    summary: str = ""
    elements: frozenset[str] = frozenset()

    def entry(self, kind: str, text: str) -> str:
        """An entry with that part of its resource, which is what was searched for."""
        if self._kept(kind, match=True) is None:
            return text
        entry = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        entry["resource"] = msgspec.Raw(self.of(kind, bytes(entry["resource"]).decode()).encode())
        return msgspec.json.encode(entry).decode()

    def of(self, kind: str, text: str, *, match: bool = True) -> str:
        """That part of a resource (its JSON), marked as one. ``match``: it is what was searched for, and did
        not only come along: `_elements` speaks of these alone."""
        kept = self._kept(kind, match=match)
        if kept is None:
            return text
        whole: dict[str, Any] = msgspec.json.decode(text)
        part = {name: value for name, value in whole.items() if name.removeprefix("_") in kept}
        tags = part.get("meta", {}).get("tag", [])
        part["meta"] = {**part.get("meta", {}), "tag": [*tags, SUBSETTED]}
        return msgspec.json.encode(part).decode()

    def _kept(self, kind: str, *, match: bool) -> frozenset[str] | None:
        """The elements that stay; None: all of them."""
        always = _ALWAYS | _MANDATORY[kind]
        if self.elements and match:
            return always | self.elements
        if self.summary == "true":
            return always | _SUMMARY[kind]
        # Ours have no narrative: `data` is all of a resource.
        return always | {"text"} if self.summary == "text" else None


WHOLE = Subset()
