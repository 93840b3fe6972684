"""What is told of one transaction: every field with its origin, every wish with what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from gateway.core.errors import Issue

Json = dict[str, Any]

Outcome = Literal[
    "carried",  # it stands in what the upstream is asked, or is read beside what does
    "selects",  # it chooses schedules of the directory
    "filters",  # slots are judged by it here
    "shapes",  # it says what is shown of the answer
    "dropped",  # it has no line in a code table, and the row says to leave it out
    "unchecked",  # nobody here can tell whether an answer is what it asks
    "refused",  # it cannot be read, or means nobody here
    "passed over",  # another of its alternatives is known, or an ID tells more
    "ignored",  # by a row, or a setting of the site, that says why
    "unknown",  # the schema has no such field
]
OUTCOMES: Final[tuple[Outcome, ...]] = Outcome.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class SetCell:
    """One cell of a row: its text, and the layer and place (``file:line``) that set it."""

    name: str
    text: str
    layer: str
    place: str


@dataclass(frozen=True, slots=True)
class ByRow:
    """A row of a table. ``place`` is ``file:line``; ``because`` what the row says of itself."""

    table: str
    key: str
    place: str
    layer: str
    codec: str
    because: str
    cells: tuple[SetCell, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was read. ``path`` is that of a message, of a FHIR element, or ``directory.COLUMN``;
    ``of`` what it stands in (``Slot/7``, a file); ``place`` the line of that file (``file:line``), or the
    element of that resource; ``row`` that of the directory table by which an EHR has filled a column."""

    path: str
    value: Any = None
    of: str = ""
    place: str = ""
    row: ByRow | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field of what is sent or answered. Where no row writes it ``made`` says what does."""

    path: str
    value: Any
    origins: tuple[Origin, ...] = ()
    row: ByRow | None = None
    made: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """One field of the message that was sent to us, or one parameter of a search, and its one outcome."""

    path: str
    value: Any
    outcome: Outcome
    row: ByRow | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """One search, or one query, that the upstream is asked; ``body``: of a query."""

    method: str
    url: str
    fields: tuple[Field, ...]
    body: Any = None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """How many schedules of the directory a wish leaves out by itself, and the first of them."""

    path: str
    value: Any
    excluded: int
    of: int
    first: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A slot that the upstream sent and that is not in the answer: which, when it begins as it was sent, and
    why; ``row``: the one that refuses it."""

    slot: str
    start: str
    why: str
    row: ByRow | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """All of it. ``status`` and ``answer`` are those of the reply, None where nothing was there to answer
    with; ``fields`` are the answer's. ``chosen``: how many schedules fit; None where none were looked for."""

    site: str
    tables: str
    wishes: tuple[Wish, ...]
    sent: tuple[Sent, ...]
    status: int | None
    answer: Any
    fields: tuple[Field, ...]
    issues: tuple[Issue, ...] = ()
    chosen: int | None = None
    narrowing: tuple[Narrowing, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def about(told: Explained, only: str | None) -> Explained:
    """What of it concerns one field, by its dotted name without positions, or by its last parts; all of it
    where ``only`` is None."""
    if only is None:
        return told
    return replace(
        told,
        wishes=tuple(each for each in told.wishes if _wanted(each.path, only)),
        sent=tuple(
            replace(each, fields=tuple(field for field in each.fields if _concerns(field, only)))
            for each in told.sent
        ),
        fields=tuple(each for each in told.fields if _concerns(each, only)),
        narrowing=tuple(each for each in told.narrowing if _wanted(each.path, only)),
        left_out=(),
    )


def paths(told: Explained) -> tuple[str, ...]:
    """Every name by which :func:`about` finds something: of whole fields, and of their last parts."""
    fields = [*(field for each in told.sent for field in each.fields), *told.fields]
    read = [origin.path for field in fields for origin in field.origins]
    wishes = [each.path for each in told.wishes]
    whole = [named(each).split(".") for each in (*wishes, *(field.path for field in fields), *read)]
    return tuple(dict.fromkeys(".".join(each[at:]) for each in whole for at in range(len(each))))


def as_json(whole: Explained, only: str | None = None) -> Json:
    """The explanation as a JSON value, as of :func:`about`."""
    told = about(whole, only)
    return {
        "site": told.site,
        "tables": told.tables,
        "message": [_wish(each) for each in told.wishes],
        "chosen": {"schedules": told.chosen, "narrowed": [_narrowing(each) for each in told.narrowing]},
        "sent": [
            {
                "method": each.method,
                "url": each.url,
                **({"body": each.body} if each.body is not None else {}),
                "fields": [_field(field) for field in each.fields],
            }
            for each in told.sent
        ],
        "status": told.status,
        "answer": [_field(each) for each in told.fields],
        "left_out": [
            _filled(slot=each.slot, start=each.start, why=each.why, row=_row(each.row))
            for each in told.left_out
        ],
        "issues": [
            {"severity": each.severity, "code": each.code, "path": each.path, "text": each.text}
            for each in told.issues
        ],
    }


def _concerns(field: Field, only: str) -> bool:
    """Whether a field, or one that it was made of, is the one that is asked about."""
    return _wanted(field.path, only) or any(_wanted(each.path, only) for each in field.origins)


def _wanted(path: str, only: str | None) -> bool:
    return (
        only is None or f".{named(path)}.".endswith(f".{only}.") or f".{named(path)}".startswith(f".{only}.")
    )


def named(path: str) -> str:
    """A path without positions."""
    return "".join(_unplaced(path))


def _unplaced(path: str) -> Iterator[str]:
    inside = False
    for char in path:
        inside = char == "[" or (inside and char != "]")
        if not inside and char != "]":
            yield char


def _wish(wish: Wish) -> Json:
    return _filled(
        path=wish.path, value=wish.value, outcome=wish.outcome, row=_row(wish.row), because=wish.because
    )


def _field(field: Field) -> Json:
    read = [
        _filled(path=each.path, value=each.value, of=each.of, place=each.place, row=_row(each.row))
        for each in field.origins
    ]
    return _filled(path=field.path, value=field.value, read=read, row=_row(field.row), made=field.made)


def _row(row: ByRow | None) -> Json | None:
    if row is None:
        return None
    cells = [
        {"cell": each.name, "value": each.text, "layer": each.layer, "place": each.place}
        for each in row.cells
    ]
    return {
        **_filled(table=row.table, key=row.key, place=row.place, layer=row.layer, codec=row.codec),
        **_filled(because=row.because, cells=cells),
    }


def _narrowing(each: Narrowing) -> Json:
    return {
        "path": each.path,
        "value": each.value,
        "excluded": each.excluded,
        "of": each.of,
        "first": list(each.first),
    }


def _filled(**values: Any) -> Json:
    """Those that say something; a value that was read may be nothing of what it looks like, so it stays."""
    return {name: value for name, value in values.items() if value not in (None, "", [])}
