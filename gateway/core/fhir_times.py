"""When the slots are that a FHIR client asks for: its window, and whose days its days are. Pure.

A year, a month, a day and a time without an offset are those of the clinic, and the clinic is where the
schedule is: of schedules in several zones each has a window of its own. An upstream is asked for all of them
at once, and each slot is then judged by the window of its schedule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.core import search as searches
from gateway.core import window
from gateway.core.affordable import zone_of
from gateway.core.directory import Directory
from gateway.core.errors import InvalidMessage, Issue
from gateway.core.fhir import Params
from gateway.core.flows import SiteRules
from gateway.core.mapping import Entries, FhirServer, Sought
from gateway.core.search import Search
from gateway.core.values import Pieces

FOREIGN = Issue("value", searches.CURSOR, "is not from a link of this server; follow the link as it is")
_ENTRIES_AT_ONCE = 1_000
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a search says of time, as one zone has it. ``span``: with its defaults; None where nothing can be
    open in it."""

    sought: Sought
    span: window.Window | None

    @property
    def bounds(self) -> tuple[str, str]:
        """The span as UTC texts; where there is none, one that holds nothing."""
        if self.span is None:
            return "~", ""
        return window.to_utc_text(self.span.start), window.to_utc_text(self.span.end)

    def asks_for(self, start: str, minutes: int) -> bool:
        """Whether a slot is when it is asked for, without any default."""
        low, high = self.sought.start or "", self.sought.end or "~"
        return low <= start < high and self.ends(start, minutes)

    def ends(self, start: str, minutes: int) -> bool:
        """Whether a slot ends when it is to end."""
        ends = self.sought.ends
        return ends is None or ends[0] <= window.later(start, minutes) < ends[1]


@dataclass(frozen=True, slots=True)
class Times:
    """``span`` is what an upstream is asked for; None for nothing. ``zoned``: by the zone of a schedule, as
    the directory says it, what the search means there, where that is not the same everywhere."""

    own: Meaning
    span: window.Window | None
    zoned: Mapping[str, Meaning]

    def of(self, directory: Directory, position: int) -> Meaning:
        """What the search means for the schedule of a line."""
        return self.zoned.get(zone_of(directory.lines[position]), self.own)

    def kept(self, entries: Entries, fhir_server: FhirServer, directory: Directory) -> Pieces[Entries]:
        """The slots that are in the window of their own schedules."""
        if not self.zoned:
            return entries
        others = (*self.own.bounds, self.own)
        bounds = {zone: (*each.bounds, each) for zone, each in self.zoned.items()}
        kept = []
        for number, slot in enumerate(entries.slots, 1):
            if number % _ENTRIES_AT_ONCE == 0:
                yield
            start, name, _ = slot
            if (named := fhir_server.named(name, directory)) is None:
                continue
            low, high, meaning = bounds.get(zone_of(directory.lines[named[0]]), others)
            if low <= start < high and meaning.ends(start, named[2]):
                kept.append(slot)
        outside = entries.counts.get("outside", 0) + len(entries.slots) - len(kept)
        return replace(entries, slots=tuple(kept), counts={**entries.counts, "outside": outside})

    def left(self, search: Search) -> window.Window | None:
        """The part of the span in which a further page can be. InvalidMessage for a cursor not of ours."""
        span = self.span
        if span is None or not search.cursor.last:
            return span
        last = instant(search.cursor.start)
        if last is None or not span.start <= last < span.end:
            raise InvalidMessage(FOREIGN)
        if search.descending:
            return replace(span, end=min(span.end, last + timedelta(milliseconds=1)))
        return replace(span, start=last)

    def spelt(self, search: Search) -> Search:
        """The search with the window's defaults spelt out, for links that mean the same tomorrow. What was
        asked stays as it is: no one instant means what a day does in several zones."""
        sought, span = self.own.sought, self.span
        if span is None or (sought.start is not None and sought.end is not None):
            return search
        begin = () if sought.start is not None else (f"ge{window.to_utc_text(span.start)}",)
        end = () if sought.end is not None else (f"lt{window.to_utc_text(span.end)}",)
        added = (("start", bound) for bound in (*begin, *end))
        return replace(search, params=(*search.params, *added))


