"""How many values a JSON text holds and how long its texts are, found out before anything is made of it.

A decoder makes an object of each value and holds the interpreter while it does: ten megabytes of
``[{},{},...]`` are seconds in which nobody else is answered. So they are counted first, at the speed of a
search through bytes, and in pieces. Pure.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec

S = TypeVar("S")
T = TypeVar("T")
# Work that is given up now and then, so that who drives it can look after others; it waits for nothing.
Pieces = Generator[None, None, T]

AT_ONCE_BYTES = 1024 * 1024
"""What can be decoded in one go, and its outside looked at whatever is in it."""

BOM = b"\xef\xbb\xbf"
"""A byte order mark, which may stand before a JSON text and means nothing there (RFC 8259, section 8.1)."""

MOST_ANSWERED = 750_000
"""Values in one page or answer of an upstream: ten megabytes of slots have half as many."""

_PART_BYTES, _PART_TEXTS = 256 * 1024, 1_000
_SORTED_AT_ONCE, _MERGED_AT_ONCE = 20_000, 5_000  # a few milliseconds
_SEPARATORS = b",[{"
_PIECE = 1 << 20  # bytes looked through at once, a millisecond
_EXACT_PIECE = 1 << 16  # the same, where texts have to be told from what stands around them


def at_once(work: Pieces[T]) -> T:
    """What the work comes to, done in one go."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: T = end.value
            return found


def giving(step: S, work: Pieces[T]) -> Generator[S, None, T]:
    """The work, which gives ``step`` wherever it may be given up."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: T = end.value
            return found
        yield step


def ordered(items: Iterable[T], key: Callable[[T], Any] | None = None) -> Pieces[list[T]]:
    """The items in order, as of ``sorted``. Many are sorted in parts, which are then merged."""
    every: list[Any] = list(items)
    if len(every) <= _SORTED_AT_ONCE:
        every.sort(key=key)
        return every
    parts = []
    for start in range(0, len(every), _SORTED_AT_ONCE):
        yield
        parts.append(sorted(every[start : start + _SORTED_AT_ONCE], key=key))
    merged = heapq.merge(*parts, key=key)
    found: list[T] = []
    while more := list(islice(merged, _MERGED_AT_ONCE)):
        yield
        found += more
    return found


def by_key(items: Mapping[str, T]) -> Pieces[list[T]]:
    """The values by their keys. Most come in that order already."""
    keys = list(items)
    sorted_ = sorted(keys) if len(keys) <= _SORTED_AT_ONCE else (yield from ordered(keys))
    return list(items.values()) if sorted_ == keys else [items[key] for key in sorted_]


def parts(texts: Sequence[msgspec.Raw]) -> Iterator[Sequence[msgspec.Raw]]:
    """The JSON texts by as many as are decoded in one go; nothing for none."""
    first = size = 0
    for position, text in enumerate(texts):
        length = len(memoryview(text))
        if position > first and (size + length > _PART_BYTES or position - first >= _PART_TEXTS):
            yield texts[first:position]
            first, size = position, 0
        size += length
    if texts:
        yield texts[first:]


def values(text: bytes, most: int) -> Pieces[int]:
    """How many values the JSON text holds at most, or any number above ``most`` if there are more than that.

    Every value but the first follows a comma or an opening bracket. Those in texts count only where it
    matters: a long letter full of commas is one value. Of what is no JSON the number means nothing, but comes
    as fast.
    """
    found = 1
    for start in range(0, len(text), _PIECE):
        if start:
            yield
        found += _separators(text[start : start + _PIECE])
    if found <= most:
        return found
    return (yield from _outside_of_texts(text, most))


def _separators(piece: bytes) -> int:
    return len(piece) - len(piece.translate(None, _SEPARATORS))


def has_longer(text: bytes, most: int) -> Pieces[bool]:
    """Whether a text, a name or a number in the JSON text is surely longer than ``most`` bytes: some that are
    up to two pieces (of a megabyte) longer than that still pass."""
    run = 0
    for start in range(0, len(text) if len(text) > most else 0, _PIECE):
        if start:
            yield
        # What stands behind a backslash begins no text, whether it is a quote or (behind two) ends one.
        piece = text[start + (text[start - 1 : start] == b"\\") : start + _PIECE]
        whole = b'"' not in piece or b'"' not in piece.replace(b"\\\\", b"").replace(b'\\"', b"")
        run = run + len(piece) if whole and not piece.isspace() else 0
        if run > most:
            return True
    return False


def _outside_of_texts(text: bytes, most: int) -> Pieces[int]:
    found, quotes = 1, 0
    inside = escaped = False
    for start in range(0, len(text), _EXACT_PIECE):
        yield
        piece = text[start : start + _EXACT_PIECE]
        if escaped:
            piece = piece[1:]
        # Of a run of backslashes each two are one escape, so what is left before a quote escapes it.
        piece = piece.replace(b"\\\\", b"")
        escaped = piece.endswith(b"\\")
        parts = piece.replace(b'\\"', b"").split(b'"')
        found += _separators(b"".join(parts[inside::2]))
        quotes += len(parts) - 1
        inside ^= len(parts) % 2 == 0
        # A value and its name are two texts, so whatever has more quotes than that is no JSON.
        if found > most or quotes > 4 * most + 4:
            return most + 1
    return found
