"""By which ways the samples lead from Schedules to practitioners, places and organizations, in force or not.

The tables follow the ways of their dialect. Here FHIR R4's others are followed as well, over plain JSON, so
that it can be said which would find what those in force do not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from gateway.core import references
from gateway.core.references import Reference
from gateway.probe.samples import Json, Sample
from gateway.tables.read.joins import Join
from gateway.tables.rows import paths

Steps = tuple[str, ...]

WAYS: Final[Mapping[str, tuple[Steps, ...]]] = {
    "Practitioner": (("Schedule.actor",), ("Schedule.actor", "PractitionerRole.practitioner")),
    "Location": (
        ("Schedule.actor",),
        ("Schedule.actor", "PractitionerRole.location"),
        ("Schedule.actor", "HealthcareService.location"),
        ("Schedule.actor", "PractitionerRole.healthcareService", "HealthcareService.location"),
    ),
    "Organization": (
        ("Location.managingOrganization",),
        ("PractitionerRole.organization",),
        ("HealthcareService.providedBy",),
    ),
}
"""The references of R4 by which a directory is joined, those that lead there most directly first."""

_ABOVE: Final = "Location.partOf"
_HIGHEST: Final = 10  # Locations above each other


class Reach:
    """The sampled resources, and what their references lead to. ``bases`` are the upstream's addresses."""

    def __init__(self, samples: Mapping[str, Sample], bases: Collection[str]) -> None:
        self._bases = bases
        self._known = {
            Reference(kind, each["id"]): each
            for kind, sample in samples.items()
            for each in sample.resources
            if isinstance(each.get("id"), str)
        }
        self.schedules: Sequence[Json] = samples["Schedule"].resources if "Schedule" in samples else ()

    def led(self, schedule: Json, kind: str, steps: Steps) -> list[Json]:
        """The resources of that type which a Schedule leads to by these references."""
        return list(self._led(schedule, kind, steps, {}))

    def between(self, schedule: Json) -> list[Json]:
        """The places that a Schedule leads to by any of the ways, and what it leads to somebody or a place
        through."""
        found: list[Json] = []
        for kind in ("Practitioner", "Location"):
            for steps in WAYS[kind]:
                if reached := self.led(schedule, kind, steps):
                    found += reached if kind == "Location" else []
                    for number in range(1, len(steps)):
                        found += self.led(schedule, steps[number].partition(".")[0], steps[:number])
        return found

    def refers(self, resource: Json, path: str) -> list[Reference]:
        """What the resource refers to by that element, be it there or not."""
        texts = paths.read(paths.parse(f"{path.partition('.')[2]}.reference"), resource)
        found = (references.resolve(text, self._bases) for text in texts if isinstance(text, str))
        return [each for each in found if each is not None]

    def upwards(self, place: Json) -> list[Json]:
        """The Location and what it is part of, as far as that is known."""
        found = [place]
        while len(found) < _HIGHEST:
            above = [self._known.get(each) for each in self.refers(found[-1], _ABOVE)[:1]]
            if not above or above[0] is None or above[0] in found:
                break
            found.append(above[0])
        return found

    def missing(self) -> dict[str, list[str]]:
        """The ids, by type, of what is not there though Schedules refer to it by any of the ways, or
        Locations are part of it."""
        wanted: dict[Reference, None] = {}
        for kind in ("Practitioner", "Location"):
            for schedule in self.schedules:
                for steps in WAYS[kind]:
                    for _ in self._led(schedule, kind, steps, wanted):
                        pass
        for known, resource in self._known.items():
            if known.kind == "Location":
                wanted.update(dict.fromkeys(self._unknown(resource, _ABOVE, "Location")))
        ids: dict[str, list[str]] = {}
        for each in wanted:
            ids.setdefault(each.kind, []).append(each.id)
        return ids

    def _unknown(self, resource: Json, path: str, kind: str) -> list[Reference]:
        found = self.refers(resource, path)
        return [each for each in found if each.kind == kind and each not in self._known]

    def _led(self, start: Json, kind: str, steps: Steps, wanted: dict[Reference, None]) -> Iterator[Json]:
        """The same as :meth:`led`; what is not there on the way is put among the ``wanted``."""
        reached: list[Json] = [start]
        for number, path in enumerate(steps):
            then = steps[number + 1].partition(".")[0] if number + 1 < len(steps) else kind
            wanted.update(
                (each, None) for resource in reached for each in self._unknown(resource, path, then)
            )
            named = (each for resource in reached for each in self.refers(resource, path))
            reached = [self._known[each] for each in named if each.kind == then and each in self._known]
        yield from reached


def in_force(ways: Iterable[Join]) -> tuple[Steps, ...]:
    """The ways by references among these joins."""
    return tuple(tuple(map(str, way.steps)) for way in ways if way.steps)
