"""FHIR searches as clients send them: what is asked of the result, apart from what is searched for.

FHIR R4, search: `_count`, `_sort`, `_summary`, `_elements`, `_include`, paging by links, and the rule that
what a server does not know it ignores and says so, unless the client wants it strict. A known parameter that
narrows and cannot be applied is refused; one without a value is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core import filters, references
from gateway.core.chained import alternatives, unchained
from gateway.core.errors import InvalidMessage, Issue
from gateway.core.fhir import Interaction, Params
from gateway.core.instants import with_its_plus
from gateway.core.subset import ELEMENTS, SUMMARIES, WHOLE, Subset

PAGE_SIZE = 100
MOST_VALUES = 500  # of all parameters of a search together
BY_ID, CURSOR = "_id", "_cursor"
INCLUDE, ITERATE = "_include", "_include:iterate"
# What may be included with each resource type.
INCLUDES: Mapping[str, tuple[str, ...]] = {
    "Slot": ("Slot:schedule", "Schedule:actor"),
    "Schedule": ("Schedule:actor",),
    "Practitioner": (),
    "Location": (),
}
# R4, _include: a third part names the type of what comes along, of several that a reference may have.
_TYPED: Mapping[str, tuple[str, ...]] = {
    "Slot:schedule": ("Schedule",),
    "Schedule:actor": ("Practitioner", "Location"),
}
_SORTS: Mapping[str, tuple[str, ...]] = {**dict.fromkeys(INCLUDES, ()), "Slot": ("start", "-start")}
_TOTALS = ("none", "estimate", "accurate")
_OF_A_READ = frozenset({"_summary", "_elements", "_format", "_pretty"})
_PRETTY = frozenset({"", "true", "false"})
_CURSOR = re.compile(r"([0-9]{1,7})~([0-9]{1,7})~([0-9T:.Z-]{0,24})~([A-Za-z0-9.-]{1,64})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: behind the match whose id is ``last`` (empty: at the first). So many matches stood
    ``before``; of slots ``start`` is that of the last in UTC, and ``order`` the place of its schedule in the
    directory."""

    before: int = 0
    order: int = 0
    start: str = ""
    last: str = ""

    def __str__(self) -> str:
        return f"{self.before}~{self.order}~{self.start}~{self.last}"


@dataclass(frozen=True, slots=True)
class Search:
    """A search taken apart. ``params`` are those that choose, ``shown`` those that say what is shown of the
    result, both in order and as they were understood; ``issues`` name the ignored."""

    params: Params
    count: int
    counted_only: bool
    includes: frozenset[str]
    cursor: Cursor
    issues: tuple[Issue, ...]
    shown: Params = ()
    subset: Subset = WHOLE

    @property
    def uncounted(self) -> bool:
        """Whether the client does not want to be told how many there are."""
        return ("_total", "none") in self.shown and not self.counted_only

    @property
    def descending(self) -> bool:
        """Whether the latest slot comes first."""
        return ("_sort", "-start") in self.shown


def take_apart(interaction: Interaction, known: frozenset[str], most: int) -> Search:
    """Takes a search apart; ``known`` are the parameters that choose, ``most`` the largest page.

    :class:`InvalidMessage` for a control parameter that cannot be read, and, where the client wants
    it strict, for every parameter that is not known.
    """
    if sum(value.count(",") for name, value in interaction.params if name in known) > MOST_VALUES:
        text = f"the parameters have more than {MOST_VALUES} values together; ask for fewer at a time"
        raise InvalidMessage(Issue("too-costly", "", text))
    taken = _Taken(interaction, known, most)
    for name, value in interaction.params:
        taken.take(name, value)
    return taken.search(strict=interaction.strict)


