"""The tables of the clinic of :mod:`tests.clinic`, built once."""

from __future__ import annotations

import pytest

from gateway.tables.answer.site import SiteTables
from tests import clinic


@pytest.fixture(scope="session")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return clinic.tables(tmp_path_factory.mktemp("mappings"))
