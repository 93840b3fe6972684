"""Goodput over offered load; a calm site beside thirty whose EHRs hang: ``python -m benchmarks.overload``.

``gateway serve`` as one process of its own, and a simulated EHR in this one, both on loopback; some five
minutes. What is measured is the ``gateway`` of the folder that this runs in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import aiohttp
from aiohttp import web

from benchmarks.bundles import META
from benchmarks.load import percentile
from benchmarks.report import Table, duration
from benchmarks.serving import TOKEN, free_port, running
from benchmarks.upstream import answers

PLACES, SLOW_SECONDS, CALM_SECONDS = 20, 0.5, 0.05
CAPACITY = PLACES / SLOW_SECONDS
"""Queries a second that the EHR can answer; each is one search for slots."""
OFFERED = (0.5, 1.0, 2.0, 3.0)
DEADLINE = 5.0
NOISY, NOISY_DEADLINE = 30, 25.0
_WINDOW = 10  # seconds that one figure stands for


class Ehr:
    """Answers as :mod:`benchmarks.upstream`. Searches for slots take half a second, twenty of them at a time;
    below ``/calm`` a twentieth, below ``/hangs`` they never end."""

    def __init__(self) -> None:
        self._answers = answers()
        self._places = asyncio.Semaphore(PLACES)

    async def answer(self, request: web.Request) -> web.Response:
        path = "/" + request.path.rpartition("/")[2]
        if path == "/Slot" and request.path.startswith("/hangs"):
            await asyncio.sleep(3600)
        elif path == "/Slot" and request.path.startswith("/calm"):
            await asyncio.sleep(CALM_SECONDS)
        elif path == "/Slot":
            async with self._places:
                await asyncio.sleep(SLOW_SECONDS)
        return web.Response(body=self._answers[path], content_type="application/fhir+json")


@dataclass(frozen=True, slots=True)
class Ended:
    """One query: when it came (seconds since the load began), how long it took, its status (0: none)."""

    came: float
    seconds: float
    status: int


def _site(name: str, upstream: str, deadline: float) -> str:
    return (
        f"  - id: {name}\n    timezone: America/Los_Angeles\n    deadline_seconds: {deadline:g}\n"
        f"    redox: {{destination_ids: [{name}], verification_token: {TOKEN}}}\n"
        f"    upstream: {{dialect: canvas, base_url: {upstream}, token: benchmark-upstream-token}}\n"
    )


@contextmanager
def _gateway(*sites: str) -> Iterator[int]:
    """The port of a gateway that serves these sites."""
    with tempfile.TemporaryDirectory() as folder:
        port, file = free_port(), Path(folder, "gateway.yaml")
        head = f"server: {{host: 127.0.0.1, port: {port}, shutdown_grace_seconds: 1}}\n"
        head += f"admin: {{host: 127.0.0.1, port: {free_port()}}}\n"
        file.write_text(f"{head}sites:\n{''.join(sites)}")
        command = [sys.executable, "-m", "gateway.cli.main", "serve", "--config", str(file)]
        with running("gateway serve", command, port):
            yield port


class Client:
    """Sends queries, each for a search that no other is for, and keeps what became of them."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}/redox"
        self._numbers = count()

    async def query(self, site: str, begun: float) -> Ended:
        number = next(self._numbers)
        body = {
            "Meta": {**META, "Destinations": [{"ID": site}]},
            "StartDateTime": f"2023-09-{1 + number // 900 % 20:02}T00:00:00.000Z",
            "EndDateTime": "2023-09-24T00:00:00.000Z",
            "Visit": {"VisitPreference": [{"Duration": str(5 + number % 900), "DurationUnit": "minutes"}]},
        }
        headers = {"verification-token": TOKEN, "Content-Type": "application/json"}
        came, status = time.monotonic(), 0
        try:
            async with self._session.post(self._url, data=json.dumps(body), headers=headers) as response:
                await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError):
            pass
        return Ended(came - begun, time.monotonic() - came, status)

    async def offered(self, site: str, rate: float, seconds: float) -> list[Ended]:
        """So many queries a second, at random, whether or not earlier ones have ended."""
        chance, begun = random.Random(1), time.monotonic()
        tasks: list[asyncio.Task[Ended]] = []
        due = begun
        while due < begun + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.append(asyncio.create_task(self.query(site, begun)))
            due += chance.expovariate(rate)
        return list(await asyncio.gather(*tasks))


