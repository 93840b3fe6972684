"""Asking Redox: the message that goes out, and what its answer is good for. And the ways in which a
site's upstream is asked a Redox query, whichever side it is on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any

import msgspec

from gateway.core import flows, redox, redox_answers, window
from gateway.core.choosing import UNCHECKED
from gateway.core.envelope import UNREADABLE
from gateway.core.errors import InvalidMessage, Issue, UpstreamFailed
from gateway.core.flows import JSON, RESPONSE, SiteRules
from gateway.core.gathering import too_many_slots
from gateway.core.mapping import Mapping as Tables
from gateway.core.plan import Answer, Ask, Call, Failure, Flow, Reply, paused
from gateway.core.values import Pieces, ordered

EVENT = "AvailableSlots"
_SLOTS_AT_ONCE = 500
_NOT_ALL = "the scheduling system says that its answer does not have all open slots"


@dataclass(frozen=True, slots=True)
class Address:
    """From whom and to whom a Redox query goes: ids of Redox's, None where they are not needed."""

    source_id: str | None
    destination_id: str
    test: bool = False

    def meta(self, now: datetime) -> dict[str, Any]:
        """The Meta of a query: exactly one destination, as synchronous queries must have."""
        meta: dict[str, Any] = {
            "DataModel": "Scheduling",
            "EventType": EVENT,
            "EventDateTime": window.to_utc_text(now),
            "Test": self.test,
            "Destinations": [{"ID": self.destination_id}],
        }
        if self.source_id is not None:
            meta["Source"] = {"ID": self.source_id}
        return meta


@dataclass(frozen=True, slots=True)
class Relayed:
    """What may pass from Redox to Redox: the ``carried`` fields of a query, by their dotted names, and of a
    slot the fields that ``slot`` reads in its JSON text."""

    carried: frozenset[str]
    slot: Callable[[msgspec.Raw], Any]


def ask_redox(
    query: Mapping[str, Any], address: Address, mapping: Tables, now: datetime
) -> Generator[Any, Any, tuple[bytes, tuple[Issue, ...]]]:
    """Posts a query to Redox and gives back the answer's bytes. GatewayError by the error table.

    What a row carries of ``Meta`` (a facility code) goes into the Meta of the query.
    """
    meta = {**query.get("Meta", {}), **address.meta(now)}
    rest = {name: value for name, value in query.items() if name != "Meta"}
    body = msgspec.json.encode({"Meta": meta, **rest})
    outcomes = yield Ask("redox", (Call(EVENT, body=body),))
    outcome: Answer | Failure = outcomes[0]
    if isinstance(outcome, Failure):
        raise mapping.failure(outcome)
    return outcome.pages[0], outcome.issues


def ask_ehr(
    query: Mapping[str, Any],
    meant: flows.Meant,
    reader: redox.Reader,
    site: SiteRules,
    mapping: Tables,
    now: datetime,
) -> Generator[Any, Any, tuple[bytes, tuple[Issue, ...]]]:
    """Answers a Redox query from a FHIR EHR, through the flow that answers Redox itself; ``meant`` is
    what the search means whose query it is. The search's window has been held against the site's limit, and
    takes in the days of several zones here."""
    site = replace(site, max_window_days=site.max_window_days + window.ZONES_APART_DAYS)
    meta = {"DataModel": "Scheduling", "EventType": EVENT}
    message = reader.read(msgspec.json.encode({"Meta": meta, **query}))
    reply: Reply = yield from flows.available_slots(message, site, mapping, now, meant)
    return reply.body, reply.issues


