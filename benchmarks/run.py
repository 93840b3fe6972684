"""``python -m benchmarks``: runs the sections, prints their tables and writes them to ``results.md``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks import bundling, load, reverse, scaling, serving, startup
from benchmarks.bundles import META
from benchmarks.report import Table, heading
from benchmarks.timing import FULL, QUICK

RESULTS = Path(__file__).parent / "results.md"
SECTIONS = ("bundles", "reverse", "http", "growth", "start-up")
HEADERS = (("Content-Type", "application/json"), ("verification-token", serving.TOKEN))
SERVERS = (serving.BARE, serving.GATEWAY, serving.NGINX)


def queries() -> tuple[bytes, ...]:
    """Redox messages for everything open in a window that holds the Canvas sample's days, each another:
    the gateway asks once for equal searches that are under way together, and the proxies do not."""
    windows = [(21 - before, 24 + after) for before in range(8) for after in range(7)]
    return tuple(
        json.dumps(
            {
                "Meta": META,
                "StartDateTime": f"2023-09-{first:02}T00:00:00.000Z",
                "EndDateTime": f"2023-09-{last:02}T00:00:00.000Z",
                "Visit": {
                    "Reasons": [],
                    "AttendingProviders": [],
                    "Locations": [],
                    "VisitType": [],
                    "VisitPreference": [],
                },
            }
        ).encode()
        for first, last in windows
    )


def section(name: str, *, quick: bool) -> list[Table]:
    """The tables of one section; ``quick`` shows that everything runs, its numbers mean little."""
    if name == "bundles":
        return bundling.tables(QUICK if quick else FULL, bundling.QUICK_SIZES if quick else bundling.SIZES)
    if name == "reverse":
        return reverse.sections(QUICK if quick else FULL, quick=quick)
    if name == "growth":
        return scaling.tables(QUICK if quick else FULL, quick=quick)
    if name == "start-up":
        return startup.tables(runs=2 if quick else 7)
    seconds, rounds, connections = (1.0, 1, 8) if quick else (3.0, 5, 32)
    return [serving.table(SERVERS, serving.Load(seconds, rounds, connections, HEADERS, queries()))]


def versions() -> list[str]:
    """Of everything that is measured, with what is missing."""
    programs = [program.versions() or f"{program.name} not installed" for program in bundling.PROGRAMS]
    servers = [f"{package} {version(package)}" for package in ("aiohttp", "uvloop")]
    return list(dict.fromkeys(", ".join([*programs, *servers]).split(", ")))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0; 1 when a program's answer is wrong or a server fails, and then nothing is written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all by default"
    )
    parser.add_argument("--quick", action="store_true", help="a short run that shows that everything works")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the results go (%(default)s)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    flags = [*options.sections, *(["--quick"] if options.quick else [])]
    written = [heading(" ".join(["python -m benchmarks", *flags]), versions())]
    print(written[0])
    for name in options.sections or SECTIONS:
        print(f"{name}:", file=sys.stderr, flush=True)
        try:
            for table in section(name, quick=options.quick):
                written.append(table.markdown())
                print(written[-1], flush=True)
        except (bundling.WrongAnswer, load.LoadFailed) as failure:
            print(f"{name}: {failure}", file=sys.stderr)
            return 1
    options.output.write_text("\n".join(written), encoding="utf-8")
    print(f"written to {options.output.name}", file=sys.stderr)
    return 0
