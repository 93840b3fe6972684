"""What a live upstream answered to the calls of one flow, kept to be driven again without it."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import Any

from gateway.core.plan import Answer, Ask, Call, Failure, Outcome, Remember


class Kept:
    """The outcomes of a flow that was driven live, by call. A call that nothing came of in time is a
    Failure."""

    def __init__(self) -> None:
        self._outcomes: dict[Call, Outcome] = {}

    def __call__(self, call: Call) -> Outcome:
        """What came of that call."""
        return self._outcomes.get(call) or Failure(call, "deadline")

    @property
    def answered(self) -> bool:
        """Whether anything that was asked brought an answer, or nothing was asked at all."""
        outcomes = self._outcomes.values()
        return not outcomes or any(isinstance(each, Answer) for each in outcomes)

    def keeping(self, flow: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """The same steps; what comes of their calls is kept."""
        sent: Any = None
        while True:
            try:
                step = flow.send(sent)
            except StopIteration as ended:
                return ended.value
            sent = yield self._noted(step) if isinstance(step, Remember) else step
            if isinstance(step, Ask):
                self._keep(sent)

    def _keep(self, outcomes: Iterable[Outcome]) -> None:
        for each in outcomes:
            self._outcomes.setdefault(each.call, each)

    def _noted(self, step: Remember) -> Remember:
        def build(outcomes: tuple[Outcome, ...]) -> Any:
            self._keep(outcomes)
            return step.build(outcomes)

        return replace(step, build=build)
