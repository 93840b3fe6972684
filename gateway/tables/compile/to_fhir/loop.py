"""The generated loop over the slots of a Redox answer: the mirror of ``loop.py``.

The same things make it quick. Start and end of a slot are looked up together (see :class:`LocalTimes`).
The id that a slot gets, of schedule, start and length, tells doubles and the order. What a schedule's slots
share is spelt once, and whose slot it is gets looked up only where provider or location are other bytes than
those of the slot before; its schedule's zone is that of its times. And a slot without any value for an
optional row but its own id, the usual kind, is spelt by a statement of its own.
"""

from __future__ import annotations

from json.encoder import encode_basestring

import msgspec

from gateway.tables.codecs.names import slot_tail
from gateway.tables.compile.bind import DIRECTORY, BoundRow
from gateway.tables.compile.literal import comment, f_literal, literal, variable
from gateway.tables.compile.source import Source
from gateway.tables.compile.structs import attribute
from gateway.tables.compile.to_fhir.block import filled, tree_of, write_block
from gateway.tables.compile.to_fhir.local_times import LocalTimes, ZonedTimes
from gateway.tables.compile.to_fhir.plan import Plan
from gateway.tables.compile.to_fhir.utc import redox_instants
from gateway.tables.compile.to_redox.loop import LENGTH, TIME
from gateway.tables.compile.tree import Branch, Speller
from gateway.tables.rows.model import Table

_PIECES = "in_utc, clock, clock_name, of_start, start_clock, of_end, end_clock, minutes"
_START = (
    "    outside = doubles = unfit = 0",
    "    head = f'{{\"fullUrl\":{quote(base)[:-1]}/Slot/'",
    "    length = zone = None",
)
_TIMES = (
    "# rows DateTime and Duration",
    "told = slot.DateTime",
    "if slot.Duration != length:",
    "    length = slot.Duration",
    "    days = days_of(times, length)",
    "try:",
    "    dates, clocks = days[told[:10]]",
    f"    {_PIECES} = clocks[told[10:]]",
    "    day = dates[in_utc]",
    "    moment = day + clock",
    "except KeyError:",
    "    moment = begin(times, told)",
    "    clocks = None",
    "if not low <= moment < high:",
    "    outside += 1",
    "    continue",
    "if clocks is None:",
    f"    dates, ({_PIECES}) = learn(times, told, moment, length)",
    "    day = moment[:10]",
    "if minutes < shortest:",
    "    unfit += 1",
    "    continue",
    "name = f'{stem}{day}{clock_name}'",
)
_DOUBLES = ("if name in texts:", "    doubles += 1", "    continue")


def write_loop(source: Source, table: Table, plan: Plan) -> None:
    """Adds ``block`` and ``convert``."""
    zone = plan.time.codec.zone
    assert zone is not None
    to_utc = redox_instants(plan.used)
    source.names.update(days_of=LocalTimes.days, begin=LocalTimes.begin, learn=LocalTimes.learn)
    source.names.update(times_of=ZonedTimes(to_utc, plan.time.codec, plan.length.codec, zone).of)
    source.names.update(quote=encode_basestring, to_json=msgspec.json.Encoder().encode)
    source.names.update(filled=filled, tail=slot_tail)
    names, shared = write_block(source, plan)
    _Loop(source, plan, shared).write(table, names)


