"""From what was typed to values: the environment, the files of secrets, the types of the schema.

What is typed is quoted in no fault, whatever the key: a secret in the wrong place is still one. The place
says which text is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from gateway.config.settings import place
from gateway.files.marked import Fault, Mark, MarkedList, MarkedMap, MarkedText, Node
from gateway.files.regular import read_file, reason_of

KeyPath = tuple[str | int, ...]
Schema = Mapping[str, Any]

SECRET_FILE_LIMIT = 65_536

_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
# A name of a variable that can be told: what is written otherwise may be a secret in the wrong brackets.
_TELLABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?")
_NOTHING = frozenset(("null", "Null", "NULL", "~"))


@dataclass
class Draft:
    """A configuration on its way: its tree, what is wrong so far, and the paths not to be asked further.

    ``names`` are those of all keys that the schema has, ``likes`` those that sites may be like. A path is
    *broken* once it has a fault, so that nobody reports a second one that only follows from it.
    """

    root: MarkedMap = field(repr=False)
    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    names: frozenset[str]
    faults: list[Fault] = field(default_factory=list)
    likes: frozenset[str] = frozenset()
    remarks: list[Fault] = field(default_factory=list)
    broken: set[KeyPath] = field(default_factory=set)

    def fault(self, path: Sequence[str | int], text: str, *, key: bool = False) -> None:
        """A fault at the value of ``path`` (or at its key), told once for each path.

        Of the path only keys that the schema has are told: an unknown one may be a secret as well.
        """
        path = tuple(path)
        if not self.is_broken(path):
            self.broken.add(path)
            told = dotted([*takewhile(lambda step: isinstance(step, int) or step in self.names, path)])
            self.faults.append(self.where(path, key=key).fault(f"{told}: {text}" if told else text))

    def remark(self, path: KeyPath, text: str) -> None:
        """What is no fault, but hardly meant."""
        self.remarks.append(self.where(path).fault(f"{dotted(path)}: {text}"))

    def where(self, path: Sequence[str | int], *, key: bool = False) -> Mark:
        """The place of the value (or of its key) in the file."""
        return place(self.root, path, key=key)

    def typed(self, path: KeyPath) -> str:
        """The scalar at ``path`` as typed, for comparisons alone; empty for what is no scalar."""
        node: Node | None = self.root
        for step in path:
            if isinstance(node, MarkedMap):
                node = node.get(str(step))
            elif isinstance(node, MarkedList) and isinstance(step, int):
                node = node.items[step]
        return node.text if isinstance(node, MarkedText) else ""

    def variable(self, path: KeyPath) -> str:
        """``"${NAME}"`` where that is all that stands at ``path``; else empty."""
        match = _VARIABLE.fullmatch(self.typed(path))
        return f'"{match[0]}"' if match and _TELLABLE.fullmatch(match[1] or "") else ""

    def cannot_read(self, path: KeyPath, reason: str) -> None:
        """The fault of a file that is named at ``path``, by which folder its name counts from."""
        relative = not self.typed(path).startswith("/")
        where = f" (relative to {self.folder})" if relative else ""
        self.fault(path, f"cannot read this file{where}: {reason}")

    def is_broken(self, path: KeyPath) -> bool:
        """Whether this value or anything above it has a fault already."""
        return any(path[:n] in self.broken for n in range(1, len(path) + 1))


def dotted(path: Sequence[str | int]) -> str:
    """``sites[0].upstream.base_url``"""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def resolve(draft: Draft, node: Node, schema: Schema, path: KeyPath = ()) -> Any:
    """The plain value of ``node``, typed as its schema says where the text allows it.

    What cannot be converted stays text, and the schema's own check says so. Paths become absolute, counted
    from the folder of the configuration. A value that is faulty stands in the result as ``""``.
    """
    if isinstance(node, MarkedMap):
        return _map(draft, node, schema, path)
    if isinstance(node, MarkedList):
        item = schema.get("items", {})
        return [resolve(draft, value, item, (*path, n)) for n, value in enumerate(node.items)]
    if node.empty or (not node.quoted and node.text in _NOTHING):
        draft.fault(path, "has no value; write one, or leave the key out", key=True)
        return ""
    text = _substitute(draft, node.text, path) if "$" in node.text else node.text
    if text is None:
        return ""
    return _typed(draft, text, schema)


def _map(draft: Draft, node: MarkedMap, of: Schema, path: KeyPath) -> dict[str, Any]:
    """Keys that the schema does not name are all of one kind, or unknown."""
    values: dict[str, Any] = {}
    properties: Mapping[str, Schema] = of.get("properties", {})
    others = of.get("additionalProperties") or None
    for key, value in node.items:
        name = key.text
        schema = properties.get(name, others)
        stem = name.removesuffix("_file")
        if schema is None:
            values[name] = ""  # an unknown key: its value is nobody's business
        elif stem != name and properties.get(stem, {}).get("writeOnly"):
            if node.get(stem) is not None:
                draft.fault((*path, name), f"{stem} is given too; keep one of the two", key=True)
            else:
                values[stem] = _from_file(draft, value, path, name)
        else:
            values[name] = resolve(draft, value, schema, (*path, name))
    return values


def _from_file(draft: Draft, node: Node, path: KeyPath, name: str) -> Any:
    """The secret that stands in the file which ``node`` names."""
    at = (*path, name)
    stem = (*path, name.removesuffix("_file"))
    text = resolve(draft, node, {"type": "string"}, at) if isinstance(node, MarkedText) else None
    if text is None:
        draft.fault(at, "must be the path of a file")
    if not draft.is_broken(at):
        try:
            content = read_file(draft.folder / str(text), SECRET_FILE_LIMIT).decode("utf-8")
        except UnicodeDecodeError:
            draft.cannot_read(at, "it is not UTF-8 text")
        except (OSError, ValueError) as error:
            draft.cannot_read(at, reason_of(error))
        else:
            if content := content.removesuffix("\n").removesuffix("\r"):
                return content
            draft.cannot_read(at, "it is empty")
    draft.broken.add(stem)
    return ""


def _substitute(draft: Draft, text: str, path: KeyPath) -> str | None:
    """``text`` with its variables filled in, or None if one is missing (all of them are told)."""
    wrong: list[str] = []

    def value(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        if match[1] is None:
            wrong.append('"${" without a name; write ${NAME}, or "$${" for a plain "${"')
        elif match[1] not in draft.environ:
            name = match[1] if _TELLABLE.fullmatch(match[1]) else "that is named here"
            wrong.append(f"the environment variable {name} is not set")
        return draft.environ.get(match[1] or "", "")

    filled = _VARIABLE.sub(value, text)
    if not wrong:
        return filled
    draft.fault(path, "; ".join(dict.fromkeys(wrong)))
    return None


def _typed(draft: Draft, text: str, schema: Schema) -> Any:
    kind = schema.get("type")
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if text and "x-path" in schema and "\0" not in text:
        return str(draft.folder / text)
    return text
