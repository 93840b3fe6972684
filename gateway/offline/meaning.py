"""What a Redox message means by the tables of a site, as JSON values: what chooses schedules, what is looked
at here, and what of it is ignored."""

from __future__ import annotations

from calendar import day_abbr
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.core import window
from gateway.core.directory import NAMES, Want
from gateway.core.flows import SiteRules
from gateway.core.redox import Message
from gateway.core.window import Preference
from gateway.tables.answer.site import SiteTables
from gateway.tables.rows.model import Table

Json = dict[str, Any]

QUERY = "available-slots.query"


def meaning(message: Message, site: SiteRules, tables: SiteTables) -> Json:
    """The window of a message that can be read, the columns of the directory by which it chooses schedules
    (alternatives of each part of the message), the wishes by which slots are judged here, and what is
    ignored."""
    asked = tables.read_query(message.body, wishes=site.preferences != "ignore")
    span = window.window_of(
        asked.start or "", asked.end, site.zone, site.default_window_days, site.max_window_days
    )
    low, high = window.to_utc_text(span.start), window.to_utc_text(span.end)
    preferences = asked.preferences or (Preference(),)
    return {
        "site": site.id,
        "window": {"start": low, "end": high, "timezone": site.zone.key},
        "selects": [
            [
                {want.column or want.param: want.value for want in counting(alternative)}
                for alternative in wants
            ]
            for wants in asked.wants
        ],
        "filters": [_filter(each, site.default_duration_minutes) for each in preferences],
        "ignored": ignored(message, tables.tables[QUERY]),
    }


def counting(alternative: tuple[Want, ...]) -> tuple[Want, ...]:
    """What schedules are chosen by: beside an ID no name counts."""
    by_id = any(want.path.rpartition(".")[2] == "ID" for want in alternative)
    return tuple(want for want in alternative if not (by_id and want.column in NAMES))


def ignored(message: Message, table: Table) -> list[Json]:
    """The fields of the message that have a value and are not carried, by the row that says why. Patient is
    told as a whole."""
    names = dict.fromkeys(_filled(msgspec.to_builtins(message.body)))
    found = []
    for row in table.rows:
        fields = [name for pattern in row.ignore for name in names if _fits(name, pattern)]
        if fields:
            found.append({"fields": fields, "because": row.because})
    return found


def _fits(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) or name == pattern[2:] if pattern.startswith("*.") else name == pattern


def _filled(value: Any, path: str = "") -> Iterator[str]:
    """The dotted names of everything that has a value, without positions; of lists each name once."""
    if isinstance(value, dict):
        inside = [name for key, each in value.items() for name in _filled(each, f"{path}.{key}".lstrip("."))]
    elif isinstance(value, list):
        inside = [name for each in value for name in _filled(each, path) if name != path]
        inside += [path] if any(each not in (None, "", {}, []) for each in value) else []
    else:
        inside = [] if value in (None, "") else [path]
    if inside and path:
        yield path
    yield from inside


def _filter(preference: Preference, minutes: int) -> Json:
    """A wish; a length that it does not name is the site's own, and whatever else it lacks is left out."""
    spans = [f"{_clock(begin)}-{_clock(end)}" for begin, end in sorted(preference.spans)]
    told = {
        "minutes": preference.minutes or minutes,
        "days": [day_abbr[day] for day in sorted(preference.days)],
        "times": [*map(_clock, sorted(preference.times)), *spans],
        "utc_times": [*map(_clock, sorted(preference.utc_times))],
    }
    return {name: value for name, value in told.items() if value}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
