"""FHIR R4 resources, Bundles and OperationOutcomes in the shapes of Canvas's documentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from gateway.sandbox.clinic import OpenSlot, Person, Place, Schedule

Json = dict[str, Any]
NPI = "http://hl7.org/fhir/sid/us-npi"


def outcome(code: str, text: str) -> Json:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": code, "details": {"text": text}}],
    }


def schedule_resource(schedule: Schedule) -> Json:
    """The place is told by the comment alone: ``actor`` has only the Practitioner."""
    return {
        "resourceType": "Schedule",
        "id": schedule.id,
        "text": {"status": "generated", "div": f"<div>{schedule.comment}</div>"},
        "actor": [{"reference": f"Practitioner/{schedule.person.id}", "type": "Practitioner"}],
        "comment": schedule.comment,
    }


def slot_resource(schedule: Schedule, slot: OpenSlot) -> Json:
    """Slots have no id; their times carry the clinic's offset."""
    return {
        "resourceType": "Slot",
        "schedule": {"reference": f"Schedule/{schedule.id}", "type": "Schedule"},
        "status": "free",
        "start": slot.start.isoformat(),
        "end": slot.end.isoformat(),
    }


def practitioner_resource(person: Person, place: Place) -> Json:
    """``place`` is where the person chiefly works; its address is given as the person's work address."""
    name: Json = {
        "use": "usual",
        "text": f"{person.given} {person.family}",
        "family": person.family,
        "given": [person.given],
    }
    if person.suffix_told:
        name["suffix"] = list(person.credentials)
    resource: Json = {"resourceType": "Practitioner", "id": person.id}
    if person.npi is not None:
        resource["identifier"] = [{"system": NPI, "value": person.npi}]
    resource |= {
        "active": True,
        "name": [name],
        "telecom": [
            {"system": "phone", "value": person.phone, "use": "work", "rank": 1},
            {"system": "email", "value": person.email, "use": "work", "rank": 1},
        ],
        "address": [{"use": "work", "type": "both"} | _address(place, "United States")],
        "birthDate": "1980-01-01",
    }
    return resource


def location_resource(place: Place) -> Json:
    """The id is a UUID that has nothing to do with the number in the schedules' ids."""
    return {
        "resourceType": "Location",
        "id": place.id,
        "identifier": [{"system": NPI, "value": place.group_npi}],
        "status": "active",
        "name": place.name,
        "alias": [place.alias],
        "description": f"Sandbox Clinics: {place.name}",
        "telecom": [{"system": "phone", "value": place.phone, "use": "work"}],
        "address": {"use": "work"} | _address(place, "USA"),
    }


def bundle(
    resources: Sequence[Json],
    *,
    path: str,
    params: Sequence[tuple[str, str]],
    count: int,
    offset: int,
    links: bool,
) -> Json:
    """One page of a search: ``resources`` is all that matched, ``params`` what was asked beside the paging.

    Links are relative. ``links``: whether a result that fits on one page has them too (the samples
    of Location have, those of Slot and Schedule have not). Nothing found: neither links nor entry.
    """
    found: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(resources)}
    if resources and (links or len(resources) > count):
        last = (len(resources) - 1) // count * count
        offsets = {
            "self": offset,
            "first": 0,
            "next": offset + count,
            "previous": offset - count,
            "last": last,
        }
        found["link"] = [
            {
                "relation": relation,
                "url": f"{path}?{urlencode([*params, ('_count', count), ('_offset', at)])}",
            }
            for relation, at in offsets.items()
            if relation not in ("next", "previous") or 0 <= at < len(resources)
        ]
    page = resources[offset : offset + count]
    if page:
        found["entry"] = [{"resource": resource} for resource in page]
    return found


def _address(place: Place, country: str) -> Json:
    return {
        "line": [place.line],
        "city": place.city,
        "state": place.state,
        "postalCode": place.postal_code,
        "country": country,
    }


_SEARCHED: dict[str, tuple[tuple[tuple[str, str], ...], tuple[str, ...]]] = {
    "Schedule": ((), ("search-type",)),
    "Slot": (
        (
            ("schedule", "reference"),
            ("start", "date"),
            ("end", "string"),
            ("duration", "number"),
            ("appointment-type", "token"),
        ),
        ("search-type",),
    ),
    "Practitioner": (
        (
            ("_id", "token"),
            ("name", "string"),
            ("email", "string"),
            ("active", "token"),
            ("include-non-schedulable-practitioners", "token"),
            ("npi-number", "token"),
        ),
        ("read", "search-type"),
    ),
    "Location": ((("_id", "token"),), ("read", "search-type")),
}


def capability_statement(date: str) -> Json:
    """What this simulator really answers; the NPI parameter under its live name."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "implementation": {"description": "A simulated Canvas for trying things out; nobody in it is real."},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": name,
                        "interaction": [{"code": code} for code in interactions],
                        "searchParam": [{"name": param, "type": kind} for param, kind in params],
                    }
                    for name, (params, interactions) in _SEARCHED.items()
                ],
            }
        ],
    }
