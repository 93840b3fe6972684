"""Tables as they are printed and as they stand in ``results.md``: aligned Markdown, read well as both."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Table:
    """One section's result. The first column and those named in ``texts`` are text, the others numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def markdown(self) -> str:
        lines = [self.columns, *self.rows]
        left = [place == 0 or name in self.texts for place, name in enumerate(self.columns)]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.columns))]
        body = ["| " + " | ".join(map(_cell, line, widths, left)) + " |" for line in lines]
        body.insert(1, "| " + " | ".join(map(_rule, widths, left)) + " |")
        notes = ["", *(f"- {note}" for note in self.notes)] if self.notes else []
        return "\n".join([f"## {self.title}", "", *body, *notes, ""])


def _cell(text: str, width: int, left: bool) -> str:
    return text.ljust(width) if left else text.rjust(width)


def _rule(width: int, left: bool) -> str:
    return "-" * width if left else "-" * (width - 1) + ":"


def heading(command: str, versions: Sequence[str]) -> str:
    """What was measured on, with what, when, and by which command."""
    return "\n".join(
        [
            "# Benchmark results",
            "",
            f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            f"- command: `{command}`",
            f"- machine: {_processor()}, {os.cpu_count()} cores, {_memory()}, {platform.system()}",
            f"- {platform.python_implementation()} {platform.python_version()}; {'; '.join(versions)}",
            "",
        ]
    )


def duration(seconds: float) -> str:
    """With the unit that fits, three digits that count."""
    unit, scale = "s", 1.0
    if seconds < 1.0:
        unit, scale = ("ms", 1e-3) if seconds >= 1e-3 else ("µs", 1e-6)
    value = seconds / scale
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def ratio(value: float) -> str:
    return f"{value:.2f}x" if value < 10 else f"{value:,.0f}x"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return "memory unknown"
    return f"{size / 2**30:.0f} GiB"
