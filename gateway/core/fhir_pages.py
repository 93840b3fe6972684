"""Pages of a search for slots: where one begins, what is on it, its links, what is kept for more. Pure."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from sys import getsizeof
from typing import Any

from gateway.core import fhir, fhir_directory
from gateway.core import search as searches
from gateway.core.directory import Directory
from gateway.core.errors import Issue
from gateway.core.fhir import Interaction, Link, Params
from gateway.core.mapping import Entries, FhirServer
from gateway.core.plan import Reply, paused
from gateway.core.search import Cursor, Search

_Slot = tuple[str, str, str]  # start in UTC, id, entry

_AMONG_THE_FIRST = 19
_KEPT_BYTES = 2 * 1024 * 1024
_BESIDE_ITS_TEXT = 400  # what an entry takes in memory, roughly


@dataclass(frozen=True, slots=True)
class Walk:
    """What a search found, for the pages that follow.

    ``params`` are those of its links, but for the cursor: by them it is found again. ``slots`` are the first
    ones of what is left, in the order of the search, and ``more`` how many there were beyond these.
    ``size`` is how much memory that takes, roughly.
    """

    params: Params
    slots: tuple[_Slot, ...]
    more: int
    issues: tuple[Issue, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to show from the page on that is asked for. ``more``: beyond ``slots``; ``anew``: an
    upstream has just said it."""

    slots: Sequence[_Slot]
    more: int
    incomplete: bool
    issues: tuple[Issue, ...]
    counts: dict[str, int]
    anew: bool = True


def params_of(interaction: Interaction) -> Params:
    """The parameters of a search without the cursor: those of its :class:`Walk`."""
    return tuple(each for each in interaction.params if each[0] != searches.CURSOR)


def goes_on(interaction: Interaction) -> bool:
    """Whether it asks for a further page of slots."""
    return interaction.resource == "Slot" and any(name == searches.CURSOR for name, _ in interaction.params)


def found_anew(entries: Entries, search: Search, order: Callable[[str], int | None]) -> Found:
    """What an upstream has just said."""
    slots = entries.slots[::-1] if search.descending else entries.slots
    incomplete = entries.incomplete or any(issue.severity == "error" for issue in entries.issues)
    return Found(_after(slots, search, order), 0, incomplete, entries.issues, entries.counts)


def found_before(walk: Walk | None, search: Search, order: Callable[[str], int | None]) -> Found | None:
    """What is still known of an earlier page; None where that is not enough for this one."""
    if walk is None or not search.cursor.last:
        return None
    slots = _after(walk.slots, search, order)
    if walk.more and len(slots) <= search.count:
        return None
    return Found(slots, walk.more, False, walk.issues, {}, anew=False)


def _after(slots: Sequence[_Slot], search: Search, order: Callable[[str], int | None]) -> Sequence[_Slot]:
    """The slots behind the one that the cursor names, whether it is still there or not.

    Slots come by start, then in the directory's order, then by id; ``order`` is the place of its schedule.
    """
    cursor = search.cursor
    if not cursor.last:
        return slots
    sign = -1 if search.descending else 1

    def place(name: str, otherwise: int = 0) -> tuple[int, int, str]:
        own = order(name)
        return (otherwise if own is None else own, len(name), name)

    last = place(cursor.last, cursor.order)
    for position, (start, name, _) in enumerate(slots):
        later = (start > cursor.start) - (start < cursor.start)
        if later == 0:
            own = place(name)
            later = (own > last) - (own < last)
        if later * sign > 0:
            return slots[position:]
    return ()


def page(
    interaction: Interaction, search: Search, found: Found, issues: Sequence[Issue], around: Around
) -> Generator[Any, Any, Reply]:
    """The Bundle of one page. ``issues`` are what there is to tell beside what was found."""
    directory = around.directory
    shown = found.slots[: search.count]
    told = list(dict.fromkeys((*issues, *found.issues)))
    incomplete = found.incomplete or directory.incomplete
    if incomplete:
        # Of many only the first are told, and this must be among them.
        text = "not all open slots could be told; ask for a shorter time"
        told.insert(_AMONG_THE_FIRST, Issue("incomplete", "", text, "warning"))
    texts: list[str] = []
    if not search.counted_only:
        texts = [search.subset.entry("Slot", text) for _, _, text in shown]
        if search.includes:
            resources = yield from paused(around.fhir_server.fhir_directory(directory))
            schedules = around.schedules_of(shown)
            texts += fhir_directory.included(interaction.base, resources, schedules, search)
    if told:
        texts.append(fhir.outcome_entry([fhir_directory.warning(issue) for issue in told]))
    rest = len(found.slots) + found.more
    # How many there are in all is not known where some are missing.
    counted = search.counted_only or not (incomplete or search.uncounted)
    total = search.cursor.before + rest if counted else None
    counts = {
        "slots": 0 if search.counted_only else len(shown),
        "incomplete": int(incomplete),
        **found.counts,
    }
    links = _links(interaction, search, shown, rest, around)
    walk = _walk(search, found) if len(links) > 1 and found.anew and not incomplete else None
    return Reply(200, fhir.bundle(texts, links, total), fhir.JSON, tuple(told), counts, kept=walk)


@dataclass(frozen=True, slots=True)
class Around:
    """The site's tables and directory, for pages."""

    fhir_server: FhirServer
    directory: Directory

    def order(self, name: str) -> int | None:
        """The place in the directory of a slot's schedule, by the slot's id; None: it is not there."""
        named = self.fhir_server.named(name, self.directory)
        return None if named is None else named[0]

    def schedules_of(self, slots: Sequence[_Slot]) -> list[str]:
        """The ids of the Schedules of these slots, each once."""
        orders = dict.fromkeys(self.order(name) for _, name, _ in slots)
        lines = (self.directory.lines[each] for each in orders if each is not None)
        return [fhir.resource_id(line["schedule"]) for line in lines]


def _links(
    interaction: Interaction, search: Search, shown: Sequence[_Slot], rest: int, around: Around
) -> list[Link]:
    """``self`` says what was searched for; ``next`` is there where there is more."""
    own = search.cursor if search.cursor.last else None
    known = searches.page_params(search, own)
    links = [Link("self", fhir.search_url(interaction.base, "Slot", known))]
    if not search.counted_only and shown and rest > len(shown):
        start, name, _ = shown[-1]
        cursor = Cursor(search.cursor.before + len(shown), around.order(name) or 0, start, name)
        following = searches.page_params(search, cursor)
        links.append(Link("next", fhir.search_url(interaction.base, "Slot", following)))
    return links


def _walk(search: Search, found: Found) -> Walk:
    """What is kept of what is left behind this page."""
    left = found.slots[search.count :]
    size, kept = 0, 0
    for _, _, text in left:
        size += getsizeof(text) + _BESIDE_ITS_TEXT
        if size > _KEPT_BYTES:
            break
        kept += 1
    params = searches.page_params(search, None)
    return Walk(params, tuple(left[:kept]), len(left) - kept, found.issues, size)
