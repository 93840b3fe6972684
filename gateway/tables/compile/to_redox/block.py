"""The generated ``block``: what all slots of one schedule share, encoded once and not for every slot."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec

from gateway.tables.compile.bind import DIRECTORY, BoundRow
from gateway.tables.compile.literal import comment, f_literal, literal, variable
from gateway.tables.compile.reading import Reading
from gateway.tables.compile.source import Source
from gateway.tables.compile.tree import Branch, Leaf, Speller

_ANY_TEXT = frozenset({"text", "words", "lines"})  # codecs that refuse no text


@dataclass(frozen=True, slots=True)
class Block:
    """``names``: under which the loop unpacks what ``block`` returns. ``shared`` are the members of the
    object that the text of that name spells; ``rest`` those that the text ``rest`` spells for slots
    that have nothing for any late row."""

    names: tuple[str, ...]
    shared: frozenset[str]
    rest: frozenset[str]


def write_block(source: Source, reading: Reading, late: Collection[BoundRow]) -> Block:
    """Adds ``block(cells)``, cells being the schedule's line of the directory."""
    told = "What all slots of one schedule share; cells is its line of the directory."
    source.add(0, "def block(cells):", f'    """{told}"""')
    written = [bound for bound in reading.used if bound.row.redox is not None]
    fixed = [bound for bound in written if not bound.fhir]
    careful = any(_may_refuse(bound) for bound in fixed)
    if careful:
        source.add(1, "refused = None")
    for bound in fixed:
        _cell(source, bound, reading.variable(bound))
    shared = _spell(source, "shared", "f", _tree(reading, written))
    rest = _spell(source, "rest", "r", _tree(reading, [each for each in written if each not in late]), shared)
    loose = [f"{reading.variable(each)}_json" for each in fixed if _member(each) not in shared]
    with_ = {each for bound in reading.used for each in bound.row.with_ if each.startswith(DIRECTORY)}
    columns = sorted(each.removeprefix(DIRECTORY) for each in with_)
    for column in columns:
        source.add(1, f"{variable(column)} = cells.get({literal(column)})")
        source.add(1, f"{variable(column)}_text = quote(f'{{{variable(column)}}}')[1:-1]")
    names = (
        "shared",
        "rest",
        *(("refused",) if careful else ()),
        *loose,
        *(name for column in columns for name in (variable(column), f"{variable(column)}_text")),
    )
    source.add(1, f"return ({', '.join(names)})")
    source.add(0, "")
    return Block(names, shared, rest)


def _tree(reading: Reading, rows: Iterable[BoundRow]) -> Branch:
    tree = Branch()
    for bound in rows:
        if bound.row.redox is not None and bound.redox is not None:
            leaf = Leaf(f"{reading.variable(bound)}_json", optional=True, fixed=not bound.fhir)
            tree.put(bound.row.redox, bound.redox.lists, leaf)
    return tree


def _spell(
    source: Source, into: str, prefix: str, tree: Branch, before: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Spells the members in which nothing changes from slot to slot; gives back their JSON names."""
    speller = Speller(source, 1, prefix)
    texts, spelt = [], []
    for name, member in tree.members.items():
        if member.fixed and name not in before:
            text, optional = speller.member(msgspec.json.encode(name).decode() + ":", member)
            texts.append(text if optional else speller.keep(f_literal("," + text)))
            spelt.append(name)
    source.add(1, f"{into} = {' + '.join(texts) or literal('')}")
    return frozenset(spelt)


def _member(bound: BoundRow) -> str:
    return bound.row.redox.steps[0].name if bound.row.redox is not None else ""


def _may_refuse(bound: BoundRow) -> bool:
    """Whether a cell of the directory can make every slot of its schedule unfit to be sent."""
    row = bound.row
    return row.value is None and (row.required or row.codec.name not in _ANY_TEXT)


def _cell(source: Source, bound: BoundRow, name: str) -> None:
    """A row's value out of its cell, or its constant, as JSON text; None where there is none."""
    row = bound.row
    if row.value is not None:
        source.add(1, f"{name}_json = {literal(msgspec.json.encode(row.value).decode())}  {comment(row.key)}")
        return
    source.names[f"codec_{name}"] = bound.to_redox
    companions = "".join(f", cells.get({literal(each.removeprefix(DIRECTORY))})" for each in row.with_)
    spelt = f"{name}_json = some(codec_{name}({name}{companions})) if {name} else None"
    source.add(1, f"{name} = cells.get({literal(row.directory or '')})  {comment(row.key)}")
    if row.required:
        source.add(1, f"if not {name}:", f"    refused = {literal(row.key)}")
    if row.codec.name in _ANY_TEXT:
        source.add(1, spelt)
    else:
        source.add(
            1,
            "try:",
            f"    {spelt}",
            "except ValueError:",
            f"    {name}_json, refused = None, {literal(row.key)}",
        )
