"""What is kept of an answer that is cut is the earliest: a server that does not sort by start is asked for a
shorter time, until it can tell all of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any, Final

from gateway.core.plan import Answer, Ask, Call, Outcome
from gateway.core.window import Window

_HALVINGS: Final = 6  # of a window: of 62 days a day is left
_CUT: Final = "too-costly"  # the code of the issue that there are more pages than the limit


def earliest(
    span: Window, calls: Sequence[Call], outcomes: Sequence[Outcome], of: Callable[[Window], Sequence[Call]]
) -> Generator[Any, Any, Sequence[Outcome]]:
    """The outcomes of the calls; in place of those that are cut, those of the same searches over a shorter
    window from its start. These stay incomplete, with what was said of the cut. ``of`` gives the same calls
    for another window.
    """
    found, asked = list(outcomes), list(calls)
    cut = {
        place: outcome
        for place, outcome in enumerate(outcomes)
        if isinstance(outcome, Answer) and _is_cut(outcome)
    }
    for _ in range(_HALVINGS):
        if not cut:
            break
        span = replace(span, end=span.start + (span.end - span.start) / 2)
        shorter = of(span)
        again = [place for place in cut if shorter[place] != asked[place]]
        brought: Sequence[Outcome] = (
            (yield Ask("earliest", tuple(shorter[place] for place in again))) if again else ()
        )
        for place, outcome in zip(again, brought, strict=True):
            asked[place] = shorter[place]
            if not isinstance(outcome, Answer):
                del cut[place]  # what there was is better than nothing
            elif _is_cut(outcome):
                found[place] = outcome
            else:
                told = cut.pop(place).issues
                found[place] = replace(outcome, complete=False, issues=(*told, *outcome.issues))
    return found


def _is_cut(answer: Answer) -> bool:
    return any(issue.code == _CUT for issue in answer.issues)
