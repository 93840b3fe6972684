"""The site's directory as FHIR clients search it: Schedule, Practitioner and Location. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from gateway.core import fhir, references
from gateway.core import search as searches
from gateway.core.chained import alternatives, token
from gateway.core.directory import IDENTITIES, Directory, told_to_clients, values
from gateway.core.errors import InvalidMessage, Issue
from gateway.core.fhir import Interaction, Link
from gateway.core.mapping import FhirDirectory
from gateway.core.nearest import folded
from gateway.core.plan import Reply
from gateway.core.references import Reference
from gateway.core.search import BY_ID, Cursor, Search

_ACTORS_IDENTIFIER = "actor:Practitioner.identifier"
# What can be searched by, beside slots: parameter -> the directory columns that it compares (an identifier
# is compared as the resource has it).
DIRECTORY_PARAMETERS: dict[str, dict[str, tuple[str, ...]]] = {
    "Schedule": {BY_ID: ("schedule",), "actor": ("practitioner", "place"), _ACTORS_IDENTIFIER: ()},
    "Practitioner": {
        BY_ID: ("practitioner",),
        "identifier": (),
        "name": ("first_name", "last_name"),
        "family": ("last_name",),
        "given": ("first_name",),
    },
    "Location": {BY_ID: ("place",), "name": ("facility", "alias"), "identifier": ()},
}
_MOST_PARAMETERS = 20
_PREFIXED = frozenset({"name", "family", "given"})
# The column whose id each type of actor has.
_ACTORS = {"Practitioner": "practitioner", "Location": "place"}


def searched(interaction: Interaction, most: int, directory: Directory, resources: FhirDirectory) -> Reply:
    """One search of the directory. ``most`` is the largest page. InvalidMessage as of ``take_apart``."""
    kind = interaction.resource
    search = searches.take_apart(interaction, frozenset(DIRECTORY_PARAMETERS[kind]), most)
    params, others = references.localized(search.params, frozenset({"actor"}), interaction.base)
    asked = dict.fromkeys(params)
    if len(asked) > _MOST_PARAMETERS:
        text = f"there are more than {_MOST_PARAMETERS} parameters to choose by; ask for fewer at a time"
        raise InvalidMessage(Issue("too-costly", "", text))
    # Where all that a parameter names is another server's, nothing of this one is meant.
    found = list(resources.lines[kind]) if len(params) == len(search.params) else []
    compared: dict[str, dict[str, Any]] = {}
    for name, text in asked:
        fits = _asked(name, alternatives(text), resources.system)
        known = compared.setdefault(name, {})
        for each in found:
            if each not in known:
                known[each] = _told(resources, kind, each, name)
        found = [each for each in found if fits(known[each])]
    first = _first(found, search.cursor)
    page = found[first:][: search.count]
    told = [*search.issues, *map(references.unknown, others), *told_to_clients(directory)]
    texts: list[str] = []
    if not search.counted_only:
        texts = [
            fhir.entry(
                interaction.base, kind, each, search.subset.of(kind, resources.texts[kind][each]), "match"
            )
            for each in page
        ]
        if kind == "Schedule" and search.includes:
            texts += included(interaction.base, resources, page, search)
    if told:
        texts.append(fhir.outcome_entry([warning(issue) for issue in told]))
    own = search.cursor if search.cursor.last else None
    params = searches.page_params(search, own)
    links = [Link("self", fhir.search_url(interaction.base, kind, params))]
    following = first + len(page)
    if not search.counted_only and page and following < len(found):
        params = searches.page_params(search, Cursor(following, last=page[-1]))
        links.append(Link("next", fhir.search_url(interaction.base, kind, params)))
    counted = search.counted_only or not (directory.incomplete or search.uncounted)
    total = len(found) if counted else None
    return Reply(200, fhir.bundle(texts, links, total), fhir.JSON, tuple(told), {"resources": len(page)})


def _first(found: Sequence[str], cursor: Cursor) -> int:
    """Where a page begins: behind the one that the cursor names, or, where that is gone, where it stood."""
    if not cursor.last:
        return 0
    return found.index(cursor.last) + 1 if cursor.last in found else max(0, cursor.before - 1)


def _told(resources: FhirDirectory, kind: str, identifier: str, name: str) -> Any:
    """What a resource has for a parameter to be compared with: its identifiers, or cells of its lines."""
    if name == "identifier":
        found = msgspec.json.decode(resources.texts[kind][identifier]).get("identifier", ())
        return [(each.get("system", ""), each.get("value")) for each in found]
    if name == _ACTORS_IDENTIFIER:
        people = (each for actor, each in resources.actors.get(identifier, ()) if actor == "Practitioner")
        return [told for each in people for told in _told(resources, "Practitioner", each, "identifier")]
    lines = resources.lines[kind][identifier]
    if name == "actor":
        return {
            Reference(actor, each)
            for actor, column in _ACTORS.items()
            for line in lines
            if (cell := line.get(column))
            for each in (cell, fhir.resource_id(cell))
        }
    cells: set[str] = set()
    for line in lines:
        for column in DIRECTORY_PARAMETERS[kind][name]:
            if column in IDENTITIES and line.get(column):
                cells |= {line[column], fhir.resource_id(line[column])}  # ids have letter case
            else:
                cells.update(filter(None, map(_plain, values(column, line.get(column, "")))))
    return cells


def _asked(name: str, asked: Sequence[str], system: Callable[[str], str]) -> Callable[[Any], bool]:
    """Whether what :func:`_told` gives is any of the values that one parameter asks for. ``system`` gives
    that of an identifier as the resources have it."""
    if name in ("identifier", _ACTORS_IDENTIFIER):
        tokens = [(system(of) if of else of, bar, value) for of, bar, value in map(token, asked)]
        return lambda told: any(_identified(each, wanted) for each in told for wanted in tokens)
    if name == "actor":
        actors = frozenset(each for value in asked for each in _actors(value))
        return lambda told: not actors.isdisjoint(told)
    if name in _PREFIXED:
        names = [each for each in map(_plain, asked) if each]
        return lambda cells: any(_begins(cells, each, by_words=name == "name") for each in names)
    wanted = frozenset(asked if name == BY_ID else map(folded, asked))
    return lambda cells: not wanted.isdisjoint(cells)


def _plain(text: str) -> str:
    """A name as names are compared: R4's `string` has neither letter case nor accents."""
    plain = folded(text)
    if plain.isascii():
        return plain
    letters = unicodedata.normalize("NFD", plain)
    return "".join(each for each in letters if not unicodedata.combining(each))


