"""The codecs of ids, references and codes: what names a slot, a resource or a thing in a code table."""

from __future__ import annotations

import re
from base64 import b32encode
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote

from gateway.core import chained
from gateway.core.fhir import resource_id
from gateway.tables.codecs.codec import Codec, Context, Unmapped
from gateway.tables.rows.model import CodeTable

_ID = r"[^\s/?#]+"
_REFERENCE = re.compile(rf"(?:https?://[^?#]*/)?([A-Z][A-Za-z]+)/({_ID}?)(?:/_history/{_ID})?")
_BARE = re.compile(rf"(?!urn:){_ID}", re.IGNORECASE)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f]+")
_ID_TYPE = "urn:redox:id-type:"
_SLOT_NAME = re.compile(
    r"([a-z2-7]{12})\.(\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z)\.(\d{1,4})(?:\.[A-Za-z0-9\-]{1,23})?"
)
# What a slot's name has room for at its end: 64 less its schedule, start, minutes and the dots between.
_TAIL = re.compile(r"[A-Za-z0-9\-]{1,23}")


def _as_it_is(value: Any) -> Any:
    return value


def make_slot_id(_arguments: tuple[str, ...], _context: Context) -> Codec:
    """The EHR's own id of a slot, or one made of schedule, start and minutes."""

    def to_redox(value: str | None, schedule: str, start: str, minutes: int) -> str:
        return value or slot_key(schedule, start, minutes)

    def to_fhir(value: str | None, *_companions: Any) -> str | None:
        return value

    return Codec(to_redox, to_fhir, absent=True)


def slot_key(schedule: str, start: str, minutes: int) -> str:
    """The id of a slot that its EHR gave none: schedule, start in UTC and length, enough to book with."""
    return f"{schedule}~{start}~{minutes}"


def make_slot_name(_arguments: tuple[str, ...], _context: Context) -> Codec:
    """A FHIR id made of schedule, start and minutes, and of the EHR's own id where there is one."""

    def to_fhir(_value: None, schedule: str, start: str, minutes: int, own: str | None = None) -> str:
        return slot_name(schedule, start, minutes, own)

    return Codec(_as_it_is, to_fhir, absent=True)


@lru_cache(maxsize=4096)
def schedule_name(schedule: str) -> str:
    """Twelve characters for a schedule, whatever its id looks like: the beginning of its slots' ids."""
    return b32encode(sha256(schedule.encode()).digest()).decode()[:12].lower()


def slot_name(schedule: str, start: str, minutes: int, own: str | None = None) -> str:
    """A FHIR id (at most 64 letters, digits, - and .) for a slot; ``start`` as Redox spells instants. ``own``
    is the id that its EHR gave it: two of those at one time are two slots."""
    name = f"{schedule_name(schedule)}.{start.replace(':', '')}.{minutes}"
    return f"{name}.{slot_tail(own)}" if own and own != slot_key(schedule, start, minutes) else name


def slot_tail(own: str) -> str:
    """A slot's own id as the end of its name: as it is, or where that is too long or has other letters, made
    of it."""
    return own if _TAIL.fullmatch(own) else sha256(own.encode()).hexdigest()[:20]


def named_slot(name: str) -> tuple[str, str, int] | None:
    """The schedule's name, the start and the minutes that such an id holds; None if it is not one."""
    match = _SLOT_NAME.fullmatch(name)
    if match is None:
        return None
    start = f"{match[2][:13]}:{match[2][13:15]}:{match[2][15:]}"
    return match[1], start, int(match[3])


def make_reference(arguments: tuple[str, ...], _context: Context) -> Codec:
    """The id in a reference to a resource of one type. An upstream gets it back letter by letter."""
    kind = arguments[0]

    def to_redox(value: str) -> str:
        match = _REFERENCE.fullmatch(value)
        if match is not None and match[1] == kind:
            return match[2]
        if _BARE.fullmatch(value):
            return value
        raise ValueError(f"not a reference to a {kind}; write {kind}/ and its id")

    def to_fhir(value: str) -> str:
        return f"{kind}/{resource_id(value)}"

    return Codec(to_redox, to_fhir, sent=lambda value: f"{kind}/{searched(value)}")


