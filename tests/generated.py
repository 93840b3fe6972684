"""JSON values made from a schema of ``schemas/``: good ones, and good ones with something spoilt."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from gateway.tables.rows.schema import Schema, SchemaView, kind_of

TEXTS = st.sampled_from(
    ["", " ", "a", "NPI", "30", "minutes", "Tues", "1000", 'é"\\\n', "true", "2025-10-21"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(0, 1) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["ID", "x", "Code"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def fitting(draw: st.DrawFn, view: SchemaView, schema: Schema | None = None, rich: int = 3) -> Any:
    """A value that the schema accepts; ``rich`` bounds how many optional fields an object has."""
    schema = view.root if schema is None else schema
    if view.nullable(schema) and draw(st.integers(0, 4)) == 0:
        return None
    item = view.item(schema)
    if item is not None:
        return draw(st.lists(fitting(view, item, rich), max_size=2))
    target = view.resolve(schema)
    if "const" in target or "enum" in target:
        return target.get("const") or draw(st.sampled_from(target["enum"]))
    kind = kind_of(target)
    if kind == "object" and "properties" in target:
        needed = list(target.get("required", ()))
        others = sorted(set(target["properties"]).difference(needed))
        chosen = draw(st.lists(st.sampled_from(others), max_size=rich, unique=True)) if others else []
        return {name: draw(fitting(view, target["properties"][name], rich)) for name in needed + chosen}
    plain = {
        "string": TEXTS,
        "boolean": st.booleans(),
        "number": st.integers(1, 90) | st.floats(1, 90),
        "integer": st.integers(1, 90),
        "object": st.just({}),
    }
    return draw(plain.get(kind, ANYTHING))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every part of a value, its own being the empty one."""
    found = [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in inner:
        found += places(child, (*path, name))
    return found


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@st.composite
def spoilt(draw: st.DrawFn, good: st.SearchStrategy[Any]) -> Any:
    """A good value in which one to three places are replaced, removed, or given an unknown field.

    It may still be good: who uses it asks a full validator.
    """
    value = copy.deepcopy(draw(good))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(value)))
        part = at(value, path)
        if isinstance(part, dict) and draw(st.booleans()):
            part[draw(st.sampled_from(["Surprise", "ID", "Meta", "Duration"]))] = draw(ANYTHING)
        elif path:
            parent = at(value, path[:-1])
            if draw(st.booleans()):
                parent[path[-1]] = draw(ANYTHING)
            else:
                del parent[path[-1]]
    return value
