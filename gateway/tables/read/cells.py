"""A table's YAML as nodes, and what no cell of it may hold.

A cell may get into a path, a URL, a search or a line of the log, so it stands on one line; only what is
written for people (``note``, ``because`` ...) may go on over several.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.files import marked
from gateway.files.marked import Fault, MarkedMap, MarkedText, Node
from gateway.tables.read.layers import Source

YAML_LIMIT = 1_048_576
NODES_LIMIT = 100_000
_FOR_PEOPLE = frozenset({"about", "note", "because", "loses"})


def read_cells(source: Source, faults: list[Fault]) -> MarkedMap | None:
    """The nodes of one file, or None where it has no shape to go on with; ``faults`` takes what is wrong."""
    if len(source.content) > YAML_LIMIT:
        faults.append(marked.Mark(source.name, 1, 1).fault("is above 1 MB; a table is far shorter"))
        return None
    node, found = marked.read(source.content, source.name)
    faults.extend(found)
    if node is None:
        return None
    texts = list(_texts(node))
    if len(texts) > NODES_LIMIT:
        faults.append(
            node.mark.fault(f"holds more than {NODES_LIMIT} keys and values; a table is far shorter")
        )
        return None
    broken = [text for text, people in texts if not people and ("\n" in text.text or "\t" in text.text)]
    faults.extend(text.mark.fault("has a line break or tab in it; write it on one line") for text in broken)
    return None if broken else node


def _texts(node: Node, people: bool = False) -> Iterator[tuple[MarkedText, bool]]:
    """Every key and value; true: it is written for people. The depth is bounded by the reader."""
    if isinstance(node, MarkedText):
        yield node, people
    elif isinstance(node, MarkedMap):
        for key, value in node.items:
            yield key, False
            yield from _texts(value, key.text in _FOR_PEOPLE)
    else:
        for item in node:
            yield from _texts(item, people)
