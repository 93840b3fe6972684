"""Which schedules of a directory a message means. Pure.

The parts of a message (its providers, its locations) must all fit; what is written in one part are
alternatives, each of which wants several things of one schedule together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from gateway.core.directory import NAMES, PROVIDER_ID, PROVIDER_ID_TYPE, Directory, Want, Wants, shown
from gateway.core.errors import Issue
from gateway.core.nearest import HINTS, Known, folded

_LISTED = 5
UNCHECKED = "informational"
"""The code of an Issue about a wish that cannot be checked."""
# What the EHR is asked for beside a schedule: parameters and their values.
Beside = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The ``positions`` of the schedules that are meant, in order.

    An alternative that no schedule can satisfy is an Issue that names its field and the nearest known values:
    a name that nobody has must never look like "nothing is open". ``others`` are those of alternatives beside
    one that is somebody's. ``unchecked`` is of what this directory says nothing of. ``beside`` has for a
    position what it is to be asked with, each of them in a search of its own.
    """

    positions: tuple[int, ...]
    issues: tuple[Issue, ...] = ()
    others: tuple[Issue, ...] = ()
    unchecked: tuple[Issue, ...] = ()
    beside: Mapping[int, tuple[Beside, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class _Alternative:
    """What one alternative comes to: the lines that fit (None: it says nothing of lines), what it asks the
    EHR for beside them, the wants that the directory cannot tell of, and what is wrong with it."""

    fitting: frozenset[int] | None = None
    beside: Beside = ()
    untold: list[Want] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)


def choose(directory: Directory, groups: Sequence[Wants], *, by_name: bool) -> Chosen:
    """The schedules that satisfy every group (any alternative of each)."""
    hints = iter(range(HINTS))
    parts = [[_alternative(directory, each, by_name, hints) for each in wants] for wants in groups if wants]
    unchecked: list[Issue] = []
    for number, part in enumerate(parts):
        elsewhere = any(_narrows(other) for at, other in enumerate(parts) if at != number)
        for alternative in part:
            _settle(directory, alternative, unchecked, elsewhere=elsewhere)
    every = frozenset(range(len(directory.lines)))
    chosen = every
    issues: list[Issue] = []
    others: list[Issue] = []
    for part in parts:
        known = [each for each in part if not each.issues]
        told = [issue for each in part for issue in each.issues]
        (others if known else issues).extend(told)
        chosen &= frozenset().union(*(every if each.fitting is None else each.fitting for each in known))
    if not chosen and not issues:
        asked = [_part(wants) for wants in groups if wants]
        text = f"{' and '.join(asked)} are each known here, but no schedule fits them together"
        issues.append(Issue("not-found", asked[-1], text))
    beside = _beside(parts, chosen)
    return Chosen(tuple(sorted(chosen)), tuple(issues), tuple(others), tuple(unchecked), beside)


def _part(wants: Wants) -> str:
    """The part of the message that alternatives stand in: ``Visit.Locations``."""
    first = wants[0][0].path if wants[0] else ""
    return first.partition("[")[0] if "[" in first else first


def _alternative(
    directory: Directory, wants: tuple[Want, ...], by_name: bool, hints: Iterator[int]
) -> _Alternative:
    made = _Alternative(beside=tuple((want.param, want.value) for want in wants if want.param))
    made.issues += [want.unknown for want in wants if want.unknown is not None]
    relevant = _relevant(wants, by_name, made.issues)
    for want in relevant:
        if want.param or want.unknown is not None:
            continue
        found = holding(directory, want)
        if not found and _by_others(directory, want):
            made.untold.append(want)
            continue
        if not found:
            hint = next(hints, None) is not None
            made.issues.append(Issue("not-found", want.path, _unknown(directory, want, hint=hint)))
        made.fitting = found if made.fitting is None else made.fitting & found
    if made.fitting == frozenset() and not made.issues:
        names = ", ".join(want.path.rsplit(".", 1)[-1] for want in relevant if not want.param)
        text = f"each of {names} is known here, but no schedule has all of them together"
        made.issues.append(Issue("not-found", relevant[0].path.rpartition(".")[0], text))
    return made


def _narrows(part: Sequence[_Alternative]) -> bool:
    """Whether a part of the message says of every schedule whether it is meant."""
    return all(each.fitting is not None or each.issues for each in part)


def _settle(
    directory: Directory, alternative: _Alternative, unchecked: list[Issue], *, elsewhere: bool
) -> None:
    """What becomes of wants of which the directory says nothing: where something else has narrowed already
    they are left unchecked, which is told; where they are all that narrows, nobody here is meant."""
    for want in alternative.untold:
        if elsewhere or alternative.fitting is not None:
            what = want.column.replace("_", " ")
            text = f"cannot be checked: the directory of this site has no {what} at all"
            unchecked.append(Issue(UNCHECKED, want.path, text, "warning"))
        else:
            alternative.issues.append(Issue("not-found", want.path, _unlike(directory, want)))


def _unlike(directory: Directory, want: Want) -> str:
    """What is said of a value that is like none of the columns that stand in for its own."""
    names = Known.of(each for column in want.others for each in directory.known(column).values)
    what = want.column.replace("_", " ")
    text = f'"{shown(want.value)}" is not a {what} of this site, whose directory has none'
    near = names.nearest(want.value) or names.values
    if not near:
        return f"{text}; the site's schedules.csv must say it"
    return f"{text}; its places: {_list(near)}"


def _beside(parts: Sequence[Sequence[_Alternative]], chosen: Iterable[int]) -> dict[int, tuple[Beside, ...]]:
    """For each chosen position what it is asked with: one of every part, where each alternative goes with
    the schedules that it means and no others."""
    asking = [part for part in parts if any(each.beside for each in part)]
    found: dict[int, tuple[Beside, ...]] = {}
    for position in chosen if asking else ():
        ways = []
        for part in asking:
            mine = [
                each.beside
                for each in part
                if not each.issues and (each.fitting is None or position in each.fitting)
            ]
            ways.append([()] if () in mine else list(dict.fromkeys(mine)))
        found[position] = tuple(tuple(pair for way in each for pair in way) for each in product(*ways))
    return found


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


def _by_others(directory: Directory, want: Want) -> bool:
    """Whether other columns stand in for that of a want, in which the directory has nothing at all."""
    return bool(want.others) and not directory.known(want.column).values


def holding(directory: Directory, want: Want) -> frozenset[int]:
    """The positions of the lines that have what is wanted."""
    if _by_others(directory, want):
        return frozenset().union(*(directory.holding(each, want.value) for each in want.others))
    held = directory.holding(want.column, want.value)
    if not want.kind:
        return held
    # An answer tells a provider by these two cells, so that they find the provider again, whatever
    # other column holds IDs of that type.
    kind = folded(want.kind)
    told = frozenset(
        position
        for position in directory.holding(PROVIDER_ID, want.value)
        if folded(directory.lines[position].get(PROVIDER_ID_TYPE) or want.kind) == kind
    )
    return told if want.column == PROVIDER_ID else told | held


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
    return f"{text}; known: {_list(known.values)}"


def _list(values: Sequence[str]) -> str:
    """The first of the values, and how many more there are."""
    listed = ", ".join(f'"{shown(value)}"' for value in values[:_LISTED])
    more = len(values) - _LISTED
    return listed + (f" and {more} more" if more > 0 else "")
