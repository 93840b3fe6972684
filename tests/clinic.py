"""A small clinic as its EHR tells it, and what it takes to put queries to its tables without any I/O."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from redox.scheduling import AvailableSlotsResponse

from gateway.core import flows, redox
from gateway.core.errors import GatewayError
from gateway.core.plan import Answer, Ask, Call, Failure, Flow, Outcome, Pause, Remember, Reply
from gateway.tables.answer import messages
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables, Wanted, schemas

Json = dict[str, Any]

SAMPLES = Path(__file__).parent / "samples"
ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime(2025, 10, 21, 19, 0, 28, tzinfo=UTC)
NPI = "http://hl7.org/fhir/sid/us-npi"

GRANITE, SLATE = "3640cd20de8a470aa570a852859ac87e", "7b1f0c52a9d34e6f8c20d5e4b3a19f01"
HOSPITAL, JUNIPER = "RES General Hospital", "Juniper Street Clinic"
GRANITE_HOSPITAL = f"Location.2-Staff.{GRANITE}"
GRANITE_JUNIPER = f"Location.1-Staff.{GRANITE}"
SLATE_HOSPITAL = f"Location.2-Staff.{SLATE}"
SCHEDULES_CSV = f"""\
schedule,department,room
{GRANITE_HOSPITAL},3N,136
{SLATE_HOSPITAL},3N,138
{GRANITE_JUNIPER},Family Medicine,2
"""


def sample() -> Json:
    """The Redox document's AvailableSlots query."""
    found: Json = json.loads((SAMPLES / "redox-available-slots.json").read_bytes())
    return found


def query(**visit: Any) -> Json:
    """The sample with nothing wished for but what is given of Visit; ``start`` and ``end`` are the window."""
    message = sample()
    message["StartDateTime"] = visit.pop("start", message["StartDateTime"])
    message["EndDateTime"] = visit.pop("end", None)
    message["Visit"] = visit
    return message


@lru_cache
def reader() -> redox.Reader:
    return redox.Reader(messages.kinds(schemas()))


def read(message: Mapping[str, Any]) -> redox.Message:
    """The message, checked."""
    return reader().read(json.dumps(message).encode())


def tables(folder: Path, dialect: str = "canvas", csv: str = SCHEDULES_CSV) -> SiteTables:
    """The shipped tables of a dialect with this clinic's ``schedules.csv`` over them, below ``folder``."""
    site = folder / "sites" / "clinic"
    site.mkdir(parents=True, exist_ok=True)
    (site / "schedules.csv").write_text(csv, "utf-8")
    return replace(Tables(folder).build(Wanted("clinic", dialect, ZONE.key)), base_url="http://ehr.example")


def rules(**changed: Any) -> flows.SiteRules:
    return flows.SiteRules(**{"id": "clinic", "zone": ZONE, **changed})


def schedule(identity: str, comment: str) -> Json:
    staff = identity.rpartition(".")[2]
    actor = [{"reference": f"Practitioner/{staff}", "type": "Practitioner"}]
    return {"resourceType": "Schedule", "id": identity, "comment": comment, "actor": actor}


def practitioner(identity: str, npi: str, first: str, last: str, suffix: str = "MD") -> Json:
    name = [{"use": "usual", "family": last, "given": [first], "suffix": [suffix]}]
    identifier = [{"system": "urn:other", "value": "0"}, {"system": NPI, "value": npi}]
    return {"resourceType": "Practitioner", "id": identity, "identifier": identifier, "name": name}


def location(identity: str, name: str) -> Json:
    return {"resourceType": "Location", "id": identity, "name": name}


def slot(start: str, end: str, of: str = GRANITE_HOSPITAL, status: str = "free", **more: Any) -> Json:
    reference = {"reference": f"Schedule/{of}", "type": "Schedule"}
    return {
        "resourceType": "Slot",
        "schedule": reference,
        "status": status,
        "start": start,
        "end": end,
        **more,
    }


def _matches(resources: Sequence[Any]) -> int:
    """How many are of the type that was asked for, which is that of the first: others come along."""
    kinds = [each.get("resourceType") if isinstance(each, dict) else None for each in resources]
    return sum(kind == kinds[0] or kind is None for kind in kinds)


