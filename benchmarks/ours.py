"""The gateway's own way from Bundle bytes to Redox bytes: shipped tables, Canvas dialect, all of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache

from benchmarks.bundles import Case, Searched
from gateway.core import redox, window
from gateway.core.directory import Cells
from gateway.core.flows import RESPONSE
from gateway.core.mapping import Wanted
from gateway.core.plan import Answer, Call
from gateway.core.values import at_once
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables
from gateway.tables.build import Wanted as Site

MOST = 100_000  # slots in an answer: more than any case has
_SEARCH = Call("Slot")


@lru_cache
def tables() -> SiteTables:
    """The shipped tables, compiled; what their codecs remember stays from case to case, as in a service."""
    return Tables(None).build(Site("benchmark", "canvas", "America/Los_Angeles"))


def prepare(case: Case, compiled: SiteTables | None = None) -> Callable[[], bytes]:
    """``compiled``: other tables than those of :func:`tables`.

    They and the directory are there before a query comes, and its window has been read. What the upstream
    answered is collected, sorted and written as in :mod:`gateway.core.flows`. The order of the schedules
    is the case's.
    """
    site = dataclasses.replace(compiled or tables(), schedules=tuple(line(each) for each in case.schedules))
    directory = site.directory(())
    places = {each["schedule"]: position for position, each in enumerate(directory.lines)}
    positions = [places[each.schedule] for each in case.schedules]
    answers = [Answer(_SEARCH, (each.bundle,)) for each in case.schedules]
    wanted = Wanted(window.to_utc_text(case.start), window.to_utc_text(case.end))

    def answer() -> bytes:
        collector = site.collector(directory, positions)
        for each in answers:
            at_once(collector.add(each, wanted))
        texts, between, cut = at_once(collector.texts(MOST))
        incomplete = cut or any(issue.severity == "error" for issue in collector.issues)
        at = window.to_utc_text(case.now)
        return redox.reply(case.meta, RESPONSE, at, texts, between, incomplete=incomplete)

    return answer


def line(searched: Searched) -> Cells:
    """What the case says of a schedule as a line of the directory, in the columns of ``schedules.csv``."""
    provider, location = searched.provider, searched.location
    cells = {
        "schedule": searched.schedule,
        "provider_id": provider.get("ID"),
        "provider_id_type": provider.get("IDType"),
        "first_name": provider.get("FirstName"),
        "last_name": provider.get("LastName"),
        "credentials": " ".join(provider.get("Credentials", ())),
        "phone": provider.get("PhoneNumber", {}).get("Office"),
        "facility": location.get("Facility"),
        "department": location.get("Department"),
        "room": location.get("Room"),
    }
    return {column: cell for column, cell in cells.items() if cell}
