"""The plain reference: a table walked row by row over JSON values, saying what each row did.

Slow and obviously right. The compiled functions must agree with it on every input; it also explains
the slots that they refuse, and shows an analyst which row filled which field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core import window
from gateway.core.affordable import zone_of
from gateway.core.directory import Cells
from gateway.core.errors import Issue
from gateway.core.fhir import writable
from gateway.tables.compile.bind import DIRECTORY, BoundRow, is_whole
from gateway.tables.rows import paths
from gateway.tables.rows.model import Table
from gateway.tables.rows.paths import Path

TIME, LENGTH = "DateTime", "Duration"
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What one row did: the value it read, and the value it wrote (None: it left the field out)."""

    row: str
    read: Any
    wrote: Any


@dataclass(frozen=True, slots=True)
class Traced:
    """``result`` is None when the slot is refused; ``issues`` say why, at paths of the side it came from."""

    result: dict[str, Any] | None
    issues: tuple[Issue, ...]
    steps: tuple[Step, ...]


def to_redox(table: Table, rows: tuple[BoundRow, ...], resource: Mapping[str, Any], cells: Cells) -> Traced:
    """One FHIR resource and its line of the directory to Redox, by the rows of an answer table."""
    written: dict[str, Any] = {}
    values: dict[str, Any] = {}
    issues: list[Issue] = []
    steps: list[Step] = []
    refused: set[str] = set()
    if resource.get("modifierExtension"):
        issues.append(Issue("extension", "Slot.modifierExtension", "is not known here"))
    for bound in rows:
        row = bound.row
        if not row.to_redox or (row.redox is None and not bound.fhir):
            continue
        value = _read(bound, resource, cells)
        if row.required and value is None:
            issues.append(Issue("required", str(row.fhir[0]) if row.fhir else row.key, "is missing"))
            refused.add(row.key)
            continue
        if not _fits(bound, value):
            issues.append(Issue("structure", str(row.fhir[0]), "is not of the type that FHIR says"))
            refused.add(row.key)
            continue
        if row.redox is None or bound.redox is None:
            if row.value is not None and bound.codes and value not in bound.codes:
                issues.append(Issue("code-invalid", str(row.fhir[0]), "is none of FHIR's codes"))
            elif row.value is not None and value != row.value:
                issues.append(Issue("value", str(row.fhir[0]), f'is not "{row.value}"'))
            continue
        if value is None and not bound.codec.absent:
            steps.append(Step(row.key, None, None))
            continue
        if not refused.isdisjoint(row.with_):
            refused.add(row.key)  # nothing can be said of it without its companion
            continue
        companions = [_companion(each, values, cells) for each in row.with_]
        try:
            result = bound.to_redox(value, *companions)
            if bound.typed:
                result = writable(result)
        except ValueError as error:
            issues.append(Issue("value", str(row.fhir[0]) if row.fhir else row.key, str(error)))
            refused.add(row.key)
            continue
        if row.required and result is None:
            issues.append(Issue("required", str(row.fhir[0]) if row.fhir else row.key, "is missing"))
            refused.add(row.key)
            continue
        values[row.key] = result
        steps.append(Step(row.key, value, result))
        if result is None:
            continue
        paths.write(row.redox, written, result, bound.redox.lists)
    return Traced(None if issues else written, tuple(issues), tuple(steps))


def _read(bound: BoundRow, resource: Mapping[str, Any], cells: Cells) -> Any:
    row = bound.row
    if bound.fhir:
        for path, _ in bound.fhir:
            found = paths.read(path, resource)
            if found and found[0] != "":
                return found[0]
        return None
    if row.value is not None:
        return row.value
    return cells.get(row.directory or "") or None


def _fits(bound: BoundRow, value: Any) -> bool:
    """Whether a value of the FHIR side is of its JSON type; codecs expect no other."""
    kinds = {found.kind for _, found in bound.fhir}
    return value is None or not kinds or any(isinstance(value, _KINDS.get(kind, object)) for kind in kinds)


