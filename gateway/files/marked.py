"""YAML text read into values that know where they stand.

Only a part of YAML is read, the part that a person means: maps with text keys, lists, and text.
Every scalar stays the text that was typed (``1000``, ``no``, ``2025-10-21``, ``null``); only a value
left out altogether (``key:``) is *empty*. Anchors, aliases, tags, merge keys, repeated keys, tabs
and a second document are faults, since each of them makes a file mean something else than it seems to.

Pure: text in, values and faults out. Lines and columns count from 1, columns in characters. No fault quotes
the file: where YAML goes wrong, any text of it may be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from gateway.files.characters import HIDDEN, named, plain_line
from gateway.files.yaml_syntax import told

MAX_DEPTH = 40
_RETURN = re.compile("\r")  # a line break to some, and not to others

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_ALIAS = 'an alias ("*"); write the value out in full, or quote a text that begins so'
_ANCHOR = 'an anchor ("&"); write each value out in full, or quote a text that begins so'
_TAG = 'a tag ("!"); remove it (every value is read as text), or quote a text that begins so'


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file: line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{plain_line(self.file)}:{self.line}:{self.column}"

    def fault(self, text: str) -> Fault:
        """A fault at this place; a hint that turned out empty leaves no semicolon behind."""
        return Fault(self.file, self.line, self.column, text.removesuffix("; "))


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong at one place of a file, and what to write instead."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        # One line a fault, whatever was quoted out of the file.
        return f"{plain_line(self.file)}:{self.line}:{self.column}: {plain_line(self.text)}"


class Faults(Exception):
    """All faults that were found in one go, in the order of files and lines, none twice."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(set(faults)))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A scalar as typed; ``quoted`` is false for a plain one."""

    mark: Mark
    text: str = field(repr=False)
    quoted: bool = False

    @property
    def empty(self) -> bool:
        """Whether no value was written at all; ``""`` and ``null`` are written."""
        return not self.text and not self.quoted


@dataclass(frozen=True, slots=True)
class MarkedList:
    """A list; its mark is that of its first item's dash or of its bracket."""

    mark: Mark
    items: tuple[Node, ...]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)


@dataclass(frozen=True, slots=True)
class MarkedMap:
    """A map in the order of the file; its mark is that of its first key or of its brace."""

    mark: Mark
    items: tuple[tuple[MarkedText, Node], ...]

    def get(self, key: str) -> Node | None:
        """The value under ``key``, or None."""
        return next((value for name, value in self.items if name.text == key), None)

    def key(self, key: str) -> MarkedText | None:
        """The key itself as written, for its mark, or None."""
        return next((name for name, _ in self.items if name.text == key), None)


Node = MarkedText | MarkedList | MarkedMap


def read(text: str | bytes, file: str) -> tuple[MarkedMap | None, list[Fault]]:
    """Read one file whose top is a map; ``file`` is how the marks name it.

    Gives the map, or None where the text has no shape to go on with, and every fault found. With a
    map *and* faults (a repeated key: the first counts; a tag; a tab) a caller can go on checking, so
    that all faults of a file are reported together. Raises nothing.
    """
    if isinstance(text, bytes):
        raw = text
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            place = _place(raw[: error.start].decode("utf-8"), file)
            return None, [place.fault("not UTF-8 text; save the file as UTF-8")]
    text = text.removeprefix("\ufeff")
    if (bad := HIDDEN.search(text)) is not None:
        wrong = f"a character that cannot be seen ({named(bad.group())}); remove it"
        return None, [_place(text[: bad.start()], file).fault(wrong)]
    tabs = [
        Fault(file, number, line.index("\t") + 1, r'a tab; write spaces (inside double quotes: "\t")')
        for number, line in enumerate(text.split("\n") if "\t" in text else (), 1)
        if "\t" in line
    ]
    root, faults = _Reader(file).read(text)
    tabbed = {fault.line for fault in tabs}
    return root, sorted([*tabs, *(fault for fault in faults if fault.line not in tabbed)])


def plain(node: Node) -> dict[str, Any] | list[Any] | str | None:
    """The bare value: a dict, a list, the text, or None for an empty scalar."""
    if isinstance(node, MarkedMap):
        return {key.text: plain(value) for key, value in node.items}
    if isinstance(node, MarkedList):
        return [plain(item) for item in node.items]
    return None if node.empty else node.text


def find(node: Node, path: Sequence[str | int], *, key: bool = False) -> Mark:
    """The mark of the value at ``path``, or of the nearest one above it that exists.

    ``key=True``: the mark of the last key of the path instead of its value's, where that is a key.
    """
    mark = node.mark
    for depth, step in enumerate(path, 1):
        if isinstance(node, MarkedMap):
            pair = next((pair for pair in node.items if pair[0].text == step), None)
            if pair is None:
                return mark
            node = pair[1]
            mark = pair[0].mark if key and depth == len(path) else node.mark
        elif isinstance(node, MarkedList) and isinstance(step, int) and 0 <= step < len(node.items):
            node = node.items[step]
            mark = node.mark
        else:
            return mark
    return mark


