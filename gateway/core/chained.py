"""One parameter of a FHIR search: the values in it, and the chain in its name as the rows know it. Pure.

FHIR R4, search, chaining: a reference may say of which type it is, and what is known of what it refers to may
be asked for behind a dot. The id of that is what the reference itself says.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from gateway.core.errors import Issue

_SCHEDULE = re.compile(r"schedule:Schedule(?=\.|$)")
_CHAIN = re.compile(
    r"(?P<name>schedule(?=\._id)|(?:schedule\.)?actor)(?::(?P<type>Practitioner|Location))?(?P<own>\._id)?"
)
_TYPED = re.compile(r"(?:[^?#]*/)?([A-Z][A-Za-z]+)/[^/?#]+?(?:/_history/[^/?#]+)?")
_ESCAPED = re.compile(r"\\.|,|[^\\,]+", re.DOTALL)
_SPECIAL = frozenset({",", "|", "$", "\\"})


def alternatives(text: str) -> list[str]:
    """The values of a parameter: commas separate them unless escaped (FHIR search, escaping)."""
    if "\\" not in text:
        return [value.strip() for value in text.split(",") if value.strip()]
    found: list[list[str]] = [[]]
    for part in _ESCAPED.findall(text):
        if part == ",":
            found.append([])
        else:
            found[-1].append(part[1] if part[0] == "\\" and part[1:] in _SPECIAL else part)
    return [value for parts in found if (value := "".join(parts).strip())]


def token(text: str) -> tuple[str, str, str]:
    """The system, the bar and the code of a token. What stands behind the first bar is the code: an escaped
    bar is one of its letters, and no system has any."""
    system, bar, code = text.partition("|")
    return (system, bar, code) if bar else ("", "", text)


def as_sent(text: str) -> list[str]:
    """The values of a parameter, still escaped."""
    found = [""]
    for part in _ESCAPED.findall(text):
        if part == ",":
            found.append("")
        else:
            found[-1] += part
    return [each.strip() for each in found if each.strip()]


def unchained(name: str, value: str, known: Collection[str]) -> tuple[str, str, Issue | None]:
    """A parameter as the rows know it, of one that names the types of its references, or the id of what they
    refer to; any other as it is. The Issue is about a value that cannot be what is asked for."""
    if name in known:
        return name, value, None
    shorter = _SCHEDULE.sub("schedule", name)
    match = _CHAIN.fullmatch(shorter)
    if match is None or match["name"] not in known:
        return (shorter if shorter in known else name), value, None
    kind, plain = match["type"], match["name"]
    # Who asks by the id of a resource may put a system before it, which an id does not have.
    ids = [each.rpartition("|")[2] if match["own"] else each for each in as_sent(value)]
    if kind is None:
        return plain, ",".join(ids), None
    typed = [_TYPED.fullmatch(each) for each in ids]
    if any(each is not None and each[1] != kind for each in typed):
        text = f"names what is no {kind}, which its own name asks for; write {kind}/ and its id"
        return plain, value, Issue("value", plain, text)
    spelt = (each if found else f"{kind}/{each}" for each, found in zip(ids, typed, strict=True))
    return plain, ",".join(spelt), None
