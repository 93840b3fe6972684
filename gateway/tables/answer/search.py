"""The query table read from right to left: FHIR search parameters in, a Redox query out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from gateway.core import chained
from gateway.core.chained import alternatives
from gateway.core.directory import Cells, Named
from gateway.core.errors import Issue
from gateway.core.mapping import Sought
from gateway.tables.answer import convert
from gateway.tables.answer.bounds import most_items
from gateway.tables.codecs.codec import Ends
from gateway.tables.compile.bind import BoundRow
from gateway.tables.rows import paths

START, END = "StartDateTime", "EndDateTime"
_DURATION = "Visit.VisitPreference.Duration"
_SINGLE = frozenset({START, END, _DURATION})
# The code systems that FHIR R4 binds the elements of these parameters to, and their codes.
SYSTEMS = {"status": "http://hl7.org/fhir/slotstatus"}
CODES = {"status": ("busy", "free", "busy-unavailable", "busy-tentative", "entered-in-error")}


@dataclass(slots=True)
class _Found:
    """What the parameters read so far say. ``fields`` of one parameter are parallel: an item that one of
    its rows has nothing for holds None there."""

    fields: dict[str, list[Any]] = field(default_factory=dict)
    groups: list[tuple[Named, ...]] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    ends: list[Ends] = field(default_factory=list)
    nothing: bool = False

    def never(self, name: str, why: str | None) -> None:
        """A parameter asks for what is never found; ``why`` is told."""
        self.nothing = True
        if why is not None:
            self.issues.append(Issue("not-found", name, why, "warning"))

    def also(self, name: str, more: _Found) -> None:
        """What one more parameter says. A parameter that is repeated must hold every time (FHIR search: AND):
        what only one of them asks for is left out, since a time is of one kind."""
        self.issues += more.issues
        self.ends += more.ends
        items = {path: values for path, values in more.fields.items() if path not in _SINGLE}
        for path in more.fields.keys() & _SINGLE:
            self.fields.setdefault(path, []).extend(more.fields[path])
        if not items or any(issue.severity == "error" for issue in more.issues):
            return
        if self.fields.keys().isdisjoint(items):
            self.fields.update(items)
            return
        mine = [self.fields.get(path, ()) for path in items]
        both = [each for each in zip(*mine, strict=True) if each in set(zip(*items.values(), strict=True))]
        if not both:
            self.never(name, "is repeated, and no time is of both kinds; for one or the other write a comma")
        self.fields.update(dict(zip(items, map(list, zip(*both, strict=True)), strict=False)))


class SearchTable:
    """Made once per site. ``rows`` are those that are used this way, ``names`` the parameters that they read,
    ``references`` those of them whose values are references; by name, ``notes`` are what the rows say of them
    to people, and ``beside`` the parameters next to which a value without a prefix means "from this on";
    ``identifiers`` are the rows that read one.

    ``whole``: the query goes out to Redox, so that it must name the schedules, and a length where the site
    has one; else it only carries what a flow of ours is not told otherwise.
    """

    def __init__(self, rows: tuple[BoundRow, ...], *, whole: bool = True) -> None:
        self.rows = [bound for bound in rows if bound.row.to_redox]
        self._whole = whole
        self._by_param: dict[str, list[BoundRow]] = {}
        for bound in self.rows:
            if bound.row.param is not None:
                self._by_param.setdefault(bound.row.param, []).append(bound)
        self.names = frozenset(self._by_param)
        self.notes = {
            name: " ".join(each.row.note for each in bound if each.row.note)
            for name, bound in self._by_param.items()
        }
        self.beside = {
            name: frozenset[str]().union(*(each.codec.beside for each in bound))
            for name, bound in self._by_param.items()
        }
        self.references = frozenset(
            name
            for name, each in self._by_param.items()
            if any(b.row.codec.name == "reference" for b in each)
        )
        self.identifiers = [bound for bound in self.rows if bound.row.codec.name == "identifier"]
        self._selects = [
            bound for bound in self.rows if bound.row.select is not None and bound.row.redox is not None
        ]
        self._constants = [b for b in self.rows if b.row.value is not None and b.row.redox is not None]
        self.columns = frozenset(bound.row.select or "" for bound in self._selects)
        # Parameters whose days are those of a zone, with their rows by zone.
        self._zoned = {
            name: bound
            for name, bound in self._by_param.items()
            if any(each.codec.elsewhere is not None for each in bound)
        }
        self._in_zones: dict[str, dict[str, list[BoundRow]]] = {}

    def read(self, params: Sequence[tuple[str, str]], zone: ZoneInfo | None = None) -> Sought:
        """What a client looks for, by the rows; a value that no row takes is an Issue (`error`). ``zone``:
        only what it says of time, as a clinic there means it."""
        found = _Found()
        given = {name for name, _ in params}
        by_param = self._by_param if zone is None else self._in_zone(zone)
        for name, text in params:
            if name in by_param:
                values = self._spelt_out(name, alternatives(text), given)
                self._parameter(name, by_param[name], values, found)
        self._refuse_many(found)
        lengths = [int(each) for each in found.fields.pop(_DURATION, [])]
        return Sought(
            start=max(found.fields.pop(START, []), default=None),
            end=min(found.fields.pop(END, []), default=None),
            minutes=max(lengths, default=None),  # each is the least that it may be
            groups=tuple(found.groups),
            fields={path: tuple(values) for path, values in found.fields.items()},
            nothing=found.nothing,
            issues=tuple(found.issues),
            ends=(max(low for low, _ in found.ends), min(high for _, high in found.ends))
            if found.ends
            else None,
        )

    def _in_zone(self, zone: ZoneInfo) -> dict[str, list[BoundRow]]:
        found = self._in_zones.get(zone.key)
        if found is None:
            found = {name: [each.at(zone) for each in bound] for name, bound in self._zoned.items()}
            self._in_zones[zone.key] = found
        return found

    def _spelt_out(self, name: str, values: list[str], given: set[str]) -> list[str]:
        """The values of a parameter, with the prefix that they have where others of ``given`` stand beside
        it, if they have none of their own."""
        if not given.isdisjoint(self.beside[name]):
            return [f"ge{value}" if value[:1].isdigit() else value for value in values]
        return values

    def _refuse_many(self, found: _Found) -> None:
        """Each value is an item of the query, which may have only so many."""
        for path in [path for path, values in found.fields.items() if len(values) > most_items(path)]:
            param = next(str(bound.row.param) for bound in self.rows if str(bound.row.redox) == path)
            text = f"has {len(found.fields[path]):,} values; ask for at most {most_items(path):,} at a time"
            found.issues.append(Issue("too-costly", param, text))

    def _parameter(self, name: str, rows: list[BoundRow], values: list[str], found: _Found) -> None:
        if len(values) > 1 and any(str(bound.row.redox) in (START, END) for bound in rows):
            text = (
                "a comma means one or the other, which cannot be asked here; give each bound in a parameter"
            )
            found.issues.append(Issue("not-supported", name, text))
            return
        if len(values) > 1 and any(str(bound.row.redox) == _DURATION for bound in rows):
            found.issues.append(Issue("value", name, "ask for one length at a time"))
            return
        for bound in rows:
            constant = bound.row.value
            if constant is None or any(_says(name, value, (constant,)) for value in values):
                continue
            known = any(_says(name, value, CODES.get(name, (constant,))) for value in values)
            found.never(name, None if known else f'no such code is known; only "{constant}" is found here')
        rows = [bound for bound in rows if bound.row.value is None]
        if not rows:
            return
        mine, unmapped = _Found(), 0
        named: list[Named] = []
        for value in dict.fromkeys(values):
            taken = _value(rows, name, value, mine)
            unmapped += taken is None
            named += taken or ()
        # Nobody here has what no code table has; of several codes the others count.
        found.nothing = found.nothing or 0 < unmapped == len(dict.fromkeys(values))
        found.also(name, mine)
        if any(bound.row.directory is not None for bound in rows):
            found.groups.append(tuple(named))

    def write(
        self, sought: Sought, start: str, end: str, minutes: int | None, lines: Sequence[Cells] | None
    ) -> dict[str, Any]:
        """The Redox query without its Meta. ``lines`` are the schedules that are meant, None for any;
        ``minutes`` is the length where the search names none, None for any."""
        message: dict[str, Any] = {}
        length = sought.minutes or (minutes if self._whole else None)
        lengths = (str(length),) if length is not None else ()
        values: dict[str, Sequence[Any]] = {START: (start,), END: (end,), _DURATION: lengths, **sought.fields}
        written: set[str] = set()
        for bound in self.rows:
            path = str(bound.row.redox)
            # Where no row takes a length from FHIR, Redox is still told the one that the site has.
            if (bound.row.param is None and path != _DURATION) or bound.redox is None or path in written:
                continue
            written.add(path)
            for position, value in enumerate(values.get(path, ())):
                if value is not None:
                    _put(message, bound, value, position)
        for bound in self._constants:
            if _sibling(message, bound):
                _put(message, bound, bound.row.value, 0)
        if lines is not None and self._whole:
            self._choose(message, lines)
        return message

    def unaskable(self, lines: Sequence[Cells]) -> tuple[str, ...]:
        """The schedules among the lines that no row can name to Redox, or that a cell which a row cannot tell
        would be asked for with others."""
        return tuple(line["schedule"] for line in lines if not self._askable(line)) if self._whole else ()

    def _askable(self, line: Cells) -> bool:
        filled = [(bound, cell) for bound in self._selects if (cell := line.get(bound.row.select or ""))]
        return bool(filled) and all(_told(bound, cell) is not None for bound, cell in filled)

    def _choose(self, message: dict[str, Any], lines: Sequence[Cells]) -> None:
        """Writes the providers and places of the schedules, each once.

        Redox answers for what is both one of the providers and at one of the places: where a schedule lacks
        all of one kind, that kind is not written, or its slots would not be among the answer.
        """
        groups: dict[str, list[BoundRow]] = {}
        for bound in self._selects:
            groups.setdefault(_group(bound), []).append(bound)
        for rows in groups.values():
            told = [tuple(_told(bound, line.get(bound.row.select or "")) for bound in rows) for line in lines]
            if not all(map(any, told)):
                continue
            for position, cells in enumerate(dict.fromkeys(told)):
                for bound, value in zip(rows, cells, strict=True):
                    if value:
                        _put(message, bound, value, position)


def _told(bound: BoundRow, cell: str | None) -> Any:
    """A cell as Redox is told it; None for what no code table has."""
    if not cell or bound.row.reads_id_type:
        return cell
    return convert.cell(bound, bound.codec.to_redox, cell)


def _says(name: str, token: str, codes: Collection[str]) -> bool:
    """Whether a token is one of the codes: with its own system before it, or with none."""
    system, _, own = chained.token(token)
    return own in codes and system in ("", SYSTEMS.get(name, system))


def _value(rows: Sequence[BoundRow], name: str, value: str, found: _Found) -> list[Named] | None:
    """One value through the rows of its parameter; gives back the cells of the directory that it names, None
    for a code that no code table has."""
    results: list[tuple[BoundRow, Any]] = []
    issues: list[Issue] = []
    ends: list[Ends] = []
    for bound in rows:
        result = convert.to_redox(bound, value, (), name, issues)
        if bound.codec.ends is not None and not issues and (own := bound.codec.ends(value)) is not None:
            ends.append(own)
        if result == value and bound.row.unmapped == "pass":
            result = value.rpartition("|")[2]
        results.append((bound, result))
    found.ends += ends
    if not ends and all(result is None for _, result in results):
        # Of several rows that refuse it the first says why.
        issue = issues[0] if issues else Issue("value", name, "this comparison is not supported")
        unmapped = issue.code == "code-invalid"
        found.issues.append(replace(issue, severity="warning") if unmapped else issue)
        return None if unmapped else []
    named = []
    for bound, result in results:
        path = str(bound.row.redox)
        if bound.row.directory is not None and result is not None:
            named.append(Named(bound.row.directory, result, getattr(result, "kind", None)))
        elif bound.row.redox is not None and (result is not None or path not in _SINGLE):
            found.fields.setdefault(path, []).append(result)
    return named


def _group(bound: BoundRow) -> str:
    assert bound.row.redox is not None
    return ".".join(step.name for step in bound.row.redox.steps[:2])


def _put(message: dict[str, Any], bound: BoundRow, value: Any, position: int) -> None:
    """Writes a value; ``position`` is its item in the first list on the way."""
    assert bound.row.redox is not None
    assert bound.redox is not None
    lists = bound.redox.lists
    steps = bound.row.redox.steps
    items = [number for number, is_list in enumerate(lists) if is_list]
    for number in items:
        if number == items[0] or not steps[number].narrow:
            # A list within an item holds the one value that was asked for.
            narrowed = paths.Step(steps[number].name, (position if number == items[0] else 0,))
            steps = (*steps[:number], narrowed, *steps[number + 1 :])
    paths.write(paths.Path(steps, ""), message, value, lists)


def _sibling(message: Mapping[str, Any], bound: BoundRow) -> bool:
    """Whether the object that a constant belongs to is there."""
    assert bound.row.redox is not None
    parent = paths.Path(bound.row.redox.steps[:-1], "")
    return not parent.steps or bool(paths.read(parent, message))