def bundle(*resources: Any) -> bytes:
    """A searchset; ``entry`` absent where there is nothing, as Canvas has it."""
    page: Json = {"resourceType": "Bundle", "type": "searchset", "total": _matches(resources)}
    if resources:
        page["entry"] = [{"resource": each} for each in resources]
    return json.dumps(page).encode()


DIRECTORY: Mapping[str, bytes] = {
    "Schedule": bundle(
        schedule(GRANITE_HOSPITAL, f"Schedule for Pat Granite MD at {HOSPITAL}"),
        schedule(GRANITE_JUNIPER, f"Schedule for Pat Granite MD at {JUNIPER}"),
        schedule(SLATE_HOSPITAL, f"Schedule for Sam Slate DO at {HOSPITAL}"),
    ),
    "Practitioner": bundle(
        practitioner(GRANITE, "4356789876", "Pat", "Granite"),
        practitioner(SLATE, "1987654321", "Sam", "Slate", "DO"),
    ),
    "Location": bundle(location("l-1", JUNIPER), location("l-2", HOSPITAL)),
}


def directory(call: Call) -> Answer:
    """The EHR's answer to one of the directory's searches."""
    return Answer(call, (DIRECTORY.get(call.target, bundle()),))


def failing(kind: Any = "connect", **more: Any) -> Callable[[Call], Failure]:
    return lambda call: Failure(call, kind, **more)


class Transcript:
    """Drives a flow with ``answer`` for its calls, and keeps what it asked, stage by stage."""

    def __init__(self, flow: Flow, answer: Callable[[Call], Outcome]) -> None:
        self._flow = flow
        self._answer = answer
        self.asked: dict[str, tuple[Call, ...]] = {}

    def play(self) -> Reply:
        value: Any = None
        while True:
            try:
                step: Ask | Remember | Pause = self._flow.send(value)
            except StopIteration as end:
                reply: Reply = end.value
                return reply
            if isinstance(step, Pause):
                value = None
                continue
            self.asked[step.stage] = step.calls
            outcomes = tuple(self._answer(call) for call in step.calls)
            while isinstance(step, Remember) and (more := step.more(outcomes)):
                self.asked[step.stage] += more
                outcomes += tuple(self._answer(call) for call in more)
            value = step.build(outcomes) if isinstance(step, Remember) else outcomes


def answering(*slots: Json) -> Callable[[Call], Outcome]:
    """The directory, and to every Slot search those of ``slots`` that are of the schedule it asks for."""

    def answer(call: Call) -> Outcome:
        if call.target in DIRECTORY:
            return directory(call)
        asked = dict(call.params)["schedule"].removeprefix("Schedule/")
        mine = [each for each in slots if each["schedule"]["reference"] == f"Schedule/{asked}"]
        return Answer(call, (bundle(*mine),))

    return answer


def changed(value: Json, path: str, new: Any) -> Json:
    """A copy with one place set: ``Visit.VisitPreference.0.Day``."""
    made = copy.deepcopy(value)
    *way, last = path.split(".")
    place: Any = made
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[int(last) if isinstance(place, list) else last] = new
    return made


def flow(mapping: SiteTables, message: dict[str, Any], **site: Any) -> Any:
    return flows.available_slots(read(message), rules(**site), mapping, NOW)


def ask(
    mapping: SiteTables,
    message: dict[str, Any],
    answer: Callable[[Call], Outcome],
    **site: Any,
) -> tuple[dict[str, Any], Reply, Transcript]:
    """The answer, which is always valid to the `redox` package, its reply, and what was asked for it."""
    played = Transcript(flow(mapping, message, **site), answer)
    reply = played.play()
    body = json.loads(reply.body)
    AvailableSlotsResponse.model_validate(body, strict=True)
    assert reply.status == 200
    assert body["Meta"]["EventType"] == "AvailableSlotsResponse"
    return body, reply, played


def refused(mapping: SiteTables, message: dict[str, Any], answer: Any = None, **site: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        Transcript(flow(mapping, message, **site), answer or answering()).play()
    return caught.value


def starts(body: dict[str, Any]) -> list[str]:
    return [each["DateTime"] for each in body["AvailableSlots"]]
