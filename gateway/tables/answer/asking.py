"""What the rows of the query table have found in a Redox query so far, beside what it says of schedules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.core.directory import Want, Wants
from gateway.core.errors import Issue
from gateway.core.mapping import Asked
from gateway.core.window import Preference
from gateway.tables.answer import convert
from gateway.tables.codecs.codec import Context
from gateway.tables.compile.bind import BoundRow
from gateway.tables.rows.model import ALL_CODES

_START, _END = "StartDateTime", "EndDateTime"


@dataclass(slots=True)
class Reading:
    """``texts`` are the ends of the window, ``params`` what every search is narrowed by; ``unknown`` has for
    a parameter what was said of values that no code table has, ``whole`` what is wanted of every schedule.
    """

    texts: dict[str, str] = field(default_factory=dict)
    params: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str, list[Issue]] = field(default_factory=dict)
    whole: list[tuple[Want, ...]] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)

    def parameter(self, bound: BoundRow, value: Any, companions: Sequence[Any], path: str) -> None:
        """One value of a parameter that narrows every search; several are alternatives."""
        name = bound.row.param or ""
        found, unknown = self._converted(bound, value, companions, path)
        if found is not None:
            self.params.setdefault(name, []).append(found)
        elif unknown is not None:
            self.unknown.setdefault(name, []).append(unknown)

    def beside(self, bound: BoundRow, value: Any, companions: Sequence[Any], path: str) -> list[Want]:
        """One value of a parameter that narrows the searches for the schedules of its own item only."""
        found, unknown = self._converted(bound, value, companions, path)
        if found is None and unknown is None:
            return []
        return [Want("", found or "", path, unknown=unknown, param=bound.row.param or "")]

    def _converted(
        self, bound: BoundRow, value: Any, companions: Sequence[Any], path: str
    ) -> tuple[Any, Issue | None]:
        """The value as it is searched by; or what is said of one that no code table has. A value that nobody
        can check is neither."""
        told: list[Issue] = []
        found = convert.to_fhir(bound, value, companions, path, told)
        unknown = convert.unknown(told)
        self.issues += convert.others(told, unknown)
        return found, unknown

    def asked(
        self, preferences: tuple[Preference, ...], wants: tuple[Wants, ...], issues: list[Issue]
    ) -> Asked:
        """All of it. Of several values of a parameter those that are known are asked for; where none is, all
        of them are faults, since a search without the parameter would bring everything."""
        others: list[Issue] = []
        for name, told in self.unknown.items():
            (others if name in self.params else self.issues).extend(told)
        return Asked(
            start=self.texts.get(_START),
            end=self.texts.get(_END),
            preferences=preferences,
            wants=(*((each,) for each in self.whole), *wants),
            params=tuple((name, tuple(dict.fromkeys(values))) for name, values in self.params.items()),
            issues=(*self.issues, *issues),
            others=tuple(others),
        )


class Default:
    """What a row sends where the message says nothing of its field, for EHRs that require the parameter."""

    def __init__(self, bound: BoundRow, context: Context) -> None:
        self._bound = bound
        self._table: str | None = None
        self._values: tuple[str, ...] = (bound.row.default or "",)
        if bound.row.default == ALL_CODES:
            self._table = bound.row.codec.arguments[0]
            table = context.codes.get(self._table)
            found = sorted(table.to_fhir.values()) if table is not None else []
            tokens = (f"{system}|{code}" if system else code for code, system in found)
            self._values = tuple(dict.fromkeys(tokens))

    def fill(self, found: Reading, wants: Sequence[Wants]) -> None:
        """Add it, unless the message has something for the parameter: for all schedules or for some."""
        name = self._bound.row.param or ""
        beside = any(want.param == name for each in wants for items in each for want in items)
        if name in found.params or name in found.unknown or beside:
            return
        if self._values:
            found.params[name] = list(self._values)
            return
        text = f"this EHR finds free times by it alone, and the code table {self._table} has no lines"
        found.issues.append(Issue("not-found", str(self._bound.row.redox), text))
