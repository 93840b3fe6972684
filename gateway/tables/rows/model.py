"""What a mapping table is, once read: frozen rows that know the origin of every cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.files.marked import Mark
from gateway.tables.rows.paths import Path

Way = Literal["both", "to-redox", "to-fhir"]
Unmapped = Literal["error", "pass", "drop", "unchecked"]


ALL_CODES = "codes"
"""As a row's ``default``: every code of its code table."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as typed, where it stands, and which layer (``base``, a dialect, a site) set it.
    ``height`` counts the files below the one that set it, ``rank`` is that of its layer."""

    text: str
    mark: Mark
    layer: str
    height: int = 0
    rank: int = 0


@dataclass(frozen=True, slots=True)
class CodecCall:
    """``code(visit-types)``: the codec's name and its arguments."""

    name: str = "text"
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})" if self.arguments else self.name


@dataclass(frozen=True, slots=True)
class Example:
    """A pair that a row must turn into each other. Keys are the sides: ``redox``, ``fhir``, ``param``,
    ``directory``; values are typed text, or lists of it. ``with_`` gives the companions' values."""

    sides: Mapping[str, str | list[str]]
    with_: tuple[str, ...]
    zone: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Row:
    """One row. What it relates is said by which sides it has:

    - ``redox`` + ``fhir``: a field that crosses; ``fhir`` may name several paths, the first with a
      value is read and the first is written;
    - ``redox`` + ``param`` (or ``directory`` + ``param``): a search parameter; ``default`` is sent where the
      message says nothing (``codes``: every code of the row's code table);
    - ``redox`` + ``select``: chooses schedules by a column of the directory, by one of the ``others`` where
      that is empty throughout;
    - ``redox`` + ``filter``: kept by the gateway itself and applied to what comes back;
    - ``redox`` + ``directory``, ``fhir`` + ``directory``: a column of the schedule directory; of a Location
      that of ``level`` in its hierarchy is read;
    - ``value`` in place of one side: a constant;
    - ``ignore``: fields deliberately not carried. In a query they are wishes, which is told where one is
      uttered, ``unless`` one of these fields says the same beside it; or none, by ``wish``.
    """

    key: str
    mark: Mark
    layer: str
    redox: Path | None = None
    fhir: tuple[Path, ...] = ()
    param: str | None = None
    select: str | None = None
    others: tuple[str, ...] = ()
    filter: str | None = None
    directory: str | None = None
    level: str | None = None
    default: str | None = None
    value: str | None = None
    ignore: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    wish: bool = True
    codec: CodecCall = CodecCall()
    with_: tuple[str, ...] = ()
    required: bool = False
    way: Way = "both"
    because: str | None = None
    loses: str | None = None
    unmapped: Unmapped = "error"
    note: str | None = None
    examples: tuple[Example, ...] = ()
    cells: Mapping[str, Cell] = field(default_factory=dict)
    height: int = 0

    @property
    def to_redox(self) -> bool:
        """Whether the row is used when something goes to Redox."""
        return self.way != "to-fhir" and not self.ignore

    @property
    def to_fhir(self) -> bool:
        """Whether the row is used when something goes to the FHIR side."""
        return self.way != "to-redox" and not self.ignore

    @property
    def root(self) -> str | None:
        """The resource type that the row's FHIR paths begin with."""
        return self.fhir[0].steps[0].name if self.fhir else None

    @property
    def reads_id_type(self) -> bool:
        """Whether the row chooses by an ID whose type, beside it, says through the code table in which
        column: the codec is the type's, and the ID itself stays as it is."""
        return self.select is not None and self.codec.name == "code" and bool(self.with_)

    def at(self, cell: str) -> Mark:
        """Where a cell stands, for a fault about it; the row itself if it has no such cell."""
        found = self.cells.get(cell)
        return found.mark if found is not None else self.mark

    def latest(self, *names: str) -> Cell | None:
        """That one of the cells which the highest layer set, the first of them where several stand there.

        A fault in which several cells have a part is told at this one: what stands below it was right.
        """
        found = [self.cells[name] for name in names if name in self.cells]
        return max(found, key=lambda cell: cell.height) if found else None

    def blamed(self, *names: str) -> Mark:
        """Where :meth:`latest` stands; the row itself if it has none of the cells."""
        cell = self.latest(*names)
        return cell.mark if cell is not None else self.mark


