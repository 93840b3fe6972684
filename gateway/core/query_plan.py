"""What a query comes to before the EHR is asked: a site's rules, the plan, and its searches. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal
from zoneinfo import ZoneInfo

from gateway.core import window
from gateway.core.affordable import NO_WAYS, Ways, together
from gateway.core.choosing import Beside
from gateway.core.directory import Cells, Directory
from gateway.core.errors import Issue
from gateway.core.mapping import Asked, Mapping
from gateway.core.plan import Call

USUAL_MINUTES = 20


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What a site's configuration says of queries. Minutes, days and seconds as their names say.

    ``asked_minutes``: the length that Redox is asked for where a FHIR client asks for none; None: any.
    """

    id: str
    zone: ZoneInfo
    default_duration_minutes: int = USUAL_MINUTES
    asked_minutes: int | None = None
    default_window_days: int = 7
    max_window_days: int = 62
    preferences: Literal["filter", "order", "ignore"] = "filter"
    time_tolerance_minutes: int = 60
    max_schedules: int = 50
    max_searches: int = 200
    max_slots: int = 1000
    directory_cache_seconds: float = 300
    providers_by_name: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a query means: its window, what it prefers, and whose schedules. ``unchecked``: the paths of
    wishes of which nobody can tell whether an answer is what they ask; ``beside``: what schedules are asked
    with. ``most`` schedules stand in an answer: where more are asked, each brings fewer pages."""

    asked: Asked
    span: window.Window
    lengths: tuple[int, ...]
    directory: Directory
    positions: tuple[int, ...]
    cut: bool
    issues: tuple[Issue, ...]
    unchecked: tuple[str, ...] = ()
    beside: Ways = field(default_factory=lambda: NO_WAYS)
    most: int = 50

    @property
    def shortest(self) -> int:
        """The shortest length that is asked for, in minutes; 0: any will do."""
        return min((each.minutes for each in self.asked.preferences if each.minutes), default=0)

    @property
    def lines(self) -> tuple[Cells, ...]:
        """The chosen lines of the directory, in the order of the answer."""
        return tuple(self.directory.lines[position] for position in self.positions)

    def prefers(self, site: SiteRules, zone: str) -> window.Matcher | None:
        """Which slots of schedules in a zone the asker prefers; None where any will do."""
        clinic = window.zone_named(zone, site.zone)
        return window.matcher(self.asked.preferences, clinic, site.time_tolerance_minutes)


@dataclass(frozen=True, slots=True)
class Search:
    """One search of a plan: the minutes that it asks for (0: none), and the zone of its schedules, as
    the directory says it (empty: the site's own)."""

    call: Call
    minutes: int
    zone: str


@dataclass(frozen=True, slots=True)
class Meant:
    """What a FHIR client of this gateway means, who knows it better than a message can say: the directory,
    and the ``positions`` of its lines; None: whichever the message says. A query of theirs without a length
    means any, not the site's default one; and each slot of the answer says of which line it is."""

    directory: Directory
    positions: tuple[int, ...] | None = None


def searches(plan: Plan, mapping: Mapping) -> tuple[Search, ...]:
    """The searches of a plan. Days and times are those of the clinic, so schedules in different zones are not
    asked together; nor are those that are asked with different things beside them."""
    start, end = window.to_utc_text(plan.span.start), window.to_utc_text(plan.span.end)
    if mapping.combines and plan.shortest:
        # A time that begins in the window may need slots that begin after it.
        end = window.later(end, max(plan.lengths))
    found = tuple(
        Search(call, minutes, zone)
        for (zone, beside), lines in together(plan.directory, plan.positions, plan.beside).items()
        for call, minutes in mapping.slot_searches(start, end, plan.lengths, _with(plan.asked, beside), lines)
    )
    if len(plan.positions) <= plan.most:
        return found
    share = plan.most / len(plan.positions)
    return tuple(
        replace(each, call=replace(each.call, max_pages=max(1, int(each.call.max_pages * share))))
        for each in found
    )


def _with(asked: Asked, beside: Beside) -> Asked:
    return replace(asked, params=(*asked.params, *((name, (value,)) for name, value in beside)))
