"""The only way by which a text of a table gets into generated source.

There is no programming language in a table, so nothing that stands in one may become code: neither as a
value, nor as a name, nor in a comment, which a line break would end.
"""

from __future__ import annotations

import re

_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


def literal(text: str) -> str:
    """A text as a Python literal: ASCII, on one line, whatever is in it.

    What is not ASCII, and every control character, is escaped (``ascii``). TypeError for what is no text.
    """
    if type(text) is not str:
        raise TypeError(f"only texts become literals, not {type(text).__name__}")
    return ascii(text)


def comment(key: str) -> str:
    """A comment that names the row which the line is made of."""
    return f"# row {literal(key)}"


def f_literal(body: str) -> str:
    """An f-string of a body in which every text of a table has its braces doubled."""
    return f"f{literal(body)}"


def variable(column: str) -> str:
    """The variable that holds a column of the directory. ValueError for a name that is more than a name,
    which the check of the table has refused before."""
    if _COLUMN.fullmatch(column) is None:
        raise ValueError("a column's name is letters, digits and _")
    return f"c_{column}"
