"""How a Slot finds its line of the directory: ``slots`` of ``dialect.yaml``.

For EHRs whose schedules no directory can list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.files.marked import Fault, MarkedMap, find
from gateway.tables.read.joins import reference_path
from gateway.tables.rows.paths import Path, PathError, parse


@dataclass(frozen=True, slots=True)
class SlotWay:
    """What a slot tells of its line: ``column`` of the directory is that of ``value``, a text of the slot, or
    the id of a resource of type ``kind``.

    ``steps`` lead to that: elements that are references, the first of Slot, each further one of the resource
    that the one before refers to, which the EHR includes in its answer.
    """

    column: str
    steps: tuple[Path, ...] = ()
    kind: str = ""
    value: Path | None = None


def slot_ways(settings: Sequence[Mapping[str, Any]]) -> tuple[SlotWay, ...]:
    """What can be read of these ways; :func:`check_slots` tells the rest."""
    found = []
    for each in settings:
        try:
            found.append(_way(each))
        except PathError:
            continue
    return tuple(found)


def _way(given: Mapping[str, Any]) -> SlotWay:
    value = parse(given["value"]) if "value" in given else None
    steps = tuple(map(reference_path, _steps(given)))
    return SlotWay(given["column"], steps, given.get("of", ""), value)


def _steps(given: Mapping[str, Any]) -> Sequence[str]:
    steps = given.get("reference", ())
    return (steps,) if isinstance(steps, str) else steps


def check_slots(node: MarkedMap, settings: Sequence[Mapping[str, Any]], faults: list[Fault]) -> None:
    """Adds every fault of the form of these ways, which stand in this file."""
    for number, given in enumerate(settings):
        faults.extend(_faults(node, given, ["dialect", "slots", number]))


def _faults(node: MarkedMap, given: Mapping[str, Any], at: list[str | int]) -> Iterator[Fault]:
    if ("reference" in given) == ("value" in given):
        yield find(node, at).fault('a way needs either "reference" or "value"')
    elif ("reference" in given) != ("of" in given):
        yield find(node, at).fault(
            '"of" says which type of resource a "reference" leads to; give both or neither'
        )
    for name in ("reference", "value"):
        texts = _steps(given) if name == "reference" else [given[name]] if name in given else []
        for number, text in enumerate(texts):
            try:
                parse(text)
            except PathError as error:
                place = [*at, name, number] if isinstance(given[name], list) else [*at, name]
                yield find(node, place).fault(f'"{text}" is not a path: {error}')
