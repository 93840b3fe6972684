"""A row while layers are laid over it, and what becomes of it: nodes of YAML into a :class:`Row`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import cast

from gateway.files import marked
from gateway.files.marked import Fault, Mark, MarkedList, MarkedMap, MarkedText, Node
from gateway.tables.read.layers import Source
from gateway.tables.rows.model import Cell, CodecCall, Example, Row, Unmapped, Way
from gateway.tables.rows.paths import Path, PathError, parse

SIDES = ("redox", "fhir", "param", "directory", "select", "filter")
_CODEC = re.compile(r"([a-z][a-z0-9-]*)(?:\((.*)\))?")


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that an edit stands in, and how many files are below it."""

    source: Source
    height: int

    @property
    def layer(self) -> str:
        """Which layer it belongs to."""
        return self.source.layer


@dataclass(slots=True)
class Draft:
    """The nodes of a row's cells and where each came from; ``edits`` are the layers' changes of it."""

    key: str
    mark: Mark
    origin: Origin
    cells: dict[str, tuple[Node, Origin]] = field(default_factory=dict)
    edits: list[tuple[Mark, Origin]] = field(default_factory=list)


def key_of(item: MarkedMap) -> str:
    """A row's key: as given, else its Redox path, else its other side."""
    given = item.get("key")
    if given is not None:
        return text_of(given)
    if (ignored := item.get("ignore")) is not None:
        return "ignore " + "".join(texts_of(ignored)[:1])
    for side in ("redox", "param", "directory", "fhir"):
        node = item.get(side)
        if node is not None and (texts := texts_of(node)):
            return texts[0]
    return f"line {item.mark.line}"


def row_of(draft: Draft, faults: list[Fault]) -> Row | None:
    """The row that a draft has become; None, and faults, where a path or a codec cannot be read."""
    nodes = {name: node for name, (node, _) in draft.cells.items()}
    before = len(faults)

    def text(name: str) -> str | None:
        return text_of(nodes[name]) if name in nodes else None

    redox = path_of(nodes["redox"], faults) if "redox" in nodes else None
    fhir = tuple(path_of(node, faults) for node in _items(nodes["fhir"])) if "fhir" in nodes else ()
    codec = _codec(nodes["codec"], faults) if "codec" in nodes else CodecCall()
    examples = [nodes["example"]] if "example" in nodes else []
    examples += list(_items(nodes["examples"])) if "examples" in nodes else []
    if len(faults) > before:
        return None
    return Row(
        key=draft.key,
        mark=draft.mark,
        layer=draft.origin.layer,
        redox=redox,
        fhir=cast(tuple[Path, ...], fhir),
        param=text("param"),
        select=text("select"),
        others=tuple(texts_of(nodes["else"])) if "else" in nodes else (),
        filter=text("filter"),
        directory=text("directory"),
        level=text("level"),
        default=text("default"),
        value=text("value"),
        ignore=tuple(texts_of(nodes["ignore"])) if "ignore" in nodes else (),
        unless=tuple(texts_of(nodes["unless"])) if "unless" in nodes else (),
        wish=text("wish") != "false",
        codec=cast(CodecCall, codec),
        with_=tuple(texts_of(nodes["with"])) if "with" in nodes else (),
        required=text("required") == "true",
        way=cast(Way, text("way") or "both"),
        because=text("because"),
        loses=text("loses"),
        unmapped=cast(Unmapped, text("unmapped") or "error"),
        note=text("note"),
        examples=tuple(_example(cast(MarkedMap, node)) for node in examples),
        cells={
            name: Cell(shown(marked.plain(node)), node.mark, origin.layer, origin.height, origin.source.rank)
            for name, (node, origin) in draft.cells.items()
        },
        height=draft.origin.height,
    )


def _example(node: MarkedMap) -> Example:
    sides: dict[str, str | list[str]] = {}
    for key, value in node.items:
        if key.text in SIDES:
            sides[key.text] = texts_of(value) if isinstance(value, MarkedList) else text_of(value)
    companions = node.get("with")
    zone = node.get("zone")
    return Example(
        sides=sides,
        with_=tuple(texts_of(companions)) if companions is not None else (),
        zone=text_of(zone) if zone is not None else "America/Los_Angeles",
        mark=node.mark,
    )


def path_of(node: Node, faults: list[Fault]) -> Path | None:
    """The path that a node spells, or None and a fault at the sign that is wrong."""
    text = text_of(node)
    try:
        return parse(text)
    except PathError as error:
        inside = error.column + (isinstance(node, MarkedText) and node.quoted)
        place = Mark(node.mark.file, node.mark.line, node.mark.column + inside)
        faults.append(place.fault(f'"{text}" is not a path: {error}'))
        return None


def _codec(node: Node, faults: list[Fault]) -> CodecCall | None:
    match = _CODEC.fullmatch(text_of(node))
    if match is None:
        faults.append(
            node.mark.fault(f'"{text_of(node)}" is not a codec; write name or name(argument, argument)')
        )
        return None
    arguments = tuple(part.strip() for part in match[2].split(",")) if match[2] else ()
    return CodecCall(match[1], arguments)


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, MarkedList) else (node,)


def texts_of(node: Node) -> list[str]:
    """The texts of a list, or the one text."""
    return [text_of(item) for item in _items(node)]


def text_of(node: Node) -> str:
    """The text of a scalar."""
    return node.text if isinstance(node, MarkedText) else ""


def shown(value: object) -> str:
    """A value as YAML writes it on one line: ``[MD, PhD]``."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {shown(each)}' for key, each in value.items())}}}"
    return "" if value is None else str(value)
