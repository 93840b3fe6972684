"""How much of each kind a Redox message may hold: far more than any sender means, and no more than is cheap.

Each list that is read multiplies work: every provider is looked up, every length is a search of its own,
every preference is laid out over the week.
"""

from __future__ import annotations

from gateway.tables.compile.structs import Bounds

PRIVATE = "Patient"

# Where no other number stands here. Nothing of a patient is read, so that a long history costs little.
_ITEMS, _PATIENT_ITEMS = 100, 1_000
_ITEMS_OF = {
    "Visit.VisitPreference": 50,
    "Visit.VisitPreference.Day": 14,
    "Visit.VisitPreference.Time": 48,
}
_CHARACTERS = 1_000
_CHARACTERS_OF = {"Visit.Reasons": 20_000}


def most_items(path: str) -> int:
    """The items that the list at a dotted path may have."""
    usual = _PATIENT_ITEMS if _private(path) else _ITEMS
    return _ITEMS_OF.get(path, usual)


def most_characters(path: str) -> int | None:
    """The characters that the text at a dotted path may have; None: any number."""
    return None if _private(path) else _CHARACTERS_OF.get(path, _CHARACTERS)


def _private(path: str) -> bool:
    return path.partition(".")[0] == PRIVATE


BOUNDS = Bounds(most_items, most_characters)
