"""JSON values taken apart into their fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every text, number and boolean of a JSON value, by its path with positions
    (``Visit.Locations[0].Facility``). What is null, or an empty text, is none."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from leaves(each, f"{path}[{position}]")
    elif value is not None and value != "":
        yield path, value


def at(value: Any, path: str) -> Any:
    """What stands at a path with positions; None where nothing does."""
    for name in path.replace("[", ".[").split("."):
        if name.startswith("["):
            position = int(name[1:-1])
            value = value[position] if isinstance(value, list) and position < len(value) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value
