"""Whether the schedules find their Practitioner and Location, and by what else they could."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.core import references
from gateway.core.directory import Cells, shown
from gateway.core.nearest import folded
from gateway.core.plan import Outcome
from gateway.probe.report import Column, Joined
from gateway.probe.samples import Json, Sample
from gateway.probe.ways import WAYS, Reach, Steps, in_force
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


@dataclass(frozen=True, slots=True)
class Better:
    """Ways that lead more schedules to a type of resource than those in force: ``ways`` is what to write for
    its join (empty: they are in force), ``joined`` how many find one then. ``whole``: all of that type must
    be read for it."""

    ways: list[dict[str, Any]]
    joined: int
    whole: bool = False


def better(kind: str, found: Joined, samples: Mapping[str, Sample], tables: SiteTables) -> Better | None:
    """What would find more schedules their ``kind`` than what is in force; None if the samples show
    nothing of the kind."""
    reach = Reach(samples, bases_of(tables, samples["Schedule"]))
    own = tables.dialect.joins.get(kind, ())
    choices = [_by_references(kind, reach, own), *_by_texts(kind, samples)]
    best = max(choices, key=lambda choice: choice.joined)
    return best if best.joined > found.joined else None


def _by_references(kind: str, reach: Reach, own: Sequence[Join]) -> Better:
    """The ways in force, and behind them those of R4 that lead further schedules anywhere."""
    present = in_force(own)
    led = _leading(reach, kind, present)
    added = []
    for steps in WAYS[kind]:
        if steps not in present and (further := _leading(reach, kind, (steps,)) - led):
            added.append({"reference": steps[0] if len(steps) == 1 else list(steps)})
            led |= further
    return Better([*map(_written, own), *added] if added else [], len(led), whole=not added)


def organizations(samples: Mapping[str, Sample], tables: SiteTables) -> Better | None:
    """Ways to an Organization that are not in force, by which schedules whose places or roles name one would
    know it; None if there are none."""
    reach = Reach(samples, bases_of(tables, samples.get("Schedule")))
    own = tables.dialect.joins.get("Organization", ())
    led: set[int] = set()
    added = []
    for (path,) in WAYS["Organization"]:
        further = {
            number
            for number, schedule in enumerate(reach.schedules)
            for each in reach.between(schedule)
            if each.get("resourceType") == path.partition(".")[0] and reach.refers(each, path)
        }
        if (path,) not in in_force(own) and further - led:
            added.append({"reference": path})
        led |= further
    return Better([*map(_written, own), *added], len(led)) if added else None


def _leading(reach: Reach, kind: str, ways: Sequence[Steps]) -> set[int]:
    """The places of the schedules that these ways lead to a resource of that type."""
    return {
        number
        for number, schedule in enumerate(reach.schedules)
        if any(reach.led(schedule, kind, steps) for steps in ways)
    }


def _written(way: Join) -> dict[str, Any]:
    """A join as ``dialect.yaml`` has it."""
    steps = [str(path) for path in way.steps]
    made: dict[str, Any] = {"reference": steps[0] if len(steps) == 1 else steps} if steps else {}
    if way.text is not None:
        made |= {"text": str(way.text), "after": way.after, "names": [str(name) for name in way.names]}
    return made


def _by_texts(kind: str, samples: Mapping[str, Sample]) -> Iterator[Better]:
    """Texts of the schedules that end in the name of a place. A Practitioner's name is in parts, so that no
    text of a schedule is just that."""
    schedules = samples["Schedule"].resources
    others = samples[kind].resources if kind in samples else ()
    known = name_counts(others, [paths.parse(name) for name in _NAMES])
    for leaf in _text_leaves(schedules) if kind == "Location" else []:
        befores = [_before(text, known) for each in schedules for text in _texts(paths.read(leaf, each))]
        for before, times in Counter(each for each in befores if each).most_common(1):
            used = _used(schedules, leaf, before, others)
            way = {"text": f"Schedule.{leaf}", "after": before, "names": used}
            yield Better([way], times, whole=True)


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
