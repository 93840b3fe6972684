"""The rooms of the application: which part of the gateway may import which other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
GATEWAY = TOP / "gateway"

# Room -> what it may import of ours. "x" allows gateway.x and all below it. A file belongs to the innermost
# of these rooms that it stands in.
_BELOW_TABLES = {"core", "files"}
ALLOWED: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "cli": {
        "assemble",
        "cases",
        "cli",
        "clock",
        "config",
        "core",
        "editors",
        "explain",
        "files",
        "offline",
        "probe",
        "sandbox",
        "service",
        "sheets",
        "shipped",
        "tables",
        "upstream",
        "version",
        "web",
    },
    "assemble": {
        "assemble",
        "clock",
        "config",
        "core",
        "files",
        "remembered",
        "service",
        "shipped",
        "tables",
        "upstream",
        "version",
        "web",
    },
    "clock": set(),
    "config": {"config", "core.errors", "files", "shipped"},
    "core": {"core"},
    "files": {"files"},
    "offline": {
        *(
            "assemble",
            "config",
            "core",
            "files",
            "offline",
            "shipped",
            "tables",
            "upstream",
            "web.fhir_query",
        ),
    },
    "cases": {"assemble", "cases", "core", "explain", "files", "offline", "tables"},
    "editors": {"editors", "files", "shipped", "tables"},
    "explain": {"assemble", "config", "core", "explain", "files", "offline", "tables", "upstream.paging"},
    "probe": {"core", "files", "probe", "tables"},
    "sandbox": {"sandbox"},
    "errand": {"core"},
    "joined": {"core", "errand"},
    "remembered": {"core"},
    "service": {"core", "errand", "joined", "remembered", "service", "shipped"},
    "sheets": {"assemble", "editors", "files", "offline", "sheets", "shipped", "tables"},
    "shipped": set(),
    "tables": set(),
    "tables.build": {*_BELOW_TABLES, "shipped", "tables"},
    "tables.answer": {
        *_BELOW_TABLES,
        *(f"tables.{each}" for each in ("answer", "compile", "read", "codecs", "rows")),
    },
    "tables.compile": {*_BELOW_TABLES, *(f"tables.{each}" for each in ("compile", "codecs", "rows"))},
    "tables.check": {*_BELOW_TABLES, *(f"tables.{each}" for each in ("check", "read", "codecs", "rows"))},
    "tables.read": {*_BELOW_TABLES, "tables.read", "tables.rows"},
    "tables.codecs": {*_BELOW_TABLES, "tables.codecs", "tables.rows"},
    "tables.rows": {"files", "tables.rows"},
    "version": set(),
    "upstream": {
        "core.errors",
        "core.plan",
        "core.reasons",
        "core.values",
        "core.wrote",
        "shipped",
        "upstream",
    },
    "web": {
        "core.errors",
        "core.fhir",
        "core.plan",
        "core.redox",
        "core.values",
        "service",
        "shipped",
        "web",
    },
}

# The core takes values and gives values: no clock, random, file, log or network in it.
NOT_IN_CORE = {
    *("aiohttp", "asyncio", "io", "logging", "os", "pathlib", "random", "secrets", "socket"),
    *("structlog", "subprocess", "tempfile", "threading", "time"),
}
# Who asks the system what time it is; everybody else is handed a clock. Of the last two it is the default, in
# place of which gateway/assemble puts another; a log line's own time is that of the system, whatever is told.
WALL_CLOCKS = {
    *("gateway/clock.py", "gateway/sandbox/tokens.py", "gateway/web/logging.py", "gateway/web/sink.py"),
    *("gateway/upstream/surroundings.py", "gateway/web/bearer.py"),
}
CLOCKS_AND_FILES = {"now", "utcnow", "today", "uuid1", "uuid4", "open", "print", "input"}


def _files() -> list[Path]:
    return sorted(GATEWAY.rglob("*.py"))


def _name(path: Path) -> str:
    return str(path.relative_to(TOP))


def _room(path: Path) -> str:
    """The innermost of the rooms that the file stands in; its top folder if it stands in none."""
    names = path.relative_to(GATEWAY).with_suffix("").parts
    within = (".".join(names[:length]) for length in range(len(names), 0, -1))
    return next((each for each in within if each in ALLOWED), names[0])


def _is_module(dotted: str) -> bool:
    place = TOP.joinpath(*dotted.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Each import of the file, wherever it stands, as (line, absolute dotted name of a module)."""
    package = path.relative_to(TOP).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield node.lineno, inner if module.startswith("gateway") and _is_module(inner) else module


