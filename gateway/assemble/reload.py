"""Tables read anew while the gateway serves: checked whole, then put in force site by site."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from structlog.typing import FilteringBoundLogger

from gateway.assemble.application import Application
from gateway.assemble.check import ReadConfiguration, read_tables
from gateway.assemble.disk_watch import DiskWatch
from gateway.assemble.prepared import Prepared
from gateway.clock import Clock
from gateway.files.marked import Fault
from gateway.tables.read.folders import Kept
from gateway.web.logging import describe_fault
from gateway.web.tables_told import FaultySite, Reloaded, TablesTold

T = TypeVar("T")

_GIVE_WAY_SECONDS: Final = 0.0005
_USUAL_SECONDS: Final = sys.getswitchinterval()
_USUAL_GARBAGE: Final = gc.get_threshold()
_NEVER: Final = 1_000_000_000
_MOST_REMARKS: Final = 10_000  # that are known to have been told
_FAILED: Final = "reading the tables failed by a fault of the gateway; nothing was changed"
_GONE: Final = "the folder of tables is not there any more; nothing was changed"
_REFUSED: Final = "with mappings_faults: refuse, nothing was changed"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Tables that can be put in force: the sites that get others, made ready in this process, and the files
    of all sites as they would be in force then."""

    ready: Prepared
    files: Kept


Switch = Callable[[Candidate], Awaitable[str | None]]
"""Puts a candidate in force everywhere, or nowhere: then it says why."""


class Reloading:
    """Reads and swaps the tables of ``application``, which was made of ``found``. One reload is under way at
    a time; all who ask meanwhile have the next one, which reads what they wrote."""

    def __init__(
        self,
        found: ReadConfiguration,
        application: Application,
        told: TablesTold,
        *,
        switch: Switch,
        log: FilteringBoundLogger,
        clock: Clock,
    ) -> None:
        assert found.disk is not None  # whoever reads a configuration whole has looked at it
        self._disk = found.disk
        self._settings = found.settings
        self._had_folder = found.settings.mappings is not None and found.settings.mappings.is_dir()
        self._files = found.files
        self._found = found
        self._remarks = set(found.remarks)
        self._application = application
        self._told = told
        self._switch = switch
        self._log = log
        self._clock = clock
        self._now: asyncio.Task[Reloaded] | None = None
        self._next: asyncio.Task[Reloaded] | None = None
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look after the files from now on."""
        by_itself = self.reload if self._settings.mappings_reload == "watch" else None
        watch = DiskWatch(self._disk, self._told, self._log, by_itself)
        self._watching = asyncio.create_task(watch.run())

    async def reload(self, why: str) -> Reloaded:
        """Read the tables from the disk, put in force what is well, and say what came of it."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._now, why))
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """End what is under way."""
        tasks = (self._watching, self._now, self._next)
        left = [task for task in tasks if task is not None and not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _after(self, before: asyncio.Task[Reloaded] | None, why: str) -> Reloaded:
        if before is not None:
            await asyncio.wait({before})
        self._now, self._next = self._next, None
        began = time.perf_counter()
        try:
            done = await self._once(began)
        except Exception as fault:
            self._log.error("reload", why=why, said=_FAILED, **describe_fault(fault))
            return Reloaded({}, 0, self._told.faulty, time.perf_counter() - began, _FAILED)
        level = self._log.info if done.status == 200 else self._log.error
        level("reload", why=why, **done.counted)
        return done

    async def _once(self, began: float) -> Reloaded:
        own = self._settings.mappings
        if self._had_folder and own is not None and not own.is_dir():
            # Somebody is exchanging it: without it every site would have the tables of the package.
            unchanged = len(self._settings.sites) - len(self._told.faulty)
            return Reloaded({}, unchanged, self._told.faulty, time.perf_counter() - began, _GONE)
        self._had_folder = own is not None and own.is_dir()
        found = await aside(self._read)
        self._remark(found.remarks)
        served = self._application.gateway.sites
        wrong = dict(found.left_out)
        ready = self._application.ready(self._settings, found.sites)
        wrong |= ready.faults
        said = None
        if wrong and self._settings.mappings_faults == "refuse":
            said = _REFUSED
        elif ready.served:
            kept = self._files.of(wrong)
            well = {site.id for site in self._settings.sites} - wrong.keys()
            files = found.files.of(well).beside(kept)
            former = {name: served[name].tables.hash for name in ready.served if name in served}
            said = await self._switch(Candidate(ready, files))
            if said is None:
                self._files = files
                self._told.changed_at = self._clock().timestamp()
                self._tell_changed(ready, former)
        self._tell_faulty(wrong)
        hashes = {name: site.tables.hash for name, site in ready.served.items()} if said is None else {}
        unchanged = len(self._settings.sites) - len(hashes) - len(wrong)
        seconds = time.perf_counter() - began
        return Reloaded(hashes, unchanged, self._told.faulty, seconds, said, self._told.configuration_differs)

    def _read(self) -> ReadConfiguration:
        self._disk.reading()
        self._told.configuration_differs = self._disk.configuration_differs()
        found = self._found = read_tables(self._settings, self._found)
        self._told.disk_differs = False
        return found

    def _tell_changed(self, ready: Prepared, former: Mapping[str, str]) -> None:
        for name, site in ready.served.items():
            self._log.info("tables", site=name, tables=site.tables.hash, former=former.get(name))

    def _tell_faulty(self, wrong: Mapping[str, tuple[Fault, ...]]) -> None:
        """Faults that were told before are not logged again."""
        served = self._application.gateway.sites
        faulty = {
            name: FaultySite.of(served[name].tables.hash if name in served else None, faults)
            for name, faults in wrong.items()
        }
        new = {name: site for name, site in faulty.items() if self._told.faulty.get(name) != site}
        self._told.faulty = faulty
        self._told.read_at = self._clock().timestamp()
        self._told.log(self._log, new)

    def _remark(self, remarks: tuple[Fault, ...]) -> None:
        for remark in remarks:
            if remark not in self._remarks:
                self._log.warning("remark", place=f"{remark.file}:{remark.line}", text=remark.text)
        if len(self._remarks) > _MOST_REMARKS:
            self._remarks.clear()
        self._remarks.update(remarks)


async def aside(work: Callable[[], T]) -> T:
    """What the work comes to, done in a thread that gives way: Python lets a thread go on for 5 ms before
    another has its turn, which each request would wait for many times. Nor is everything looked through for
    garbage meanwhile, again and again, which holds up all threads; that is made up for once, at its end."""
    young, old, _ = _USUAL_GARBAGE
    sys.setswitchinterval(_GIVE_WAY_SECONDS)
    gc.set_threshold(young, old, _NEVER)
    try:
        return await asyncio.to_thread(work)
    finally:
        gc.set_threshold(*_USUAL_GARBAGE)
        sys.setswitchinterval(_USUAL_SECONDS)
