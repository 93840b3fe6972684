"""What is read, where it stands, and every way in which a file can be wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.files import marked
from gateway.files.characters import HIDDEN, plain_line
from gateway.files.marked import Fault, Faults, Mark, MarkedList, MarkedMap, MarkedText

FIELDS = """\
# a comment
rows:
  - redox: DateTime
    required: yes
    time: 1000
    empty:
    "quoted": ""
    list: [a, 2025-10-21, null]
note: |
  two
  lines
"""


def root_of(text: str) -> MarkedMap:
    root, faults = marked.read(text, "f.yaml")
    assert root is not None and faults == []
    return root


def faults_of(text: str | bytes) -> list[str]:
    return [str(fault) for fault in marked.read(text, "f.yaml")[1]]


def test_every_scalar_stays_the_text_that_was_typed() -> None:
    row = {
        "redox": "DateTime",
        "required": "yes",
        "time": "1000",
        "empty": None,
        "quoted": "",
        "list": ["a", "2025-10-21", "null"],
    }
    assert marked.plain(root_of(FIELDS)) == {"rows": [row], "note": "two\nlines\n"}


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 2, 1),
        (("rows",), 3, 3),
        (("rows", 0), 3, 5),
        (("rows", 0, "redox"), 3, 12),
        (("rows", 0, "list", 1), 8, 15),
        (("note",), 9, 7),
        (("rows", 0, "absent"), 3, 5),
        (("rows", 7, "redox"), 3, 3),
        (("note", "deeper", 3), 9, 7),
    ],
)
def test_find_gives_the_nearest_mark(path: tuple[str | int, ...], line: int, column: int) -> None:
    assert marked.find(root_of(FIELDS), path) == Mark("f.yaml", line, column)


def test_find_can_give_the_place_of_the_key() -> None:
    root = root_of(FIELDS)
    assert str(marked.find(root, ("rows", 0, "list"), key=True)) == "f.yaml:8:5"
    assert str(marked.find(root, ("rows", 0), key=True)) == "f.yaml:3:5"


def test_nodes_are_what_they_say() -> None:
    root = root_of(FIELDS)
    rows = root.get("rows")
    assert isinstance(rows, MarkedList) and len(list(rows)) == 1
    row = rows.items[0]
    assert isinstance(row, MarkedMap)
    assert row.get("time") == MarkedText(Mark("f.yaml", 5, 11), "1000")
    assert row.get("absent") is None and row.key("absent") is None
    key, empty, quoted = row.key("quoted"), row.get("empty"), row.get("quoted")
    assert key is not None and key.quoted and key.mark.line == 7
    assert isinstance(empty, MarkedText) and empty.empty
    assert isinstance(quoted, MarkedText) and not quoted.empty


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ["3:1: this key is repeated; it stands already in line 1"]),
        (
            "a: &x 1\nb: *x\n",
            [
                '1:4: an anchor ("&"); write each value out in full, or quote a text that begins so',
                '2:4: an alias ("*"); write the value out in full, or quote a text that begins so',
            ],
        ),
        (
            "a: !!int 1\n",
            ['1:4: a tag ("!"); remove it (every value is read as text), or quote a text that begins so'],
        ),
        ("a: {<<: {b: c}}\n", ['1:5: a merge key ("<<"); write the keys out in full']),
        ("a: 1\n---\nb: 2\n", ['2:1: a second document ("---"); use one file for each']),
        ("a:\n\tb: c\n", [r'2:1: a tab; write spaces (inside double quotes: "\t")']),
        (
            "a:\t1\nb: [\t]\n",
            [
                r'1:3: a tab; write spaces (inside double quotes: "\t")',
                r'2:5: a tab; write spaces (inside double quotes: "\t")',
            ],
        ),
        ("", ["1:1: the file is empty"]),
        ("# only a comment\n", ["1:1: the file is empty"]),
        ("- a\n", ['1:1: the file must be a map; begin with "key: value"']),
        ("[a]: b\n", ["1:1: a key must be text; quote a text that begins with a bracket or brace"]),
        ("?\n: b\n", ["1:2: a key is missing before the colon"]),
        ("a: {: b}\n", ["1:5: a key or value is missing; quote text that begins with a sign"]),
        ("a: b: c\n", ['1:5: no key can stand here; quote text with ": " in it, or indent rightly']),
        ("a: b\n c: d\n", ['2:3: no key can stand here; quote text with ": " in it, or indent rightly']),
        ("a: 1\nb\nc: 2\n", ['2:1: a ":" is missing; write "key: value"']),
        ("a: [1, 2\nb: 3\n", ['1:4: a list or map in brackets is not closed, or a "," is missing']),
        ("a: {b: ${C}}\n", ['1:4: inside brackets, a text with "${" in it needs quotes: "${NAME}"']),
        ("a:\n  b: 'c\n", ["2:6: a quoted text is not closed"]),
        ("a: - b\n", ['1:4: a list item ("- ") cannot stand here; begin it on a new line']),
        ("- a\nb: c\n", ["2:1: not an item of the list; check the indentation"]),
        ("a: 'b' c\n", ["1:8: neither a key nor the end of the map; check the indentation"]),
        ("a: @b\n", ["1:4: no text begins with this character; put it in quotes"]),
        ('a: "C:\\q"\n', [r'1:7: unknown escape; write "\\" for a backslash, or use single quotes']),
        ("a: !<x y\n", ["1:7: not readable as YAML from here on; quote the text, or check the indentation"]),
        ("a: 1\nb: é\x07\n", ["2:5: a character that cannot be seen (U+0007); remove it"]),
        ("a: \ud800\n", ["1:4: a character that cannot be seen (U+D800); remove it"]),
        (b"a: 1\nb: caf\xe9\n", ["2:7: not UTF-8 text; save the file as UTF-8"]),
        ("a: " + "[" * 50 + "]" * 50, ["1:43: nested more than 40 deep"]),
    ],
)
def test_each_fault_says_where_and_what_to_do(text: str | bytes, expected: list[str]) -> None:
    assert faults_of(text) == [f"f.yaml:{fault}" for fault in expected]


@pytest.mark.parametrize(
    "before", [*"*&!%@`|>{}[]?-:,#'\"~=<\t", "- ", "? ", "!!", "!a!", "<<: *", "--- ", "%TAG "]
)
@pytest.mark.parametrize(
    "place", ["a: %s\n", "a: {b: %s}\n", "a: [%s]\n", "%s: a\n", "a: 1\n%s\nb: 2\n", "a: b %s: c\n"]
)
@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
def test_no_fault_quotes_the_text(
    before: str, place: str, loader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marked, "_Loader", loader)
    for after in ("", " x", ": x", "'", "\n---\n", "\\q"):
        _, faults = marked.read(place % f"{before}canary{after}", "f.yaml")
        assert not any("canary" in fault.text for fault in faults)


def test_a_repeated_key_leaves_the_first_to_go_on_with() -> None:
    root, faults = marked.read("a: 1\na: 2\n", "f.yaml")
    assert root is not None and marked.plain(root) == {"a": "1"} and len(faults) == 1


@pytest.mark.parametrize("text", ["a: *b\n", "[a]: b\n", "a: [\n", "- a\n", ""])
def test_without_a_trustworthy_shape_there_is_no_map(text: str) -> None:
    root, faults = marked.read(text, "f.yaml")
    assert root is None and faults


def test_a_byte_order_mark_and_crlf_are_of_no_account() -> None:
    root, faults = marked.read("\ufeffa: 1\r\nb: 2\r\n".encode(), "f.yaml")
    assert root is not None and faults == []
    assert marked.plain(root) == {"a": "1", "b": "2"}
    assert marked.find(root, ("b",)) == Mark("f.yaml", 2, 4)


def test_columns_count_characters_not_bytes() -> None:
    assert marked.find(root_of("é: {ü: x}\n"), ("é", "ü")).column == 8


def test_faults_are_sorted_and_told_once() -> None:
    first, second = Fault("a.yaml", 2, 1, "x"), Fault("a.yaml", 10, 1, "y")
    error = Faults([second, first, second])
    assert error.faults == (first, second)
    assert str(error) == "a.yaml:2:1: x\na.yaml:10:1: y"
    assert Mark("a.yaml", 2, 1).fault("x") == first


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("base_ulr", ["base_url", "token_url", "dialect"], 'did you mean "base_url"?'),
        ("BASE-URL", ["base_url", "dialect"], 'did you mean "base_url"?'),
        ("prot", ["port", "part", "x"], 'did you mean "port" or "part"?'),
        ("zzz", ["port", "host"], "write one of: port, host"),
        ("zzz", [str(n) * 5 for n in range(13)], ""),
        ("zzz", [], ""),
    ],
)
def test_did_you_mean(word: str, known: list[str], expected: str) -> None:
    assert marked.did_you_mean(word, known) == expected


def test_nearest_keeps_the_spelling_and_the_limit() -> None:
    known = ["Provider", "provider", "providers", "provide"]
    assert marked.nearest("PROVIDER", known, 2) == ["Provider", "provider"]


VALUES = st.recursive(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).filter(
        lambda t: not HIDDEN.search(t)
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc ", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcdef", min_size=1), VALUES, min_size=1, max_size=4))
def test_what_was_written_is_read_back(value: dict[str, Any]) -> None:
    dumped = yaml.safe_dump(value, default_style='"', allow_unicode=False)
    root, faults = marked.read(re.sub(r"!!\w+ ", "", dumped), "f.yaml")
    assert root is not None and faults == []
    assert marked.plain(root) == value


@given(st.text("ab:-[]{}#&*!|>'\"%@`,? \n\t0", max_size=40))
def test_any_text_gives_a_map_or_faults_with_places_inside_it(text: str) -> None:
    root, faults = marked.read(text, "f.yaml")
    assert root is not None or faults
    lines = text.split("\n")
    for fault in faults:
        assert 1 <= fault.line <= len(lines) + 1 and fault.column >= 1


@pytest.mark.parametrize(
    "sign", [*"\x00\x1b\x7f\x85\u2028\u2029\u202e\u2066\u200f\u061c\u200b\ufeff\U000e0041"]
)
def test_what_cannot_be_seen_is_a_fault_raw_and_escaped(sign: str) -> None:
    raw, faults = marked.read(f"a: 1\nb: x{sign}y # c\n", "f.yaml")
    assert raw is None and [(fault.line, fault.column) for fault in faults] == [(2, 5)]
    escape = f"\\U{ord(sign):08x}"
    for text in (f'a: 1\nb: "x{escape}y"\n', f'a: 1\nb: {{"x{escape}y": z}}\n'):
        read, faults = marked.read(text, "f.yaml")
        assert read is None
        assert [fault.line for fault in faults] == [2] and f"U+{ord(sign):04X}" in str(faults[0])


def test_what_joins_letters_is_part_of_a_text() -> None:
    root, faults = marked.read("a: \u0646\u06cc\u200c\u06a9\n", "f.yaml")
    assert root is not None and not faults


def test_a_line_for_people_holds_nothing_that_cannot_be_seen() -> None:
    assert plain_line("a\x1b[31m\r\n\u2028\ud800 \u00e9") == "a\\x1b[31m\\r\\n\\u2028\\ud800 \u00e9"
