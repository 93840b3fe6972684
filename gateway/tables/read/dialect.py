"""``dialect.yaml``: what an upstream's dialect can differ in beside its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from jsonschema import Draft202012Validator

from gateway.files import marked, shape
from gateway.files.marked import Fault, Mark, MarkedMap, Node, find
from gateway.tables.read.cells import read_cells
from gateway.tables.read.layers import Source
from gateway.tables.rows.paths import Path, PathError, parse


@dataclass(frozen=True, slots=True)
class Join:
    """How a Schedule finds another resource: by ``reference``, or by the ``text`` whose end (what stands
    behind ``after``) is one of the other's ``names``. Paths begin with their resource type."""

    reference: Path | None = None
    text: Path | None = None
    after: str = ""
    names: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Dialect:
    """The effective settings. ``searches``: per resource type of the directory its fixed parameters;
    ``marks``: where the joins (``join of Location``), the ``page_size`` and each name of ``together``
    (``together schedule``) are written."""

    upstream: Literal["fhir", "redox"] = "fhir"
    directory: Literal["upstream", "csv"] = "upstream"
    clients: str = "redox"
    page_size: tuple[str, str] | None = None
    searches: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    joins: Mapping[str, Join] = field(default_factory=dict)
    together: frozenset[str] = frozenset()
    together_at_most: int = 20
    marks: Mapping[str, Mark] = field(default_factory=dict)


def load(sources: Iterable[Source], validator: Draft202012Validator, faults: list[Fault]) -> Dialect:
    """The settings of a stack of files, lowest first: a higher one's key replaces the lower one's.

    ``searches`` and ``joins`` are replaced one resource type at a time.
    """
    settings: dict[str, Any] = {}
    marks: dict[str, Mark] = {}
    for source in sources:
        node = read_cells(source, faults)
        bad = shape.wrong(node, validator) if node is not None else []
        faults.extend(each.fault for each in bad)
        if node is None or any(len(each.path) < len(("dialect", "key")) for each in bad):
            continue
        below = cast(dict[str, Any], marked.plain(cast(Node, node.get("dialect"))))
        for key in {each.path[1] for each in bad}:
            del below[str(key)]
        for key, value in below.items():
            if key in ("searches", "joins"):
                settings[key] = {**settings.get(key, {}), **value}
            else:
                settings[key] = value
        marks.update(_marks(node, below))
        _check_joins(node, below, faults)
    page = settings.get("page_size")
    return Dialect(
        upstream=settings.get("upstream", "fhir"),
        directory=settings.get("directory", "upstream"),
        clients=settings.get("clients", "redox"),
        page_size=(page["param"], page["value"]) if page and page["value"] else None,
        searches={name: tuple((fixed or {}).items()) for name, fixed in settings.get("searches", {}).items()},
        joins={
            name: join
            for name, each in settings.get("joins", {}).items()
            if (join := _join(each)) is not None
        },
        together=frozenset(settings.get("together", ())),
        together_at_most=int(settings.get("together_at_most", "20")),
        marks=marks,
    )


def _marks(node: MarkedMap, settings: dict[str, Any]) -> dict[str, Mark]:
    marks = {
        f"join of {name}": find(node, ["dialect", "joins", name], key=True)
        for name in settings.get("joins", ())
    }
    for number, name in enumerate(settings.get("together", ())):
        marks[f"together {name}"] = find(node, ["dialect", "together", number])
    if "page_size" in settings:
        marks["page_size"] = find(node, ["dialect", "page_size"], key=True)
    return marks


def _join(texts: dict[str, Any]) -> Join | None:
    try:
        return Join(
            reference=parse(texts["reference"]) if "reference" in texts else None,
            text=parse(texts["text"]) if "text" in texts else None,
            after=texts.get("after", ""),
            names=tuple(parse(name) for name in texts.get("names", ())),
        )
    except PathError:
        return None


def _check_joins(node: MarkedMap, settings: dict[str, Any], faults: list[Fault]) -> None:
    for name, texts in settings.get("joins", {}).items():
        at: list[str | int] = ["dialect", "joins", name]
        paths = [([*at, key], texts[key]) for key in ("reference", "text") if key in texts]
        paths += [([*at, "names", number], text) for number, text in enumerate(texts.get("names", ()))]
        for place, text in paths:
            try:
                parse(text)
            except PathError as error:
                faults.append(find(node, place).fault(f'"{text}" is not a path: {error}'))
        if ("text" in texts) != ("names" in texts):
            said = f'the join of {name} needs both "text" and "names", or neither'
            faults.append(find(node, at, key=True).fault(said))
        elif "reference" not in texts and "text" not in texts:
            said = f'the join of {name} finds nothing; give it "reference", or "text" and "names"'
            faults.append(find(node, at, key=True).fault(said))
        elif "after" in texts and "text" not in texts:
            said = f'"after" says nothing without "text"; delete it, or give the join of {name} a "text"'
            faults.append(find(node, [*at, "after"], key=True).fault(said))
