"""How Schedules call their actors (``Schedule.actor.display``): all there is of one that is not listed."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from gateway.core.directory import Cells
from gateway.core.plan import Answer, Outcome, Remember

# As the directory table reads a Practitioner whose name is not in parts.
_COLUMNS = {"Practitioner": "last_name", "PractitionerRole": "last_name", "Location": "facility"}
_LONGEST = 200


def noting(steps: Generator[Any, Any, Any], names: dict[str, Cells]) -> Generator[Any, Any, Any]:
    """The same steps, with the names put into ``names``, by schedule, as the answers come."""
    sent: Any = None
    while True:
        try:
            step = steps.send(sent)
        except StopIteration as ended:
            return ended.value
        sent = yield _noted(step, names) if isinstance(step, Remember) else step


def with_names(lines: Sequence[Cells], known: Sequence[Cells], names: Mapping[str, Cells]) -> list[Cells]:
    """The lines, with what only the names tell: of each schedule what none of its lines in ``known`` has."""
    there = {(line["schedule"], column) for line in known for column, cell in line.items() if cell}

    def lacking(schedule: str) -> Cells:
        told = names.get(schedule, {})
        return {column: name for column, name in told.items() if (schedule, column) not in there}

    return [{**line, **lacking(line["schedule"])} for line in lines]


def _noted(step: Remember, names: dict[str, Cells]) -> Remember:
    def build(outcomes: tuple[Outcome, ...]) -> Any:
        for each in outcomes:
            if isinstance(each, Answer) and each.call.target == "Schedule":
                names.update(found for page in each.pages for found in _names(page))
        return step.build(outcomes)

    return replace(step, build=build)


def _names(page: bytes) -> Iterator[tuple[str, Cells]]:
    try:
        bundle = msgspec.json.decode(page)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return  # who reads the directory has said so
    for entry in _objects(_get(bundle, "entry")):
        schedule = _get(entry, "resource")
        name = _get(schedule, "id")
        if isinstance(name, str) and (cells := _cells(schedule)):
            yield name, cells


def _cells(schedule: Any) -> Cells:
    """The first actor of each kind counts."""
    cells: dict[str, str] = {}
    for actor in _objects(_get(schedule, "actor")):
        reference, display = _get(actor, "reference"), _get(actor, "display")
        if not isinstance(display, str) or not (text := " ".join(display.split())[:_LONGEST]):
            continue
        told = _get(actor, "type")
        kind = reference.split("/")[-2] if isinstance(reference, str) and "/" in reference else told
        column = _COLUMNS.get(kind) if isinstance(kind, str) else None
        if column is not None:
            cells.setdefault(column, text)
    return cells


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
