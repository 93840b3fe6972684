"""An explanation for a terminal of 100 columns: alike fields together, the first of alike slots in full."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import click

from gateway.cli.output import WIDTH, fitted, one_line, plural
from gateway.core.errors import Issue
from gateway.explain.told import ByRow, Explained, Field, LeftOut, Narrowing, Origin, Sent, Wish, named

_PATH = 40
_SHOWN = 20
_ARE = {True: "is", False: "are"}
_SEVERITIES = {"error": "red", "fatal": "red", "warning": "yellow"}
_COLOURS = {"refused": "red", "unchecked": "yellow", "dropped": "yellow", "unknown": "yellow"}
# The cells that say what a row does; the others are for people.
_DOING = {
    *("redox", "fhir", "param", "directory", "select", "else", "filter", "value", "codec", "with", "level"),
    *("default", "unmapped", "required", "way"),
}
_SLOT = re.compile(r"(?:AvailableSlots|entry)\[(\d+)\]")


def page(told: Explained, *, whole: bool = True) -> Iterator[str]:
    """The lines of the page; unless it is the ``whole`` of an explanation, parts without a field are left
    out."""
    for line in _lines(told, whole=whole):
        yield from fitted(line)


def _lines(told: Explained, *, whole: bool) -> Iterator[str]:
    yield f"{click.style(told.site, bold=True)}, tables {told.tables}"
    if whole or told.wishes:
        yield from _message(told.wishes)
    if told.narrowing or (whole and told.chosen is not None):
        yield from _chosen(told)
    for sent in told.sent:
        if whole or sent.fields:
            yield from _sent(sent)
    if whole or told.fields:
        yield from _answer(told)
    yield from _left_out(told.left_out)
    if whole:
        yield from _issues(told.issues)


def _left_out(slots: Sequence[LeftOut]) -> Iterator[str]:
    """The first of those that came and are not answered, each with why."""
    if not slots:
        return
    yield from _heading(f"{plural(len(slots), 'slot')} that came, and {_ARE[len(slots) == 1]} not answered")
    for each in slots[:_SHOWN]:
        yield from _wrapped(f"  {each.slot}, {one_line(each.start)}", [one_line(each.why), _by(each.row)])
    if len(slots) > _SHOWN:
        yield f"  and {len(slots) - _SHOWN} more"


def _issues(issues: Sequence[Issue]) -> Iterator[str]:
    if issues:
        yield from _heading("What is told of it")
    for each in issues:
        yield from _wrapped(f"  {click.style(each.severity, fg=_SEVERITIES.get(each.severity))}", [str(each)])


def _heading(text: str) -> Iterator[str]:
    yield ""
    yield click.style(text, bold=True)


def _message(wishes: Sequence[Wish]) -> Iterator[str]:
    yield from _heading("What was asked, and what became of it")
    if not wishes:
        yield "  nothing that has a value"
    for _, alike in groupby(wishes, _together):
        group = list(alike)
        first = group[0]
        name = first.path if len(group) == 1 else f"{_shared(group)} ({len(group)} fields)"
        value = _shown(first.value) if len(group) == 1 else ""
        yield f"  {name:<{_PATH}}  {value}".rstrip()
        outcome = click.style(first.outcome, fg=_COLOURS.get(first.outcome))
        others = elsewhere(first.row) if first.row is not None and first.outcome != "ignored" else ()
        yield from _wrapped(f"      {outcome}", [first.because, _by(first.row), *others])


def _together(wish: Wish) -> Any:
    """What makes fields be told as one: the ignored ones of one row."""
    if wish.outcome == "ignored" and wish.row is not None:
        return (wish.row.key, wish.path.split(".")[0])
    return wish.path


def _shared(wishes: Sequence[Wish]) -> str:
    """What the paths of several fields begin with."""
    parts = [named(each.path).split(".") for each in wishes]
    count = 0
    while all(len(each) > count + 1 and each[count] == parts[0][count] for each in parts):
        count += 1
    return ".".join([*parts[0][:count], "*"])


def _by(row: ByRow | None) -> str:
    return f"row {row.key} ({row.place})" if row is not None else ""


def _chosen(told: Explained) -> Iterator[str]:
    chosen = "No schedule chosen" if not told.chosen else f"{plural(told.chosen, 'schedule')} chosen"
    yield from _heading("Whom each wish leaves out" if told.chosen is None else chosen)
    for each in told.narrowing:
        yield from _narrowing(each)


def _narrowing(each: Narrowing) -> Iterator[str]:
    value = _shown(each.value)
    if not each.excluded:
        yield f"  {each.path} {value}: {f'all {each.of} fit' if each.of else 'no schedule is known'}"
        return
    rest = each.excluded - len(each.first)
    yield from _wrapped(f"  {each.path} {value}", [f"leaves out {each.excluded} of {each.of}"])
    yield f"    {', '.join(each.first)}{f' and {rest} more' if rest > 0 else ''}"


def _sent(sent: Sent) -> Iterator[str]:
    address, _, query = f"{sent.method} {sent.url}".strip().partition("?")
    parts = query.split("&") if len(address) + len(query) >= WIDTH else []
    yield from _heading(address if parts or not query else f"{address}?{query}")
    for number, part in enumerate(parts):
        yield f"    {'&' if number else '?'}{part}"
    for field in sent.fields:
        yield from _field(field, 2)


def _answer(told: Explained) -> Iterator[str]:
    if told.status is None:
        yield from _heading("No answer: give --bundle, --answer or --live for one")
        return
    yield from _heading(f"The answer: {told.status}")
    seen: dict[Any, str] = {}
    for (number, shape), alike in groupby(_grouped(told.fields), lambda each: (each[0], each[1])):
        groups = [fields for _, _, fields in alike]
        if number is None:
            yield from _outside(groups[0])
            continue
        if shape not in seen:
            first = groups.pop(0)
            seen[shape] = _name(first)
            for field in first:
                yield from _field(field, 2)
        if groups:
            names = _name(groups[0]) + (f" to {_name(groups[-1])}" if len(groups) > 1 else "")
            yield click.style(f"  {names}: by the same rows as {seen[shape]}", dim=True)


def _grouped(fields: Sequence[Field]) -> Iterator[tuple[bool | None, Any, list[Field]]]:
    """The fields of each slot, or entry, with what makes two of them alike; what is of none comes as it is
    (None)."""
    for number, alike in groupby(fields, _slot_of):
        group = list(alike)
        yield None if number is None else True, None if number is None else _shape(group), group


def _name(fields: Sequence[Field]) -> str:
    return fields[0].path.partition("]")[0] + "]"


def _outside(fields: Sequence[Field]) -> Iterator[str]:
    """What is of no slot: by what made it."""
    for made, alike in groupby(fields, lambda field: field.made):
        group = list(alike)
        if not made:
            for field in group:
                yield from _field(field, 2)
        elif len(group) == 1:
            yield f"  {group[0].path:<{_PATH}}  {_shown(group[0].value)}".rstrip()
            yield click.style(f"      {made}", dim=True)
        else:
            yield f"  {group[0].path} ... {group[-1].path} ({len(group)} fields)"
            yield click.style(f"      {made}", dim=True)


def _slot_of(field: Field) -> int | None:
    match = _SLOT.match(field.path)
    return int(match[1]) if match is not None else None


def _shape(fields: Sequence[Field]) -> Any:
    """What two slots have in common that are told alike: their fields, rows, and where these read."""
    return tuple(
        (
            named(each.path),
            each.row.place if each.row is not None else each.made,
            tuple((named(origin.path), origin.place) for origin in each.origins),
        )
        for each in fields
    )


def _field(field: Field, indent: int) -> Iterator[str]:
    pad = " " * indent
    yield f"{pad}{field.path:<{_PATH}}  {_shown(field.value)}".rstrip()
    for origin in field.origins:
        yield from _wrapped(f"{pad}    from {origin.path} {_shown(origin.value)}".rstrip(), _of(origin))
    if field.made:
        yield click.style(f"{pad}    {field.made}", dim=True)
    if field.row is not None:
        codec = f"codec {field.row.codec}" if field.row.codec != "text" else ""
        yield from _wrapped(f"{pad}    {_by(field.row)}", [codec, *elsewhere(field.row)])


def _of(origin: Origin) -> list[str]:
    row = f"row {origin.row.key} ({origin.row.place})" if origin.row is not None else ""
    return [f"of {origin.of}" if origin.of else "", origin.place, row]


def elsewhere(row: ByRow) -> Iterator[str]:
    """The cells that another layer than the row's own has set."""
    for cell in row.cells:
        if cell.layer != row.layer and cell.name in _DOING:
            yield f"{cell.name} set by {cell.layer} ({cell.place})"


def _wrapped(first: str, others: Sequence[str]) -> Iterator[str]:
    """What is said of one thing: on one line while it is short, else each further piece on its own."""
    line = first
    indent = " " * (len(first) - len(first.lstrip()) + 2)
    for each in filter(None, others):
        if len(click.unstyle(line)) + len(each) + 2 > WIDTH:
            yield line
            line = f"{indent}{each}"
        else:
            line = f"{line}  {each}" if line is first else f"{line}, {each}"
    yield line


def _shown(value: Any) -> str:
    """A value on one line; nothing where there is none."""
    return "" if value is None else one_line(value)
