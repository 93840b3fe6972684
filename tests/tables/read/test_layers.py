"""Folders over folders: which files count, in which order, and that a site's faults come all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.files.marked import Fault, Faults
from gateway.tables.build import Tables, Wanted
from gateway.tables.read.layers import code_folders, files, stack
from tests import clinic


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def faults(own: Path, dialect: str = "canvas", site: str = "clinic") -> list[str]:
    """Faults with the own folder's name left out."""
    with pytest.raises(Faults) as caught:
        Tables(own).build(Wanted(site, dialect, "UTC"))
    return [str(fault).replace(f"{own}/", "") for fault in caught.value.faults]


def test_base_dialect_site_each_shipped_first(tmp_path: Path) -> None:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    for root in (shipped, own):
        for name in ("base", "canvas", "sites/one", "sites/two", "other", "codes", "canvas/codes"):
            put(root / name, "x.yaml", f"{root.name} {name}")
    layers = stack([shipped, own], "canvas", "one")
    assert [(layer.name, str(layer.folder.relative_to(tmp_path))) for layer in layers] == [
        ("base", "shipped/base"),
        ("base", "own/base"),
        ("canvas", "shipped/canvas"),
        ("canvas", "own/canvas"),
        ("site one", "shipped/sites/one"),
        ("site one", "own/sites/one"),
    ]
    assert [
        str(layer.folder.relative_to(tmp_path)) for layer in code_folders([shipped, own], "canvas", "one")
    ] == [
        "shipped/codes",
        "own/codes",
        "shipped/canvas/codes",
        "own/canvas/codes",
    ]
    found: list[Fault] = []
    contents = [source.content.decode() for source in files(layers, ".yaml", found)]
    assert contents[:3] == ["shipped base", "own base", "shipped canvas"]
    assert found == []


def test_a_copy_of_a_lower_file_counts_once_and_so_does_a_folder(tmp_path: Path) -> None:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    put(shipped / "base", "x.yaml", "same")
    put(own / "base", "x.yaml", "same")
    put(own / "base", "y.yaml", "same")
    assert [source.kind for source in files(stack([shipped, own], "d", None), ".yaml", [])] == ["x", "y"]
    assert len(stack([shipped, shipped], "d", None)) == 1


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "base" / "x.yaml").mkdir(parents=True)
    found: list[Fault] = []
    assert files(stack([tmp_path], "d", None), ".yaml", found) == []
    assert str(found[0]).endswith("x.yaml:1:1: cannot be read: it is a folder")


def test_the_shipped_dialects_build_for_a_site_of_no_files(tmp_path: Path) -> None:
    tables = Tables(tmp_path)
    assert {"canvas", "fhir-r4"} <= set(tables.dialects())
    for dialect in tables.dialects():
        assert tables.build(Wanted("nowhere", dialect, "UTC")).schedules == ()


def test_sites_share_what_is_compiled_and_hashes_tell_tables_apart(tmp_path: Path) -> None:
    put(tmp_path, "sites/c/schedules.csv", "schedule,room\na,1\n")
    tables = Tables(tmp_path)
    one, two = (tables.build(Wanted(site, "canvas", "UTC")) for site in ("a", "b"))
    assert one is two
    other = tables.build(Wanted("c", "canvas", "UTC"))
    zone = tables.build(Wanted("a", "canvas", "Asia/Kolkata"))
    assert other.answer is one.answer
    assert len({one.hash, other.hash, zone.hash}) == 3
    assert Tables(tmp_path).build(Wanted("c", "canvas", "UTC")).hash == other.hash


def test_a_clinics_layers_stand_over_the_shipped_ones(tmp_path: Path) -> None:
    put(
        tmp_path,
        "sites/clinic/available-slots.query.yaml",
        "over: available-slots.query\nrows:\n  - row: Visit.VisitType.Code\n    unmapped: error\n",
    )
    put(tmp_path, "sites/clinic/codes/visit-types.csv", "redox_code,fhir_code\n210,OV\n")
    site = Tables(tmp_path).build(Wanted("clinic", "canvas", "UTC"))
    row = site.tables["available-slots.query"].row("Visit.VisitType.Code")
    assert row is not None
    assert (row.unmapped, row.cells["unmapped"].layer, row.cells["param"].layer) == (
        "error",
        "site clinic",
        "canvas",
    )
    message = clinic.read(clinic.query(VisitType=[{"Code": "210"}, {"Code": "211"}]))
    asked = site.read_query(message.body)
    assert asked.params == (("appointment-type", ("OV",)),)
    assert [str(issue) for issue in asked.others] == [
        'Visit.VisitType[1].Code: "211" has no line in the code table visit-types; known: "210"'
    ]


