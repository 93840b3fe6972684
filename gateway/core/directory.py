"""The schedule directory of a site: who works where on which schedule, and which of them a request means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from gateway.core.errors import Issue
from gateway.core.fhir import resource_id
from gateway.core.nearest import HINTS, Known, folded

Cells = Mapping[str, str]

PROVIDER_ID, PROVIDER_ID_TYPE = "provider_id", "provider_id_type"
FIRST_NAME, LAST_NAME = "first_name", "last_name"
NAMES = frozenset({FIRST_NAME, LAST_NAME})
PLACE = "place"
# Columns that are ids of FHIR resources; who reads a resource here may know it by an id made for it.
IDENTITIES = frozenset({"schedule", "practitioner", PLACE})
PLACE_COLUMNS = frozenset({"facility", "department", "location_id", "room"})
_PROVIDER = (PROVIDER_ID, PROVIDER_ID_TYPE, FIRST_NAME, LAST_NAME)


@dataclass(frozen=True, slots=True)
class Want:
    """One thing that a message asks of a schedule: the cell of a column must be this value.

    ``path`` is where the message says so; ``kind`` is the ID type beside a provider's ID, else empty.
    """

    column: str
    value: str
    path: str
    kind: str = ""


# Alternatives, each of which wants several things together.
Wants = tuple[tuple[Want, ...], ...]


@dataclass(frozen=True, slots=True)
class Directory:
    """The joined lines, in the order of the answer: by provider, then place, then schedule.

    ``incomplete`` when a part of it could not be read; ``issues`` says which. ``blocks`` holds what
    the mapping encodes once per schedule, in the order of ``lines``; ``bases`` are the upstream's addresses,
    with which absolute references to its resources begin; ``horizons`` say of schedules from when until when
    (exclusive; UTC texts) they are planned. ``memo`` keeps what is made from
    the lines on first use, for as long as the directory itself is kept.
    """

    lines: tuple[Cells, ...]
    incomplete: bool = False
    issues: tuple[Issue, ...] = ()
    blocks: tuple[tuple[str, ...], ...] = ()
    bases: frozenset[str] = frozenset()
    horizons: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)
    _index: dict[tuple[str, str], frozenset[int]] = field(default_factory=dict)

    def holding(self, column: str, value: str) -> frozenset[int]:
        """The positions of the lines whose cell in that column is the value, without case or spacing; in
        the columns of :data:`IDENTITIES` also the id that the cell has as a FHIR resource."""
        if not self._index:
            found: dict[tuple[str, str], set[int]] = {}
            for position, line in enumerate(self.lines):
                for name, cell in identified(line).items():
                    found.setdefault((name, folded(cell)), set()).add(position)
                    if name in IDENTITIES:
                        found.setdefault((name, folded(resource_id(cell))), set()).add(position)
            self._index.update({key: frozenset(positions) for key, positions in found.items()})
        return self._index.get((column, folded(value)), frozenset())

    def known(self, column: str) -> Known:
        """What stands in a column; put together once."""
        kept: dict[str, Known] = self.memo.setdefault("known", {})
        if column not in kept:
            kept[column] = Known.of(line[column] for line in self.lines if line.get(column))
        return kept[column]


def join(
    upstream: Iterable[Cells], own: Sequence[Cells], *, upstream_known: bool
) -> tuple[tuple[Cells, ...], tuple[Issue, ...]]:
    """Lays the site's own lines (``schedules.csv``) over those of the upstream: a filled cell wins.

    A line of the site's whose schedule the upstream does not list is left out where the upstream's
    list is known, since asking for it could only fail; the Issue says so.
    """
    lines: dict[str, dict[str, str]] = {
        line["schedule"]: {name: cell for name, cell in line.items() if cell} for line in upstream
    }
    issues = []
    for line in own:
        key = line["schedule"]
        filled = {name: cell for name, cell in line.items() if cell}
        if key in lines:
            if not PLACE_COLUMNS.isdisjoint(filled):
                lines[key].pop(PLACE, None)
            lines[key].update(filled)
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
            lines[key] = filled
    ordered = sorted(lines.values(), key=_order)
    return tuple(ordered), tuple(issues)


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


@dataclass(frozen=True, slots=True)
class Chosen:
    """The schedules that a message means, by their positions; the faults of what is nobody's; and ``others``,
    those of alternatives beside one that is somebody's."""

    positions: tuple[int, ...]
    issues: tuple[Issue, ...] = ()
    others: tuple[Issue, ...] = ()