def make_fhir_id(_arguments: tuple[str, ...], _context: Context) -> Codec:
    """An id as it is, or one that FHIR allows in its place; an upstream gets it back letter by letter."""
    return Codec(_as_it_is, resource_id, sent=searched)


def searched(identifier: str) -> str:
    """An id as a search has it: a comma in it does not mean "or" (R4, escaping search parameters)."""
    return identifier.replace("\\", "\\\\").replace(",", "\\,")


def make_id_system(arguments: tuple[str, ...], context: Context) -> Codec:
    """A type of ID and its system, through a code table where that has it."""
    table = _table(arguments[0], context)

    def to_redox(system: str) -> str:
        found = table.backward(system, "")
        if found is not None:
            return found[0]
        return unquote(system.removeprefix(_ID_TYPE)) if system.startswith(_ID_TYPE) else system

    def to_fhir(kind: str) -> str:
        found = table.forward(kind, "")
        if found is not None:
            return found[0]
        return kind if _URI.fullmatch(kind) else _ID_TYPE + quote(kind, safe="")

    return Codec(to_redox, to_fhir)


def _table(name: str, context: Context) -> CodeTable:
    return context.codes.get(name) or CodeTable(name, {}, {})


def make_code(arguments: tuple[str, ...], context: Context) -> Codec:
    """A code through a code table."""
    table = _table(arguments[0], context)

    def to_redox(code: str, system: str | None = None) -> str:
        found = table.backward(code, system or "")
        if found is None:
            raise Unmapped(code, table.name, table.known_to_fhir)
        return found[0]

    def to_fhir(code: str, system: str | None = None) -> str:
        found = table.forward(code, system or "")
        if found is None:
            raise Unmapped(code, table.name, table.known)
        return found[0]

    return Codec(to_redox, to_fhir)


def make_token(arguments: tuple[str, ...], context: Context) -> Codec:
    """A code through a code table, as a search token."""
    table = _table(arguments[0], context)

    def to_redox(token: str, *_companions: Any) -> str:
        return _from_token(token, table)[0]

    def to_fhir(code: str, system: str | None = None) -> str:
        found = table.forward(code, system or "")
        if found is None:
            raise Unmapped(code, table.name, table.known, table.codesets(code))
        return f"{found[1]}|{found[0]}" if found[1] else found[0]

    return Codec(to_redox, to_fhir)


def make_token_system(arguments: tuple[str, ...], context: Context) -> Codec:
    """The Redox codeset that a search token's code belongs to."""
    table = _table(arguments[0], context)
    return Codec(lambda token: _from_token(token, table)[1] or None, _as_it_is)


def make_token_value(_arguments: tuple[str, ...], _context: Context) -> Codec:
    """What stands behind the bar of a search token."""
    return Codec(lambda token: token.rpartition("|")[2], _as_it_is)


class Identifier(str):
    """The value of an identifier that is searched for, with the type that its system means: empty for one
    without a system, None for any."""

    kind: str | None

    def __new__(cls, value: str, kind: str | None) -> Identifier:
        made = super().__new__(cls, value)
        made.kind = kind
        return made


def make_identifier(arguments: tuple[str, ...], context: Context) -> Codec:
    """A search token of an identifier, its system through a code table."""
    types = make_id_system(arguments, context)
    table = _table(arguments[0], context)

    def to_redox(token: str) -> Identifier:
        system, bar, value = _parts(token)
        if not bar:
            return Identifier(value, None)
        known = not table.tokens or (system, "") in table.tokens or table.backward(system, "") is None
        # A system that differs from one of the table's by its letter case alone is another one.
        return Identifier(value, types.to_redox(system) if known else system)

    return Codec(to_redox, _as_it_is)


def _parts(token: str) -> tuple[str, str, str]:
    """The system, the bar and the code of a token. FHIR's ``system|``, any code of a system, is refused."""
    system, bar, code = chained.token(token)
    if not code.strip():
        raise ValueError("names a system alone, which cannot be asked for; write system|code")
    return system, bar, code


def _from_token(token: str, table: CodeTable) -> tuple[str, str]:
    """FHIR search, token: ``system|code``, ``|code`` (of no system), ``code`` (of any)."""
    system, bar, code = _parts(token)
    found = table.token(code, system if bar else None)
    if found is None:
        raise Unmapped(token, table.name, table.known_to_fhir)
    return found
