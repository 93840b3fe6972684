"""Looks whether files of tables change, tells of it, and has them read anew where that is wanted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from structlog.typing import FilteringBoundLogger

from gateway.assemble.disk import Disk, Stamp
from gateway.web.logging import describe_fault
from gateway.web.tables_told import Reload, TablesTold

_SECONDS: Final = 1.0
_SELDOM_SECONDS: Final = 5.0
_SHARE: Final = 50.0  # of its time at the most one part in so many is spent on looking

_TABLES: Final = "the tables on the disk are not those that were read"
_CONFIGURATION: Final = "the configuration has changed since the start; that needs a restart"


class DiskWatch:
    """Files count as changed once two looks, one after the other, have seen the same: whoever writes several
    is then done. With ``reload`` they are read anew by it, else it is told that they should be."""

    def __init__(
        self,
        disk: Disk,
        told: TablesTold,
        log: FilteringBoundLogger,
        reload: Reload | None,
        seconds: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        usual = _SECONDS if reload is not None else _SELDOM_SECONDS
        self._seconds = usual if seconds is None else seconds
        self._disk = disk
        self._told = told
        self._log = log
        self._reload = reload
        self._clock = clock
        self._last: Stamp | None = None
        self._judged: Stamp | None = None

    async def run(self) -> None:
        """Until it is cancelled."""
        pause = self._seconds
        while True:
            await asyncio.sleep(pause)
            began = self._clock()
            try:
                await self._look()
            except Exception as fault:
                self._log.error("disk", said="the files could not be looked at", **describe_fault(fault))
            pause = max(self._seconds, _SHARE * (self._clock() - began))

    async def _look(self) -> None:
        stamp = await asyncio.to_thread(self._disk.stamp)
        settled, self._last = stamp == self._last, stamp
        if not settled or stamp == self._judged:
            return
        self._judged = stamp
        tables = await asyncio.to_thread(self._disk.tables_differ)
        configuration = await asyncio.to_thread(self._disk.configuration_differs)
        if configuration and not self._told.configuration_differs:
            self._log.warning("disk", said=_CONFIGURATION)
        self._told.configuration_differs = configuration
        if tables and self._reload is not None:
            await self._reload("file")
        elif tables != self._told.disk_differs:
            self._told.disk_differs = tables
            if tables:
                self._log.warning("disk", said=f"{_TABLES}; gateway reload puts them in force")
