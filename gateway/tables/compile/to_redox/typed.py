"""What somebody has typed of a slot, as Redox is told it: converted, cleaned and encoded once.

Clinics type the same few reasons and notes for all their slots. How many are kept is bounded, and so is how
long they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from gateway.core.fhir import writable

MOST: Final = 1024
LONGEST: Final = 256  # characters


class Typed(dict[str, tuple[Any, str | None]]):
    """By the text: what a codec makes of it, without control characters and blanks at its ends, and the JSON
    text of that; None for both where nothing is left. What is not here yet is learnt when it is asked for."""

    def __init__(self, convert: Callable[[str], Any]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str) -> tuple[Any, str | None]:
        value = writable(self._convert(text))
        found = (value, None if value is None else msgspec.json.encode(value).decode())
        if len(self) < MOST and len(text) <= LONGEST:
            self[text] = found
        return found
