"""A site whose upstream is Redox, and what it takes to search it as a FHIR client does without any I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome
from jsonschema import Draft202012Validator
from redox.scheduling.availableslots import AvailableSlots

from gateway.core import fhir, fhir_flows, flows, redox_flows
from gateway.core.errors import GatewayError
from gateway.core.plan import Answer, Call, Outcome, Reply
from gateway.shipped import folder
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables, Wanted
from tests.clinic import ZONE, Transcript, rules

Json = dict[str, Any]

BASE = "https://gateway.example/fhir/partner"
NOW = datetime(2025, 10, 21, 19, 0, 28, tzinfo=UTC)
ADDRESS = redox_flows.Address("7ce6f387-c33c-417d-8682-81e83628cbd9", "af394f14-b34a-464f-8d24-895f370af4c9")
NORTH_GRANITE, NORTH_SLATE, SOUTH_GRANITE = "north-granite", "north-slate", "south-granite"
VIRTUAL, WING, BARE = "virtual", "wing", "Room 5 / bare"
GRANITE_ID = "4356789876"
SCHEDULES_CSV = f"""\
schedule,practitioner,provider_id,provider_id_type,first_name,last_name,credentials,facility,department,location_id,room
{NORTH_GRANITE},granite,{GRANITE_ID},NPI,Pat,Granite,MD,RES General Hospital,3N,loc-1,136
{NORTH_SLATE},slate,1987654321,NPI,Sam,Slate,DO,RES General Hospital,3N,loc-1,138
{SOUTH_GRANITE},granite,{GRANITE_ID},NPI,Pat,Granite,MD,Juniper Street Clinic,Family Medicine,loc-2,2
{VIRTUAL},,BH-0007,Cerner ID,Jo,Marsh,LMFT,,,,
{WING},,,,,,,Lakeside,Sports Medicine,,
{BARE},,,,,,,,,,
"""
# What Redox is asked for some of them.
GRANITE = {"ID": GRANITE_ID, "IDType": "NPI", "FirstName": "Pat", "LastName": "Granite"}
SLATE = {"ID": "1987654321", "IDType": "NPI", "FirstName": "Sam", "LastName": "Slate"}
ROOM_136 = {"Facility": "RES General Hospital", "Department": "3N", "Room": "136", "ID": "loc-1"}
ROOM_138 = {**ROOM_136, "Room": "138"}
ROOM_2 = {"Facility": "Juniper Street Clinic", "Department": "Family Medicine", "Room": "2", "ID": "loc-2"}
# The codes that R4 binds OperationOutcome.issue.code to.
ISSUE_TYPES = frozenset(
    [
        "invalid",
        "structure",
        "required",
        "value",
        "invariant",
        "security",
        "login",
        "unknown",
        "expired",
        "forbidden",
        "suppressed",
        "processing",
        "not-supported",
        "duplicate",
        "multiple-matches",
        "not-found",
        "deleted",
        "too-long",
        "code-invalid",
        "extension",
        "too-costly",
        "business-rule",
        "conflict",
        "transient",
        "lock-error",
        "no-store",
        "exception",
        "timeout",
        "incomplete",
        "throttled",
        "informational",
    ]
)
VISIT_TYPES_CSV = """\
redox_code,redox_system,fhir_code,fhir_system
210,DNER15,308335008,http://snomed.info/sct
FU,,follow-up,
"""


def tables(folder: Path, dialect: str = "redox", csv: str = SCHEDULES_CSV, **layers: str) -> SiteTables:
    """The shipped tables of a dialect with this partner's files over them, below ``folder``; ``layers`` are
    further files of the site by name, ``_`` for ``-`` and ``__`` for ``.``."""
    site = folder / "sites" / "partner"
    (site / "codes").mkdir(parents=True, exist_ok=True)
    (site / "schedules.csv").write_text(csv, "utf-8")
    (site / "codes" / "visit-types.csv").write_text(VISIT_TYPES_CSV, "utf-8")
    for name, text in layers.items():
        (site / (name.replace("__", ".").replace("_", "-") + ".yaml")).write_text(text, "utf-8")
    return Tables(folder).build(Wanted("partner", dialect, ZONE.key))


def fhir_server(mapping: SiteTables) -> FhirServerTables:
    assert mapping.fhir_server is not None
    return mapping.fhir_server


def site(mapping: SiteTables, now: datetime = NOW, **changed: Any) -> fhir_flows.FhirSite:
    """The site as FHIR flows see it, Redox being asked."""
    return fhir_flows.FhirSite(
        rules(**{"id": "partner", **changed}),
        fhir_server(mapping),
        mapping,
        lambda query, _meant, _shares: redox_flows.ask_redox(query, ADDRESS, mapping, now),
    )


def interaction(url: str, *, strict: bool = False) -> fhir.Interaction:
    """``Slot?start=...``, ``Schedule/x`` or a link of a Bundle, decoded as the web side does."""
    parts = urlsplit(url.removeprefix(BASE + "/"))
    resource, _, identity = parts.path.partition("/")
    params = tuple(parse_qsl(parts.query, keep_blank_values=True))
    return fhir.Interaction(BASE, resource, identity or None, params, strict)


def slot(start: str, minutes: Any = 20, of: str = NORTH_GRANITE, **more: Any) -> Json:
    """An open time as Redox tells it, with the provider and place of a schedule above."""
    return {"DateTime": start, "Duration": minutes, **parts(of), **more}


@lru_cache
def lines() -> dict[str, dict[str, str]]:
    header, *rows = (line.split(",") for line in SCHEDULES_CSV.splitlines())
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


def parts(of: str) -> Json:
    line = lines()[of]
    provider = {
        "ID": line["provider_id"] or None,
        "IDType": line["provider_id_type"] or None,
        "FirstName": line["first_name"] or None,
        "LastName": line["last_name"] or None,
        "Credentials": [line["credentials"]] if line["credentials"] else [],
    }
    place = {
        "Facility": line["facility"] or None,
        "Department": line["department"] or None,
        "Room": line["room"] or None,
    }
    return {"Provider": provider, "Location": place}


def answered(*slots: Any, **meta: Any) -> bytes:
    """A Redox answer with these slots."""
    head = {"DataModel": "Scheduling", "EventType": "AvailableSlotsResponse", **meta}
    return json.dumps({"Meta": head, "AvailableSlots": list(slots)}).encode()


def saying(body: bytes) -> Callable[[Call], Outcome]:
    return lambda call: Answer(call, (body,))


def network(slots: Iterable[Json]) -> Callable[[Call], Outcome]:
    """A Redox that has these slots, and answers those of them whose start is in the window asked for and that
    fit one of the providers and one of the places, as Redox does."""
    known = list(slots)

    def answer(call: Call) -> Outcome:
        query = json.loads(call.body or b"")
        low, high = query["StartDateTime"], query["EndDateTime"]
        visit = query.get("Visit", {})
        found = [
            each
            for each in known
            if low <= each["DateTime"] < high
            and _among(each["Provider"], visit.get("AttendingProviders", []))
            and _among(each["Location"], visit.get("Locations", []))
        ]
        return Answer(call, (answered(*found),))

    return answer


def _among(told: Json, asked: Sequence[Json]) -> bool:
    """Whether it is one of those asked for; a location's ID is nothing that a slot tells."""
    return not asked or any(
        all(told.get(k) == v for k, v in each.items() if k != "ID" or "IDType" in each) for each in asked
    )


