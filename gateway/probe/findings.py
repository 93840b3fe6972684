"""What the facts of a probe mean, in sentences: the faults first."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.probe.report import Aim, Finding, Joined, Pages, Report, Trial
from gateway.probe.ways import WAYS
from gateway.tables.answer.resources import READ


def findings(report: Report) -> tuple[Finding, ...]:
    """Everything worth a sentence, without saying twice what a table of the report shows."""
    found = [
        *_searches(report),
        *_metadata(report),
        *(_aim(aim, _unknown(report)) for aim in report.aims if aim.declared is False),
        *_types(report),
        *(note for each in report.joins for note in _join(each)),
        *_fields(report),
        *_systems(report),
        *_slots(report),
        *_trials(report),
    ]
    return tuple(sorted(found, key=lambda finding: finding.level != "fault"))


def _searches(report: Report) -> Iterator[Finding]:
    if report.silent:
        who = report.address or "The upstream"
        words = next((wrote(each.words) for each in report.pages if each.words), "")
        yield Finding("fault", f"{who} answered none of the searches: {report.silent}.{words}")
        return
    for pages in report.pages:
        if pages.failure:
            yield Finding(
                "fault",
                f"The search for {pages.target} was not answered: {pages.failure}.{wrote(pages.words)}",
            )
        yield from (_note(pages, note) for note in pages.notes)
    if not report.own_search:
        text = f"The Slot search of the tables was refused; this one was answered: {report.search}."
        yield Finding("fault", text)
    kinds = {pages.target for pages in report.pages if not pages.failure}
    if "Schedule" in kinds and not any(pages.sizes and sum(pages.sizes) for pages in report.pages):
        yield Finding("fault", "The upstream lists no schedules; perhaps these credentials may not see them.")


def wrote(words: str) -> str:
    """What the upstream wrote, as a sentence behind others."""
    return f' It wrote: "{words}"' if words else ""


def _note(pages: Pages, note: str) -> Finding:
    away = "leads outside" in note
    return Finding("fault" if away else "note", f"{pages.target}: {note}.")


def _metadata(report: Report) -> Iterator[Finding]:
    declared = report.declared
    if report.silent:
        return
    if report.metadata:
        yield Finding("note", f"There is no metadata: {report.metadata}. What is declared is not known.")
        return
    yield from (Finding("note", f"metadata: {problem}.") for problem in declared.problems)
    if declared.version and not declared.version.startswith("4."):
        text = f"metadata says FHIR {declared.version}; the tables are for R4 (4.0.1)."
        yield Finding("fault", text)
    if not declared.told:
        yield Finding("note", "metadata declares no search parameters, so nothing follows from it.")
    elif "Slot" not in declared.params:
        yield Finding("fault", "metadata does not list Slot among the resources that can be searched.")


def _unknown(report: Report) -> str:
    """What the upstream does with parameters that it does not know: a verdict, or empty."""
    return next((each.verdict for each in report.trials if "nobody has" in each.what), "")


def _aim(aim: Aim, unknown: str) -> Finding:
    text = f'Row "{aim.row}" sends {aim.param} to {aim.resource}, which does not declare it'
    if aim.near:
        text += f"; the nearest it declares: {', '.join(aim.near)}"
    known = {
        "ignored": "It ignores what it does not know, so answers would not be narrowed by it",
        "refused": "It refuses what it does not know",
    }.get(unknown)
    return Finding("fault", f"{text}. {known}." if known else f"{text}.")


def _types(report: Report) -> Iterator[Finding]:
    """Comparisons sent to a parameter that by its type takes none (FHIR R4, search, 3.1.1.5.6)."""
    kinds = {aim.param: aim.kind for aim in report.aims if aim.resource == "Slot"}
    for pair in report.search.split("&") if report.own_search else ():
        name, _, value = pair.partition("=")
        kind = kinds.get(name, "")
        if value[:2] in ("ge", "gt", "le", "lt") and kind not in ("", "date", "number", "quantity"):
            text = f"{name} is declared as {kind}, which has no comparisons, but the rows send {value[:2]}."
            yield Finding("note", text)


def _join(found: Joined) -> Iterator[Finding]:
    lost = found.schedules - found.joined
    if not lost:
        return
    certain = found.whole or not found.absent
    parts = []
    if found.without:
        parts.append(f"{found.without} name none")
    if found.absent:
        where = "the EHR does not list" if found.whole else "is not among those read here"
        parts.append(f"{found.absent} name one that {where}")
    text = f"{lost} of {found.schedules} schedules have no {found.kind} by {found.how}: {', '.join(parts)}."
    others = [kind for kind in found.actors if kind not in READ]
    if others and found.without:
        text += f" Their actors are also: {', '.join(others)}, which are not read: {_instead(found.kind)}."
    passed = [kind for kind in found.actors if _leads(kind, found.kind) and f"{kind}." not in found.how]
    if passed and found.without:
        text += f" Their actors are also: {', '.join(passed)}, which no join of {found.kind} goes through."
    yield Finding("fault" if certain else "note", text)


def _leads(actor: str, kind: str) -> bool:
    """Whether resources of the type of an actor refer to those that are sought, in R4."""
    return any(path.startswith(f"{actor}.") for steps in WAYS[kind] for path in steps[1:])


def _instead(kind: str) -> str:
    """What to write for actors of a type that no table can read."""
    columns = {
        "Practitioner": "provider_id, provider_id_type, first_name and last_name",
        "Location": "facility, department and room",
    }.get(kind, "its columns")
    return f"write {columns} of these schedules into schedules.csv"


def _fields(report: Report) -> Iterator[Finding]:
    by_row: dict[tuple[str, str], tuple[int, int]] = {}
    for fill in report.fills:
        had, of = by_row.get((fill.table, fill.row), (0, 0))
        by_row[fill.table, fill.row] = had + fill.had, max(of, fill.of)
    empty = [row for (_, row), (had, of) in by_row.items() if of and not had]
    if empty:
        yield Finding("note", f"Rows for which nothing was found in the samples: {', '.join(empty)}.")
    wanted = ("provider_id", "facility", "department")
    for column in report.columns:
        if column.name in wanted and column.filled < column.of:
            missing = column.of - column.filled
            text = f"No {column.name} for {missing} of {column.of} schedules: a query by it misses them."
            yield Finding("note", text)


def _systems(report: Report) -> Iterator[Finding]:
    for each in report.systems:
        if each.resource == "Practitioner" and each.needed:
            named = f'of "{each.system}"' if each.system else "without a system"
            text = (
                f"{each.needed} Practitioners have only an ID {named}, which no code table gives an IDType."
            )
            yield Finding("note", text)


def _slots(report: Report) -> Iterator[Finding]:
    slots = report.slots
    if not slots.count:
        if report.schedule and not any(pages.target == "Slot" and pages.failure for pages in report.pages):
            text = "No slots came back, so nothing could be tried; name a schedule that has some."
            yield Finding("note", text)
        return
    if slots.others:
        text = f"{slots.others} of {slots.count} slots are of another schedule than was asked for."
        yield Finding("fault", text)
    if slots.unreadable:
        yield Finding("fault", f"{slots.unreadable} of {slots.count} slots have no start and end to read.")
    if taken := sum(count for status, count in slots.statuses.items() if status != "free"):
        yield Finding("note", f"{taken} of {slots.count} slots are not free; the gateway leaves them out.")
    if slots.offsets.get("none"):
        yield Finding("fault", "Times carry no offset; they are taken to be in the site's timezone.")
    if not slots.with_id:
        yield Finding("note", "Slots have no id; the gateway makes one of schedule, start and minutes.")


def _trials(report: Report) -> Iterator[Finding]:
    for trial in report.trials:
        if trial.own and trial.verdict in ("ignored", "partial", "refused"):
            yield Finding("fault", f"The tables bound searches by {trial.what}: {trial.text}.")
    if _unknown(report) == "ignored":
        text = "Parameters that it does not know are ignored: a misspelt one looks as if it worked."
        yield Finding("note", text)


def answered(trials: tuple[Trial, ...]) -> dict[str, Trial]:
    """The ways of bounding a search that do what they say, by their name."""
    return {each.what: each for each in trials if each.verdict in ("works", "end-included")}
