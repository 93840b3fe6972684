"""Why slots that an EHR sent are not in the answer: for the question why there is nothing on a Tuesday."""

from __future__ import annotations

from calendar import day_name
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.core import window
from gateway.core.affordable import zone_of
from gateway.core.directory import Cells
from gateway.core.flows import Plan, SiteRules
from gateway.core.plan import Outcome
from gateway.core.window import Preference
from gateway.explain.answered import slots_sent
from gateway.explain.leaves import Json
from gateway.explain.rows import Rows
from gateway.explain.told import LeftOut
from gateway.offline.canned import schedule_of
from gateway.tables.answer import reference
from gateway.tables.answer.site import SiteTables
from gateway.tables.compile.bind import BoundRow

_OTHERWISE = "another one is the same, its kind is not what was asked for, or there are more than max_slots"
_TOGETHER = "no preference has its day, its time and its length together"
_OF_NOBODY = "it is of no schedule that was asked for, by its provider and location; or another page has it"
_JOINED = "+"  # between the ids of slots that touch


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: the plan of it, by the rules of a site."""

    plan: Plan
    site: SiteRules


def left_out(
    asked: Asked, outcomes: Iterable[Outcome], answered: Sequence[Json], tables: SiteTables, rows: Rows
) -> Iterator[LeftOut]:
    """Each slot that came and is not ``answered``, once, with why."""
    told = {(slot.get(reference.TIME), name) for slot in answered for name in _ids(slot)}
    starts = {slot.get(reference.TIME) for slot in answered}
    seen: set[tuple[object, object]] = set()
    judge = _Judge(asked, tables, rows)
    for slot in slots_sent(outcomes):
        key = (slot.get("id"), slot.get("start"))
        if key in seen:
            continue
        seen.add(key)
        found = judge.why(slot)
        if found is None:
            continue
        why, at = found
        if (at, slot.get("id")) in told or (slot.get("id") is None and at in starts):
            continue
        if any(slot.get("id") == name for _, name in told):
            continue  # a part of a longer one
        name = f"Slot/{slot['id']}" if isinstance(slot.get("id"), str) else "a Slot without an id"
        yield replace(why, slot=name, start=str(slot.get("start")))


def _ids(slot: Json) -> list[str]:
    return str(slot.get("ID", "")).split(_JOINED)


class _Judge:
    """Says of a slot what there is against it."""

    def __init__(self, asked: Asked, tables: SiteTables, rows: Rows) -> None:
        self._plan = asked.plan
        self._site = asked.site
        self._tables = tables
        self._rows = rows
        self._low = window.to_utc_text(asked.plan.span.start)
        self._high = window.to_utc_text(asked.plan.span.end)
        self._lines = {line["schedule"]: line for line in reversed(asked.plan.lines)}

    def why(self, slot: Json) -> tuple[LeftOut, str] | None:
        """What there is against it, and when it begins in UTC as far as that can be read; None for one that
        cannot even be told apart."""
        named = schedule_of(slot, self._plan.directory.bases)
        line = self._lines.get(named)
        if line is None and not self._tables.dialect.slots and named:
            known = any(each["schedule"] == named for each in self._plan.directory.lines)
            why = "the wishes leave it out" if known else "this site does not have it"
            return LeftOut("", "", f"it is of Schedule/{named}: {why}"), ""
        traced = reference.to_redox(self._rows.table, self._tables.answer_rows, slot, line or {})
        if traced.result is None:
            issue = traced.issues[0]
            row = next(
                (each for each in self._rows.table.rows if issue.path in (each.key, *map(str, each.fhir))),
                None,
            )
            return LeftOut("", "", str(issue), self._rows.told(row) if row is not None else None), ""
        at, minutes = traced.result[reference.TIME], int(traced.result[reference.LENGTH])
        return LeftOut("", "", self._against(at, minutes, line)), at

    def _against(self, at: str, minutes: int, line: Cells | None) -> str:
        if not self._low <= at < self._high:
            return f"it begins outside of what was asked for, {self._low} to {self._high}"
        if minutes < self._plan.shortest:
            return f"it lasts {minutes} minutes, and {self._plan.shortest} were asked for"
        zone = window.zone_named(zone_of(line or {}), self._site.zone)
        return self._unwanted(at, minutes, zone) or _OTHERWISE

    def _unwanted(self, at: str, minutes: int, zone: ZoneInfo) -> str | None:
        """Which preference it does not meet."""
        wishes = self._plan.asked.preferences
        if self._site.preferences != "filter" or not any(each.days or each.timed for each in wishes):
            return None
        here = window.parse_instant(at, zone).astimezone(zone)
        if not self._accepts([Preference(days=each.days) for each in wishes], at, minutes, zone):
            days = sorted({day for each in wishes for day in each.days})
            return f"it is on a {day_name[here.weekday()]}, and {_listed(days)} was asked for"
        timed = [replace(each, minutes=None, days=frozenset()) for each in wishes]
        if not self._accepts(timed, at, minutes, zone):
            return f"it begins at {_clock(here)}, more than {self._site.time_tolerance_minutes} minutes off"
        return None if self._accepts(list(wishes), at, minutes, zone) else _TOGETHER

    def _accepts(self, wishes: list[Preference], at: str, minutes: int, zone: ZoneInfo) -> bool:
        matcher = window.matcher(wishes, zone, self._site.time_tolerance_minutes)
        return matcher is None or matcher(at, minutes)


def _listed(days: Sequence[int]) -> str:
    return " or ".join(day_name[day] for day in days)


def _clock(at: datetime) -> str:
    return f"{at.hour:02}:{at.minute:02}"


def left_out_of_redox(
    slots: Iterable[Json], entries: Sequence[Json], query: Json, lines: Sequence[Cells], made: FhirWay
) -> Iterator[LeftOut]:
    """Each slot of Redox's that is in no entry of a searchset, with why. ``query`` is what was asked, of the
    schedules of these ``lines``."""
    ids = {entry.get("resource", {}).get("id") for entry in entries}
    low, high = str(query.get("StartDateTime")), str(query.get("EndDateTime"))
    for slot in slots:
        traced = [reference.to_fhir(made.rows.table, made.bound, slot, line) for line in lines]
        if any(each.result is not None and each.result.get("id") in ids for each in traced):
            continue
        at, name = str(slot.get(reference.TIME)), str(slot.get("ID") or "a slot without an ID")
        refused = next((each.issues[0] for each in traced if each.result is None), None)
        if refused is not None:
            yield LeftOut(name, at, str(refused), made.rows.reading(refused.path))
        elif not low <= _utc(at) < high:
            yield LeftOut(name, at, f"it begins outside of what was asked for, {low} to {high}")
        else:
            yield LeftOut(name, at, _OF_NOBODY)


@dataclass(frozen=True, slots=True)
class FhirWay:
    """The rows of the answer table, on their way to FHIR."""

    rows: Rows
    bound: tuple[BoundRow, ...]


def _utc(text: str) -> str:
    """An instant as Redox spells it; the text itself where it is none."""
    try:
        return window.to_utc_text(window.parse_instant(text, ZoneInfo("UTC")))
    except ValueError:
        return text
