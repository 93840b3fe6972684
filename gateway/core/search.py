"""FHIR searches as clients send them: what is asked of the result, apart from what is searched for.

FHIR R4, search: `_count`, `_sort`, `_summary=count`, `_include`, paging by links, and the rule that what a
server does not know it ignores and says so, unless the client wants it strict. A known parameter that narrows
and cannot be applied is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core import filters
from gateway.core.errors import InvalidMessage, Issue
from gateway.core.fhir import Interaction, Params

PAGE_SIZE = 100
MOST_VALUES = 500  # of all parameters of a search together
CURSOR = "_cursor"
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
# Parameters that have no effect on the result and are never worth a warning.
_PRESENTATION = frozenset({"_format", "_pretty", "_total"})
# R4, chaining: a reference may say of which type it is; ours have one, or the next step says it.
_SCHEDULE = re.compile(r"schedule:Schedule(?=\.|$)")
_TYPE = re.compile(r"(?P<name>(?:schedule\.)?actor):(?P<type>Practitioner|Location)(?P<own>\._id)?")
_ESCAPED = re.compile(r"\\.|,|[^\\,]+", re.DOTALL)
_SPECIAL = frozenset({",", "|", "$", "\\"})
_CURSOR = re.compile(r"(\d{1,7})\.(\d{1,5})\.(.{0,64})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: how many matches stood before it, and, for slots, the start of its first
    one in UTC and how many with that same start were on the page before."""

    before: int = 0
    same: int = 0
    start: str = ""

    def __str__(self) -> str:
        return f"{self.before}.{self.same}.{self.start}"


@dataclass(frozen=True, slots=True)
class Search:
    """A search taken apart. ``params`` are those that choose, in order; ``issues`` name the ignored."""

    params: Params
    count: int
    counted_only: bool
    includes: frozenset[str]
    cursor: Cursor
    issues: tuple[Issue, ...]


def take_apart(interaction: Interaction, known: frozenset[str], most: int) -> Search:
    """Takes a search apart; ``known`` are the parameters that choose, ``most`` the largest page.

    :class:`InvalidMessage` for a control parameter that cannot be read, and, where the client wants
    it strict, for every parameter that is not known.
    """
    issues: list[Issue] = []
    ignored: list[Issue] = []
    slots = interaction.resource == "Slot"
    chosen: list[tuple[str, str]] = []
    includes: set[str] = set()
    count, counted_only, cursor = min(PAGE_SIZE, most), False, Cursor()
    if sum(value.count(",") for name, value in interaction.params if name in known) > MOST_VALUES:
        text = f"the parameters have more than {MOST_VALUES} values together; ask for fewer at a time"
        raise InvalidMessage(Issue("too-costly", "", text))
    for name, value in (_untyped(*each, known) for each in interaction.params):
        if name in known and alternatives(value):
            chosen.append((name, value))
        elif name in known:
            ignored.append(Issue("value", name, "has no value"))
        elif name == "_count":
            count = _count(value, most, issues)
            counted_only = counted_only or count == 0
        elif name == "_summary" and value in ("count", "false"):
            counted_only = counted_only or value == "count"
        elif name == "_sort" and slots and value == "start":
            continue
        elif name in (INCLUDE, ITERATE) and _may_include(value, interaction.resource):
            includes.add(value)
        elif name == CURSOR:
            cursor = _cursor(value, slots, issues)
        elif name.partition(":")[0] in known:
            issues.append(_modified(name, known))
        elif filters.understood(name, interaction.resource):
            issues.append(filters.refused(name, known))
        elif name not in _PRESENTATION:
            ignored.append(_ignored(name, known, interaction.resource))
    if interaction.strict:
        issues.extend(ignored)
        ignored = []
    if issues:
        raise InvalidMessage(*issues)
    warned = tuple(Issue(each.code, each.path, f"{each.text}; it was ignored", "warning") for each in ignored)
    return Search(tuple(chosen), count, counted_only, frozenset(includes), cursor, warned)


def _untyped(name: str, value: str, known: frozenset[str]) -> tuple[str, str]:
    """A parameter as the rows know it, of one that names the types of its references."""
    if name in known:
        return name, value
    shorter = _SCHEDULE.sub("schedule", name)
    match = _TYPE.fullmatch(shorter)
    if match is None or match["name"] not in known:
        return (shorter, value) if shorter in known else (name, value)
    # Who asks by the id of a resource may put a system before it, which an id does not have.
    ids = [each.rpartition("|")[2] if match["own"] else each for each in _raw_alternatives(value)]
    prefix = f"{match['type']}/"
    return match["name"], ",".join(each if "/" in each else prefix + each for each in ids if each.strip())


def _raw_alternatives(text: str) -> list[str]:
    """The values of a parameter, still escaped."""
    found = [""]
    for part in _ESCAPED.findall(text):
        if part == ",":
            found.append("")
        else:
            found[-1] += part
    return found


def _may_include(value: str, resource: str) -> bool:
    path, _, kind = value.partition(":")[2].partition(":")
    whole = f"{value.partition(':')[0]}:{path}"
    return whole in INCLUDES[resource] and (not kind or kind in _TYPED[whole])


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
    if match is None or bool(match[3]) != slots:
        issues.append(Issue("value", CURSOR, "is not from a link of this server; follow the link as it is"))
        return Cursor()
    return Cursor(int(match[1]), int(match[2]), match[3])


def _modified(name: str, known: frozenset[str]) -> Issue:
    """FHIR search, modifiers: a server must reject one that it does not support, never pass over it."""
    alike = sorted(each for each in known if each.partition(":")[0] == name.partition(":")[0])
    text = f"{_shown(name)}: this modifier is not supported; known: " + ", ".join(alike)
    return Issue("not-supported", "", text)


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)[:64]


def alternatives(text: str) -> list[str]:
    """The values of a parameter: commas separate them unless escaped (FHIR search, escaping)."""
    if "\\" not in text:
        return [value.strip() for value in text.split(",") if value.strip()]
    found: list[list[str]] = [[]]
    for part in _ESCAPED.findall(text):
        if part == ",":
            found.append([])
        else:
            found[-1].append(part[1] if part[0] == "\\" and part[1:] in _SPECIAL else part)
    return [value for parts in found if (value := "".join(parts).strip())]


def _ignored(name: str, known: frozenset[str], resource: str) -> Issue:
    # The name is the client's own text: it goes back to the client, but not into a path that is logged.
    if name in (INCLUDE, ITERATE):
        text = "only these can be included here: " + (", ".join(INCLUDES[resource]) or "nothing")
    elif name == "_sort":
        text = "slots are sorted by start, and nothing else"
    elif name == "_summary":
        text = "only _summary=count is supported"
    else:
        text = "is not a parameter of this search; known: " + ", ".join(sorted(known))
    return Issue("not-supported", "", f"{_shown(name)}: {text}")


def page_params(params: Params, cursor: Cursor | None, count: int, includes: frozenset[str]) -> Params:
    """The parameters of a ``self`` or ``next`` link: what was understood, spelt out."""
    found = list(params)
    along = included_types(includes, "Slot:schedule")
    for value in sorted(includes, reverse=True):
        iterated = bool(along) and value.startswith("Schedule:")
        found.append((ITERATE if iterated else INCLUDE, value))
    found.append(("_count", str(count)))
    if cursor is not None:
        found.append((CURSOR, str(cursor)))
    return tuple(found)