class Search:
    """One interaction played to its end: what Redox was asked, and the answer, both held to their schemas."""

    def __init__(
        self,
        where: fhir_flows.FhirSite,
        url: str,
        answer: Callable[[Call], Outcome] | None = None,
        *,
        strict: bool = False,
        now: datetime = NOW,
    ) -> None:
        flow = fhir_flows.answer(interaction(url, strict=strict), where, now)
        transcript = Transcript(flow, answer or saying(answered()))
        self.reply: Reply = transcript.play()
        self.calls = transcript.asked.get("redox", ())
        self.body: Json = json.loads(self.reply.body)
        check_fhir(self.body)
        for call in self.calls:
            check_query(json.loads(call.body or b""))

    @property
    def query(self) -> Json:
        """The one Redox query that was sent, without its Meta."""
        (call,) = self.calls
        query: Json = json.loads(call.body or b"")
        assert query.pop("Meta") == ADDRESS.meta(NOW)
        return query

    def resources(self, mode: str = "match") -> list[Json]:
        return [each["resource"] for each in self.body.get("entry", []) if each["search"]["mode"] == mode]

    @property
    def starts(self) -> list[str]:
        return [each["start"] for each in self.resources()]

    @property
    def warnings(self) -> list[str]:
        return [issue["details"]["text"] for each in self.resources("outcome") for issue in each["issue"]]

    def link(self, relation: str) -> str | None:
        return next((each["url"] for each in self.body["link"] if each["relation"] == relation), None)


