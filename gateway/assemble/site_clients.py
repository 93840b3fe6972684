"""The clients of the sites' upstreams: each made when its site is first served, and kept to the end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from structlog.typing import FilteringBoundLogger

from gateway.assemble.clients import Client, Misfit, client_of
from gateway.assemble.watch import Watch
from gateway.config import Settings
from gateway.files.marked import Fault
from gateway.tables.read.dialect import Dialect
from gateway.upstream.common import Common
from gateway.upstream.session import SharedSession
from gateway.upstream.surroundings import Surroundings
from gateway.web.metrics import Metrics


class Clients:
    """Those of one process, which share a session and a bound."""

    def __init__(self, metrics: Metrics, session: SharedSession, wall_clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._session = session
        self._wall_clock = wall_clock
        self._common = Common()
        self._made: dict[str, Client] = {}
        self._watches: list[Watch] = []
        self._log: FilteringBoundLogger | None = None

    def of(self, settings: Settings, position: int, dialect: Dialect, faults: list[Fault]) -> Client | None:
        """That of a site with these settings; None where none can be made, and why goes into ``faults``."""
        site = settings.sites[position]
        if site.id in self._made:  # of the same kind: the settings fit no dialect of another
            return self._made[site.id]
        watch = Watch(self._metrics, site.id)
        watch.log = self._log
        around = Surroundings(
            session=self._session,
            common=self._common,
            observe=watch,
            rebased=watch.rebased,
            wall_clock=self._wall_clock,
        )
        try:
            client = client_of(site.upstream, dialect, around, deadline_seconds=site.deadline_seconds)
        except Misfit as misfit:
            place = settings.where(("sites", position, "upstream", misfit.key))
            faults.append(place.fault(f"sites[{position}].upstream.{misfit.key}: {misfit}"))
            return None
        self._metrics.watch(site.id, partial(getattr, client, "standing"))
        self._made[site.id] = client
        self._watches.append(watch)
        return client

    def tell(self, log: FilteringBoundLogger) -> None:
        """Where to say what happens to them, from now on."""
        self._log = log
        for watch in self._watches:
            watch.log = log

    async def close(self) -> None:
        for client in self._made.values():
            await client.close()
