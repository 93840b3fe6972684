"""The JSON object that rows write, as a tree, and the Python statements that spell it.

Members that may be absent are spelt with a comma in front, so that any of them may be left out; an
object that has nothing but constants in it is not written at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from gateway.tables.compile.literal import literal
from gateway.tables.compile.source import Source
from gateway.tables.rows.paths import Path, Where


@dataclass(slots=True)
class Leaf:
    """A value: the name of a variable that holds its JSON text (``quoted``: without the quotes).

    ``ready``: ``name`` is not a name but the body of an f-string, for a value that is always there.
    An ``optional`` one holds None where there is no value. ``fixed`` ones do not change from slot to
    slot. ``constant`` is JSON text that is written only beside a value.
    """

    name: str
    optional: bool = False
    quoted: bool = False
    fixed: bool = False
    constant: str | None = None
    ready: bool = False


@dataclass(slots=True)
class Branch:
    """An object, or a list whose items are told apart by how a path narrows to them."""

    members: dict[str, Branch | Leaf] = field(default_factory=dict)
    is_list: bool = False

    def put(self, path: Path, lists: tuple[bool, ...], leaf: Leaf) -> None:
        """Places a leaf where ``path`` writes."""
        here = self
        last = len(path.steps) - 1
        for position, (step, is_list) in enumerate(zip(path.steps, lists, strict=True)):
            if position == last and not (is_list and step.narrow):
                here.members[step.name] = leaf
                return
            child = here.members.setdefault(step.name, Branch(is_list=is_list))
            assert isinstance(child, Branch)
            here = child
            if not is_list:
                continue
            key = repr(step.narrow)
            if position == last:
                here.members[key] = leaf
                return
            item = here.members.setdefault(key, Branch())
            assert isinstance(item, Branch)
            for narrow in step.narrow:
                if isinstance(narrow, Where):
                    text = json.dumps(narrow.value, ensure_ascii=False)
                    item.members.setdefault(narrow.name, Leaf("", constant=text))
            here = item

    @property
    def fixed(self) -> bool:
        """Whether nothing in it changes from slot to slot."""
        return all(
            member.fixed or member.constant is not None if isinstance(member, Leaf) else member.fixed
            for member in self.members.values()
        )


class Speller:
    """Adds statements to a source; gives fresh names to what they keep."""

    def __init__(self, source: Source, depth: int, prefix: str) -> None:
        self._source = source
        self._depth = depth
        self._prefix = prefix
        self._count = 0

    def keep(self, expression: str) -> str:
        """The name of a variable that now holds what the expression gives."""
        name = f"{self._prefix}{self._count}"
        self._count += 1
        self._source.add(self._depth, f"{name} = {expression}")
        return name

    def whole(self, branch: Branch) -> tuple[str, bool]:
        """The body of an f-string for a branch with its brackets; true: it is a name that may hold ''."""
        always: list[str] = []
        maybe: list[str] = []
        valued = False
        for name, member in branch.members.items():
            label = "" if branch.is_list else json.dumps(name, ensure_ascii=False) + ":"
            text, optional = self.member(label, member)
            (maybe if optional else always).append(text)
            constant = isinstance(member, Leaf) and member.constant is not None
            valued = valued or not (optional or constant)
        opening, closing = ("[", "]") if branch.is_list else ("{{", "}}")
        if valued:
            return opening + ",".join(always) + "".join(f"{{{name}}}" for name in maybe) + closing, False
        rest = self.keep(" + ".join(maybe) or "''")
        start = literal(opening[0] + ",".join(always).replace("{{", "{").replace("}}", "}"))
        tail = rest if always else f"{rest}[1:]"
        return self.keep(f"{rest} and {start} + {tail} + {literal(closing[0])}"), True

    def member(self, label: str, member: Branch | Leaf) -> tuple[str, bool]:
        """The body of an f-string for ``label`` and value, or the name of a text ``,label value`` or ''."""
        if isinstance(member, Branch):
            text, optional = self.whole(member)
            if optional:
                return self.keep(f"{text} and {literal(',' + label)} + {text}"), True
            return _braces(label) + text, False
        if member.constant is not None:
            return _braces(label + member.constant), False
        if member.optional:
            value = f"'\"' + {member.name} + '\"'" if member.quoted else member.name
            return self.keep(f"'' if {member.name} is None else {literal(',' + label)} + {value}"), True
        body = member.name if member.ready else f"{{{member.name}}}"
        value = f'"{body}"' if member.quoted else body
        return _braces(label) + value, False


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
