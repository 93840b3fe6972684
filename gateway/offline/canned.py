"""What stands for an upstream that is not asked: Bundles of an EHR, or an answer of Redox's.

Its bytes go to the readers of the live gateway as they are. Each search gets what the EHR would answer to it:
the resources of its type, and of Slots those of the schedules that it names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import msgspec

from gateway.core import references
from gateway.core.directory import Directory
from gateway.core.errors import Issue
from gateway.core.mapping import Asked
from gateway.core.plan import Answer, Call
from gateway.tables.answer.resources import READ
from gateway.tables.answer.site import SiteTables

EMPTY = b'{"resourceType":"Bundle","type":"searchset"}'

Json = dict[str, Any]
Pairs = tuple[tuple[str, str], ...]

_MORE = Issue("incomplete", "Bundle.link", "there is a next page, which was not given", "warning")
_NOTHING = Asked(None, None, (), (), (), ())
_ANY = "2000-01-01T00:00:00.000Z"


class _Entries(msgspec.Struct):
    entry: list[msgspec.Raw] | None = None


@dataclass(frozen=True)
class CannedBundle:
    """A Bundle of an EHR: its ``text`` and the ``value`` of that."""

    text: bytes
    value: Json

    @cached_property
    def entries(self) -> tuple[tuple[msgspec.Raw, Json], ...]:
        """The text of each entry, and what it is; nothing where it cannot be taken apart."""
        try:
            texts = msgspec.json.decode(self.text, type=_Entries).entry or []
            return tuple((text, _object(msgspec.json.decode(text))) for text in texts)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return ()

    @property
    def resources(self) -> Iterator[Json]:
        """Its entries that hold a resource."""
        return (entry for _, entry in self.entries if _kind(entry))

    @property
    def of_the_directory(self) -> bool:
        """Whether it holds resources of the directory and nothing else."""
        return bool(self.entries) and all(_kind(entry) in READ for _, entry in self.entries)

    @property
    def goes_on(self) -> bool:
        """Whether it names a next page."""
        links = self.value.get("link")
        found = links if isinstance(links, list) else ()
        return any(isinstance(each, dict) and each.get("relation") == "next" for each in found)

    def of_kind(self, kind: str) -> bytes | None:
        """A page of its resources of that type; None where it has none."""
        return self._page([place for place, (_, each) in enumerate(self.entries) if _kind(each) == kind])

    def _page(self, positions: Sequence[int]) -> bytes | None:
        if 0 < len(positions) == len(self.entries):
            return self.text
        texts = b",".join(bytes(self.entries[position][0]) for position in positions)
        return b'{"resourceType":"Bundle","type":"searchset","entry":[%b]}' % texts if texts else None

    def shared(self, calls: Sequence[Call], tables: SiteTables, directory: Directory) -> list[bytes | None]:
        """A page for each of the searches, which differ only in the schedules that they name: every Slot is
        in that of its schedule's, and whatever belongs to none of them in the first."""
        if not self.entries:
            return [self.text, *[None] * (len(calls) - 1)]
        shares: list[list[int]] = [[] for _ in calls]
        for position, (_, entry) in enumerate(self.entries):
            named = _subject(schedule_of(_object(entry.get("resource")), directory.bases), tables, directory)
            owners = (place for place, call in enumerate(calls) if named and named <= _named(call.subject))
            shares[next(owners, 0)].append(position)
        return [self._page(share) for share in shares]


@dataclass(frozen=True, slots=True)
class Canned:
    """``bundles`` of an EHR, the ``answer`` of Redox (its bytes)."""

    bundles: tuple[CannedBundle, ...] = ()
    answer: bytes | None = None

    @property
    def given(self) -> bool:
        """Whether there is anything to answer with."""
        return bool(self.bundles) or self.answer is not None

    @property
    def resources(self) -> list[Json]:
        """The entries of all Bundles that hold a resource."""
        return [entry for bundle in self.bundles for entry in bundle.resources]

    def searched(self, calls: Sequence[Call], tables: SiteTables, directory: Directory) -> tuple[Answer, ...]:
        """What the Bundles answer to Slot searches: to those of each kind (of another length, say) all of it,
        shared among those that differ only in the schedules they name."""
        bundles = [each for each in self.bundles if not each.of_the_directory]
        # As many links as pages: the last page has one, too.
        missing = (_MORE,) if bundles and all(each.goes_on for each in bundles) else ()
        kinds: dict[Pairs, list[Call]] = {}
        for call in calls:
            kinds.setdefault(kind_of(call), []).append(call)
        pages: dict[int, list[bytes]] = {id(call): [] for call in calls}
        for alike, bundle in product(kinds.values(), bundles):
            for call, page in zip(alike, bundle.shared(alike, tables, directory), strict=True):
                pages[id(call)] += [page] if page is not None else []
        return tuple(Answer(call, tuple(pages[id(call)]) or (EMPTY,), not missing, missing) for call in calls)

    def of_directory(self, kind: str) -> tuple[bytes, ...]:
        """The pages of a search for all resources of a type."""
        return tuple(page for each in self.bundles if (page := each.of_kind(kind)) is not None)


def kind_of(call: Call) -> Pairs:
    """What searches that differ only in the schedules they name have in common."""
    named = call.subject.split("&")
    return tuple(pair for pair in call.params if pair[1] not in named)


def schedule_of(resource: Mapping[str, Any], bases: Collection[str]) -> str:
    """The id of a Slot's Schedule; empty for none, and for another server's."""
    schedule = resource.get("schedule")
    reference = schedule.get("reference") if isinstance(schedule, dict) else None
    if not isinstance(reference, str):
        return ""
    named = references.resolve(reference, bases)
    if named is not None:
        return named.id if named.kind == "Schedule" else ""
    return "" if ":" in reference else reference


def bundle_of(entries: Sequence[Json]) -> bytes:
    """A searchset of these entries."""
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode()


def _subject(schedule: str, tables: SiteTables, directory: Directory) -> frozenset[str]:
    """How a search names the schedule; nothing for one that is not in the directory."""
    known: dict[str, frozenset[str]] = directory.memo.setdefault("named in searches", {})
    if not known:
        for line in directory.lines:
            found = tables.slot_searches(_ANY, _ANY, (0,), _NOTHING, (line,))
            known[line["schedule"]] = _named(found[0][0].subject) if found else frozenset()
    return known.get(schedule, frozenset())


def _named(subject: str) -> frozenset[str]:
    return frozenset(re.split("[&,]", subject)) - {""}


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _kind(entry: Json) -> str:
    resource = entry.get("resource")
    return str(resource.get("resourceType")) if isinstance(resource, dict) else ""
