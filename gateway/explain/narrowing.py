"""Which wish leaves out whom: for a message that chose nobody, or fewer than its sender thought."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.choosing import holding
from gateway.core.directory import Directory, Want, Wants
from gateway.explain.told import Narrowing
from gateway.offline.meaning import counting

_FIRST = 5


def narrowing(directory: Directory, groups: Sequence[Wants]) -> tuple[Narrowing, ...]:
    """Of each wish that chooses schedules, how many of the directory's lines it leaves out by itself."""
    return tuple(
        _of(directory, want)
        for wants in groups
        for alternative in wants
        for want in counting(alternative)
        if want.column
    )


def _of(directory: Directory, want: Want) -> Narrowing:
    kept = frozenset() if want.unknown is not None else holding(directory, want)
    left_out = [line["schedule"] for at, line in enumerate(directory.lines) if at not in kept]
    return Narrowing(
        want.path, want.value, len(left_out), len(directory.lines), tuple(dict.fromkeys(left_out))[:_FIRST]
    )