def choose(directory: Directory, groups: Sequence[Wants], *, by_name: bool) -> Chosen:
    """The schedules that satisfy every group (any alternative of each), in order.

    An alternative that no schedule can satisfy is an Issue that names its field and the nearest
    known values: a name that nobody has must never look like "nothing is open".
    """
    chosen: frozenset[int] | None = None
    issues: list[Issue] = []
    others: list[Issue] = []
    asked: list[str] = []
    for wants in groups:
        if not wants:
            continue
        found: set[int] = set()
        unknown: list[Issue] = []
        for alternative in wants:
            found |= _fitting(
                directory, _relevant(alternative, by_name, unknown), unknown, len(issues) + len(others)
            )
        if found:
            others += unknown
        else:
            issues += unknown
        asked.append(_part(wants))
        chosen = frozenset(found) if chosen is None else chosen & found
    if chosen is not None and not chosen and not issues:
        text = f"{' and '.join(asked)} are each known here, but no schedule fits them together"
        issues.append(Issue("not-found", asked[-1], text))
    if chosen is None:
        return Chosen(tuple(range(len(directory.lines))), tuple(issues), tuple(others))
    return Chosen(tuple(sorted(chosen)), tuple(issues), tuple(others))


def _part(wants: Wants) -> str:
    """The part of the message that alternatives stand in: ``Visit.Locations``."""
    first = wants[0][0].path if wants[0] else ""
    return first.partition("[")[0] if "[" in first else first


def _relevant(alternative: tuple[Want, ...], by_name: bool, issues: list[Issue]) -> tuple[Want, ...]:
    """Names count only where there is no ID, and only if the site allows it."""
    if not any(want.column in NAMES for want in alternative):
        return alternative
    rest = tuple(want for want in alternative if want.column not in NAMES)
    if any(want.path.rsplit(".", 1)[-1] == "ID" for want in rest):
        return rest
    if by_name:
        return alternative
    parent = alternative[0].path.rpartition(".")[0]
    issues.append(
        Issue(
            "not-found",
            f"{parent}.ID",
            "this provider has a name but no ID, and this site does not look providers up by name; "
            "send the ID and IDType (such as NPI)",
        )
    )
    return ()


def _fitting(
    directory: Directory, alternative: tuple[Want, ...], issues: list[Issue], told: int
) -> frozenset[int]:
    """The lines that are all of it; ``told`` is how many Issues there were before."""
    fitting: frozenset[int] | None = None
    unknown = False
    for want in alternative:
        holding = _holding(directory, want)
        if not holding:
            unknown = True
            issues.append(
                Issue("not-found", want.path, _unknown(directory, want, hint=told + len(issues) < HINTS))
            )
        fitting = holding if fitting is None else fitting & holding
    if fitting is None:
        return frozenset()
    if not fitting and not unknown:
        paths = ", ".join(want.path.rsplit(".", 1)[-1] for want in alternative)
        issues.append(
            Issue(
                "not-found",
                alternative[0].path.rpartition(".")[0],
                f"each of {paths} is known here, but no schedule has all of them together",
            )
        )
    return fitting


def _holding(directory: Directory, want: Want) -> frozenset[int]:
    holding = directory.holding(want.column, want.value)
    if not want.kind:
        return holding
    # An answer tells a provider by these two cells, so that they find the provider again, whatever
    # other column holds IDs of that type.
    kind = folded(want.kind)
    told = frozenset(
        position
        for position in directory.holding(PROVIDER_ID, want.value)
        if folded(directory.lines[position].get(PROVIDER_ID_TYPE) or want.kind) == kind
    )
    return told if want.column == PROVIDER_ID else told | holding


def _kinds(directory: Directory, want: Want) -> str:
    """The types that the ID has in the directory, where it is known under another than the one asked by."""
    lines = directory.holding(PROVIDER_ID, want.value) if want.kind and want.column == PROVIDER_ID else ()
    found = {directory.lines[position].get(PROVIDER_ID_TYPE) or "" for position in lines}
    return " or ".join(f'"{kind}"' for kind in sorted(found - {""}))


def _unknown(directory: Directory, want: Want, *, hint: bool) -> str:
    """What is said of a value that nobody has; the nearest are looked for where a ``hint`` is due."""
    known = directory.known(want.column)
    what = want.column.replace("_", " ")
    kind = f" (IDType {shown(want.kind)})" if want.kind else ""
    text = f'"{shown(want.value)}"{kind} is not a {what} of this site'
    if not hint:
        return text
    if want.value in known and (kinds := _kinds(directory, want)):
        return f"{text}; there its type is {kinds}"
    if close := known.nearest(want.value):
        return f"{text}; the nearest known: " + ", ".join(f'"{shown(each)}"' for each in close)
    if not known.values:
        return f"{text}; the directory has none, so the site's schedules.csv must say it"
    listed = ", ".join(f'"{shown(value)}"' for value in known.values[:5])
    more = len(known.values) - 5
    return f"{text}; known: {listed}" + (f" and {more} more" if more > 0 else "")


def shown(value: str) -> str:
    """A value of a message as it may stand in a text: short, one line, nothing unprintable."""
    clean = "".join(char if char.isprintable() else "?" for char in value[:61])
    return clean if len(clean) <= 60 else clean[:57] + "..."


def allowed(directory: Directory, groups: Sequence[Sequence[tuple[str, str]]]) -> tuple[int, ...] | None:
    """The positions that hold one (column, value) of every group; None where nothing was asked for."""
    if not groups:
        return None
    found = set(range(len(directory.lines)))
    for group in groups:
        found &= {position for column, value in group for position in directory.holding(column, value)}
    return tuple(sorted(found))
