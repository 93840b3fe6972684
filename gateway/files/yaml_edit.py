"""Edits of YAML texts that leave every other letter as it is: comments, order, quotes, indents.

Of files that :mod:`gateway.files.marked` reads without a fault. A path leads to a value by keys and
positions; values are texts, lists and maps. Each function gives the whole text anew. Raises KeyError for a
path that leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gateway.files.flow import block, scalar

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COMMENT = re.compile(r"(?:^|\s)#")

Path = Sequence[str | int]


def replaced(text: str, path: Path, value: Any) -> str:
    """With another value there. Lists and maps that are written in lines keep those, and their comments."""
    place = _Place.find(text, path)
    alike = isinstance(value, dict) and isinstance(place.node, yaml.MappingNode)
    if alike and place.in_lines and not set(value).isdisjoint(_keys(place.node)):
        for key in [key.value for key, _ in place.node.value]:
            if key not in value:
                text = without_key(text, path, key)
        for key, each in value.items():
            known = _keys(_Place.find(text, path).node)
            text = replaced(text, [*path, key], each) if key in known else with_key(text, path, key, each)
        return text
    if isinstance(value, list) and value and place.in_lines and isinstance(place.node, yaml.SequenceNode):
        count = len(place.node.value)
        for position in range(count - 1, len(value) - 1, -1):
            text = without_item(text, path, position)
        for position, each in enumerate(value):
            text = (
                replaced(text, [*path, position], each) if position < count else with_item(text, path, each)
            )
        return text
    return place.put(value)


def with_key(text: str, path: Path, key: str, value: Any) -> str:
    """With one more key at the end of the map there."""
    place = _Place.find(text, path)
    pairs = place.node.value
    if not place.in_lines:
        written = f"{scalar(key, inside=True)}: {_inside(value)}"
        if not pairs:
            return place.put({key: value})
        end = place.end_of(pairs[-1][1])
        return f"{text[:end]}, {written}{text[end:]}"
    column = pairs[0][0].start_mark.column
    return place.after_line(place.end, f"{' ' * column}{scalar(key)}: {block(value)}")


def without_key(text: str, path: Path, key: str) -> str:
    """Without a key of the map there, which has others, and the comment on its line."""
    place = _Place.find(text, path)
    pairs = place.node.value
    position = _keys(place.node).index(key)
    start, end = place.offset(pairs[position][0].start_mark), place.end_of(pairs[position][1])
    after = place.offset(pairs[position + 1][0].start_mark) if position + 1 < len(pairs) else None
    if not place.in_lines:
        if after is not None:
            return text[:start] + text[after:]
        return text[: place.end_of(pairs[position - 1][1])] + text[end:]
    if position == 0 and after is not None:  # on the line of its dash, or of its map's beginning
        first = text[start:after]
        return (
            text[:start].rstrip(" ") + text[place.line_end(end) :]
            if _COMMENT.search(first)
            else text[:start] + text[after:]
        )
    return text[: place.line_start(start)] + text[place.next_line(end) :]


def with_item(text: str, path: Path, value: Any) -> str:
    """With one more item at the end of the list there; a map as lines of its own."""
    place = _Place.find(text, path)
    items = place.node.value
    if items and not place.in_lines:
        end = place.end_of(items[-1])
        return f"{text[:end]}, {_inside(value)}{text[end:]}"
    column = place.node.start_mark.column if items else place.key_column + 2
    if isinstance(value, dict) and value:
        lines = [f"{scalar(key)}: {block(each)}" for key, each in value.items()]
    else:
        lines = [block(value)]
    written = place.newline.join(f"{' ' * column}{'  ' if n else '- '}{line}" for n, line in enumerate(lines))
    if items:
        return place.after_line(place.end, written)
    start, end = place.offset(place.node.start_mark), place.end
    return (
        text[:start].rstrip(" ")
        + text[end : place.line_end(end)]
        + place.newline
        + written
        + text[place.line_end(end) :]
    )


def without_item(text: str, path: Path, position: int) -> str:
    """Without an item of the list there; the comments above it stay."""
    place = _Place.find(text, path)
    items = place.node.value
    start, end = place.offset(items[position].start_mark), place.end_of(items[position])
    if len(items) == 1:
        return place.put([])
    if not place.in_lines:
        if position + 1 < len(items):
            return text[:start] + text[place.offset(items[position + 1].start_mark) :]
        return text[: place.end_of(items[position - 1])] + text[end:]
    dash = text.rindex("-", 0, start)
    return text[: place.line_start(dash)] + text[place.next_line(end) :]


def _inside(value: Any) -> str:
    return scalar(value, inside=True) if isinstance(value, str) else block(value)


def _keys(node: Any) -> list[str]:
    return [key.value for key, _ in node.value]


@dataclass(frozen=True, slots=True)
class _Place:
    """A node of a text: with its key, if it has one, and whether it stands within brackets."""

    text: str
    node: Any
    key: Any
    inside: bool
    starts: list[int]

    @classmethod
    def find(cls, text: str, path: Path) -> _Place:
        bare = text.removeprefix("\ufeff")  # which is of the first line, and no column of it
        starts = [len(text) - len(bare), *(found.end() for found in re.finditer("\n", text))]
        node, key, inside = yaml.compose(bare, Loader=_Loader), None, False
        for step in path:
            inside = inside or bool(getattr(node, "flow_style", False))
            if isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == step), None)
                if pair is None:
                    raise KeyError(step)
                key, node = pair
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                key, node = None, node.value[step]
            else:
                raise KeyError(step)
        return cls(text, node, key, inside, starts)

    @property
    def in_lines(self) -> bool:
        """Whether it is a map or a list that is written without brackets."""
        return not isinstance(self.node, yaml.ScalarNode) and not self.node.flow_style

    @property
    def end(self) -> int:
        return self.end_of(self.node)

    @property
    def key_column(self) -> int:
        return self.key.start_mark.column if self.key is not None else 0

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def offset(self, mark: Any) -> int:
        return self.starts[mark.line] + mark.column if mark.line < len(self.starts) else len(self.text)

    def end_of(self, node: Any) -> int:
        """Where the last letter of a node is; what is written in lines ends with its last scalar."""
        while not isinstance(node, yaml.ScalarNode) and not node.flow_style and node.value:
            node = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
        end = self.offset(node.end_mark)
        start = self.offset(node.start_mark)
        while end > start and self.text[end - 1] in "\r\n":  # of a text in lines of its own
            end -= 1
        return end

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Before the line break."""
        found = self.text.find("\n", at)
        end = found if found >= 0 else len(self.text)
        return end - 1 if end > at and self.text[end - 1] == "\r" else end

    def next_line(self, at: int) -> int:
        found = self.text.find("\n", at)
        return found + 1 if found >= 0 else len(self.text)

    def after_line(self, at: int, written: str) -> str:
        end = self.line_end(at)
        return self.text[:end] + self.newline + written + self.text[end:]

    def put(self, value: Any) -> str:
        """The text with a value on one line in the place of this node."""
        written = _inside(value) if self.inside else block(value)
        start, end = self.offset(self.node.start_mark), self.end
        if self.in_lines and self.key is not None:
            colon = self.text.index(":", self.offset(self.key.end_mark)) + 1
            beside = self.text[colon : self.line_end(colon)]
            comment = beside.rstrip() if _COMMENT.match(beside.lstrip(" ")) else ""
            return f"{self.text[:colon]} {written}{comment}{self.text[end:]}"
        blank = "" if start == 0 or self.text[start - 1] in " \n[{" else " "
        return self.text[:start] + blank + written + self.text[end:]
