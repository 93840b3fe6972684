"""Section 3: how cost grows with slots, schedules, rows of a table and sites."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import ours, rows
from benchmarks.bundles import META, Case, canvas_case
from benchmarks.report import Table, duration, ratio
from benchmarks.serving import configuration
from benchmarks.timing import Effort, interleaved
from benchmarks.upstream import answers
from gateway.assemble import Application, RedoxGateway, assemble, check_configuration
from gateway.core.plan import Answer, Call
from gateway.core.redox import Reader
from gateway.service import Service
from gateway.tables.answer.messages import kinds
from gateway.tables.build import schemas
from gateway.web.exchange import Exchange
from gateway.web.tokens import TokenIndex

SLOTS = (100, 300, 1_000, 3_000, 10_000)
SCHEDULES = (1, 5, 10, 25, 50)
ROWS = (10, 50, 100, 200)
SITES = (1, 10, 100, 1_000)
UNUSED, USED = "Slot.specialty.coding.code", "Slot.comment"
COLUMNS = ("what grows", "at", "time", "to the first", "exponent")


def tables(effort: Effort, *, quick: bool) -> list[Table]:
    """One table: every size of everything that grows, side by side within its kind."""
    found: list[tuple[str, ...]] = []
    sizes = {"slots": SLOTS, "schedules": SCHEDULES, "rows": ROWS, "sites": SITES}
    chosen = {name: (each[0], each[2]) if quick else each for name, each in sizes.items()}
    with asyncio.Runner() as runner:
        for name, title, calls in (
            ("slots", "slots of one schedule: Bundle to answer", _slots),
            ("schedules", "schedules, 1,000 slots in all: Bundles to answer", _schedules),
            ("rows", "rows that no slot of 1,000 uses: Bundle to answer", _unused),
            ("rows", "rows that every slot of 1,000 uses: Bundle to answer", _used),
            ("sites", "sites: one query to the last of them, without HTTP", partial(_queries, runner)),
        ):
            print(f"  {title} ...", file=sys.stderr, flush=True)
            found += _grown(title, chosen[name], calls(chosen[name]), effort)
    print("  sites: reading and checking the configuration ...", file=sys.stderr, flush=True)
    seconds = [_start(count) for count in chosen["sites"]]
    found += _lines("sites: configuration read, tables built, clients made", chosen["sites"], seconds)
    notes = (
        "exponent: of the growth from the size before; 1.00 is linear, 0.00 is flat",
        "the sites share a dialect and a zone, and so their compiled tables",
    )
    return [Table("How cost grows", COLUMNS, tuple(found), notes)]


def _grown(
    title: str, sizes: Sequence[int], calls: Sequence[Callable[[], object]], effort: Effort
) -> list[tuple[str, ...]]:
    timings = interleaved({str(size): call for size, call in zip(sizes, calls, strict=True)}, effort)
    return _lines(title, sizes, [timings.median(str(size)) for size in sizes])


def _lines(title: str, sizes: Sequence[int], seconds: Sequence[float]) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for place, (size, spent) in enumerate(zip(sizes, seconds, strict=True)):
        exponent = "-"
        if place:
            exponent = f"{math.log(spent / seconds[place - 1]) / math.log(size / sizes[place - 1]):.2f}"
        lines.append((title, f"{size:,}", duration(spent), ratio(spent / seconds[0]), exponent))
    return lines


def _slots(sizes: Sequence[int]) -> list[Callable[[], bytes]]:
    return [ours.prepare(canvas_case(size)) for size in sizes]


def _schedules(sizes: Sequence[int]) -> list[Callable[[], bytes]]:
    return [ours.prepare(canvas_case(1_000, schedules=size)) for size in sizes]


def _unused(sizes: Sequence[int]) -> list[Callable[[], bytes]]:
    case = canvas_case(1_000)
    return [ours.prepare(case, rows.tables(size, UNUSED)) for size in sizes]


def _used(sizes: Sequence[int]) -> list[Callable[[], bytes]]:
    case = _commented(canvas_case(1_000))
    return [ours.prepare(case, rows.tables(size, USED)) for size in sizes]


def _commented(case: Case) -> Case:
    """The case with a comment in every slot."""
    [searched] = case.schedules
    bundle = json.loads(searched.bundle)
    for entry in bundle["entry"]:
        entry["resource"]["comment"] = "Bring your insurance card"
    filled = json.dumps(bundle, separators=(",", ":")).encode()
    return dataclasses.replace(case, schedules=(dataclasses.replace(searched, bundle=filled),))


class _Fixed:
    """An upstream that is not one: the fixed answers of :mod:`benchmarks.upstream`, at once."""

    def __init__(self) -> None:
        self._answers = answers()

    def admit(self, calls: Sequence[Call], **_given: object) -> _Fixed:
        return self

    def close(self) -> None:
        pass

    async def call(self, call: Call, **_given: object) -> Answer:
        return Answer(call, (self._answers[f"/{call.target}"],))


def _queries(runner: asyncio.Runner, sizes: Sequence[int]) -> list[Callable[[], bytes]]:
    return [_query(runner, size) for size in sizes]


def _query(runner: asyncio.Runner, sites: int) -> Callable[[], bytes]:
    """A query to the last of so many sites, through all that is behind the HTTP listener."""
    application = _application(sites)
    served = {each.rules.id: dataclasses.replace(each, upstream=_Fixed()) for each in application.sites}
    names = {
        name: site.id
        for site in application.settings.sites
        if site.redox
        for name in site.redox.destination_ids
    }
    tokens = TokenIndex(("benchmark", site) for site in served)
    gateway = RedoxGateway(served, names, tokens=tokens, reader=Reader(kinds(schemas())), service=Service())
    destination = list(names)[-1]
    meta = {**META, "Destinations": [{"ID": destination}]}
    window = {"StartDateTime": "2023-09-21T00:00:00.000Z", "EndDateTime": "2023-09-24T00:00:00.000Z"}
    message = json.dumps({"Meta": meta, **window, "Visit": {}}).encode()

    async def ask() -> bytes:
        exchange = Exchange("benchmark", "redox", "POST")
        allowed = gateway.opens("benchmark") or frozenset()
        reply = await gateway.redox(message, allowed=allowed, site=None, request=exchange)
        return reply.body

    return lambda: runner.run(ask())


def _application(sites: int) -> Application:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "gateway.yaml")
        file.write_text(configuration(8080, 9090, "http://127.0.0.1:8081", sites))
        return assemble(check_configuration(file, {}))


def _start(sites: int) -> float:
    begun = time.perf_counter()
    _application(sites)
    return time.perf_counter() - begun
