"""Every row of the answer and directory tables, in a transcript each way: a clinic of which everything is
known, told to Redox and, as Redox tells it, to a FHIR client again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.core.plan import Answer, Call, Outcome
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import ANSWER, DIRECTORY, Tables, Wanted, schemas
from gateway.tables.compile.bind import BoundRow, bind
from gateway.tables.rows import paths
from tests import clinic, partner

Json = dict[str, Any]

SCHEDULE, PERSON, PLACE = "north-granite", "p1", "l1"
RESOURCES: dict[str, Json] = {
    "Schedule": {
        "resourceType": "Schedule",
        "id": SCHEDULE,
        "serviceType": [{"coding": [{"code": "follow-up"}]}],
        "specialty": [{"coding": [{"system": "http://snomed.info/sct", "code": "394802001"}]}],
        "actor": [
            {"reference": f"Practitioner/{PERSON}", "type": "Practitioner"},
            {"reference": f"Location/{PLACE}", "type": "Location"},
        ],
    },
    "Practitioner": {
        "resourceType": "Practitioner",
        "id": PERSON,
        "identifier": [{"system": clinic.NPI, "value": "4356789876"}],
        "name": [{"family": "Granite", "given": ["Pat"], "suffix": ["MD", "PhD"]}],
        "telecom": [{"system": "phone", "use": "work", "value": "5105550136"}],
        "address": [
            {
                "use": "work",
                "line": ["12 Juniper Street"],
                "city": "Oakland",
                "state": "CA",
                "postalCode": "94609",
                "country": "US",
            }
        ],
    },
    "Location": {
        "resourceType": "Location",
        "id": PLACE,
        "name": "RES General Hospital",
        "alias": ["RES", "The General"],
        "identifier": [
            {"system": "urn:redox:location", "value": "wing-2"},
            {"system": "urn:redox:department", "value": "3N"},
            {"system": "urn:redox:room", "value": "136"},
        ],
    },
}


def instead(**changed: Json) -> list[Json]:
    return [*{**RESOURCES, **changed}.values()]


def place(code: str, **more: Any) -> Json:
    return {
        "resourceType": "Location",
        "id": PLACE,
        "name": "x",
        "physicalType": {"coding": [{"code": code}]},
        **more,
    }


PLAIN = {"resourceType": "Schedule", "id": SCHEDULE, "actor": [{"reference": f"Location/{PLACE}"}]}
ZONED = [{"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": "America/Denver"}]
SPECIAL = [{"coding": [{"code": "394802001"}]}]
# The resources of which each of these rows reads its column, where the first row for it finds nothing.
ELSEWHERE: dict[str, list[Json]] = {
    "facility of an organization": instead(
        Location=place("ro", managingOrganization={"reference": "Organization/o1"}),
        Organization={"resourceType": "Organization", "id": "o1", "name": "RES Health"},
    ),
    "alias of an organization": instead(
        Location=place("ro", managingOrganization={"reference": "Organization/o1"}),
        Organization={"resourceType": "Organization", "id": "o1", "name": "RES Health", "alias": ["RES"]},
    ),
    "department of a hierarchy": instead(Location=place("wa")),
    "timezone": instead(Schedule={**RESOURCES["Schedule"], "extension": ZONED}),
    "timezone of a place": instead(Location=place("ro", extension=ZONED)),
    "timezone of a site": instead(Location=place("si", extension=ZONED)),
    "department_alias": instead(Location=place("wa", alias=["3N"])),
    "room of a hierarchy": instead(Location=place("ro")),
    "room_alias": instead(Location=place("ro", alias=["12"])),
    "specialty of a role": instead(
        Schedule={**PLAIN, "actor": [{"reference": "PractitionerRole/r1"}]},
        PractitionerRole={
            "resourceType": "PractitionerRole",
            "id": "r1",
            "specialty": SPECIAL,
            "location": [{"reference": f"Location/{PLACE}"}],
        },
    ),
    "specialty of a service": instead(
        Schedule={**PLAIN, "actor": [{"reference": "HealthcareService/h1"}]},
        HealthcareService={
            "resourceType": "HealthcareService",
            "id": "h1",
            "specialty": SPECIAL,
            "location": [{"reference": f"Location/{PLACE}"}],
        },
    ),
}
SLOT = {
    **clinic.slot("2025-10-28T10:00:00-07:00", "2025-10-28T10:30:00-07:00", SCHEDULE),
    "id": "slot-7",
    "identifier": [{"system": "urn:redox:slot", "value": "redox-7"}],
    "appointmentType": {"text": "Follow Up"},
    "comment": "Bring your card\nCome early",
}


def ehr(call: Call) -> Outcome:
    found = SLOT if call.target == "Slot" else RESOURCES[call.target]
    return Answer(call, (clinic.bundle(found),))


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return Tables(tmp_path_factory.mktemp("rows")).build(Wanted("clinic", "fhir-r4", clinic.ZONE.key))


@pytest.fixture(scope="module")
def told(mapping: SiteTables) -> Json:
    """The slot as Redox is told it."""
    body, _, _ = clinic.ask(mapping, clinic.query(), ehr)
    slot: Json = body["AvailableSlots"][0]
    return slot


@pytest.fixture(scope="module")
def back(mapping: SiteTables, told: Json, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """What a FHIR client reads of the site whose Redox tells that slot, by resource type."""
    line = clinic_line(mapping)
    columns = [name for name in line if line[name]]
    csv = ",".join(columns) + "\n" + ",".join(line[name] for name in columns) + "\n"
    folder: Path = tmp_path_factory.mktemp("back")
    asked = partner.tables(folder, csv=csv)
    search = "Slot?start=ge2025-10-28&_include=Slot:schedule&_include:iterate=Schedule:actor"
    found = partner.Search(partner.site(asked), search, partner.saying(partner.answered(told)))
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in found.body["entry"]}


def clinic_line(mapping: SiteTables) -> dict[str, str]:
    return line_of(mapping, *RESOURCES.values())


def line_of(mapping: SiteTables, *resources: Json) -> dict[str, str]:
    def answered(call: Call) -> Outcome:
        return Answer(
            call, (clinic.bundle(*(each for each in resources if each["resourceType"] == call.target)),)
        )

    outcomes = [answered(call) for call in mapping.directory_calls()]
    while more := mapping.directory_more(outcomes):
        outcomes += map(answered, more)
    (line,) = mapping.directory(outcomes).lines
    return dict(line)


def rows(mapping: SiteTables, table: str) -> tuple[BoundRow, ...]:
    return bind(mapping.tables[table], mapping.context, schemas())


def names(table: str) -> list[str]:
    made = Tables(None).build(Wanted("clinic", "fhir-r4", clinic.ZONE.key))
    return [row.key for row in made.tables[table].rows if not row.ignore]


def of(mapping: SiteTables, table: str, key: str) -> BoundRow:
    return next(bound for bound in rows(mapping, table) if bound.row.key == key)


@pytest.mark.parametrize("key", names(ANSWER))
def test_each_row_of_the_answer(mapping: SiteTables, told: Json, back: dict[str, Json], key: str) -> None:
    row = of(mapping, ANSWER, key).row
    if row.to_redox and row.redox is not None:
        assert paths.read(row.redox, told), f"{row.redox} is not told to Redox"
    if row.to_fhir and row.fhir:
        assert paths.read(row.fhir[0].below(1), back["Slot"]), f"{row.fhir[0]} is not told to a FHIR client"
    if row.to_redox and row.to_fhir and row.redox is not None and row.fhir:
        assert paths.read(row.fhir[0].below(1), back["Slot"]) == paths.read(row.fhir[0].below(1), SLOT)


@pytest.mark.parametrize("key", names(DIRECTORY))
def test_each_row_of_the_directory(mapping: SiteTables, back: dict[str, Json], key: str) -> None:
    row = of(mapping, DIRECTORY, key).row
    line = line_of(mapping, *ELSEWHERE[key]) if key in ELSEWHERE else clinic_line(mapping)
    assert line[row.directory or ""], f"{row.directory} is not read"
    if row.to_fhir:
        path, root = row.fhir[0].below(1), row.root or ""
        assert paths.read(path, back[root]), f"{row.fhir[0]} is not told to a FHIR client"
        if row.way == "both" and root != "Location":
            assert paths.read(path, back[root]) == paths.read(path, RESOURCES[root])