@dataclass(frozen=True, slots=True)
class Former:
    """A row as it was before a layer dropped it or changed what it carries, and where the layer does so."""

    row: Row
    mark: Mark
    layer: str
    dropped: bool
    because: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """An effective table: the rows of all layers, in order.

    ``redox`` names a schema below ``schemas/redox`` and ``below`` the repeated part of it that the
    rows' Redox paths start from; ``fhir`` the resource types that FHIR paths may begin with. ``former``
    are the rows that layers dropped or gave another field; ``unread`` the keys of rows with a fault of
    their own form, which are not among ``rows``.
    """

    name: str
    mark: Mark
    redox: str | None
    below: Path | None
    fhir: tuple[str, ...]
    rows: tuple[Row, ...]
    former: tuple[Former, ...] = ()
    unread: frozenset[str] = frozenset()
    replaced: Table | None = None

    def row(self, key: str) -> Row | None:
        """The row of that key."""
        return next((row for row in self.rows if row.key == key), None)


_Alone = Mapping[str, tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A CSV of codes, ready to look up both ways.

    ``to_fhir``: (code, system) of Redox -> (code, system) of FHIR; ``to_redox`` the reverse. Codes
    are compared without case; a Redox system left empty in the file matches any. ``spelt`` has the codes
    and systems of both sides as the file spells them; ``known`` are the codes of Redox, for a text that names
    the nearest, and ``known_to_fhir`` those of FHIR. ``tokens`` are FHIR's codes and systems, letter by
    letter; ``marks`` says where the line of a Redox code and system stands, ``marks_back`` where that by
    which a FHIR code goes back. ``below`` is the table as it was before each layer over its lowest, by that
    layer's rank.
    """

    name: str
    to_fhir: Mapping[tuple[str, str], tuple[str, str]]
    to_redox: Mapping[tuple[str, str], tuple[str, str]]
    spelt: Mapping[str, str] = field(default_factory=dict)
    tokens: frozenset[tuple[str, str]] = frozenset()
    marks: Mapping[tuple[str, str], Mark] = field(default_factory=dict)
    marks_back: Mapping[tuple[str, str], Mark] = field(default_factory=dict)
    below: Mapping[int, CodeTable] = field(default_factory=dict)
    known: tuple[str, ...] = field(init=False)
    known_to_fhir: tuple[str, ...] = field(init=False)
    _alone: tuple[_Alone, _Alone] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_alone", (_alone(self.to_fhir), _alone(self.to_redox)))
        for name, lines in (("known", self.to_fhir), ("known_to_fhir", self.to_redox)):
            codes = sorted({self.spelt.get(code, code) for code, _ in lines})
            object.__setattr__(self, name, tuple(codes))

    def at(self, rank: int) -> CodeTable:
        """The table as layers up to that rank have it; of those over its lowest, which is in it always."""
        over = [each for each in self.below if each > rank]
        return self.below[min(over)] if over else self

    def forward(self, code: str, system: str) -> tuple[str, str] | None:
        """The FHIR code and system for a Redox code, or None. Without a codeset it is the code alone that
        tells, where it means one thing only."""
        key = code.strip().casefold()
        found = self.to_fhir.get((key, system.strip().casefold())) or self.to_fhir.get((key, ""))
        return found if found is not None or system.strip() else self._alone[0].get(key)

    def backward(self, code: str, system: str) -> tuple[str, str] | None:
        """The Redox code and codeset for a FHIR code, or None."""
        key = code.strip().casefold()
        return self.to_redox.get((key, system.strip().casefold())) or self.to_redox.get((key, ""))

    def backward_alone(self, code: str) -> tuple[str, str] | None:
        """The Redox code and codeset for a FHIR code of whatever system; None where two systems differ."""
        return self._alone[1].get(code.strip().casefold())

    def token(self, code: str, system: str | None) -> tuple[str, str] | None:
        """The Redox code and codeset for a code as a search spells it, or None: letter case counts, and so
        does its system (empty: it has none; None: any)."""
        if not any(code == each and system in (None, of) for each, of in self.tokens):
            return None
        return self.backward_alone(code) if system is None else self.backward(code, system)

    def codesets(self, code: str) -> tuple[str, ...]:
        """The codesets under which the table has a Redox code."""
        key = code.strip().casefold()
        return tuple(sorted(self.spelt.get(system, system) for known, system in self.to_fhir if known == key))


def _alone(lines: Mapping[tuple[str, str], tuple[str, str]]) -> _Alone:
    """What a code means without its system; None for one that means several things."""
    found: dict[str, tuple[str, str] | None] = {}
    for (code, _), pair in lines.items():
        found[code] = pair if found.get(code, pair) == pair else None
    return found
