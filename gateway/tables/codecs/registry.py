"""The codecs by name: what a row's ``codec`` may say. Those of plain texts and lists are here themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.directory import SEVERAL
from gateway.tables.codecs import names as codecs_of_names
from gateway.tables.codecs import times as codecs_of_time
from gateway.tables.codecs.codec import Codec, Context, Spec


def _text(value: Any) -> Any:
    return value


def _make_text(_arguments: tuple[str, ...], _context: Context) -> Codec:
    return Codec(_text, _text)


def _make_integer(_arguments: tuple[str, ...], _context: Context) -> Codec:
    def whole(value: Any) -> int:
        try:
            number = int(value)
        except (ValueError, OverflowError):
            raise ValueError("not a whole number; write it in digits only") from None
        if number != value and not isinstance(value, str):
            raise ValueError("not a whole number; round it")
        return number

    return Codec(whole, whole)


def _make_words(_arguments: tuple[str, ...], _context: Context) -> Codec:
    return Codec(lambda text: text.split(), " ".join)


def _make_joined_words(_arguments: tuple[str, ...], _context: Context) -> Codec:
    return Codec(" ".join, lambda text: text.split(), many=True)


def _make_joined_bars(_arguments: tuple[str, ...], _context: Context) -> Codec:
    def to_redox(values: list[str]) -> str:
        clean = (" ".join(each.replace(SEVERAL, " ").split()) for each in values)
        return SEVERAL.join(each for each in clean if each)

    return Codec(
        to_redox, lambda text: [each.strip() for each in text.split(SEVERAL) if each.strip()], many=True
    )


def _make_lines(_arguments: tuple[str, ...], _context: Context) -> Codec:
    return Codec(lambda text: text.split("\n"), "\n".join)


_SPECS = (
    Spec("text", "the text as it is", _make_text),
    Spec("integer", "a whole number", _make_integer, redox="number", fhir="integer"),
    Spec(
        "instant",
        "a moment: UTC with milliseconds for Redox, the clinic's offset for FHIR",
        codecs_of_time.make_instant,
    ),
    Spec(
        "minutes-until",
        "an end for FHIR, the minutes from the start (with: the Redox start) for Redox",
        codecs_of_time.make_minutes_until,
        companions=(1, 1),
        companion_kinds=("string",),
        redox="number",
    ),
    Spec(
        "slot-id",
        "the EHR's own id, or one made (with: schedule, start, minutes)",
        codecs_of_names.make_slot_id,
        companions=(3, 3),
        companion_kinds=("string", "string", "number"),
    ),
    Spec(
        "reference", "an id for Redox, Type/id for FHIR", codecs_of_names.make_reference, ("resource type",)
    ),
    Spec(
        "fhir-id",
        "an id as it is; where FHIR does not allow it, one made of it",
        codecs_of_names.make_fhir_id,
    ),
    Spec(
        "id-system",
        "a type of ID through a code table to its system; one without a line gets a system made of it",
        codecs_of_names.make_id_system,
        ("code table",),
    ),
    Spec(
        "code",
        "a code through a code table (with: its system)",
        codecs_of_names.make_code,
        ("code table",),
        (0, 1),
        companion_kinds=("string",),
    ),
    Spec(
        "token",
        "a code through a code table, as the search token system|code (with: the Redox codeset)",
        codecs_of_names.make_token,
        ("code table",),
        (0, 1),
        companion_kinds=("string",),
    ),
    Spec(
        "token-system",
        "the Redox codeset of such a token",
        codecs_of_names.make_token_system,
        ("code table",),
    ),
    Spec(
        "identifier",
        "the value of an identifier in a search token, and the type that its system means",
        codecs_of_names.make_identifier,
        ("code table",),
    ),
    Spec("token-value", "what stands behind system| in a search token", codecs_of_names.make_token_value),
    Spec("words", "a list for Redox, the words of one text for FHIR", _make_words, redox="array"),
    Spec("lines", "a list for Redox, the lines of one text for FHIR", _make_lines, redox="array"),
    Spec(
        "at-or-after",
        "a search from this instant on: ge",
        codecs_of_time.make_at_or_after,
        ("parameter",),
        optional=True,
        several=True,
    ),
    Spec("before", "a search for what starts before this instant: lt", codecs_of_time.make_before),
    Spec("until", "a search for what is over by this day or instant", codecs_of_time.make_until),
    Spec(
        "slot-name",
        "a FHIR id that is the same every day (with: schedule, start, minutes, own id)",
        codecs_of_names.make_slot_name,
        companions=(3, 4),
        companion_kinds=("string", "string", "number", "string"),
        alone=True,
    ),
    Spec("joined-words", "one text for the directory, a list for FHIR", _make_joined_words, fhir="array"),
    Spec(
        "joined-bars", "one text for the directory, by bars; a list for FHIR", _make_joined_bars, fhir="array"
    ),
    Spec(
        "day-before",
        "the day before the instant's day: the padded start of a search by dates",
        codecs_of_time.make_day(-1),
    ),
    Spec(
        "day-after",
        "the day after the instant's day: the padded end of a search by dates",
        codecs_of_time.make_day(1),
    ),
    Spec(
        "minutes",
        "a length of time as minutes (with: its unit)",
        codecs_of_time.make_minutes,
        companions=(0, 1),
        companion_kinds=("string",),
    ),
    Spec("time-zone", "the IANA name of a time zone, and no other text", codecs_of_time.make_time_zone),
    Spec(
        "weekday",
        "a day of the week in any usual spelling, or a word of the code table",
        codecs_of_time.make_weekday,
        ("code table",),
        optional=True,
    ),
    Spec(
        "time-of-day",
        "a time of day in any usual spelling, or a word of the code table",
        codecs_of_time.make_time_of_day,
        ("code table",),
        optional=True,
    ),
)
CODECS: Mapping[str, Spec] = {spec.name: spec for spec in _SPECS}
