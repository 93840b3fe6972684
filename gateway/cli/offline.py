"""Flows driven by hand, without a network: what a message would ask, and what an answer would become."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.assemble import CheckedConfiguration
from gateway.assemble.application import address_of, rules_of
from gateway.assemble.redox_side import answering, as_sent, destination_of
from gateway.config import Site
from gateway.core import flows, references, window
from gateway.core.directory import shown
from gateway.core.errors import Issue, NotKnownHere, UnknownDestination
from gateway.core.plan import Answer, Ask, Call, Outcome, Pause, Remember, Reply
from gateway.core.redox import Message, Reader
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.answer.messages import kinds
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import schemas
from gateway.upstream.paging import BaseUrl

_EMPTY = b'{"resourceType":"Bundle","type":"searchset"}'
_NOTHING_OPEN = b'{"Meta":{},"AvailableSlots":[]}'
_NOBODY = (
    "no schedule is known offline: the EHR is not asked here; give --bundle with its Schedules, or write "
)
_LEFT_OUT = {
    "occupied": "not free",
    "doubles": "there twice",
    "unfit": "not of the preferred days and times, or too short",
    "stray": "of schedules that were not asked for",
    "unplanned": "outside of what their Schedule is planned for",
    "malformed": "unreadable",
}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Canned:
    """What stands for the upstream: ``bundles`` of an EHR, the ``answer`` of Redox (its bytes)."""

    bundles: tuple[Json, ...] = ()
    answer: bytes | None = None

    @property
    def given(self) -> bool:
        """Whether there is anything to answer with."""
        return bool(self.bundles) or self.answer is not None


@dataclass(frozen=True, slots=True)
class Offline:
    """One site without its upstream. ``calls`` collects what the flows ask for, beside the directory."""

    site: Site
    tables: SiteTables
    fhir_server: FhirServerTables | None
    canned: Canned
    calls: list[Call] = field(default_factory=list)

    @property
    def of_redox(self) -> bool:
        """Whether the upstream is Redox."""
        return self.tables.dialect.upstream == "redox"

    def asks(self, message: Message, now: datetime) -> Json:
        """What the message means, as a JSON value: searches of the EHR, or queries to Redox. GatewayError."""
        if self.of_redox:
            reply = self.answer(message, now)
            return {"site": self.site.id, "queries": self.queries(), "issues": issues(reply.issues)}
        plan, low, high = self._planned(message, now)
        found = self.tables.slot_searches(low, high, plan.lengths, plan.asked, plan.lines)
        return {
            "site": self.site.id,
            "window": {"start": low, "end": high, "timezone": self.site.timezone},
            "directory": len(plan.positions),
            "searches": [self._search(call) for call, _ in found],
            "issues": issues(plan.issues),
        }

    def answer(self, message: Message, now: datetime) -> Reply:
        """The Redox answer that what is canned means. Raises GatewayError."""
        rules, address = rules_of(self.site), address_of(self.site)
        reply: Reply = self.driven(answering(message, rules, self.tables, address, now))
        return reply

    def left_out(self, message: Message, reply: Reply, now: datetime) -> str:
        """How many slots of the Bundles the answer lacks, and why; empty if it has all of them."""
        received = reply.counts.get("received", 0)
        if reply.counts["slots"] == received:
            return ""
        _, low, high = self._planned(message, now)
        reasons = {"outside": f"outside {low} to {high}", **_LEFT_OUT}
        told = [f"{number} {text}" for name, text in reasons.items() if (number := reply.counts.get(name))]
        cut = received - reply.counts["slots"] - sum(reply.counts.get(name, 0) for name in reasons)
        told += [f"{cut} beyond max_slots"] if cut > 0 else []
        bundles = "Bundle" if len(self.canned.bundles) == 1 else "Bundles"
        searches = len({_kind(call) for call in self.calls})
        times = f", read for each of {searches} kinds of search" if searches > 1 else ""
        slots = f"{received} slot{'' if received == 1 else 's'}"
        return f"{slots} in the {bundles}{times}, {reply.counts['slots']} answered: {', '.join(told)}"

    def _planned(self, message: Message, now: datetime) -> tuple[flows.Plan, str, str]:
        flow = as_sent(message, flows.planned(message, rules_of(self.site), self.tables, now))
        plan: flows.Plan = self.driven(flow)
        return plan, window.to_utc_text(plan.span.start), window.to_utc_text(plan.span.end)

    def searches(self) -> list[Json]:
        """The searches that were asked for."""
        return [self._search(call) for call in self.calls if call.body is None]

    def queries(self) -> list[Json]:
        """The queries to Redox that were asked for."""
        url = str(BaseUrl(self.site.upstream.base_url).below("endpoint"))
        return [
            {"method": "POST", "url": url, "body": json.loads(call.body)}
            for call in self.calls
            if call.body is not None
        ]

    def _search(self, call: Call) -> Json:
        url = BaseUrl(self.site.upstream.base_url).below(call.target, call.params)
        params: dict[str, Any] = {}
        for name, value in call.params:
            held = params.get(name)
            params[name] = value if held is None else [*(held if isinstance(held, list) else [held]), value]
        return {"method": "GET", "url": str(url), "params": params}

    def driven(self, flow: Generator[Any, Any, Any]) -> Any:
        """What a flow gives back, with what is canned for answers. Raises GatewayError."""
        sent: Any = None
        while True:
            try:
                step = flow.send(sent)
            except StopIteration as end:
                return end.value
            if isinstance(step, Pause):
                sent = None
            elif isinstance(step, Remember):
                sent = step.build(self._directory(step.calls))
            else:
                assert isinstance(step, Ask)
                self.calls.extend(step.calls)
                sent = self._answers(step.calls)

    def _answers(self, calls: Sequence[Call]) -> tuple[Outcome, ...]:
        """All bundles answer the first search of each kind, so that nothing is counted twice."""
        pages = tuple(json.dumps(each).encode() for each in self.canned.bundles) or (_EMPTY,)
        kinds_seen: set[str] = set()
        outcomes: list[Outcome] = []
        for call in calls:
            if call.body is not None:
                outcomes.append(Answer(call, (self.canned.answer or _NOTHING_OPEN,)))
                continue
            kind = _kind(call)
            outcomes.append(Answer(call, (_EMPTY,) if kind in kinds_seen else pages))
            kinds_seen.add(kind)
        return tuple(outcomes)

    def _directory(self, calls: Sequence[Call]) -> tuple[Outcome, ...]:
        """What the bundles hold of it, and a bare Schedule for each other one that is named anywhere."""
        found: dict[str, list[Json]] = {call.target: [] for call in calls}
        named: dict[str, None] = dict.fromkeys(line["schedule"] for line in self.tables.schedules)
        entries = self._entries()
        bases = self._bases(entries)
        for entry in entries:
            kind = str(entry["resource"].get("resourceType"))
            if kind == "Slot":
                named.setdefault(_schedule_of(entry["resource"], bases))
            elif kind in found:
                found[kind].append(entry)
        told = {str(each["resource"].get("id")) for each in found.get("Schedule", ())} | {""}
        bare = [{"resource": {"resourceType": "Schedule", "id": name}} for name in named if name not in told]
        found.setdefault("Schedule", []).extend(bare)
        if not found["Schedule"]:
            raise NotKnownHere(Issue("not-found", "", f"{_NOBODY}sites/{self.site.id}/schedules.csv"))
        return tuple(Answer(call, (_bundle(found[call.target]),)) for call in calls)

    def _entries(self) -> Sequence[Json]:
        lists = [found for bundle in self.canned.bundles if isinstance(found := bundle.get("entry"), list)]
        entries = [entry for found in lists for entry in found if isinstance(entry, dict)]
        return [each for each in entries if isinstance(each.get("resource"), dict)]

    def _bases(self, entries: Sequence[Json]) -> frozenset[str]:
        """The upstream's own address, and those by which its Schedules are called, as in the live gateway."""
        urls = [each.get("fullUrl") for each in entries if each["resource"].get("resourceType") == "Schedule"]
        named = {references.split(url)[0] for url in urls if isinstance(url, str)}
        return frozenset({references.address(self.tables.base_url), *named} - {""})