def _allows(allowed: set[str], target: str) -> bool:
    return any(target == room or target.startswith(f"{room}.") for room in allowed)


def _faults(path: Path) -> list[str]:
    faults = []
    for line, module in _imports(path):
        top, _, target = module.partition(".")
        if top == "gateway" and not _allows(ALLOWED.get(_room(path), set()), target):
            faults.append(f"{_name(path)}:{line}: {_room(path)} may not import {module}")
    return faults


@pytest.mark.parametrize("path", _files(), ids=_name)
def test_each_file_imports_only_what_its_room_may(path: Path) -> None:
    assert _room(path) in ALLOWED, f"{_name(path)} stands in no room: give it one in ALLOWED"
    assert _faults(path) == []


@pytest.mark.parametrize("path", [path for path in _files() if _room(path) == "core"], ids=_name)
def test_core_has_no_await_clock_random_file_or_log(path: Path) -> None:
    assert [
        f"{line}: {module}" for line, module in _imports(path) if module.split(".")[0] in NOT_IN_CORE
    ] == []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), (
            f"{_name(path)}:{node.lineno}: asynchronous"
        )
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            assert called not in CLOCKS_AND_FILES, f"{_name(path)}:{node.lineno}: calls {called}"


def _wall_clocks(text: str) -> list[int]:
    """The lines that ask the system for the time of day, or name what does."""
    found = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
    found |= {("time", "time"), ("time", "time_ns"), ("time", "localtime"), ("time", "gmtime")}
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and (getattr(node.value, "attr", getattr(node.value, "id", "")), node.attr) in found
    ]


@pytest.mark.parametrize("path", [path for path in _files() if _name(path) not in WALL_CLOCKS], ids=_name)
def test_nobody_else_asks_the_system_what_time_it_is(path: Path) -> None:
    assert _wall_clocks(path.read_text(encoding="utf-8")) == []


def test_the_clocks_are_where_they_are_said_to_be() -> None:
    assert all(_wall_clocks((TOP / name).read_text(encoding="utf-8")) for name in WALL_CLOCKS)
    assert sorted(_wall_clocks("import time\nx = datetime.datetime.now()\ny = time.time")) == [2, 3]


@pytest.mark.parametrize(
    ("room", "text", "faults"),
    [
        ("web/x.py", "from gateway.core import errors", 0),
        ("web/x.py", "from gateway.core import flows", 1),
        ("web/x.py", "from ..core.errors import Issue", 0),
        ("web/x.py", "from ..upstream import oauth", 1),
        ("web/x.py", "def f():\n    import gateway.assemble", 1),
        ("web/x.py", "import gateway", 1),
        ("config.py", "from gateway.files.marked import read", 0),
        ("config.py", "from gateway.tables import load", 1),
        ("core/x.py", "from . import errors\nfrom gateway.shipped import folder", 1),
    ],
)
def test_the_walk_sees_every_form_of_import(
    room: str, text: str, faults: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules themselves, on a small tree: a walk that sees nothing would pass everything."""
    for name in (
        *("core/errors.py", "core/flows.py", "upstream/oauth.py", "files/marked.py", "tables/build.py"),
        *("tables/rows/paths.py", "tables/codecs/times.py", "tables/answer/reference.py"),
        room,
    ):
        (tmp_path / "gateway" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "gateway" / name).write_text("")
    (tmp_path / "gateway" / room).write_text(text)
    monkeypatch.setitem(globals(), "TOP", tmp_path)
    monkeypatch.setitem(globals(), "GATEWAY", tmp_path / "gateway")
    assert len(_faults(tmp_path / "gateway" / room)) == faults
