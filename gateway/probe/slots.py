"""What slots are like, and what a search did with its bounds: sets of starts compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from gateway.core.directory import shown
from gateway.core.plan import Failure
from gateway.core.references import resolve
from gateway.core.window import parse_instant, to_utc_text
from gateway.probe.report import Names, SlotFacts, Trial, Verdict
from gateway.probe.samples import Sample, why

Params = tuple[tuple[str, str], ...]

INSTANT_PREFIX = "ge and lt with times"
DAY_PREFIX = "ge and lt with days"
INSTANTS = "start and end with times"
DAYS = "start and end with days"
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch to search: local days from ``first`` up to, not on, ``until``, and the same as instants."""

    first: date
    until: date
    zone: ZoneInfo

    @property
    def low(self) -> datetime:
        return _midnight(self.first, self.zone)

    @property
    def high(self) -> datetime:
        return _midnight(self.until, self.zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def spellings(span: Span, names: Names) -> Iterator[tuple[str, Params]]:
    """The ways in which servers want bounds: base R4 has comparisons on ``start`` alone, others have a
    parameter for the end."""
    start, end = names.start, names.end
    times = to_utc_text(span.low), to_utc_text(span.high)
    days = span.first.isoformat(), span.until.isoformat()
    yield INSTANT_PREFIX, ((start, "ge" + times[0]), (start, "lt" + times[1]))
    yield DAY_PREFIX, ((start, "ge" + days[0]), (start, "lt" + days[1]))
    yield INSTANTS, ((start, times[0]), (end, times[1]))
    yield DAYS, ((start, days[0]), (end, days[1]))


def spelling(bounds: Params) -> str:
    """Which of them these parameters are; empty for none of them."""
    if len(bounds) != 2:
        return ""
    prefixed = [value.startswith(PREFIXES) for _, value in bounds]
    days = all(
        len(value.removeprefix(value[:2]) if value.startswith(PREFIXES) else value) == 10
        for _, value in bounds
    )
    if all(prefixed):
        return DAY_PREFIX if days else INSTANT_PREFIX
    if any(prefixed):
        return ""
    return DAYS if days else INSTANTS


def starts(sample: Sample, zone: ZoneInfo) -> frozenset[datetime]:
    """The starts of the slots, as instants; those that cannot be read are left out."""
    return frozenset(found for each in sample.resources if (found := _instant(each.get("start"), zone)))


def _instant(text: Any, zone: ZoneInfo) -> datetime | None:
    try:
        return parse_instant(text, zone) if isinstance(text, str) else None
    except ValueError:
        return None


def facts(sample: Sample, schedule: str, zone: ZoneInfo, bases: Collection[str] = ()) -> SlotFacts:
    """What the slots of a search for ``schedule`` (an id) have in common, and how they differ. ``bases`` are
    the addresses of the upstream."""
    times: list[tuple[datetime, datetime]] = []
    offsets: Counter[str] = Counter()
    minutes: Counter[str] = Counter()
    for each in sample.resources:
        start, end = _instant(each.get("start"), zone), _instant(each.get("end"), zone)
        if start is None or end is None:
            continue
        times.append((start, end))
        offsets[_offset(each["start"])] += 1
        minutes[f"{(end - start) / timedelta(minutes=1):g}"] += 1
    ordered = sorted(times)
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(ordered) if later[0] > earlier[0]]
    return SlotFacts(
        count=len(sample.resources),
        days=len({start.astimezone(zone).date() for start, _ in times}),
        with_id=sum(1 for each in sample.resources if each.get("id")),
        with_full_url=sum(1 for each in sample.entries if each.get("fullUrl")),
        offsets=dict(offsets.most_common()),
        statuses=dict(Counter(shown(str(each.get("status"))) for each in sample.resources).most_common()),
        minutes=dict(minutes.most_common()),
        step=int(min(gaps) / timedelta(minutes=1)) if gaps else None,
        overlap=any(earlier[1] > later[0] for earlier, later in pairwise(ordered)),
        in_order=times == ordered,
        others=sum(1 for each in sample.resources if not _is_of(each, schedule, bases)),
        unreadable=len(sample.resources) - len(times),
    )


def _offset(text: str) -> str:
    tail = text[10:].upper()
    if tail.endswith("Z"):
        return "UTC (Z)"
    return "an offset" if "+" in tail or "-" in tail else "none"


def _is_of(slot: dict[str, Any], schedule: str, bases: Collection[str]) -> bool:
    held = slot.get("schedule")
    reference = held.get("reference") if isinstance(held, dict) else None
    if not isinstance(reference, str):
        return False
    return reference == schedule or resolve(reference, bases) == ("Schedule", schedule)


def span_within(found: frozenset[datetime], zone: ZoneInfo) -> Span | None:
    """A stretch by which a search shows what it does with its bounds: two days that have slots, with
    slots on the day that ends it and, where there are enough, beyond that day."""
    days = sorted({start.astimezone(zone).date() for start in found})
    if not days:
        return None
    at = 1 if len(days) > 4 else 0
    if len(days) < 3:
        until = days[1] if len(days) == 2 else days[0] + timedelta(days=1)
        return Span(days[0], until, zone)
    return Span(days[at], days[at + 2], zone)