def reader() -> Reader:
    """Reads the Redox messages that the gateway understands."""
    return Reader(kinds(schemas()))


def site_of(found: CheckedConfiguration, message: Message, canned: Canned) -> Offline:
    """The site of the message's destination. GatewayError for a destination that no site has."""
    name = destination_of(message)
    for position, site in enumerate(found.settings.sites):
        ids = site.redox.destination_ids if site.redox is not None else ()
        if name.casefold() in (each.casefold() for each in ids):
            return offline(found, position, canned)
    text = f'no site of this configuration has the destination "{shown(name)}"; choose one with --site'
    raise UnknownDestination(Issue("not-found", "Meta.Destinations[0].ID", text))


def offline(found: CheckedConfiguration, position: int, canned: Canned) -> Offline:
    """The site at that place of the configuration."""
    tables = found.tables[position]
    return Offline(found.settings.sites[position], tables, found.fhir_servers[position], canned)


def issues(found: Sequence[Issue]) -> list[Json]:
    """Issues as JSON values."""
    return [
        {"severity": each.severity, "code": each.code, "path": each.path, "text": each.text} for each in found
    ]


def _kind(call: Call) -> str:
    """What searches that differ only in the schedule they name have in common."""
    return repr(tuple(pair for pair in call.params if "Schedule/" not in pair[1]))


def _schedule_of(slot: Mapping[str, Any], bases: Collection[str]) -> str:
    """The id of the slot's Schedule; empty for none, and for another server's."""
    schedule = slot.get("schedule")
    reference = schedule.get("reference") if isinstance(schedule, dict) else None
    if not isinstance(reference, str):
        return ""
    named = references.resolve(reference, bases)
    if named is not None:
        return named.id if named.kind == "Schedule" else ""
    return "" if ":" in reference else reference


def _bundle(entries: Sequence[Json]) -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode()
