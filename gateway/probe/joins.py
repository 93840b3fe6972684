"""Whether the schedules find their Practitioner and Location, and by what else they could."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from gateway.core import references
from gateway.core.directory import Cells, shown
from gateway.core.nearest import folded
from gateway.probe.report import Column, Joined
from gateway.probe.samples import Json, Sample
from gateway.tables.answer.site import SiteTables
from gateway.tables.read.code_tables import SCHEDULE_COLUMNS
from gateway.tables.read.dialect import Join
from gateway.tables.rows import paths

KINDS = ("Practitioner", "Location")
_NAMES = ("name", "alias")
# What may stand between the rest of a text and a name at its end: a word (" at "), or signs (" - ", ": ").
_BEFORE = re.compile(r"(?:\s[^\W\d_]{1,12}|\s?[^\w\s]{1,3})\s?$")


def joined(tables: SiteTables, samples: Mapping[str, Sample]) -> tuple[Joined, ...]:
    """For each join of the dialect, over the sampled schedules."""
    schedules = samples["Schedule"].resources if "Schedule" in samples else ()
    actors = _actors(schedules)
    found = []
    for kind, join in tables.dialect.joins.items():
        if kind not in samples or not schedules:
            continue
        others = samples[kind]
        ids = _ids(others.resources)
        bases = bases_of(tables, samples["Schedule"])
        states = Counter(_state(each, kind, join, ids, others.resources, bases) for each in schedules)
        found.append(
            Joined(
                kind,
                _how(join),
                len(schedules),
                states["joined"],
                states["absent"],
                states["without"],
                others.failure is None and others.pages.complete,
                actors,
            )
        )
    return tuple(found)


def _ids(resources: Sequence[Json]) -> frozenset[str]:
    """Those of their ids that are texts, as FHIR has them."""
    return frozenset(found for each in resources if isinstance(found := each.get("id"), str))


def _how(join: Join) -> str:
    by = [str(join.reference)] if join.reference is not None else []
    if join.text is not None:
        names = ", ".join(str(name) for name in join.names)
        by.append(f'{join.text}, behind "{join.after}", against {names}')
    return "; ".join(by) or "nothing"


def bases_of(tables: SiteTables, schedules: Sample | None) -> frozenset[str]:
    """The addresses of the upstream: the configured one, and those by which it calls its Schedules."""
    entries = schedules.entries if schedules is not None else ()
    urls = [url for each in entries if isinstance(url := each.get("fullUrl"), str)]
    return frozenset(
        {references.address(tables.base_url), *(references.split(url)[0] for url in urls)} - {""}
    )


def _state(
    schedule: Json,
    kind: str,
    join: Join,
    ids: frozenset[str],
    others: Sequence[Json],
    bases: Collection[str],
) -> str:
    named = False
    for key in _references(schedule, join, kind, bases):
        named = True
        if key in ids:
            return "joined"
    if join.text is not None:
        known = name_counts(others, [path.below(1) for path in join.names])
        for text in _texts(paths.read(join.text.below(1), schedule)):
            tails = _tails(text, join.after)
            named = named or bool(tails)
            if any(known[folded(tail)] == 1 for tail in tails):
                return "joined"
    return "absent" if named else "without"


def _references(schedule: Json, join: Join, kind: str, bases: Collection[str]) -> list[str]:
    if join.reference is None:
        return []
    found = []
    for text in _texts(paths.read(join.reference.below(1), schedule)):
        named = references.resolve(text, bases)
        if named is not None and named.kind == kind:
            found.append(named.id)
    return found


def _tails(text: str, after: str) -> list[str]:
    """What stands behind each occurrence of ``after``."""
    low, mark = text.casefold(), after.casefold()
    starts = [at for at in range(len(low)) if low.startswith(mark, at)] if mark else [0]
    return [text[at + len(mark) :] for at in starts]


def name_counts(resources: Iterable[Json], names: Sequence[paths.Path]) -> Counter[str]:
    """How many of the resources have each name; one that two have joins nothing."""
    found: Counter[str] = Counter()
    for each in resources:
        found.update({folded(text) for path in names for text in _texts(paths.read(path, each))})
    return found


def _actors(schedules: Iterable[Json]) -> dict[str, int]:
    """Which types of resources ``Schedule.actor`` refers to, and how often."""
    path = paths.parse("actor.reference")
    kinds: Counter[str] = Counter()
    for schedule in schedules:
        texts = _texts(paths.read(path, schedule))
        kinds.update({shown(text.rpartition("/")[0].rpartition("/")[2]) or "(other)" for text in texts})
    return dict(kinds.most_common())


def better(
    kind: str, found: Joined, samples: Mapping[str, Sample], tables: SiteTables
) -> tuple[dict[str, Any], int] | None:
    """A join of ``dialect.yaml`` that finds more schedules their ``kind`` than the present one, and how
    many; None if the samples show none."""
    schedules, others = samples["Schedule"].resources, samples[kind].resources
    reference = Join(reference=paths.parse("Schedule.actor.reference"))
    ids = _ids(others)
    bases = bases_of(tables, samples["Schedule"])
    count = sum(_state(each, kind, reference, ids, others, bases) == "joined" for each in schedules)
    choices: list[tuple[dict[str, Any], int]] = [({"reference": "Schedule.actor.reference"}, count)]
    # A Practitioner's name is in parts, so that no text of a schedule is just that.
    leaves = _text_leaves(schedules) if kind == "Location" else []
    names = [paths.parse(name) for name in _NAMES]
    known = name_counts(others, names)
    for leaf in leaves:
        befores = [_before(text, known) for each in schedules for text in _texts(paths.read(leaf, each))]
        for before, times in Counter(each for each in befores if each).most_common(1):
            used = _used(schedules, leaf, before, others)
            choices.append(({"text": f"Schedule.{leaf}", "after": before, "names": used}, times))
    best = max(choices, key=lambda choice: choice[1])
    return best if best[1] > found.joined else None


def _text_leaves(schedules: Iterable[Json]) -> list[paths.Path]:
    """The plain texts of a Schedule; not its narrative, which is HTML."""
    names = {
        name
        for each in schedules
        for name, value in each.items()
        if isinstance(value, str) and name not in ("resourceType", "id", "implicitRules", "language")
    }
    return [paths.parse(name) for name in sorted(names) if name.isidentifier() and name.isascii()]


def _before(text: str, known: Counter[str]) -> str | None:
    """The sign or word right before a name at the end of ``text``, with its spaces."""
    for at in range(1, len(text)):
        if known[folded(text[at:])] == 1 and not text[at].isspace():
            match = _BEFORE.search(text[:at])
            if match is not None:
                return match[0]
    return None


def _used(schedules: Iterable[Json], leaf: paths.Path, before: str, others: Sequence[Json]) -> list[str]:
    """Which of name and alias the texts end with."""
    texts = [text for each in schedules for text in _texts(paths.read(leaf, each))]
    tails = {folded(tail) for text in texts for tail in _tails(text, before)}
    return [f"Location.{name}" for name in _NAMES if tails & set(name_counts(others, [paths.parse(name)]))]


def _texts(values: Iterable[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def columns(told: Sequence[Cells], lines: Sequence[Cells]) -> tuple[Column, ...]:
    """How far each column of ``schedules.csv`` is filled: by the EHR alone, and with the site's file."""
    mine = {line["schedule"]: line for line in told}
    return tuple(
        Column(
            name,
            sum(1 for line in lines if mine.get(line["schedule"], {}).get(name)),
            sum(1 for line in lines if line.get(name)),
            len(lines),
        )
        for name in SCHEDULE_COLUMNS
        if name not in ("schedule", "timezone")
    )
