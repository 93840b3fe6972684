"""The flows: what is asked of whom, in which order, and what is made of the answers. No I/O.
What a query is planned as is in :mod:`gateway.core.query_plan`, and can be had from here too.

A flow is a generator (see :mod:`gateway.core.plan`): ``next`` it, compare the calls, ``send`` the
answers, compare the reply.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from gateway.core import directory as places
from gateway.core import redox, window
from gateway.core.affordable import affordable
from gateway.core.choosing import UNCHECKED, Chosen, choose
from gateway.core.directory import Directory
from gateway.core.errors import GatewayError, InvalidMessage, Issue, NotKnownHere, UpstreamFailed
from gateway.core.gathering import gathered
from gateway.core.mapping import Asked, Mapping
from gateway.core.plan import Flow, Remember, Reply
from gateway.core.query_plan import USUAL_MINUTES, Meant, Plan, Search, SiteRules, searches

__all__ = [
    "JSON",
    "NOT_HERE",
    "RESPONSE",
    "USUAL_MINUTES",
    "Meant",
    "Plan",
    "Search",
    "SiteRules",
    "available_slots",
    "directory_of",
    "every_fault",
    "no_schedules",
    "planned",
    "searches",
    "unaskable",
    "without_positions",
]

JSON = "application/json"
RESPONSE = "AvailableSlotsResponse"
_DIRECTORY_SHARE = 0.5
_AGAIN_SECONDS = 10.0
_STALE_TIMES = 12  # of directory_cache_seconds: an hour, where nothing is configured
_POSITION = re.compile(r"\[\d+\]")
NOT_HERE = frozenset({"not-found", "code-invalid"})


def available_slots(
    message: redox.Message, site: SiteRules, mapping: Mapping, now: datetime, meant: Meant | None = None
) -> Flow:
    """Answers a Redox AvailableSlots query with the EHR's open slots.

    ``now`` is an aware instant: the answer's EventDateTime. ``meant``: the query stands for a FHIR search.
    Raises GatewayError for what cannot be answered; a part that failed makes the answer incomplete, all of
    them failing makes it an error.
    """
    plan = yield from planned(message, site, mapping, now, meant)
    found = yield from gathered(plan, site, mapping, placed=meant is not None)
    incomplete = plan.cut or found.incomplete
    at = window.to_utc_text(now)
    body = redox.reply(message.meta, RESPONSE, at, found.texts, found.between, incomplete=incomplete)
    counts = {**found.counts, "incomplete": int(incomplete)}
    issues = (*plan.issues, *found.issues)
    return Reply(200, body, JSON, issues, counts, plan.unchecked)


def planned(
    message: redox.Message, site: SiteRules, mapping: Mapping, now: datetime, meant: Meant | None = None
) -> Generator[Any, Any, Plan]:
    """Reads the query, and the directory as of ``now``, into a plan; every fault of it in one error."""
    asked, span, issues = _read(message, site, mapping)
    if asked.preferences or meant is None:
        asked = replace(asked, preferences=_of_a_length(asked.preferences, site.default_duration_minutes))
    if span is None or any(issue.severity == "error" and issue.code not in NOT_HERE for issue in issues):
        raise InvalidMessage(*(issue for issue in issues if issue.severity == "error"))
    directory = meant.directory if meant is not None else (yield from directory_of(site, mapping, now))
    if not directory.lines:
        raise no_schedules(directory)
    positions = meant.positions if meant is not None else None
    chosen = Chosen(positions or ())
    if positions is None:
        chosen = choose(directory, asked.wants, by_name=site.providers_by_name)
    issues += [*chosen.issues, *chosen.unchecked]
    others = (*asked.others, *chosen.others)
    if errors := [issue for issue in issues if issue.severity == "error"]:
        errors += others
        if directory.incomplete:
            raise _unsure(errors)
        # Who is not known may be one whose schedules must not be used.
        errors += unused(directory) if any(each.severity == "error" for each in chosen.issues) else []
        raise NotKnownHere(*errors)
    positions, mute = _askable(directory, chosen.positions, mapping)
    issues.extend(mute)
    lengths = tuple(dict.fromkeys(each.minutes for each in asked.preferences if each.minutes is not None))
    lengths = lengths or (site.default_duration_minutes,)
    kept, told = affordable(directory, positions, lengths, asked, site.max_searches, mapping, chosen.beside)
    cut = len(positions) > len(kept) or directory.incomplete or bool(mute or others)
    unchecked = (without_positions(each.path) for each in issues if each.code == UNCHECKED)
    told = (*told, *issues, *(replace(each, severity="warning") for each in others), *directory.issues)
    return Plan(
        asked,
        span,
        lengths,
        directory,
        kept,
        cut,
        told,
        tuple(dict.fromkeys(unchecked)),
        chosen.beside,
        site.max_schedules,
    )


def without_positions(path: str) -> str:
    """The field that a path of a message leads to, whichever item of a list it is in."""
    return _POSITION.sub("", path)


def _of_a_length(preferences: Sequence[window.Preference], default: int) -> tuple[window.Preference, ...]:
    """The preferences, each with its length: the site's own where it names none, before anything is matched,
    so that its days and times are not those of another's length."""
    given = preferences or (window.Preference(),)
    return tuple(replace(each, minutes=default) if each.minutes is None else each for each in given)


