"""What a site's compiled tables can do, as the flows see it: values and protocols, no files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Lookup
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from gateway.core.directory import Cells, Directory, Named, Wants
from gateway.core.errors import GatewayError, Issue
from gateway.core.plan import Answer, Call, Failure, Outcome
from gateway.core.values import Pieces
from gateway.core.window import Matcher, Preference


@dataclass(frozen=True, slots=True)
class Asked:
    """A Redox query as its rows read it. ``start`` and ``end`` are still the texts of the message.

    ``params`` are those of every search, whatever schedules it is for. ``others`` are the faults of
    values that are not known here, beside one that is: only that is asked for.
    """

    start: str | None
    end: str | None
    preferences: tuple[Preference, ...]
    wants: tuple[Wants, ...]
    params: tuple[tuple[str, tuple[str, ...]], ...]
    issues: tuple[Issue, ...]
    others: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which slots of an answer count: UTC texts ``low`` <= start < ``high``, at least ``shortest``
    minutes, and what ``prefers`` says of (start, minutes) where it is given. ``ends``, for FHIR clients: the
    UTC texts from and before which a slot must end. ``lengths`` are the minutes that were asked for, each,
    where slots that touch are to make them."""

    low: str
    high: str
    shortest: int = 0
    prefers: Matcher | None = None
    ends: tuple[str, str] | None = None
    lengths: tuple[int, ...] = ()


class Collector(Protocol):
    """Gathers the slots of all searches of one query."""

    def add(self, answer: Answer, wanted: Wanted) -> Pieces[bool]:
        """Takes the pages of one search; what cannot be used becomes an Issue. False: none of its pages
        could be read, so that the search might as well have failed."""

    @property
    def short(self) -> Lookup[Call, Issue]:
        """The calls of which the upstream counts more than came, and names no further page; what is said."""

    @property
    def issues(self) -> Sequence[Issue]:
        """What was left out, and why; any of severity ``error`` makes the answer incomplete."""

    @property
    def counts(self) -> dict[str, int]:
        """Numbers for the log: slots taken in, and left out by reason."""

    def keep(self, most: int, first: Matcher | None = None) -> Pieces[int]:
        """Leaves out all schedules but ``most``, those whose slots begin first (with ``first``: those that it
        accepts before all others); gives back how many that had slots."""

    def texts(self, most: int, first: Matcher | None = None) -> Pieces[tuple[list[str], str, int]]:
        """The slots by time, then in the directory's order, those that ``first`` accepts before all
        others: one text each, at most ``most``, which joined by the second value are the JSON of all; and how
        many were left out."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Slots for a FHIR client: (start in UTC, id, entry as JSON text) by time, then in the directory's
    order. ``incomplete`` as Redox said it; ``issues`` and ``counts`` as of a collector."""

    slots: tuple[tuple[str, str, str], ...]
    incomplete: bool
    issues: tuple[Issue, ...]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class FhirDirectory:
    """The directory as FHIR resources. ``texts``: type -> id -> JSON text; ``lines``: type -> id -> the
    lines that it stands for; ``actors``: Schedule id -> (type, id) of what its actors refer to. ``system``
    gives an identifier's system as the resources spell it."""

    texts: dict[str, dict[str, str]]
    lines: dict[str, dict[str, list[Cells]]]
    actors: dict[str, tuple[tuple[str, str], ...]]
    system: Callable[[str], str] = str


