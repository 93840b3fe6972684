"""Hostile text in every cell of every shipped table: it loads or is a located fault, and never runs."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from gateway.core.errors import GatewayError
from gateway.files.marked import Faults
from gateway.shipped import folder as shipped
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables, Wanted
from tests import clinic
from tests.clinic import Transcript, answering, flow, slot
from tests.fuzz.scale import chance, inputs

MARKER = "was_run"
_RUN = "__import__('pathlib').Path('was_run').touch()"
HOSTILE = [
    f"x\n{_RUN}",
    f"x\r{_RUN}",
    f"x\u2028{_RUN}",
    f"x\x0c{_RUN}",
    f"x; {_RUN}",
    f"{{{_RUN}}}",
    f"{{{{{_RUN}}}}}",
    f"' + {_RUN} + '",
    f'" + {_RUN} + "',
    f"'\"\"\"''' {_RUN}",
    "\\",
    "\\N{DOLLAR SIGN}",
    "{",
    "}}",
    "{rest}",
    "%s%n",
    "a" * 20_000,
    "(((((((((((((((((((((((((",
    "\x1b]0;title\x07",
    "\u202etxet",
    "../../../etc/passwd",
    "../base",
    "__class__",
    "Slot.__class__",
    "Slot.start.where(x='y')",
    f"directory.{_RUN}",
    "*",
    "&a",
    "!!python/object/apply:os.system [id]",
    "<<",
    "${HOME}",
    "1e999",
    "",
]
_PLACE = Wanted("clinic", "canvas", "America/Los_Angeles")
_SCALAR = re.compile(r"(?<=[:,{\[] )([^\s,{}\[\]#][^,{}\[\]\n#]*)")


def _quoted(text: str) -> str:
    """A double-quoted YAML scalar of any text."""
    escapes = (f"\\U{ord(sign):08x}" if sign in '"\\' or not sign.isprintable() else sign for sign in text)
    return '"' + "".join(escapes) + '"'


def _build(folder: Path) -> SiteTables | None:
    """The tables, if they load; else every fault has its place."""
    try:
        return Tables(folder).build(_PLACE)
    except Faults as wrong:
        assert wrong.faults
        for fault in wrong.faults:
            assert fault.line >= 1 and fault.column >= 1
            assert str(fault).isprintable()
        return None


def _answers(tables: SiteTables) -> None:
    """What loads makes searches of a sample and an answer of its slots, or refuses."""
    open_one = slot("2025-10-22T10:00:00-07:00", "2025-10-22T10:30:00-07:00", comment="x", id="a'\"{")
    with suppress(GatewayError, KeyError):  # KeyError: the played EHR answers by the parameter ``schedule``
        Transcript(flow(tables, clinic.sample()), answering(open_one)).play()


def _spoilt(path: Path, random: Random) -> str:
    """The file with one of its cells replaced."""
    text = path.read_text("utf-8")
    hostile = random.choice(HOSTILE)
    if path.suffix == ".csv":
        cells = [list(each.span()) for each in re.finditer(r"[^,\n]+", text)]
        begin, end = random.choice(cells)
        written = random.choice((hostile, '"' + hostile.replace('"', '""') + '"'))
    else:
        begin, end = random.choice([each.span(1) for each in _SCALAR.finditer(text)])
        written = random.choice((_quoted(hostile), hostile))
    return text[:begin] + written + text[end:]


@pytest.fixture
def tables_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mappings" / "sites" / "clinic").mkdir(parents=True)
    (tmp_path / "mappings" / "sites" / "clinic" / "schedules.csv").write_text(clinic.SCHEDULES_CSV)
    return tmp_path / "mappings"


def test_hostile_text_in_any_cell_loads_or_is_a_fault_and_never_runs(tables_folder: Path) -> None:
    random = chance("hostile tables")
    files = [
        path
        for path in sorted(shipped("mappings").rglob("*"))
        if path.suffix in (".yaml", ".csv") and path.relative_to(shipped("mappings")).parts[0] != "sites"
    ]
    loaded = refused = 0
    for _ in range(inputs(150)):
        path = random.choice(files)
        target = tables_folder / path.relative_to(shipped("mappings"))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_spoilt(path, random).encode("utf-8", "surrogatepass"))
        made = _build(tables_folder)
        if made is None:
            refused += 1
        else:
            loaded += 1
            _answers(made)
        assert not (tables_folder.parent / MARKER).exists()
        target.unlink()
    assert loaded and refused


@pytest.mark.parametrize("hostile", [f"x\n{_RUN}", f"x\u2028{_RUN}", f"x; {_RUN}", f"' {_RUN}", "{x}", '\\"'])
@pytest.mark.parametrize("cell", ["key", "value", "note", "directory", "with", "because"])
def test_a_row_of_hostile_text(cell: str, hostile: str, tables_folder: Path) -> None:
    cells = {"key": "odd", "fhir": "Slot.comment", "value": "x", "way": "to-fhir", "because": "y"}
    if cell in ("directory", "with"):
        cells = {"key": "odd", "fhir": "Slot.comment", "directory": "room", "way": "to-fhir", "because": "y"}
    cells[cell] = f"directory.{hostile}" if cell == "with" else hostile
    row = ", ".join(f"{name}: {_quoted(text)}" for name, text in cells.items())
    (tables_folder / "sites" / "clinic" / "odd.yaml").write_text(
        f"over: available-slots.answer\nrows:\n  - {{{row}}}\n  - {{row: Notes, drop: 'true'}}\n"
        "  - {ignore: Notes, because: x}\n",
        "utf-8",
    )
    made = _build(tables_folder)
    if made is not None:
        _answers(made)
    assert not (tables_folder.parent / MARKER).exists()


def test_a_column_of_hostile_text_is_a_fault(tables_folder: Path) -> None:
    """A column's name is a variable of generated code where a row stands beside it."""
    text = f"over: directory\nrows:\n  - {{directory: {_quoted('x=1;' + _RUN)}}}\n"
    (tables_folder / "sites" / "clinic" / "odd.yaml").write_text(text, "utf-8")
    with pytest.raises(Faults, match="the name of one column"):
        Tables(tables_folder).build(_PLACE)


def test_mangled_code_tables_load_or_are_faults(tables_folder: Path) -> None:
    random = chance("mangled code tables")
    text = (shipped("mappings") / "codes" / "identifier-systems.csv").read_bytes()
    target = tables_folder / "sites" / "clinic" / "codes" / "identifier-systems.csv"
    target.parent.mkdir()
    for _ in range(inputs(60)):
        mangled = bytearray(text)
        for _ in range(random.randint(1, 5)):
            at = random.randrange(len(mangled))
            mangled[at : at + random.randint(0, 8)] = random.choice(
                (b"", b'"', b"\n", b"\r", b",", b";", b"\0", b"\xff", b"=1+1", "\u202e".encode(), b"\t")
            )
        target.write_bytes(mangled)
        _build(tables_folder)


def test_what_a_file_can_hold_is_bounded(tables_folder: Path) -> None:
    site = tables_folder / "sites" / "clinic"
    (site / "odd.yaml").write_text("over: directory\nrows: []\nabout: " + "x" * 1_100_000 + "\n")
    (site / "codes").mkdir()
    (site / "codes" / "visit-types.csv").write_text("redox_code,fhir_code\n" + "a,b\n" * 50_002)
    with pytest.raises(Faults) as caught:
        Tables(tables_folder).build(_PLACE)
    told = " ".join(map(str, caught.value.faults))
    assert "odd.yaml:1:1: is above 1 MB" in told
    assert "visit-types.csv:50002:1: is the first of more than 50000 lines" in told
