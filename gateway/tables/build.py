"""From folders to compiled tables: the one way in for everybody who needs a site's tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from jsonschema import Draft202012Validator

from gateway.core.directory import Cells
from gateway.core.redox_flows import Relayed
from gateway.files.marked import Fault, Faults, Mark, did_you_mean, nearest
from gateway.shipped import folder
from gateway.tables.answer.combining import KINDS, Combining
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.answer.query import QueryTable
from gateway.tables.answer.resources import ResourceTable
from gateway.tables.answer.search import SearchTable
from gateway.tables.answer.site import SiteTables
from gateway.tables.answer.slot_lines import SlotLines, needed
from gateway.tables.answer.slot_schedules import ways_within
from gateway.tables.check import site as check
from gateway.tables.check.cells import compared, unpadded
from gateway.tables.check.schedules import alike, doubted_zones, refused, swapped, types_of
from gateway.tables.check.table import ANSWER, DIRECTORY, QUERY
from gateway.tables.codecs.codec import Context
from gateway.tables.compile.bind import BoundRow, bind
from gateway.tables.compile.lenient import decoder
from gateway.tables.compile.structs import checked
from gateway.tables.compile.to_fhir.table import compile_to_fhir
from gateway.tables.compile.to_redox.table import compile_to_redox
from gateway.tables.read import code_tables as codes
from gateway.tables.read import dialect, errors
from gateway.tables.read import field_tables as load
from gateway.tables.read.folders import Files, Folders, Kept
from gateway.tables.read.layers import Source, shown
from gateway.tables.read.unread_files import unread
from gateway.tables.rows.model import Table
from gateway.tables.rows.schema import Found, SchemaView

# How many schedules a fault names.
_NAMED = 5
_SPECIAL = ("errors", "dialect")


@lru_cache
def schemas() -> dict[str, SchemaView]:
    """The schemas of both sides by the name of the message or resource."""
    return {
        path.stem: SchemaView(json.loads(path.read_bytes()))
        for side in ("redox", "fhir")
        for path in sorted((folder("schemas") / side).glob("*.json"))
    }


@lru_cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((folder("schemas") / f"{name}.json").read_bytes()))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What tables are wanted for: a site, its dialect and its IANA time zone; ``like``: the layers that it
    shares with other sites."""

    site: str
    dialect: str
    zone: str
    like: str | None = None


K = TypeVar("K")
V = TypeVar("V")
_Yaml = tuple[Source, ...]
_Laid = tuple[dict[str, Table], dialect.Dialect, tuple[errors.ErrorRow, ...]]


class _Made(Generic[K, V]):
    """What was made, by that of which it was made; what was made before is taken over where it is asked for
    again."""

    def __init__(self, before: _Made[K, V] | None) -> None:
        self._made: dict[K, V] = {}
        self._before: dict[K, V] = before._made if before is not None else {}

    def get(self, key: K) -> V | None:
        if key not in self._made and key in self._before:
            self._made[key] = self._before[key]
        return self._made.get(key)

    def put(self, key: K, value: V) -> V:
        self._made[key] = value
        return value

    def settle(self) -> None:
        """Let go of what was made before and nobody has asked for."""
        self._before = {}


def field_tables_of(sources: Iterable[Source]) -> dict[str, Table]:
    """The field tables of a stack of files, lowest first, as far as they can be read."""
    return load.load([each for each in sources if each.kind not in _SPECIAL], _validator("mapping-table"), [])


