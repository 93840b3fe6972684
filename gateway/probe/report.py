"""What a probe found, as values: facts in the upstream's words, never a value out of a resource.

Names that an upstream made up (parameters, identifier systems, links) are cut short and printable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["works", "end-included", "ignored", "refused", "partial", "unclear", "failed"]
Level = Literal["fault", "note"]


@dataclass(frozen=True, slots=True)
class Declared:
    """A CapabilityStatement: ``params`` are resource type -> search parameter -> its type.

    ``told`` is false where it lists no search parameter at all, so that nothing follows from what it
    lacks. ``problems`` say what in it cannot be read.
    """

    told: bool = False
    version: str = ""
    software: str = ""
    params: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What the parameters of Slot are called that bound a search: ``length`` is empty where there is none."""

    start: str = "start"
    end: str = "end"
    length: str = ""


@dataclass(frozen=True, slots=True)
class Aim:
    """A search parameter that a row (or ``dialect.yaml``) sends. ``declared`` is None where the
    upstream declares nothing; ``near`` are declared names that look like it."""

    resource: str
    param: str
    row: str
    origin: str
    declared: bool | None
    kind: str = ""
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pages:
    """One search as its Bundles tell it. ``sizes`` are the matches on each page that was read; ``asked``
    the page size that was asked for; ``total`` what the first page says; ``next`` how it names the next
    page. ``failure`` is set when there was no answer, ``words`` is then what the upstream wrote."""

    target: str
    sizes: tuple[int, ...] = ()
    asked: int | None = None
    total: int | None = None
    complete: bool = True
    next: Literal["none", "relative", "absolute", "elsewhere"] = "none"
    links: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failure: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Fill:
    """How many of the sampled resources (``had`` of ``of``) have a value at ``path``. ``row`` and
    ``origin`` are empty for a field that no row reads."""

    path: str
    had: int
    of: int
    table: str = ""
    row: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """An identifier system in the samples. ``code`` is what the code table makes of it, empty: nothing;
    ``kind`` the code of ``identifier.type``, if there is one. For ``needed`` resources it is the first
    identifier, and they have none whose system has a code: it is all there is to know them by."""

    resource: str
    system: str
    count: int
    code: str = ""
    kind: str = ""
    needed: int = 0


@dataclass(frozen=True, slots=True)
class Joined:
    """How many of the sampled schedules found their Practitioner or Location. ``absent`` name one that
    the samples do not hold, ``without`` name none. ``whole``: all of that type were read. ``actors``
    counts the resource types that ``Schedule.actor`` refers to."""

    kind: str
    how: str
    schedules: int
    joined: int
    absent: int
    without: int
    whole: bool
    actors: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the directory: filled by the EHR for ``told``, and with ``schedules.csv`` for
    ``filled``, of ``of`` schedules."""

    name: str
    told: int
    filled: int
    of: int


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """What the slots of one search are like. ``minutes`` are their lengths, ``step`` the least minutes
    between two starts; ``others`` belong to a schedule that was not asked for."""

    count: int = 0
    days: int = 0
    with_id: int = 0
    with_full_url: int = 0
    offsets: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    minutes: dict[str, int] = field(default_factory=dict)
    step: int | None = None
    overlap: bool = False
    in_order: bool = True
    others: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing tried: what was ``sent`` beside the rest of the search, and what came of it."""

    what: str
    sent: str
    verdict: Verdict
    text: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence for a person. A ``fault`` is something to mend in the tables or at the upstream."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What to put into ``file``, below the folder that ``mappings:`` names, and why."""

    file: str
    because: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a probe found out. ``failed``: a search of the tables' own was not
    answered; ``own_search`` is false where that was the Slot search, whose bounds ``search`` then spells
    otherwise. ``address`` is whom the asker says was asked. ``schedules`` are all that the upstream lists,
    ``searches`` how many Slot searches a query for them makes, ``tried`` how many were made until one
    brought slots."""

    site: str
    dialect: str
    tables: str
    upstream: Literal["fhir", "redox"]
    failed: bool
    own_search: bool = True
    address: str = ""
    findings: tuple[Finding, ...] = ()
    advice: tuple[Advice, ...] = ()
    declared: Declared = Declared()
    names: Names = Names()
    metadata: str = ""
    aims: tuple[Aim, ...] = ()
    unused: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pages: tuple[Pages, ...] = ()
    fills: tuple[Fill, ...] = ()
    unread: tuple[Fill, ...] = ()
    systems: tuple[System, ...] = ()
    joins: tuple[Joined, ...] = ()
    columns: tuple[Column, ...] = ()
    schedule: str = ""
    search: str = ""
    schedules: int = 0
    searches: int = 0
    tried: int = 0
    slots: SlotFacts = SlotFacts()
    trials: tuple[Trial, ...] = ()

    @property
    def silent(self) -> str:
        """Why nothing at all was answered, where that is the same for everything; else empty."""
        reasons = {self.metadata, *(each.failure for each in self.pages)}
        return self.metadata if self.pages and len(reasons) == 1 else ""
