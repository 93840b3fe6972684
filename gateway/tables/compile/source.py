"""Generated Python: put together, compiled, and left where tracebacks and ``gateway show code`` find it."""

from __future__ import annotations

import builtins
import linecache
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any

from gateway.tables.compile.literal import literal
from gateway.tables.compile.shapes import BUILTINS, verified
from gateway.tables.compile.structs import attribute
from gateway.tables.rows.paths import Path, Where


@dataclass(slots=True)
class Source:
    """Lines under way; ``names`` are what the code may use beside a few builtins, ``fields`` the attributes
    that it may read."""

    names: dict[str, Any] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)

    def add(self, depth: int, *lines: str) -> None:
        """Adds lines at a depth of indentation. ValueError for one that is not plain ASCII on one line: a
        text of a table gets in by :mod:`gateway.tables.compile.literal` alone."""
        for line in lines:
            if not (line.isascii() and line.isprintable()):
                raise ValueError("a line of generated source holds a text that was not made a literal")
            self.lines.append("    " * depth + line)

    def reads(self, path: Path) -> None:
        """The code reads attributes of this path, whose steps are fields of a schema."""
        for step in path.steps:
            self.fields.add(attribute(step.name))
            self.fields.update(attribute(each.name) for each in step.narrow if isinstance(each, Where))

    @property
    def text(self) -> str:
        """The source as it will be compiled."""
        return "\n".join(self.lines) + "\n"

    def build(self, title: str) -> Mapping[str, Any]:
        """Compiles the source under a file name that tracebacks show, and returns what it defines.

        ForeignShape for source that the generator cannot have made.
        """
        text = self.text
        file = f"<gateway {literal(title)[1:-1]}>"
        code = _compiled(text, file, frozenset(self.names), frozenset(self.fields))
        scope: dict[str, Any] = {"__builtins__": {name: getattr(builtins, name) for name in BUILTINS}}
        scope.update(self.names)
        exec(code, scope)
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        return scope


@lru_cache(maxsize=256)
def _compiled(text: str, file: str, names: frozenset[str], fields: frozenset[str]) -> CodeType:
    """Sites whose tables differ in their codes alone have the same source, which is looked at once."""
    return compile(verified(text, names, fields), file, "exec")


def reader(source: Source, name: str, path: Path, lists: tuple[bool, ...], about: str) -> None:
    """Adds ``def name(root)``: the collection that the path selects below a typed object.

    The same steps as :func:`gateway.tables.rows.paths.read`, one line each.
    """
    source.reads(path)
    source.add(0, f"def {name}(root):", f"    {literal(about)}", "    found = [root]")
    for step, is_list in zip(path.steps, lists, strict=True):
        attr = attribute(step.name)
        if is_list:
            source.add(
                1, f"found = [each for item in found for each in (item.{attr} or ()) if each is not None]"
            )
        else:
            source.add(1, f"found = [each for item in found if (each := item.{attr}) is not None]")
        for narrow in step.narrow:
            if isinstance(narrow, Where):
                child, value = attribute(narrow.name), literal(narrow.value)
                source.add(1, f"found = [item for item in found if item.{child} in ({value}, [{value}])]")
            else:
                source.add(1, f"found = found[{narrow}:{narrow + 1}]")
    source.add(1, "return found")
    source.add(0, "")


def getter(path: Path, lists: tuple[bool, ...], required: bool, root: str) -> str | None:
    """An expression for a path without lists or narrowing, or None where it has them.

    ``required`` paths cannot be absent: the decoder has refused such objects.
    """
    if any(lists) or any(step.narrow for step in path.steps):
        return None
    names = [attribute(step.name) for step in path.steps]
    if required or len(names) == 1:
        return ".".join([root, *names])
    if len(names) == 2:
        return f"({root}.{names[0]} and {root}.{names[0]}.{names[1]})"
    return None
