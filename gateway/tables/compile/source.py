"""Generated Python: put together, compiled, and left where tracebacks and ``gateway show code`` find it."""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.tables.compile.structs import attribute
from gateway.tables.rows.paths import Path, Where


@dataclass(slots=True)
class Source:
    """Lines under way; ``names`` are what the code may use beside builtins."""

    names: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def add(self, depth: int, *lines: str) -> None:
        """Adds lines at a depth of indentation."""
        self.lines.extend("    " * depth + line for line in lines)

    @property
    def text(self) -> str:
        """The source as it will be compiled."""
        return "\n".join(self.lines) + "\n"

    def build(self, title: str) -> Mapping[str, Any]:
        """Compiles the source under a file name that tracebacks show, and returns what it defines."""
        file = f"<gateway {title}>"
        code = compile(self.text, file, "exec")
        scope = dict(self.names)
        exec(code, scope)
        linecache.cache[file] = (len(self.text), None, self.text.splitlines(keepends=True), file)
        return scope


def reader(source: Source, name: str, path: Path, lists: tuple[bool, ...], about: str) -> None:
    """Adds ``def name(root)``: the collection that the path selects below a typed object.

    The same steps as :func:`gateway.tables.rows.paths.read`, one line each.
    """
    source.add(0, f"def {name}(root):", f"    {about!r}", "    found = [root]")
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
                child, value = attribute(narrow.name), repr(narrow.value)
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