def meaning(sought: Sought, rules: SiteRules, now: datetime) -> Meaning:
    """What a search means in the site's zone. InvalidMessage for a window that the site does not answer."""
    return Meaning(sought, _span(sought, rules, now))


def times(
    params: Params,
    own: Meaning,
    rules: SiteRules,
    fhir_server: FhirServer,
    directory: Directory,
    positions: Sequence[int] | None,
    now: datetime,
    *,
    bounded: bool = True,
) -> Times:
    """When the slots of these lines of the directory are asked for; ``own`` is what that means in the site's
    zone. Not ``bounded``: they are asked for by what they are, and there is no window."""
    found: dict[str, Meaning] = {}
    for name in _zones(directory, positions):
        zone = window.zone_named(name, rules.zone)
        found[name] = own
        if zone != rules.zone:
            there = fhir_server.read(params, zone)
            if (there.start, there.end, there.ends) != (own.sought.start, own.sought.end, own.sought.ends):
                span = _elsewhere(there, own, rules, zone, now) if bounded else None
                found[name] = Meaning(there, span)
    if all(each is own for each in found.values()):
        return Times(own, own.span, {})
    spans = [each.span for each in found.values() if each.span is not None]
    if not spans:
        return Times(own, None, found)
    span = window.Window(min(each.start for each in spans), max(each.end for each in spans))
    return Times(own, span, found)


def _zones(directory: Directory, positions: Sequence[int] | None) -> tuple[str, ...]:
    """The zones of these lines, as the directory says them; of all lines looked through once."""
    if positions is not None:
        return tuple(dict.fromkeys(zone_of(directory.lines[each]) for each in positions))
    known: tuple[str, ...] | None = directory.memo.get("zones")
    if known is None:
        known = directory.memo["zones"] = tuple(dict.fromkeys(map(zone_of, directory.lines)))
    return known


def _elsewhere(
    there: Sought, own: Meaning, rules: SiteRules, zone: ZoneInfo, now: datetime
) -> window.Window | None:
    """The window in another zone than the site's. Where it has no end, that is the site's, so that it is one
    instant for all."""
    if there.end is None and own.span is not None:
        there = replace(there, end=window.to_utc_text(own.span.end))
    wider = replace(rules, zone=zone, max_window_days=rules.max_window_days + window.ZONES_APART_DAYS)
    return _span(there, wider, now)


def _span(sought: Sought, rules: SiteRules, now: datetime) -> window.Window | None:
    """The effective window; None if nothing can be open in it. No start: now; no end: the site's default
    days later."""
    begin = sought.start or window.to_utc_text(now)
    if sought.ends is not None:
        low, high = sought.ends
        if low >= high:
            return None
        # Nothing that begins a day before it, or earlier, ends that late.
        begin = max(begin, window.later(low, -window.MAX_MINUTES)) if low else begin
    if sought.end is not None and sought.end <= begin:
        return None  # all of it is past, or the bounds exclude each other
    return window.window_of(
        begin,
        sought.end,
        rules.zone,
        rules.default_window_days,
        rules.max_window_days,
        paths=("start", "start"),
        end_day_included=False,
    )


def empty(sought: Sought) -> Issue:
    """Why a search can find nothing."""
    if sought.ends is not None and sought.ends[0] >= sought.ends[1]:
        text = "no slot ends both before and after what is asked for: none is found by it"
        return Issue("value", "end", text, "warning")
    text = "the search ends before now, and begins now where no start is given"
    if sought.start is not None:
        text = f"the search ends ({sought.end}) before it begins ({sought.start}): no slot is found by it"
    return Issue("value", "start", text, "warning")


def instant(text: str) -> datetime | None:
    """A UTC text of ours as an instant; None for any other text."""
    try:
        return window.parse_instant(text, _UTC)
    except ValueError:
        return None
