"""The site's directory as FHIR clients search it: Schedule, Practitioner and Location. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from gateway.core import fhir
from gateway.core import search as searches
from gateway.core.directory import IDENTITIES, Cells, Directory, folded
from gateway.core.errors import Issue
from gateway.core.fhir import Interaction, Link
from gateway.core.mapping import Shelf
from gateway.core.plan import Reply
from gateway.core.search import Cursor

# What can be searched by, beside slots: parameter -> the directory columns that it compares (an identifier
# is compared as the resource has it).
DIRECTORY_PARAMETERS: dict[str, dict[str, tuple[str, ...]]] = {
    "Schedule": {"_id": ("schedule",), "actor": ("practitioner", "place")},
    "Practitioner": {
        "_id": ("practitioner",),
        "identifier": (),
        "name": ("first_name", "last_name"),
        "family": ("last_name",),
        "given": ("first_name",),
    },
    "Location": {"_id": ("place",), "name": ("facility",), "identifier": ()},
}
_PREFIXED = frozenset({"name", "family", "given"})


def searched(interaction: Interaction, most: int, directory: Directory, shelf: Shelf) -> Reply:
    """One search of the directory. ``most`` is the largest page. InvalidMessage as of ``take_apart``."""
    kind = interaction.resource
    search = searches.take_apart(interaction, frozenset(DIRECTORY_PARAMETERS[kind]), most)
    found = [
        identifier
        for identifier in shelf.lines[kind]
        if all(_is(shelf, kind, identifier, name, value) for name, value in search.params)
    ]
    page = found[search.cursor.before :][: search.count]
    told = [*search.issues, *directory.issues]
    texts: list[str] = []
    if not search.counted_only:
        texts = [fhir.entry(interaction.base, kind, each, shelf.texts[kind][each], "match") for each in page]
        if kind == "Schedule" and search.includes:
            texts += included(interaction.base, shelf, page, search.includes)
    if told:
        texts.append(fhir.outcome_entry([warning(issue) for issue in told]))
    own = search.cursor if search.cursor.before else None
    params = searches.page_params(search.params, own, search.count, search.includes)
    links = [Link("self", fhir.search_url(interaction.base, kind, params))]
    following = search.cursor.before + len(page)
    if not search.counted_only and following < len(found):
        params = searches.page_params(search.params, Cursor(following), search.count, search.includes)
        links.append(Link("next", fhir.search_url(interaction.base, kind, params)))
    total = None if directory.incomplete and not search.counted_only else len(found)
    return Reply(200, fhir.bundle(texts, links, total), fhir.JSON, tuple(told), {"resources": len(page)})


def _is(shelf: Shelf, kind: str, identifier: str, name: str, text: str) -> bool:
    """Whether a resource is what one parameter asks for: any of its values."""
    values = searches.alternatives(text)
    if name == "identifier":
        told = msgspec.json.decode(shelf.texts[kind][identifier]).get("identifier", ())
        return any(_identified(each, value) for each in told for value in values)
    return any(
        _holds(line, DIRECTORY_PARAMETERS[kind][name], name, value)
        for line in shelf.lines[kind][identifier]
        for value in values
    )


def _identified(told: Mapping[str, str], token: str) -> bool:
    """FHIR search, token: ``system|value``, ``|value`` (no system), ``system|`` (any value), ``value``."""
    system, bar, value = token.rpartition("|")
    if bar and told.get("system", "") != system:
        return False
    return not value or told.get("value") == value


def _holds(line: Cells, columns: Sequence[str], name: str, value: str) -> bool:
    """Whether a line has the value of one parameter in any of its columns."""
    wanted = folded(value.rpartition("/")[2] if name == "actor" else value)
    for column in columns:
        cell = folded(line.get(column, ""))
        own = folded(fhir.resource_id(line[column])) if cell and column in IDENTITIES else cell
        if cell and (cell.startswith(wanted) if name in _PREFIXED else wanted in (cell, own)):
            return True
    return False


def included(base: str, shelf: Shelf, schedules: Sequence[str], includes: frozenset[str]) -> list[str]:
    """The entries that come along with these Schedules, or with their slots."""
    texts = []
    if "Slot:schedule" in includes:
        for schedule in schedules:
            if schedule in shelf.texts["Schedule"]:
                texts.append(
                    fhir.entry(base, "Schedule", schedule, shelf.texts["Schedule"][schedule], "include")
                )
    if "Schedule:actor" in includes:
        actors = dict.fromkeys(actor for schedule in schedules for actor in shelf.actors.get(schedule, ()))
        texts += [fhir.entry(base, kind, each, shelf.texts[kind][each], "include") for kind, each in actors]
    return texts


def warning(issue: Issue) -> Issue:
    """An Issue as it stands beside an answer: what failed did not fail all of it."""
    return replace(issue, severity="warning") if issue.severity == "error" else issue
