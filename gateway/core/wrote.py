"""What an upstream writes beside an error, for a person at a terminal: never for a log or an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

MOST_WORDS = 300
"""Characters of it that are shown."""

# OperationOutcome's, Redox's, OAuth's and those of API gateways in front.
_NAMES = ("diagnostics", "text", "Text", "error_description", "message", "Message", "detail", "title")
_LOOKED_AT = 200  # values of a JSON answer
_TAG = re.compile(r"<[^<>]{0,200}>")
_HIDDEN = "[hidden]"
# Some servers write again what they were sent, or write a token in another form than JSON.
_NAMED_SECRET = re.compile(
    r"((?:token|secret|assertion|password|api_?key|bearer|basic)[\"']?\s{0,3}[=: ]\s{0,3}[\"']?)"
    r"(?=[^\s\"'&<>,;]{0,40}[0-9])([^\s\"'&<>,;]{8,})",
    re.IGNORECASE,
)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,4}")
_SHORTEST_HIDDEN = 4


def words_of(body: bytes, hidden: Iterable[str] = ()) -> str:
    """The texts of an error's body on one line, cut short, with nothing that a terminal would act upon.

    Of JSON those by the names that are usual for them, of anything else what stands between tags. What is
    ``hidden`` (secrets that were sent), tokens and what is named as a secret are left out.
    """
    try:
        said = " ".join(_texts(msgspec.json.decode(body)))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        said = _TAG.sub(" ", body[: 20 * MOST_WORDS].decode("utf-8", "replace"))
    said = _without_secrets(said[: 20 * MOST_WORDS], hidden)
    clean = "".join(char if char.isprintable() else " " for char in said)
    line = " ".join(clean.split())
    return line if len(line) <= MOST_WORDS else f"{line[: MOST_WORDS - 3]}..."


def _without_secrets(said: str, hidden: Iterable[str]) -> str:
    for secret in sorted(hidden, key=len, reverse=True):
        if len(secret) >= _SHORTEST_HIDDEN:
            said = said.replace(secret, _HIDDEN)
    return _NAMED_SECRET.sub(rf"\1{_HIDDEN}", _JWT.sub(_HIDDEN, said))


def _texts(value: Any) -> Iterator[str]:
    """In the order in which they stand; a narrative (``text.div``) is none of them."""
    pending: list[tuple[str, Any]] = [("", value)]
    for _ in range(_LOOKED_AT):
        if not pending:
            return
        name, each = pending.pop()
        if isinstance(each, dict):
            pending += list(each.items())[_LOOKED_AT::-1]
        elif isinstance(each, list):
            pending += [(name, one) for one in each[_LOOKED_AT::-1]]
        elif isinstance(each, str) and name in _NAMES:
            yield each