def relay(
    message: redox.Message,
    site: SiteRules,
    limits: Relayed,
    address: Address,
    mapping: Tables,
    now: datetime,
) -> Flow:
    """Asks Redox what Redox asks us: only the fields that rows carry go on, nothing of a patient.

    What Redox answers outside the window is left out, and the asker gets its own Meta back. Codes, providers
    and places are the other side's affair, so what is not known of them here goes on as it is.
    """
    asked = mapping.read_query(message.body)
    issues = [each for each in asked.issues if each.severity == "error" and each.code not in flows.NOT_HERE]
    span: window.Window | None = None
    try:
        span = window.window_of(
            asked.start or "", asked.end, site.zone, site.default_window_days, site.max_window_days
        )
    except InvalidMessage as error:
        issues.extend(error.issues)
    if span is None or issues:
        raise InvalidMessage(*issues)
    low, high = window.to_utc_text(span.start), window.to_utc_text(span.end)
    query = {**_kept(message.body, limits.carried), "StartDateTime": low, "EndDateTime": high}
    body, told = yield from ask_redox(query, address, mapping, now)
    unread = tuple(each for each in asked.issues if _unread(each, limits.carried))
    incomplete, slots = yield from paused(redox_answers.opened(body))
    found, broken = yield from paused(_within(slots, limits.slot, low, high, site))
    if slots and broken == len(slots):
        raise UpstreamFailed(
            Issue("exception", "", "None of the slots that the scheduling system answered can be read.")
        )
    if incomplete:
        told = (*told, Issue("incomplete", "Meta.IsIncomplete", _NOT_ALL, "warning"))
    if more := max(0, len(found) - site.max_slots):
        told = (*told, too_many_slots(more, site.max_slots))
    incomplete = incomplete or bool(broken or more)
    texts = found[: site.max_slots]
    reply = redox.reply(message.meta, RESPONSE, window.to_utc_text(now), texts, incomplete=incomplete)
    counts = {"slots": len(texts), "incomplete": int(incomplete), "received": len(slots)}
    if broken:
        text = f"{broken} slots of the answer cannot be read and were left out"
        told = (*told, Issue("structure", "AvailableSlots", text))
    paths = dict.fromkeys(flows.without_positions(each.path) for each in unread)
    return Reply(200, reply, JSON, (*unread, *told), counts, tuple(paths))


def _unread(issue: Issue, carried: frozenset[str]) -> bool:
    """Whether a wish does not go on to Redox either."""
    return issue.code == UNCHECKED and flows.without_positions(issue.path) not in carried


def _kept(value: Any, carried: frozenset[str]) -> dict[str, Any]:
    kept: dict[str, Any] = _pruned(msgspec.to_builtins(value), "", carried)
    return kept


def _pruned(value: Any, path: str, carried: frozenset[str]) -> Any:
    """What the rows carry of a message; absent and empty parts are left out."""
    if isinstance(value, dict):
        inner = {
            name: found
            for name, each in value.items()
            if (found := _pruned(each, f"{path}.{name}" if path else name, carried)) not in (None, {}, [])
        }
        return inner
    if isinstance(value, list):
        return [found for each in value if (found := _pruned(each, path, carried)) not in (None, {}, [])]
    return value if path in carried else None


def _within(
    slots: list[msgspec.Raw], slot_of: Callable[[msgspec.Raw], Any], low: str, high: str, site: SiteRules
) -> Pieces[tuple[list[str], int]]:
    """The slots of the window by time, in UTC, none twice; and how many could not be read.

    Each is written anew from the fields of Redox's schema: nothing else that stood in it goes on.
    """
    found: dict[bytes, tuple[str, str]] = {}
    broken = 0
    for number, raw in enumerate(slots, 1):
        if number % _SLOTS_AT_ONCE == 0:
            yield
        try:
            slot = slot_of(raw)
            start = window.to_utc_text(window.parse_instant(slot.DateTime, site.zone))
        except (*UNREADABLE, ValueError):
            broken += 1
            continue
        if not 0 < slot.Duration <= window.MAX_MINUTES:
            broken += 1
        elif low <= start < high:
            slot.DateTime = start
            slot.Duration = int(slot.Duration) if slot.Duration == int(slot.Duration) else slot.Duration
            text = msgspec.json.encode(slot)
            found.setdefault(text, (start, text.decode()))
    by_time = yield from ordered(found.values(), itemgetter(0))
    return [text for _, text in by_time], broken