class FhirServer(Protocol):
    """The side of a site's tables that FHIR clients see."""

    @property
    def names(self) -> frozenset[str]:
        """The parameters that choose slots."""

    @property
    def references(self) -> frozenset[str]:
        """Those of them whose values are references."""

    def read(self, params: Sequence[tuple[str, str]], zone: ZoneInfo | None = None) -> Sought:
        """A search for slots by its rows. ``zone``: only what it says of time, as a clinic there means it."""

    def write(
        self, sought: Sought, start: str, end: str, minutes: int | None, lines: Sequence[Cells] | None
    ) -> dict[str, Any]:
        """The Redox query for it, without Meta. ``minutes`` where the search names no length (None: any);
        ``lines`` are the schedules that are meant, None for any."""

    def unaskable(self, lines: Sequence[Cells]) -> tuple[str, ...]:
        """The schedules among the lines that Redox cannot be asked for."""

    def slots(
        self, answer: bytes, directory: Directory, positions: Sequence[int] | None, wanted: Wanted, base: str
    ) -> Pieces[Entries]:
        """Redox's answer as entries; slots of other schedules than ``positions`` (None: any) are left
        out. UpstreamFailed for an answer that cannot be read or holds Redox errors."""

    def fhir_directory(self, directory: Directory) -> Pieces[FhirDirectory]:
        """The directory as FHIR resources."""

    def named(self, name: str, directory: Directory) -> tuple[int, str, int] | None:
        """The line, start in UTC and minutes that a slot's id names; None if it names none."""


class Mapping(Protocol):
    """The compiled tables of one site."""

    @property
    def hash(self) -> str:
        """A short hash of everything the tables were made from."""

    def read_query(self, message: Any, *, wishes: bool = True) -> Asked:
        """The checked Redox message by its rows; ``wishes``: preferred days and times, too."""

    def counted(self, answer: Answer) -> Pieces[tuple[int, int]]:
        """How many slots an answer has, and how many the upstream says that there are."""

    def by_start(self, answer: Answer) -> Pieces[bool]:
        """Whether the slots of an answer came by their start, the earliest first, and nothing in it says that
        the upstream does not sort."""

    @property
    def asks_length(self) -> bool:
        """Whether the upstream is asked for slots of a certain length."""

    @property
    def combines(self) -> bool:
        """Whether slots that touch make longer times."""

    def slot_searches(
        self, start: str, end: str, lengths: Sequence[int], asked: Asked, lines: Sequence[Cells]
    ) -> tuple[tuple[Call, int], ...]:
        """The Slot searches of a plan, each with the minutes that it asks for (0: none)."""

    def search_count(self, lengths: Sequence[int], asked: Asked, lines: Sequence[Cells]) -> int:
        """How many Slot searches a plan would make, without making them: never fewer for more lines."""

    def directory_calls(self) -> tuple[Call, ...]:
        """The searches that bring the directory; none where the site's CSV is all there is."""

    def directory_more(self, outcomes: Sequence[Outcome], now: datetime | None = None) -> tuple[Call, ...]:
        """The searches for what their answers refer to and did not bring."""

    def directory(self, outcomes: Sequence[Outcome], now: datetime | None = None) -> Directory:
        """Joins their answers with the site's CSV, as of ``now``. GatewayError if it has nothing."""

    @property
    def own_directory(self) -> Directory:
        """The directory of a site whose CSV is all there is."""

    @property
    def asking_columns(self) -> tuple[str, ...]:
        """The columns of the directory by which a schedule is asked for, any of them."""

    def unaskable(self, lines: Sequence[Cells]) -> tuple[str, ...]:
        """The schedules among the lines that lack what a search for them needs."""

    def collector(self, directory: Directory, positions: Sequence[int], *, placed: bool = False) -> Collector:
        """A collector for the slots of the chosen lines; ``placed``: each is to say of which line it is."""

    def failure(self, failure: Failure) -> GatewayError:
        """What the asker is told of an upstream's failure, by the error table."""


@dataclass(frozen=True, slots=True)
class Sought:
    """A FHIR search for slots as its rows read it, in Redox's words.

    ``start`` and ``end`` are UTC texts or None; ``groups`` choose schedules by directory columns (each
    group must hold, any of its pairs will do); ``fields`` are further Redox fields by their path;
    ``nothing`` when only slots were asked for that this gateway never has (``status=busy``). ``ends``: the
    UTC texts from and before which a slot must end, where that is asked for.
    """

    start: str | None
    end: str | None
    minutes: int | None
    groups: tuple[tuple[Named, ...], ...]
    fields: dict[str, tuple[Any, ...]]
    nothing: bool
    issues: tuple[Issue, ...]
    ends: tuple[str, str] | None = None
