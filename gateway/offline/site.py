"""Flows driven by hand, without a network: what a message would ask, and what an answer would become."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gateway.assemble import CheckedConfiguration
from gateway.assemble.prepared import address_of, rules_of
from gateway.assemble.redox_side import answering, as_sent, destination_of
from gateway.assemble.unknown_fields import Unknown, unknown
from gateway.config import Site
from gateway.core import flows, references, window
from gateway.core.directory import Directory, shown
from gateway.core.errors import Issue, NotKnownHere, UnknownDestination
from gateway.core.mapping import Wanted
from gateway.core.plan import MOST_ROUNDS, Answer, Ask, Call, Flow, Outcome, Pause, Remember, Reply
from gateway.core.redox import Message, Reader
from gateway.core.values import at_once
from gateway.offline.canned import EMPTY, Canned, bundle_of, kind_of, schedule_of
from gateway.offline.meaning import QUERY, ignored, meaning
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.answer.messages import kinds
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import schemas
from gateway.upstream.paging import BaseUrl

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
    "unusable": "of Schedules that are not to be used, or not then",
    "mistaken": "entered in error",
    "modified": "with a modifier extension that is not known here",
    "unlike": "of another kind than was asked for",
    "ambiguous": "that may be of several schedules asked for",
    "untold": "that do not tell of which Schedule they are",
    "malformed": "unreadable",
}

Json = dict[str, Any]
Replay = Callable[[Call], Outcome]


class NoDirectory(NotKnownHere):
    """No schedule is known offline, so there is nobody to ask for."""


@dataclass(frozen=True, slots=True)
class Offline:
    """One site without its upstream. ``calls`` collects what the flows ask for, ``outcomes`` what came of it;
    ``found`` the directory that they were given, ``read`` what it was made of. ``replay`` answers each call
    by itself, in place of what is canned."""

    site: Site
    tables: SiteTables
    fhir_server: FhirServerTables | None
    canned: Canned
    calls: list[Call] = field(default_factory=list)
    replay: Replay | None = None
    found: list[Directory] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    read: list[Outcome] = field(default_factory=list)

    @property
    def answerable(self) -> bool:
        """Whether there is anything to answer with."""
        return self.replay is not None or self.canned.given

    @property
    def of_redox(self) -> bool:
        """Whether the upstream is Redox."""
        return self.tables.dialect.upstream == "redox"

    def asks(self, message: Message, now: datetime) -> Json:
        """What the message means, as a JSON value: searches of the EHR, or queries to Redox. GatewayError."""
        if self.of_redox:
            reply = self.answer(message, now)
            return {
                "site": self.site.id,
                "queries": self.queries(),
                "ignored": ignored(message, self.tables.tables[QUERY]),
                "issues": issues(reply.issues),
            }
        known, calls = 0, []
        try:
            plan, _, _ = self.planned(message, now)
        except NotKnownHere as error:
            if not self.only_offline(error, message):
                raise
            told = [replace(each, severity="warning") for each in error.issues] + self.not_asked()
        else:
            known, told = len(plan.positions), [*plan.issues]
            calls = [each.call for each in flows.searches(plan, self.tables)]
        return {
            **meaning(message, rules_of(self.site), self.tables),
            "directory": known,
            "searches": [self._search(call) for call in calls],
            "issues": issues(told),
        }

    def only_offline(self, error: NotKnownHere, message: Message) -> bool:
        """Whether what is not known could be known to the EHR, which is not asked: where there is no
        directory at all, and where schedules.csv leaves to the EHR what is wanted."""
        if not self.found:
            return True
        if self.canned.bundles or not self.tables.directory_calls():
            return False
        asked = self.tables.read_query(message.body)
        wanted = {want.column for wants in asked.wants for alternative in wants for want in alternative} - {
            ""
        }
        lines = self.found[-1].lines
        left_to_it = any(not line.get(column) for line in lines for column in wanted)
        return {each.code for each in error.issues} <= {"not-found", "incomplete"} and left_to_it

    def not_asked(self) -> list[Issue]:
        """What is said where schedules.csv does not tell all that is wanted."""
        text = "the EHR, which is not asked here, may know; give --bundle with its Schedules"
        return [Issue("incomplete", "schedules.csv", text, "warning")] if self.found else []

    def unread(self) -> tuple[Issue, ...]:
        """What is wrong with the Slots of the Bundles that cannot be read."""
        if not self.found:
            return ()
        collector = self.tables.collector(self.found[-1], range(len(self.found[-1].lines)))
        for bundle in self.canned.bundles:
            if not bundle.of_the_directory:
                at_once(collector.add(Answer(Call("Slot"), (bundle.text,)), Wanted("", "~")))
        return tuple(replace(each, severity="warning") for each in collector.issues)

    def unknown(self) -> Unknown:
        """The fields of Redox's answers that its schema does not have."""
        return unknown(self.outcomes)

    def answer(self, message: Message, now: datetime) -> Reply:
        """The Redox answer that what is canned means. Raises GatewayError."""
        reply: Reply = self.driven(self.flow(message, now))
        return reply

    def flow(self, message: Message, now: datetime) -> Flow:
        """The steps in which the gateway answers the message."""
        return answering(message, rules_of(self.site), self.tables, address_of(self.site), now)

    def left_out(self, message: Message, reply: Reply, now: datetime) -> str:
        """How many slots of the Bundles the answer lacks, and why; empty if it has all of them."""
        received = reply.counts.get("received", 0)
        if reply.counts["slots"] == received:
            return ""
        _, low, high = self.planned(message, now)
        reasons = {"outside": f"outside {low} to {high}", **_LEFT_OUT}
        told = [f"{number} {text}" for name, text in reasons.items() if (number := reply.counts.get(name))]
        cut = received - reply.counts["slots"] - sum(reply.counts.get(name, 0) for name in reasons)
        told += [f"{cut} beyond max_slots"] if cut > 0 else []
        bundles = "Bundle" if len(self.canned.bundles) == 1 else "Bundles"
        searches = len({kind_of(call) for call in self.calls})
        times = f", read for each of {searches} kinds of search" if searches > 1 else ""
        slots = f"{received} slot{'' if received == 1 else 's'}"
        return f"{slots} in the {bundles}{times}, {reply.counts['slots']} answered: {', '.join(told)}"

    def planned(self, message: Message, now: datetime) -> tuple[flows.Plan, str, str]:
        """What a message means, and the window in UTC. Raises GatewayError."""
        flow = as_sent(message, flows.planned(message, rules_of(self.site), self.tables, now))
        plan: flows.Plan = self.driven(flow)
        return plan, window.to_utc_text(plan.span.start), window.to_utc_text(plan.span.end)

    @property
    def directory(self) -> Directory:
        """The directory that the flows were last given, or that of schedules.csv alone."""
        return self.found[-1] if self.found else self.tables.own_directory

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
                self.read[:] = self._directory(step)
                sent = step.build(tuple(self.read))
                self.found.append(sent)
            else:
                assert isinstance(step, Ask)
                self.calls.extend(step.calls)
                sent = self._answers(step.calls)
                self.outcomes.extend(sent)

    def _answers(self, calls: Sequence[Call]) -> tuple[Outcome, ...]:
        if self.replay is not None:
            return tuple(map(self.replay, calls))
        if self.of_redox:
            return tuple(Answer(call, (self.canned.answer or _NOTHING_OPEN,)) for call in calls)
        return self.canned.searched(calls, self.tables, self.directory)

    def _directory(self, stage: Remember) -> tuple[Outcome, ...]:
        """What is known of it: what a replay answers, or what the Bundles hold."""
        return self._replayed(stage, self.replay) if self.replay is not None else self._bundled(stage)

    def _replayed(self, stage: Remember, replay: Replay) -> tuple[Outcome, ...]:
        outcomes: tuple[Outcome, ...] = ()
        calls = stage.calls
        for _ in range(MOST_ROUNDS):
            outcomes += tuple(map(replay, calls))
            if not (calls := stage.more(outcomes)):
                break
        return outcomes

    def _bundled(self, stage: Remember) -> tuple[Outcome, ...]:
        """What the Bundles hold of it, and a bare Schedule for each other one that is named anywhere."""
        entries = self.canned.resources
        bases = self._bases(entries)
        named = dict.fromkeys(line["schedule"] for line in self.tables.schedules)
        told = {""}
        for resource in (each["resource"] for each in entries):
            if resource.get("resourceType") == "Slot":
                named.setdefault(schedule_of(resource, bases))
            elif resource.get("resourceType") == "Schedule":
                told.add(str(resource.get("id")))
        bare = [{"resource": {"resourceType": "Schedule", "id": name}} for name in named if name not in told]
        if not bare and told == {""}:
            raise NoDirectory(Issue("not-found", "", f"{_NOBODY}sites/{self.site.id}/schedules.csv"))
        outcomes: tuple[Outcome, ...] = ()
        calls = stage.calls
        for _ in range(MOST_ROUNDS):
            pages = {call.target: self.canned.of_directory(call.target) for call in calls}
            if bare and "Schedule" in pages:
                pages["Schedule"] = (*pages["Schedule"], bundle_of(bare))
            outcomes += tuple(Answer(call, pages[call.target] or (EMPTY,)) for call in calls)
            if not (calls := stage.more(outcomes)):
                break
        return outcomes

    def _bases(self, entries: Sequence[Json]) -> frozenset[str]:
        """The upstream's own address, and those by which its Schedules are called, as in the live gateway."""
        urls = [each.get("fullUrl") for each in entries if each["resource"].get("resourceType") == "Schedule"]
        named = {references.split(url)[0] for url in urls if isinstance(url, str)}
        return frozenset({references.address(self.tables.base_url), *named} - {""})

    def _search(self, call: Call) -> Json:
        url = BaseUrl(self.site.upstream.base_url).below(call.target, call.params)
        params: dict[str, Any] = {}
        for name, value in call.params:
            held = params.get(name)
            params[name] = value if held is None else [*(held if isinstance(held, list) else [held]), value]
        return {"method": "GET", "url": str(url), "params": params}


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
