"""The probe of a FHIR upstream: a few searches, each of them small, and none for anything of a patient."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import msgspec

from gateway.core.directory import Cells, Directory
from gateway.core.errors import GatewayError
from gateway.core.flows import JSON, SiteRules
from gateway.core.mapping import Asked
from gateway.core.plan import MOST_ROUNDS, Answer, Ask, Call, Failure, Flow, Outcome, Reply
from gateway.core.window import add_days, to_utc_text
from gateway.probe import advice, capability, findings, joins, samples, slots
from gateway.probe.report import Declared, Report, SlotFacts, Trial
from gateway.probe.samples import Sample
from gateway.probe.slots import Params, Span
from gateway.tables.answer.site import SiteTables
from gateway.tables.rows.model import CodeTable

PAGE = 5
SAMPLE = 50
_SCHEDULES_TRIED = 3
_SLOT_PAGES = 5
_SMALL = 2
UNKNOWN = ("gateway-probe", "1")
_NOTHING = Asked(None, None, (), (), (), ())


@dataclass(frozen=True, slots=True)
class _Base:
    """The Slot search that the rest is compared with: ``own`` is false where the tables' own failed and
    another spelling of its bounds was answered."""

    call: Call
    schedule: str
    found: Sample
    bounds: frozenset[str]
    tried: int
    own: bool = True

    @property
    def rest(self) -> Params:
        """Its parameters without the bounds."""
        return tuple(pair for pair in self.call.params if pair[0] not in self.bounds)


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
    directory = Directory(()) if _nobody(outcomes) else _directory(tables, rest, now)
    lines = [] if _nobody(outcomes) else _chosen(tables, directory, schedules)
    base: _Base | None = yield from _slots(site, tables, lines, start or now)
    trials: tuple[Trial, ...] = yield from _trials(site, tables, base)
    looked = _Looked(now, metadata, rest, found, directory, base, trials)
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


def _found(tables: SiteTables, outcomes: Sequence[Outcome]) -> dict[str, Sample]:
    """The samples by the type of resource; what further searches bring joins the first's."""
    size = PAGE if tables.dialect.page_size is not None else None
    found: dict[str, Sample] = {}
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


def _slots(
    site: SiteRules, tables: SiteTables, lines: Sequence[Cells], begin: datetime
) -> Generator[Any, Any, _Base | None]:
    """Slots of the first schedule that has some, in the site's default window from that instant on."""
    query = tables.tables["available-slots.query"]
    rows = [row for row in (query.row("StartDateTime"), query.row("EndDateTime")) if row is not None]
    bounds = frozenset(row.param for row in rows if row.param is not None)
    end = add_days(begin, site.default_window_days, site.zone)
    base: _Base | None = None
    for tried, line in enumerate(lines, start=1):
        lengths = (site.default_duration_minutes,)
        made = tables.slot_searches(to_utc_text(begin), to_utc_text(end), lengths, _NOTHING, (line,))
        if not made:
            continue
        call = replace(made[0][0], max_pages=_SLOT_PAGES, words=True)
        outcomes = yield Ask("slots", (call,))
        base = _Base(call, line["schedule"], samples.sample(outcomes[0], _asked_size(tables)), bounds, tried)
        if base.found.failure is not None:
            if slots.refusal(base.found.failure)[0] != "refused":
                return base
            base = yield from _otherwise(base, site, tables, begin, end)
        if base.found.resources:
            break
    return base


def _asked_size(tables: SiteTables) -> int | None:
    pages = tables.dialect.page_of("Slot")
    return int(pages[0][1]) if pages else None


def _otherwise(
    base: _Base, site: SiteRules, tables: SiteTables, begin: datetime, end: datetime
) -> Generator[Any, Any, _Base]:
    """The same search, which the upstream refused, with its bounds spelt in the other ways."""
    span = Span(
        begin.astimezone(site.zone).date(), end.astimezone(site.zone).date() + timedelta(1), site.zone
    )
    calls = tuple(
        replace(base.call, params=(*base.rest, *params)) for _, params in _other_spellings(base, span)
    )
    outcomes: Sequence[Outcome] = yield Ask("slots otherwise", calls)
    for outcome in outcomes:
        found = samples.sample(outcome, _asked_size(tables))
        if found.resources:
            names = base.bounds | {"end"}
            return replace(base, call=outcome.call, found=found, bounds=names, own=False)
    return base