def refused(where: fhir_flows.FhirSite, url: str, *, strict: bool = False) -> GatewayError:
    """The error that a search ends in; its OperationOutcome is valid."""
    with pytest.raises(GatewayError) as caught:
        Search(where, url, strict=strict)
    check_fhir(json.loads(fhir.error_outcome(caught.value)))
    return caught.value


@lru_cache
def schema(side: str, name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((folder("schemas") / side / f"{name}.json").read_bytes()))


def check_fhir(value: Json) -> None:
    """What we emit is valid to fhir.resources and to the schemas, each resource of a Bundle by its own."""
    schema("fhir", value["resourceType"]).validate(value)
    if value["resourceType"] == "Bundle":
        Bundle.model_validate(value)
        check_bundle(value)
        for entry in value.get("entry", []):
            check_fhir(entry["resource"])
    elif value["resourceType"] == "OperationOutcome":
        OperationOutcome.model_validate(value)
        assert {issue["code"] for issue in value["issue"]} <= ISSUE_TYPES
    else:
        Bundle.model_validate(
            {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": value}]}
        )


def check_bundle(value: Json) -> None:
    """What R4 says of a searchset beyond its schema: the rules of Bundle, of JSON, and of search."""
    relations = [each["relation"] for each in value["link"]]
    assert relations[0] == "self" and len(set(relations)) == len(relations)
    assert all(each["url"].startswith(BASE) for each in value["link"])
    urls = [entry["fullUrl"] for entry in value.get("entry", [])]
    assert len(set(urls)) == len(urls), "bdl-7"
    modes = [entry["search"]["mode"] for entry in value.get("entry", [])]
    assert modes == sorted(modes, key=["match", "include", "outcome"].index)
    assert value.get("total", len(modes)) >= modes.count("match")
    for entry in value.get("entry", []):
        name = entry["resource"]
        if entry["search"]["mode"] == "outcome":
            assert name["resourceType"] == "OperationOutcome" and entry["fullUrl"].startswith("urn:uuid:")
        else:
            assert entry["fullUrl"] == f"{BASE}/{name['resourceType']}/{name['id']}"
            assert len(name["id"]) <= 64
    assert nothing_empty(value)


def nothing_empty(value: Any) -> bool:
    """R4, JSON representation: nothing that is there is null, or empty."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value not in (None, "", [], {}) and all(map(nothing_empty, inner))


def check_query(query: Json) -> None:
    schema("redox", "AvailableSlots").validate(query)
    AvailableSlots.model_validate(query, strict=True)


def flow_rules(**changed: Any) -> flows.SiteRules:
    return rules(**{"id": "partner", **changed})
