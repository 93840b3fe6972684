"""What is wrong with each site of a configuration, where something is wrong with any."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.config.shared import told_once
from gateway.files.marked import Fault, Faults

_OF_A_SITE = re.compile(r"sites\[([0-9]{1,9})\]")


@dataclass(slots=True)
class Wrong:
    """Faults as they are found: all of them, those of the tables of each site by its position, and those of
    its settings that only its tables show. The text of one of the configuration says itself of which site it
    is."""

    faults: list[Fault] = field(default_factory=list)
    of_tables: dict[int, list[Fault]] = field(default_factory=dict)
    of_settings: dict[int, list[Fault]] = field(default_factory=dict)

    def tables(self, position: int, faults: Iterable[Fault]) -> None:
        """Adds what is wrong with the tables of the site at that position."""
        self._add(self.of_tables, position, faults)

    def misfits(self, position: int, faults: Iterable[Fault]) -> None:
        """Adds what of that site's settings does not fit its tables."""
        self._add(self.of_settings, position, faults)

    def _add(self, where: dict[int, list[Fault]], position: int, faults: Iterable[Fault]) -> None:
        if added := tuple(faults):
            where.setdefault(position, []).extend(added)
            self.faults.extend(added)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A site and what is wrong with it; what others share with it as well."""

    site: str
    faults: tuple[Fault, ...]


class FaultySites(Faults):
    """Faults of which it is known whose they are: ``sites`` has every site that can be told."""

    def __init__(self, faults: Iterable[Fault], sites: Sequence[Verdict]) -> None:
        super().__init__(faults)
        self.sites = tuple(sites)


def verdicts(
    names: Mapping[int, str], faults: Iterable[Fault], of_tables: Mapping[int, Sequence[Fault]]
) -> tuple[Verdict, ...]:
    """The sites of these ``names``, by their positions, each with those of the ``faults`` that are its."""
    found: dict[int, list[Fault]] = {position: [*of_tables.get(position, ())] for position in names}
    for fault in faults:
        match = _OF_A_SITE.match(fault.text)
        if match is not None and int(match[1]) in found:
            found[int(match[1])].append(fault)
    return tuple(
        Verdict(name, tuple(sorted(set(told_once(found[position]))))) for position, name in names.items()
    )
