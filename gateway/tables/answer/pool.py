"""All resources that a directory is made of, and how references find them (FHIR R4, references)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.core.directory import shown
from gateway.core.envelope import UNREADABLE
from gateway.core.nearest import folded
from gateway.core.references import resolve
from gateway.tables.answer.in_force import NPI

Located = tuple[str, Any]
"""A resource behind its own URL (``fullUrl``), which is empty where its Bundle has none."""
Reader = Callable[[Any], list[Any]]

_DEFINITION = "http://hl7.org/fhir/StructureDefinition/"  # what Reference.type is relative to (FHIR R4)
_MOST_CONTAINED = 50
_NAME = 1000  # characters at the end of a text in which a name is looked for, each place anew


@dataclass(slots=True, eq=False)
class Item:
    """A resource that was read. ``cells``: what each row that reads its type finds in it, by the row's place
    among them; None: not looked at yet. ``within``: the resources that it, or what contains it, contains."""

    kind: str
    value: Any
    cells: Mapping[int, str] | None = None
    within: Mapping[str, Item] = field(default_factory=dict)


class Pool:
    """Finds resources by URL, id, identifier or name. ``bases`` are the addresses of the server that has them
    all; ``contained`` decodes what a resource contains; ``names`` read what one is called, by its type."""

    def __init__(
        self,
        found: Mapping[str, Iterable[Located]],
        bases: Collection[str],
        contained: Callable[[msgspec.Raw], Any],
        names: Mapping[str, tuple[Reader, ...]],
    ) -> None:
        self._bases = bases
        self._contained = contained
        self._by_url: dict[str, Item] = {}
        self._by_id: dict[tuple[str, str], Item] = {}
        self._by_identifier: dict[tuple[str, str, str], Item | None] = {}
        self._by_name: dict[tuple[str, str], Item | None] = {}
        self._of_kind: dict[str, list[Item]] = {}
        for kind, located in found.items():
            for urls, resource in _once(located):
                self._add(kind, urls, resource, names.get(kind, ()))

    def _add(self, kind: str, urls: Collection[str], resource: Any, names: tuple[Reader, ...]) -> None:
        item = self.item(kind, resource)
        self._of_kind.setdefault(kind, []).append(item)
        self._by_url.update(dict.fromkeys(urls, item))
        if resource.id:
            self._by_id[kind, resource.id] = item
        for each in getattr(resource, "identifier", None) or ():
            if each is not None and each.value:
                # One that two resources have says nothing.
                key = (kind, system_of(each.system), each.value)
                self._by_identifier[key] = item if self._by_identifier.get(key, item) is item else None
        for name in {folded(name) for read in names for name in read(resource)}:
            self._by_name[kind, name] = None if (kind, name) in self._by_name else item

    def item(self, kind: str, resource: Any) -> Item:
        """A resource with what it contains, to follow its references; it need not be one of the pool's."""
        item = Item(kind, resource)
        if getattr(resource, "contained", None):
            item.within = self._within(resource.contained)
        return item

    def _within(self, contained: Iterable[msgspec.Raw]) -> Mapping[str, Item]:
        found: dict[str, Item] = {}
        for raw in list(contained)[:_MOST_CONTAINED]:
            try:
                resource = self._contained(raw)
            except UNREADABLE:
                continue
            if resource.id:
                item = Item(type(resource).__name__, resource)
                item.within = found  # what is contained may refer to its neighbours
                found[resource.id] = item
                resource.id = None  # which means nothing outside of what contains it
        return found

    def all(self, kind: str) -> Iterable[Item]:
        """All of a type."""
        return self._of_kind.get(kind, ())

    def called(self, kind: str) -> tuple[dict[str, Item], dict[tuple[str, str], Item | None]]:
        """The resources of a type by what else they are called than by type and id: by the URLs that name no
        server's resource, and by identifier (system and value; None where several have it)."""
        urls = {
            url: item
            for url, item in self._by_url.items()
            if item.kind == kind and resolve(url, self._bases) is None
        }
        identifiers = {key[1:]: item for key, item in self._by_identifier.items() if key[0] == kind}
        return urls, identifiers

    def find(self, reference: Any, kind: str, of: Item, kinds: Collection[str] = ()) -> Item | None:
        """The resource of a type that a Reference of the resource ``of`` is to: contained, by the URL that
        its Bundle gives it, by its id, or by its identifier. ``kinds``: all types that it may be to; what
        resources of several have says nothing where the Reference does not say its type."""
        if reference.reference:
            found = self._referred(reference.reference, of)
            return found if found is not None and found.kind == kind else None
        key = identifier_of(reference)
        if key is None or type_of(reference) not in ("", kind):
            return None
        if not type_of(reference) and any((each, *key) in self._by_identifier for each in {*kinds} - {kind}):
            return None
        return self._by_identifier.get((kind, *key))

    def _referred(self, text: str, of: Item) -> Item | None:
        if text.startswith("#"):
            return of.within.get(text[1:])
        if (item := self._by_url.get(text)) is not None:
            return item
        named = resolve(text, self._bases)
        return self._by_id.get((named.kind, named.id)) if named is not None else None

    def named(self, reference: Any, kind: str, kinds: Collection[str] = ()) -> tuple[str, str] | None:
        """The search that brings the resource of a type that a Reference is to: its parameter and its value;
        None where none does. ``kinds`` as of :meth:`find`."""
        if reference.reference:
            named = resolve(reference.reference, self._bases)
            return ("_id", named.id) if named is not None and named.kind == kind else None
        key = identifier_of(reference)
        if key is None or type_of(reference) not in ("", kind):
            return None
        if not type_of(reference) and any((each, *key) in self._by_identifier for each in kinds):
            return None  # whose it is is known
        return "identifier", "|".join(map(_token, (reference.identifier.system or "", key[1])))

    def why_not(self, reference: Any, of: Item) -> str:
        """Why a Reference of a resource leads to nothing that is known."""
        text = reference.reference
        if not text:
            key = identifier_of(reference)
            if key is None:
                return "has no reference"
            kinds = {type_of(reference)} - {""} or self._of_kind.keys()
            found = {
                kind: self._by_identifier[kind, *key] for kind in kinds if (kind, *key) in self._by_identifier
            }
            if not found:
                return "has an identifier that no resource read has"
            if len(found) > 1 or None in found.values():
                return "has an identifier that several resources have"
            return f"is a {shown(*found)} that leads to no practitioner and no place"
        if (item := self._referred(text, of)) is not None:
            return f"is a {shown(item.kind)} that leads to no practitioner and no place"
        if text.startswith("#"):
            return "refers to a resource that it does not contain"
        named = resolve(text, self._bases)
        if named is None:
            other = not text.startswith("urn:")
            return "is a resource of another server" if other else "is an entry of no Bundle that was read"
        return f"is a {shown(named.kind)} that the EHR does not give, or that no join reads"

    def by_name(self, kind: str, text: str, after: str) -> Item | None:
        """The one whose name stands at the end of a text, behind ``after``; a name that two have says
        nothing."""
        low, mark = text[-_NAME:].casefold(), after.casefold()
        at = low.find(mark)
        while at >= 0:
            found = self._by_name.get((kind, folded(low[at + len(mark) :])))
            if found is not None:
                return found
            at = low.find(mark, at + 1)
        return None


def _once(located: Iterable[Located]) -> Iterable[tuple[Collection[str], Any]]:
    """Each resource once, as it was read last, with all its URLs: what comes with two searches, or moves from
    page to page while they are read, is still one."""
    found: dict[object, tuple[set[str], Any]] = {}
    for number, (url, resource) in enumerate(located):
        key = resource.id or number
        urls = found[key][0] if key in found else set()
        found[key] = (urls | {url} if url else urls, resource)
    return found.values()


def identifier_of(reference: Any) -> tuple[str, str] | None:
    """System and value of the identifier that a Reference has."""
    named = reference.identifier
    return (system_of(named.system), named.value) if named is not None and named.value else None


def system_of(system: str | None) -> str:
    """A system of identifiers by which two of them can be compared."""
    return NPI[0] if system in NPI else system or ""


def type_of(reference: Any) -> str:
    """The type of resource that a Reference says it is to; empty where it says none."""
    return (reference.type or "").removeprefix(_DEFINITION)


def _token(text: str) -> str:
    """A part of a token, in which a bar is no sign (FHIR R4, escaping); commas are the whole value's."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("$", "\\$")
