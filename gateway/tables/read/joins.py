"""How a Schedule finds whom and where it is: the ``joins`` and ``levels`` of ``dialect.yaml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from gateway.files.marked import Fault, MarkedMap, find
from gateway.tables.rows.paths import Path, PathError, parse

_REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Join:
    """One way from a Schedule to another resource.

    ``steps`` are elements that are references: each begins with the type that the one before refers to, the
    first with Schedule, the last refers to what is sought. Or else it is by the ``text`` whose end (what
    stands behind ``after``) is one of the other's ``names``. Paths begin with their resource type.
    """

    steps: tuple[Path, ...] = ()
    text: Path | None = None
    after: str = ""
    names: tuple[Path, ...] = ()

    @property
    def through(self) -> tuple[str, ...]:
        """The types of resources that stand between the Schedule and what is sought."""
        return tuple(path.steps[0].name for path in self.steps[1:])


@dataclass(frozen=True, slots=True)
class Level:
    """Which place of a hierarchy is meant, from a Location up what it is part of: the nearest of the first of
    these ``types`` (``physicalType``) that occurs; ``otherwise`` the uppermost, or the Location's own, if
    that is of no other level's type; None: no place at all."""

    types: tuple[str, ...] = ()
    otherwise: Literal["top", "own"] | None = None


def joins(settings: Mapping[str, Any]) -> dict[str, tuple[Join, ...]]:
    """The ways to each type of resource, the first that finds something first. What cannot be read is left
    out: :func:`check_joins` tells it."""
    found = {}
    for kind, given in settings.items():
        ways = (_join(each) for each in _ways(given))
        found[kind] = tuple(each for each in ways if each is not None)
    return {kind: ways for kind, ways in found.items() if ways}


def levels(settings: Mapping[str, Any]) -> dict[str, Level]:
    """The levels of places by their name."""
    return {name: Level(tuple(each.get("types", ())), each.get("else")) for name, each in settings.items()}


def _ways(given: Any) -> list[dict[str, Any]]:
    return given if isinstance(given, list) else [given]


def _join(texts: dict[str, Any]) -> Join | None:
    try:
        return Join(
            steps=tuple(map(reference_path, _steps(texts))),
            text=parse(texts["text"]) if "text" in texts else None,
            after=texts.get("after", ""),
            names=tuple(parse(name) for name in texts.get("names", ())),
        )
    except PathError:
        return None


def _steps(texts: Mapping[str, Any]) -> Sequence[str]:
    given = texts.get(_REFERENCE, ())
    return (given,) if isinstance(given, str) else given


def reference_path(text: str) -> Path:
    """The element that is a reference; it may be told by the text in it (``Schedule.actor.reference``)."""
    path = parse(text)
    named = len(path.steps) > 2 and path.steps[-1].name == _REFERENCE and not path.steps[-1].narrow
    return parse(text.rpartition(".")[0]) if named else path


def check_joins(node: MarkedMap, settings: Mapping[str, Any], faults: list[Fault]) -> None:
    """Adds every fault of the form of these joins, which stand in this file."""
    for kind, given in settings.items():
        listed = isinstance(given, list)
        for number, texts in enumerate(_ways(given)):
            at: list[str | int] = ["dialect", "joins", kind, *([number] if listed else [])]
            faults.extend(_faults(node, kind, texts, at, key=not listed))


def _faults(
    node: MarkedMap, kind: str, texts: Mapping[str, Any], at: list[str | int], *, key: bool
) -> Iterator[Fault]:
    for place, text in _written(texts, at):
        try:
            parse(text)
        except PathError as error:
            yield find(node, place).fault(f'"{text}" is not a path: {error}')
    if ("text" in texts) != ("names" in texts):
        said = f'the join of {kind} needs both "text" and "names", or neither'
        yield find(node, at, key=key).fault(said)
    elif _REFERENCE not in texts and "text" not in texts:
        said = f'the join of {kind} finds nothing; give it "reference", or "text" and "names"'
        yield find(node, at, key=key).fault(said)
    elif "after" in texts and "text" not in texts:
        said = f'"after" says nothing without "text"; delete it, or give the join of {kind} a "text"'
        yield find(node, [*at, "after"], key=True).fault(said)


def _written(texts: Mapping[str, Any], at: list[str | int]) -> Iterator[tuple[list[str | int], str]]:
    """Every path of a join, and where it stands."""
    given = texts.get(_REFERENCE)
    if isinstance(given, str):
        yield [*at, _REFERENCE], given
    elif given is not None:
        yield from (([*at, _REFERENCE, number], text) for number, text in enumerate(given))
    if "text" in texts:
        yield [*at, "text"], cast(str, texts["text"])
    yield from (([*at, "names", number], text) for number, text in enumerate(texts.get("names", ())))
