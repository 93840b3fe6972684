"""Where the lines of a site's ``schedules.csv`` stand."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.assemble import CheckedConfiguration
from gateway.config import Site
from gateway.files.marked import Mark
from gateway.tables.read.code_tables import places


def places_of(found: CheckedConfiguration, site: Site) -> Mapping[str, Mark]:
    """By the schedule of each line; none for a site without the file."""
    number = [each.id for each in found.settings.sites].index(site.id)
    own = found.files.site(site.upstream.dialect, site.id, site.like, []).own
    return places(own, found.tables[number].schedules)
