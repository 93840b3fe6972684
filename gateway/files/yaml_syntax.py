"""What is said of a text that is no YAML: where, what kind of mistake, what to write instead.

Never the text itself, nor what the parser quotes of it: a secret that begins with a sign is such a text.
"""

from __future__ import annotations

import yaml

# What the parser says (its beginning) -> what to do about it.
_HINTS = {
    "mapping values are not allowed": 'no key can stand here; quote text with ": " in it, or indent rightly',
    "could not find expected ':'": 'a ":" is missing; write "key: value"',
    "did not find expected key": "neither a key nor the end of the map; check the indentation",
    "did not find expected '-' indicator": "not an item of the list; check the indentation",
    "block sequence entries are not allowed": 'a list item ("- ") cannot stand here; begin it on a new line',
    "did not find expected ',' or": 'a list or map in brackets is not closed, or a "," is missing',
    "did not find expected node content": "a key or value is missing; quote text that begins with a sign",
    "did not find expected comment or line break": 'text that begins with "|" or ">" needs quotes',
    "did not find expected alphabetic": 'text that begins with "*" or "&" needs quotes',
    "did not find expected whitespace": 'text that begins with "!" needs quotes',
    "found undefined tag handle": 'text that begins with "!" needs quotes',
    "found unknown directive": 'a line that begins with "%"; put the text in quotes',
    "found unexpected non-alphabetical": 'a line that begins with "%"; put the text in quotes',
    "found unexpected end of stream": "a quoted text is not closed",
    "found unexpected document indicator": "a quoted text is not closed",
    "found character that cannot start any token": "no text begins with this character; put it in quotes",
    "found unknown escape character": r'unknown escape; write "\\" for a backslash, or use single quotes',
}
_UNREADABLE = "not readable as YAML from here on; quote the text, or check the indentation"
# For these the place where the open thing began is more use than where the parser gave up.
_OPENED = ("could not find expected ':'", "did not find expected ',' or", "found unexpected")


def told(error: yaml.YAMLError, text: str) -> tuple[int, int, str]:
    """Line and column (from 1) and what is wrong, for an error of the parser in ``text``."""
    problem = str(getattr(error, "problem", None) or "")
    hint = next((hint for start, hint in _HINTS.items() if problem.startswith(start)), None)
    within = getattr(error, "context_mark", None)
    place = getattr(error, "problem_mark", None) or within
    if problem.startswith(_OPENED) and within is not None:
        place = within
        begun = "".join(text.split("\n")[within.line : within.line + 1])
        if hint and "brackets" in hint and "${" in begun:
            hint = 'inside brackets, a text with "${" in it needs quotes: "${NAME}"'
    line, column = (place.line + 1, place.column + 1) if place is not None else (1, 1)
    return line, column, hint or _UNREADABLE
