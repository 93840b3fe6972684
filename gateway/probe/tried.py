"""The Slot search of the tables at one schedule, and what becomes of it with one thing changed at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.core.directory import Cells
from gateway.core.flows import SiteRules
from gateway.core.mapping import Asked
from gateway.core.plan import Ask, Call, Outcome
from gateway.core.window import add_days, to_utc_text
from gateway.probe import samples, slots
from gateway.probe.names import END, LENGTH, QUERY, START
from gateway.probe.report import Names, Trial
from gateway.probe.samples import Sample
from gateway.probe.slots import Params, Span
from gateway.tables.answer.site import SiteTables

_SLOT_PAGES = 5
_SMALL = 2
UNKNOWN = ("gateway-probe", "1")
NOTHING = Asked(None, None, (), (), (), ())


@dataclass(frozen=True, slots=True)
class Base:
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


def found_slots(
    site: SiteRules, tables: SiteTables, names: Names, lines: Sequence[Cells], begin: datetime
) -> Generator[Any, Any, Base | None]:
    """Slots of the first schedule that has some, in the site's default window from that instant on. ``names``
    are those of the parameters that bound it."""
    query = tables.tables[QUERY]
    rows = [row for row in (query.row(START), query.row(END)) if row is not None]
    bounds = frozenset(row.param for row in rows if row.param is not None)
    end = add_days(begin, site.default_window_days, site.zone)
    base: Base | None = None
    for tried, line in enumerate(lines, start=1):
        lengths = (site.default_duration_minutes,)
        made = tables.slot_searches(to_utc_text(begin), to_utc_text(end), lengths, NOTHING, (line,))
        if not made:
            continue
        call = replace(made[0][0], max_pages=_SLOT_PAGES, words=True)
        outcomes = yield Ask("slots", (call,))
        base = Base(call, line["schedule"], samples.sample(outcomes[0], _asked_size(tables)), bounds, tried)
        if base.found.failure is not None:
            if slots.refusal(base.found.failure)[0] != "refused":
                return base
            base = yield from _otherwise(base, names, site, tables, begin, end)
        if base.found.resources:
            break
    return base


def _asked_size(tables: SiteTables) -> int | None:
    pages = tables.dialect.page_of("Slot")
    return int(pages[0][1]) if pages else None


def _otherwise(
    base: Base, names: Names, site: SiteRules, tables: SiteTables, begin: datetime, end: datetime
) -> Generator[Any, Any, Base]:
    """The same search, which the upstream refused, with its bounds spelt in the other ways."""
    span = Span(
        begin.astimezone(site.zone).date(), end.astimezone(site.zone).date() + timedelta(1), site.zone
    )
    calls = tuple(
        replace(base.call, params=(*base.rest, *params)) for _, params in _other_spellings(base, span, names)
    )
    outcomes: Sequence[Outcome] = yield Ask("slots otherwise", calls)
    for outcome in outcomes:
        found = samples.sample(outcome, _asked_size(tables))
        if found.resources:
            bounds = base.bounds | {names.start, names.end}
            return replace(base, call=outcome.call, found=found, bounds=bounds, own=False)
    return base


def _other_spellings(base: Base, span: Span, names: Names) -> list[tuple[str, Params]]:
    own = slots.spelling(_bounds(base))
    return [(name, params) for name, params in slots.spellings(span, names) if name != own]


def _bounds(base: Base) -> Params:
    return tuple(pair for pair in base.call.params if pair[0] in base.bounds)


def trials_of(
    site: SiteRules, tables: SiteTables, names: Names, base: Base | None
) -> Generator[Any, Any, tuple[Trial, ...]]:
    """Changes one thing of the search at a time and compares what comes back."""
    if base is None or not base.found.resources:
        return ()
    made = _planned(site, tables, names, base)
    outcomes: Sequence[Outcome] = yield Ask("trials", tuple(call for call, _ in made))
    return tuple(
        judge(samples.sample(outcome, None)) for (_, judge), outcome in zip(made, outcomes, strict=True)
    )


_Judge = Callable[[Sample], Trial]


def _planned(site: SiteRules, tables: SiteTables, names: Names, base: Base) -> list[tuple[Call, _Judge]]:
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
        ways = slots.spellings(span, names)
        made += [_bounded(base, name, params, span, whole) for name, params in ways]
    return made


def _bounded(
    base: Base, name: str, params: Params, span: Span, whole: frozenset[datetime]
) -> tuple[Call, _Judge]:
    sent = "&".join(f"{key}={value}" for key, value in params)
    own = base.own and slots.spelling(_bounds(base)) == name

    def judge(found: Sample) -> Trial:
        days = name in (slots.DAYS, slots.DAY_PREFIX)
        return Trial(name, sent, *slots.judged(found, whole, span, days), own=own)

    return replace(base.call, params=(*base.rest, *params)), judge


def _lengths(site: SiteRules, tables: SiteTables, base: Base) -> list[tuple[Call, _Judge]]:
    """The search for visits of twice the usual length, where the dialect asks for a length at all."""
    row = tables.tables[QUERY].row(LENGTH)
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
