"""What became of every field of a Redox message: one outcome each, by the row that decides it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.core.choosing import UNCHECKED
from gateway.core.directory import NAMES
from gateway.core.errors import Issue
from gateway.explain.leaves import leaves
from gateway.explain.rows import Rows
from gateway.explain.told import Outcome, Wish, named
from gateway.tables.rows.model import Row

_UNKNOWN = "Redox's schema has no such field; it is passed over, and goes nowhere"
_BY_ID = "an ID stands beside it, and a name counts only where there is none"
_NO_WISHES = "this site ignores preferred days and times (preferences: ignore)"
_NOT_FREE = frozenset({"day", "time"})

Value = Mapping[str, Any]


def wishes(
    message: Value,
    rows: Rows,
    issues: Sequence[Issue],
    unknown: Iterable[str] = (),
    *,
    preferred: bool = True,
) -> tuple[Wish, ...]:
    """The outcome of each field of a message that has a value. ``issues`` are those of reading it and of
    choosing schedules; ``unknown`` the paths, without positions, of what the schema does not have;
    ``preferred``: the site looks at preferred days and times."""
    passed = tuple(unknown)
    told = _by_path(issues)
    ids = {path.rpartition(".")[0] for path, _ in leaves(message) if path.endswith("].ID")}
    return tuple(_wish(path, value, rows, told, passed, ids, preferred) for path, value in leaves(message))


def _by_path(issues: Iterable[Issue]) -> dict[str, Issue]:
    """The issue that decides about each path: an error before a warning."""
    found: dict[str, Issue] = {}
    for each in issues:
        if each.path and (each.path not in found or found[each.path].severity != "error"):
            found[each.path] = each
    return found


def _wish(
    path: str,
    value: Any,
    rows: Rows,
    told: Mapping[str, Issue],
    unknown: Sequence[str],
    ids: set[str],
    preferred: bool,
) -> Wish:
    name = named(path)
    if any(name == each or name.startswith(f"{each}.") for each in unknown):
        return Wish(path, value, "unknown", because=_UNKNOWN)
    ignoring = rows.ignoring(name)
    row = rows.of_redox(name, to_fhir=True)
    if ignoring is not None or row is None:
        told_row = rows.told(ignoring) if ignoring is not None else None
        issue = told.get(path) or told.get(path.rpartition("[")[0]) or told.get(name)
        if issue is not None and issue.code == UNCHECKED:
            return Wish(path, value, "unchecked", told_row, issue.text)
        if issue is not None and issue.severity == "error":
            return Wish(path, value, "refused", told_row, issue.text)
        return Wish(path, value, "ignored", told_row, ignoring.because or "" if ignoring is not None else "")
    issue = told.get(path) or _beside(row, path, told) or _of_missing_id(row, path, told, ids)
    outcome, because = _of_row(row, path, issue, ids, preferred)
    return Wish(path, value, outcome, rows.told(row), because)


def _beside(row: Row, path: str, told: Mapping[str, Issue]) -> Issue | None:
    """What is said of the field that the row reads this one beside."""
    if row.redox is None:
        return None
    return told.get(f"{path.rpartition('.')[0]}.{row.redox.steps[-1].name}".lstrip("."))


def _of_missing_id(row: Row, path: str, told: Mapping[str, Issue], ids: set[str]) -> Issue | None:
    """What is said of the ID that is not there, where a name stands in for it."""
    parent = path.rpartition(".")[0]
    return told.get(f"{parent}.ID") if row.select in NAMES and parent not in ids else None


def _of_row(row: Row, path: str, issue: Issue | None, ids: set[str], preferred: bool) -> tuple[Outcome, str]:
    if row.filter in _NOT_FREE and not preferred:
        return "ignored", _NO_WISHES
    if issue is not None and issue.code == UNCHECKED:
        return "unchecked", issue.text
    if issue is not None and issue.severity == "error":
        return "refused", issue.text
    if issue is not None and issue.code == "code-invalid" and row.unmapped == "drop":
        return "dropped", issue.text
    if issue is not None and issue.code in ("code-invalid", "not-found"):
        return "passed over", issue.text
    if row.select in NAMES and path.rpartition(".")[0] in ids:
        return "passed over", _BY_ID
    if row.param is not None:
        return "carried", ""
    return ("selects", "") if row.select is not None else ("filters", "")
