"""The bound on requests that are under way to all upstreams together."""

from __future__ import annotations

from typing import Protocol

USUAL_TOTAL = 512
"""Requests under way at a time, of one process, where its sites are no more than half as many."""


class Member(Protocol):
    """One upstream's share. ``limit`` is its own bound, ``running`` what it has under way."""

    limit: int
    running: int

    def advance(self) -> None:
        """Start what waits, as far as it now may."""


class Common:
    """``total`` requests at a time, half of them set aside: each upstream has an equal part of that half for
    itself, whatever the others do. The other half is for whoever comes.

    So none can use up what another needs, and none is held to a small part while the others are idle. The
    total grows with the upstreams, two for each, that each has at least one for itself.
    """

    def __init__(self, total: int = USUAL_TOTAL) -> None:
        self._wanted = total
        self._members: list[Member] = []
        self._own = 0
        self._free = 0
        self._blocked: dict[Member, None] = {}

    def join(self, member: Member) -> None:
        """Take part from now on. Everybody's own part becomes smaller by it."""
        self._members.append(member)
        count = len(self._members)
        total = max(self._wanted, 2 * count)
        self._own = max(1, total // (2 * count))
        aside = sum(min(each.limit, self._own) for each in self._members)
        beyond = sum(max(0, each.running - self._own) for each in self._members)
        self._free = total - aside - beyond

    def may_start(self, member: Member) -> bool:
        """Whether one more of this member's may be under way."""
        return member.running < self._own or self._free > 0

    def started(self, member: Member) -> None:
        """To be called when ``member.running`` has grown by one."""
        if member.running > self._own:
            self._free -= 1

    def ended(self, member: Member) -> None:
        """To be called when ``member.running`` has become less by one."""
        if member.running >= self._own:
            self._free += 1

    def blocked(self, member: Member) -> None:
        """Have ``member.advance`` called when there is room again; who has waited longest is first."""
        self._blocked[member] = None

    @property
    def crowded(self) -> bool:
        """Whether somebody waits for room."""
        return bool(self._blocked)

    def pass_on(self) -> None:
        """Let those go on who wait for room, one after the other, as far as there is some."""
        for _ in range(len(self._blocked)):
            if self._free <= 0:
                return
            member = next(iter(self._blocked))
            del self._blocked[member]
            member.advance()