def judged(sample: Sample, base: frozenset[datetime], span: Span, days: bool) -> tuple[Verdict, str]:
    """What a search bounded by ``span`` did, by the slots that ``base``, a wider search, has found."""
    if sample.failure is not None:
        return refusal(sample.failure)
    if not sample.pages.complete:
        return "unclear", "there are more pages than were read"
    found = starts(sample, span.zone)
    for zone in (span.zone, ZoneInfo("UTC")):
        verdict = _compared(found, base, span, zone, days)
        if verdict is not None:
            local = span.zone.key != "UTC" and zone is span.zone
            told = days and _days_tell(base, span)
            whose = ("; days are the clinic's" if local else "; days are UTC's") if told else ""
            return verdict[0], verdict[1] + whose
    inside = {start for start in base if span.low <= start < span.high}
    if found - inside and found >= inside:
        return "ignored", "slots outside came back as well"
    if found < inside:
        return "partial", f"{len(inside - found)} of {len(inside)} slots inside did not come back"
    return "unclear", "other slots came back than the wider search has"


def _compared(
    found: frozenset[datetime], base: frozenset[datetime], span: Span, zone: ZoneInfo, days: bool
) -> tuple[Verdict, str] | None:
    by_day: dict[datetime, date] = {start: start.astimezone(zone).date() for start in base}
    inside = {start for start, day in by_day.items() if span.first <= day < span.until}
    last = {start for start, day in by_day.items() if day == span.until}
    beyond = len(base) > len(inside | last)
    if found == inside:
        if not (last or beyond):
            return "unclear", "answered, but there are no slots outside to leave out"
        return "works", "the end is not included" if last else "slots outside are left out"
    if days and last and found == inside | last:
        if not beyond:
            return "unclear", "either the end day is included or the bounds are ignored"
        return "end-included", "the end day is included"
    return None


def _days_tell(base: frozenset[datetime], span: Span) -> bool:
    """Whether it shows where days begin: some slot is on another day in UTC, at an edge of the span."""
    return any(
        (span.first <= start.astimezone(span.zone).date() < span.until)
        != (span.first <= start.astimezone(UTC).date() < span.until)
        for start in base
    )


def refusal(failure: Failure) -> tuple[Verdict, str]:
    """A failure as a verdict: the upstream said no, or could not be asked."""
    asked = failure.token is None
    refused = asked and failure.kind == "status" and failure.status is not None and failure.status < 500
    words = f'; it wrote: "{failure.words}"' if failure.words else ""
    return ("refused" if refused else "failed"), why(failure) + words


def unknown_parameter(sample: Sample, base: Sample, sent: str, zone: ZoneInfo) -> Trial:
    """What became of a parameter that nobody has."""
    what = "a parameter that nobody has"
    if sample.failure is not None:
        return Trial(what, sent, *refusal(sample.failure))
    said = any("OperationOutcome" in note for note in sample.pages.notes)
    if starts(sample, zone) != starts(base, zone):
        return Trial(what, sent, "unclear", "the same search brought other slots with it")
    told = "ignored, and said so in an OperationOutcome" if said else "ignored without a word"
    return Trial(what, sent, "ignored", told)


def small_pages(sample: Sample, base: Sample, sent: str, size: int) -> Trial:
    """What became of a small page size."""
    what = "a small page size"
    if sample.failure is not None:
        return Trial(what, sent, *refusal(sample.failure))
    sizes = sample.pages.sizes
    if sizes and sizes[0] > size:
        return Trial(what, sent, "ignored", f"{sizes[0]} came on the first page")
    if len(base.resources) <= size:
        return Trial(what, sent, "unclear", "there are too few slots to tell")
    if sample.pages.next == "none":
        return Trial(what, sent, "partial", "kept, but no link leads to the rest")
    return Trial(what, sent, "works", f"kept; {_links(sample)}")


def _links(sample: Sample) -> str:
    read = len(sample.pages.sizes)
    form = {"elsewhere": "the next link leads elsewhere"}.get(
        sample.pages.next, f"next links are {sample.pages.next}"
    )
    return f"{form}, {read} pages read" if read > 1 else form


def other_length(sample: Sample, minutes: int, sent: str, zone: ZoneInfo) -> Trial:
    """Whether slots are as long as they are asked for."""
    what = "another length"
    if sample.failure is not None:
        return Trial(what, sent, *refusal(sample.failure))
    lengths = sorted(facts(sample, "", zone).minutes, key=float)
    if not lengths:
        return Trial(what, sent, "unclear", "no slots came back")
    if lengths == [str(minutes)]:
        return Trial(what, sent, "works", f"all slots last {minutes} minutes")
    if float(lengths[0]) >= minutes:
        return Trial(what, sent, "works", f"slots last {lengths[0]} minutes or more")
    return Trial(what, sent, "ignored", f"slots last {', '.join(lengths[:6])} minutes")
