"""Redox's answers: whether there is more than they hold, and their slots; of long ones in pieces. Pure.

A synchronous query is answered by one body, whatever it holds, so its slots are taken apart before they are
read: one that cannot be read costs itself alone, and others may work in between.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from gateway.core.envelope import UNREADABLE
from gateway.core.errors import Issue, UpstreamFailed
from gateway.core.values import MOST_ANSWERED, Pieces, values


class Meta(Protocol):
    """What is read of an answer's Meta."""

    IsIncomplete: bool | str | float | None
    Errors: list[Any] | None


class _Meta(msgspec.Struct):
    IsIncomplete: bool | str | float | None = None
    Errors: list[Any] | None = None


class _Answer(msgspec.Struct):
    AvailableSlots: list[msgspec.Raw] | None = None
    Meta: _Meta | None = None


_UNSET = msgspec.Raw(b"null")
_answer = msgspec.json.Decoder(_Answer).decode


def opened(answer: bytes) -> Pieces[tuple[bool, list[msgspec.Raw]]]:
    """Whether Redox said that there is more, and the JSON texts of the slots. UpstreamFailed for what is no
    answer, or one of errors."""
    if (yield from values(answer, MOST_ANSWERED)) > MOST_ANSWERED:
        text = f"The scheduling system's answer holds more than {MOST_ANSWERED:,} values. "
        text += "Ask for a shorter time range."
        raise UpstreamFailed(Issue("too-costly", "", text))
    try:
        read = _answer(answer)
    except UNREADABLE:
        text = "The scheduling system answered with something that is not a Redox message."
        raise UpstreamFailed(Issue("exception", "", text)) from None
    incomplete = is_incomplete(read.Meta)
    if read.AvailableSlots is None:
        text = "The scheduling system's answer holds no list of available slots."
        raise UpstreamFailed(Issue("exception", "", text))
    return incomplete, [slot for slot in read.AvailableSlots if slot != _UNSET]


def is_incomplete(meta: Meta | None) -> bool:
    """Whether Redox said so. An answer that holds errors under any status is a failure
    (Redox, initiating requests: check Meta.Errors regardless of the status code)."""
    if meta is not None and any(each is not None for each in meta.Errors or ()):
        raise UpstreamFailed(Issue("exception", "", "The scheduling system answered with errors of Redox's."))
    said = meta.IsIncomplete if meta is not None else None
    return said == 1 or (isinstance(said, str) and said.strip().lower() in ("true", "1"))
