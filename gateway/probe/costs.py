"""What a query for every schedule of a site would take: whether sizes and limits let it be answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from gateway.probe.report import Finding, Pages, Report

_MANY = 4  # requests for one search, each after the other


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a site, by the names of its keys."""

    max_concurrency: int
    deadline_seconds: float
    max_query_pages: int
    max_schedules: int
    max_searches: int = 200


def costs(report: Report, limits: Limits, seconds: float) -> tuple[Finding, ...]:
    """What of it is too much. ``seconds``: what all Slot searches before the trials took."""
    pages = next((each for each in report.pages if each.target == "Slot" and not each.failure), None)
    if pages is None or not report.searches:
        return ()
    apiece = seconds / max(1, report.tried)
    return (*_page_size(pages), *_schedules(report, limits), *_whole(report, pages, limits, apiece))


def _page_size(pages: Pages) -> Iterator[Finding]:
    count = len(pages.sizes)
    if count < 2 or pages.asked is None:
        return
    slow = f"one search took {count} requests, each after the other"
    if pages.sizes[0] < pages.asked:
        text = f"Slots come {pages.sizes[0]} a page, though {pages.asked} are asked for: {slow}."
        yield Finding("note", text)
    elif count >= _MANY:
        text = f"page_size is {pages.asked}: {slow}. Set a larger one in dialect.yaml, if it is kept."
        yield Finding("note", text)


def _schedules(report: Report, limits: Limits) -> Iterator[Finding]:
    if report.schedules > limits.max_schedules:
        most = f"one answer is of {limits.max_schedules} of them at most (max_schedules)"
        text = f"The EHR lists {report.schedules} schedules; {most}"
        yield Finding("note", f"{text}, so a query that names nobody gets those that are open first.")


def _whole(report: Report, pages: Pages, limits: Limits, apiece: float) -> Iterator[Finding]:
    """A query for as many schedules as one may ask for."""
    searches = min(report.searches, limits.max_searches)
    schedules = report.schedules * searches // report.searches
    who = f"A query for {schedules} schedules makes {searches} searches"
    took = ceil(searches / limits.max_concurrency) * apiece
    if took > limits.deadline_seconds:
        text = f"{who}, {limits.max_concurrency} at a time; by this one they take {took:.0f} s"
        wanted = f"more than deadline_seconds ({limits.deadline_seconds:g}): raise upstream.max_concurrency"
        yield Finding("fault", f"{text}, {wanted} if the EHR bears it, or lower max_searches.")
    read = searches * len(pages.sizes)
    if read > limits.max_query_pages:
        text = f"{who}; by this one they have {read} pages, more than upstream.max_query_pages"
        yield Finding("fault", f"{text} ({limits.max_query_pages}): raise it, or page_size in dialect.yaml.")
