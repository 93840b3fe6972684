"""What `metadata` says of the parameters of a site."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.assemble.fhir_parameters import searchable
from gateway.tables.build import Tables, Wanted
from tests import partner
from tests.clinic import ZONE
from tests.partner import Search

OWN = """\
over: available-slots.query
rows:
  - row: StartDateTime
    codec: at-or-after
  - key: level
    redox: Visit.Locations.Room
    param: level
    way: to-redox
    because: a test
    note: The floor, as the clinic counts them.
"""


@pytest.mark.parametrize("dialect", Tables(None).dialects())
def test_each_is_documented_on_every_dialect(dialect: str) -> None:
    fhir_server = Tables(None).fhir_server(Wanted("none", dialect, ZONE.key))
    for kind, parameters in searchable(fhir_server).items():
        names = [each.name for each in parameters]
        assert len(set(names)) == len(names), kind
        for each in parameters:
            assert each.documentation.endswith("."), each
            assert each.type in ("token", "string", "date", "number", "reference")


def test_start_says_what_it_means_beside_others(tmp_path: Path) -> None:
    told = {
        each.name: each.documentation
        for each in searchable(partner.fhir_server(partner.tables(tmp_path)))["Slot"]
    }
    assert "Beside duration or end a value without a prefix means from then on." in told["start"]
    assert "Beside" not in told["end"]


def test_a_parameter_of_the_sites_own_says_what_its_row_says(tmp_path: Path) -> None:
    tables = partner.tables(tmp_path, search=OWN)
    told = {each.name: each.documentation for each in searchable(partner.fhir_server(tables))["Slot"]}
    assert told["level"] == "The floor, as the clinic counts them."
    assert "Beside" not in told["start"], "and so it is read"
    query = Search(partner.site(tables), "Slot?start=2025-10-22&duration=30").query
    assert query["EndDateTime"] == "2025-10-23T07:00:00.000Z"