class _Taken:
    """What the parameters of one search have said so far."""

    def __init__(self, interaction: Interaction, known: frozenset[str], most: int) -> None:
        self._resource = interaction.resource
        self._base = interaction.base
        self._known = known
        self._most = most
        self._chosen: list[tuple[str, str]] = []
        self._shown: dict[str, str] = {}
        self._includes: set[str] = set()
        self._count = min(PAGE_SIZE, most)
        self._cursor = Cursor()
        self._issues: list[Issue] = []
        self._ignored: list[Issue] = []

    def take(self, name: str, value: str) -> None:
        """One parameter."""
        name, value, wrong = unchained(name, value, self._known)
        if name == BY_ID and name in self._known and wrong is None:
            value, wrong = references.own_ids(self._resource, value, self._base)
        if wrong is not None:
            self._issues.append(wrong)
            return
        if name == "_format" or (name == "_pretty" and value in _PRETTY):
            return  # who hands the answer over has seen to the first; the second changes nothing
        if not alternatives(value):
            # R4, search: a parameter without a value is one that is not there.
            if name in self._known:
                self._ignored.append(Issue("value", name, "has no value"))
            else:
                self._ignored.append(Issue("value", "", f"{_shown(name)}: has no value"))
        elif name in self._known:
            self._chosen.append((name, with_its_plus(value)))
        elif name == "_count":
            self._count = _count(value, self._most, self._issues)
        elif name == CURSOR:
            self._cursor = _cursor(value, self._resource == "Slot", self._issues)
        elif name in (INCLUDE, ITERATE) and (included := _included(value, self._resource)):
            self._includes.update(included)
        elif not self._shows(name, value):
            self._pass_over(name)

    def _shows(self, name: str, value: str) -> bool:
        """Whether it says what is shown of the result, and can be done."""
        if name == "_summary" and value in (*SUMMARIES, "count"):
            self._shown[name] = value
        elif name == "_summary" and value == "false":
            self._shown.pop(name, None)
        elif name == "_elements" and (elements := _elements(value, self._resource)):
            known = dict.fromkeys((*alternatives(self._shown.get(name, "")), *elements))
            self._shown[name] = ",".join(known)
            if len(elements) < len(set(alternatives(value))):
                self._ignored.append(_ignored(name, self._known, self._resource))
        elif name == "_total" and value in _TOTALS:
            self._shown[name] = value
        elif name == "_sort" and (first := alternatives(value)[0]) in _SORTS[self._resource]:
            self._shown[name] = first
            if len(alternatives(value)) > 1:  # the others would order those that begin together
                self._ignored.append(_ignored(name, self._known, self._resource))
        else:
            return False
        return True

    def _pass_over(self, name: str) -> None:
        """One that is not applied: it is ignored, or refused if it would have narrowed the result."""
        if name.partition(":")[0] in self._known:
            self._issues.append(_modified(name, self._known))
        elif filters.understood(name, self._resource):
            self._issues.append(filters.refused(name, self._known))
        else:
            self._ignored.append(_ignored(name, self._known, self._resource))

    def search(self, *, strict: bool) -> Search:
        """All of it. InvalidMessage for what cannot be read, and for what is ignored where that is not
        wanted."""
        if refused := [*self._issues, *(self._ignored if strict else ())]:
            raise InvalidMessage(*refused)
        warned = (
            Issue(each.code, each.path, f"{each.text}; it was ignored", "warning") for each in self._ignored
        )
        return Search(
            params=tuple(self._chosen),
            count=self._count,
            counted_only=self._count == 0 or self._shown.get("_summary") == "count",
            includes=frozenset(self._includes),
            cursor=self._cursor,
            issues=tuple(warned),
            shown=tuple(self._shown.items()),
            subset=_subset(self._shown),
        )


def subset_of(interaction: Interaction) -> Subset:
    """The part of a resource that a client wants to read. What cannot be read of that, or has no meaning for
    a read, is passed over: InvalidMessage where the client wants it strict."""
    taken = _Taken(interaction, frozenset(), PAGE_SIZE)
    others = []
    for name, value in interaction.params:
        if name in _OF_A_READ:
            taken.take(name, value)
        else:
            others.append(Issue("not-supported", "", f"{_shown(name)}: means nothing where one is read"))
    subset = taken.search(strict=interaction.strict).subset
    if others and interaction.strict:
        raise InvalidMessage(*others)
    return subset


