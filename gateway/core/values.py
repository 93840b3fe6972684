"""How many values a JSON text holds and how long its texts are, found out before anything is made of it.

A decoder makes an object of each value and holds the interpreter while it does: ten megabytes of
``[{},{},...]`` are seconds in which nobody else is answered. So they are counted first, at the speed of a
search through bytes, and in pieces. Pure.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
# Work that is given up now and then, so that who drives it can look after others; it waits for nothing.
Pieces = Generator[None, None, T]

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
