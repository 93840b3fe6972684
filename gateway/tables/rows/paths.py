"""The one path language of the tables: the part of FHIRPath that can also be written.

``a.b.c``, ``a[0]``, ``a.first()``, ``a.where(x='y').z``. A path is read over plain JSON values here;
``structs.py`` compiles the same path for typed decoders. Reading follows FHIRPath 2.0: every step
maps a collection to a collection, a list among the children is flattened, and what is absent is
the empty collection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_INDEX = re.compile(r"\[(\d{1,4})\]")
_WHERE = re.compile(r"\.where\(\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*'((?:[^'\\]|\\['\\])*)'\s*\)")
_FIRST = ".first()"


class PathError(ValueError):
    """A text that is no path of the language; ``column`` is the 0-based place in it."""

    def __init__(self, text: str, column: int) -> None:
        super().__init__(text)
        self.column = column


@dataclass(frozen=True, slots=True)
class Where:
    """``.where(name='value')``: keeps the items whose child ``name`` is just that string."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Step:
    """One name, and what narrows the collection after it: an index (``first()`` is 0) or a where."""

    name: str
    narrow: tuple[int | Where, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. ``text`` is as the analyst typed it; two paths are equal when their steps are."""

    steps: tuple[Step, ...]
    text: str

    def __str__(self) -> str:
        return self.text

    def below(self, count: int) -> Path:
        """The path without its first ``count`` steps."""
        steps = self.steps[count:]
        return Path(steps, render(steps))


def render(steps: tuple[Step, ...]) -> str:
    """Steps back to text, in the canonical spelling."""
    parts = []
    for step in steps:
        text = step.name
        for narrow in step.narrow:
            if isinstance(narrow, Where):
                value = narrow.value.replace("\\", "\\\\").replace("'", "\\'")
                text += f".where({narrow.name}='{value}')"
            else:
                text += f"[{narrow}]"
        parts.append(text)
    return ".".join(parts)


def parse(text: str) -> Path:
    """Reads a path; :class:`PathError` says where it stops being one."""
    steps: list[Step] = []
    at = 0
    while True:
        name = _NAME.match(text, at)
        if name is None:
            raise PathError(f"a field name is expected here, not {text[at : at + 10]!r}", at)
        at = name.end()
        narrow: list[int | Where] = []
        while at < len(text):
            if text.startswith(_FIRST, at):
                narrow.append(0)
                at += len(_FIRST)
            elif index := _INDEX.match(text, at):
                narrow.append(int(index[1]))
                at = index.end()
            elif where := _WHERE.match(text, at):
                narrow.append(Where(where[1], re.sub(r"\\(['\\])", r"\1", where[2])))
                at = where.end()
            else:
                break
        steps.append(Step(name[0], tuple(narrow)))
        if at == len(text):
            return Path(tuple(steps), text)
        if text[at] != ".":
            raise PathError(
                f"{text[at : at + 12]!r} is not part of a path; the language has "
                "a.b, a[0], a.first() and a.where(x='y')",
                at,
            )
        at += 1


def read(path: Path, root: Any) -> list[Any]:
    """The collection that ``path`` selects below ``root``, a JSON value. Absent and null are empty."""
    found = [root]
    for step in path.steps:
        children: list[Any] = []
        for item in found:
            child = item.get(step.name) if isinstance(item, dict) else None
            if isinstance(child, list):
                children.extend(each for each in child if each is not None)
            elif child is not None:
                children.append(child)
        found = children
        for narrow in step.narrow:
            if isinstance(narrow, Where):
                found = [item for item in found if _is(item, narrow)]
            else:
                found = found[narrow : narrow + 1]
    return found


def _is(item: Any, where: Where) -> bool:
    child = item.get(where.name) if isinstance(item, dict) else None
    return child == where.value or child == [where.value]


def write(path: Path, root: dict[str, Any], value: Any, lists: tuple[bool, ...]) -> None:
    """Puts ``value`` where ``path`` would read it, making what is missing on the way.

    ``lists`` says of each step whether the schema has a list there; a list as last step takes a
    list as value unless the path narrows to one item. A ``where`` finds its item or makes one.
    """
    here: dict[str, Any] = root
    last = len(path.steps) - 1
    for position, step in enumerate(path.steps):
        if position == last and not step.narrow:
            here[step.name] = value
            return
        if not lists[position]:
            here = here.setdefault(step.name, {})
            continue
        items: list[Any] = here.setdefault(step.name, [])
        if position == last:
            _put(items, step, value)
            return
        here = _item(items, step)


def _item(items: list[Any], step: Step) -> dict[str, Any]:
    wheres = [narrow for narrow in step.narrow if isinstance(narrow, Where)]
    index = next((narrow for narrow in step.narrow if not isinstance(narrow, Where)), 0)
    matching = [item for item in items if all(_is(item, where) for where in wheres)]
    while len(matching) <= index:
        fresh = {where.name: where.value for where in wheres}
        items.append(fresh)
        matching.append(fresh)
    found: dict[str, Any] = matching[index]
    return found


def _put(items: list[Any], step: Step, value: Any) -> None:
    index = next((narrow for narrow in step.narrow if not isinstance(narrow, Where)), 0)
    while len(items) <= index:
        items.append(None)
    items[index] = value


def covers(ignored: str, field: str) -> bool:
    """Whether what an ``ignore`` row names is that field, or what it stands in; ``*.Name``: wherever."""
    if ignored.startswith("*."):
        return field.rpartition(".")[2] == ignored[2:]
    return field == ignored or field.startswith(ignored + ".")
