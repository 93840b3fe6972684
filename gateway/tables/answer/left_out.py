"""What of an EHR's slots is left out, and why: numbers for the log, and one Issue for each reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.core.errors import Issue, Severity
from gateway.tables.answer.explain import Explain, explain_slot

_EXPLAINED: Final = 20  # a page full of broken slots is told by its first ones and a number

# What is said of slots that are left out, by what they are counted under.
_REASONS: Final[Mapping[str, tuple[str, str, str, Severity]]] = {
    "ambiguous": ("multiple-matches", "Slot", "that may be of several schedules asked for", "error"),
    "untold": ("not-found", "Slot.schedule", "that do not tell of which Schedule they are", "error"),
    "unusable": (
        "business-rule",
        "Schedule",
        "of Schedules that are not to be used, or not then,",
        "warning",
    ),
    "mistaken": ("business-rule", "Slot.status", "that were entered in error", "warning"),
    "modified": (
        "extension",
        "Slot.modifierExtension",
        "with a modifier extension that is not known here",
        "error",
    ),
    "unlike": ("business-rule", "Slot", "of another kind than was asked for", "warning"),
    "unplanned": (
        "business-rule",
        "Schedule.planningHorizon",
        "outside of what their Schedule is planned for",
        "warning",
    ),
}

_WHOLE: Final = frozenset({"received"})


class LeftOut:
    """Those of one query. ``only_strays``: a page had none but of schedules that were not asked for."""

    def __init__(self, explain: Explain) -> None:
        self._explain = explain
        self._malformed: list[Issue] = []
        self._ignored: dict[str, bool] = {}  # parameters that were not used, and whether slots depend on it
        self.counts: dict[str, int] = {}
        self.only_strays = False

    def count(self, name: str, number: int) -> None:
        """So many more of a kind."""
        self.counts[name] = self.counts.get(name, 0) + number

    @property
    def unread(self) -> int:
        """How many could not be read, or are nobody knows whose."""
        count = self.counts.get
        return count("malformed", 0) + count("modified", 0) + count("untold", 0)

    def malformed(self, value: Any) -> None:
        """One that cannot be read, typed or as a JSON value; one that must not be used tells nothing more."""
        if isinstance(value, dict) and value.get("resourceType") == "Slot" and value.get("modifierExtension"):
            self.count("modified", 1)
            return
        self.count("malformed", 1)
        if self.counts["malformed"] <= _EXPLAINED:
            self._malformed.append(explain_slot(msgspec.to_builtins(value), self._explain))

    def not_used(self, name: str, *, depends: bool) -> None:
        """A parameter that the EHR says it did not use; ``depends``: some slot does not show what it is."""
        self._ignored[name] = self._ignored.get(name, False) or depends

    @property
    def issues(self) -> Iterable[Issue]:
        """What was left out, and why. Of most queries it is nothing, which costs nothing to say."""
        whole = self.counts.keys() <= _WHOLE and not self._ignored
        return () if whole else self._told()

    def _told(self) -> Iterator[Issue]:
        yield from dict.fromkeys(self._malformed)
        if stray := self.counts.get("stray"):
            text = f"{stray} slots of schedules that were not asked for were left out"
            # A page of nothing else: the EHR answered another question, so ours is still open.
            yield Issue("business-rule", "Slot.schedule", text, "error" if self.only_strays else "warning")
        for name, depends in self._ignored.items():
            text = "the EHR says that it did not use this parameter"
            text += "; what it was to leave out may be among the slots" if depends else ""
            yield Issue("not-supported", name, text, "error" if depends else "warning")
        for name, (code, path, text, severity) in _REASONS.items():
            if number := self.counts.get(name):
                yield Issue(code, path, f"{number} slots {text} were left out", severity)
