"""Everything that can be wrong with one row by itself: its sides, its codec, its paths and companions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gateway.files.marked import Fault, did_you_mean
from gateway.tables.check import companions
from gateway.tables.check.around import HELD, Around, no_column
from gateway.tables.check.cells import id_types
from gateway.tables.check.fits import fits
from gateway.tables.check.table import DIRECTORY, start_of
from gateway.tables.codecs.codec import Context, Spec
from gateway.tables.codecs.registry import CODECS
from gateway.tables.rows.model import ALL_CODES, Row, Table
from gateway.tables.rows.paths import Path
from gateway.tables.rows.schema import Found, SchemaView, Unknown

_COUNTERPARTS = ("fhir", "param", "select", "filter", "directory", "value")
_PREFERENCE = "Visit.VisitPreference."
# What a filter reads: the only field it can be of, and the codec that gives it what it understands.
_FILTERS = {"duration": ("Duration", "minutes"), "day": ("Day", "weekday"), "time": ("Time", "time-of-day")}
# The types that a Slot, a Schedule and what belongs to them may refer to (FHIR R4).
_REFERRED = (
    "Appointment",
    "Device",
    "Endpoint",
    "HealthcareService",
    "Location",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
    "Schedule",
    "Slot",
)
_MANY = 40


def check_row(row: Row, around: Around) -> Iterator[Fault]:
    """Every fault of the row, each at the cell of the layer that brought it about."""
    found = list(_by_itself(row, around))
    yield from found or fits(row, around)


def _by_itself(row: Row, around: Around) -> Iterator[Fault]:
    yield from _sides(row)
    yield from _filter(row)
    yield from _codec(row, around.context)
    yield from _beside(row, around.table)
    yield from _paths(row, around)
    yield from _columns(row, around)
    yield from _default(row)
    yield from companions.known(row, around)
    yield from id_types(row, around.context.codes, around.columns)


def _sides(row: Row) -> Iterator[Fault]:
    if row.ignore:
        if row.because is None:
            yield row.mark.fault('an ignore row needs "because": why these fields are not carried')
        return
    if row.way != "both" and row.because is None:
        yield row.at("way").fault(f'a one-way row needs "because": why it does not go back ({row.way})')
    if row.redox is None and not row.fhir and row.param is None and row.directory is None:
        yield row.mark.fault('this row relates nothing; give it "redox", "fhir", "param" or "directory"')
    counterparts = [name for name in _COUNTERPARTS if getattr(row, name) not in (None, ())]
    if row.redox is not None and not counterparts:
        yield row.at("redox").fault(
            'has no other side; add "fhir", "param", "select", "filter" or "directory", or ignore it'
        )
    if row.redox is not None and len(counterparts) > 1:
        text = f"has {len(counterparts)} other sides ({', '.join(counterparts)}); keep one"
        latest = row.latest(*counterparts)
        if latest is None or latest.height == row.height:
            yield row.mark.fault(text)
        else:
            yield latest.mark.fault(f"with this the row {text}; to do so, drop the row and add it anew")


def _filter(row: Row) -> Iterator[Fault]:
    field = str(row.redox or "").removeprefix(_PREFERENCE)
    if row.filter is not None:
        wanted, _ = _FILTERS[row.filter]
        if field != wanted:
            fits = next((name for name, (of, _) in _FILTERS.items() if of == field), None)
            remedy = f'write "filter: {fits}" here' if fits else f"the filters are: {', '.join(_FILTERS)}"
            text = f'"filter: {row.filter}" is for {_PREFERENCE}{wanted} alone; {remedy}'
            yield row.blamed("filter", "redox").fault(text)
        elif row.filter != "duration" and row.to_redox:
            text = f'FHIR has no search by {row.filter}; this row can only go one way: write "way: to-fhir"'
            yield row.at("way").fault(f'{text} and "because"')
    own, codec = next(((name, codec) for name, (of, codec) in _FILTERS.items() if of == field), ("", ""))
    if own in ("day", "time") and row.param is not None and row.to_fhir:
        text = f'no parameter is sent for a {own}, the gateway itself sees to it; write "filter: {own}"'
        yield row.at("param").fault(f'{text} in place of it, or "way: to-redox" and "because"')
    read = row.filter is not None or (own == "duration" and row.param is not None)
    if read and codec and row.codec.name != codec and row.codec.name in CODECS:
        yield row.at("codec").fault(f'"{row.redox}" can only have the codec {codec}')


def _codec(row: Row, context: Context) -> Iterator[Fault]:
    spec = CODECS.get(row.codec.name)
    if spec is None:
        near = did_you_mean(row.codec.name, CODECS, _MANY)
        yield row.at("codec").fault(f'there is no codec "{row.codec.name}"; {near}')
        return
    too_few = len(row.codec.arguments) < len(spec.arguments)
    wrong = too_few or (len(row.codec.arguments) > len(spec.arguments) and not spec.several)
    if wrong and (row.codec.arguments or not spec.optional):
        yield row.at("codec").fault(_arguments(row, spec, context))
        return
    if fault := companions.count(row, spec):
        yield row.blamed("with", "codec").fault(fault)
    for name, argument in zip(spec.arguments, row.codec.arguments, strict=not spec.optional):
        if name == "code table" and argument not in context.codes:
            hint = did_you_mean(argument, context.codes)
            yield row.at("codec").fault(f'there is no code table "{argument}" (codes/{argument}.csv); {hint}')
        elif name == "code table" and spec.optional:
            yield from _words(row, spec, argument, context)
        if name == "resource type" and argument not in _REFERRED:
            hint = did_you_mean(argument, _REFERRED)
            yield row.at("codec").fault(f'"{argument}" is no resource type that can be referred to; {hint}')


def _beside(row: Row, table: Table) -> Iterator[Fault]:
    """Parameters in the brackets of a codec that no row reads."""
    spec = CODECS.get(row.codec.name)
    if spec is None or "parameter" not in spec.arguments:
        return
    known = sorted({each.param for each in table.rows if each.param is not None})
    for argument in row.codec.arguments:
        if argument not in known:
            hint = did_you_mean(argument, known)
            yield row.at("codec").fault(f'no row of this table has the parameter "{argument}"; {hint}')


def _words(row: Row, spec: Spec, table: str, context: Context) -> Iterator[Fault]:
    """Lines of the code table that say what this codec cannot read."""
    codec, codes = spec.make((table,), context), context.codes[table]
    marks = {code: mark for (code, _), mark in codes.marks.items()}
    for word in codes.known:
        try:
            codec.to_fhir(word)
        except ValueError as error:
            mark = marks.get(word.casefold(), row.at("codec"))
            yield mark.fault(f'the line of "{word}": {error}')


def _arguments(row: Row, spec: Spec, context: Context) -> str:
    if not spec.arguments:
        return f'the codec "{spec.name}" takes nothing in brackets; write {spec.name}'
    known = sorted(context.codes) if spec.arguments[0] == "code table" else ["Schedule"]
    shown = "visit-types" if "visit-types" in known else "".join(known[:1]) or "..."
    return f'the codec "{spec.name}" needs a {spec.arguments[0]} in brackets; write {spec.name}({shown})'


def _paths(row: Row, around: Around) -> Iterator[Fault]:
    table, schemas = around.table, around.schemas
    if row.redox is not None:
        if table.redox is None:
            yield row.at("redox").fault('this table has no Redox side; its head has no "redox"')
        else:
            yield from _path(row, "redox", row.redox, around, table.redox)
    for path in row.fhir:
        root = path.steps[0].name
        if not table.fhir:
            text = 'this table has no FHIR elements; its other side is a search: write "param"'
            yield row.at("fhir").fault(text)
        elif root not in table.fhir:
            allowed = ", ".join(table.fhir)
            yield row.at("fhir").fault(
                f'"{root}" is not a resource of this table; begin with one of: {allowed}'
            )
        elif len(path.steps) == 1:
            yield row.at("fhir").fault(f"names a whole {root}; add the element")
        else:
            yield from _path(row, "fhir", path.below(1), around, root)
    yield from _ignored(row, table, schemas)


def _ignored(row: Row, table: Table, schemas: Mapping[str, SchemaView]) -> Iterator[Fault]:
    for cell in ("unless", "wish"):
        if cell in row.cells and not row.ignore:
            yield row.at(cell).fault(
                f'"{cell}" says something of fields that are ignored; this row ignores none'
            )
    named = [("ignore", each) for each in row.ignore if not each.startswith("*.")]
    for cell, field in (*named, *(("unless", each) for each in row.unless)):
        if table.redox is not None:
            names = field.split(".")
            known = set(schemas[table.redox].leaves(start_of(table, schemas)))
            whole = len(names) if cell == "ignore" else None
            if not any(leaf.split(".")[:whole] == names for leaf in known):
                parents = {".".join(leaf.split(".")[:whole]) for leaf in known}
                near = did_you_mean(field, sorted(parents), _MANY)
                yield row.at(cell).fault(f'"{field}" is not a field of {table.redox}; {near}')


def _path(row: Row, cell: str, path: Path, around: Around, label: str) -> Iterator[Fault]:
    view = around.schemas[label]
    found = view.find(path, around.table.below if cell == "redox" else None)
    if isinstance(found, Unknown):
        parent = f"{label}.{found.parent}" if found.parent else label
        near = did_you_mean(found.name, _plain(found.known), _MANY)
        yield row.at(cell).fault(f'{parent} has no field "{found.name}"; {near}')
    elif found.kind == "object" and cell == "redox":
        inner = ", ".join(view.children(found.schema))
        yield row.at(cell).fault(f'"{path}" is an object; name a field in it: {inner}')
    elif found.kind == "object":
        inner = ", ".join(_plain(view.children(found.schema)))
        yield row.at(cell).fault(f'"{label}.{path}" is not a plain value; name an element in it: {inner}')
    elif fault := _kind(row, cell, path, found, one_by_one=around.is_query):
        yield row.blamed(cell, "codec").fault(fault)


def _plain(names: Iterable[str]) -> list[str]:
    """Without the twins (``_start``) that hold the extensions of FHIR's primitives."""
    return [name for name in names if not name.startswith("_")]


