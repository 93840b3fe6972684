"""A code table as a FHIR R4 ConceptMap, from Redox's codes to FHIR's, and back.

A line that serves both ways is ``equivalent``; one that serves Redox's code alone leads to what is ``wider``
(it does not lead back to that code), one that serves FHIR's code alone to what is ``narrower``. A codeset of
Redox's, which is no URI, is written as one below ``urn:redox:codeset:``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from gateway.tables.read.code_tables import CODE_COLUMNS

CODESET = "urn:redox:codeset:"
URL = "urn:redox-fhir-gateway:codes:"
_EQUIVALENCE = {"both": "equivalent", "to-fhir": "wider", "to-redox": "narrower"}
_WAYS = {
    **dict.fromkeys(("equivalent", "equal"), ""),
    **dict.fromkeys(("wider", "subsumes"), "to-fhir"),
    **dict.fromkeys(("narrower", "specializes"), "to-redox"),
}
_NO_LINE = ("unmatched", "disjoint")
_BLANKS = re.compile(r"\s")

Json = dict[str, Any]
Cells = Mapping[str, str]


def concept_map(name: str, lines: Iterable[Cells]) -> Json:
    """The ConceptMap of the lines of a code table; ``way`` as it is shown (``both`` ...)."""
    groups: dict[tuple[str, str], dict[str, list[Json]]] = {}
    for line in lines:
        group = groups.setdefault((line["redox_system"], line["fhir_system"]), {})
        target = {"code": line["fhir_code"], "equivalence": _EQUIVALENCE[line["way"] or "both"]}
        group.setdefault(line["redox_code"], []).append(
            target | ({"comment": line["note"]} if line["note"] else {})
        )
    made: Json = {
        "resourceType": "ConceptMap",
        "url": URL + quote(name),
        "name": re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").title() or "Codes",
        "title": name,
        "status": "active",
    }
    if groups:
        made["group"] = [_group(*systems, elements) for systems, elements in groups.items()]
    return made


def _group(source: str, target: str, elements: Mapping[str, list[Json]]) -> Json:
    return {
        **({"source": CODESET + quote(source, safe="")} if source else {}),
        **({"target": target} if target else {}),
        "element": [{"code": code, "target": targets} for code, targets in elements.items()],
    }


class NotConceptMap(ValueError):
    """What was given is no ConceptMap that a code table can be made of: why, at which path."""


def lines_of(value: Any) -> tuple[str, list[dict[str, str]]]:
    """The name of the code table (empty for a ConceptMap that is not of ours), and its lines.

    Raises NotConceptMap for what has no line of a code table to stand in. What is ``unmatched`` has none.
    """
    if not isinstance(value, dict) or value.get("resourceType") != "ConceptMap":
        raise NotConceptMap("this is no FHIR ConceptMap")
    url = value.get("url")
    name = unquote(url.removeprefix(URL)) if isinstance(url, str) and url.startswith(URL) else ""
    found: list[dict[str, str]] = []
    for number, group in enumerate(_objects(value, "group", "ConceptMap")):
        place = f"ConceptMap.group[{number}]"
        systems = {
            "redox_system": _codeset(_text(group, "source", place, needed=False)),
            "fhir_system": _text(group, "target", place, needed=False),
        }
        for position, element in enumerate(_objects(group, "element", place)):
            found.extend(_lines(element, systems, f"{place}.element[{position}]"))
    return name, found


def _lines(element: Json, systems: Cells, place: str) -> Iterator[dict[str, str]]:
    code = _text(element, "code", place)
    for number, target in enumerate(_objects(element, "target", place)):
        where = f"{place}.target[{number}]"
        equivalence = _text(target, "equivalence", where)
        if equivalence in _NO_LINE:
            continue
        if equivalence not in _WAYS:
            text = f'{where}.equivalence: "{equivalence}" says neither way for sure; write equivalent'
            raise NotConceptMap(f"{text} (both ways), wider (to FHIR) or narrower (to Redox)")
        if target.get("dependsOn") or target.get("product"):
            raise NotConceptMap(
                f"{where}: a code table knows no dependsOn and no product; leave this one out"
            )
        line = {
            "redox_code": code,
            "fhir_code": _text(target, "code", where),
            **systems,
            "way": _WAYS[equivalence],
            "note": _text(target, "comment", where, needed=False),
        }
        yield {column: line[column] for column in CODE_COLUMNS}


def _codeset(source: str) -> str:
    return unquote(source.removeprefix(CODESET)) if source.startswith(CODESET) else source


def _objects(value: Json, key: str, place: str) -> list[Json]:
    found = value.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise NotConceptMap(f"{place}.{key}: must be a list of objects")
    return found


def _text(value: Json, key: str, place: str, *, needed: bool = True) -> str:
    found = value.get(key, "")
    if not isinstance(found, str) or (needed and not found.strip()):
        raise NotConceptMap(f"{place}.{key}: must be a text")
    return " ".join(found.split()) if _BLANKS.search(found) else found