class Tables:
    """Builds and keeps the tables of sites; sites with the same files and zone share what is compiled."""

    def __init__(self, own: Path | None, kept: Kept | None = None, former: Tables | None = None) -> None:
        """``own`` is the clinic's folder over the shipped one; ``kept`` what was once read of the two, to be
        built of in their place. What ``former`` has built of the same files is not built again."""
        self._roots = [folder("mappings"), *([own] if own is not None else [])]
        self._files: Files = Folders(self._roots) if kept is None else kept
        self._compiled: _Made[str, SiteTables] = _Made(former._compiled if former else None)
        self._whole: _Made[str, SiteTables] = _Made(former._whole if former else None)
        self._read: _Made[_Yaml, tuple[_Laid, tuple[Fault, ...]]] = _Made(former._read if former else None)
        self._fhir_servers: _Made[tuple[str, _Yaml], FhirServerTables] = _Made(
            former._fhir_servers if former else None
        )

    def settle(self) -> None:
        """Everything is built: let go of what a former one has built and none of these sites needs."""
        for made in (self._compiled, self._whole, self._read, self._fhir_servers):
            made.settle()

    def dialects(self) -> tuple[str, ...]:
        """The names of the dialects that there are."""
        return self._files.dialects()

    def kept(self) -> Kept:
        """What has been read until now, of which the same can be built at any time."""
        return self._files.kept()

    def build(self, wanted: Wanted) -> SiteTables:
        """The compiled tables; :class:`Faults` with everything that is wrong in any file of the site."""
        if wanted.dialect not in self.dialects():
            text = f'there is no dialect "{wanted.dialect}"; {did_you_mean(wanted.dialect, self.dialects())}'
            raise Faults([Mark(str(self._roots[-1]), 1, 1).fault(text), *self.meant(wanted)])
        faults: list[Fault] = []
        read = self._files.site(wanted.dialect, wanted.site, wanted.like, faults)
        yaml, csv, own = read.yaml, read.csv, _own(read.own, faults)
        key = _hash([*yaml, *csv], wanted.zone)
        made = self._compiled.get(key)
        if made is None:
            made = self._compiled.put(key, self._compile(key, yaml, csv, own, wanted, faults))
        if faults:
            raise Faults(faults)
        if not own:
            return made
        whole = _hash([*yaml, *csv, *own], wanted.zone)
        if (known := self._whole.get(whole)) is not None:
            return known
        lines = _schedules(own, made.tables, made.dialect, made.context, faults)
        if faults:
            raise Faults(faults)
        return self._whole.put(whole, replace(made, schedules=lines, hash=whole))

    def meant(self, wanted: Wanted) -> tuple[Fault, ...]:
        """The faults of the tables of the dialect that a mistyped one most likely means."""
        for near in nearest(wanted.dialect, self.dialects(), 1):
            try:
                self.build(replace(wanted, dialect=near))
            except Faults as wrong:
                return wrong.faults
        return ()

    def remarks(self, wanted: Wanted, made: SiteTables) -> list[Fault]:
        """What of a site's files can be served, and is hardly meant."""
        mark = Mark(shown(self._roots[-1] / "sites" / wanted.site / "schedules.csv"), 1, 1)
        own = self._files.site(wanted.dialect, wanted.site, wanted.like, []).own
        places = codes.places(own, made.schedules)
        whole = made.dialect.directory == "csv"
        told = compared(made.tables, made.context.codes, made.schedules, whole=whole)
        return [
            *self._lacking(wanted, made, mark),
            *told,
            *unpadded(made.schedules, places),
            *swapped(made.schedules, types_of(made.tables, made.context.codes), places),
            *doubted_zones(made.schedules, places),
            *_of_redox(made, places),
        ]

    def _lacking(self, wanted: Wanted, made: SiteTables, mark: Mark) -> list[Fault]:
        """What a site that is to be asked lacks, where ``schedules.csv`` is all that lists its schedules."""
        if made.dialect.directory != "csv":
            return []
        if not made.schedules:
            text = f'the dialect "{wanted.dialect}" lists schedules in schedules.csv'
            return [mark.fault(f"{text}; there is none, or no line in it")]
        columns, mute = made.asking_columns, made.unaskable(made.schedules)
        if made.dialect.upstream != "fhir" or not mute:
            return []
        named = " or ".join(f'"{each}"' for each in columns)
        if not any(each in made.schedules[0] for each in columns):
            return [mark.fault(f"the rows ask by {named}; add that column")]
        first = ", ".join(f'"{each}"' for each in mute[:_NAMED]) + (" and more" if mute[_NAMED:] else "")
        return [mark.fault(f"the rows ask by {named}, which is empty for the schedules {first}; fill it")]

    def unread(self, wanted: Sequence[Wanted], built: Sequence[SiteTables]) -> list[Fault]:
        """What stands in the clinic's own folder and none of the sites reads; ``built`` are their tables."""
        own, shipped = self._roots[-1], self._roots[0]
        known = {path.stem for path in (shipped / "codes").glob("*.csv")}
        for each in {id(made.tables): made.tables for made in built}.values():
            for row in (row for table in each.values() for row in table.rows):
                known.update(row.codec.arguments)
        sites, dialects = {each.site for each in wanted}, {each.dialect for each in wanted}
        likes = {each.like for each in wanted if each.like is not None}
        return list(
            unread(own, shipped, sites, dialects, known if len(built) == len(wanted) else None, likes)
        )

    def _compile(
        self,
        key: str,
        yaml: tuple[Source, ...],
        csv: Sequence[Source],
        own: list[Source],
        wanted: Wanted,
        faults: list[Fault],
    ) -> SiteTables:
        tables, rules, told = self._laid(yaml, faults)
        context = Context(ZoneInfo(wanted.zone), codes.code_tables(csv, faults))
        check.check(tables, rules, context, schemas(), faults)
        if faults:
            if DIRECTORY in tables:
                _schedules(own, tables, rules, context, faults)
            raise Faults(faults)
        bound = {name: bind(table, context, schemas()) for name, table in tables.items()}
        resources = ResourceTable(tables[DIRECTORY], bound[DIRECTORY], schemas(), rules)
        kinds = KINDS if rules.combine_slots else ()
        answer = compile_to_redox(
            tables[ANSWER],
            bound[ANSWER],
            schemas(),
            (*needed(rules.slots), *KINDS),
            kinds,
            referring=bool(rules.slots),
        )
        return SiteTables(
            hash=key,
            dialect=rules,
            tables=tables,
            errors=told,
            schedules=(),
            query=QueryTable(tables[QUERY], bound[QUERY], schemas()["AvailableSlots"], rules, context),
            resources=resources,
            answer=answer,
            answer_rows=bound[ANSWER],
            context=context,
            slot_lines=SlotLines(
                rules.slots or ways_within(rules.joins), schemas()["Slot"], resources.references
            ),
            combining=Combining(answer, schemas()["Slot"]) if rules.combine_slots else None,
            fhir_server=fhir_server_of(tables, bound, whole=True, withheld=rules.withheld)
            if rules.upstream == "redox"
            else None,
        )

    def _laid(self, yaml: tuple[Source, ...], faults: list[Fault]) -> _Laid:
        """The tables, the dialect and the errors that layers become, for all sites that have the same."""
        known = self._read.get(yaml)
        if known is None:
            wrong: list[Fault] = []

            def named(kind: str) -> Iterable[Source]:
                return (source for source in yaml if source.kind == kind)

            fields = [source for source in yaml if source.kind not in _SPECIAL]
            laid = (
                load.load(fields, _validator("mapping-table"), wrong),
                dialect.load(named("dialect"), _validator("dialect"), wrong),
                errors.load(named("errors"), _validator("error-table"), wrong),
            )
            known = self._read.put(yaml, (laid, tuple(wrong)))
        laid, told = known
        faults.extend(told)
        return laid

    def fhir_server(self, wanted: Wanted) -> FhirServerTables:
        """What FHIR clients of a site see; :class:`Faults` as of :meth:`build`.

        They search by the same parameters whoever is asked. Where that is Redox, which has no searches of its
        own, these are the site's own table; else those of the layer that the dialect names under ``clients``.
        """
        made = self.build(wanted)
        if made.fhir_server is not None:
            return made.fhir_server
        clients = made.dialect.clients
        if clients not in self.dialects():
            text = f'"clients: {clients}" names no folder; {did_you_mean(clients, self.dialects())}'
            raise Faults([Mark(str(self._roots[-1]), 1, 1).fault(text)])
        faults: list[Fault] = []
        layer = self._files.clients(clients, wanted.site, faults)
        if faults:
            raise Faults(faults)
        read = self._files.site(wanted.dialect, wanted.site, wanted.like, [])
        key = _hash([*read.yaml, *read.csv], wanted.zone), layer
        return self._fhir_servers.get(key) or self._fhir_servers.put(key, _of_clients(made, layer))


