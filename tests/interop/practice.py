"""A group practice as its own EHR holds it: what is loaded into a real FHIR server, and kept to compare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import requests

Json = dict[str, Any]

NPI = "http://hl7.org/fhir/sid/us-npi"
SNOMED = "http://snomed.info/sct"
OFFICE_VISIT, FOLLOW_UP = "308335008", "390906007"
PEOPLE = (
    ("4356789876", "Pat", "Granite", "MD"),
    ("4356780018", "Quinn", "Basalt", "DO"),
    ("4356780026", "Robin", "Feldspar", "FNP-C"),
    ("4356780034", "Sam", "Marble", "MD"),
)
BY_ROLE = PEOPLE[1][0]
"""Whose schedules name no person and no place, but what the person does there."""
PLACES = ("North Street Practice", "South Street Practice")
FIRST_DAY = datetime(2025, 10, 20, tzinfo=UTC)
DAYS = 9
# Instants are written in the practice's own offset, in UTC, and in that of somebody who travels.
_OFFSETS = (timezone(timedelta(hours=-7)), UTC, timezone(timedelta(hours=5, minutes=45)))
_STATUSES = ("free", "busy", "free", "free", "busy-unavailable", "free", "busy-tentative", "entered-in-error")


@dataclass(frozen=True)
class Held:
    """A slot that the EHR holds, with instants in UTC."""

    id: str
    npi: str
    place: str
    start: datetime
    minutes: int
    status: str
    kind: str

    def told(self) -> tuple[str, str, int, str, str]:
        """As the entry of a Redox answer that it should become: ID, DateTime, Duration, NPI, facility."""
        return self.id, f"{self.start:%Y-%m-%dT%H:%M:%S}.000Z", self.minutes, self.npi, self.place


@dataclass(frozen=True)
class Practice:
    """The server's base URL, and every slot that was loaded."""

    url: str
    slots: tuple[Held, ...]


def load(url: str) -> Practice:
    """Creates eight schedules of four people at two places, and nine days of their slots, free or not."""
    with requests.Session() as session:

        def create(resource: Json) -> str:
            response = session.post(f"{url}/{resource['resourceType']}", json=resource, timeout=10)
            assert response.status_code == 201, response.text
            return str(response.json()["id"])

        places = {name: create({"resourceType": "Location", "name": name}) for name in PLACES}
        slots = []
        for npi, first, last, suffix in PEOPLE:
            name = {"given": [first], "family": last, "suffix": [suffix]}
            identifier = [{"system": "urn:other", "value": "7"}, {"system": NPI, "value": npi}]
            person = create({"resourceType": "Practitioner", "identifier": identifier, "name": [name]})
            for place, location in places.items():
                who, where = {"reference": f"Practitioner/{person}"}, {"reference": f"Location/{location}"}
                actor = [where, who]
                if npi == BY_ROLE:
                    role = {"resourceType": "PractitionerRole", "practitioner": who, "location": [where]}
                    actor = [{"reference": f"PractitionerRole/{create(role)}"}]
                schedule = create({"resourceType": "Schedule", "actor": actor})
                for held in _slots(npi, place):
                    slots.append(_with_id(held, create(_resource(held, schedule, len(slots)))))
        return Practice(url, tuple(slots))


def _slots(npi: str, place: str) -> list[Held]:
    """Six slots a day at this place: no two schedules and no two days alike."""
    found = []
    turn = int(npi[-2:]) + PLACES.index(place)
    for number in range(DAYS * 6):
        day, step = divmod(number, 6)
        start = FIRST_DAY + timedelta(
            days=day, hours=15 + step + 2 * PLACES.index(place), minutes=5 * (turn % 12)
        )
        status = _STATUSES[(number + turn) % len(_STATUSES)]
        kind = OFFICE_VISIT if (number + turn) % 3 else FOLLOW_UP
        found.append(Held("", npi, place, start, 20 if number % 2 else 30, status, kind))
    return found


def _with_id(held: Held, identity: str) -> Held:
    return Held(identity, held.npi, held.place, held.start, held.minutes, held.status, held.kind)


def _resource(held: Held, schedule: str, number: int) -> Json:
    zone = _OFFSETS[number % len(_OFFSETS)]
    end = held.start + timedelta(minutes=held.minutes)
    return {
        "resourceType": "Slot",
        "schedule": {"reference": f"Schedule/{schedule}"},
        "status": held.status,
        "start": held.start.astimezone(zone).isoformat(),
        "end": end.astimezone(zone).isoformat(),
        "serviceType": [{"coding": [{"system": SNOMED, "code": held.kind}]}],
    }
