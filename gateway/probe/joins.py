"""Whether the schedules find their Practitioner and Location, and by what else they could."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.core import references
from gateway.core.directory import Cells, shown
from gateway.core.nearest import folded
from gateway.core.plan import Outcome
from gateway.probe.report import Column, Joined
from gateway.probe.samples import Json, Sample
from gateway.tables.answer.site import SiteTables
from gateway.tables.read.code_tables import SCHEDULE_COLUMNS
from gateway.tables.read.joins import Join
from gateway.tables.rows import paths

_NAMES = ("name", "alias")
# What may stand between the rest of a text and a name at its end: a word (" at "), or signs (" - ", ": ").
_BEFORE = re.compile(r"(?:\s[^\W\d_]{1,12}|\s?[^\w\s]{1,3})\s?$")


def joined(
    tables: SiteTables, samples: Mapping[str, Sample], outcomes: Sequence[Outcome], now: datetime
) -> tuple[Joined, ...]:
    """For the practitioners and the places of the sampled schedules."""
    schedules = samples["Schedule"].resources if "Schedule" in samples else ()
    if not schedules:
        return ()
    actors = _actors(schedules)
    return tuple(
        Joined(
            kind,
            _how(tables.dialect.joins.get(kind, ())),
            len(schedules),
            *counts,
            _whole(kind, samples),
            actors,
        )
        for kind, counts in tables.joined(outcomes, now).items()
    )


def _whole(kind: str, samples: Mapping[str, Sample]) -> bool:
    """Whether there is none but those that were read: what is read by ids is either there or not."""
    others = samples.get(kind)
    return others is None or (others.failure is None and others.pages.complete)


def _ids(resources: Sequence[Json]) -> frozenset[str]:
    """Those of their ids that are texts, as FHIR has them."""
    return frozenset(found for each in resources if isinstance(found := each.get("id"), str))


def _how(ways: Sequence[Join]) -> str:
    told = []
    for way in ways:
        if way.steps:
            told.append(", then ".join(map(str, way.steps)))
        if way.text is not None:
            names = ", ".join(map(str, way.names))
            told.append(f'{way.text}, behind "{way.after}", against {names}')
    return "; ".join(told) or "nothing"


def bases_of(tables: SiteTables, schedules: Sample | None) -> frozenset[str]:
    """The addresses of the upstream: the configured one, and those by which it calls its Schedules."""
    entries = schedules.entries if schedules is not None else ()
    urls = [url for each in entries if isinstance(url := each.get("fullUrl"), str)]
    return frozenset(
        {references.address(tables.base_url), *(references.split(url)[0] for url in urls)} - {""}
    )


def _refers(schedule: Json, kind: str, ids: frozenset[str], bases: Collection[str]) -> bool:
    """Whether an actor of the schedule is one of these resources."""
    for text in _texts(paths.read(paths.parse("actor.reference"), schedule)):
        named = references.resolve(text, bases)
        if named is not None and named.kind == kind and named.id in ids:
            return True
    return False


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
    schedules = samples["Schedule"].resources
    others = samples[kind].resources if kind in samples else ()
    ids = _ids(others)
    bases = bases_of(tables, samples["Schedule"])
    count = sum(_refers(each, kind, ids, bases) for each in schedules)
    choices: list[tuple[dict[str, Any], int]] = [({"reference": "Schedule.actor"}, count)]
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
