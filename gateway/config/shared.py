"""What sites share: ``defaults`` are of all, a name under ``like`` of those that say they are like it.

It is laid under the sites before anything else is read of them: a key of the site's own wins over one of what
it is like, and that over a default; maps are joined key by key, lists and texts replaced. Each value keeps
its place in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.files.marked import Fault, Mark, MarkedList, MarkedMap, MarkedText, Node

DEFAULTS, LIKE = "defaults", "like"
_OWN: Final = {
    "id": "is each site's own; write it there",
    "like": "is said by a site, not by what it shares with others",
}


@dataclass(frozen=True, slots=True)
class Shared:
    """The tree with what sites share laid under them, the names that they may be like, and what is wrong with
    what they share; ``unused``: where what no site is like stands."""

    root: MarkedMap
    names: frozenset[str] = frozenset()
    faults: tuple[Fault, ...] = ()
    unused: tuple[Mark, ...] = ()


def shared(root: MarkedMap) -> Shared:
    """What does not have the shape of such keys is left where it is, to be told by the schema."""
    defaults, like, sites = (root.get(key) for key in (DEFAULTS, LIKE, "sites"))
    below = _by_name(like)
    shares: list[tuple[str, Node | None]] = [(DEFAULTS, defaults), *((LIKE, each) for each in below.values())]
    faults = tuple(fault for where, node in shares for fault in _owned(node, where))
    laid = {key for key, node in ((DEFAULTS, defaults), (LIKE, like)) if isinstance(node, MarkedMap)}
    if like is not None and len(below) != len(like.items if isinstance(like, MarkedMap) else ()):
        laid.discard(LIKE)
    if isinstance(sites, MarkedList):
        over = [_laid(site, (below.get(_like(site)), defaults)) for site in sites.items]
        sites = MarkedList(sites.mark, tuple(over))
    kept: list[tuple[MarkedText, Node]] = [
        (key, sites if key.text == "sites" and sites is not None else node)
        for key, node in root.items
        if key.text not in laid
    ]
    used = {_like(site) for site in sites.items} if isinstance(sites, MarkedList) else set()
    unused = tuple(node.mark for name, node in below.items() if name not in used)
    return Shared(MarkedMap(root.mark, tuple(kept)), frozenset(below), faults, unused)


def _by_name(like: Node | None) -> dict[str, MarkedMap]:
    items = like.items if isinstance(like, MarkedMap) else ()
    return {name.text: each for name, each in items if isinstance(each, MarkedMap)}


def _like(site: Node) -> str:
    name = site.get(LIKE) if isinstance(site, MarkedMap) else None
    return name.text if isinstance(name, MarkedText) else ""


def _laid(site: Node, stack: Iterable[Node | None]) -> Node:
    """A site over what is below it, the nearest first."""
    for below in stack:
        if isinstance(site, MarkedMap) and isinstance(below, MarkedMap):
            site = _over(site, below)
    return site


def _owned(node: Node | None, where: str) -> Iterator[Fault]:
    for key, _ in node.items if isinstance(node, MarkedMap) else ():
        if key.text in _OWN:
            yield key.mark.fault(f"{where}.{key.text}: {_OWN[key.text]}")


def _over(own: MarkedMap, below: MarkedMap) -> MarkedMap:
    """``own`` with what it does not say of ``below``. A secret and the file that holds it are one key."""
    under = {key.text: value for key, value in below.items}
    items: list[tuple[MarkedText, Node]] = []
    for key, value in own.items:
        other = under.get(key.text)
        if isinstance(value, MarkedMap) and isinstance(other, MarkedMap):
            items.append((key, _over(value, other)))
        else:
            items.append((key, value))
    said = {_stem(key.text) for key, _ in own.items}
    items += [pair for pair in below.items if _stem(pair[0].text) not in said and pair[0].text not in _OWN]
    return MarkedMap(own.mark, tuple(items))


def _stem(name: str) -> str:
    return name.removesuffix("_file")


def told_once(faults: Iterable[Fault]) -> list[Fault]:
    """Without those that say the same of the same place for another site."""
    found: dict[tuple[str, int, int, str], Fault] = {}
    for fault in faults:
        text = fault.text
        if text.startswith("sites["):
            text = text.partition("]")[2]
        found.setdefault((fault.file, fault.line, fault.column, text), fault)
    return list(found.values())
