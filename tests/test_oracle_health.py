"""The dialect of Oracle Health Millennium, by real requests to a simulated one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from gateway.assemble import Application, assemble, check_configuration
from gateway.core.errors import GatewayError
from gateway.core.plan import Reply
from gateway.web.exchange import Exchange
from tests.oracle_health import CODES, SNOMED, Millennium, Open

SITE = """\
mappings: mappings
sites:
  - id: clinic
    timezone: America/Chicago
    redox: {destination_ids: [clinic], verification_token: 5f2c8e0b71d94a36b0c2}
    upstream:
      dialect: oracle-millennium
      base_url: %(url)s
      token_url: %(url)s/token
      client_id: a
      client_secret: b
"""
TYPES = f"""\
redox_code,redox_system,fhir_code,fhir_system
OFFICE,,4047611,{CODES}
INJECTION,,4047612,{CODES}
CARE,,394802001,{SNOMED}
"""
CSV = """\
schedule,practitioner,provider_id,provider_id_type,last_name,facility,location_id
granite-juniper,593923,4356789876,NPI,Granite,Juniper Clinic,32216049
granite-main,593923,4356789876,NPI,Granite,Main Hospital,21304876
slate-juniper,593924,1987654321,NPI,Slate,Juniper Clinic,32216049
"""
OFFICE, INJECTION, CARE = (CODES, "4047611"), (CODES, "4047612"), (SNOMED, "394802001")
GRANITE, SLATE = {"ID": "4356789876", "IDType": "NPI"}, {"ID": "1987654321", "IDType": "NPI"}


def at(hour: int, kind: tuple[str, str] = OFFICE, day: int = 2, **more: Any) -> Open:
    day_text = f"2026-12-{day:02}"
    return Open(f"{day_text}T{hour:02}:00:00Z", f"{day_text}T{hour:02}:20:00Z", kind, **more)


TIMES = [
    at(15),
    at(16),
    at(17, INJECTION),
    at(18, CARE),
    at(15, place="21304876"),
    at(16, practitioner="593924"),
    at(19, practitioner="593924", place="21304876"),  # where she is on no schedule
    at(20, practitioner=""),
    at(21, status="busy"),
]


@pytest.fixture
async def millennium() -> AsyncIterator[tuple[Millennium, str]]:
    made = Millennium(TIMES)
    server = TestServer(made.app())
    await server.start_server()
    yield made, str(server.make_url("/")).rstrip("/")
    await server.close()


@pytest.fixture
async def application(tmp_path: Path, millennium: tuple[Millennium, str]) -> AsyncIterator[Application]:
    site = tmp_path / "mappings" / "sites" / "clinic"
    (site / "codes").mkdir(parents=True)
    (site / "codes" / "visit-types.csv").write_text(TYPES)
    (site / "schedules.csv").write_text(CSV)
    (tmp_path / "gateway.yaml").write_text(SITE % {"url": millennium[1]})
    made = assemble(
        check_configuration(tmp_path / "gateway.yaml", {}), clock=lambda: datetime(2026, 12, 1, tzinfo=UTC)
    )
    yield made
    await made.close()


async def asked_for(application: Application, **visit: Any) -> Reply:
    body = json.dumps(
        {
            "Meta": {
                "DataModel": "Scheduling",
                "EventType": "AvailableSlots",
                "Destinations": [{"ID": "clinic"}],
            },
            "StartDateTime": "2026-12-01T06:00:00Z",
            "EndDateTime": "2026-12-08T06:00:00Z",
            "Visit": visit,
        }
    ).encode()
    record = Exchange("made-here", "redox", "POST")
    return await application.gateway.redox(body, allowed=frozenset({"clinic"}), site=None, request=record)


async def ask(application: Application, **visit: Any) -> list[tuple[str, str, str, str]]:
    """What is told: when, whose, where, and the slot's id."""
    answered = json.loads((await asked_for(application, **visit)).body)
    return [
        (each["DateTime"][11:13], each["Provider"]["LastName"], each["Location"]["Facility"], each["ID"])
        for each in answered["AvailableSlots"]
    ]


async def test_every_open_time_is_told_under_its_own_practitioner_and_place(
    application: Application, millennium: tuple[Millennium, str]
) -> None:
    found = await ask(application)
    assert [each[:3] for each in found] == [
        ("15", "Granite", "Juniper Clinic"),
        ("15", "Granite", "Main Hospital"),
        ("16", "Granite", "Juniper Clinic"),
        ("16", "Slate", "Juniper Clinic"),
        ("17", "Granite", "Juniper Clinic"),
        ("18", "Granite", "Juniper Clinic"),
    ]
    assert found[0][3] == TIMES[0].id
    # Two searches, as one must not mix standard and proprietary codes; each for all of the three schedules.
    asked = [dict(each) for each in millennium[0].asked]
    assert [each["service-type"] for each in asked] == [
        f"{SNOMED}|394802001",
        f"{CODES}|4047611,{CODES}|4047612",
    ]
    assert {each["schedule.actor"] for each in asked} == {"Practitioner/593923,Practitioner/593924"}
    assert {each["-location"] for each in asked} == {"Location/32216049,Location/21304876"}


async def test_what_is_asked_narrows(application: Application, millennium: tuple[Millennium, str]) -> None:
    found = await ask(application, AttendingProviders=[SLATE])
    assert [each[:3] for each in found] == [("16", "Slate", "Juniper Clinic")]
    found = await ask(application, Locations=[{"Facility": "Main Hospital"}])
    assert [each[:3] for each in found] == [("15", "Granite", "Main Hospital")]
    found = await ask(application, AttendingProviders=[GRANITE], VisitType=[{"Code": "INJECTION"}])
    assert [each[:3] for each in found] == [("17", "Granite", "Juniper Clinic")]
    assert dict(millennium[0].asked[-1])["service-type"] == f"{CODES}|4047612"


async def test_a_type_of_visit_that_no_line_has_is_refused(application: Application) -> None:
    with pytest.raises(GatewayError, match="INJECTION"):
        await ask(application, VisitType=[{"Code": "INJECTIONS"}])


async def test_without_any_type_of_visit_it_says_which_table_needs_lines(
    tmp_path: Path, application: Application, millennium: tuple[Millennium, str]
) -> None:
    (tmp_path / "mappings" / "sites" / "clinic" / "codes" / "visit-types.csv").unlink()
    bare = assemble(
        check_configuration(tmp_path / "gateway.yaml", {}), clock=lambda: datetime(2026, 12, 1, tzinfo=UTC)
    )
    try:
        with pytest.raises(GatewayError, match="code table visit-types has no lines"):
            await ask(bare)
    finally:
        await bare.close()
    assert millennium[0].asked == []


async def test_a_slot_that_fits_several_lines_is_left_out_and_told(
    tmp_path: Path, application: Application, millennium: tuple[Millennium, str]
) -> None:
    csv = "schedule,practitioner,last_name\na,593923,Granite\nb,593923,Granite\nc,593924,Slate\n"
    (tmp_path / "mappings" / "sites" / "clinic" / "schedules.csv").write_text(csv)
    other = assemble(
        check_configuration(tmp_path / "gateway.yaml", {}), clock=lambda: datetime(2026, 12, 1, tzinfo=UTC)
    )
    try:
        reply = await asked_for(other)
    finally:
        await other.close()
    answered = json.loads(reply.body)
    assert [each["Provider"]["LastName"] for each in answered["AvailableSlots"]] == ["Slate", "Slate"]
    assert answered["Meta"]["IsIncomplete"] is True
    assert reply.counts["ambiguous"] == 6
