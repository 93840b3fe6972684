"""What a Slot for a FHIR client is written of, and the generated ``block``: what all slots of one schedule
share, spelt once and not for every slot."""

from __future__ import annotations

from collections.abc import Collection

from gateway.core.affordable import ZONE
from gateway.core.fhir import writable
from gateway.tables.codecs.names import schedule_name
from gateway.tables.compile.bind import DIRECTORY, BoundRow
from gateway.tables.compile.literal import comment, f_literal, literal, variable
from gateway.tables.compile.source import Source
from gateway.tables.compile.to_fhir.plan import Plan
from gateway.tables.compile.to_redox.loop import SCHEDULE
from gateway.tables.compile.to_redox.table import encode
from gateway.tables.compile.tree import Branch, Leaf, Speller


def filled(value: object) -> str | None:
    """A value as JSON text; None for what FHIR does not write."""
    found = writable(value)
    return None if found is None else encode(found)


def tree_of(plan: Plan, rows: Collection[BoundRow], sure: BoundRow | None = None) -> Branch:
    """What is written out of these rows, and what is always there; ``sure`` is known to have a
    value, which needs no escaping."""
    tree = Branch()
    for bound in plan.used:
        row = bound.row
        name = plan.variable(bound)
        if not bound.fhir:
            continue
        if row.value is not None:
            leaf = Leaf("", constant=encode(row.value))
        elif row.directory is not None and row.redox is None:
            leaf = Leaf(f"{name}_json", optional=not row.required, fixed=True)
        elif bound not in rows:
            continue
        elif bound in (plan.time, plan.length):
            which = "start" if bound is plan.time else "end"
            leaf = Leaf(f"{{dates[of_{which}]}}{{{which}_clock}}", quoted=True, ready=True)
        elif plan.is_name(bound):
            leaf = Leaf("name", quoted=True)
        elif bound is sure:
            leaf = Leaf(name, quoted=True)
        else:
            leaf = Leaf(f"{name}_json", optional=not row.required)
        path, found = bound.fhir[0]
        tree.put(path, found.lists, leaf)
    _prune(tree)
    return tree


def _prune(branch: Branch) -> bool:
    """Takes off the objects that hold nothing but constants; true if nothing else is left here."""
    for name, member in list(branch.members.items()):
        if isinstance(member, Branch) and _prune(member):
            del branch.members[name]
    return all(isinstance(each, Leaf) and each.constant is not None for each in branch.members.values())


def write_block(source: Source, plan: Plan) -> tuple[tuple[str, ...], frozenset[str]]:
    """Adds ``block(cells)``. Given back: the names under which the loop unpacks what it gives, and the
    members of a resource that are in it."""
    about = '"""What all slots of one schedule share; cells is its line of the directory."""'
    source.add(0, "def block(cells):", f"    {about}")
    fixed = [each for each in plan.used if each.fhir and each.row.directory and each.row.redox is None]
    for bound in fixed:
        name, row = plan.variable(bound), bound.row
        source.names[f"codec_{name}"] = bound.to_fhir
        source.add(1, f"{name} = cells.get({literal(row.directory or '')})  {comment(row.key)}")
        source.add(1, f"{name}_json = filled(codec_{name}({name})) if {name} else None")
        if row.required:
            source.add(1, f"if {name}_json is None:", f"    raise ValueError({literal(row.key)})")
    speller = Speller(source, 1, "s")
    tree = tree_of(plan, plan.crossing)
    texts, spelt = [], []
    for label, member in tree.members.items():
        if member.fixed or (isinstance(member, Leaf) and member.constant is not None):
            text, optional = speller.member(encode(label) + ":", member)
            texts.append(f"{{{text}}}" if optional else f",{text}")
            spelt.append(label)
    end = '}},"search":{{"mode":"match"}}}}'
    source.add(1, f"shared = {f_literal(''.join(texts) + end)}")
    with_ = {each for bound in plan.used for each in bound.row.with_ if each.startswith(DIRECTORY)}
    columns = sorted({SCHEDULE, *(each.removeprefix(DIRECTORY) for each in with_)})
    for column in columns:
        source.add(1, f"{variable(column)} = cells.get({literal(column)})")
    source.names["schedule_name"] = schedule_name
    source.add(1, f"stem = schedule_name({variable(SCHEDULE)}) + '.'")
    source.add(1, f"made = f'{{{variable(SCHEDULE)}}}~'")
    loose = [f"{plan.variable(each)}_json" for each in fixed if each.fhir[0][0].steps[0].name not in spelt]
    source.add(1, f"times = times_of(cells.get({literal(ZONE)}))")
    names = ("times", "stem", "made", "shared", *loose, *map(variable, columns))
    source.add(1, f"return {', '.join(names)}")
    source.add(0, "")
    return names, frozenset(spelt)