def test_every_fault_of_every_file_of_a_site_comes_at_once(tmp_path: Path) -> None:
    site = "sites/clinic"
    put(tmp_path, f"{site}/query.yaml", "over: available-slots.query\nrows:\n  - row: Nothing\n    note: x\n")
    put(
        tmp_path,
        f"{site}/answer.yaml",
        "over: available-slots.answer\nrows:\n  - row: Reason\n    fhir: Slot.remark\n",
    )
    put(tmp_path, f"{site}/dialect.yaml", "dialect: {pagesize: 3}\n")
    put(tmp_path, f"{site}/errors.yaml", "errors:\n  - failure: status\n")
    put(tmp_path, f"{site}/old.yml", "")
    put(tmp_path, f"{site}/schedule.csv", "schedule\n")
    put(tmp_path, f"{site}/schedules.csv", "schedule,rom\na,1\n")
    put(tmp_path, f"{site}/codes/visit-types.csv", "redox_code,fhir_code\n210,\n")
    found = faults(tmp_path)
    assert [text.split(": ")[0] for text in found] == [
        f"{site}/answer.yaml:4:11",
        f"{site}/codes/visit-types.csv:2:1",
        f"{site}/dialect.yaml:1:11",
        *[f"{site}/errors.yaml:2:5"] * 4,
        f"{site}/old.yml:1:1",
        f"{site}/query.yaml:3:10",
        f"{site}/schedule.csv:1:1",
        f"{site}/schedules.csv:1:1",
    ]
    assert f'{site}/answer.yaml:4:11: Slot has no field "remark"' in found[0]
    assert found[-1] == f'{site}/schedules.csv:1:1: "rom" is not a column of this file; did you mean "room"?'


def test_an_unknown_dialect_names_the_known(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, dialect="canvass")
    assert 'there is no dialect "canvass"; did you mean "canvas"?' in found


@pytest.mark.parametrize("name", [b"caf\xe9.yaml", b"a\nb.yaml", b"\xe2\x80\xae.yaml", b"codes/\xff.csv"])
def test_a_name_that_cannot_be_shown_is_a_fault(tmp_path: Path, name: bytes) -> None:
    site = tmp_path / "sites" / "clinic"
    (site / "codes").mkdir(parents=True)
    with open(bytes(site) + b"/" + name, "wb") as file:
        file.write(b"over: available-slots.query\nrows: []\n")
    (found,) = faults(tmp_path)
    assert found.isprintable()
    assert found.endswith(
        ":1:1: has a sign in its name that cannot be shown; give it a name of letters and digits"
    )


def test_what_sites_share_stands_between_the_dialect_and_the_site(tmp_path: Path) -> None:
    row = "over: available-slots.query\nrows:\n  - row: Visit.Locations.Room\n    note: {}\n"
    put(tmp_path, "canvas/x.yaml", row.format("of the dialect"))
    put(tmp_path, "like/coast/x.yaml", row.format("of the coast"))
    put(tmp_path, "like/coast/codes/visit-types.csv", "redox_code,fhir_code\n1,coast\n2,coast-2\n")
    put(tmp_path, "sites/east/x.yaml", row.format("of the site"))
    put(tmp_path, "sites/east/codes/visit-types.csv", "redox_code,fhir_code\n1,east\n")
    tables = Tables(tmp_path)
    assert "like" not in tables.dialects()
    told = {}
    for site, like in (("east", "coast"), ("west", "coast"), ("north", None)):
        made = tables.build(Wanted(site, "canvas", "UTC", like))
        row_of = made.tables["available-slots.query"].row("Visit.Locations.Room")
        assert row_of is not None
        codes = made.context.codes["visit-types"]
        told[site] = row_of.note, codes.forward("1", ""), codes.forward("2", "")
    assert told == {
        "east": ("of the site", ("east", ""), ("coast-2", "")),
        "west": ("of the coast", ("coast", ""), ("coast-2", "")),
        "north": ("of the dialect", None, None),
    }
    kept = tables.kept()
    assert (
        Tables(tmp_path, kept).build(Wanted("west", "canvas", "UTC", "coast")).hash
        != Tables(tmp_path, kept).build(Wanted("north", "canvas", "UTC")).hash
    )