class _Loop:
    """Writes ``convert``; ``shared`` are the members of a resource that its schedule's block spells."""

    def __init__(self, source: Source, plan: Plan, shared: frozenset[str]) -> None:
        self._source = source
        self._plan = plan
        self._shared = shared
        self._ready: set[str] = set()  # keys of rows whose values are at hand

    def write(self, table: Table, names: tuple[str, ...]) -> None:
        """Adds the whole function."""
        source, plan = self._source, self._plan
        about = f"The slots of one answer through {table.name}; entries join their schedule's group by id."
        source.add(0, "def convert(slots, groups, low, high, shortest, base, stray, malformed):")
        source.add(0, f"    {literal(about)}", *_START)
        for compound in plan.compounds:
            source.add(1, f"last_{compound} = None")
        source.add(1, "for slot in slots:", "    try:")
        self._whose(names)
        source.add(3, *_TIMES)
        if plan.own_id is not None:
            own = plan.variable(plan.own_id)
            source.add(3, f"{own} = {plan.value(plan.own_id)}  {comment(plan.own_id.row.key)}")
            foreign = f"{own}[:len(made)] != made or {own}[len(made):] != f'{{moment}}~{{minutes}}'"
            source.add(3, f"if {own} and ({foreign}):", f"    name = f'{{name}}.{{tail({own})}}'")
        source.add(3, *_DOUBLES)
        optional = {each.row.key for each in (*plan.late, *((plan.own,) if plan.own else ()))}
        for bound in (*plan.crossing, *plan.made):
            if bound.row.key not in optional:
                self._row(bound, 3)
        self._texts(3)
        source.add(2, "except ValueError:", "    malformed.append(slot)", "    continue")
        source.add(2, "texts[name] = moment, name, text")
        source.add(1, "return outside, doubles, unfit")

    def _whose(self, names: tuple[str, ...]) -> None:
        """The slot's group, asked for where it may be another than that of the slot before. Of strays, and
        where several schedules fit the same bytes, every slot is asked for."""
        source, parts = self._source, [(f"last_{each}", attribute(each)) for each in self._plan.compounds]
        depth = 3
        if parts:
            source.add(3, f"if {' or '.join(f'slot.{part} != {last}' for last, part in parts)}:")
            depth = 4
            source.add(4, *(f"{last} = None" for last, _ in parts))
        source.add(
            depth,
            f"group, alone = groups(slot, ({''.join(f'bytes(slot.{part}), ' for _, part in parts)}))",
            "if group is None:",
            "    stray.append(slot)",
            "    continue",
            f"texts, ({', '.join(names)}) = group",
            "if times is not zone:",
            "    zone, length = times, None",
        )
        if parts:
            source.add(depth, "if alone:", *(f"    {last} = slot.{part}" for last, part in parts))

    def _texts(self, depth: int) -> None:
        """The statements that spell a slot: of the usual kinds, and of any other."""
        source, plan, own = self._source, self._plan, self._plan.own
        optional = [each for each in plan.crossing if each in plan.late or each is own]
        sure = [each for each in (*plan.crossing, *plan.made) if each not in optional]
        tests = list(dict.fromkeys(map(plan.maybe, plan.late)))
        if own is not None:
            name = plan.variable(own)
            if own is not plan.own_id:
                source.add(depth, f"{name} = {plan.simple(own)}  {comment(own.row.key)}")
            # Only what is ASCII and needs no escaping is as long in JSON as it is. FHIR has all of that.
            tests.append(f"{name} and (len(to_json({name})) != len({name}) + 2 or {name}.isspace())")
        if tests:
            source.add(depth, f"if {' or '.join(tests)}:")
            for bound in optional:
                self._row(bound, depth + 1)
            self._text(depth + 1, tree_of(plan, [*sure, *optional]), "m")
        if own is not None:
            source.add(depth, f"elif {plan.variable(own)}:")
            self._text(depth + 1, tree_of(plan, [*sure, own], own), "n")
        if tests:
            source.add(depth, "else:")
        self._text(depth + bool(tests), tree_of(plan, sure), "n")

    def _row(self, bound: BoundRow, depth: int) -> None:
        """Reads and converts one row: its value, and beside it (``_json``) its JSON text."""
        source, plan, row = self._source, self._plan, bound.row
        self._ready.add(row.key)
        if bound in (plan.time, plan.length) or plan.is_name(bound):
            return
        name = plan.variable(bound)
        source.names[f"codec_{name}"] = bound.to_fhir
        companions = map(self._companion, row.with_)
        if row.redox is None:
            call = f"filled(codec_{name}({', '.join(('None', *companions))}))"
            source.add(depth, f"{name}_json = {call}  {comment(row.key)}")
        else:
            call = f"filled(codec_{name}({', '.join((name, *companions))}))"
            source.add(depth, f"{name} = {plan.value(bound)}  {comment(row.key)}")
            source.add(depth, f"{name}_json = None if {name} is None else {call}")
        if row.required:
            text = f"{row.redox or row.key} is missing"
            source.add(depth, f"if {name}_json is None:", f"    raise ValueError({literal(text)})")

    def _companion(self, key: str) -> str:
        if key.startswith(DIRECTORY):
            return variable(key.removeprefix(DIRECTORY))
        if key in (TIME, LENGTH):
            return "moment" if key == TIME else "minutes"
        crossing = (each for each in self._plan.crossing if each.row.key == key and key in self._ready)
        return next(map(self._plan.variable, crossing), "None")

    def _text(self, depth: int, tree: Branch, prefix: str) -> None:
        """The entry as one f-string."""
        for name in self._shared:
            tree.members.pop(name, None)
        text, _ = Speller(self._source, depth, prefix).whole(tree)
        members = text.removeprefix("{{").removesuffix("}}")
        entry = '{head}{name}","resource":{{"resourceType":"Slot",' + members + "{shared}"
        self._source.add(depth, f"text = {f_literal(entry)}")
