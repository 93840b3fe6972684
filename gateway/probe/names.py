"""What a server calls the parameters that bound a search of slots, by the tables in force or by metadata."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from gateway.probe.report import Declared, Names
from gateway.tables.answer.site import SiteTables

QUERY = "available-slots.query"
START, END, LENGTH = "StartDateTime", "EndDateTime", "Visit.VisitPreference.Duration"

# R4 has a parameter for the start alone; `end` is that of the drafts of R6.
_USUAL_START, _USUAL_END = "start", "end"
_END_WORDS = frozenset({"end", "until"})
_LENGTH_WORDS = frozenset({"duration", "length", "minutes"})
# Types of which no value is a time or a number (FHIR R4, search).
_OTHER = frozenset({"reference", "token", "uri", "composite"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def names(tables: SiteTables, declared: Declared) -> Names:
    """The names of the parameters for the start, the end and the length of slots; the last is empty where
    nothing of the kind is known."""
    query = tables.tables[QUERY]
    own = {key: row.param for key in (START, END, LENGTH) if (row := query.row(key)) and row.param}
    start = own.get(START, _USUAL_START)
    end = own.get(END, start)
    sent = {row.param for row in query.rows if row.param is not None}
    if end == start:
        end = next(_declared(declared, _END_WORDS, sent), _USUAL_END)
    return Names(start, end, own.get(LENGTH) or next(_declared(declared, _LENGTH_WORDS, sent), ""))


def _declared(declared: Declared, words: frozenset[str], sent: Collection[str]) -> Iterator[str]:
    """Parameters of Slot with such a word in their name that no row sends, the shortest first."""
    params = declared.params.get("Slot", {})
    found = [name for name, kind in params.items() if kind not in _OTHER and words & _words(name)]
    yield from sorted((name for name in found if name not in sent), key=lambda name: (len(name), name))


def _words(name: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(name)}
