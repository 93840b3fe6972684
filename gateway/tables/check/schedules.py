"""What can be wrong with the lines of a site's ``schedules.csv`` by what its rows do with them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from gateway.core.directory import (
    FIRST_NAME,
    LAST_NAME,
    PLACE_COLUMNS,
    PROVIDER_ID,
    PROVIDER_ID_TYPE,
    Cells,
)
from gateway.core.nearest import folded
from gateway.files.marked import Fault, Mark, did_you_mean
from gateway.files.zones import zone_doubted
from gateway.tables.check.table import QUERY
from gateway.tables.codecs.codec import Codec, Context, Unmapped
from gateway.tables.codecs.registry import CODECS
from gateway.tables.rows.model import CodeTable, Row, Table

_TOLD = 5  # lines that are told of, of one kind


def types_of(tables: Mapping[str, Table], codes: Mapping[str, CodeTable]) -> CodeTable | None:
    """The code table of the types of ID by which a query is understood."""
    query = tables[QUERY].rows if QUERY in tables else ()
    names = (row.codec.arguments[0] for row in query if row.reads_id_type and row.codec.arguments)
    return codes.get(next(names, ""))


def swapped(lines: Iterable[Cells], types: CodeTable | None, places: Mapping[str, Mark]) -> Iterator[Fault]:
    """Remarks on lines whose ID stands among the types: it is a number, or its type stands among the IDs."""
    count = 0
    for line in lines:
        own, kind = line.get(PROVIDER_ID, ""), line.get(PROVIDER_ID_TYPE, "")
        if _known(kind, types) or not (_known(own, types) or kind.isdecimal()) or count == _TOLD:
            continue
        count += 1
        told = f'"{own}" in "{PROVIDER_ID}" is a type of IDs' if _known(own, types) else ""
        beside = f'"{kind}" in "{PROVIDER_ID_TYPE}" is {"none" if told else "no type of IDs"}' if kind else ""
        text = ", ".join(filter(None, (told, beside)))
        yield places[line["schedule"]].fault(f"{text}; are they swapped?")


def doubted_zones(lines: Iterable[Cells], places: Mapping[str, Mark]) -> Iterator[Fault]:
    """Remarks on zones that are hardly those that are meant, each once."""
    first: dict[str, str] = {}
    for line in lines:
        first.setdefault(line.get("timezone", ""), line["schedule"])
    told = ((zone, schedule, text) for zone, schedule in first.items() if (text := zone_doubted(zone)))
    for zone, schedule, text in islice(told, _TOLD):
        yield places[schedule].fault(f'"{zone}" in "timezone" {text}')


def _known(kind: str, types: CodeTable | None) -> bool:
    return bool(kind) and types is not None and types.forward(kind, "") is not None


def alike(lines: Iterable[Cells], columns: Collection[str], places: Mapping[str, Mark]) -> Iterator[Fault]:
    """Remarks on schedules of one provider at one place, by the ``columns`` that Redox's answer is matched
    by."""
    first: dict[tuple[str, ...], str] = {}
    count = 0
    for line in lines:
        who = (PROVIDER_ID, PROVIDER_ID_TYPE) if line.get(PROVIDER_ID) else (FIRST_NAME, LAST_NAME)
        names = [name for name in (*who, *sorted(PLACE_COLUMNS)) if name in columns]
        key = (who[0], *(folded(line.get(name, "")) for name in names))
        if not any(key[1:]):
            continue
        other = first.setdefault(key, line["schedule"])
        if other != line["schedule"] and count < _TOLD:
            count += 1
            text = f"has the same provider and place as line {places[other].line}"
            remedy = "slots of Redox's answer cannot be told apart; make one of the two, or fill what differs"
            yield places[line["schedule"]].fault(f"{text}: {remedy}")


def refused(
    tables: Mapping[str, Table],
    context: Context,
    lines: Sequence[Cells],
    places: Callable[[], Mapping[str, Mark]],
    *,
    severe: bool,
) -> Iterator[Fault]:
    """Cells of the columns that choose schedules which the codec of their row refuses, each once for a row,
    at the first line that has it: Redox could not be told them. ``severe``: those of rows that say nothing of
    what is unmapped; else those of rows that do, a few."""
    marks: Mapping[str, Mark] | None = None
    for row in tables[QUERY].rows:
        if row.select is None or row.redox is None or not row.to_redox or row.reads_id_type:
            continue
        codec = CODECS[row.codec.name].make(row.codec.arguments, context)
        first: dict[str, str] = {}
        for line in lines:
            if cell := line.get(row.select):
                first.setdefault(cell, line["schedule"])
        told = ((cell, _refusal(row, codec, cell, severe=severe)) for cell in first)
        found = ((cell, text) for cell, text in told if text is not None)
        for cell, text in found if severe else islice(found, _TOLD):
            marks = places() if marks is None else marks
            yield marks[first[cell]].fault(text)


def _refusal(row: Row, codec: Codec, cell: str, *, severe: bool) -> str | None:
    said = f'"{cell}" in "{row.select}"'
    try:
        codec.to_redox(cell)
    except Unmapped as error:
        lenient = row.unmapped != "error"
        # Where a table has no lines at all, that is told of the table.
        if lenient == severe or (lenient and not error.known):
            return None
        table = row.codec.arguments[0]
        becomes = "is told it as it is" if row.unmapped == "pass" else "is not told it"
        near = did_you_mean(cell, error.known)
        return f'{said} is no "fhir_code" of codes/{table}.csv, so that Redox {becomes}; {near}'
    except ValueError as error:
        return f'{said} cannot be told to Redox by the row "{row.key}": {error}' if severe else None
    return None