def _of_clients(made: SiteTables, layer: _Yaml) -> FhirServerTables:
    """The tables of a site with the searches of another layer; Faults with everything wrong in it."""
    faults: list[Fault] = []
    sources = [source for source in layer if source.kind not in _SPECIAL]
    loaded = load.load(sources, _validator("mapping-table"), faults)
    tables = {**made.tables, QUERY: loaded[QUERY]}
    # What the dialect says of the searches that it is asked by does not concern its own clients'.
    rules = dialect.Dialect(levels=made.dialect.levels)
    check.check(tables, rules, made.context, schemas(), faults)
    if faults:
        raise Faults(faults)
    bound = {name: bind(table, made.context, schemas()) for name, table in tables.items()}
    return replace(fhir_server_of(tables, bound, whole=False), layer=_hash(layer, ""))


def _of_redox(made: SiteTables, places: Mapping[str, Mark]) -> Iterator[Fault]:
    """Remarks on the lines of a site for which Redox is asked."""
    if made.fhir_server is not None:
        yield from alike(made.schedules, made.fhir_server.search.columns, places)
        yield from refused(made.tables, made.context, made.schedules, lambda: places, severe=False)


def fhir_server_of(
    tables: dict[str, Table],
    bound: dict[str, tuple[BoundRow, ...]],
    *,
    whole: bool,
    withheld: Collection[str] = (),
) -> FhirServerTables:
    """The tables read from right to left; ``whole`` as of :class:`SearchTable`. What an EHR
    answers, rather than Redox, comes with the line of the directory that it is of. ``withheld`` as of
    :class:`~gateway.tables.read.dialect.Dialect`."""
    query = bound[QUERY]
    carried = {str(each.row.redox) for each in query if each.row.redox is not None}
    carried |= {name for each in query for name in each.row.with_}
    return FhirServerTables(
        SearchTable(query, whole=whole),
        compile_to_fhir(tables[ANSWER], bound[ANSWER], schemas(), placed=not whole),
        bound[DIRECTORY],
        Relayed(frozenset(carried), _relayed_slot(tables[ANSWER], withheld)),
        tables[QUERY],
    )


