"""Section 4: from a command to its end, or to being ready; each time a fresh process."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks import serving
from benchmarks.load import LoadFailed
from benchmarks.report import Table, duration

GATEWAY = (sys.executable, "-m", "gateway.cli.main")
PATIENCE = 30.0


def tables(*, runs: int) -> list[Table]:
    """Medians and worst of so many runs, in turns, beside what is to be reached."""
    with tempfile.TemporaryDirectory() as folder:
        measured: dict[str, tuple[Callable[[], float], str]] = {
            "gateway --help": (lambda: _ended(folder, "--help"), "-"),
            "gateway check, shipped tables": (lambda: _ended(folder, "check"), "1 s"),
            "gateway serve, until /readyz says so": (lambda: _ready(Path(folder)), "2 s"),
        }
        taken: dict[str, list[float]] = {name: [] for name in measured}
        for number in range(runs):
            print(f"  round {number + 1} of {runs} ...", file=sys.stderr, flush=True)
            for name, (run, _) in measured.items():
                taken[name].append(run())
    rows = tuple(
        (name, duration(median(taken[name])), duration(max(taken[name])), within)
        for name, (_, within) in measured.items()
    )
    note = f"{runs} runs, each a fresh process, with the files in the operating system's cache"
    return [Table("Start-up", ("command", "median", "slowest", "to reach"), rows, (note,))]


def _environment() -> dict[str, str]:
    """The package is found wherever the command is run."""
    here = str(Path(__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))}


def _ended(folder: str, *arguments: str) -> float:
    begun = time.perf_counter()
    done = subprocess.run(
        [*GATEWAY, *arguments],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise LoadFailed(f"gateway {' '.join(arguments)} ended with {done.returncode}.")
    return time.perf_counter() - begun


def _ready(folder: Path) -> float:
    ground = serving.Ground(folder, *(serving.free_port() for _ in range(3)))
    command = serving.gateway(ground)
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _says_ready(ground.admin_port):
            if process.poll() is not None or time.perf_counter() > begun + PATIENCE:
                raise LoadFailed("gateway serve did not become ready.")
            time.sleep(0.005)
        return time.perf_counter() - begun
    finally:
        process.kill()
        process.wait()


def _says_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False
