"""One value through one row's codec, with what the row says about codes that no table has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from gateway.core.choosing import UNCHECKED
from gateway.core.directory import shown
from gateway.core.errors import Issue
from gateway.core.nearest import HINTS, Known
from gateway.tables.codecs.codec import Unmapped
from gateway.tables.compile.bind import BoundRow

_UNKNOWN: Final = "code-invalid"


def to_fhir(bound: BoundRow, value: Any, companions: Sequence[Any], path: str, issues: list[Issue]) -> Any:
    """The value for the FHIR side, or None with an Issue at ``path`` (in Redox's words)."""
    return _through(bound, bound.codec.to_fhir, value, companions, path, issues)


def to_redox(bound: BoundRow, value: Any, companions: Sequence[Any], path: str, issues: list[Issue]) -> Any:
    """The value for the Redox side, or None with an Issue at ``path`` (in FHIR's words)."""
    return _through(bound, bound.codec.to_redox, value, companions, path, issues)


def cell(bound: BoundRow, codec: Callable[..., Any], text: str) -> Any:
    """A cell of the directory through one of the row's two functions; None for one that is refused. Nothing
    is told: whoever asks has not written it."""
    try:
        return codec(text)
    except Unmapped:
        return text if bound.row.unmapped == "pass" else None
    except ValueError:
        return None


def _through(
    bound: BoundRow,
    codec: Callable[..., Any],
    value: Any,
    companions: Sequence[Any],
    path: str,
    issues: list[Issue],
) -> Any:
    try:
        return codec(value, *companions)
    except Unmapped as unmapped:
        rule = bound.row.unmapped
        if rule == "pass":
            return value
        if rule == "unchecked" and not unmapped.known and codec is bound.codec.to_fhir:
            issues.append(_unchecked(bound, path))
            return None
        issues.append(_unmapped(unmapped, bound, path, hint=len(issues) < HINTS))
        return None
    except ValueError as error:
        issues.append(Issue("value", path, str(error)))
        return None


def unknown(told: Sequence[Issue]) -> Issue | None:
    """What is said of a wish that no code table has, and that is a fault."""
    return next((each for each in told if each.code == _UNKNOWN and each.severity == "error"), None)


def dropped(told: Sequence[Issue]) -> bool:
    """Whether a wish that no code table has is one that its row drops."""
    return any(each.code == _UNKNOWN and each.severity == "warning" for each in told)


def others(told: Sequence[Issue], unknown: Issue | None) -> list[Issue]:
    """What else is said of a wish: of one that its row drops, that nobody looks at it."""
    found = (each for each in told if each is not unknown)
    return [replace(each, code=UNCHECKED) if each.code == _UNKNOWN else each for each in found]


def _unchecked(bound: BoundRow, path: str) -> Issue:
    text = f"the code table {bound.row.codec.arguments[0]} has no lines, so this wish is not checked"
    return Issue(UNCHECKED, path, text, "warning")


def _under(codesets: Sequence[str]) -> str:
    """Under which codesets the table has the code, if it has."""
    return "; there its codeset is " + " or ".join(f'"{each}"' for each in codesets) if codesets else ""


def _unmapped(unmapped: Unmapped, bound: BoundRow, path: str, *, hint: bool) -> Issue:
    text = f'"{shown(unmapped.code)}" has no line in the code table {bound.row.codec.arguments[0]}'
    if bound.row.unmapped == "drop":
        return Issue(_UNKNOWN, path, f"{text}; it was left out", "warning")
    text += _under(unmapped.codesets)
    if hint:
        near = Known.of(unmapped.known).nearest(unmapped.code, 0.5) or unmapped.known[:5]
        text += "; known: " + ", ".join(f'"{each}"' for each in near) if near else ""
    return Issue(_UNKNOWN, path, text)
