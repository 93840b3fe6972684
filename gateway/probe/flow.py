"""The probe of a FHIR upstream: a few searches, each of them small, and none for anything of a patient."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any

import msgspec

from gateway.core.directory import Cells, Directory
from gateway.core.errors import GatewayError
from gateway.core.flows import JSON, SiteRules
from gateway.core.plan import MOST_ROUNDS, Answer, Ask, Call, Failure, Flow, Outcome, Reply
from gateway.core.window import add_days, to_utc_text
from gateway.probe import advice, capability, findings, joins, samples, slots
from gateway.probe.names import names
from gateway.probe.report import Declared, Names, Report, SlotFacts, Trial
from gateway.probe.samples import Sample
from gateway.probe.tried import NOTHING, Base, found_slots, trials_of
from gateway.probe.ways import Reach
from gateway.tables.answer.resources import READ
from gateway.tables.answer.site import SiteTables
from gateway.tables.rows.model import CodeTable

PAGE = 5
SAMPLE = 50
_SCHEDULES_TRIED = 3


def probe(
    site: SiteRules,
    tables: SiteTables,
    codes: Mapping[str, CodeTable],
    now: datetime,
    *,
    dialect: str,
    schedules: Sequence[str] = (),
    start: datetime | None = None,
    address: str = "",
    origins: Mapping[str, str] | None = None,
) -> Flow:
    """Asks the upstream's metadata and some searches; the reply's body is a :class:`Report` as JSON.

    ``codes`` are the site's code tables, ``now`` an aware instant, ``dialect`` the name of the site's,
    ``schedules`` those whose slots are looked at until one has some (none: some of the directory's), from
    ``start`` on (None: now). ``address`` and ``origins`` are for telling: whom the upstream is, and where the
    keys of ``dialect.yaml`` stand. Nothing is raised for an upstream that fails: it is told.
    """
    calls = tuple(_small(call, tables) for call in tables.directory_calls())
    outcomes: Sequence[Outcome] = yield Ask("directory", (Call("metadata", max_pages=1, words=True), *calls))
    metadata, *rest = outcomes
    rest += yield from _referred(tables, rest, now)
    found = _found(tables, rest)
    if any(lost > 0 for _, *others in tables.joined(rest, now).values() for lost in others):
        found = yield from _by_other_ways(tables, found)
    directory = Directory(()) if _nobody(outcomes) else _directory(tables, rest, now)
    lines = [] if _nobody(outcomes) else _chosen(tables, directory, schedules)
    declared = capability.read(metadata.pages[0]) if isinstance(metadata, Answer) else Declared()
    called = names(tables, declared)
    base: Base | None = yield from found_slots(site, tables, called, lines, start or now)
    trials: tuple[Trial, ...] = yield from trials_of(site, tables, called, base)
    looked = _Looked(now, metadata, declared, called, rest, found, directory, base, trials)
    report = replace(_report(site, tables, codes, looked, origins or {}), dialect=dialect, address=address)
    report = replace(report, findings=findings.findings(report))
    report = replace(report, advice=advice.advice(report, tables, found, directory.lines))
    return Reply(200, msgspec.json.encode(report), JSON)


def _referred(
    tables: SiteTables, outcomes: Sequence[Outcome], now: datetime
) -> Generator[Any, Any, list[Outcome]]:
    """What the sampled schedules lead to, where that is read by its ids."""
    brought: list[Outcome] = []
    for _ in range(MOST_ROUNDS):
        more = tables.directory_more([*outcomes, *brought], now)
        if not more:
            break
        brought += yield Ask("further directory", tuple(_small(call, tables) for call in more))
    joined = tables.joined([*outcomes, *brought], now)
    # Those that no reference leads to may be named by a text, and an EHR may not know several ids in one
    # search: in both cases all of them have to be read.
    read = tables.dialect.searches
    lost = [kind for kind, (_, *others) in joined.items() if any(others) and kind not in read]
    calls = tuple(
        _small(Call(kind, tables.dialect.page_of(kind), max_pages=tables.max_pages), tables) for kind in lost
    )
    if calls:
        brought += yield Ask("all of them", calls)
    return brought


def _by_other_ways(tables: SiteTables, found: dict[str, Sample]) -> Generator[Any, Any, dict[str, Sample]]:
    """The samples with what the sampled schedules lead to by references that the tables do not follow. A
    search that is not answered says nothing: the tables do not make it."""
    asked: set[tuple[str, str]] = set()
    for _ in range(MOST_ROUNDS):
        missing = Reach(found, joins.bases_of(tables, found.get("Schedule"))).missing()
        new = {kind: [each for each in ids if (kind, each) not in asked] for kind, ids in missing.items()}
        asked |= {(kind, each) for kind, ids in new.items() for each in ids}
        size = tables.dialect.named_at_most
        calls = tuple(
            Call(kind, (("_id", ",".join(ids[:size])), *tables.dialect.page_of(kind)))
            for kind, ids in new.items()
            if ids and kind in READ and kind not in tables.dialect.searches
        )
        if not calls:
            break
        outcomes: Sequence[Outcome] = yield Ask("other ways", tuple(_small(call, tables) for call in calls))
        found = _found(tables, [each for each in outcomes if isinstance(each, Answer)], found)
    return found


def _found(
    tables: SiteTables, outcomes: Sequence[Outcome], before: Mapping[str, Sample] | None = None
) -> dict[str, Sample]:
    """The samples by the type of resource; what further searches bring joins the first's, and those of
    ``before``."""
    size = PAGE if tables.dialect.page_size is not None else None
    found: dict[str, Sample] = dict(before or {})
    for outcome in outcomes:
        kind = outcome.call.target
        sample, first = samples.sample(outcome, size), found.get(kind)
        if first is not None:
            known = [each.get("id") for each in first.resources]
            entries = tuple(each for each in sample.entries if each["resource"].get("id") not in known)
            resources = tuple(each["resource"] for each in entries)
            sample = replace(first, resources=first.resources + resources, entries=first.entries + entries)
        found[kind] = sample
    return found


def _small(call: Call, tables: SiteTables) -> Call:
    """The search with small pages, so that paging shows, and no more of them than a sample needs."""
    name = tables.dialect.page_size[0] if tables.dialect.page_size is not None else None
    params = tuple((key, str(PAGE) if key == name else value) for key, value in call.params)
    return replace(call, params=params, max_pages=min(call.max_pages, SAMPLE // PAGE), words=True)


def _nobody(outcomes: Sequence[Outcome]) -> bool:
    """Whether there is nobody to ask any more: no answer at all, nor a refusal of just these searches."""
    return all(
        isinstance(each, Failure) and (each.token is not None or each.kind not in ("status", "protocol"))
        for each in outcomes
    )


def _directory(tables: SiteTables, outcomes: Sequence[Outcome], now: datetime) -> Directory:
    try:
        return tables.directory(outcomes, now)
    except GatewayError:
        return Directory(())


def _chosen(tables: SiteTables, directory: Directory, schedules: Sequence[str]) -> list[Cells]:
    if schedules:
        known = {line["schedule"]: line for line in directory.lines}
        named = [each.removeprefix("Schedule/") for each in schedules]
        return [known.get(each, {"schedule": each}) for each in named]
    without = frozenset(tables.unaskable(directory.lines))
    return [line for line in directory.lines if line["schedule"] not in without][:_SCHEDULES_TRIED]


@dataclass(frozen=True, slots=True)
class _Looked:
    """Everything that came back, at ``now``."""

    now: datetime
    metadata: Outcome
    declared: Declared
    names: Names
    outcomes: Sequence[Outcome]
    found: Mapping[str, Sample]
    directory: Directory
    base: Base | None
    trials: tuple[Trial, ...]


def _report(
    site: SiteRules,
    tables: SiteTables,
    codes: Mapping[str, CodeTable],
    looked: _Looked,
    origins: Mapping[str, str],
) -> Report:
    metadata, declared, found, base = looked.metadata, looked.declared, looked.found, looked.base
    every = {**found, **({"Slot": base.found} if base is not None else {})}
    resources = {kind: each.resources for kind, each in every.items()}
    aims = capability.aims(tables, declared, origins)
    told = _told(tables, found, looked.now)
    schedules, searches = _of_all(site, tables, looked)
    bases = joins.bases_of(tables, found.get("Schedule"))
    return Report(
        site=site.id,
        dialect="",
        tables=tables.hash,
        upstream="fhir",
        failed=any(each.failure is not None for each in every.values())
        or (base is not None and not base.own),
        own_search=base is None or base.own,
        declared=declared,
        names=looked.names,
        metadata=samples.why(metadata) if isinstance(metadata, Failure) else "",
        aims=aims,
        unused=capability.unused(aims, declared, ("Slot", *found)),
        pages=tuple(each.pages for each in every.values()),
        fills=samples.fills(tables, resources),
        unread=samples.unread(tables, resources),
        systems=samples.systems(tables, codes, resources),
        joins=joins.joined(tables, found, looked.outcomes, looked.now),
        columns=joins.columns(told, looked.directory.lines),
        schedules=schedules,
        searches=searches,
        tried=base.tried if base is not None else 0,
        schedule=base.schedule if base is not None else "",
        search="&".join(f"{name}={value}" for name, value in base.call.params) if base is not None else "",
        slots=slots.facts(base.found, base.schedule, site.zone, bases) if base is not None else SlotFacts(),
        trials=looked.trials,
    )


def _of_all(site: SiteRules, tables: SiteTables, looked: _Looked) -> tuple[int, int]:
    """How many schedules there are, and by how many Slot searches one asks for all of them: as many for each
    as for those of the sample."""
    without = frozenset(tables.unaskable(looked.directory.lines))
    lines = tuple(line for line in looked.directory.lines if line["schedule"] not in without)
    if not lines:
        return 0, 0
    end = add_days(looked.now, site.default_window_days, site.zone)
    lengths = (site.default_duration_minutes,)
    made = tables.slot_searches(to_utc_text(looked.now), to_utc_text(end), lengths, NOTHING, lines)
    listed = looked.found.get("Schedule")
    total = listed.pages.total if listed is not None else None
    count = max(len(lines), total or 0)
    return count, ceil(len(made) * count / len(lines))


def _told(tables: SiteTables, found: Mapping[str, Sample], now: datetime) -> Sequence[Cells]:
    """The directory as the upstream alone tells it, without the site's file."""
    alone = replace(tables, schedules=())
    outcomes = tuple(
        Answer(Call(kind), (msgspec.json.encode({"resourceType": "Bundle", "entry": list(each.entries)}),))
        for kind, each in found.items()
        if each.failure is None
    )
    return _directory(alone, outcomes, now).lines if outcomes else ()
