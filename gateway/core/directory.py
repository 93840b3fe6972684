"""The schedule directory of a site: who works where on which schedule, and which of them a request means."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from gateway.core.errors import Issue
from gateway.core.fhir import resource_id
from gateway.core.nearest import Known, folded

Cells = Mapping[str, str]

PROVIDER_ID, PROVIDER_ID_TYPE = "provider_id", "provider_id_type"
FIRST_NAME, LAST_NAME = "first_name", "last_name"
NAMES = frozenset({FIRST_NAME, LAST_NAME})
PLACE = "place"
# Columns of other names, by which that of what they name is found as well.
ALIASES = {"alias": "facility", "department_alias": "department", "room_alias": "room"}
LISTS = frozenset({*ALIASES, "service_type", "specialty"})  # columns whose cells may have several values
SEVERAL = "|"  # parts them
# Columns that are ids of FHIR resources; who reads a resource here may know it by an id made for it.
IDENTITIES = frozenset({"schedule", "practitioner", PLACE})
LETTER_BY_LETTER = frozenset({*IDENTITIES, PROVIDER_ID, "location_id"})  # columns of ids
PLACE_COLUMNS = frozenset({"facility", "department", "location_id", "room"})
_PROVIDER = (PROVIDER_ID, PROVIDER_ID_TYPE, FIRST_NAME, LAST_NAME)


@dataclass(frozen=True, slots=True)
class Want:
    """One thing that a message asks of a schedule: the cell of a column must be this value.

    ``path`` is where the message says so; ``kind`` is the ID type beside a provider's ID, else empty. In a
    directory that has nothing in the column one of ``others`` may be the value. ``unknown`` says why no
    schedule can be meant. Without a column it is ``param`` that asks the EHR for the value, and it is the
    schedules which the wants beside it choose that are asked with it.
    """

    column: str
    value: str
    path: str
    kind: str = ""
    others: tuple[str, ...] = ()
    unknown: Issue | None = None
    param: str = ""


# Alternatives, each of which wants several things together.
Wants = tuple[tuple[Want, ...], ...]


@dataclass(frozen=True, slots=True)
class Directory:
    """The joined lines, in the order of the answer: by provider, then place, then schedule.

    ``incomplete`` when a part of it could not be read; ``issues`` says which. ``blocks`` holds what
    the mapping encodes once per schedule, in the order of ``lines``; ``bases`` are the upstream's addresses,
    with which absolute references to its resources begin; ``horizons`` say of schedules from when until when
    (exclusive; UTC texts) they are planned; ``urls`` and ``identifiers`` (system and value) have schedules by
    what else they are called, None for what several are. ``codings`` has, by schedule and column, codes
    with the systems that the upstream told. ``memo`` keeps what is made from the lines on first use, for as
    long as the directory itself is kept.
    """

    lines: tuple[Cells, ...]
    incomplete: bool = False
    issues: tuple[Issue, ...] = ()
    blocks: tuple[tuple[str, ...], ...] = ()
    bases: frozenset[str] = frozenset()
    horizons: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    urls: Mapping[str, str | None] = field(default_factory=dict)
    identifiers: Mapping[tuple[str, str], str | None] = field(default_factory=dict)
    codings: Mapping[tuple[str, str], Collection[tuple[str, str]]] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)
    _index: dict[tuple[str, str], frozenset[int]] = field(default_factory=dict)

    def holding(self, column: str, value: str) -> frozenset[int]:
        """The positions of the lines whose cell in that column is the value, without case or spacing; in
        the columns of :data:`IDENTITIES` also the id that the cell has as a FHIR resource. The other names
        of a place (:data:`ALIASES`) are its names, too."""
        if not self._index:
            found: dict[tuple[str, str], set[int]] = {}
            for position, line in enumerate(self.lines):
                for name, cell in identified(line).items():
                    for each in values(name, cell):
                        found.setdefault((name, folded(each)), set()).add(position)
                        if name in ALIASES:
                            found.setdefault((ALIASES[name], folded(each)), set()).add(position)
                    if name in IDENTITIES:
                        found.setdefault((name, folded(resource_id(cell))), set()).add(position)
            self._index.update({key: frozenset(positions) for key, positions in found.items()})
        held = self._index.get((column, folded(value)), frozenset())
        if len(held) > 1 and column in LETTER_BY_LETTER:
            # Two ids may differ by letter case alone; where one is spelt so, it is the one that is meant.
            exact = (each for each in held if self.lines[each].get(column, "").strip() == value.strip())
            return frozenset(exact) or held
        return held

    def known(self, column: str) -> Known:
        """What stands in a column; put together once."""
        kept: dict[str, Known] = self.memo.setdefault("known", {})
        if column not in kept:
            cells = (line[column] for line in self.lines if line.get(column))
            kept[column] = Known.of(each for cell in cells for each in values(column, cell))
        return kept[column]


def told_to_clients(directory: Directory) -> list[Issue]:
    """What of the directory's issues concerns who asks; what its EHR leaves untold is for the log."""
    return [issue for issue in directory.issues if issue.severity != "information"]


