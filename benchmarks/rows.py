"""The shipped answer table with any number of further rows."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables, Wanted

_HEAD = """\
over: available-slots.answer
rows:
  - row: ignore Location.Type
    drop: true
    because: they are carried below
  - ignore: [Location.Type, Location.DepartmentIdentifiers]
    because: the benchmark does not need them
"""
_ROW = """\
  - redox: Location.FacilityIdentifiers.where(IDType='{number}').ID
    fhir: {path}
    way: to-redox
    because: the rows of a benchmark
"""


@lru_cache
def tables(count: int, path: str) -> SiteTables:
    """Compiled tables whose answer table has ``count`` rows more than shipped, all reading ``path``."""
    with TemporaryDirectory() as folder:
        site = Path(folder, "sites", "benchmark")
        site.mkdir(parents=True)
        text = _HEAD + "".join(_ROW.format(number=number, path=path) for number in range(count))
        (site / "available-slots.answer.yaml").write_text(text, encoding="utf-8")
        return Tables(Path(folder)).build(Wanted("benchmark", "canvas", "America/Los_Angeles"))
