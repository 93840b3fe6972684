"""The generated loop over the Slots of a page: what is left out, and the JSON text of what is not.

Three things make it quick. Start and end of a slot are looked up together (see :class:`Spans`). What
tells the order, and doubles in most cases, is one text, ``when``: ``<DateTime>~<Duration>``. And a slot
without any value for an optional row, the usual kind, is spelt by a statement of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.tables.codecs.instants import Spans
from gateway.tables.compile.bind import DIRECTORY, BoundRow
from gateway.tables.compile.literal import comment, f_literal, literal, variable
from gateway.tables.compile.reading import Reading
from gateway.tables.compile.source import Source
from gateway.tables.compile.to_redox.block import Block
from gateway.tables.compile.to_redox.inline import slot_id, span
from gateway.tables.compile.tree import Branch, Leaf, Speller
from gateway.tables.rows.model import Table

TIME, LENGTH, SCHEDULE = "DateTime", "Duration", "schedule"
MISTAKEN = "entered-in-error"
"""The code, of a status, of what should never have been there (FHIR R4)."""

_START = (
    "    occupied = outside = doubles = unfit = mistaken = 0",
    "    known = None",
    "    for slot in slots:",
)
_GROUP = (
    "if reference != known:",
    "    group = groups(reference)",
    "    if group is None:",
    "        stray.append(slot)",
    "        continue",
    "    known = reference",
)


class Loop:
    """Writes ``convert``. ``late`` are the optional rows, if none is needed by another: a slot that has
    nothing for any of them passes over all at once."""

    def __init__(self, source: Source, table: Table, reading: Reading) -> None:
        self._source = source
        self._table = table
        self._reading = reading
        self._crossing = [each for each in reading.used if each.row.redox is not None and each.fhir]
        self._time, self._length = reading.named(TIME), reading.named(LENGTH)
        self.late = self._optional()
        self._spans: Spans | None = None

    def write(self, block: Block) -> None:
        """Adds the whole function."""
        source, late = self._source, self.late
        about = f"A page of Slots through {self._table.name}: JSON texts, open at their end, by when."
        source.add(
            0,
            "def convert(slots, groups, low, high, shortest, prefers, stray, malformed):",
            f"    {literal(about)}",
            *_START,
        )
        self._guards()
        join = next(each for each in self._reading.used if each.row.directory == SCHEDULE and each.fhir)
        source.add(2, f"reference = {self._reading.value(join)}  {comment(join.row.key)}", *_GROUP)
        source.add(2, f"    texts, ({', '.join(block.names)}) = group", "try:")
        if "refused" in block.names:
            source.add(3, "if refused is not None:", "    raise ValueError(refused)")
        for bound in self._crossing:
            if bound not in late:
                self._row(bound, 3)
                self._wanted(bound)
        if late:
            tests = dict.fromkeys(test for each in late for test in self._reading.maybe(each))
            source.add(3, f"if {' or '.join(tests)}:")
            self._pieces(4, late)
            for bound in late:
                self._row(bound, 4)
            self._text(4, self._tree(block.shared), "m")
            source.add(3, "else:")
            self._text(4, self._tree(block.shared | block.rest, late), "n", "{rest}" if block.rest else "")
        else:
            self._text(3, self._tree(block.shared), "m")
        source.add(2, "except ValueError:", "    malformed.append(slot)", "    continue")
        # Most are the only ones of their time; whether two are the same slot is told by their ids.
        source.add(2, "if when in texts:", "    doubles += again(texts, when, text)")
        source.add(2, "else:", "    texts[when] = text")
        source.add(1, "return occupied, outside, doubles, unfit, mistaken")

    def _guards(self) -> None:
        for bound in self._reading.used:
            if bound.row.value is not None and bound.fhir:
                value = self._reading.value(bound)
                others = [each for each in bound.codes if each != bound.row.value]
                self._source.add(2, f"if {value} != {literal(bound.row.value)}:  {comment(bound.row.key)}")
                if MISTAKEN in others:
                    others.remove(MISTAKEN)
                    self._source.add(3, f"if {value} == {literal(MISTAKEN)}:")
                    self._source.add(3, "    mistaken += 1", "    continue")
                if others:
                    # What is no code of FHIR's says nothing, least of all that the time is taken.
                    self._source.add(3, f"if {value} in ({', '.join(map(literal, others))},):")
                    self._source.add(3, "    occupied += 1", "else:", "    malformed.append(slot)")
                else:
                    self._source.add(3, "occupied += 1")
                self._source.add(3, "continue")

    def _optional(self) -> list[BoundRow]:
        optional = [each for each in self._crossing if not self._reading.required(each)]
        keys = {each.row.key for each in optional}
        others = [each for each in self._crossing if each not in optional]
        needed = any(not keys.isdisjoint(each.row.with_) for each in others)
        unready = any(each.codec.absent and not self._makes_id(each) for each in optional)
        return [] if needed or unready else optional

    def _makes_id(self, bound: BoundRow) -> bool:
        """Whether the row is a slot's id out of its schedule and ``when``."""
        row = bound.row
        return (
            row.codec.name == "slot-id"
            and row.with_[0].startswith(DIRECTORY)
            and row.with_[1:] == (TIME, LENGTH)
        )

    def _row(self, bound: BoundRow, depth: int) -> None:
        """Reads and converts one row: its value, and beside it (``_json``) its JSON text."""
        source, reading, row = self._source, self._reading, bound.row
        name = reading.variable(bound)
        if bound is self._time:
            self._spans = span(source, depth, reading, self._time, self._length)
            return
        if bound is self._length:
            return
        source.names[f"codec_{name}"] = bound.to_redox
        source.add(depth, f"{name} = {reading.value(bound)}  {comment(row.key)}")
        if self._makes_id(bound):
            slot_id(source, depth, name, self._companion(row.with_[0]))
            return
        if bound.typed:
            self._typed(bound, depth)
            return
        call = f"{name} = codec_{name}({', '.join((name, *map(self._companion, row.with_)))})"
        # A code that the row drops is None.
        encoded = f"{name}_json = {'some' if row.unmapped == 'drop' else 'encode'}({name})"
        if bound.codec.absent:
            source.add(depth, f"{name} = {name} or None", call, encoded)
        elif reading.required(bound):
            source.add(depth, f"if {reading.missing(bound)}:", f"    raise ValueError({literal(row.key)})")
            source.add(depth, call, encoded)
            if row.unmapped == "drop":
                source.add(depth, f"if {name} is None:", f"    raise ValueError({literal(row.key)})")
        else:
            source.add(depth, f"if {reading.missing(bound)}:", f"    {name} = {name}_json = None", "else:")
            source.add(depth + 1, call, encoded)

    def _typed(self, bound: BoundRow, depth: int) -> None:
        """A text that somebody has typed. The usual kind, without anything odd, is not cleaned: that is seen
        by it and by its JSON text."""
        source, reading, row = self._source, self._reading, bound.row
        name, json = reading.variable(bound), f"{reading.variable(bound)}_json"
        clean = [f"{name} = tidy(codec_{name}({name}))", f"{json} = some({name})"]
        source.add(depth, f"if {reading.missing(bound)}:")
        if reading.required(bound):
            source.add(depth, f"    raise ValueError({literal(row.key)})")
            clean += [f"if {name} is None:", f"    raise ValueError({literal(row.key)})"]
        else:
            source.add(depth, f"    {name} = {json} = None")
        source.add(depth, "else:")
        if row.codec.name == "words":
            source.add(depth + 1, *clean)
            return
        odd = f"not ({json}.isascii() or {name}.isprintable()) or {json}[1] == ' ' or {json}[-2] == ' '"
        source.add(depth + 1, f"{json} = quote({name})", f"if {literal(chr(92))} in {json} or {odd}:")
        source.add(depth + 2, *clean)
        if row.codec.name == "lines":
            source.add(depth + 1, "else:", f"    {name} = [{name}]", f"    {json} = f'[{{{json}}}]'")

    def _companion(self, name: str) -> str:
        if name.startswith(DIRECTORY):
            return variable(name.removeprefix(DIRECTORY))
        return self._reading.variable(self._reading.named(name))

    def _pieces(self, depth: int, rows: Sequence[BoundRow]) -> None:
        """The whole DateTime as a variable, where a row stands on it."""
        standing = (each for each in rows if each is not self._length and not self._makes_id(each))
        if any(TIME in each.row.with_ for each in standing):
            time = self._reading.variable(self._time)
            self._source.add(depth, f"{time} = {time}_day + {time}_clock")

    def _wanted(self, bound: BoundRow) -> None:
        """After start and length: is the slot wanted?"""
        if bound is not self._length:
            return
        time, length = (self._reading.variable(each) for each in (self._time, self._length))
        self._source.add(
            3,
            f"when = {time}_day + {time}_tail",
            "if not low <= when < high:",
            "    outside += 1",
            "    continue",
            f"if {length} < shortest or prefers and not prefers({time}_day + {time}_clock, {length}):",
            "    unfit += 1",
            "    continue",
        )
        self._pieces(3, [each for each in self._crossing if each not in self.late])

    def _tree(self, spelt: frozenset[str], without: Sequence[BoundRow] = ()) -> Branch:
        """What is written beside the ``spelt`` members: of rows that are left out (``without``) only what
        is made where there is no value."""
        tree = Branch()
        for bound in self._reading.used:
            if bound.row.redox is None or bound.redox is None:
                continue
            if bound not in without:
                tree.put(bound.row.redox, bound.redox.lists, self._leaf(bound))
            elif self._makes_id(bound):
                made = f"{{{self._companion(bound.row.with_[0])}_text}}~{{when}}"
                tree.put(bound.row.redox, bound.redox.lists, Leaf(made, quoted=True, ready=True))
        for name in spelt:
            del tree.members[name]
        return tree

    def _leaf(self, bound: BoundRow) -> Leaf:
        name = self._reading.variable(bound)
        if bound is self._time:
            return Leaf(f"{{{name}_day}}{{{name}_clock}}", quoted=True, ready=True)
        if self._makes_id(bound):
            return Leaf(f"{name}_text", quoted=True)
        optional = not bound.fhir or not (self._reading.required(bound) or bound.codec.absent)
        return Leaf(f"{name}_json", optional=optional, fixed=not bound.fhir)

    def _text(self, depth: int, tree: Branch, prefix: str, more: str = "") -> None:
        """The object as one f-string, open at its end for what the schedule's slots share."""
        text, _ = Speller(self._source, depth, prefix).whole(tree)
        self._source.add(depth, f"text = {f_literal(self._joined(text.removesuffix('}}')) + more)}")

    def _joined(self, text: str) -> str:
        """The same with clock and length, which are found together, as one piece, where only fixed text
        stands between them."""
        time, length = (self._reading.variable(each) for each in (self._time, self._length))
        before, clock, behind = text.partition(f"{{{time}_clock}}")
        between, minutes, after = behind.partition(f"{{{length}_json}}")
        if self._spans is None or not clock or not minutes or not {"{", "}"}.isdisjoint(between):
            return text
        if self._spans.between not in ("", between):
            return text
        self._spans.between = between
        return f"{before}{{head}}{after}"
