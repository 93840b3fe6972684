"""What a codec is: a named pair of functions that a row may use, one to Redox and one to FHIR.

A codec is bound once, when the tables are compiled, to its arguments and to the :class:`Context` of
a site. Its functions take the value and then the companions that the row names in ``with``. They
raise ValueError for a value that they cannot read (the text is shown to the sender, so it says what
to write), and :class:`Unmapped` for a code that no table has.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from gateway.tables.rows.model import CodeTable


class Unmapped(ValueError):
    """A code that its code table does not have; the row's ``unmapped`` says what is done about it."""

    def __init__(self, code: str, table: str, known: tuple[str, ...], codesets: tuple[str, ...] = ()) -> None:
        """``known`` are the codes of that side, ``codesets`` those under which the table has this one."""
        super().__init__(f'"{code}" is not in the code table {table}')
        self.code = code
        self.known = known
        self.codesets = codesets


@dataclass(frozen=True, slots=True)
class Context:
    """What a codec may know of the site: its zone and its code tables."""

    zone: ZoneInfo
    codes: Mapping[str, CodeTable]


Ends = tuple[str, str]
"""Between which UTC texts a slot must end: from the first, before the second."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec bound to a row.

    ``same`` compares two values of the FHIR side (``date`` and instants by what they mean, not by how
    they are spelt). ``absent`` codecs are also called with None, ``many`` ones with the whole list that
    the FHIR path selects. ``zone`` is that of an instant's clinic. ``sent`` takes the place of ``to_fhir`` in
    the searches of an upstream, which knows nothing of the ids that our own FHIR side makes.

    ``beside`` are parameters next to which a search value without a prefix means "from this on"; ``ends`` is
    what a search value says of when slots end, None for nothing. ``elsewhere`` gives the same codec for a
    clinic in another zone.
    """

    to_redox: Callable[..., Any]
    to_fhir: Callable[..., Any]
    same: Callable[[Any, Any], bool] = operator.eq
    absent: bool = False
    many: bool = False
    zone: ZoneInfo | None = None
    sent: Callable[..., Any] | None = None
    beside: frozenset[str] = frozenset()
    ends: Callable[[str], Ends | None] | None = None
    elsewhere: Callable[[ZoneInfo], Codec] | None = None

    @property
    def searching(self) -> Codec:
        """The codec as a row with a search parameter has it."""
        return self if self.sent is None else replace(self, to_fhir=self.sent)

    def at(self, zone: ZoneInfo) -> Codec:
        """The codec as a schedule in that zone has it."""
        return self if self.elsewhere is None or zone == self.zone else self.elsewhere(zone)


Maker = Callable[[tuple[str, ...], Context], Codec]


@dataclass(frozen=True, slots=True)
class Spec:
    """What ``gateway check`` and the documentation say of a codec. ``arguments`` are its argument
    names (``optional``: all of them may be left out; ``several``: the last may be there more than once);
    ``companions`` how many ``with`` values it takes, ``companion_kinds`` of which kinds these are; ``redox``
    and ``fhir`` the JSON kinds of the two sides. One that is ``alone`` makes what it gives FHIR of its
    companions, and reads nothing else."""

    name: str
    about: str
    make: Maker
    arguments: tuple[str, ...] = ()
    companions: tuple[int, int] = (0, 0)
    redox: str = "string"
    fhir: str = "string"
    optional: bool = False
    several: bool = False
    companion_kinds: tuple[str, ...] = ()
    alone: bool = False
