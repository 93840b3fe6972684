"""A CapabilityStatement read for its search parameters, however odd it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from gateway.core.directory import shown
from gateway.files.marked import nearest
from gateway.probe.report import Aim, Declared
from gateway.tables.answer.site import SiteTables

_MOST_PROBLEMS = 10

# Parameters for all resource types and for the form of the answer; servers seldom declare them
# (FHIR R4, search, 3.1.1.5).
RESULT_PARAMS = frozenset(
    {
        *("_count", "_offset", "_sort", "_include", "_revinclude", "_include:iterate", "_revinclude:iterate"),
        *("_summary", "_elements", "_total", "_contained", "_containedType", "_format", "_pretty"),
    }
)


def read(content: bytes) -> Declared:
    """What a server declares. Never raises: what cannot be read is among the ``problems``."""
    try:
        value: Any = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Declared(problems=("it is not JSON",))
    if not isinstance(value, dict):
        return Declared(problems=("it is not a JSON object",))
    problems: list[str] = []
    kind = value.get("resourceType")
    if kind != "CapabilityStatement":
        problems.append(f'its resourceType is "{_text(kind)}", not CapabilityStatement')
    params: dict[str, dict[str, str]] = {}
    every: dict[str, str] = {}
    for rest in _servers(value, problems):
        every.update(_params(rest, "rest", problems))
        for number, resource in enumerate(_dicts(rest, "resource", "rest", problems)):
            name = resource.get("type")
            if not isinstance(name, str) or not name:
                problems.append(f"rest.resource[{number}] has no type")
                continue
            params.setdefault(shown(name), {}).update(_params(resource, shown(name), problems))
    told = any(params.values())
    found = {name: {**every, **own} for name, own in params.items()}
    software = value.get("software")
    named = software.get("name") if isinstance(software, dict) else None
    cut = len(problems) - _MOST_PROBLEMS
    more = (f"and {cut} more of the kind",) if cut > 0 else ()
    return Declared(
        told, _text(value.get("fhirVersion")), _text(named), found, (*problems[:_MOST_PROBLEMS], *more)
    )


def _servers(value: dict[str, Any], problems: list[str]) -> list[dict[str, Any]]:
    """The ``rest`` that describes a server; a statement may describe a client as well."""
    if "rest" not in value:
        problems.append("it has no rest, so it says nothing of searches")
        return []
    rest = _dicts(value, "rest", "", problems)
    return [each for each in rest if each.get("mode", "server") != "client"]


def _params(holder: dict[str, Any], where: str, problems: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for param in _dicts(holder, "searchParam", where, problems):
        name = param.get("name")
        if isinstance(name, str) and name:
            found[shown(name)] = _text(param.get("type"))
        else:
            problems.append(f"{where}.searchParam: one of them has no name")
    return found


def _dicts(holder: dict[str, Any], name: str, where: str, problems: list[str]) -> list[dict[str, Any]]:
    """The objects of a list; null and absent are none (FHIR, JSON representation, has no null)."""
    value = holder.get(name)
    path = f"{where}.{name}" if where else name
    if value is None:
        return []
    if not isinstance(value, list):
        problems.append(f"{path} is not a list")
        return []
    if len(kept := [each for each in value if isinstance(each, dict)]) < len(value):
        problems.append(f"{path} holds what is not an object")
    return kept


def _text(value: Any) -> str:
    return shown(value) if isinstance(value, str) else ""


def aims(tables: SiteTables, declared: Declared, origins: Mapping[str, str]) -> tuple[Aim, ...]:
    """Every search parameter that the tables send, beside what is declared. ``origins``: where keys of
    ``dialect.yaml`` stand, such as ``searches.Practitioner``."""
    sent = list(_sent(tables, origins))
    taken = {(resource, param) for resource, param, _, _ in sent}
    return tuple(_aim(*each, declared, taken) for each in sent)


def _sent(tables: SiteTables, origins: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    for row in tables.tables["available-slots.query"].rows:
        if row.param is not None and row.to_fhir:
            layer = row.cells["param"].layer if "param" in row.cells else row.layer
            yield "Slot", row.param, row.key, f"{row.at('param')} ({layer})"
    if tables.dialect.directory == "upstream":
        for resource, params in tables.dialect.searches.items():
            for param, _ in params:
                key = f"searches.{resource}"
                yield resource, param, key, origins.get(key, "dialect.yaml")


def _aim(
    resource: str, param: str, row: str, origin: str, declared: Declared, taken: set[tuple[str, str]]
) -> Aim:
    if not declared.told:
        return Aim(resource, param, row, origin, None)
    known = declared.params.get(resource, {})
    # `schedule.actor:Practitioner.identifier` is declared as `schedule`; some declare it whole.
    name = param if param in known else param.partition(":")[0].partition(".")[0]
    if name in known or param in RESULT_PARAMS:
        return Aim(resource, param, row, origin, True, known.get(name, ""))
    free = [each for each in known if (resource, each) not in taken]
    return Aim(resource, param, row, origin, False, "", tuple(nearest(param, free)))


def unused(found: Sequence[Aim], declared: Declared, resources: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By resource type, the declared parameters that the tables do not send."""
    sent = {(aim.resource, part) for aim in found for part in (aim.param, aim.param.partition(".")[0])}
    return {
        resource: tuple(
            name
            for name in declared.params.get(resource, {})
            if (resource, name) not in sent and name not in RESULT_PARAMS
        )
        for resource in resources
        if resource in declared.params
    }
