"""Wishes that a Redox query utters and no row reads, in fields that are ignored, or of use beside another
only: nothing is narrowed by them, which is told by their paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from gateway.core.choosing import UNCHECKED
from gateway.core.errors import Issue
from gateway.tables.compile.source import Source, reader
from gateway.tables.rows.model import Row, Table
from gateway.tables.rows.paths import Path, covers, parse
from gateway.tables.rows.schema import Found, SchemaView, repeated

WISHES: Final = "Visit."
"""What begins so in a query narrows what is asked for."""
_MEASURED: Final = frozenset({"minutes"})  # codecs that have a unit beside the value
Reader = Callable[[Any], list[Any]]


@dataclass(frozen=True, slots=True)
class _Wish:
    """A field, below one item of its part; the readers of those beside which it says nothing new; and why no
    row reads it."""

    tail: str
    read: Reader
    instead: tuple[Reader, ...]
    why: str


class PassedOver:
    """Made once per site."""

    def __init__(self, table: Table, view: SchemaView) -> None:
        self._view = view
        source = Source()
        parts: dict[str, list[tuple[str, list[str], str]]] = {}
        names: dict[str, str] = {}
        for leaf in view.leaves():
            if not leaf.startswith(WISHES) or (found := _passed_over(leaf, table)) is None:
                continue
            instead, why = found
            prefix = self._part(leaf)
            fields = [leaf, *(each for each in instead if self._part(each) == prefix)]
            for each in fields:
                if each not in names:
                    names[each] = f"wish_{len(names)}"
                    path, lists = self._below(each, prefix)
                    reader(source, names[each], path, lists, f"{each}, to tell wishes that no row reads")
            parts.setdefault(prefix, []).append((leaf, fields[1:], why))
        for number, prefix in enumerate(parts):
            if prefix:
                path = parse(prefix)
                reader(source, f"part_{number}", path, self._found(path).lists, f"the items of {prefix}")
            else:
                source.add(0, f"def part_{number}(root):", "    return [root]", "")
        scope = source.build(f"table {table.name}, wishes that no row reads")
        self.code = source.text
        self._parts = tuple(
            (
                prefix,
                scope[f"part_{number}"],
                tuple(
                    _Wish(
                        leaf[len(prefix) :].lstrip("."),
                        scope[names[leaf]],
                        tuple(scope[names[each]] for each in instead),
                        why,
                    )
                    for leaf, instead, why in wishes
                ),
            )
            for number, (prefix, wishes) in enumerate(parts.items())
        )

    def issues(self, message: Any) -> Iterator[Issue]:
        """What of the checked message narrows nothing, by its path; never its value."""
        for prefix, items, wishes in self._parts:
            for position, item in enumerate(items(message)):
                base = f"{prefix}[{position}]." if prefix else ""
                for wish in wishes:
                    if _said(wish.read(item)) and not any(_said(read(item)) for read in wish.instead):
                        text = f"no time is left out by this wish, as it is not looked at: {wish.why}"
                        yield Issue(UNCHECKED, base + wish.tail, text, "warning")

    def _found(self, path: Path) -> Found:
        found = self._view.find(path)
        assert isinstance(found, Found), found
        return found

    def _part(self, field: str) -> str:
        path = parse(field)
        return repeated(path, self._found(path))

    def _below(self, field: str, prefix: str) -> tuple[Path, tuple[bool, ...]]:
        path = parse(field)
        count = len(prefix.split(".")) if prefix else 0
        return path.below(count), self._found(path).lists[count:]


def _said(values: list[Any]) -> bool:
    return any(not isinstance(value, str) or value.strip() for value in values)


def _passed_over(leaf: str, table: Table) -> tuple[list[str], str] | None:
    """Beside which fields a wish says nothing new, and why it is not read; None where it is, or is none."""
    if any(row.to_fhir and row.redox is not None and leaf == _dotted(row) for row in table.rows):
        return None
    ignoring = [row for row in table.rows if any(covers(each, leaf) for each in row.ignore)]
    if not all(row.wish for row in ignoring):
        return None
    beside = [row for row in table.rows if row.to_fhir and row.redox is not None and leaf in row.with_]
    if any(row.codec.name in _MEASURED for row in beside):
        return None  # a unit without its number asks nothing
    if not ignoring and not beside:
        return None
    instead = dict.fromkeys(chain(*(row.unless for row in ignoring), map(_dotted, beside)))
    why = next((row.because for row in ignoring if row.because), "it says nothing by itself")
    return list(instead), why


def _dotted(row: Row) -> str:
    return ".".join(step.name for step in row.redox.steps) if row.redox is not None else ""
