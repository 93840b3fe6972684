"""What is true of the tables of all sites, for ``/readyz``, the metrics and the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from structlog.typing import FilteringBoundLogger

MOST_SITES: Final = 100
MOST_FAULTS: Final = 10
_MOST_LETTERS: Final = 300
LEFT_OUT: Final = "its tables have faults, so it is left out and answers 503"
KEPT: Final = "its tables on the disk have faults, so it keeps those that it has"


@dataclass(frozen=True, slots=True)
class FaultySite:
    """A site whose tables have faults, as they are on the disk: the hash of those that it ``serves`` all the
    same (None: it is left out), the first faults, each as ``file:line:column: text``, and how many there
    are."""

    serves: str | None
    faults: tuple[str, ...]
    count: int

    @classmethod
    def of(cls, serves: str | None, faults: Sequence[object]) -> FaultySite:
        """Of faults whose text says where they are."""
        first = tuple(str(each)[:_MOST_LETTERS] for each in faults[:MOST_FAULTS])
        return cls(serves, first, len(faults))

    @property
    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {"serves": self.serves, "count": self.count, "faults": self.faults}


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of a reload: the sites that have other tables now, each with their hash, how many keep those
    they had, and those whose tables have faults. ``said``: why nothing was changed."""

    changed: Mapping[str, str]
    unchanged: int
    faulty: Mapping[str, FaultySite]
    seconds: float
    said: str | None = None
    configuration_differs: bool = False

    @property
    def status(self) -> int:
        """200 if what is on the disk is in force, 422 if there are faults, 503 if it could not be."""
        if self.faulty:
            return 422
        return 200 if self.said is None else 503

    @property
    def counted(self) -> dict[str, Any]:
        """For the log."""
        told = {"changed": len(self.changed), "unchanged": self.unchanged, "faulty": len(self.faulty)}
        return {**told, "seconds": round(self.seconds, 3), "said": self.said}

    @property
    def told(self) -> dict[str, Any]:
        """As JSON, of many sites the first."""
        changed = dict(islice(self.changed.items(), MOST_SITES))
        return {
            "ok": self.status == 200,
            **self.counted,
            "configuration_differs": self.configuration_differs,
            "sites": changed,
            "faults": told_of(self.faulty),
        }


Reload = Callable[[str], Awaitable[Reloaded]]
"""Reads the tables anew; who asked for it is a word for the log."""


class TablesTold(Collector):
    """What the last reading of the tables found, and when it was (seconds since the epoch); and whether what
    is on the disk is something else by now."""

    def __init__(self, faulty: Mapping[str, FaultySite], read_at: float) -> None:
        self.faulty = dict(faulty)
        self.read_at = self.changed_at = read_at
        self.disk_differs = self.configuration_differs = False

    def more(self) -> Mapping[str, Any]:
        """For ``/readyz``: nothing while all is well."""
        told: dict[str, Any] = {}
        if self.faulty:
            told["faulty"] = told_of(self.faulty)
        if self.disk_differs:
            told["disk"] = "differs from what was read; gateway reload reads it"
        if self.configuration_differs:
            told["configuration"] = "has changed since the start; that needs a restart"
        return {"tables": told} if told else {}

    def log(self, log: FilteringBoundLogger, faulty: Mapping[str, FaultySite]) -> None:
        """A line for each of these sites, of a bounded number."""
        for name, site in islice(faulty.items(), MOST_SITES):
            log.error("tables", site=name, said=LEFT_OUT if site.serves is None else KEPT, **site.told)
        if len(faulty) > MOST_SITES:
            log.error("tables", said="there are faulty sites beyond these", count=len(faulty))

    def watched(self, registry: CollectorRegistry) -> None:
        """Be in that exposition from now on."""
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        faults = GaugeMetricFamily(
            "gateway_tables_faults",
            "Faults of the tables of a site, as they were last read; none: no sample.",
            labels=("site",),
        )
        for name, site in self.faulty.items():
            faults.add_metric((name,), site.count)
        yield faults
        differ, configured = float(self.disk_differs), float(self.configuration_differs)
        for name, text, value in (
            ("gateway_tables_faulty_sites", "Sites whose tables have faults.", float(len(self.faulty))),
            ("gateway_tables_read_timestamp_seconds", "When tables were last read.", self.read_at),
            (
                "gateway_tables_changed_timestamp_seconds",
                "When others were last put in force.",
                self.changed_at,
            ),
            ("gateway_tables_disk_differs", "1 while the tables on the disk are not those read.", differ),
            ("gateway_configuration_differs", "1 once the configuration needs a restart.", configured),
        ):
            yield GaugeMetricFamily(name, text, value)


def told_of(faulty: Mapping[str, FaultySite]) -> dict[str, Any]:
    """Faulty sites as JSON, of many the first."""
    told: dict[str, Any] = {name: site.told for name, site in islice(faulty.items(), MOST_SITES)}
    return told