def _subset(shown: Mapping[str, str]) -> Subset:
    summary = shown.get("_summary", "")
    elements = frozenset(alternatives(shown.get("_elements", "")))
    return Subset(summary if summary in SUMMARIES else "", elements)


def _elements(value: str, resource: str) -> list[str]:
    """Those of the elements that are named, with or without their type, that the resource can have."""
    named = (each.removeprefix(f"{resource}.") for each in alternatives(value))
    return [each for each in dict.fromkeys(named) if each in ELEMENTS[resource]]


def _included(value: str, resource: str) -> tuple[str, ...]:
    """What comes along by an `_include`: ``*`` is every reference; none: nothing can."""
    kind, _, path = value.partition(":")
    if value == "*" or path == "*":
        return tuple(each for each in INCLUDES[resource] if value == "*" or each.startswith(f"{kind}:"))
    path, _, only = path.partition(":")
    whole = f"{kind}:{path}"
    return (value,) if whole in INCLUDES[resource] and (not only or only in _TYPED[whole]) else ()


def included_types(includes: frozenset[str], path: str) -> frozenset[str]:
    """The types of what comes along by a reference (``Schedule:actor``); empty: nothing does."""
    if path in includes:
        return frozenset(_TYPED[path])
    return frozenset(kind for kind in _TYPED[path] if f"{path}:{kind}" in includes)


def _count(value: str, most: int, issues: list[Issue]) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        issues.append(Issue("value", "_count", "must be a whole number, such as 50"))
        return 0
    return min(int(value), most)


def _cursor(value: str, slots: bool, issues: list[Issue]) -> Cursor:
    match = _CURSOR.fullmatch(value)
    if match is None or bool(match[3]) != slots:  # others than slots have no start
        issues.append(Issue("value", CURSOR, "is not from a link of this server; follow the link as it is"))
        return Cursor()
    return Cursor(int(match[1]), int(match[2]), match[3], match[4])


def _modified(name: str, known: frozenset[str]) -> Issue:
    """FHIR search, modifiers: a server must reject one that it does not support, never pass over it."""
    alike = sorted(each for each in known if each.partition(":")[0] == name.partition(":")[0])
    text = f"{_shown(name)}: this modifier is not supported; known: " + ", ".join(alike)
    return Issue("not-supported", "", text)


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)[:64]


def _ignored(name: str, known: frozenset[str], resource: str) -> Issue:
    # The name is the client's own text: it goes back to the client, but not into a path that is logged.
    if name in (INCLUDE, ITERATE):
        text = "only these can be included here: " + (", ".join(INCLUDES[resource]) or "nothing")
    elif name == "_sort":
        text = "only slots are sorted, by start or -start, and by nothing else"
    elif name == "_summary":
        text = "these are supported: " + ", ".join((*SUMMARIES, "count", "false"))
    elif name == "_elements":
        text = f"only elements of a {resource} can be named: " + ", ".join(sorted(ELEMENTS[resource]))
    elif name == "_total":
        text = "these are supported: " + ", ".join(_TOTALS)
    elif name == "_pretty":
        text = "true and false can be read"
    else:
        text = "is not a parameter of this search; known: " + ", ".join(sorted(known))
    return Issue("not-supported", "", f"{_shown(name)}: {text}")


def page_params(search: Search, cursor: Cursor | None) -> Params:
    """The parameters of a ``self`` or ``next`` link: what was understood, spelt out."""
    found = list(search.params)
    along = included_types(search.includes, "Slot:schedule")
    for value in sorted(search.includes, reverse=True):
        iterated = bool(along) and value.startswith("Schedule:")
        found.append((ITERATE if iterated else INCLUDE, value))
    found += search.shown
    if ("_summary", "count") not in search.shown:
        found.append(("_count", str(search.count)))
    if cursor is not None:
        found.append((CURSOR, str(cursor)))
    return tuple(found)