def _other_spellings(base: _Base, span: Span) -> list[tuple[str, Params]]:
    own = slots.spelling(_bounds(base))
    return [(name, params) for name, params in slots.spellings(span, _start(base)) if name != own]


def _bounds(base: _Base) -> Params:
    return tuple(pair for pair in base.call.params if pair[0] in base.bounds)


def _start(base: _Base) -> str:
    return next((name for name, _ in _bounds(base)), "start")


def _trials(
    site: SiteRules, tables: SiteTables, base: _Base | None
) -> Generator[Any, Any, tuple[Trial, ...]]:
    """Changes one thing of the search at a time and compares what comes back."""
    if base is None or not base.found.resources:
        return ()
    made = _planned(site, tables, base)
    outcomes: Sequence[Outcome] = yield Ask("trials", tuple(call for call, _ in made))
    return tuple(
        judge(samples.sample(outcome, None)) for (_, judge), outcome in zip(made, outcomes, strict=True)
    )


_Judge = Callable[[Sample], Trial]


def _planned(site: SiteRules, tables: SiteTables, base: _Base) -> list[tuple[Call, _Judge]]:
    def unknown(found: Sample) -> Trial:
        return slots.unknown_parameter(found, base.found, "=".join(UNKNOWN), site.zone)

    made: list[tuple[Call, _Judge]] = [(replace(base.call, params=(*base.call.params, UNKNOWN)), unknown)]
    if pages := tables.dialect.page_of("Slot"):
        page = pages[0]
        sent = f"{page[0]}={_SMALL}"
        params = tuple((name, str(_SMALL) if name == page[0] else value) for name, value in base.call.params)
        made.append(
            (
                replace(base.call, params=params, max_pages=2),
                lambda found: slots.small_pages(found, base.found, sent, _SMALL),
            )
        )
    made += _lengths(site, tables, base)
    whole = slots.starts(base.found, site.zone)
    span = slots.span_within(whole, site.zone)
    if span is not None and base.found.pages.complete:
        ways = slots.spellings(span, _start(base))
        made += [_bounded(base, name, params, span, whole) for name, params in ways]
    return made


def _bounded(
    base: _Base, name: str, params: Params, span: Span, whole: frozenset[datetime]
) -> tuple[Call, _Judge]:
    sent = "&".join(f"{key}={value}" for key, value in params)
    own = base.own and slots.spelling(_bounds(base)) == name

    def judge(found: Sample) -> Trial:
        days = name in (slots.DAYS, slots.DAY_PREFIX)
        return Trial(name, sent, *slots.judged(found, whole, span, days), own=own)

    return replace(base.call, params=(*base.rest, *params)), judge


def _lengths(site: SiteRules, tables: SiteTables, base: _Base) -> list[tuple[Call, _Judge]]:
    """The search for visits of twice the usual length, where the dialect asks for a length at all."""
    row = tables.tables["available-slots.query"].row("Visit.VisitPreference.Duration")
    if not tables.asks_length or row is None or row.param is None:
        return []
    minutes, param = 2 * site.default_duration_minutes, row.param
    usual = str(site.default_duration_minutes)
    params = tuple(
        (name, str(minutes) if name == param and value == usual else value)
        for name, value in base.call.params
    )
    sent = f"{param}={minutes}"
    return [
        (
            replace(base.call, params=params),
            lambda found: slots.other_length(found, minutes, sent, site.zone),
        )
    ]


@dataclass(frozen=True, slots=True)
class _Looked:
    """Everything that came back, at ``now``."""

    now: datetime
    metadata: Outcome
    outcomes: Sequence[Outcome]
    found: Mapping[str, Sample]
    directory: Directory
    base: _Base | None
    trials: tuple[Trial, ...]


def _report(
    site: SiteRules,
    tables: SiteTables,
    codes: Mapping[str, CodeTable],
    looked: _Looked,
    origins: Mapping[str, str],
) -> Report:
    metadata, found, base = looked.metadata, looked.found, looked.base
    declared = capability.read(metadata.pages[0]) if isinstance(metadata, Answer) else Declared()
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
    made = tables.slot_searches(to_utc_text(looked.now), to_utc_text(end), lengths, _NOTHING, lines)
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
