"""Peers that take a moment to start: Medplum's search engine, loaded, and its validator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from tests.interop import node, practice, valid
from tests.interop.practice import Practice
from tests.interop.valid import Json, Valid


@pytest.fixture(scope="module", params=["absolute", "relative"])
def medplum(request: pytest.FixtureRequest) -> Iterator[Practice]:
    """The engine, once for each way to write links. In pages of 6: its directory has two, its slots many."""
    node.require()
    with node.serving("medplum/server.mjs", {"PAGE": "6", "LINKS": request.param}) as url:
        yield practice.load(url)


@pytest.fixture(scope="session")
def validate() -> Iterator[Valid]:
    """Fails for what fhir.resources (R4B) or, where Node is there, Medplum's validator does not take."""
    if node.missing():
        yield valid.by_models
        return
    with node.conversing("medplum/validate.mjs") as faults_of:

        def by_both(resources: Iterable[Json]) -> None:
            found = list(resources)
            valid.by_models(found)
            assert faults_of(found) == [[] for _ in found]

        yield by_both
