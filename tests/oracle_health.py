"""A simulated Oracle Health Millennium R4: Slot as its documentation describes it, with made-up names.

https://docs.oracle.com/en/industries/health/millennium-platform-apis/mfrap/op-slot-get.html: ``service-type``
is required, a pair of ``ge`` and ``lt`` on ``start``, each parameter once, no standard codes beside
proprietary ones; every Slot has a Schedule of its own, which ``_include`` brings; further pages are opaque.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

Json = dict[str, Any]

LOCATION = "https://fhir-ehr.cerner.com/r4/StructureDefinition/scheduling-location"
CODES = "https://fhir.cerner.com/made-up-tenant/codeSet/14249"
SNOMED = "http://snomed.info/sct"
PAGE = 3


@dataclass(frozen=True)
class Open:
    """An open time: whose it is, and of which type of visit. ``practitioner`` empty: the Schedule's actor is
    only a display."""

    start: str
    end: str
    kind: tuple[str, str]
    place: str = "32216049"
    practitioner: str = "593923"
    status: str = "free"

    @property
    def id(self) -> str:
        when = self.start[8:16].replace(":", "").replace("T", "")
        return f"{self.kind[1]}-{self.place}-{self.practitioner or 'x'}-{when}"

    def slot(self) -> Json:
        system, code = self.kind
        return {
            "resourceType": "Slot",
            "id": self.id,
            "extension": [{"url": LOCATION, "valueReference": {"reference": f"Location/{self.place}"}}],
            "serviceType": [{"coding": [{"system": system, "code": code}], "text": "Visit"}],
            "schedule": {"reference": f"Schedule/{self.id}"},
            "status": self.status,
            "start": self.start,
            "end": self.end,
        }

    def schedule(self) -> Json:
        actor = (
            {"reference": f"Practitioner/{self.practitioner}"}
            if self.practitioner
            else {"display": "Add-on 2"}
        )
        return {"resourceType": "Schedule", "id": self.id, "actor": [actor]}


class Millennium:
    """The server; ``asked`` are the queries of its Slot searches."""

    def __init__(self, times: Iterable[Open]) -> None:
        self.times = sorted(times, key=lambda each: (each.start, each.kind, each.place))
        self.asked: list[list[tuple[str, str]]] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/token", self._token)
        app.router.add_get("/Slot", self._slot)
        return app

    async def _token(self, _request: web.Request) -> web.Response:
        return web.json_response({"access_token": "made-up", "token_type": "Bearer", "expires_in": 570})

    async def _slot(self, request: web.Request) -> web.Response:
        params = list(request.query.items())
        if not (page := request.query.get("-pageContext")):
            self.asked.append(params)
            if (fault := _fault(params)) is not None:
                issue = {"severity": "error", "code": "required", "details": {"text": fault}}
                outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
                return web.json_response(outcome, status=400)
        found = self._found({name: value for name, value in params if name != "start"}, _bounds(params))
        begin = int(page or 0)
        entries = [_entry(each.slot(), "match") for each in found[begin : begin + PAGE]]
        if request.query.get("_include") == "Slot:schedule":
            entries += [_entry(each.schedule(), "include") for each in found[begin : begin + PAGE]]
        bundle: Json = {"resourceType": "Bundle", "type": "searchset", "entry": entries, "link": []}
        if begin + PAGE < len(found):
            more = request.rel_url.update_query({"-pageContext": str(begin + PAGE), "-pageDirection": "NEXT"})
            bundle["link"].append({"relation": "next", "url": str(request.url.join(more))})
        return web.json_response(bundle, content_type="application/fhir+json")

    def _found(self, params: dict[str, str], bounds: tuple[datetime, datetime]) -> list[Open]:
        kinds = {tuple(each.rsplit("|", 1)) for each in params["service-type"].split(",")}
        who = [
            each.removeprefix("Practitioner/") for each in params.get("schedule.actor", "").split(",") if each
        ]
        where = [each.removeprefix("Location/") for each in params.get("-location", "").split(",") if each]
        return [
            each
            for each in self.times
            if each.kind in kinds
            and bounds[0] <= datetime.fromisoformat(each.start) < bounds[1]
            and (not who or each.practitioner in who)
            and (not where or each.place in where)
        ]


def _entry(resource: Json, mode: str) -> Json:
    return {"fullUrl": f"https://made-up/{resource['id']}", "resource": resource, "search": {"mode": mode}}


def _bounds(params: list[tuple[str, str]]) -> tuple[datetime, datetime]:
    starts = {value[:2]: datetime.fromisoformat(value[2:]) for name, value in params if name == "start"}
    return starts["ge"], starts["lt"]


def _fault(params: list[tuple[str, str]]) -> str | None:
    names = [name for name, _ in params]
    known = {"service-type", "schedule.actor", "-location", "start", "_count", "_include"}
    if unknown := sorted({*names} - known):
        return f"unknown parameters: {', '.join(unknown)}"
    if names.count("service-type") != 1:
        return "Either the '_id' parameter or 'service-type' must be set"
    if any(names.count(name) > 1 for name in known - {"start"}):
        return "a parameter stands twice"
    starts = [value for name, value in params if name == "start"]
    if sorted(value[:2] for value in starts) != ["ge", "lt"] or any("T" not in value for value in starts):
        return "start needs ge and lt, with a time"
    systems = {each.rsplit("|", 1)[0] for each in dict(params)["service-type"].split(",")}
    if len({system == SNOMED for system in systems}) > 1:
        return "standard and proprietary codes are mixed"
    return None
