"""Section 2: the whole way over HTTP, each server as one process on loopback, same upstream, same load."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import load
from benchmarks.bundles import META
from benchmarks.proxy import nginx_configuration
from benchmarks.report import Table, duration, ratio

TOKEN = "5f2c9d1b7e48a063"
READY_WITHIN = 15.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a server is to stand: a folder of its own, its port, the upstream's, and one more, for those
    that listen twice."""

    folder: Path
    port: int
    upstream_port: int
    admin_port: int


@dataclass(frozen=True, slots=True)
class Server:
    """``command`` writes what files it needs into the folder; None: it is not installed here."""

    name: str
    command: Callable[[Ground], list[str] | None]


@dataclass(frozen=True, slots=True)
class Load:
    """How hard and how long. ``headers`` and ``bodies`` are what is posted to ``/redox``."""

    seconds: float
    rounds: int
    connections: int
    headers: tuple[tuple[str, str], ...]
    bodies: tuple[bytes, ...]


def bare_proxy(ground: Ground) -> list[str]:
    upstream = f"http://127.0.0.1:{ground.upstream_port}"
    return [sys.executable, "-m", "benchmarks.proxy", str(ground.port), upstream]


def gateway(ground: Ground) -> list[str]:
    """``gateway serve`` with one worker and everything on: checks, log, metrics, breaker, deadlines."""
    upstream = f"http://127.0.0.1:{ground.upstream_port}"
    file = ground.folder / "gateway.yaml"
    file.write_text(configuration(ground.port, ground.admin_port, upstream))
    return [sys.executable, "-m", "gateway.cli.main", "serve", "--config", str(file)]


def configuration(port: int, admin_port: int, upstream: str, sites: int = 1) -> str:
    """The first form of the configuration; further sites differ from the first in id and destination."""
    lines = [
        f"server: {{host: 127.0.0.1, port: {port}}}",
        f"admin: {{host: 127.0.0.1, port: {admin_port}}}",
        "sites:",
    ]
    for number in range(sites):
        destination = META["Destinations"][0]["ID"] if number == 0 else f"destination-{number}"
        lines += [
            f"  - id: site-{number}",
            "    timezone: America/Los_Angeles",
            f"    redox: {{destination_ids: [{destination}], verification_token: {TOKEN}}}",
            f"    upstream: {{dialect: canvas, base_url: {upstream}, token_url: {upstream}/auth/token/,",
            "      client_id: benchmark, client_secret: benchmark}",
        ]
    return "\n".join([*lines, ""])


def nginx(ground: Ground) -> list[str] | None:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        return None
    file = ground.folder / "nginx.conf"
    file.write_text(nginx_configuration(ground.folder, ground.port, ground.upstream_port))
    return [program, "-p", str(ground.folder), "-c", str(file)]


BARE = Server("bare aiohttp proxy", bare_proxy)
GATEWAY = Server("gateway serve", gateway)
NGINX = Server("nginx proxy_pass", nginx)


def table(servers: Sequence[Server], plan: Load) -> Table:
    """Throughput of each, then the latency of each at half of what the slowest of them can do.

    Ratios are to the first server. Raises :class:`benchmarks.load.LoadFailed` where one does not answer.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as processes:
        upstream_port = free_port()
        command = [sys.executable, "-m", "benchmarks.upstream", str(upstream_port)]
        processes.enter_context(running("upstream", command, upstream_port))
        requests: dict[str, load.Request] = {}
        missing = []
        for number, server in enumerate(servers):
            ground = Ground(Path(folder, str(number)), free_port(), upstream_port, free_port())
            ground.folder.mkdir()
            if (line := server.command(ground)) is None:
                missing.append(server.name)
                continue
            processes.enter_context(running(server.name, line, ground.port))
            requests[server.name] = load.Request(ground.port, "/redox", plan.headers, plan.bodies)
        rates = _rates(requests, plan)
        offered = min(rates.values()) / 2
        times = _times(requests, plan, offered)
    base = next(iter(requests))
    rows = [_row(name, base, rates, times) for name in requests]
    rows += [(name, "not installed", "-", "-", "-", "-") for name in missing]
    columns = ("server, one worker", "answers/s", f"to {base}", "p50", "p99", "p99 over it")
    notes = (
        f"throughput: {plan.connections} connections in a closed loop, by {load.generator()}; "
        f"median of {plan.rounds} runs of {plan.seconds:g} s",
        f"p50 and p99: {offered:,.0f} requests/s in an open loop (half of what the slowest can do), "
        f"from when a request was due; medians of {plan.rounds} runs of {plan.seconds:g} s each, in turns",
    )
    return Table("Over HTTP, an answer of 3 slots", columns, tuple(rows), notes)


def _row(
    name: str, base: str, rates: dict[str, float], times: dict[str, list[tuple[float, float]]]
) -> tuple[str, ...]:
    p50, p99 = (median(run[place] for run in times[name]) for place in (0, 1))
    over = median(run[1] - beside[1] for run, beside in zip(times[name], times[base], strict=True))
    against = ratio(rates[name] / rates[base])
    return name, f"{rates[name]:,.0f}", against, duration(p50), duration(p99), f"{over * 1000:+.2f} ms"


def _rates(requests: dict[str, load.Request], plan: Load) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in requests}
    for name, request in requests.items():  # a first answer that is right, and warm connections
        load.latencies(request, rate=100, seconds=0.2, connections=4)
        _say(f"{name} answers")
    for number in range(plan.rounds):
        for name, request in requests.items():
            _say(f"throughput, round {number + 1} of {plan.rounds}: {name}")
            taken[name].append(load.throughput(request, connections=plan.connections, seconds=plan.seconds))
    return {name: median(values) for name, values in taken.items()}


def _times(
    requests: dict[str, load.Request], plan: Load, rate: float
) -> dict[str, list[tuple[float, float]]]:
    """By server, p50 and p99 of each run, in seconds."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in requests}
    for number in range(plan.rounds):
        for name, request in requests.items():
            _say(f"latency at {rate:,.0f}/s, round {number + 1} of {plan.rounds}: {name}")
            seconds = load.latencies(request, rate=rate, seconds=plan.seconds, connections=plan.connections)
            taken[name].append((load.percentile(seconds, 0.5), load.percentile(seconds, 0.99)))
    return taken


@contextlib.contextmanager
def running(name: str, command: list[str], port: int) -> Iterator[None]:
    """The process from when its port accepts until the block is left."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + READY_WITHIN
        while not _accepts(port):
            if process.poll() is not None:
                raise load.LoadFailed(f"{name} ended with {process.returncode} before it listened.")
            if time.monotonic() > end:
                raise load.LoadFailed(f"{name} did not listen within {READY_WITHIN:g} s.")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
