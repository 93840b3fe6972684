"""What schedules, and their actors, do not tell; each reason is told once, with the first schedules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from gateway.core.directory import shown
from gateway.core.errors import Issue
from gateway.tables.answer.pool import Item, Pool

_ACTOR: Final = "Schedule.actor"
_NAMED: Final = 5  # schedules named in one warning


class Untold:
    """Reasons, and of which schedules they are one."""

    def __init__(self) -> None:
        self._unusable: dict[tuple[str, str], list[str]] = {}
        self._actors: dict[tuple[str, str], list[str]] = {}
        self._many: dict[int, list[str]] = {}

    def unusable(self, schedule: str, kind: str, why: str, *, partly: bool = False) -> None:
        """A schedule, or whom it leads to (of this type), must not be used; ``partly``: there are others."""
        so = "its slots are told without it" if partly else "nobody is asked for it"
        named = self._unusable.setdefault((kind, f"{why}, so {so}"), [])
        if schedule not in named[-1:]:
            named.append(schedule)

    def too_many(self, schedule: str, most: int) -> None:
        """A schedule has more practitioners and places than are told."""
        self._many.setdefault(most, []).append(schedule)

    def actors(
        self, schedule: str, start: Item, actors: Sequence[Any], used: Collection[int], pool: Pool
    ) -> None:
        """The actors of a schedule, of which those in ``used`` lead to somebody or somewhere."""
        for position, actor in enumerate(actors):
            if position not in used:
                self._ended(_ACTOR, pool.why_not(actor, start), schedule)

    def ended(self, schedule: str, ended: Iterable[tuple[str, str]]) -> None:
        """Where else the ways from a schedule end at nothing that is known: the element, and why."""
        for path, why in ended:
            self._ended(path, why, schedule)

    def _ended(self, path: str, why: str, schedule: str) -> None:
        told = self._actors.setdefault((path, why), [])
        if schedule not in told[-1:]:
            told.append(schedule)

    @property
    def issues(self) -> list[Issue]:
        """A warning for each reason for which nobody is asked, and a note for each of which less is told."""
        found = [
            Issue("business-rule", kind, f"{_of(kind, who)} {why}", "warning")
            for (kind, why), who in self._unusable.items()
        ]
        found += [
            Issue("incomplete", path, f"{_what(path, who)} {why}", "information")
            for (path, why), who in self._actors.items()
        ]
        found += [
            Issue("too-costly", "Schedule.actor", f"{_list(who)}: only {most} of its lines are told", "error")
            for most, who in self._many.items()
        ]
        return found


def _what(path: str, schedules: Sequence[str]) -> str:
    actor = f"an actor of {_list(schedules)}"
    return actor if path == _ACTOR else f"what {actor} refers to"


def _of(kind: str, schedules: Sequence[str]) -> str:
    return f"the {kind} of {_list(schedules)}" if kind != "Schedule" else _list(schedules)


def _list(schedules: Sequence[str]) -> str:
    named = ", ".join(f'"{shown(each)}"' for each in schedules[:_NAMED])
    return f"{named} and {len(schedules) - _NAMED} more" if len(schedules) > _NAMED else named