def nearest(word: str, known: Iterable[str], n: int = 3, cutoff: float = 0.6) -> list[str]:
    """At most ``n`` of ``known`` that look like ``word`` (alike from ``cutoff`` on, of 1), the likest first.

    Letter case does not count, nor whether words are joined by ``_``, ``-`` or a space.
    """
    folded: dict[str, list[str]] = {}
    for name in known:
        folded.setdefault(_fold(name), []).append(name)
    close = difflib.get_close_matches(_fold(word), folded, n=n, cutoff=cutoff)
    return [name for match in close for name in dict.fromkeys(folded[match])][:n]


def did_you_mean(word: str, known: Iterable[str], most: int = 12) -> str:
    """``did you mean "a" or "b"?``, or failing that ``write one of: …`` if there are at most ``most``,
    or nothing."""
    names = list(dict.fromkeys(known))
    if close := [f'"{name}"' for name in nearest(word, names)]:
        return f"did you mean {' or '.join(filter(None, [', '.join(close[:-1]), close[-1]]))}?"
    return f"write one of: {', '.join(names)}" if 0 < len(names) <= most else ""


def _fold(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")


def _place(before: str, file: str) -> Mark:
    return Mark(file, before.count("\n") + 1, len(before) - before.rfind("\n"))


@dataclass(slots=True)
class _Open:
    """A list or map that is being read."""

    mark: Mark
    is_map: bool
    items: list[Node]
    key: MarkedText | None = None
    pairs: dict[str, tuple[MarkedText, Node]] | None = None


class _Reader:
    """From the parser's events to nodes. A stack, not recursion: the depth of a file is not trusted."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.documents = 0
        self.shapeless = False

    def read(self, text: str) -> tuple[MarkedMap | None, list[Fault]]:
        try:
            for event in yaml.parse(text, Loader=_Loader):
                if not self._take(event):
                    break
        except yaml.YAMLError as error:
            self.faults.append(Fault(self.file, *told(error, text)))
            return None, self.faults
        except RecursionError:  # the pure-Python parser on a deep file
            self.faults.append(Fault(self.file, 1, 1, f"nested more than {MAX_DEPTH} deep"))
            return None, self.faults
        if self.root is None and not self.faults:
            self.faults.append(Fault(self.file, 1, 1, "the file is empty"))
        elif self.root is not None and not isinstance(self.root, MarkedMap):
            self.faults.append(self.root.mark.fault('the file must be a map; begin with "key: value"'))
        usable = isinstance(self.root, MarkedMap) and not self.shapeless
        return (self.root if usable else None), self.faults  # type: ignore[return-value]

    def _mark(self, event: Any) -> Mark:
        return Mark(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _take(self, event: Any) -> bool:
        """One event; False when it makes no sense to read on."""
        if isinstance(event, yaml.ScalarEvent):
            mark = self._mark(event)
            self._properties(event, mark)
            if (bad := HIDDEN.search(event.value) or _RETURN.search(event.value)) is not None:
                self.faults.append(
                    mark.fault(
                        f"an escape for a character that cannot be seen ({named(bad.group())}); remove it"
                    )
                )
                self.shapeless = True
            self._add(MarkedText(mark, event.value, bool(event.style)))
        elif isinstance(event, yaml.CollectionStartEvent):
            mark = self._mark(event)
            self._properties(event, mark)
            if len(self.stack) >= MAX_DEPTH:
                self._shapeless(mark, f"nested more than {MAX_DEPTH} deep")
                return False
            is_map = isinstance(event, yaml.MappingStartEvent)
            self.stack.append(_Open(mark, is_map, [], pairs={} if is_map else None))
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self.stack.pop()
            pairs = done.pairs
            self._add(
                MarkedList(done.mark, tuple(done.items))
                if pairs is None
                else MarkedMap(done.mark, tuple(pairs.values()))
            )
        elif isinstance(event, yaml.AliasEvent):
            mark = self._mark(event)
            self._shapeless(mark, _ALIAS)
            self._add(MarkedText(mark, ""))
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self.faults.append(
                    self._mark(event).fault('a second document ("---"); use one file for each')
                )
                return False
        return True

    def _shapeless(self, mark: Mark, text: str) -> None:
        self.shapeless = True
        self.faults.append(mark.fault(text))

    def _properties(self, event: Any, mark: Mark) -> None:
        if event.anchor is not None:
            self.faults.append(mark.fault(_ANCHOR))
        if event.tag is not None:
            self.faults.append(mark.fault(_TAG))

    def _add(self, node: Node) -> None:
        if not self.stack:
            self.root = node if self.root is None else self.root
            return
        top = self.stack[-1]
        if top.pairs is None:
            top.items.append(node)
        elif top.key is None:
            top.key = self._key(node)
        else:
            key, top.key = top.key, None
            if (first := top.pairs.setdefault(key.text, (key, node)))[0] is not key:
                text = f"this key is repeated; it stands already in line {first[0].mark.line}"
                self.faults.append(key.mark.fault(text))

    def _key(self, node: Node) -> MarkedText:
        if not isinstance(node, MarkedText):
            self._shapeless(node.mark, "a key must be text; quote a text that begins with a bracket or brace")
            return MarkedText(node.mark, "\0", True)
        if node.empty and not self.shapeless:
            self.faults.append(node.mark.fault("a key is missing before the colon"))
        if node.text == "<<" and not node.quoted:
            self.faults.append(node.mark.fault('a merge key ("<<"); write the keys out in full'))
        return node
