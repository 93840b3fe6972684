"""Characters that cannot be seen, and make a text read otherwise than it looks.

Control characters, the line and paragraph separators of Unicode, marks that turn the direction of writing,
blanks without width, tags, and halves of surrogate pairs. What joins letters within a word (U+200C, U+200D)
is part of how some languages are written, and is left alone.
"""

from __future__ import annotations

import re

_HIDDEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f"
)
HIDDEN = re.compile(f"[{_HIDDEN}]")
"""One such character. Line breaks and tabs are not among them: where those may stand differs."""

_BREAKING = re.compile(f"[{_HIDDEN}\t\n\r]")


def plain_line(text: str) -> str:
    """A text as it may stand in a line for people, whatever is in it: what cannot be seen is escaped."""
    return _BREAKING.sub(lambda found: ascii(found[0])[1:-1], text)


def named(character: str) -> str:
    """How a fault names a character: ``U+2028``."""
    return f"U+{ord(character):04X}"
