"""JSON as a broken or hostile server would send it: well formed for the most part, wrong in a few places."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

# Written as they are, since ``json.dumps`` has no way to write most of them.
RAW = {
    "@huge": "9" * 5000,
    "@far": "1e999",
    "@long": "1" * 400,
    "@surrogate": '"\\ud800"',
    "@pair": '"\\udc00\\ud800"',
    "@nul": '"\\u0000"',
    "@key": '{"\\ud800": 1}',
    "@twice": '{"resourceType": "Slot", "resourceType": ["Slot"], "id": 1, "id": "a"}',
    "@deep": "[" * 3000 + "]" * 3000,
    "@deeper": '{"a":' * 900 + "1" + "}" * 900,
    "@nan": "NaN",
}
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    -0.0,
    2**63,
    10**30,
    "",
    " ",
    "\n",
    "\u0000",
    "\u2028\u202e",
    "é" * 80,
    "x" * 3000,
    "/" * 500,
    "Slot",
    "Schedule/",
    "Schedule//_history/",
    "https://elsewhere.example/fhir/Schedule/1",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:60-14:00",
    "0001-01-01T00:00:00+14:00",
    "2025-10-22T08:45:00.123456789012345-07:00",
    [],
    [None],
    [[]],
    [[[["Slot"]]]],
    ["Slot"],
    [1, "a", None, {}],
    {},
    {"": ""},
    {"resourceType": ["Slot"]},
    {"resourceType": {"a": []}},
    {"reference": ["Schedule/1"]},
    {"value": {"value": {}}},
    *RAW,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (object or list, key or position) in a value."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        here = waiting.pop()
        keys = here if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()
        for key in keys:
            found.append((here, key))
            waiting.append(here[key])
    return found


def mangled(value: Any, random: Random, *, times: int = 3) -> bytes:
    """The value as JSON with up to ``times`` places lost, doubled, exchanged, or something odd in them."""
    made = copy.deepcopy(value)
    for _ in range(random.randint(1, times)):
        found = places(made)
        if not found:
            break
        here, key = random.choice(found)
        match random.randrange(8):
            case 0:
                del here[key]
            case 1:
                here[key] = [here[key]]
            case 2:
                here[key] = {"resourceType": here[key], "value": here[key]}
            case 3:
                other, name = random.choice(found)
                here[key] = copy.deepcopy(other[name]) if _is_in(other, name) else None
            case 4 if isinstance(here, list):
                here.append(copy.deepcopy(here[key]))
            case 5 if isinstance(here[key], str):
                at = random.randint(0, len(here[key]))
                here[key] = here[key][:at] + random.choice((" ", "/", "\u0000", "é", "Z", ":", "~", "")) * 2
            case _:
                here[key] = copy.deepcopy(random.choice(ODD))
    text = json.dumps(made)
    for name, raw in RAW.items():
        text = text.replace(f'"{name}"', raw)
    return text.encode()


def _is_in(here: Any, key: Any) -> bool:
    return key in here if isinstance(here, dict) else key < len(here)
