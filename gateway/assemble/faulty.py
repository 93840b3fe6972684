"""Which sites have faulty tables, in the words of whoever tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.assemble.check import ReadConfiguration
from gateway.files.marked import Fault
from gateway.web.tables_told import FaultySite


def faulty_site(serves: str | None, faults: Iterable[Fault]) -> FaultySite:
    """One of them; ``serves`` is the hash of the tables that it has all the same."""
    return FaultySite(serves, tuple(map(str, faults)))


def faulty_sites(found: ReadConfiguration) -> Mapping[str, FaultySite]:
    """Those that are left out."""
    sites = enumerate(zip(found.settings.sites, found.sites, strict=True))
    return {
        site.id: faulty_site(None, found.faults(position))
        for position, (site, sited) in sites
        if sited is None
    }
