"""What generated source may look like: parsed back, it holds the generator's own shapes and nothing else.

The second wall behind :mod:`gateway.tables.compile.literal`. Whatever slips through the first is not run.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Collection
from typing import Any

BUILTINS = ("KeyError", "ValueError", "bytes", "iter", "len", "next")
"""The builtins that generated code has; it gets no others."""

METHODS = frozenset({"append", "get", "isascii", "isprintable", "isspace", "partition"})
"""The methods that it calls."""

_PARAMETERS = frozenset({"groups", "prefers"})  # functions that are handed in
_PLAIN = frozenset(
    {
        *(ast.Module, ast.arguments, ast.Return, ast.Assign, ast.AugAssign, ast.For, ast.If, ast.Try),
        *(ast.ExceptHandler, ast.Raise, ast.Continue, ast.Load, ast.Store, ast.Subscript, ast.Slice),
        *(ast.Tuple, ast.List, ast.ListComp, ast.GeneratorExp, ast.NamedExpr, ast.IfExp, ast.JoinedStr),
        *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Compare),
        *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.In, ast.Is, ast.IsNot),
    }
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*|_")


class ForeignShape(Exception):
    """Generated source holds what the generator does not make. A fault of the gateway, never of its user."""


def verified(source: str, given: Collection[str], fields: Collection[str]) -> ast.Module:
    """The tree of source that holds only what the generator makes; :class:`ForeignShape` for any other.

    ``given`` are the names that the code is handed, ``fields`` the attributes that it may read: those of the
    schemas' fields that its rows name. Everything else is a fixed list. What is compiled is the tree, so that
    nobody reads the source in another way than this does.
    """
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    shapes = _Shapes(nodes, frozenset(given), frozenset(fields))
    for top in tree.body:
        if not isinstance(top, ast.FunctionDef):
            raise _foreign(top, "a statement outside of a function")
    for node in nodes:
        shapes.check(node)
    return tree


class _Shapes:
    """The lists that one source is held against."""

    def __init__(self, nodes: list[ast.AST], given: frozenset[str], fields: frozenset[str]) -> None:
        functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        bound = stored | {node.arg for node in nodes if isinstance(node, ast.arg)}
        if taken := (bound | functions) & (given | set(dir(builtins))) | bound & functions:
            raise ForeignShape(f"a name is taken: {min(taken)}")
        self._called = functions | given | set(BUILTINS) | _PARAMETERS
        self._known = bound | functions | given | set(BUILTINS)
        self._fields = fields | METHODS
        self._seen: set[str] = set()  # names and attributes that have passed
        self._checks: dict[type[ast.AST], Callable[[Any], str | None]] = {
            ast.FunctionDef: self._function,
            ast.arg: self._argument,
            ast.comprehension: lambda node: "an asynchronous loop" if node.is_async else None,
            ast.Expr: self._expression,
            ast.Call: self._call,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Constant: self._constant,
            ast.FormattedValue: self._formatted,
        }

    def check(self, node: ast.AST) -> None:
        """ForeignShape for a node that the generator does not make."""
        kind = type(node)
        if kind in _PLAIN:
            return
        check = self._checks.get(kind)
        wrong = kind.__name__ if check is None else check(node)
        if wrong is not None:
            raise _foreign(node, wrong)

    def _function(self, node: ast.FunctionDef) -> str | None:
        """Plain positional arguments only; and no function within another."""
        told = node.args
        odd = told.posonlyargs or told.kwonlyargs or told.vararg or told.kwarg or told.defaults
        if odd or node.decorator_list or node.returns is not None or node.col_offset:
            return "a function that is not plain"
        return None

    def _argument(self, node: ast.arg) -> str | None:
        return "an argument" if node.annotation is not None or _NAME.fullmatch(node.arg) is None else None

    def _expression(self, node: ast.Expr) -> str | None:
        used = isinstance(node.value, ast.Constant | ast.Call)
        return None if used else "an expression that nothing is done with"

    def _call(self, node: ast.Call) -> str | None:
        of = node.func
        named = isinstance(of, ast.Name) and of.id in self._called
        method = isinstance(of, ast.Attribute) and of.attr in METHODS
        return None if (named or method) and not node.keywords else "a call"

    def _name(self, node: ast.Name) -> str | None:
        if node.id in self._seen:
            return None
        if node.id not in self._known or _NAME.fullmatch(node.id) is None:
            return "a name"
        self._seen.add(node.id)
        return None

    def _attribute(self, node: ast.Attribute) -> str | None:
        known = node.attr in self._fields and not node.attr.startswith("__")
        return None if known and isinstance(node.ctx, ast.Load) else "an attribute"

    def _constant(self, node: ast.Constant) -> str | None:
        return None if node.value is None or type(node.value) in (str, int) else "a constant"

    def _formatted(self, node: ast.FormattedValue) -> str | None:
        return None if node.conversion == -1 and node.format_spec is None else "a format"


def _foreign(node: ast.AST, what: str) -> ForeignShape:
    # What stands there is not quoted: nobody knows what it is.
    return ForeignShape(f"line {getattr(node, 'lineno', 0)} of the generated source holds {what} of its own")
