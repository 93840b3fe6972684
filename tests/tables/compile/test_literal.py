"""No text of a table becomes code: the one way in, and the wall behind it."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tables.compile.literal import comment, f_literal, literal, variable
from gateway.tables.compile.shapes import ForeignShape, verified
from gateway.tables.compile.source import Source


@given(st.text())
def test_a_literal_is_one_line_of_ascii_and_that_text(text: str) -> None:
    spelt = literal(text)
    assert spelt.isascii() and spelt.isprintable()
    assert ast.literal_eval(spelt) == text
    assert eval(f_literal(text.replace("{", "{{").replace("}", "}}")), {"__builtins__": {}}) == text
    assert ast.parse(f"x = 1  {comment(text)}").body[0].lineno == 1


@pytest.mark.parametrize("value", [b"x", 1, None, type("Text", (str,), {})("x")])
def test_only_a_text_becomes_a_literal(value: object) -> None:
    with pytest.raises(TypeError):
        literal(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "column", ["", "a b", "a;b", "a\nb", "__import__('os')", "\u00e9", "1a", "a-b", "a."]
)
def test_only_a_name_becomes_a_variable(column: str) -> None:
    with pytest.raises(ValueError, match="letters, digits and _"):
        variable(column)


@pytest.mark.parametrize(
    "line", ["x = 1\nimport os", "# a\rb", "x = '\u2028'", "x = 'é'", "\x0cimport os", "a\tb"]
)
def test_a_line_that_is_not_plain_ascii_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not made a literal"):
        Source().add(0, line)


HOSTILE = [
    "import os",
    "from os import system",
    "raise SystemExit",
    "print(1)",
    "found = __import__('os')",
    "found = eval('1')",
    "found = getattr(root, 'x')",
    "found = root.__class__",
    "found = root.secret",
    "found = root.get.__self__",
    "found = root.get('a').__class__.__bases__",
    "found = (lambda: 1)()",
    "root.start = 1",
    "del root.start",
    "global found",
    "with root: pass",
    "assert root",
    "yield root",
    "found = await_ = [x async for x in root]",
    "found = {1: 2}",
    "found = {each for each in root}",
    "found = root.get('a', default=1)",
    "found = root.get(*root)",
    "len = 1",
    "len(root) and exec('1')",
    "found = codec_v0.__globals__",
    "'a'.join(root)",
    "found = '%s' % root",
    "found = f'{root.__class__}'",
    "found = f'{root!r:{exec}}'",
    "found = f'{root:>1000000000}'",
    "found = f'{root!r}'",
    "found = b'x'",
    "found = 1.5",
    "found = ...",
    "found = 9 ** 9",
    "found = 'a' * 9",
    "found, *rest = root",
    "read = root",
    "iter = root",
    "get = codec_v0 = root",
    "found = [each for each in root if (len := each)]",
    "found = [exec for each in root]",
    "root.get['x'] = [lambda: 1]",
    "for root.start in root: continue",
    "def inner(): return 1",
    "class Inner: pass",
    "while root: pass",
    "match root:\n        case 1: pass",
    "try:\n        pass\n    finally:\n        pass",
    "_x.y = 1",
    "found = unknown",
    "found: root = 1",
    "return lambda: root",
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_source_of_another_shape_is_not_run(statement: str) -> None:
    text = f"def read(root):\n    found = root.start\n    {statement}\n    return found\n"
    with pytest.raises((ForeignShape, SyntaxError)):
        verified(text, {"codec_v0"}, {"start"})


@pytest.mark.parametrize(
    "text",
    [
        "import os\n",
        "x = 1\n",
        "def read(root, *rest):\n    return root\n",
        "def read(root=len):\n    return root\n",
        "def read(root: len):\n    return root\n",
        "@codec_v0\ndef read(root):\n    return root\n",
        "async def read(root):\n    return root\n",
        "def read(root) -> len:\n    return root\n",
    ],
)
def test_a_module_of_another_shape_is_not_run(text: str) -> None:
    with pytest.raises(ForeignShape):
        verified(text, {"codec_v0"}, {"start"})


def test_what_is_compiled_is_what_was_looked_at() -> None:
    tree = verified("def read(root):\n    return root.start\n", (), {"start"})
    assert ast.unparse(tree) == "def read(root):\n    return root.start"


def test_generated_code_has_a_few_builtins_and_no_others() -> None:
    source = Source()
    source.add(0, "def read(root):", "    return len(root)")
    scope = source.build("a test")
    assert scope["read"]("ab") == 2
    assert sorted(scope["__builtins__"]) == ["KeyError", "ValueError", "bytes", "iter", "len", "next"]
