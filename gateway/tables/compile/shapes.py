"""What generated source may look like: parsed back, it holds the generator's own shapes and nothing else.

The second wall behind :mod:`gateway.tables.compile.literal`. Whatever slips through the first is not run.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection

BUILTINS = ("KeyError", "ValueError", "bytes", "iter", "len", "next")
"""The builtins that generated code has; it gets no others."""

METHODS = frozenset({"append", "get", "isspace", "partition"})
"""The methods that it calls."""

_PARAMETERS = frozenset({"groups", "prefers"})  # functions that are handed in
_NODES = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Expr, ast.Assign, ast.AugAssign),
    *(ast.For, ast.If, ast.Try, ast.ExceptHandler, ast.Raise, ast.Continue, ast.Call, ast.Name, ast.Load),
    *(ast.Store, ast.Constant, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple, ast.List, ast.ListComp),
    *(ast.GeneratorExp, ast.comprehension, ast.NamedExpr, ast.IfExp, ast.JoinedStr, ast.FormattedValue),
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Compare),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.In, ast.Is, ast.IsNot),
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*|_")


class ForeignShape(Exception):
    """Generated source holds what the generator does not make. A fault of the gateway, never of its user."""


def verify(source: str, given: Collection[str], fields: Collection[str]) -> None:
    """Raise :class:`ForeignShape` for source that holds anything but what the generator makes.

    ``given`` are the names that the code is handed, ``fields`` the attributes that it may read: those of the
    schemas' fields that its rows name. Everything else is a fixed list.
    """
    tree = ast.parse(source)
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    called = functions | set(given) | set(BUILTINS) | _PARAMETERS
    bound = functions | {
        *(
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ),
        *(node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)),
    }
    if foreign := bound & (set(given) | set(dir(builtins))) - functions:
        raise ForeignShape(f"a name is taken: {sorted(foreign)[0]}")
    for node in ast.walk(tree):
        if type(node) not in _NODES:
            raise _foreign(node, type(node).__name__)
        _name(node, bound | set(given) | set(BUILTINS))
        match node:
            case ast.Module(body=body) if not all(isinstance(each, ast.FunctionDef) for each in body):
                raise ForeignShape("a statement outside of a function")
            case ast.FunctionDef(decorator_list=[], returns=None):
                _arguments(node)
            case ast.FunctionDef():
                raise _foreign(node, "a decorated function")
            case ast.comprehension(is_async=1):
                raise _foreign(node, "an asynchronous loop")
            case ast.Expr(value=value) if not isinstance(value, ast.Constant | ast.Call):
                raise _foreign(node, "an expression that nothing is done with")
            case ast.Call(func=ast.Name(id=name), keywords=[]) if name in called:
                continue
            case ast.Call(func=ast.Attribute(attr=method), keywords=[]) if method in METHODS:
                continue
            case ast.Call():
                raise _foreign(node, "a call")
            case ast.Attribute(attr=name) if name not in fields and name not in METHODS:
                raise _foreign(node, "an attribute")


def _name(node: ast.AST, known: Collection[str]) -> None:
    if isinstance(node, ast.Name) and (node.id not in known or _NAME.fullmatch(node.id) is None):
        raise _foreign(node, "a name")
    if isinstance(node, ast.Attribute) and (not isinstance(node.ctx, ast.Load) or node.attr.startswith("__")):
        raise _foreign(node, "an attribute")
    if isinstance(node, ast.arg) and (node.annotation is not None or _NAME.fullmatch(node.arg) is None):
        raise _foreign(node, "an argument")


def _arguments(function: ast.FunctionDef) -> None:
    """Plain positional arguments only; and no function within another."""
    told = function.args
    if told.posonlyargs or told.kwonlyargs or told.vararg or told.kwarg or told.defaults:
        raise _foreign(function, "an argument that is not plain")
    if any(isinstance(each, ast.FunctionDef) for body in function.body for each in ast.walk(body)):
        raise _foreign(function, "a function within a function")


def _foreign(node: ast.AST, what: str) -> ForeignShape:
    # What stands there is not quoted: nobody knows what it is.
    return ForeignShape(f"line {getattr(node, 'lineno', 0)} of the generated source holds {what} of its own")
