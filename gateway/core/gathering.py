"""Asking an EHR for the slots of a plan, and gathering what it answers. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.core import window
from gateway.core.affordable import zone_of
from gateway.core.earliest import earliest, is_cut
from gateway.core.errors import DeadlineExceeded, GatewayError, Issue
from gateway.core.mapping import Collector, Wanted
from gateway.core.mapping import Mapping as Tables
from gateway.core.plan import Answer, Ask, Call, Failure, FailureKind, Outcome, paused
from gateway.core.query_plan import Plan, Search, SiteRules, searches

_FAILED: Final[Mapping[FailureKind, tuple[str, str]]] = {
    "connect": ("transient", "there was no connection to the EHR"),
    "deadline": ("timeout", "there was no answer within the time for one query"),
    "status": ("exception", "the EHR refused them, or failed"),
    "unauthorized": ("security", "the EHR did not accept this gateway's credentials"),
    "overloaded": ("throttled", "the EHR, or the line for it, is overloaded"),
    "breaker": ("transient", "the EHR was not asked, as it failed again and again"),
    "protocol": ("exception", "the answer cannot be read"),
}
"""What is said of searches that failed, while others did not, by the kind of the failure."""
_MORE_THAN_READ: Final = ("too-costly", "the answers to one query hold more than is read for it")


@dataclass(frozen=True, slots=True)
class Gathered:
    """The slots of an answer as texts, what to join them by, and what is said of it: whether something is
    missing, why, and numbers for the log."""

    texts: list[str]
    between: str
    incomplete: bool
    issues: tuple[Issue, ...]
    counts: dict[str, int]


def gathered(plan: Plan, site: SiteRules, mapping: Tables, *, placed: bool) -> Generator[Any, Any, Gathered]:
    """Asks for the slots of a plan; ``placed``: each is to say of which line of the directory it is.

    Whatever is left out for its number is the latest, and is told. Raises GatewayError where every search
    failed.
    """
    asked = searches(plan, mapping)
    calls = tuple(search.call for search in asked)
    outcomes: Sequence[Outcome] = (yield Ask("slots", calls)) if calls else ()

    def of(span: window.Window) -> tuple[Call, ...]:
        return tuple(search.call for search in searches(replace(plan, span=span), mapping))

    cut = [place for place, each in enumerate(outcomes) if is_cut(each)]
    outcomes = yield from earliest(plan.span, calls, outcomes, cut, of, mapping)
    collector = mapping.collector(plan.directory, plan.positions, placed=placed)
    failures = yield from _collected(plan, site, collector, mapping, asked, outcomes)
    if short := collector.short:
        cut = [place for place, call in enumerate(calls) if call in short]
        told = [_told(each, short) for each in outcomes]
        outcomes = yield from earliest(plan.span, calls, told, cut, of, mapping)
        if any(now is not before for now, before in zip(outcomes, told, strict=True)):
            collector = mapping.collector(plan.directory, plan.positions, placed=placed)
            failures = yield from _collected(plan, site, collector, mapping, asked, outcomes)
    first = plan.prefers(site, _zone_of(plan)) if site.preferences == "order" else None
    others = yield from paused(collector.keep(site.max_schedules, first))
    texts, between, more = yield from paused(collector.texts(site.max_slots, first))
    incomplete = bool(failures or others or more)
    incomplete = incomplete or any(issue.severity == "error" for issue in collector.issues)
    incomplete = incomplete or any(isinstance(each, Answer) and not each.complete for each in outcomes)
    issues = (*_failed(failures, len(asked)), *_left_out(others, more, site, by_time=first is None))
    counts = {
        "schedules": len(plan.positions),
        "searches": len(asked),
        "failed": len(failures),
        "slots": len(texts),
        **collector.counts,
    }
    return Gathered(texts, between, incomplete, (*issues, *collector.issues), counts)


def _told(outcome: Outcome, short: Mapping[Call, Issue]) -> Outcome:
    """An answer that lacks something, as one that says so."""
    if not isinstance(outcome, Answer) or outcome.call not in short:
        return outcome
    return replace(outcome, complete=False, issues=(*outcome.issues, short[outcome.call]))


def _zone_of(plan: Plan) -> str:
    """The zone that all chosen schedules share; the site's own if they do not."""
    zones = {zone_of(line) for line in plan.lines}
    return zones.pop() if len(zones) == 1 else ""


def _collected(
    plan: Plan,
    site: SiteRules,
    collector: Collector,
    mapping: Tables,
    asked: Sequence[Search],
    outcomes: Sequence[Outcome],
) -> Generator[Any, Any, list[Failure]]:
    """Collects the slots of every search that answered; gives back those that did not. With none that did,
    the worst failure is raised."""
    failures: list[Failure] = []
    low, high = window.to_utc_text(plan.span.start), window.to_utc_text(plan.span.end)
    filtered = site.preferences == "filter"
    zones = {each.zone for each in asked}
    prefers = {zone: plan.prefers(site, zone) if filtered else None for zone in zones}
    for search, outcome in zip(asked, outcomes, strict=True):
        if isinstance(outcome, Failure):
            failures.append(outcome)
            continue
        lengths = (search.minutes,) if search.minutes else plan.lengths
        shortest = search.minutes or plan.shortest
        wanted = Wanted(low, high, shortest, prefers[search.zone], lengths=lengths if shortest else ())
        if not (yield from paused(collector.add(outcome, wanted))):
            failures.append(Failure(outcome.call, "protocol"))
    if outcomes and len(failures) == len(outcomes):
        raise _worst(failures, mapping)
    return failures


def _worst(failures: Sequence[Failure], mapping: Tables) -> GatewayError:
    """The failure that says most: what the asker or the operator can do something about first."""
    errors = [mapping.failure(failure) for failure in failures]
    telling = [error for error in errors if not isinstance(error, DeadlineExceeded)]
    return (telling or errors)[0]


def _failed(failures: Sequence[Failure], searches: int) -> tuple[Issue, ...]:
    """What is said of searches that failed while others did not."""
    why = Counter(
        _MORE_THAN_READ if each.reason == "query-limit" else _FAILED[each.kind] for each in failures
    )
    return tuple(
        Issue(code, "Slot", f"{number} of {searches} searches for slots failed: {text}", "warning")
        for (code, text), number in why.items()
    )


def too_many_slots(more: int, most: int, which: str = "the latest") -> Issue:
    """What is said of slots beyond the most that an answer may have."""
    text = f"an answer has {most:,} slots at most (max_slots), so {more:,} were left out: {which}"
    return Issue("too-costly", "AvailableSlots", text, "warning")


def _left_out(others: int, more: int, site: SiteRules, *, by_time: bool) -> tuple[Issue, ...]:
    """What is said of schedules, and of slots, that are too many for an answer."""
    told = []
    if others:
        text = f"an answer is of {site.max_schedules:,} schedules at most (max_schedules), so {others:,} were"
        text += " left out: those whose times begin later"
        told.append(Issue("too-costly", "AvailableSlots", text, "warning"))
    if more:
        which = "the latest" if by_time else "those that are not preferred, and the latest"
        told.append(too_many_slots(more, site.max_slots, which))
    return tuple(told)