def join(
    upstream: Iterable[Cells], own: Sequence[Cells], *, upstream_known: bool
) -> tuple[tuple[Cells, ...], tuple[Issue, ...]]:
    """Lays the site's own lines (``schedules.csv``) over those of the upstream: a filled cell wins. A
    schedule of several practitioners or places has several lines of the upstream's.

    A line of the site's whose schedule the upstream does not list is left out where the upstream's
    list is known, since asking for it could only fail; the Issue says so.
    """
    lines: dict[str, list[dict[str, str]]] = {}
    for line in upstream:
        lines.setdefault(line["schedule"], []).append({name: cell for name, cell in line.items() if cell})
    issues = []
    for line in own:
        key = line["schedule"]
        filled = {name: cell for name, cell in line.items() if cell}
        if key in lines:
            lines[key] = _laid_over(lines[key], filled)
        elif upstream_known:
            issues.append(
                Issue(
                    "not-found",
                    "schedules.csv",
                    f"schedule {key} stands in schedules.csv, but the EHR does not list it; it is not asked",
                    "warning",
                )
            )
        else:
            lines[key] = [filled]
    ordered = sorted((line for of_schedule in lines.values() for line in of_schedule), key=_order)
    return tuple(ordered), tuple(issues)


def _laid_over(lines: Iterable[dict[str, str]], filled: Cells) -> list[dict[str, str]]:
    """A schedule's lines with what the site's own says of it; what has become the same is one."""
    found: list[dict[str, str]] = []
    for line in lines:
        if not PLACE_COLUMNS.isdisjoint(filled):
            line.pop(PLACE, None)
        if PROVIDER_ID in filled:
            line.pop(PROVIDER_ID_TYPE, None)  # which is that of the EHR's ID
        made = {**line, **filled}
        if made not in found:
            found.append(made)
    return found


def values(column: str, cell: str) -> Sequence[str]:
    """The values of a cell: of most columns it is one."""
    return [each for each in cell.split(SEVERAL) if each.strip()] if column in LISTS else [cell]


def identified(line: Cells) -> dict[str, str]:
    """The line with an id for its provider and its place, for FHIR clients to be referred to: where no EHR
    has told one it is made of what is known of them, the same every time and for every schedule of theirs.

    Such an id is known to nobody upstream, so the lines of a directory are without it.
    """
    made = dict(line)
    if "practitioner" not in line and any(told := [line.get(name, "") for name in _PROVIDER]):
        made["practitioner"] = _name(told)
    if PLACE not in line and any(told := [line.get(name, "") for name in sorted(PLACE_COLUMNS)]):
        made[PLACE] = _name(told)
    return made


def _name(parts: Sequence[str]) -> str:
    return sha256("\0".join(folded(part) for part in parts).encode()).hexdigest()[:32]


def _order(line: Cells) -> tuple[str, ...]:
    names = (LAST_NAME, FIRST_NAME, PROVIDER_ID, "facility", "department", "room", "schedule")
    return tuple(line.get(name, "").casefold() for name in names)


def shown(value: str) -> str:
    """A value of a message as it may stand in a text: short, one line, nothing unprintable."""
    clean = "".join(char if char.isprintable() else "?" for char in value[:61])
    return clean if len(clean) <= 60 else clean[:57] + "..."


class Named(NamedTuple):
    """A cell as a FHIR client names it, letter by letter. ``kind`` is the type that its identifier's system
    means, empty for one without a system; None where any will do."""

    column: str
    value: str
    kind: str | None = None


def allowed(directory: Directory, groups: Sequence[Sequence[Named]]) -> tuple[int, ...] | None:
    """The positions that hold one cell of every group; None where nothing was asked for."""
    if not groups:
        return None
    found = set(range(len(directory.lines)))
    for group in groups:
        found &= {position for named in group for position in exactly(directory, named)}
    return tuple(sorted(found))


def exactly(directory: Directory, named: Named) -> Iterator[int]:
    """The positions whose cell is that value: ids and codes have letter case (FHIR R4, search: token)."""
    for position in directory.holding(named.column, named.value):
        line = identified(directory.lines[position])
        cell = line.get(named.column, "")
        if named.value != cell and not (named.column in IDENTITIES and named.value == resource_id(cell)):
            continue
        if named.kind is None or folded(named.kind) == folded(line.get(PROVIDER_ID_TYPE, "")):
            yield position
