"""Bundles taken as samples: how they are paged, which fields are filled, which identifiers occur."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from gateway.core.directory import shown
from gateway.core.plan import Failure, Outcome
from gateway.core.reasons import REASONS
from gateway.probe.report import Fill, Pages, System
from gateway.tables.answer.resources import KINDS
from gateway.tables.answer.site import SiteTables
from gateway.tables.rows import paths
from gateway.tables.rows.model import CodeTable, Row

Json = dict[str, Any]

# Said of every resource, or for people only.
_NOT_FIELDS = frozenset({"resourceType", "id", "meta", "text", "implicitRules", "language"})


@dataclass(frozen=True, slots=True)
class Sample:
    """What one search brought: its pages told, and its matches. ``entries`` are those of the matches."""

    pages: Pages
    resources: tuple[Json, ...] = ()
    entries: tuple[Json, ...] = ()
    failure: Failure | None = None


@dataclass(slots=True)
class _Told:
    """What is gathered on the way through the pages."""

    sizes: list[int] = field(default_factory=list)
    entries: list[Json] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    total: int | None = None


def sample(outcome: Outcome, asked: int | None) -> Sample:
    """An outcome as a sample. ``asked`` is the page size that was asked for."""
    target = outcome.call.target
    if isinstance(outcome, Failure):
        pages = Pages(target, asked=asked, complete=False, failure=why(outcome), words=outcome.words)
        return Sample(pages, failure=outcome)
    told = _Told()
    for content in outcome.pages:
        _page(content, target, told)
    away = any(issue.code == "security" for issue in outcome.issues)
    capped = any(issue.code == "too-costly" for issue in outcome.issues)
    told.notes += [issue.text for issue in outcome.issues if issue.code not in ("security", "too-costly")]
    if away:
        text = "the link to the next page leads outside base_url, so it is not followed; if it names the same"
        told.notes.append(f"{text} server, as one behind a proxy may, set upstream.pages_below_base")
    _count(told, asked, outcome.complete)
    pages = Pages(
        target,
        tuple(told.sizes),
        asked,
        told.total,
        outcome.complete and not (away or capped),
        "elsewhere" if away else _form(told.links.get("next")),
        tuple(told.links),
        tuple(dict.fromkeys(told.notes)),
    )
    resources = tuple(entry["resource"] for entry in told.entries)
    return Sample(pages, resources, tuple(told.entries))


def why(failure: Failure) -> str:
    """A failure in a few words: its kind, the status and the issue code; nothing that the upstream wrote."""
    if failure.token is not None:
        advice = f"; {REASONS[failure.reason][1]}" if failure.reason is not None else ""
        return f"there was no access token: {failure.token}{advice}"
    details = [f"status {failure.status}"] if failure.status is not None else []
    details += [f"issue code {failure.code}"] if failure.code else []
    said = {
        "connect": "no connection, or it broke",
        "deadline": "no answer in time",
        "status": "refused or failed",
        "unauthorized": "our credentials were refused",
        "overloaded": "it has too much to do",
        "breaker": "not asked any more after too many failures",
        "protocol": "the answer is no FHIR JSON",
    }[failure.kind]
    if failure.reason is not None:
        what, advice = REASONS[failure.reason]
        said = f"{what}; {advice}"
    return f"{said} ({', '.join(details)})" if details else said


def _page(content: bytes, target: str, told: _Told) -> None:
    try:
        bundle = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        bundle = None
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        told.notes.append("a page is not a Bundle")
        return
    if bundle.get("type") != "searchset":
        told.notes.append(f'Bundle.type is "{shown(str(bundle.get("type")))}", not searchset')
    first = not told.sizes
    total = bundle.get("total")
    if first and isinstance(total, int) and not isinstance(total, bool):
        told.total = total
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and isinstance(link.get("relation"), str):
            told.links.setdefault(shown(link["relation"]), str(link.get("url")))
    if "entry" not in bundle:
        told.notes.append("entry is absent where nothing was found")
    entries = bundle.get("entry")
    before = len(told.entries)
    for entry in entries if isinstance(entries, list) else ():
        _entry(entry, target, told)
    told.sizes.append(len(told.entries) - before)


def _entry(entry: Any, target: str, told: _Told) -> None:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(resource, dict):
        told.notes.append("an entry has no resource")
        return
    kind = resource.get("resourceType")
    if kind == target:
        told.entries.append(entry)
    elif kind == "OperationOutcome":
        told.notes.append("it holds an OperationOutcome")
    else:
        told.notes.append(f"it holds {shown(str(kind))} resources as well")


def _count(told: _Told, asked: int | None, complete: bool) -> None:
    found = len(told.entries)
    if told.total is not None and (found > told.total or (complete and found != told.total)):
        told.notes.append(f"total says {told.total}, found were {found}")
    if asked is not None and told.sizes and told.sizes[0] > asked:
        told.notes.append(f"the page size is not kept: {asked} asked for, {told.sizes[0]} on the first page")


def _form(url: str | None) -> Literal["none", "relative", "absolute"]:
    if url is None:
        return "none"
    return "absolute" if url.lower().startswith(("http://", "https://")) else "relative"


def read_rows(tables: SiteTables) -> Iterator[tuple[str, Row]]:
    """The rows that read a FHIR field, with the name of their table."""
    for name in ("directory", "available-slots.answer"):
        yield from ((name, row) for row in tables.tables[name].rows if row.fhir and row.to_redox)


def fills(tables: SiteTables, samples: Mapping[str, Sequence[Json]]) -> tuple[Fill, ...]:
    """For every path of every row: in how many of the resources of its type it finds something."""
    found = []
    for table, row in read_rows(tables):
        for path in row.fhir if row.root in samples or row.root in (*KINDS, "Slot") else ():
            resources = samples.get(path.steps[0].name, ())
            below = path.below(1)
            had = sum(1 for each in resources if any(value != "" for value in paths.read(below, each)))
            found.append(Fill(str(path), had, len(resources), table, row.key, f"{row.mark} ({row.layer})"))
    return tuple(found)


def unread(tables: SiteTables, samples: Mapping[str, Sequence[Json]]) -> tuple[Fill, ...]:
    """The fields that are filled although no row reads them, the most filled first."""
    rows = {tuple(step.name for step in path.steps) for _, row in read_rows(tables) for path in row.fhir}
    for join in (way for ways in tables.dialect.joins.values() for way in ways):
        used = [path for path in (join.text, *join.names) if path is not None]
        rows |= {tuple(step.name for step in path.steps) for path in used}
        rows |= {(*(step.name for step in path.steps), "reference") for path in join.steps}
    found = []
    for kind, resources in samples.items():
        counted: Counter[str] = Counter()
        for resource in resources:
            counted.update(set(_leaves(resource)))
        found += [
            Fill(shown(f"{kind}.{leaf}"), had, len(resources))
            for leaf, had in counted.items()
            if (kind, *leaf.split(".")) not in rows
        ]
    return tuple(sorted(found, key=lambda fill: (-fill.had / fill.of, fill.path)))


def _leaves(value: Json, prefix: str = "") -> Iterator[str]:
    """Dotted names of what holds a value; an extension is told as such, as only its sender knows it."""
    for name, child in value.items():
        if not prefix and name in _NOT_FIELDS:
            continue
        for each in child if isinstance(child, list) else (child,):
            if isinstance(each, dict) and name not in ("extension", "modifierExtension"):
                yield from _leaves(each, f"{prefix}{name}.")
            elif each not in (None, ""):
                yield f"{prefix}{name}"


def systems(
    tables: SiteTables, codes: Mapping[str, CodeTable], samples: Mapping[str, Iterable[Json]]
) -> tuple[System, ...]:
    """The systems of the identifiers in the samples, and what the code tables make of them."""
    found: list[System] = []
    for resource, sampled in samples.items():
        table = codes.get(system_table(tables, resource) or "")
        counted: Counter[str] = Counter()
        needed: Counter[str] = Counter()
        kinds: dict[str, str] = {}
        for one in sampled:
            held = [(shown(str(each.get("system") or "")), each) for each in _list(one.get("identifier"))]
            counted.update(system for system, _ in held)
            kinds.update({system: kind for system, each in held if (kind := _kind(each))})
            if held and not any(_code(table, system) for system, _ in held):
                needed[held[0][0]] += 1
        found += [
            System(resource, system, count, _code(table, system), kinds.get(system, ""), needed[system])
            for system, count in counted.most_common()
        ]
    return tuple(found)


def system_table(tables: SiteTables, resource: str) -> str | None:
    """The code table by which a row turns that resource's identifier systems into codes."""
    for row in tables.tables["directory"].rows:
        if row.codec.arguments and row.to_redox and row.root == resource:
            names = [step.name for step in row.fhir[0].steps]
            if names[1:] == ["identifier", "system"]:
                return row.codec.arguments[0]
    return None


def _code(table: CodeTable | None, system: str) -> str:
    found = table.backward(system, "") if table is not None and system else None
    return found[0] if found is not None else ""


def _kind(identifier: Json) -> str:
    kind = identifier.get("type")
    for coding in _list(kind.get("coding")) if isinstance(kind, dict) else ():
        if isinstance(code := coding.get("code"), str):
            return shown(code)
    return ""


def _list(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
