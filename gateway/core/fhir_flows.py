"""The flows behind the FHIR surface: searches and reads of Slot, Schedule, Practitioner and Location.

Slots are asked of the site's upstream: of Redox by a query made from the search's parameters, or of
a FHIR EHR through the very flow that answers Redox. The rest comes from the site's directory.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.core import fhir, fhir_directory, fhir_pages, fhir_times, references, window
from gateway.core import search as searches
from gateway.core.chained import alternatives
from gateway.core.directory import Cells, Directory, Named, allowed, exactly, shown, told_to_clients
from gateway.core.errors import InvalidMessage, Issue, NotFound, NotKnownHere, UpstreamFailed
from gateway.core.fhir import Interaction
from gateway.core.fhir_pages import Around, Walk
from gateway.core.fhir_times import Meaning, Times
from gateway.core.flows import Meant, SiteRules, directory_of, no_schedules, unaskable
from gateway.core.mapping import Entries, FhirServer, Sought, Wanted
from gateway.core.mapping import Mapping as Tables
from gateway.core.plan import Flow, Reply, paused
from gateway.core.search import BY_ID

# Asks the upstream a Redox query, which means these lines of the directory, and gives back the
# bytes of a Redox answer, and further issues. The number is among how many such queries the searches that one
# interaction may make are to be shared.
Asker = Callable[[dict[str, Any], Meant, int], Generator[Any, Any, tuple[bytes, tuple[Issue, ...]]]]


@dataclass(frozen=True, slots=True)
class FhirSite:
    """What the FHIR flows need of a site beside the interaction."""

    rules: SiteRules
    fhir_server: FhirServer
    mapping: Tables
    ask: Asker


def answer(interaction: Interaction, site: FhirSite, now: datetime, walk: Walk | None = None) -> Flow:
    """One interaction. ``now`` is an aware instant; ``walk`` is what an earlier page of the same search has
    kept, if anything. GatewayError for what cannot be answered."""
    if interaction.resource == "Slot":
        if interaction.id is None:
            return (yield from _slot_search(interaction, site, now, walk))
        return (yield from _slot_read(interaction, site, now))
    directory = yield from directory_of(site.rules, site.mapping, now)
    resources = yield from paused(site.fhir_server.fhir_directory(directory))
    if interaction.id is None:
        return fhir_directory.searched(interaction, site.rules.max_slots, directory, resources)
    text = resources.texts[interaction.resource].get(interaction.id)
    if text is None:
        raise _not_found(interaction)
    wanted = searches.subset_of(interaction).of(interaction.resource, text)
    return Reply(200, wanted.encode(), fhir.JSON)


def _not_found(interaction: Interaction) -> NotFound:
    return NotFound(Issue("not-found", "", f"there is no such {interaction.resource} at this site"))


# --- slots ------------------------------------------------------------------------------------------

_MOST_IDS = 20


def _slot_search(interaction: Interaction, site: FhirSite, now: datetime, walk: Walk | None) -> Flow:
    search = searches.take_apart(interaction, site.fhir_server.names | {BY_ID}, site.rules.max_slots)
    here, others = references.localized(search.params, site.fhir_server.references, interaction.base)
    params = tuple(each for each in here if each[0] != BY_ID)
    sought = site.fhir_server.read(params)
    if len(here) < len(search.params):  # all that a parameter names is another server's
        sought = replace(sought, nothing=True)
    _refuse(sought)
    ids = _ids([value for name, value in search.params if name == BY_ID])
    own = Meaning(sought, None) if ids is not None else fhir_times.meaning(sought, site.rules, now)
    directory = yield from directory_of(site.rules, site.mapping, now)
    if not directory.lines:
        raise no_schedules(directory)
    positions = allowed(directory, sought.groups)
    about = (site.rules, site.fhir_server, directory, positions, now)
    times = fhir_times.times(params, own, *about, bounded=ids is None)
    issues = [
        *search.issues,
        *(each for each in sought.issues),
        *_unknown(directory, sought),
        *map(references.unknown, others),
        *told_to_clients(directory),
    ]
    if ids is None and times.span is None and not sought.nothing:
        issues.append(fhir_times.empty(sought))
    around = Around(site.fhir_server, directory)
    found = fhir_pages.found_before(walk, search, around.order)
    if found is None:
        span = times.left(search)
        if ids is not None:
            entries = yield from _by_id(interaction, site, times, directory, positions, ids)
        elif span is None or sought.nothing or positions == ():
            entries = Entries((), False, (), {})
        else:
            wanted = replace(sought, ends=None) if times.zoned else sought
            entries = yield from _entries(interaction, site, wanted, span, directory, positions)
            entries = yield from paused(times.kept(entries, site.fhir_server, directory))
        found = fhir_pages.found_anew(entries, search, around.order)
    return (yield from fhir_pages.page(interaction, times.spelt(search), found, issues, around))


def _ids(values: Sequence[str]) -> list[str] | None:
    """The ids that are asked for, each once: those of a parameter are alternatives, and each parameter must
    hold. None where none is asked for."""
    if not values:
        return None
    first, *others = (alternatives(value) for value in values)
    return [each for each in dict.fromkeys(first) if all(each in other for other in others)]


def _refuse(sought: Sought) -> None:
    """What cannot be read is refused, all of it; what is only not known here finds nothing."""
    if errors := [issue for issue in sought.issues if issue.severity == "error"]:
        raise InvalidMessage(*errors)


def _unknown(directory: Directory, sought: Sought) -> list[Issue]:
    """A warning for every schedule, practitioner or place that is asked for and not known here."""
    found = []
    for group in dict.fromkeys(sought.groups):
        asked: dict[str, list[Named]] = {}
        for named in group:
            asked.setdefault(named.value, []).append(named)
        for value, cells in asked.items():
            if all(next(exactly(directory, each), None) is None for each in cells):
                names = " or ".join(sorted(each.column.replace("_", " ") for each in cells))
                text = f'no {names} "{shown(value)}" is known at this site'
                found.append(Issue("not-found", "", text, "warning"))
    return found


def _entries(
    interaction: Interaction,
    site: FhirSite,
    sought: Sought,
    span: window.Window,
    directory: Directory,
    positions: tuple[int, ...] | None,
    shares: int = 1,
) -> Generator[Any, Any, Entries]:
    """Asks for the slots. Schedules that cannot be asked for are told; NotKnownHere if none can be."""
    issues: list[Issue] = []
    lines: tuple[Cells, ...] | None = None
    if positions is not None:
        lines = tuple(directory.lines[each] for each in positions)
        if mute := site.fhir_server.unaskable(lines):
            issues.append(unaskable(mute))
            if len(mute) == len(lines):
                raise NotKnownHere(*issues)
            named = frozenset(mute)
            lines = tuple(line for line in lines if line["schedule"] not in named)
        if len(lines) > site.rules.max_schedules:
            lines = None  # so many that Redox is better asked for all; the others' slots are left out
    low, high = window.to_utc_text(span.start), window.to_utc_text(span.end)
    query = site.fhir_server.write(sought, low, high, site.rules.asked_minutes, lines)
    body, told = yield from site.ask(query, Meant(directory, positions), shares)
    wanted = Wanted(low, high, sought.minutes or 0, ends=sought.ends)
    entries = yield from paused(site.fhir_server.slots(body, directory, positions, wanted, interaction.base))
    return replace(entries, issues=(*issues, *told, *entries.issues))


def _slot_read(interaction: Interaction, site: FhirSite, now: datetime) -> Flow:
    directory = yield from directory_of(site.rules, site.mapping, now)
    times = Times(Meaning(Sought(None, None, None, (), {}, False, ()), None), None, {})
    name = interaction.id or ""
    entries = yield from _by_id(interaction, site, times, directory, None, [name])
    text = next((text for _, each, text in entries.slots if each == name), None)
    if text is None and (entries.incomplete or directory.incomplete):
        raise UpstreamFailed(
            Issue("incomplete", "", "whether there is such a Slot cannot be told now; ask again")
        )
    if text is None:
        raise _not_found(interaction)
    resource = msgspec.json.encode(msgspec.json.decode(text)["resource"]).decode()
    wanted = searches.subset_of(interaction).of("Slot", resource)
    return Reply(200, wanted.encode(), fhir.JSON, entries.issues, {"slots": 1})


def _by_id(
    interaction: Interaction,
    site: FhirSite,
    times: Times,
    directory: Directory,
    positions: tuple[int, ...] | None,
    ids: Sequence[str],
) -> Generator[Any, Any, Entries]:
    """The slots of these ids that are still open and are what else is sought: each is asked for."""
    if len(ids) > (most := min(_MOST_IDS, site.rules.max_searches)):
        raise InvalidMessage(Issue("too-costly", BY_ID, f"ask for at most {most} slots by id at a time"))
    found: list[tuple[str, str, str]] = []
    issues: list[Issue] = []
    incomplete = False
    for name in ids:
        named = site.fhir_server.named(name, directory)
        begin = fhir_times.instant(named[1]) if named is not None else None
        if named is None or begin is None or not _meant(named, times, directory, positions):
            continue
        position, _, minutes = named
        span = window.Window(begin, begin + timedelta(minutes=minutes))
        one = replace(
            times.own.sought, start=None, end=None, ends=None, minutes=minutes, groups=(), issues=()
        )
        entries = yield from _entries(interaction, site, one, span, directory, (position,), len(ids))
        found += [each for each in entries.slots if each[1] == name]
        issues += entries.issues
        incomplete = (
            incomplete or entries.incomplete or any(each.severity == "error" for each in entries.issues)
        )
    found.sort(key=lambda each: each[0])
    return Entries(tuple(found), incomplete, tuple(dict.fromkeys(issues)), {})


def _meant(
    named: tuple[int, str, int], times: Times, directory: Directory, positions: tuple[int, ...] | None
) -> bool:
    """Whether a slot that is asked for by its id is also what the other parameters ask for."""
    position, start, minutes = named
    sought, lines = times.own.sought, directory.lines
    schedules = None if positions is None else {lines[each]["schedule"] for each in positions}
    return (
        not sought.nothing
        and (schedules is None or lines[position]["schedule"] in schedules)
        and minutes >= (sought.minutes or 0)
        and times.of(directory, position).asks_for(start, minutes)
    )
