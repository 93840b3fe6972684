"""What a measured program is, and whether it gives the right answer as far as it does the job."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, get_args

from benchmarks import plain
from benchmarks.bundles import Case

Step = Literal["window", "doubles", "order", "UTC", "minutes", "ID", "blocks", "optional rows", "malformed"]
ALL_STEPS: tuple[Step, ...] = get_args(Step)


@dataclass(frozen=True, slots=True)
class Program:
    """``prepare(case)`` does what is done once per site and query; what it gives is called once per answer.

    ``skips`` names the steps of :mod:`benchmarks.plain` that it leaves out: ``malformed`` means that one
    malformed Slot spoils the whole Bundle, ``optional rows`` that a Slot's own id, reason and notes are
    lost. ``packages`` are the distributions it stands on.
    """

    name: str
    prepare: Callable[[Case], Callable[[], bytes]]
    packages: tuple[str, ...] = ()
    skips: tuple[Step, ...] = ()
    note: str = ""
    translates: bool = True
    base: str = ""  # what the column of ratios to this program is called, where it has one

    def versions(self) -> str | None:
        """``name 1.2, other 3.4`` of its distributions, or None when one of them is not installed."""
        try:
            return ", ".join(f"{package} {version(package)}" for package in self.packages)
        except PackageNotFoundError:
            return None


def fault(program: Program, case: Case) -> str | None:
    """Where the program's answer differs from the plain one in a step that it does; None: nowhere."""
    given = json.loads(program.prepare(case)())
    if not program.translates:
        whole = [json.loads(searched.bundle) for searched in case.schedules]
        return None if given in (whole, *whole) else "The Bundle did not come back as it was."
    wanted = plain.answer(
        case,
        window="window" not in program.skips,
        doubles="doubles" not in program.skips,
        order="order" not in program.skips,
    )
    for key, value in wanted["Meta"].items():
        if given["Meta"].get(key) != value:
            return f"Meta.{key} is not as it should be."
    ours, theirs = _compared(program, wanted), _compared(program, given)
    if len(ours) != len(theirs):
        return f"{len(theirs)} slots where {len(ours)} should be."
    for place, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        if our != their:
            return f"AvailableSlots[{place}] is not as it should be."
    return None


def _compared(program: Program, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The slots with what the program does not do taken off, in an order that can be compared."""
    dropped = {
        "Duration": "minutes" in program.skips,
        "ID": "ID" in program.skips,
        "Provider": "blocks" in program.skips,
        "Location": "blocks" in program.skips,
    }
    slots = [
        {key: value for key, value in slot.items() if not dropped.get(key)}
        for slot in answer["AvailableSlots"]
    ]
    if "UTC" in program.skips:
        slots = [
            {**slot, "DateTime": plain.utc_text(datetime.fromisoformat(slot["DateTime"]))} for slot in slots
        ]
    return sorted(slots, key=lambda slot: str(slot["DateTime"])) if "order" in program.skips else slots