def _kind(row: Row, cell: str, path: Path, found: Found, *, one_by_one: bool) -> str | None:
    """What is wrong if the codec does not read and write what the field holds. ``one_by_one``: of a list it
    takes each item."""
    spec = CODECS.get(row.codec.name)
    if spec is None:
        return None
    name = next((str(each) for each in row.fhir if cell == "fhir" and each.below(1) == path), str(path))
    if found.kind == "any":
        return f'"{name}" may hold anything, and no codec reads that; name another field'
    given = spec.redox if cell == "redox" else spec.fhir
    is_list = found.lists[-1] and not path.steps[-1].narrow and not one_by_one
    items = "string" if given == "array" else given
    fits_item = found.kind == items or {found.kind, items} == {"number", "integer"}
    if fits_item and is_list == (given == "array"):
        return None
    only_read = cell == "fhir" and not (row.to_fhir and path == row.fhir[0].below(1))
    # Of what is only read the first will do, or it may be gathered from several lists.
    if fits_item and only_read and (is_list or (found.many and not row.to_fhir)):
        return None
    text = f'"{name}" holds {HELD["array" if is_list else found.kind]}'
    text += f', but the codec "{spec.name}" has {HELD[given]} on this side'
    if not is_list:
        return text
    if cell == "redox":
        return f"{text}; write codec: lines, or codec: words"
    return f"{text}; narrow it to one item, such as with .first()"


def _default(row: Row) -> Iterator[Fault]:
    if row.default is None:
        return
    if row.redox is None or row.param is None:
        yield row.at("default").fault(
            'stands beside "redox" and "param" only: what a search says without that field'
        )
    elif row.default == ALL_CODES and row.codec.name != "token":
        yield row.at("default").fault(
            f'"{ALL_CODES}" are those of a code table: the codec must be token(...)'
        )


def _columns(row: Row, around: Around) -> Iterator[Fault]:
    if around.table.name == DIRECTORY:
        return
    named = [("directory", row.directory), ("select", row.select), *(("else", each) for each in row.others)]
    for cell, column in named:
        if column is not None and column not in around.columns:
            yield row.at(cell).fault(no_column(column, around.columns))
    if row.others and row.select is None:
        yield row.at("else").fault('stands beside "select" only: columns to look in where that one is empty')
