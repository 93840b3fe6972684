"""Redox date-times, in any of their spellings, to UTC text: quickly for the usual ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.core import window
from gateway.tables.codecs.instants import InstantTexts
from gateway.tables.compile.bind import BoundRow

_KEPT = 20_000


def redox_instants(rows: Iterable[BoundRow]) -> Callable[[str], str]:
    """A function from what Redox writes (``Z``, ``-0400``, a space for the T, a bare date) to
    ``2023-09-21T15:45:00.000Z``. ValueError for what is no date-time."""
    zone = next(bound.codec.zone for bound in rows if bound.codec.zone is not None)
    texts = InstantTexts()
    known: dict[str, str] = {}

    def to_utc(text: str) -> str:
        found = known.get(text)
        if found is not None:
            return found
        try:
            return texts.to_utc(text)
        except ValueError:
            found = window.to_utc_text(window.parse_instant(text, zone))
        if len(known) >= _KEPT:
            known.clear()
        known[text] = found
        return found

    return to_utc