async def _with_ehr(port: int) -> web.AppRunner:
    app = web.Application()
    app.router.add_get("/{tail:.*}", Ehr().answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    return runner


async def goodput(seconds: int) -> Table:
    """Answers a second, in each ten seconds, at several times of what the EHR can do."""
    rows = []
    ehr = free_port()
    runner = await _with_ehr(ehr)
    for times in OFFERED:
        _say(f"{times:g} times the capacity, {seconds} s")
        with _gateway(_site("slow", f"http://127.0.0.1:{ehr}", DEADLINE)) as port:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
                client = Client(session, port)
                await client.query("slow", 0.0)
                ended = await client.offered("slow", times * CAPACITY, seconds)
        rows.append(_goodput_row(times, ended, seconds))
    await runner.cleanup()
    ends = [f"to {second + _WINDOW} s" for second in range(0, seconds, _WINDOW)]
    columns = ("offered", *ends, "p99 of 200", "p99 of 503", "others")
    notes = (
        f"an EHR that answers {CAPACITY:g} queries a second; deadline {DEADLINE:g} s; 200s by when they end",
    )
    return Table("Goodput, answers a second", columns, tuple(rows), notes)


def _goodput_row(times: float, ended: Sequence[Ended], seconds: int) -> tuple[str, ...]:
    good = [each for each in ended if each.status == 200]
    figures = [
        sum(second <= each.came + each.seconds < second + _WINDOW for each in good) / _WINDOW
        for second in range(0, seconds, _WINDOW)
    ]
    refused = [each for each in ended if each.status == 503]
    return (
        f"{times:g} x {CAPACITY:g}/s",
        *(f"{each:.1f}" for each in figures),
        _p99(good),
        _p99(refused),
        str(len(ended) - len(good) - len(refused)),
    )


def _p99(ended: Sequence[Ended]) -> str:
    return duration(percentile(sorted(each.seconds for each in ended), 0.99)) if ended else "-"


async def beside_noise(seconds: int) -> Table:
    """What a calm site's queries take, alone and while thirty others wait for EHRs that hang."""
    ehr = free_port()
    runner = await _with_ehr(ehr)
    noisy = [f"noisy-{number}" for number in range(NOISY)]
    sites = [_site(name, f"http://127.0.0.1:{ehr}/hangs/{name}", NOISY_DEADLINE) for name in noisy]
    calm = _site("calm", f"http://127.0.0.1:{ehr}/calm", NOISY_DEADLINE)
    rows = []
    with _gateway(calm, *sites) as port:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            client = Client(session, port)
            await client.query("calm", 0.0)
            rows.append(_calm_row("alone", await client.offered("calm", 10, seconds)))
            _say(f"{NOISY} sites hang, {seconds} s")
            hanging = [asyncio.create_task(client.query(name, 0.0)) for name in noisy for _ in range(40)]
            await asyncio.sleep(2.0)
            rows.append(_calm_row(f"beside {NOISY} that hang", await client.offered("calm", 10, seconds)))
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
    await runner.cleanup()
    columns = ("a calm site", "queries", "answered", "p50", "p99", "longest")
    notes = (f"10 queries a second to the calm one; {40 * NOISY} queries to the others, which never end",)
    return Table("A calm site and its neighbours", columns, tuple(rows), notes)


def _calm_row(name: str, ended: Sequence[Ended]) -> tuple[str, ...]:
    taken = sorted(each.seconds for each in ended)
    good = sum(each.status == 200 for each in ended)
    figures = (percentile(taken, 0.5), percentile(taken, 0.99), taken[-1])
    return (name, str(len(ended)), str(good), *(duration(each) for each in figures))


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints both tables. Exit code 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument(
        "--seconds", type=int, default=60, choices=range(10, 601, 10), metavar="N", help="of each load"
    )
    options = parser.parse_args(arguments)
    print(asyncio.run(goodput(options.seconds)).markdown(), flush=True)
    print(asyncio.run(beside_noise(min(20, options.seconds))).markdown(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