def _companion(name: str, values: Mapping[str, Any], cells: Cells) -> Any:
    if name.startswith(DIRECTORY):
        return cells.get(name.removeprefix(DIRECTORY))
    return values.get(name)


def to_fhir(table: Table, rows: tuple[BoundRow, ...], redox_slot: Mapping[str, Any], cells: Cells) -> Traced:
    """One open time of Redox's and its line of the directory to a FHIR resource, by the same rows.

    Provider and Location of the slot are not looked at: they have been good for finding the line.
    """
    written: dict[str, Any] = {"resourceType": table.fhir[0]}
    values: dict[str, Any] = {}
    issues: list[Issue] = []
    steps: list[Step] = []
    refused: set[str] = set()
    constants = []
    own = next(bound.codec.zone for bound in rows if bound.codec.zone is not None)
    zone = window.zone_named(zone_of(cells), own)
    for bound in rows:
        row = bound.row
        if not row.to_fhir or not bound.fhir:
            continue
        if row.value is not None:
            constants.append(bound)
            continue
        path = str(row.redox or row.key)
        value, wrong = _told(bound, redox_slot, cells)
        if wrong is None and row.required and value is None:
            wrong = Issue("required", path, "is missing")
        made = row.redox is None and row.directory is None  # of its companions alone
        if wrong is None and value is None and not made:
            steps.append(Step(row.key, None, None))
            continue
        if wrong is not None or not refused.isdisjoint(row.with_):
            issues += [wrong] if wrong is not None else []
            refused.add(row.key)
            continue
        try:
            value = _normal(bound, value)
            result = writable(
                bound.at(zone).to_fhir(value, *(_companion(each, values, cells) for each in row.with_))
            )
        except ValueError as error:
            issues.append(Issue("value", path, str(error)))
            refused.add(row.key)
            continue
        if row.required and result is None:
            issues.append(Issue("required", path, "is missing"))
            continue
        values[row.key] = value
        steps.append(Step(row.key, value, result))
        if result is not None:
            paths.write(bound.fhir[0][0], written, result, bound.fhir[0][1].lists)
    for bound in constants:
        _constant(bound, written)
    return Traced(None if issues else written, tuple(issues), tuple(steps))


def _told(bound: BoundRow, slot: Mapping[str, Any], cells: Cells) -> tuple[Any, Issue | None]:
    """What a row reads on its way to FHIR, and what is wrong with it."""
    row = bound.row
    if row.redox is None or bound.redox is None:
        return (cells.get(row.directory) or None) if row.directory is not None else None, None
    kind = _KINDS.get(bound.redox.kind, object)
    last = row.redox.steps[-1]
    parents = paths.read(Path(row.redox.steps[:-1], ""), slot)
    raw = [item.get(last.name) for item in parents if isinstance(item, dict)]
    told = [item for item in raw if item is not None]
    found = paths.read(row.redox, slot)
    fits = all(isinstance(item, list) == bound.redox.lists[-1] for item in told)
    if not fits or not all(_is(each, kind) for each in found):
        return None, Issue("structure", str(row.redox), "is not of the type that Redox says")
    value = found if is_whole(bound) else next(iter(found), None)
    return (None if value in ("", []) else value), None


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not (
        isinstance(value, bool) and kind is not bool and kind is not object
    )


def _normal(bound: BoundRow, value: Any) -> Any:
    """A date-time of Redox's in any of its spellings as UTC text; a number of minutes as a whole one."""
    if bound.row.key == TIME and bound.codec.zone is not None:
        return window.to_utc_text(window.parse_instant(value, bound.codec.zone))
    if bound.row.key == LENGTH:
        if int(value) != value:
            raise ValueError("a slot must last a number of whole minutes")
        return int(value)
    return value


def _constant(bound: BoundRow, written: dict[str, Any]) -> None:
    """Writes a constant where the object that it belongs to is there."""
    path, found = bound.fhir[0]
    parent = Path(path.steps[:-1], "")
    if not parent.steps or paths.read(parent, written):
        paths.write(path, written, bound.row.value, found.lists)
