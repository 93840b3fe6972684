"""From what was typed to values: the environment, the files of secrets, the types of the schema."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.config.settings import place
from gateway.files.marked import Fault, Mark, MarkedList, MarkedMap, MarkedText, Node

KeyPath = tuple[str | int, ...]
Schema = Mapping[str, Any]

SECRET_FILE_LIMIT = 65_536

_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?")
_NOTHING = frozenset(("null", "Null", "NULL", "~"))


@dataclass
class Draft:
    """A configuration on its way: its tree, what is wrong so far, and the paths not to be asked further.

    A path is *broken* once it has a fault, so that nobody reports a second one that only follows from it.
    """

    root: MarkedMap
    folder: Path
    environ: Mapping[str, str]
    faults: list[Fault] = field(default_factory=list)
    broken: set[KeyPath] = field(default_factory=set)

    def fault(self, path: Sequence[str | int], text: str, *, key: bool = False) -> None:
        """A fault at the value of ``path`` (or at its key), told once for each path."""
        path = tuple(path)
        if not self.is_broken(path):
            self.broken.add(path)
            said = f"{dotted(path)}: {text}" if path else text
            self.faults.append(self.where(path, key=key).fault(said))

    def where(self, path: Sequence[str | int], *, key: bool = False) -> Mark:
        """The place of the value (or of its key) in the file."""
        return place(self.root, path, key=key)

    def shown(self, path: KeyPath) -> str:
        """The scalar at ``path`` as typed, in quotes: ``"${NAME}"`` and not its value; cut short.

        Empty for what is no scalar, and for a secret that stands in a file of its own.
        """
        node: Node | None = self.root
        for step in path:
            if isinstance(node, MarkedMap):
                node = node.get(str(step))
            elif isinstance(node, MarkedList) and isinstance(step, int):
                node = node.items[step]
        if not isinstance(node, MarkedText):
            return ""
        return f'"{node.text}"' if len(node.text) <= 60 else f'"{node.text[:60]}…"'

    def shown_file(self, path: KeyPath) -> str:
        """A file's name as typed, and from which folder it counts if it is relative."""
        shown = self.shown(path)
        return shown if shown.startswith('"/') else f"{shown} (from {self.folder})"

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
        file = draft.folder / str(text)
        try:
            with file.open("rb") as opened:  # which may have no end: a device
                raw = opened.read(SECRET_FILE_LIMIT + 1)
            cut = len(raw) > SECRET_FILE_LIMIT
            content = (
                raw.decode("utf-8", "replace" if cut else "strict").removesuffix("\n").removesuffix("\r")
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            draft.fault(at, f"cannot read {draft.shown_file(at)}: {reason}")
        else:
            if content and not cut:
                return content
            reason = "is above 64 KB, too long for a secret" if content else "is empty"
            draft.fault(at, f"the file {draft.shown_file(at)} {reason}")
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
            wrong.append(f"the environment variable {match[1]} is not set")
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
