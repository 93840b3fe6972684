"""What is kept of an answer that is cut is the earliest: a server that does not sort by start is asked for a
shorter time, until it can tell all of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any, Final

from gateway.core.errors import Issue
from gateway.core.plan import Answer, Ask, Call, Outcome, paused
from gateway.core.values import Pieces
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
    of: Callable[[Window], Sequence[Call]],
    by_start: Callable[[Answer], Pieces[bool]],
) -> Generator[Any, Any, Sequence[Outcome]]:
    """The outcomes of the calls; in place of those that are cut and not the earliest, those of the same
    searches over a shorter window from its start. These stay incomplete, with what was said of the cut; where
    no window is short enough, that is said, too. ``of`` gives the same calls for another window; ``by_start``
    tells whether an answer's slots came in the order of their start.
    """
    found, asked = list(outcomes), list(calls)
    cut: dict[int, Answer] = {}
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, Answer) and _is_cut(outcome) and not (yield from paused(by_start(outcome))):
            cut[place] = outcome
    open_still = dict(cut)
    for _ in range(_HALVINGS):
        if not open_still:
            break
        span = replace(span, end=span.start + (span.end - span.start) / 2)
        shorter = of(span)
        again = [place for place in open_still if shorter[place] != asked[place]]
        brought: Sequence[Outcome] = (
            (yield Ask("earliest", tuple(shorter[place] for place in again))) if again else ()
        )
        for place, outcome in zip(again, brought, strict=True):
            asked[place] = shorter[place]
            if not isinstance(outcome, Answer):
                del open_still[place]  # what there was is better than nothing
            elif _is_cut(outcome):
                found[place] = outcome
            else:
                del open_still[place]
                told = cut.pop(place).issues
                found[place] = replace(outcome, complete=False, issues=(*told, *outcome.issues))
    for place in cut:
        last = found[place]
        if isinstance(last, Answer):
            found[place] = replace(last, complete=False, issues=(*last.issues, _UNSURE))
    return found


def _is_cut(answer: Answer) -> bool:
    return any(issue.code == _CUT for issue in answer.issues)