def _begins(cells: Collection[str], text: str, *, by_words: bool) -> bool:
    """Whether a cell begins so; ``by_words``: or each of several words begins one of theirs, as those of a
    whole name do."""
    if any(cell.startswith(text) for cell in cells):
        return True
    words = text.replace(",", " ").split() if by_words else []
    parts = [part for cell in cells for part in cell.split()]
    return len(words) > 1 and all(any(part.startswith(word) for part in parts) for word in words)


def _actors(value: str) -> Sequence[Reference]:
    """What a reference to an actor may mean. InvalidMessage for what is none."""
    if (named := references.resolve(value, ())) is not None and named.kind in _ACTORS:
        return (named,)
    if named is not None or not fhir.is_id(value):
        text = "not a reference to a Practitioner or Location; write Practitioner/ and its id"
        raise InvalidMessage(Issue("value", "actor", text))
    return tuple(Reference(kind, value) for kind in _ACTORS)


def _identified(identifier: tuple[str, str | None], asked: tuple[str, str, str]) -> bool:
    """FHIR search, token: ``system|value``, ``|value`` (no system), ``system|`` (any value), ``value``."""
    (system, value), (asked_system, bar, asked_value) = identifier, asked
    if bar and system != asked_system:
        return False
    return not asked_value or value == asked_value


def included(base: str, resources: FhirDirectory, schedules: Sequence[str], search: Search) -> list[str]:
    """The entries that come along with these Schedules, or with their slots."""
    found: list[tuple[str, str]] = []
    if searches.included_types(search.includes, "Slot:schedule"):
        found += [("Schedule", each) for each in schedules if each in resources.texts["Schedule"]]
    kinds = searches.included_types(search.includes, "Schedule:actor")
    actors = dict.fromkeys(actor for schedule in schedules for actor in resources.actors.get(schedule, ()))
    found += [actor for actor in actors if actor[0] in kinds]
    return [
        fhir.entry(
            base, kind, each, search.subset.of(kind, resources.texts[kind][each], match=False), "include"
        )
        for kind, each in found
    ]


def warning(issue: Issue) -> Issue:
    """An Issue as it stands beside an answer: what failed did not fail all of it."""
    return replace(issue, severity="warning") if issue.severity == "error" else issue
