"""Search parameters that narrow a result, as FHIR R4 has them, and what is said where one is not applied.

FHIR lets a server pass over a parameter that it does not know. One that is known, and would have narrowed the
result, is another matter: whoever passes over it answers with what was not asked for. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from gateway.core.directory import shown
from gateway.core.errors import Issue

_OF_ALL: Final = (
    "_id _lastUpdated _tag _profile _security _text _content _list _has _filter _query _source _in"
)
_CONTACT: Final = "address address-city address-country address-postalcode address-state address-use"
_SCHEDULE: Final = "active actor date identifier service-category service-type specialty"
_PRACTITIONER: Final = (
    f"{_CONTACT} active communication email family gender given identifier name phone phonetic telecom"
)
_LOCATION: Final = (
    f"{_CONTACT} endpoint identifier name near operational-status organization partof status type"
)
_ROLE: Final = (
    "active date email endpoint identifier location organization phone practitioner role service specialty "
    "telecom"
)
# Of DSTU2, STU3 and R5, which clients still send.
_OTHERS: Final = "slot-type fb-type appointment-type-code healthcareservice service-type-reference"
_OF_SLOT: Final = "appointment-type identifier schedule service-category service-type specialty start status"
# How other servers are asked for a page by its number: who counts on would get the first one each time.
_PAGES: Final = frozenset({"offset", "page"})
FILTERS: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset(f"{_OF_ALL} {names}".split())
    for kind, names in {
        "Slot": f"{_OF_SLOT} {_SCHEDULE} {_PRACTITIONER} {_LOCATION} {_ROLE} {_OTHERS} end duration patient",
        "Schedule": f"{_SCHEDULE} {_PRACTITIONER} {_LOCATION} {_ROLE} {_OTHERS}",
        "Practitioner": f"{_PRACTITIONER} {_ROLE}",
        "Location": _LOCATION,
    }.items()
}
# What a client most likely means by one that is not applied: a part of the parameter that is.
_MEANT: Final[Mapping[str, tuple[str, ...]]] = {
    "identifier": ("identifier",),
    "actor": ("actor",),
    "practitioner": ("actor",),
    "location": ("actor",),
    "date": ("start", "end"),
    "slot-type": ("service-type",),
    "appointment-type": ("service-type",),
    "healthcareservice": ("service-type",),
    "service-category": ("service-type",),
}


def understood(name: str, resource: str) -> bool:
    """Whether a parameter of a search for that resource narrows its result: by its own name, by another
    spelling of it (``serviceType``), or by a chain that begins with it."""
    plain = _plain(name)
    return plain in _PAGES or any(_plain(each) == plain for each in FILTERS[resource])


def refused(name: str, known: Collection[str]) -> Issue:
    """What is said of such a parameter where it cannot be applied; ``known`` are those that can be."""
    if _plain(name) in _PAGES:
        text = f"{shown(name)}: pages are not counted here; follow the link next of the page before"
        return Issue("not-supported", "", text)
    remedy = "known: " + ", ".join(sorted(known))
    if spellings := _spelt(name, known):
        remedy = "write " + " or ".join(spellings)
    elif near := _near(name, known):
        remedy = "what can be asked instead: " + " or ".join(near)
    text = f"{shown(name)}: this narrows the search, and cannot be applied here as it is spelt; {remedy}"
    return Issue("not-supported", "", text)


def _plain(name: str) -> str:
    first = name.partition(":")[0].partition(".")[0]
    return "".join(char for char in first if char.isalnum()).casefold()


def _spelt(name: str, known: Collection[str]) -> list[str]:
    """The parameters that mean the same: by the end of its chain, or by what stands there before ``_id``."""
    last = name.rpartition(".")[2].partition(":")[0]
    if last == "identifier" and "actor" not in name:
        return []  # that of a slot or schedule itself is none of those that are searched by
    if last.startswith("_") and "." in name:
        last = name.split(".")[-2].partition(":")[0]  # the id of a thing is what a reference to it says
    return _ending(last, known)


def _near(name: str, known: Collection[str]) -> list[str]:
    """The parameters that a client may have meant."""
    last = name.rpartition(".")[2].partition(":")[0]
    parts = (*_MEANT.get(last, ()), *_MEANT.get(_plain(name), ()))
    return next((found for part in parts if (found := _ending(part, known))), [])


def _ending(part: str, known: Collection[str]) -> list[str]:
    return sorted(each for each in known if _plain(each.rpartition(".")[2]) == _plain(part))
