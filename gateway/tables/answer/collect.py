"""Gathers the slots of all searches of one query, in the form that Redox is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.core.directory import Directory
from gateway.core.errors import Issue, Severity
from gateway.core.mapping import Wanted
from gateway.core.plan import Answer
from gateway.core.references import resolve
from gateway.core.window import Matcher
from gateway.tables.answer.explain import explain_slot
from gateway.tables.answer.pages import PageError, PageReader
from gateway.tables.compile.to_redox.table import ToRedox

_EXPLAINED = 20  # a page full of broken slots is told by its first ones and a number

# What a schedule has so far: JSON objects that are still open at their end, by ``<DateTime>~<Duration>`` (and
# their id, of several at one time); and what its slots share, of which the first text belongs there.
Group = tuple[dict[str, str], tuple[str, ...]]


class SlotCollector:
    """One query's slots. ``positions`` are the chosen lines of the directory; the slots of any other
    schedule were not asked for and are left out."""

    def __init__(
        self,
        compiled: ToRedox,
        pages: PageReader,
        directory: Directory,
        positions: Sequence[int],
        explain: Any,
    ) -> None:
        self._compiled = compiled
        self._pages = pages
        self._explain = explain
        self._ordered: list[Group] = []
        self._groups: dict[str, Group] = {}
        self._issues: list[Issue] = []
        self._counts: dict[str, int] = {}
        self._only_strays = False
        self._bases = directory.bases
        for position in positions:
            schedule = directory.lines[position]["schedule"]
            group: Group = ({}, directory.blocks[position])
            self._ordered.append(group)
            self._groups[f"Schedule/{schedule}"] = group

    def _group(self, reference: str) -> Group | None:
        group = self._groups.get(reference)
        if group is None:
            # The same schedule spelt otherwise: bare, absolute, or with its version.
            named = resolve(reference, self._bases)
            path = f"{named.kind}/{named.id}" if named is not None else f"Schedule/{reference}"
            group = self._groups.get(path)
            if group is not None and len(self._groups) < 10_000:
                self._groups[reference] = group
        return group

    def add(self, answer: Answer, wanted: Wanted) -> bool:
        """Takes the pages of one search; what cannot be used becomes an Issue.

        False: nothing of it can be used, since no page was a Bundle with a slot that can be read or with
        none at all.
        """
        self._issues.extend(answer.issues)
        readable = [self._page(page, wanted) for page in answer.pages]
        return any(readable) or not readable

    def _page(self, content: bytes, wanted: Wanted) -> bool:
        try:
            page = self._pages.read(content, self._compiled.resource)
        except PageError:
            self._issues.append(Issue("structure", "Bundle", "a page of the EHR's answer is not a Bundle"))
            return False
        slots = page.resources
        stray: list[Any] = []
        malformed: list[Any] = []
        occupied, outside, doubles, unfit = self._compiled.convert(
            slots, self._group, wanted.low, wanted.high, wanted.shortest, wanted.prefers, stray, malformed
        )
        self._count("received", len(slots) + len(page.broken))
        if occupied or outside or doubles or unfit or stray:
            self._count("occupied", occupied)
            self._count("outside", outside)
            self._count("doubles", doubles)
            self._count("unfit", unfit)
            self._count("stray", len(stray))
            self._only_strays = self._only_strays or 0 < len(stray) == len(slots)
        for slot in malformed:
            self._malformed(msgspec.to_builtins(slot))
        for _, value in page.broken:
            self._malformed(value)
        if page.failed:
            self._issues.append(Issue("exception", "Bundle", "the EHR tells of an error beside its answer"))
        unread = len(malformed) + len(page.broken)
        received = len(slots) + len(page.broken)
        return unread < received if received else not page.failed

    def _count(self, name: str, number: int) -> None:
        self._counts[name] = self._counts.get(name, 0) + number

    def _malformed(self, value: Any) -> None:
        self._count("malformed", 1)
        if self._counts["malformed"] <= _EXPLAINED:
            self._issues.append(explain_slot(value, self._explain))

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What was left out, and why."""
        found = list(self._issues)
        if stray := self._counts.get("stray"):
            text = f"{stray} slots of schedules that were not asked for were left out"
            # A page of nothing else: the EHR answered another question, so ours is still open.
            severity: Severity = "error" if self._only_strays else "warning"
            found.append(Issue("business-rule", "Slot.schedule", text, severity))
        return tuple(found)

    @property
    def counts(self) -> dict[str, int]:
        """Numbers for the log, zeros left out."""
        return {name: number for name, number in self._counts.items() if number}

    def texts(self, most: int, first: Matcher | None = None) -> tuple[list[str], str, bool]:
        """One text a slot, at most ``most``, and what to join them by; true: some were cut. They stand by
        time, then in the directory's order; with ``first``, those it accepts stand before all others."""
        filled = [group for group in self._ordered if group[0]]
        if first is None and len(filled) == 1:
            [(texts, (shared, *_))] = filled
            found = _by_when(texts)
            cut = len(found) > most
            del found[most:]
            if found:
                found[-1] += shared + "}"
            return found, shared + "},", cut
        whens = [when.split("~", 2) for texts, _ in filled for when in sorted(texts)]
        keys = [(first is not None and not first(start, int(minutes)), start) for start, minutes, *_ in whens]
        every = [f"{text}{block[0]}}}" for texts, block in filled for text in _by_when(texts)]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        return [every[position] for position in order[:most]], ",", len(order) > most


def _by_when(texts: dict[str, str]) -> list[str]:
    """A schedule's texts in order. Most answers come in that order."""
    whens = list(texts)
    ordered = sorted(whens)
    return list(texts.values()) if ordered == whens else [texts[when] for when in ordered]
