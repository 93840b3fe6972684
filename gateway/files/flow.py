"""Values as YAML writes them on one line, so that the marked reader reads just the same back."""

from __future__ import annotations

import json
from typing import Any

from gateway.files import marked


def flow(value: Any) -> str:
    """A value on one line: a text as it is (outside of brackets nothing is quoted), a list or a map in them.

    What begins as brackets do, but is a text, is quoted.
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value[:1] in ("[", "{", '"') else value
    return _inner(value)


def unflow(text: str) -> Any:
    """What :func:`flow` wrote, back. ValueError for brackets or quotes that do not end."""
    if text[:1] not in ("[", "{", '"'):
        return text
    node, faults = marked.read(f"v: {text}\n", "")
    if node is None or faults or len(node.items) != 1:
        raise ValueError("the brackets or quotes are not right; write [a, b] or {key: value}")
    return marked.plain(node.items[0][1])


def scalar(text: str, *, inside: bool = False) -> str:
    """A text as YAML has it after ``key: ``, or ``inside`` brackets: quoted where it must be."""
    around = f"v: [{text}]\n" if inside else f"v: {text}\n"
    if text and "\n" not in text:
        node, faults = marked.read(around, "")
        if node is not None and not faults and marked.plain(node) == {"v": [text] if inside else text}:
            return text
    return json.dumps(text, ensure_ascii=False)


def block(value: Any) -> str:
    """A value as it may stand after ``key: ``, on one line."""
    return scalar(value) if isinstance(value, str) else _inner(value)


def _inner(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{scalar(key, inside=True)}: {_inner(each)}" for key, each in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_inner, value)) + "]"
    return scalar(value or "", inside=True)
