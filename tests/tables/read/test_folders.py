"""Files are read once, and can be kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.files.marked import Faults
from gateway.shipped import folder
from gateway.tables.build import Tables, Wanted

CLINIC = Wanted("clinic", "canvas", "UTC")


def own(top: Path) -> Path:
    site = top / "own" / "sites" / "clinic"
    site.mkdir(parents=True)
    (site / "schedules.csv").write_text("schedule,provider_id,provider_id_type\nSchedule/1,1234567893,NPI\n")
    return top / "own"


def test_what_was_read_is_built_of_whatever_stands_there_later(tmp_path: Path) -> None:
    folders = own(tmp_path)
    tables = Tables(folders)
    first, fhir_server = tables.build(CLINIC), tables.fhir_server(CLINIC)
    kept = tables.kept()
    (folders / "sites" / "clinic" / "schedules.csv").write_text("nothing,of,use\n")
    assert tables.build(CLINIC).hash == first.hash  # read once
    shutil.rmtree(folders)
    again = Tables(folders, kept)
    assert again.dialects() == tables.dialects()
    assert again.build(CLINIC).hash == first.hash
    assert again.build(CLINIC).schedules == first.schedules
    assert type(again.fhir_server(CLINIC)) is type(fhir_server)
    assert again.kept() is kept
    assert "1234567893" not in repr(kept)


def test_what_had_faults_is_read_again(tmp_path: Path) -> None:
    folders = own(tmp_path)
    tables = Tables(folders)
    misnamed = folders / "sites" / "clinic" / "changes.yml"
    misnamed.write_text("")
    with pytest.raises(Faults, match=r"name it \.yaml"):
        tables.build(CLINIC)
    misnamed.unlink()
    assert tables.build(CLINIC).schedules
    assert tables.kept().names == tuple(
        sorted(
            each.name
            for each in folder("mappings").iterdir()
            if each.is_dir() and each.name not in ("base", "codes", "sites")
        )
    )
