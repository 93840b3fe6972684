"""What ``gateway probe`` shows on a terminal: what matters first, then the facts behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from gateway.cli import output
from gateway.offline.origins import shown_place

if TYPE_CHECKING:
    from gateway.probe.report import Advice, Fill, Joined, Pages, Report, SlotFacts, Trial

_UNREAD_SHOWN = 15
_UNUSED_SHOWN = 12
_VERDICTS = {
    "works": "green",
    "end-included": "green",
    "ignored": "yellow",
    "partial": "red",
    "failed": "red",
}


def page(report: Report, token: str | None) -> Iterator[str]:
    """The lines of the report. ``token``: why none was to be had (empty: one was), None if that was not
    asked alone."""
    kind = "Redox" if report.upstream == "redox" else "FHIR"
    where = f" at {report.address}" if report.address else ""
    yield f"{_bold(report.site)}: dialect {report.dialect} ({kind} upstream{where}), tables {report.tables}"
    if report.upstream == "redox":
        yield from _redox(report, token)
        return
    yield from _findings(report)
    if report.silent:
        return
    yield from _advice(report.advice, report.site)
    yield from _metadata(report)
    yield from _aims(report)
    yield from _title("Searches", _searches(report.pages))
    yield from _title("Joins of the sampled schedules", _joins(report.joins))
    yield from _title("Directory columns", _columns(report))
    yield from _title("Fields that the rows read", _fills(report.fills))
    yield from _title("Filled, but read by no row", _unread(report.unread))
    yield from _title("Identifier systems", _systems(report))
    yield from _slots(report)
    yield from _title("Tried on that search", _trials(report.trials))


def _redox(report: Report, token: str | None) -> Iterator[str]:
    if token is not None:
        word = click.style("none", fg="red", bold=True) if token else click.style("ok", fg="green")
        yield f"   token     {word}{f': {token}' if token else ''}"
    yield "   metadata  Redox has none: fields and parameters are those of its Data Model"
    if token is not None:
        yield "   queries   none sent; --query sends one (Meta.Test is true, no patient in it)"
        return
    subject = f"schedule {report.schedule}" if report.schedule else "any schedule"
    yield f"   query     sent for {subject}, {report.search}"
    yield from _findings(report)
    yield from _title("Fields that the rows read", _fills(report.fills))


def _bold(text: str) -> str:
    return click.style(text, bold=True)


def _title(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A heading over its lines; nothing at all if there are none."""
    shown = list(lines)
    if shown:
        yield ""
        yield _bold(title)
        yield from shown


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns aligned, the last one as wide as it is."""
    if not rows:
        return
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        yield "   " + "  ".join([*cells, row[-1]]).rstrip()


def _findings(report: Report) -> Iterator[str]:
    yield ""
    yield _bold("Findings")
    if not report.findings:
        yield f"   {click.style('ok', fg='green')}     nothing to mend, nothing to remark"
    for each in report.findings:
        fault = each.level == "fault"
        word = click.style("fault", fg="red", bold=True) if fault else click.style("note ", fg="yellow")
        yield f"   {word}  {each.text}"


def _advice(advice: Sequence[Advice], site: str) -> Iterator[str]:
    if not advice:
        return
    yield ""
    yield _bold("To put in the tables") + " (below the folder of mappings:; add to a file that is there)"
    for each in advice:
        yield ""
        yield f"   {click.style(each.file, fg='cyan')}: {each.because}"
        yield from (f"      {line}" for line in each.text.splitlines())
    yield ""
    yield f"   Then: gateway check, and gateway probe --site {site} again."


def _metadata(report: Report) -> Iterator[str]:
    declared = report.declared
    if report.metadata:
        return
    about = [declared.software, f"FHIR {declared.version}" if declared.version else ""]
    resources = output.plural(len(declared.params), "resource type")
    count = output.plural(sum(map(len, declared.params.values())), "search parameter")
    line = ", ".join([*filter(None, about), resources, count])
    yield from _title("Declared in metadata", [f"   {line}"])


def _aims(report: Report) -> Iterator[str]:
    words = {True: "declared", False: "not declared", None: "not known"}
    rows = [
        [
            f"{aim.resource}?{aim.param}",
            words[aim.declared] + (f" ({aim.kind})" if aim.kind else ""),
            f'"{aim.row}"',
            shown_place(aim.origin),
        ]
        for aim in report.aims
    ]
    yield from _title("Parameters that the rows send", _table(rows))
    for resource, names in report.unused.items():
        if names:
            more = f" and {len(names) - _UNUSED_SHOWN} more" if len(names) > _UNUSED_SHOWN else ""
            yield f"   {resource} declares as well: {', '.join(names[:_UNUSED_SHOWN])}{more}"


def _searches(pages: Sequence[Pages]) -> Iterator[str]:
    rows = []
    for each in pages:
        if each.failure:
            rows.append([each.target, "not answered", each.failure])
            continue
        found = f"{sum(each.sizes)} on {output.plural(len(each.sizes), 'page')}"
        asked = f"page size {each.asked}" if each.asked is not None else "no page size"
        total = "no total" if each.total is None else f"total {each.total}"
        more = "" if each.complete else ", more were not read"
        rows.append([each.target, found + more, f"{asked}, {total}, next link: {each.next}"])
    return _table(rows)


def _joins(joins: Sequence[Joined]) -> Iterator[str]:
    return _table([[each.kind, f"{each.joined} of {each.schedules}", f"by {each.how}"] for each in joins])


def _columns(report: Report) -> Iterator[str]:
    rows = [
        [each.name, f"EHR {each.told}", f"with schedules.csv {each.filled}", f"of {each.of}"]
        for each in report.columns
        if each.of
    ]
    return _table(rows)


def _fills(fills: Sequence[Fill]) -> Iterator[str]:
    looked = [each for each in fills if each.of]
    rows = [[_count(each), each.path, f'row "{each.row}"', shown_place(each.origin)] for each in looked]
    for fill, line in zip(looked, _table(rows), strict=True):
        yield line if fill.had else click.style(line, dim=True)
    without = Counter(each.path.partition(".")[0] for each in fills if not each.of)
    yield from (f"   no sample of {kind}: {output.plural(count, 'path')}" for kind, count in without.items())


def _count(fill: Fill) -> str:
    return f"{fill.had:>3}/{fill.of}"


def _unread(fills: Sequence[Fill]) -> Iterator[str]:
    yield from _table([[_count(each), each.path] for each in fills[:_UNREAD_SHOWN]])
    if len(fills) > _UNREAD_SHOWN:
        yield f"   and {len(fills) - _UNREAD_SHOWN} more (--json has all)"


def _systems(report: Report) -> Iterator[str]:
    rows = [
        [
            each.resource,
            f"{each.count}x",
            each.system or "(none)",
            f"IDType {each.code}" if each.code else "",
        ]
        for each in report.systems
    ]
    return _table(rows)


def _slots(report: Report) -> Iterator[str]:
    if not report.schedule:
        return
    yield ""
    yield f"{_bold('Slots')} of {report.schedule}"
    yield f"   {report.search}"
    if report.slots.count:
        yield from _table(_slot_facts(report.slots))


def _slot_facts(slots: SlotFacts) -> list[list[str]]:
    def counted(values: dict[str, int]) -> str:
        return ", ".join(f"{name} ({count})" for name, count in values.items())

    step = f"a start every {slots.step} minutes at the closest" if slots.step else "one start only"
    return [
        ["found", f"{slots.count} on {output.plural(slots.days, 'day')}"],
        ["ids", f"{slots.with_id} have an id, {slots.with_full_url} a fullUrl"],
        ["status", counted(slots.statuses)],
        ["offsets", counted(slots.offsets)],
        ["minutes", counted(slots.minutes)],
        ["step", step + (", and they overlap" if slots.overlap else "")],
        ["order", "by start" if slots.in_order else "not by start"],
    ]


def _trials(trials: Sequence[Trial]) -> Iterator[str]:
    rows = []
    for each in trials:
        name = each.what + (" (as the tables do)" if each.own else "")
        rows.append([name, each.verdict, each.text, each.sent])
    for trial, line in zip(trials, _table(rows), strict=True):
        colour = _VERDICTS.get(trial.verdict)
        yield line.replace(trial.verdict, click.style(trial.verdict, fg=colour), 1) if colour else line
