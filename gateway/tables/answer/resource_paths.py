"""What rows and joins read of the resources that a directory is made of: readers under way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.tables.answer.actors import Step, Way
from gateway.tables.answer.slot_lines import OF_REFERENCE
from gateway.tables.compile.source import Source, reader
from gateway.tables.read.joins import Join
from gateway.tables.rows.paths import Path, parse
from gateway.tables.rows.schema import Found, SchemaView


class Paths:
    """Readers under way: their names by what they read, and what the typed resources must hold for them."""

    def __init__(self, schemas: Mapping[str, SchemaView], kinds: Iterable[str]) -> None:
        self.source = Source()
        self.schemas = schemas
        self.needed: dict[str, list[tuple[Path, bool]]] = {kind: [] for kind in kinds}
        self._names: dict[tuple[str, str], str] = {}

    def value(self, kind: str, path: Path, about: str) -> str:
        """The name of a reader of values."""
        self.needed[kind].append((path, False))
        return self._named(kind, path, about)

    def codings(self, kind: str, path: Path) -> list[str]:
        """The name of a reader of the Codings, where the path reads their codes."""
        if [each.name for each in path.steps[-2:]] != ["coding", "code"]:
            return []
        whole = parse(str(path).rpartition(".")[0])
        self.needed[kind].append((parse(f"{whole}.system"), False))
        return [self._named(kind, whole, f"{kind}.{whole}, to know codes by their systems")]

    def reference(self, kind: str, path: Path) -> str:
        """The name of a reader of whole References."""
        for each in OF_REFERENCE:
            self.needed[kind].append((parse(f"{path}.{each}"), False))
        return self._named(kind, path, f"{kind}.{path}, to join the directory")

    def _named(self, kind: str, path: Path, about: str) -> str:
        key = (kind, str(path))
        if key not in self._names:
            self._names[key] = f"read_{len(self._names)}"
            reader(self.source, self._names[key], path, _find(self.schemas[kind], path).lists, about)
        return self._names[key]


@dataclass(frozen=True, slots=True)
class NamedWay:
    """A join with the names of its readers."""

    steps: tuple[tuple[str, str, str], ...]
    text: str | None
    after: str


def named_way(join: Join, paths: Paths) -> NamedWay:
    """A join, whose readers are added."""
    steps = tuple(
        (kind := path.steps[0].name, paths.reference(kind, path.below(1)), str(path)) for path in join.steps
    )
    text = None
    if join.text is not None:
        text = paths.value("Schedule", join.text.below(1), f"{join.text}, to join the directory")
    return NamedWay(steps, text, join.after)


def compiled(way: NamedWay, scope: Mapping[str, Any]) -> Way:
    """The same, with its readers out of what the source defines."""
    steps = tuple(Step(kind, scope[name], path) for kind, name, path in way.steps)
    return Way(steps, scope[way.text] if way.text is not None else None, way.after)


def _find(view: SchemaView, path: Path) -> Found:
    found = view.find(path)
    assert isinstance(found, Found), found
    return found