def _relayed_slot(table: Table, withheld: Collection[str]) -> Callable[[msgspec.Raw], Any]:
    """Reads one slot of Redox's answer with every field of its schema that may go on, and no other."""
    view = schemas()[table.redox or ""]
    found = view.find(table.below) if table.below is not None else None
    below = found.schema if isinstance(found, Found) else None
    return decoder(checked("RelayedSlot", view, below, strict=False, without=withheld), view, below)


def _own(sources: Iterable[Source], faults: list[Fault]) -> list[Source]:
    """The schedule directories among a layer's CSV files; it has no other."""
    for source in sources:
        if source.kind != "schedules":
            text = "is not read; the schedule directory is schedules.csv, code tables stand in codes/"
            faults.append(Mark(source.name, 1, 1).fault(text))
    return [source for source in sources if source.kind == "schedules"]


def _schedules(
    own: list[Source],
    tables: dict[str, Table],
    rules: dialect.Dialect,
    context: Context,
    faults: list[Fault],
) -> tuple[Cells, ...]:
    columns = {row.directory for row in tables[DIRECTORY].rows if row.directory is not None}
    columns |= tables[DIRECTORY].unread
    sound = not faults
    lines = codes.schedules(
        own,
        columns,
        faults,
        of_ehr=rules.upstream == "fhir",
        alone=rules.directory == "csv",
        types=types_of(tables, context.codes),
    )
    if sound and rules.upstream == "redox":
        places = partial(codes.places, own, lines)
        faults.extend(refused(tables, context, lines, places, severe=True))
    return lines


def _hash(sources: Iterable[Source], zone: str) -> str:
    digest = hashlib.sha256(zone.encode())
    for source in sources:
        digest.update(f"\0{source.layer}\0{source.kind}\0{len(source.content)}\0".encode())
        digest.update(source.content)
    return digest.hexdigest()[:12]
