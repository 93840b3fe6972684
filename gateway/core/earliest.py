"""What is kept of an answer that is cut is the earliest: a server that does not sort by start is asked for a
shorter time, until it can tell all of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import replace
from typing import Any, Final

from gateway.core.errors import Issue
from gateway.core.mapping import Mapping
from gateway.core.plan import Answer, Ask, Call, Outcome, paused
from gateway.core.window import Window

_HALVINGS: Final = 6  # of a window: of 62 days a day is left
_CUT: Final = "too-costly"  # the code of the issue that there are more pages than the limit
_UNSURE: Final = Issue(
    "incomplete",
    "Slot.start",
    "the EHR does not give slots by their start, and has more than are read for one search even of a shorter "
    "time: earlier ones than those of this answer may be open",
    "warning",
)


def earliest(
    span: Window,
    calls: Sequence[Call],
    outcomes: Sequence[Outcome],
    cut: Collection[int],
    of: Callable[[Window], Sequence[Call]],
    mapping: Mapping,
) -> Generator[Any, Any, Sequence[Outcome]]:
    """The outcomes of the calls; in place of those that are ``cut`` (by their places) and not the earliest,
    those of the same searches over a shorter window from its start. These stay incomplete, with what was said
    of the cut; where no window is short enough, that is said, too. ``of`` gives the same calls for another
    window.
    """
    found, asked = list(outcomes), list(calls)
    unsure: dict[int, Answer] = {}
    for place in cut:
        outcome = outcomes[place]
        if isinstance(outcome, Answer) and not (yield from paused(mapping.by_start(outcome))):
            unsure[place] = outcome
    left = list(unsure)
    for _ in range(_HALVINGS):
        if not left:
            break
        span = replace(span, end=span.start + (span.end - span.start) / 2)
        shorter = of(span)
        again = [place for place in left if shorter[place] != asked[place]]
        brought: Sequence[Outcome] = (
            (yield Ask("earliest", tuple(shorter[place] for place in again))) if again else ()
        )
        for place, outcome in zip(again, brought, strict=True):
            asked[place] = shorter[place]
            if not isinstance(outcome, Answer):
                left.remove(place)  # what there was is better than nothing
                continue
            first = unsure[place]
            came, total = yield from paused(mapping.counted(outcome))
            at_most, _ = (yield from paused(mapping.counted(first))) if total > came else (0, 0)
            if is_cut(outcome) or total > came >= at_most:
                found[place] = outcome
                continue
            left.remove(place)
            del unsure[place]
            if total > came:
                found[place] = first  # it is no limit of the EHR that cuts: it counts more than it has
            else:
                found[place] = replace(outcome, complete=False, issues=(*first.issues, *outcome.issues))
    for place, first in unsure.items():
        last = found[place]
        if isinstance(last, Answer):
            told = dict.fromkeys((*first.issues, *last.issues, _UNSURE))
            found[place] = replace(last, complete=False, issues=tuple(told))
    return found


def is_cut(outcome: Outcome) -> bool:
    """Whether there are more pages than were read."""
    return isinstance(outcome, Answer) and any(issue.code == _CUT for issue in outcome.issues)
