"""Section 1: Bundle bytes to Redox bytes, every program on the same cases."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks import floor, ours
from benchmarks.bundles import Case, canvas_case, sample_case
from benchmarks.others import OTHERS
from benchmarks.programs import Program, fault
from benchmarks.report import Table, duration, ratio
from benchmarks.timing import Effort, interleaved

FLOOR = Program("floor (msgspec, by hand)", floor.prepare, ("msgspec",), base="the floor")
OURS = Program("ours: the gateway's compiled tables", ours.prepare, ("msgspec",), base="ours")
PROGRAMS: tuple[Program, ...] = (FLOOR, OURS, *OTHERS)
SIZES = (100, 1_000, 10_000)
QUICK_SIZES = (100,)


class WrongAnswer(Exception):
    """A program that is to be measured does not do its job."""


def tables(
    effort: Effort, sizes: Sequence[int] = SIZES, programs: Sequence[Program] = PROGRAMS
) -> list[Table]:
    """One table a case; raises :class:`WrongAnswer` before anything is timed."""
    present = [program for program in programs if program.versions() is not None]
    sample = sample_case()
    for program in present:
        wrong = fault(program, sample) or fault(program, canvas_case(100))
        if wrong:
            raise WrongAnswer(f"{program.name}: {wrong}")
    cases = [sample, *(canvas_case(size) for size in sizes)]
    return [_table(case, programs, present, effort) for case in cases]


def _table(case: Case, programs: Sequence[Program], present: Sequence[Program], effort: Effort) -> Table:
    print(f"  {case.name} ...", file=sys.stderr, flush=True)
    timings = interleaved({program.name: program.prepare(case) for program in present}, effort)
    bases = [program for program in present if program.base]
    rows = []
    for program in programs:
        if program in present:
            seconds = timings.median(program.name)
            ratios = [ratio(timings.ratio(program.name, base.name)) for base in bases]
            cells = [duration(seconds), duration(seconds / case.slots), *ratios]
        else:
            cells = ["not installed", *("-" for _ in (0, *bases))]
        rows.append((program.name, *cells, _left_out(program)))
    columns = ("program", "median", "a slot", *(f"to {base.base}" for base in bases), "does not do")
    return Table(f"Bundle bytes to Redox bytes: {case.name}", columns, tuple(rows), texts=columns[-1:])


def _left_out(program: Program) -> str:
    skipped = "all but JSON" if not program.translates else ", ".join(program.skips)
    return "; ".join(filter(None, (skipped, program.note))) or "-"