def _read(
    message: redox.Message, site: SiteRules, mapping: Mapping
) -> tuple[Asked, window.Window | None, list[Issue]]:
    asked = mapping.read_query(message.body, wishes=site.preferences != "ignore")
    issues = list(asked.issues)
    try:
        span = window.window_of(
            asked.start or "", asked.end, site.zone, site.default_window_days, site.max_window_days
        )
    except InvalidMessage as error:
        return asked, None, [*issues, *error.issues]
    return asked, span, issues


def every_fault(error: redox.FaultyMessage, site: SiteRules, mapping: Mapping) -> InvalidMessage:
    """The faults of a message's shape, and those of the values in what is left of it."""
    if error.rest is None:
        return error
    asked, _, found = _read(error.rest, site, mapping)
    found.extend(asked.others)
    told = {issue.path for issue in error.issues}
    found_at = error.rest.sent(issue for issue in found if issue.severity == "error")
    more = (issue for issue in found_at if issue.path not in told)
    return InvalidMessage(*error.issues, *more, more=error.more)


def _askable(
    directory: Directory, positions: tuple[int, ...], mapping: Mapping
) -> tuple[tuple[int, ...], tuple[Issue, ...]]:
    """The positions that the upstream can be asked for, and an Issue about the others if there are any.

    Raises NotKnownHere where none is left; UpstreamFailed if what is missing may be in the part of the
    directory that could not be read.
    """
    mute = mapping.unaskable([directory.lines[position] for position in positions])
    if not mute:
        return positions, ()
    issue = unaskable(mute, mapping.asking_columns)
    named = frozenset(mute)
    left = tuple(each for each in positions if directory.lines[each]["schedule"] not in named)
    if not left:
        raise UpstreamFailed(issue) if directory.incomplete else NotKnownHere(issue)
    return left, (replace(issue, severity="warning"),)


def unaskable(schedules: Sequence[str], columns: Sequence[str] = ()) -> Issue:
    """What is said of schedules that no row can name to the upstream; ``columns`` are those that name it."""
    named = ", ".join(f'"{places.shown(each)}"' for each in schedules[:5])
    more = f" and {len(schedules) - 5} more" if len(schedules) > 5 else ""
    empty = " or ".join(f'"{each}"' for each in columns) or "columns"
    text = f"{named}{more} cannot be asked for: a search needs {empty} of the directory, empty there; "
    return Issue("incomplete", "schedules.csv", text + "fill it in schedules.csv")


def _unsure(errors: Sequence[Issue]) -> UpstreamFailed:
    """What is not in a directory of which a part is missing may well exist: the asker is not at fault."""
    paths = ", ".join(dict.fromkeys(issue.path for issue in errors))
    text = f"a part of the schedule directory could not be read, so {paths} cannot be looked up"
    text += "; ask again shortly"
    return UpstreamFailed(Issue("incomplete", "", text))


def directory_of(site: SiteRules, mapping: Mapping, now: datetime) -> Generator[Any, Any, Directory]:
    """The site's directory as it is ``now``, an aware instant, kept for ``directory_cache_seconds``.

    With a part of it missing it is used for a moment only; the last whole one, if it is not too old, is used
    in its place, and told to be incomplete. Half of the time is left for what comes after.
    """
    calls = mapping.directory_calls()
    if not calls:
        return mapping.own_directory
    built: Directory = yield Remember(
        "directory",
        "directory",
        site.directory_cache_seconds,
        calls,
        lambda outcomes: mapping.directory(outcomes, now),
        lambda outcomes: mapping.directory_more(outcomes, now),
        lambda directory: not directory.incomplete,
        share=_DIRECTORY_SHARE,
        again_seconds=_AGAIN_SECONDS,
        stale_seconds=_STALE_TIMES * site.directory_cache_seconds,
        stale=_former,
    )
    return built


def _former(directory: Directory) -> Directory:
    text = "the schedule directory could not be read anew; the one that was read before is used"
    return replace(
        directory, incomplete=True, issues=(*directory.issues, Issue("incomplete", "", text, "warning"))
    )


def unused(directory: Directory) -> list[Issue]:
    """Why schedules that the EHR lists are not used."""
    return [issue for issue in directory.issues if issue.code == "business-rule"]


def no_schedules(directory: Directory) -> GatewayError:
    """Nobody to ask for: never an empty answer, which would say that nothing is open."""
    if directory.incomplete:
        return UpstreamFailed(*(issue for issue in directory.issues if issue.severity == "error"))
    unusable = unused(directory)
    text = "this site has no schedules: neither its EHR nor its schedules.csv lists one"
    if unusable:
        text = "this site has no schedules that may be used"
    return NotKnownHere(Issue("not-found", "", text), *unusable)
