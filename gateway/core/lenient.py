"""What was read leniently, and what of it was not as its schema has it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

_INDEX: Final = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Lenient:
    """``value`` holds nothing but what the schema has, though not all of it need fit. ``passed_over``: the
    names that the schema does not have, by the path of what they stand in. ``moved``: for a list of which
    unset items were left out the positions that its items had, by its path here."""

    value: Any
    passed_over: dict[str, tuple[str, ...]] = field(default_factory=dict)
    moved: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def sent(self, path: str) -> str:
        """The path as it was sent, of one in the value."""
        if not self.moved:
            return path
        found, end = "", 0
        for index in _INDEX.finditer(path):
            before, number = path[: index.start()], int(index[1])
            positions = self.moved.get(before, ())
            number = positions[number] if number < len(positions) else number
            found += f"{path[end : index.start()]}[{number}]"
            end = index.end()
        return found + path[end:]
