"""The fields in Redox's answers that its schema does not have: Redox adds some within months. For the log."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from functools import cache
from typing import Any, Final

from gateway.core.flows import RESPONSE
from gateway.core.plan import Answer, Ask, Outcome
from gateway.core.redox_flows import EVENT
from gateway.tables.answer.messages import unknown_fields
from gateway.tables.build import schemas

Unknown = Mapping[str, tuple[str, ...]]
"""Their names, by the path of what they stand in."""

_LIST: Final = "AvailableSlots"


def noting(flow: Generator[Any, Any, Any], note: Callable[[Unknown], None]) -> Generator[Any, Any, Any]:
    """The flow, of whose answers of Redox ``note`` is told what in them is not known."""
    sent: Any = None
    while True:
        try:
            step = flow.send(sent)
        except StopIteration as end:
            return end.value
        sent = yield step
        if isinstance(step, Ask) and (found := unknown(sent)):
            note(found)


def unknown(outcomes: Iterable[Outcome]) -> Unknown:
    """What is not known in the answers of Redox among these."""
    found: dict[str, tuple[str, ...]] = {}
    for outcome in outcomes:
        if isinstance(outcome, Answer) and outcome.call.target == EVENT:
            for path, names in _reader()(outcome.pages[0]).items():
                found[path] = tuple(dict.fromkeys((*found.get(path, ()), *names)))
    return found


@cache
def _reader() -> Callable[[bytes], Unknown]:
    return unknown_fields(schemas()[RESPONSE], RESPONSE, _LIST)
