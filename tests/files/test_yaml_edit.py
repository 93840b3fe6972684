# ruff: noqa: E501
"""Edits of YAML: the value is what was meant, and every other letter stays."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from gateway.files import marked, yaml_edit
from gateway.shipped import folder

FILE = """\
# The head.
over: a.query   # which
rows:
  # First.
  - row: One    # its key
    codec: "x"  # why
    example: {redox: "1", param: a}

  - ignore:     # two of them
      - A       # one
      - B
    because: |
      two
      lines

  # Last.
  - {row: Three, way: both}
# The end.
"""


def _plain(text: str) -> Any:
    node, faults = marked.read(text, "x")
    assert node is not None and faults == [], (faults, text)
    return marked.plain(node)


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        (("replaced", ["rows", 0, "codec"], "y"), 'codec: "x"  # why', "codec: y  # why"),
        (("replaced", ["rows", 0, "codec"], "a: b"), 'codec: "x"', 'codec: "a: b"'),
        (("replaced", ["rows", 0, "example", "redox"], "a, b"), 'redox: "1"', 'redox: "a, b"'),
        (("replaced", ["rows", 1, "because"], "one"), "|\n      two\n      lines\n", "one\n"),
        (("replaced", ["rows", 1, "ignore"], ["A", "C"]), "- B", "- C"),
        (("replaced", ["rows", 1, "ignore"], ["A", "B", "C"]), "      - B\n", "      - B\n      - C\n"),
        (("replaced", ["rows", 1, "ignore"], ["A"]), "      - B\n", ""),
        (("replaced", ["rows", 1, "ignore"], "A"), "ignore:     # two of them\n      - A       # one\n      - B", "ignore: A     # two of them"),
        (("with_key", ["rows", 0], "note", "n"), "param: a}\n", "param: a}\n    note: n\n"),
        (("with_key", ["rows", 0, "example"], "with", "[x"), "param: a}", 'param: a, with: "[x"}'),
        (("with_key", ["rows", 1], "note", "n"), "      lines\n", "      lines\n    note: n\n"),
        (("with_key", ["rows", 2], "note", "n"), "way: both}", "way: both, note: n}"),
        (("without_key", ["rows", 0], "codec"), '    codec: "x"  # why\n', ""),
        (("without_key", ["rows", 1], "because"), "    because: |\n      two\n      lines\n", ""),
        (("without_key", ["rows", 2], "way"), ", way: both", ""),
        (("without_key", ["rows", 2], "row"), "row: Three, ", ""),
        (("with_item", ["rows"], {"row": "Four", "drop": "true"}), "way: both}\n", "way: both}\n  - row: Four\n    drop: true\n"),
        (("without_item", ["rows"], 0), '  - row: One    # its key\n    codec: "x"  # why\n    example: {redox: "1", param: a}\n', ""),
        (("without_item", ["rows"], 2), "  - {row: Three, way: both}\n", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_what_is_meant_changes(edit: Any, old: str, new: str, newline: str) -> None:
    name, *arguments = edit
    assert FILE.count(old) == 1
    text = FILE.replace("\n", newline)
    wanted = FILE.replace(old, new).replace("\n", newline)
    assert getattr(yaml_edit, name)(text, *arguments) == wanted
    _plain(wanted)


def test_a_list_that_was_emptied_can_be_filled() -> None:
    text = "over: a\nrows:   # none yet\n  - row: One\n    note: x\n# end\n"
    emptied = yaml_edit.without_item(text, ["rows"], 0)
    assert _plain(emptied) == {"over": "a", "rows": []} and "# none yet" in emptied and "# end" in emptied
    filled = yaml_edit.with_item(emptied, ["rows"], {"row": "Two", "note": "y"})
    assert _plain(filled) == {"over": "a", "rows": [{"row": "Two", "note": "y"}]}
    assert "# none yet" in filled and "# end" in filled


def test_the_last_line_may_lack_its_end() -> None:
    assert yaml_edit.with_key("a:\n  b: c", ["a"], "d", "e") == "a:\n  b: c\n  d: e"
    assert yaml_edit.with_item("a:\n- b: c", ["a"], {"d": "e"}) == "a:\n- b: c\n- d: e"


def test_the_first_key_of_an_item_can_go() -> None:
    text = "a:\n  - b: c   # one\n    # two\n    d: e\n"
    gone = yaml_edit.without_key(text, ["a", 0], "b")
    assert _plain(gone) == {"a": [{"d": "e"}]} and "# two" in gone
    assert yaml_edit.without_key("a:\n  - b: c\n    d: e\n", ["a", 0], "b") == "a:\n  - d: e\n"


def test_what_is_not_there_is_told() -> None:
    for path in (["x"], ["rows", 9], ["over", "x"]):
        with pytest.raises(KeyError):
            yaml_edit.replaced(FILE, path, "y")


_WORDS = (
    "a",
    "a: b",
    "- c",
    "[d",
    "{e}",
    "# f",
    "",
    " g ",
    "h\ni",
    "true",
    "0012",
    "'j",
    '"k"',
    "l #m",
    "n,o",
    "&p",
    "é",
)


def _spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    found = [(path, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        found += _spots(each, (*path, key))
    return found


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _any_value(chance: random.Random) -> Any:
    kind = chance.randrange(5)
    if kind == 0:
        return [chance.choice(_WORDS) for _ in range(chance.randrange(1, 4))]
    if kind == 1:
        return {f"k{n}": chance.choice(_WORDS) or "x" for n in range(chance.randrange(1, 3))}
    return chance.choice(_WORDS) or "x"


@pytest.mark.parametrize("path", sorted(folder("mappings").rglob("*.yaml")), ids=lambda path: path.name)
@pytest.mark.parametrize("seed", range(4))
def test_any_edits_of_shipped_files_are_read_back_as_meant(path: Any, seed: int) -> None:
    """Against the same edits of the plain values; no comment is lost but with what it stood beside."""
    chance = random.Random(f"{path.name}{seed}")
    text = path.read_text("utf-8")
    value = _plain(text)
    heads = [line for line in text.split("\n") if line.startswith("#")]
    for _ in range(12):
        spot, there = chance.choice(_spots(value)[1:])
        wanted = copy.deepcopy(value)
        new = _any_value(chance)
        match chance.randrange(3):
            case 0:
                _at(wanted, spot[:-1])[spot[-1]] = new
                text = yaml_edit.replaced(text, spot, new)
            case 1 if isinstance(there, dict) and there and "zz" not in there:
                _at(wanted, spot)["zz"] = new
                text = yaml_edit.with_key(text, spot, "zz", new)
            case 1 if isinstance(there, list):
                _at(wanted, spot).append(new)
                text = yaml_edit.with_item(text, spot, new)
            case _:
                above = _at(value, spot[:-1])
                if isinstance(above, dict) and len(above) > 1:
                    del _at(wanted, spot[:-1])[spot[-1]]
                    text = yaml_edit.without_key(text, spot[:-1], spot[-1])
                elif isinstance(above, list):
                    del _at(wanted, spot[:-1])[spot[-1]]
                    text = yaml_edit.without_item(text, spot[:-1], spot[-1])
        assert _plain(text) == wanted
        value = wanted
    assert [line for line in heads if line not in text.split("\n")] == []
