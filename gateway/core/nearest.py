"""The known values that look like an unknown one, for the text of a fault. Pure.

Comparing is slow, and both sides of it come from outside: so a long value is like no other, and of many known
ones only those that begin alike are compared.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

HINTS = 3  # faults of one message for which the nearest are looked for
_LONGEST = 64
_COMPARED = 200


def folded(text: str) -> str:
    """Text as it is compared: without case, with single spaces."""
    return " ".join(text.split()).casefold()


@dataclass(frozen=True, slots=True)
class Known:
    """Values as they are spelt, each once and sorted."""

    values: tuple[str, ...]
    _named: dict[str, str] = field(default_factory=dict)
    _ordered: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, values: Iterable[str]) -> Known:
        """The values, made ready for comparing."""
        found = tuple(sorted(set(values)))
        named = {folded(value): value for value in found}
        return cls(found, named, sorted(named))

    def __contains__(self, text: str) -> bool:
        return folded(text) in self._named

    def nearest(self, text: str, cutoff: float = 0.6) -> list[str]:
        """Up to three values, the likest first."""
        if len(text) > _LONGEST:
            return []
        asked, among = folded(text), self._ordered
        if len(among) > _COMPARED:
            at = bisect_left(among, asked)
            start = max(0, min(at - _COMPARED // 2, len(among) - _COMPARED))
            among = among[start : start + _COMPARED]
        close = difflib.get_close_matches(asked, among, n=3, cutoff=cutoff)
        return [self._named[each] for each in close]
