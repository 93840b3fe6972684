"""How much is told of what is wrong: who sent a hundred thousand faults is not helped by as many texts.

An error's body, and the part of an answer that tells what was left out, stay below :data:`MOST_BYTES`
whatever came in. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.core.errors import Issue

MOST_BYTES = 64 * 1024
MOST_TOLD = 100
# Looked for at most: beyond these it is only said that there are more.
MOST_FOUND = 1000
_LONGEST = 1000  # characters of one text


def text_of(issue: Issue) -> str:
    """The text of an Issue with its path, at most a thousand characters."""
    text = str(issue)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def told(
    issues: Sequence[Issue], encode: Callable[[int, Issue], bytes], room: int, *, more: bool = False
) -> list[bytes]:
    """The first hundred of the issues, each as ``encode`` writes it (from 1), and how many more there are.

    ``room``: bytes that all of them may have together, commas between them counted. ``more``: there are
    others beside these, nobody knows how many.
    """
    found: list[bytes] = []
    for number, issue in enumerate(issues[:MOST_TOLD], 1):
        written = encode(number, issue)
        if len(written) + 1 > room:
            break
        room -= len(written) + 1
        found.append(written)
    while more or len(found) < len(issues):
        written = encode(len(found) + 1, _rest(len(issues) - len(found), more))
        if len(written) + 1 <= room or not found:
            found.append(written)
            break
        room += len(found.pop()) + 1
    return found


def _rest(number: int, more: bool) -> Issue:
    if more:
        text = f"and more than {number:,} others" if number else "and others"
    else:
        text = f"and {number:,} more"
    return Issue("informational", "", f"{text}; only the first are told", "information")
